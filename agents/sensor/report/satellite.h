/* satellite - alarms in their compact form, handed to a program that carries them, when the bus did
 * not answer in time (beacon.h decides, modem.h carries). After a start with alarms that still wait
 * in the outbox they are said again: whoever receives one knows it by the alarm's id. */
#ifndef EOCBUS_SENSOR_SATELLITE_H
#define EOCBUS_SENSOR_SATELLITE_H

#include <stdbool.h>

#include "agents/link/outbox.h"
#include "proto/base/loop.h"

struct satellite;

struct satellite_settings { /* texts for the call, the rest borrowed for its life */
    struct loop *loop;
    const char *command, *key_file, *level; /* level: alarm, warning or watch */
    unsigned after_ms, valid_ms, timeout_ms;
    bool (*is_linked)(void *arg);
    void *arg;
};

/* ST_INVALID and what compact_key_load answers: `err` is a sentence. */
MUST_CHECK enum status satellite_create(struct satellite **out,
                                        const struct satellite_settings *set, char *err,
                                        size_t err_size);
void satellite_destroy(struct satellite *s);
/* All three may be called with NULL: there is none. What was put; what is stored; what waits. */
void satellite_put(struct satellite *s, const Eocbus__V1__Envelope *m, uint64_t tag);
void satellite_stored(struct satellite *s, uint64_t tag);
void satellite_look(struct satellite *s, struct outbox *o);

#endif
