/* stage - the flow itself: how high it stands, and how fast it rises. */
#include <string.h>

#include "agents/sensor/detect/detect.h"
#include "proto/base/banned.h"

#define US_PER_MINUTE INT64_C(60000000)

void debounce_set(struct debounce *d, unsigned need, unsigned of)
{
    *d = (struct debounce){.need = need, .of = of};
}

bool debounce_add(struct debounce *d, bool over, int64_t time_us, int64_t *since_us)
{
    uint32_t window = d->of >= 32 ? UINT32_MAX : (1u << d->of) - 1;
    unsigned votes = 0;

    d->seen = (d->seen << 1 | over) & window;
    memmove(&d->first_us[1], &d->first_us[0], sizeof(d->first_us) - sizeof(d->first_us[0]));
    d->first_us[0] = time_us;
    *since_us = 0;
    for (unsigned i = 0; i < d->of && i < 32; i++) {
        if (!(d->seen >> i & 1))
            continue;
        votes++;
        *since_us = d->first_us[i];
    }
    return votes >= d->need;
}

/* The onset stays where it was while the verdict holds; the debounce only knows its window. */
static int64_t onset(const struct verdict *before, bool over, int64_t since_us)
{
    return !over ? 0 : before->over ? before->since_us : since_us;
}

void stage_level_add(struct stage *s, int64_t time_us, int64_t mm, struct verdict *out)
{
    int64_t since_us;
    bool over = debounce_add(&s->debounce, mm >= s->line, time_us, &since_us);

    since_us = onset(out, over, since_us);
    *out = (struct verdict){
        .over = over,
        .since_us = since_us,
        .value = mm,
        .threshold = s->line,
        .exponent = -3,
        .type = EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_STAGE,
        .unit = EOCBUS__V1__UNIT__UNIT_METRE,
        .duration_s = over ? (uint32_t)((time_us - since_us) / 1000000) : 0,
    };
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

/* um/min; 0 while the window holds nothing older. */
static int64_t rise(struct stage *s, int64_t time_us, int64_t mm)
{
    unsigned old = 0;

    while (old < s->count && time_us - s->point[old].time_us > s->window_us)
        old++;
    drop_points(s, old);
    if (!s->count || s->point[0].time_us >= time_us)
        return 0;
    return (mm - s->point[0].mm) * 1000 * US_PER_MINUTE / (time_us - s->point[0].time_us);
}

void stage_rate_add(struct stage *s, int64_t time_us, int64_t mm, struct verdict *out)
{
    int64_t um_min = rise(s, time_us, mm), since_us;
    bool over = debounce_add(&s->debounce, um_min >= s->line, time_us, &since_us);

    keep_point(s, time_us, mm);
    since_us = onset(out, over, since_us);
    *out = (struct verdict){
        .over = over,
        .since_us = since_us,
        .value = um_min,
        .threshold = s->line,
        .exponent = -6,
        .type = EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_STAGE_RATE,
        .unit = EOCBUS__V1__UNIT__UNIT_METRE_PER_MINUTE,
        .duration_s = over ? (uint32_t)((time_us - since_us) / 1000000) : 0,
    };
}
