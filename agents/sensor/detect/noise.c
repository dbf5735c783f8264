/* noise - see noise.h. */
#include "agents/sensor/detect/noise.h"

#include <math.h>

#include "proto/base/banned.h"

static bool is_frozen(struct noise *n, int64_t time_us, bool over, int64_t freeze_us)
{
    if (!over) {
        n->over_us = 0;
        return false;
    }
    if (!n->over_us)
        n->over_us = time_us;
    return time_us - n->over_us < freeze_us;
}

void noise_learn(struct noise *n, double value, int64_t time_us, int64_t fade_us, bool over,
                 int64_t freeze_us)
{
    double part, off;

    if (!n->count) {
        n->begun_us = n->last_us = time_us;
        n->mean = value;
        n->count = 1;
        return;
    }
    part = 1 - exp(-(double)(time_us - n->last_us) / (double)fade_us);
    n->last_us = time_us;
    if (is_frozen(n, time_us, over, freeze_us))
        return;
    /* The first values weigh alike, so that the very first is not the noise for a minute. */
    if (part < 1.0 / (n->count + 1))
        part = 1.0 / ++n->count;
    off = value - n->mean;
    n->mean += part * off;
    n->variance = (1 - part) * (n->variance + part * off * off);
}

bool noise_is_known(const struct noise *n, int64_t time_us, int64_t fade_us)
{
    return n->count && time_us - n->begun_us >= fade_us;
}
