/* plot - what a plot shows, gathered while the record is played. plot_draw.c draws it. */
#include "agents/sensor/replay/plot.h"

#include <math.h>

#include "proto/base/banned.h"

#define TYPE(word)   EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_##word
#define FLAG(word)   EOCBUS__V1__QUALITY__QUALITY_##word
#define US_PER_MIN   INT64_C(60000000)
#define BARS_AT_MOST 400
/* A curve is not drawn over a hole of so many steps. */
#define HOLE_STEPS 10

/* Rain is drawn as sums over so long; a reader knows them. */
static const int64_t spans_min[] = {1,   2,    5,    10,    15,    30,    60,    120,    180,   360,
                                    720, 1440, 2880, 10080, 20160, 40320, 80640, 161280, 525600};

static int64_t bar_span_us(int64_t range_us, int64_t step_us)
{
    for (size_t i = 0; i < sizeof(spans_min) / sizeof(spans_min[0]); i++) {
        int64_t span_us = spans_min[i] * US_PER_MIN;

        if (span_us >= step_us && range_us / span_us < BARS_AT_MOST)
            return span_us;
    }
    return range_us / BARS_AT_MOST + 1;
}

static struct plot_series *add_series(struct plot_data *p, const struct datastream *from,
                                      unsigned stream, int detector)
{
    struct plot_series *s;

    if (p->count == PLOT_SERIES)
        return NULL;
    s = &p->series[p->count++];
    s->stream = stream;
    s->detector = detector;
    s->type = from->type;
    s->unit = from->unit;
    track_begin(&s->value, p->from_us, p->to_us);
    track_begin(&s->line, p->from_us, p->to_us);
    if (detector < 0 && from->type == TYPE(RAIN_ACC)) {
        int64_t span = bar_span_us(p->to_us - p->from_us, from->step_us);
        int64_t begin = p->from_us - p->from_us % span;

        s->bar_us = span;
        track_begin(&s->value, begin, begin + TRACK_COLUMNS * span);
    }
    return s;
}

static struct plot_series *find_series(struct plot_data *p, unsigned stream, int detector)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->series[i].stream == stream && p->series[i].detector == detector)
            return &p->series[i];
    return NULL;
}

/* What a reader may not take for measured: between these two samples something is missing. */
static void break_at_hole(struct plot_series *s, int64_t step_us, int64_t time_us)
{
    if (step_us && s->last_us && time_us - s->last_us > HOLE_STEPS * step_us)
        track_break(&s->value, s->last_us);
    s->last_us = time_us;
}

static double real(int64_t value, int exponent)
{
    return decimal_real((struct decimal){value, exponent});
}

/* A line in the datastream's own unit is drawn over the datastream. */
static bool is_of_stream(const struct datastream *from, const struct verdict *v)
{
    return v->type == from->type && v->unit == from->unit;
}

static void add_verdict(struct plot_data *p, const struct detect *d, int i, int64_t time_us)
{
    const struct detector *one = &d->detector[i];
    const struct verdict *v = &one->verdict;
    unsigned stream = one->stream[v->place];
    const struct datastream *from = &d->station->streams[stream];
    double value = real(v->value, v->exponent), line = real(v->threshold, v->exponent);
    struct plot_series *s;

    if (!v->threshold)
        return;
    if (is_of_stream(from, v)) {
        s = find_series(p, stream, -1);
        if (s)
            track_add(&s->line, time_us, line);
        return;
    }
    s = find_series(p, stream, i);
    if (!s)
        s = add_series(p, from, stream, i);
    if (!s)
        return;
    s->profile = one->profile->name;
    s->type = v->type;
    s->unit = v->unit;
    /* Which duration is worst changes from sample to sample, and its line with it. */
    s->is_ratio = v->type == TYPE(RAIN_INT);
    break_at_hole(s, from->step_us, time_us);
    track_add(&s->value, time_us, s->is_ratio ? value / line : value);
    track_add(&s->line, time_us, s->is_ratio ? 1 : line);
}

void plot_sample(struct plot_data *p, const struct detect *d, unsigned stream,
                 const struct sample *sample)
{
    const struct datastream *from = &d->station->streams[stream];
    struct plot_series *s = find_series(p, stream, -1);

    if (!s)
        s = add_series(p, from, stream, -1);
    if (s && (sample->flags & (FLAG(MISSING) | FLAG(BAD))))
        track_break(&s->value, sample->time_us);
    else if (s) {
        break_at_hole(s, from->step_us, sample->time_us);
        track_add(&s->value, sample->time_us, real(sample->value, from->exponent));
    }
    for (unsigned i = 0; i < d->count; i++)
        if (d->detector[i].stream[d->detector[i].verdict.place] == stream)
            add_verdict(p, d, (int)i, sample->time_us);
}
