/* detector - see detector.h. */
#include "agents/sensor/detect/detector.h"

#include <string.h>

#include "proto/base/banned.h"

unsigned profile_parameters(const struct profile *p)
{
    unsigned n = 0;

    while (n < DETECTOR_NUMBERS && p->parameters[n].name)
        n++;
    return n;
}

void detector_reset(struct detector *d)
{
    d->verdict = (struct verdict){.over = false};
    d->warned_us = INT64_MIN;
    d->is_ground = d->muted = false;
    for (unsigned i = 0; i < DETECTOR_STREAMS; i++)
        d->last_us[i] = INT64_MIN;
    if (d->state)
        memset(d->state, 0, d->profile->state_bytes);
    if (d->profile->ready)
        d->profile->ready(d);
}

int64_t detector_scaled(const struct detector *d, unsigned i, int exponent)
{
    int64_t v = 0;

    /* Numbers are checked against their range before they get here, and ranges are small. */
    (void)!decimal_scale(&v, d->exact[i], exponent);
    return v;
}

int64_t detector_span_us(const struct detector *d, unsigned i)
{
    return detector_scaled(d, i, -6);
}

int64_t detector_heard_us(const struct detector *d)
{
    int64_t newest = INT64_MIN;

    for (unsigned i = 0; i < d->stream_count; i++)
        if (d->last_us[i] > newest)
            newest = d->last_us[i];
    return newest;
}

bool detector_is_late(const struct detector *d, int64_t now_us)
{
    int64_t heard_us = detector_heard_us(d);

    return heard_us != INT64_MIN && now_us > heard_us && now_us - heard_us > 2 * d->step_us;
}
