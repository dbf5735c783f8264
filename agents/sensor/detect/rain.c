/* rain - rain intensity and duration after Caine, Geografiska Annaler 62A, 1980.
 *
 * Seventy-two hours of rain in minutes; each new minute asks every duration at once, walking back
 * through the ring. Event separation is not needed for this: a dry spell before the rain makes a
 * longer duration's mean smaller, and the shortest that is over its line speaks. */
#include <math.h>
#include <string.h>

#include "agents/sensor/detect/detect.h"
#include "proto/base/banned.h"

#define US_PER_MINUTE INT64_C(60000000)

double caine_mm_h(double hours)
{
    return 14.82 * pow(hours, -0.39);
}

/* Durations over which intensity is looked at, minutes. */
static const unsigned durations[] = {10, 15, 30, 60, 180, 360, 720, 1440, 4320};

static uint32_t *rain_bin(struct rain *r, int64_t minute)
{
    return &r->um[(uint64_t)minute % RAIN_MINUTES];
}

static void advance(struct rain *r, int64_t minute)
{
    if (!r->begun || minute - r->minute >= RAIN_MINUTES) {
        memset(r->um, 0, sizeof(r->um));
        r->begun = true;
        r->minute = minute;
    }
    while (r->minute < minute)
        *rain_bin(r, ++r->minute) = 0;
}

struct worst {
    double ratio, mm_h, line_mm_h;
    unsigned minutes;
};

static void compare(struct worst *w, unsigned minutes, uint64_t um)
{
    double hours = minutes / 60.0, mm_h = (double)um / 1000.0 / hours, line = caine_mm_h(hours);

    if (mm_h / line > w->ratio)
        *w = (struct worst){mm_h / line, mm_h, line, minutes};
}

static struct worst look_back(struct rain *r, int64_t step_us)
{
    struct worst w = {.ratio = 0};
    uint64_t sum = 0;
    size_t next = 0;

    for (unsigned back = 0; back < RAIN_MINUTES; back++) {
        sum += *rain_bin(r, r->minute - back);
        if (back + 1 != durations[next])
            continue;
        /* Fifteen minutes hold two sums of ten minutes, which is rain of twenty. */
        if (step_us == 0 || durations[next] * US_PER_MINUTE % step_us == 0)
            compare(&w, durations[next], sum);
        next++;
    }
    return w;
}

void rain_add(struct rain *r, int64_t time_us, int64_t step_us, int64_t um, struct verdict *out)
{
    uint32_t *bin;
    struct worst w;

    advance(r, time_us / US_PER_MINUTE);
    bin = rain_bin(r, r->minute);
    *bin = um > 0 && um < 1000000 ? *bin + (uint32_t)um : *bin;
    w = look_back(r, step_us);
    if (w.ratio < 1)
        r->over_since_us = 0;
    else if (!r->over_since_us)
        r->over_since_us = time_us;
    *out = (struct verdict){
        .over = w.ratio >= 1,
        .since_us = r->over_since_us,
        .value = llround(w.mm_h * 10),
        .threshold = llround(w.line_mm_h * 10),
        .exponent = -1,
        .type = EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_RAIN_INT,
        .unit = EOCBUS__V1__UNIT__UNIT_MILLIMETRE_PER_HOUR,
        .duration_s = w.minutes * 60,
    };
}
