/* room - in an outbox that is full of what no link took, old samples give way to new ones, and all
 * samples to what is concluded from them: first the oldest of BULK; for FLASH, IMMEDIATE and
 * PRIORITY then the oldest of ROUTINE, where the samples of events and the gateway's state are.
 * Each time a Thinned says what will not come. */
#ifndef EOCBUS_SENSOR_ROOM_H
#define EOCBUS_SENSOR_ROOM_H

#include "agents/link/outbox.h"
#include "agents/sensor/report/say.h"

/* After ST_FULL for a message of this lane. ST_OK: put it again. ST_NOTFOUND: nothing may go for
 * it. ST_FULL: it is the disk that is full. */
MUST_CHECK enum status room_make(struct outbox *o, const struct speaker *s, unsigned lane,
                                 int64_t now_us);

#endif
