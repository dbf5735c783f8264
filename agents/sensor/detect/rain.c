/* rain - see rain.h. Seventy-two hours in minutes, and running sums, so that a sample costs the
 * same however long the rain lasts. */
#include "agents/sensor/detect/rain.h"

#include <math.h>
#include <string.h>

#include "proto/base/banned.h"

#define US_PER_MINUTE INT64_C(60000000)
#define LEVEL(word)   EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word

/* More than a metre of water in one reading is no rain; quality flags it, nothing is summed. */
#define RAIN_MOST_UM INT64_C(1000000)

static const unsigned durations[RAIN_DURATIONS] = {10, 15, 30, 60, 180, 360, 720, 1440, 4320};

double rain_line_mm_h(double alpha, double beta, double hours)
{
    return alpha * pow(hours, -beta);
}

void rain_ready(struct detector *d)
{
    struct rain *r = d->state;
    const double *n = d->number;
    /* Aleotti's normalised intensity is per cent of the mean annual precipitation in an hour. */
    double scale = n[RAIN_MAP] > 0 ? n[RAIN_MAP] / 100 : 1;

    for (unsigned i = 0; i < RAIN_DURATIONS; i++) {
        double seconds = durations[i] * 60.0;
        bool looked_at = seconds >= n[RAIN_SHORTEST] && seconds <= n[RAIN_LONGEST];

        r->line[i] =
            looked_at ? scale * rain_line_mm_h(n[RAIN_ALPHA], n[RAIN_BETA], seconds / 3600) : 0;
    }
}

const char *rain_check(const double *number)
{
    if (number[RAIN_SHORTEST] > number[RAIN_LONGEST])
        return "shortest_s is longer than longest_s";
    return NULL;
}

static uint32_t *rain_bin(struct rain *r, int64_t minute)
{
    return &r->um[(uint64_t)minute % RAIN_MINUTES];
}

static void advance(struct rain *r, int64_t minute)
{
    if (!r->begun || minute - r->minute >= RAIN_MINUTES) {
        memset(r->um, 0, sizeof(r->um));
        memset(r->sum, 0, sizeof(r->sum));
        r->begun = true;
        r->minute = minute;
    }
    while (r->minute < minute) {
        r->minute++;
        for (unsigned i = 0; i < RAIN_DURATIONS; i++)
            r->sum[i] -= *rain_bin(r, r->minute - durations[i]);
        *rain_bin(r, r->minute) = 0;
    }
}

static void judge(struct detector *d, int64_t now_us)
{
    const struct rain *r = d->state;
    double worst = 0, mm_h = 0;
    unsigned which = RAIN_DURATIONS;

    for (unsigned i = 0; i < RAIN_DURATIONS; i++) {
        double i_mm_h = (double)r->sum[i] * 0.06 / durations[i];

        if (r->line[i] <= 0 || (d->step_us && durations[i] * US_PER_MINUTE % d->step_us != 0))
            continue;
        if (which < RAIN_DURATIONS && i_mm_h / r->line[i] <= worst)
            continue;
        worst = i_mm_h / r->line[i];
        mm_h = i_mm_h;
        which = i;
    }
    verdict_set(&d->verdict, worst >= 1, LEVEL(WATCH), now_us, now_us);
    d->verdict.value = llround(mm_h * 10);
    d->verdict.threshold = which < RAIN_DURATIONS ? llround(r->line[which] * 10) : 0;
    d->verdict.exponent = -1;
    d->verdict.type = EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_RAIN_INT;
    d->verdict.unit = EOCBUS__V1__UNIT__UNIT_MILLIMETRE_PER_HOUR;
    d->verdict.duration_s = which < RAIN_DURATIONS ? durations[which] * 60 : 0;
}

void rain_look(struct detector *d, unsigned place, const struct datastream *from, int64_t time_us,
               int64_t um)
{
    struct rain *r = d->state;

    (void)place;
    (void)from;
    advance(r, time_us / US_PER_MINUTE);
    if (um > 0 && um < RAIN_MOST_UM && *rain_bin(r, r->minute) < UINT32_MAX - RAIN_MOST_UM) {
        *rain_bin(r, r->minute) += (uint32_t)um;
        for (unsigned i = 0; i < RAIN_DURATIONS; i++)
            r->sum[i] += (uint64_t)um;
    }
    judge(d, time_us);
}

void rain_pass(struct detector *d, int64_t now_us)
{
    struct rain *r = d->state;

    if (!r->begun || !detector_is_late(d, now_us) || now_us / US_PER_MINUTE <= r->minute)
        return;
    advance(r, now_us / US_PER_MINUTE);
    judge(d, now_us);
}
