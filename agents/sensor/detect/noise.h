/* noise - what a channel is like when nothing happens, learned as it goes, and not from the event
 * itself: while something is over its line nothing is learned, for so long as an event may last;
 * then it is the new normal (a turbine, a road). */
#ifndef EOCBUS_SENSOR_DETECT_NOISE_H
#define EOCBUS_SENSOR_DETECT_NOISE_H

#include <stdbool.h>
#include <stdint.h>

struct noise {
    double mean, variance;
    int64_t begun_us, last_us, over_us; /* over_us: since when something is over; 0 = it is not */
    unsigned count;
};
/* A value at a later time; memory fades with `fade_us`. */
void noise_learn(struct noise *n, double value, int64_t time_us, int64_t fade_us, bool over,
                 int64_t freeze_us);
/* After so much time it may be compared with. */
bool noise_is_known(const struct noise *n, int64_t time_us, int64_t fade_us);

#endif
