/* calibrate - see calibrate.h. */
#include "agents/sensor/station/calibrate.h"

#include "proto/base/banned.h"

#define VALUE_MOST INT64_C(1000000000000)
#define MILLION    1000000

/* A value of 10^12 times a gain of 10^9 needs 71 bits. */
__extension__ typedef __int128 wide;

static wide divide(wide n)
{
    wide half = n < 0 ? -MILLION / 2 : MILLION / 2;

    return (n + half) / MILLION;
}

void calibrate(const struct datastream *d, struct sample *s)
{
    wide v = (wide)s->value + d->offset;

    if (d->raw || (s->flags & EOCBUS__V1__QUALITY__QUALITY_MISSING) || (!d->offset && !d->gain_ppm))
        return;
    if (d->gain_ppm)
        v = divide(v * d->gain_ppm);
    if (v > VALUE_MOST || v < -VALUE_MOST) {
        s->flags |= EOCBUS__V1__QUALITY__QUALITY_BAD;
        v = v < 0 ? -VALUE_MOST : VALUE_MOST;
    }
    s->value = (int64_t)v;
}
