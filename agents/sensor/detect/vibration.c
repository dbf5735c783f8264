/* vibration - see vibration.h. */
#include "agents/sensor/detect/vibration.h"

#include <math.h>

#include "proto/base/banned.h"

#define LEVEL(word) EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word

/* Samples come every second; a run that misses two is another run. */
#define RUN_GAP_US INT64_C(2500000)

double channel_step(const struct detector *d, unsigned place, const struct datastream *from)
{
    int up = from->exponent - d->input[place]->scale;

    return up > 0 ? pow(10, up) : 1;
}

/* --- impulses --------------------------------------------------------------------------------- */

void impulses_ready(struct detector *d)
{
    struct impulses *p = d->state;

    p->rate = detector_scaled(d, IMPULSES_RATE, -3);
}

void impulses_look(struct detector *d, unsigned place, const struct datastream *from,
                   int64_t time_us, int64_t value)
{
    struct impulses *p = d->state;
    bool goes_on = p->run && time_us - p->last_us <= RUN_GAP_US;

    (void)place;
    if (value < p->rate) {
        p->run = 0;
    } else {
        if (!goes_on)
            p->first_us = time_us;
        p->run = goes_on ? p->run + (p->run < UINT32_MAX) : 1;
    }
    p->last_us = time_us;
    verdict_set(&d->verdict, p->run >= d->number[IMPULSES_SECONDS], LEVEL(WARNING), p->first_us,
                time_us);
    d->verdict.value = value;
    d->verdict.threshold = p->rate;
    d->verdict.exponent = -3;
    d->verdict.type = from->type;
    d->verdict.unit = from->unit;
}

/* --- energy ----------------------------------------------------------------------------------- */

/* Powers of ten a second, from the last quiet sample to the largest since. */
static bool has_grown(const struct detector *d, const struct energy *e, double floor)
{
    double quiet = e->quiet > floor ? e->quiet : floor;
    double seconds = (double)(e->most_us - e->quiet_us) / 1e6;

    if (d->number[ENERGY_GROWTH] <= 0)
        return true;
    return seconds > 0 && log10(e->most / quiet) / seconds >= d->number[ENERGY_GROWTH];
}

static void note_energy(struct energy *e, double energy, bool over, int64_t time_us)
{
    if (!over || !e->begun || time_us - e->last_us > RUN_GAP_US) {
        e->quiet = energy;
        e->quiet_us = time_us;
        e->most = 0;
    } else if (energy > e->most) {
        e->most = energy;
        e->most_us = time_us;
    }
    e->begun = true;
    e->last_us = time_us;
}

void energy_look(struct detector *d, unsigned place, const struct datastream *from, int64_t time_us,
                 int64_t value)
{
    struct energy *e = d->state;
    int64_t fade_us = detector_span_us(d, ENERGY_NOISE);
    double step = channel_step(d, place, from), energy = (double)value * (double)value;
    double noise = e->noise.mean > step * step ? e->noise.mean : step * step;
    double line = noise * d->number[ENERGY_RATIO];
    bool known = noise_is_known(&e->noise, time_us, fade_us), over = known && energy >= line;

    note_energy(e, energy, over, time_us);
    noise_learn(&e->noise, energy, time_us, fade_us, over, detector_span_us(d, ENERGY_FREEZE));
    over = over && time_us - e->quiet_us > detector_span_us(d, ENERGY_ACCUMULATE) &&
           has_grown(d, e, step * step);
    verdict_set(&d->verdict, over, LEVEL(WARNING), e->quiet_us, time_us);
    d->verdict.value = value;
    d->verdict.threshold = known ? llround(fmin(sqrt(line), 1e12)) : 0;
    d->verdict.exponent = d->input[place]->scale;
    d->verdict.type = from->type;
    d->verdict.unit = from->unit;
}

/* --- short over long -------------------------------------------------------------------------- */

const char *sta_lta_check(const double *number)
{
    if (number[STA_LTA_STA] >= number[STA_LTA_LTA])
        return "sta_s is the short one of the two";
    return number[STA_LTA_OFF] > number[STA_LTA_ON] ? "off is higher than on" : NULL;
}

void sta_lta_look(struct detector *d, unsigned place, const struct datastream *from,
                  int64_t time_us, int64_t value)
{
    struct sta_lta *s = d->state;
    int64_t lta_us = detector_span_us(d, STA_LTA_LTA);
    double step = channel_step(d, place, from), amplitude = fabs((double)value), noise, ratio;

    noise_learn(&s->sta, amplitude, time_us, detector_span_us(d, STA_LTA_STA), false, 0);
    noise = s->lta.mean > step ? s->lta.mean : step;
    ratio = noise_is_known(&s->lta, time_us, lta_us) ? s->sta.mean / noise : 0;
    s->on = ratio >= d->number[s->on ? STA_LTA_OFF : STA_LTA_ON];
    noise_learn(&s->lta, amplitude, time_us, lta_us, s->on, detector_span_us(d, STA_LTA_FREEZE));
    verdict_set(&d->verdict, s->on, LEVEL(WARNING), time_us, time_us);
    d->verdict.value = llround(fmin(ratio * 100, 1e12));
    d->verdict.threshold = llround(d->number[STA_LTA_ON] * 100);
    d->verdict.exponent = -2;
    d->verdict.type = from->type;
    d->verdict.unit = EOCBUS__V1__UNIT__UNIT_ONE;
}
