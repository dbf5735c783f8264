/* soil - see soil.h. */
#include "agents/sensor/detect/soil.h"

#include <math.h>
#include <string.h>

#include "proto/base/banned.h"

#define US_PER_DAY  INT64_C(86400000000)
#define LEVEL(word) EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word

enum { PLACE_RAIN, PLACE_AIR, PLACE_SNOW };

/* After a quarter of a year without a sample nothing is known of the soil. */
#define FORGET_US (90 * US_PER_DAY)

/* Of a step counted since 1970; before that they count down. */
static int64_t *bin_um(struct soil *s, int64_t bin)
{
    return &s->um[(uint64_t)bin % SOIL_BINS];
}

static double above(double water, double height)
{
    return water > height ? water - height : 0;
}

double soil_step(double water[3], const struct soil_tanks *t, double rain_mm, double hours)
{
    double run1 =
        t->runoff[0] * above(water[0], t->height[0]) + t->runoff[1] * above(water[0], t->height[1]);
    double run2 = t->runoff[2] * above(water[1], t->height[2]);
    double run3 = t->runoff[3] * above(water[2], t->height[3]);
    double down1 = t->infiltration[0] * water[0], down2 = t->infiltration[1] * water[1];
    double down3 = t->infiltration[2] * water[2];

    water[0] += rain_mm - (run1 + down1) * hours;
    water[1] += (down1 - run2 - down2) * hours;
    water[2] += (down2 - run3 - down3) * hours;
    /* Numbers out of any book keep tanks above nothing; a step too long for them would not. */
    for (unsigned i = 0; i < 3; i++)
        if (!(water[i] > 0))
            water[i] = 0;
    return water[0] + water[1] + water[2];
}

void soil_ready(struct detector *d)
{
    struct soil *s = d->state;
    int64_t bin_us = detector_span_us(d, SOIL_STEP);

    for (unsigned i = 0; i < 4; i++) {
        s->tanks.height[i] = d->number[SOIL_HEIGHT1 + i];
        s->tanks.runoff[i] = d->number[SOIL_RUNOFF1 + i];
    }
    for (unsigned i = 0; i < 3; i++)
        s->tanks.infiltration[i] = d->number[SOIL_INFILTRATION1 + i];
    s->hour_bins = (unsigned)(INT64_C(3600000000) / bin_us);
    if (bin_us == s->bin_us)
        return;
    /* Another step: the tanks stay as full, the hour's rain begins anew. */
    memset(s->um, 0, sizeof(s->um));
    s->bin = s->begun ? s->bin * s->bin_us / bin_us : 0;
    s->bin_us = bin_us;
}

const char *soil_check(const double *number)
{
    if (fmod(3600, number[SOIL_STEP]) > 0)
        return "step_s has to divide an hour";
    if (number[SOIL_HEIGHT1 + 1] < number[SOIL_HEIGHT1])
        return "height2_mm is the upper outlet of the first tank";
    return NULL;
}

static double melt_of(const struct detector *d, const struct soil *s)
{
    double degrees = s->air_c - d->number[SOIL_MELT_BASE];

    if (!s->has_air || !s->has_snow || s->snow_m <= 0 || degrees <= 0)
        return 0;
    return d->number[SOIL_MELT] * degrees * (double)s->bin_us / (double)US_PER_DAY;
}

static double end_bin(const struct detector *d, double water[3])
{
    struct soil *s = d->state;
    double mm = (double)*bin_um(s, s->bin) / 1000 + melt_of(d, s);

    return soil_step(water, &s->tanks, mm, (double)s->bin_us / 3.6e9);
}

static void advance(struct detector *d, int64_t bin)
{
    struct soil *s = d->state;

    if (!s->begun || (bin - s->bin) * s->bin_us > FORGET_US) {
        memset(s->water, 0, sizeof(s->water));
        memset(s->um, 0, sizeof(s->um));
        s->begun = true;
        s->bin = bin;
    }
    while (s->bin < bin) {
        (void)end_bin(d, s->water);
        s->bin++;
        *bin_um(s, s->bin) = 0;
    }
}

static int64_t hour_um(struct soil *s)
{
    int64_t um = 0;

    for (unsigned i = 0; i < s->hour_bins; i++)
        um += *bin_um(s, s->bin - i);
    return um;
}

/* As if the step that runs ended now: a gauge's reading at its end is all of it. */
static void judge(struct detector *d, int64_t now_us)
{
    struct soil *s = d->state;
    double water[3] = {s->water[0], s->water[1], s->water[2]};
    double index = end_bin(d, water), threshold = d->number[SOIL_THRESHOLD];
    bool warns = index >= threshold && hour_um(s) >= detector_scaled(d, SOIL_RAIN60, -3);
    bool watches = index >= d->number[SOIL_WATCH_PART] * threshold;

    verdict_set(&d->verdict, watches || warns, warns ? LEVEL(WARNING) : LEVEL(WATCH), now_us,
                now_us);
    d->verdict.value = llround(index * 100);
    d->verdict.threshold =
        llround(threshold * 100 * (index >= threshold ? 1 : d->number[SOIL_WATCH_PART]));
    d->verdict.exponent = -2;
    d->verdict.type = EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_RAIN_ACC;
    d->verdict.unit = EOCBUS__V1__UNIT__UNIT_MILLIMETRE;
}

void soil_look(struct detector *d, unsigned place, const struct datastream *from, int64_t time_us,
               int64_t value)
{
    struct soil *s = d->state;

    (void)from;
    advance(d, (time_us - 1) / s->bin_us);
    if (place == PLACE_AIR) {
        s->has_air = true;
        s->air_c = (double)value / 1000;
    } else if (place == PLACE_SNOW) {
        s->has_snow = true;
        s->snow_m = (double)value / 1000;
    } else if (value > 0 && value < 1000000 && *bin_um(s, s->bin) < 1000000000) {
        *bin_um(s, s->bin) += value;
    }
    judge(d, time_us);
}

void soil_pass(struct detector *d, int64_t now_us)
{
    struct soil *s = d->state;

    if (!s->begun || !detector_is_late(d, now_us) || now_us / s->bin_us <= s->bin)
        return;
    advance(d, now_us / s->bin_us);
    judge(d, now_us);
}
