/* batch - see batch.h. */
#include "agents/sensor/report/batch.h"

#include <string.h>

#include "proto/base/banned.h"

#define FLAG(word) EOCBUS__V1__QUALITY__QUALITY_##word

enum status batch_create(struct batch **out, const struct station *station, const unsigned *streams,
                         unsigned count, size_t max_samples, int64_t period_us)
{
    struct batch *b = mem_zalloc(sizeof(*b));

    if (!b)
        return ST_NOMEM;
    b->station = station;
    b->max_samples = max_samples;
    b->period_us = period_us;
    b->gap = mem_alloc(BATCH_GAP * sizeof(*b->gap));
    if (!b->gap)
        goto fail;
    for (; b->count < count; b->count++) {
        struct batch_channel *c = &b->channel[b->count];

        c->stream = streams[b->count];
        c->samples = mem_alloc(max_samples * sizeof(*c->samples));
        if (!c->samples)
            goto fail;
    }
    batch_reset(b);
    *out = b;
    return ST_OK;

fail:
    batch_destroy(b);
    return ST_NOMEM;
}

void batch_destroy(struct batch *b)
{
    if (!b)
        return;
    for (unsigned i = 0; i < b->count; i++)
        mem_free(b->channel[i].samples);
    mem_free(b->gap);
    mem_free(b);
}

void batch_reset(struct batch *b)
{
    for (unsigned i = 0; i < b->count; i++) {
        b->channel[i].count = 0;
        b->channel[i].last_us = INT64_MIN;
    }
}

bool batch_is_empty(const struct batch *b)
{
    for (unsigned i = 0; i < b->count; i++)
        if (b->channel[i].count)
            return false;
    return true;
}

static struct channel describe(const struct batch *b, const struct batch_channel *c,
                               const struct sample *samples, size_t count)
{
    const struct datastream *d = &b->station->streams[c->stream];

    return (struct channel){d->id, d->type, d->unit, d->exponent, samples, count};
}

enum status batch_flush(struct batch *b, struct speaker *s)
{
    struct channel channels[STATION_STREAMS];
    struct batch_channel *from[STATION_STREAMS];
    size_t n = 0, said;
    enum status st;

    for (unsigned i = 0; i < b->count; i++) {
        if (!b->channel[i].count)
            continue;
        from[n] = &b->channel[i];
        channels[n] = describe(b, from[n], from[n]->samples, from[n]->count);
        n++;
    }
    if (!n)
        return ST_OK;
    st = say_observations(s, channels, n, &said);
    for (size_t i = 0; i < said && i < n; i++)
        from[i]->count = 0;
    return st;
}

/* --- holes ------------------------------------------------------------------------------------ */

/* Missing steps between the latest sample and t. A sample that comes a little late is none. */
static size_t missing_steps(int64_t last_us, int64_t t, int64_t step_us)
{
    int64_t steps;

    if (step_us <= 0 || last_us == INT64_MIN || t - last_us <= step_us + step_us / 2)
        return 0;
    steps = (t - last_us + step_us / 2) / step_us - 1;
    return steps > BATCH_GAP ? 1 : (size_t)steps;
}

static int64_t step_of(const struct batch *b, unsigned i, int64_t step_us)
{
    return step_us ? step_us : b->station->streams[b->channel[i].stream].step_us;
}

/* Says the hole before this row for all channels that share it with channel `first`. */
static enum status say_gap(struct batch *b, unsigned first, const bool *given, size_t steps,
                           int64_t step_us, struct speaker *s)
{
    struct channel channels[STATION_STREAMS];
    int64_t last_us = b->channel[first].last_us;
    unsigned from[STATION_STREAMS] = {0};
    size_t n = 0, said;
    enum status st;

    for (size_t i = 0; i < steps; i++)
        b->gap[i] = (struct sample){last_us + ((int64_t)i + 1) * step_us, 0, FLAG(MISSING)};
    for (unsigned i = first; i < b->count; i++) {
        if (!given[i] || b->channel[i].last_us != last_us ||
            step_of(b, i, 0) != step_of(b, first, 0))
            continue;
        from[n] = i;
        channels[n++] = describe(b, &b->channel[i], b->gap, steps);
    }
    st = say_observations(s, channels, n, &said);
    for (size_t i = 0; i < said && i < n; i++)
        b->channel[from[i]].last_us = b->gap[steps - 1].time_us;
    return st;
}

/* A time that nobody believes makes no hole, neither before it nor behind it. */
static bool is_believed(const struct sample *s)
{
    return !(s->flags & FLAG(CLOCK_SUSPECT));
}

static enum status fill_gaps(struct batch *b, const struct sample *samples, const bool *given,
                             int64_t step_us, struct speaker *s)
{
    enum status st = ST_OK;

    for (unsigned i = 0; st == ST_OK && i < b->count; i++) {
        int64_t step = step_of(b, i, step_us), t = samples[i].time_us;
        size_t steps = given[i] && is_believed(&samples[i])
                           ? missing_steps(b->channel[i].last_us, t, step)
                           : 0;

        /* A hole of more than BATCH_GAP is one sample long now and would be found again. */
        if (!steps)
            continue;
        st = batch_flush(b, s);
        if (st == ST_OK)
            st = say_gap(b, i, given, steps, step, s);
        if (st == ST_OK && missing_steps(b->channel[i].last_us, t, step))
            b->channel[i].last_us = t - 1;
    }
    return st;
}

/* --- rows ------------------------------------------------------------------------------------- */

static bool is_due(const struct batch *b, int64_t t, const bool *given)
{
    for (unsigned i = 0; i < b->count; i++) {
        const struct batch_channel *c = &b->channel[i];

        if (!c->count)
            continue;
        if (given[i] && (c->count == b->max_samples || t < c->samples[c->count - 1].time_us))
            return true;
        if (t - c->samples[0].time_us >= b->period_us || t < c->samples[0].time_us)
            return true;
    }
    return false;
}

/* Nothing of this moment is still to come: channels that go side by side share one step of time,
 * which is a third of a quiet message. */
static bool is_full(const struct batch *b)
{
    for (unsigned i = 0; i < b->count; i++)
        if (b->channel[i].count && b->channel[i].count != b->max_samples)
            return false;
    return true;
}

static void take(struct batch *b, unsigned i, const struct sample *sample)
{
    struct batch_channel *c = &b->channel[i];

    if (sample->time_us > c->last_us && is_believed(sample))
        c->last_us = sample->time_us;
    c->samples[c->count++] = *sample;
}

enum status batch_row(struct batch *b, const struct sample *samples, const bool *given,
                      int64_t step_us, struct speaker *s)
{
    unsigned first = 0;
    enum status st;

    while (first < b->count && !given[first])
        first++;
    if (first == b->count)
        return ST_OK;
    st = fill_gaps(b, samples, given, step_us, s);
    if (st == ST_OK && is_due(b, samples[first].time_us, given))
        st = batch_flush(b, s);
    if (st != ST_OK)
        return st;
    for (unsigned i = first; i < b->count; i++)
        if (given[i])
            take(b, i, &samples[i]);
    return is_full(b) ? batch_flush(b, s) : ST_OK;
}
