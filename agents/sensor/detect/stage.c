/* stage - see stage.h. */
#include "agents/sensor/detect/stage.h"

#include <string.h>

#include "proto/base/banned.h"

#define US_PER_MINUTE INT64_C(60000000)
#define LEVEL(word)   EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word

bool debounce_add(struct debounce *d, bool over, int64_t time_us, int64_t *since_us)
{
    uint32_t window = d->of >= DEBOUNCE_MOST ? UINT32_MAX : (1u << d->of) - 1;
    unsigned votes = 0;

    d->seen = (d->seen << 1 | over) & window;
    memmove(&d->first_us[1], &d->first_us[0], sizeof(d->first_us) - sizeof(d->first_us[0]));
    d->first_us[0] = time_us;
    *since_us = 0;
    for (unsigned i = 0; i < d->of && i < DEBOUNCE_MOST; i++) {
        if (!(d->seen >> i & 1))
            continue;
        votes++;
        *since_us = d->first_us[i];
    }
    return votes >= d->need;
}

const char *stage_check(const double *number)
{
    return number[STAGE_NEED] > number[STAGE_OF] ? "need is more than of" : NULL;
}

static void ready(struct detector *d, int exponent)
{
    struct stage *s = d->state;

    s->line = detector_scaled(d, STAGE_LINE, exponent);
    s->debounce.need = (unsigned)d->number[STAGE_NEED];
    s->debounce.of = (unsigned)d->number[STAGE_OF];
}

void stage_level_ready(struct detector *d)
{
    ready(d, -3);
}

void stage_rate_ready(struct detector *d)
{
    struct stage *s = d->state;

    ready(d, -6);
    s->window_us = detector_span_us(d, STAGE_WINDOW);
}

static void judge(struct detector *d, int64_t time_us, int64_t value)
{
    struct stage *s = d->state;
    int64_t since_us;
    bool over = debounce_add(&s->debounce, value >= s->line, time_us, &since_us);

    verdict_set(&d->verdict, over, LEVEL(WARNING), since_us, time_us);
    d->verdict.value = value;
    d->verdict.threshold = s->line;
}

void stage_level_look(struct detector *d, unsigned place, const struct datastream *from,
                      int64_t time_us, int64_t mm)
{
    (void)place;
    judge(d, time_us, mm);
    d->verdict.exponent = -3;
    d->verdict.type = from->type;
    d->verdict.unit = from->unit;
}

static void drop_points(struct stage *s, unsigned n)
{
    s->count -= n;
    memmove(&s->point[0], &s->point[n], s->count * sizeof(s->point[0]));
}

/* Keeps at most one point per 1/60 of the window, so that samples every second fit. */
static void keep_point(struct stage *s, int64_t time_us, int64_t mm)
{
    if (s->count && time_us - s->point[s->count - 1].time_us < s->window_us / 60)
        return;
    if (s->count == STAGE_POINTS)
        drop_points(s, 1);
    s->point[s->count].time_us = time_us;
    s->point[s->count++].mm = mm;
}

/* um/min; 0 while the window holds nothing older. What was seen for less than a quarter of the
 * window counts as if it had taken so long: after a start the ripples of two seconds are no rise.
 */
static int64_t rise(struct stage *s, int64_t time_us, int64_t mm)
{
    unsigned old = 0;
    int64_t span_us;
    double um_min;

    while (old < s->count && time_us - s->point[old].time_us > s->window_us)
        old++;
    drop_points(s, old);
    if (!s->count || s->point[0].time_us >= time_us)
        return 0;
    span_us = time_us - s->point[0].time_us;
    span_us = span_us < s->window_us / 4 ? s->window_us / 4 : span_us;
    um_min = (double)(mm - s->point[0].mm) * 1000 * (double)US_PER_MINUTE / (double)span_us;
    /* Nonsense may rise faster than a message can say. */
    return um_min > 1e12    ? INT64_C(1000000000000)
           : um_min < -1e12 ? -INT64_C(1000000000000)
                            : (int64_t)um_min;
}

void stage_rate_look(struct detector *d, unsigned place, const struct datastream *from,
                     int64_t time_us, int64_t mm)
{
    (void)place;
    (void)from;
    judge(d, time_us, rise(d->state, time_us, mm));
    keep_point(d->state, time_us, mm);
    d->verdict.exponent = -6;
    d->verdict.type = EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_STAGE_RATE;
    d->verdict.unit = EOCBUS__V1__UNIT__UNIT_METRE_PER_MINUTE;
}
