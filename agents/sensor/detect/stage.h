/* stage - the flow itself: how high it stands, and how fast it rises. Both ask for WARNING. */
#ifndef EOCBUS_SENSOR_DETECT_STAGE_H
#define EOCBUS_SENSOR_DETECT_STAGE_H

#include "agents/sensor/detect/detector.h"

enum { DEBOUNCE_MOST = 32, STAGE_POINTS = 64 };
enum { STAGE_LINE, STAGE_NEED, STAGE_OF, STAGE_WINDOW /* of the rate */ };

struct debounce {
    unsigned need, of; /* need of the last `of` samples */
    uint32_t seen;     /* one bit a sample, the newest is the lowest */
    int64_t first_us[DEBOUNCE_MOST];
};
/* True while enough samples are over; *since_us is the first of them. */
bool debounce_add(struct debounce *d, bool over, int64_t time_us, int64_t *since_us);

struct stage {
    int64_t line; /* mm, or um/min for the rate */
    int64_t window_us;
    struct debounce debounce;
    struct {
        int64_t time_us, mm;
    } point[STAGE_POINTS]; /* rate: what the window holds, thinned */
    unsigned count;
};
void stage_level_ready(struct detector *d);
void stage_level_look(struct detector *d, unsigned place, const struct datastream *from,
                      int64_t time_us, int64_t mm);
/* The rise from the oldest sample in the window to this one. */
void stage_rate_ready(struct detector *d);
void stage_rate_look(struct detector *d, unsigned place, const struct datastream *from,
                     int64_t time_us, int64_t mm);
const char *stage_check(const double *number);

#endif
