/* quake - the ground moves at a station outside the torrent too: then vibration is no evidence,
 * from a little before until some minutes after. Says nothing of wires and stage. */
#ifndef EOCBUS_SENSOR_DETECT_QUAKE_H
#define EOCBUS_SENSOR_DETECT_QUAKE_H

#include "agents/sensor/detect/detector.h"

enum { QUAKE_LINE, QUAKE_BEFORE, QUAKE_AFTER };
struct quake {
    int64_t line; /* in the scale of its datastream */
};
void quake_ready(struct detector *d);
void quake_look(struct detector *d, unsigned place, const struct datastream *from, int64_t time_us,
                int64_t value);

#endif
