/* moment - the time that detectors are given with a sample. Pure.
 *
 * A detector looks at what is newer than what it has seen. So one reading stamped a minute ahead
 * would blind its channel for that minute: what is ahead of now is given with now, and
 * MOMENT_AHEAD_US is all that it can take.
 *
 * Now is our clock, where it is known. Where it is not, nothing that a device says can be measured
 * by it: then now is the newest time that the devices told, and goes on with us from there. Were
 * that a wrong one (MOMENT_BEHIND samples in a row are an hour behind it), it begins anew. */
#ifndef EOCBUS_SENSOR_MOMENT_H
#define EOCBUS_SENSOR_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#define MOMENT_AHEAD_US INT64_C(2000000)
enum { MOMENT_BEHIND = 5 };

struct moment { /* zeroed = nothing seen yet */
    int64_t us; /* the devices' now; 0 = not known */
    int64_t own_us;
    unsigned behind;
};

/* own_us: our clock, UTC if is_known. */
int64_t moment_of_sample(struct moment *m, int64_t time_us, int64_t own_us, bool is_known);
/* Time passes; 0: nobody knows what time it is. */
int64_t moment_of_tick(struct moment *m, int64_t own_us, bool is_known);

#endif
