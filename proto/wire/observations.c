/* observations - see observations.h. The layout is in the comment of ObservationBatch.
 *
 * Encoding takes three steps: the times of all channels decide base, step and count of the batch
 * (what most series share stands once); then each series writes only what differs; then its values
 * are written the shorter of two ways. Reading is in observations_read.c. */
#include "proto/wire/observations.h"

#include <inttypes.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/limits.h"
#include "proto/wire/refuse.h"

#define RUNS_MAX    256
#define SERIES_MAX  64
#define STEP_MAX_MS INT64_C(86400000)
#define VALUE_MAX   INT64_C(1000000000000)
#define FLAGS_MAX   16383u

typedef Eocbus__V1__ObservationBatch Batch;
typedef Eocbus__V1__Series Series;
typedef Eocbus__V1__QualityRun Run;

/* --- times ------------------------------------------------------------------------------------ */

struct timing {
    int64_t base_us;
    uint32_t dt_ms, count; /* of most series */
};

static bool is_missing(const struct sample *s)
{
    return (s->flags & EOCBUS__V1__QUALITY__QUALITY_MISSING) != 0;
}

static int64_t step_ms(const struct channel *c, size_t i)
{
    return (c->samples[i].time_us - c->samples[i - 1].time_us) / 1000;
}

/* The step between all samples; -1 if they differ; 0 for a single one. */
static int64_t even_step_ms(const struct channel *c)
{
    int64_t step = c->count > 1 ? step_ms(c, 1) : 0;

    for (size_t i = 2; i < c->count; i++)
        if (step_ms(c, i) != step)
            return -1;
    /* dt 0 would be read as the batch's: two samples at one time need their times written. */
    return c->count > 1 && step == 0 ? -1 : step;
}

/* What the first evenly sampled series says; the others write what differs. */
static struct timing common_timing(const struct channel *channels, size_t count)
{
    struct timing t = {channels[0].samples[0].time_us, 0, (uint32_t)channels[0].count};

    for (size_t i = 0; i < count; i++) {
        if (channels[i].samples[0].time_us < t.base_us)
            t.base_us = channels[i].samples[0].time_us;
    }
    for (size_t i = 0; i < count && !t.dt_ms; i++) {
        int64_t step = even_step_ms(&channels[i]);

        t.dt_ms = step > 0 ? (uint32_t)step : 0;
    }
    return t;
}

static enum status write_times(Series *s, const struct channel *c, const struct timing *t,
                               struct arena *arena)
{
    int64_t step = even_step_ms(c);

    s->start_ms = (uint32_t)((c->samples[0].time_us - t->base_us) / 1000);
    s->sample_count = c->count == t->count ? 0 : (uint32_t)c->count;
    if (step >= 0) {
        s->dt_ms = step == 0 || (uint32_t)step == t->dt_ms ? 0 : (uint32_t)step;
        return ST_OK;
    }
    s->time_deltas_ms = arena_alloc(arena, c->count * sizeof(*s->time_deltas_ms));
    if (!s->time_deltas_ms)
        return ST_NOMEM;
    s->n_time_deltas_ms = c->count;
    s->time_deltas_ms[0] = 0;
    for (size_t i = 1; i < c->count; i++)
        s->time_deltas_ms[i] = (uint32_t)step_ms(c, i);
    return ST_OK;
}

/* --- values ----------------------------------------------------------------------------------- */

static size_t varint_bytes(uint64_t v)
{
    size_t n = 1;

    while (v >>= 7)
        n++;
    return n;
}

static size_t delta_bytes(int64_t d)
{
    return varint_bytes(((uint64_t)d << 1) ^ (uint64_t)(d < 0 ? -1 : 0));
}

/* Values as they are sent: a gap repeats what stood before it. */
static int64_t *sent_values(const struct channel *c, struct arena *arena)
{
    int64_t *v = arena_alloc(arena, c->count * sizeof(*v));
    int64_t last = 0;

    for (size_t i = 0; v && i < c->count; i++) {
        if (!is_missing(&c->samples[i]))
            last = c->samples[i].value;
        v[i] = last;
    }
    return v;
}

/* How many deltas each way takes, and how many bytes. */
struct plan_of_values {
    size_t plain, runs; /* deltas */
    size_t plain_bytes, run_bytes;
};

static struct plan_of_values weigh(const int64_t *v, size_t n)
{
    struct plan_of_values p = {0};
    size_t hold = 1;

    for (size_t i = 1; i < n; i++, hold++) {
        int64_t d = v[i] - v[i - 1];

        if (d == 0)
            continue;
        p.runs++;
        p.run_bytes += delta_bytes(d) + varint_bytes(hold);
        p.plain_bytes += delta_bytes(d) + (i - 1 - p.plain); /* a zero is one byte */
        p.plain = i;
        hold = 0;
    }
    return p;
}

static enum status write_plain(Series *s, const int64_t *v, size_t deltas, struct arena *arena)
{
    s->deltas = arena_alloc(arena, deltas * sizeof(*s->deltas));
    if (!s->deltas)
        return ST_NOMEM;
    s->n_deltas = deltas;
    for (size_t i = 0; i < deltas; i++)
        s->deltas[i] = v[i + 1] - v[i];
    return ST_OK;
}

static enum status write_runs(Series *s, const int64_t *v, size_t n, size_t deltas,
                              struct arena *arena)
{
    uint32_t hold = 1;

    s->deltas = arena_alloc(arena, deltas * sizeof(*s->deltas));
    s->holds = arena_alloc(arena, deltas * sizeof(*s->holds));
    if (!s->deltas || !s->holds)
        return ST_NOMEM;
    for (size_t i = 1; i < n; i++, hold++) {
        if (v[i] == v[i - 1])
            continue;
        s->deltas[s->n_deltas++] = v[i] - v[i - 1];
        s->holds[s->n_holds++] = hold;
        hold = 0;
    }
    return ST_OK;
}

static enum status write_values(Series *s, const struct channel *c, struct arena *arena)
{
    int64_t *v = sent_values(c, arena);
    struct plan_of_values p;

    if (!v)
        return ST_NOMEM;
    s->first = v[0];
    p = weigh(v, c->count);
    if (p.plain == 0)
        return ST_OK;
    /* The list of holds has its own field number and length. */
    if (p.run_bytes + 1 + varint_bytes(p.runs) < p.plain_bytes)
        return write_runs(s, v, c->count, p.runs, arena);
    return write_plain(s, v, p.plain, arena);
}

/* --- quality ---------------------------------------------------------------------------------- */

static uint32_t sent_flags(const struct sample *s)
{
    return s->flags == EOCBUS__V1__QUALITY__QUALITY_GOOD ? 0 : s->flags;
}

static size_t run_length(const struct channel *c, size_t from)
{
    size_t i = from + 1;

    while (i < c->count && sent_flags(&c->samples[i]) == sent_flags(&c->samples[from]))
        i++;
    return i - from;
}

static size_t count_runs(const struct channel *c)
{
    size_t runs = 0;

    for (size_t i = 0; i < c->count; i += run_length(c, i))
        runs += sent_flags(&c->samples[i]) != 0;
    return runs;
}

static enum status write_quality(Series *s, const struct channel *c, struct arena *arena)
{
    size_t runs = count_runs(c), length;

    if (!runs)
        return ST_OK;
    s->quality = arena_alloc(arena, runs * sizeof(*s->quality));
    if (!s->quality)
        return ST_NOMEM;
    for (size_t i = 0; i < c->count; i += length) {
        Run *run;

        length = run_length(c, i);
        if (!sent_flags(&c->samples[i]))
            continue;
        run = arena_alloc(arena, sizeof(*run));
        if (!run)
            return ST_NOMEM;
        eocbus__v1__quality_run__init(run);
        run->offset = (uint32_t)i;
        run->length = (uint32_t)length;
        run->flags = sent_flags(&c->samples[i]);
        s->quality[s->n_quality++] = run;
    }
    return ST_OK;
}

/* --- encoding --------------------------------------------------------------------------------- */

static enum status check_sample(const struct channel *c, size_t i, const struct step *at,
                                struct refusal *why)
{
    const struct sample *s = &c->samples[i];
    int64_t step_us = i ? s->time_us - c->samples[i - 1].time_us : 0;

    if (!is_missing(s) && (s->value > VALUE_MAX || s->value < -VALUE_MAX))
        return refuse(why, CODE_RANGE, at, "sample %zu is %" PRId64 "; a value has at most 10^12",
                      i, s->value);
    if (s->flags > FLAGS_MAX)
        return refuse(why, CODE_RANGE, at, "sample %zu has unknown quality bits", i);
    if (step_us < 0 || step_us % 1000 || step_us > STEP_MAX_MS * 1000)
        return refuse(why, CODE_TIME, at,
                      "sample %zu is %" PRId64 " us after the one before it; legal are whole "
                      "milliseconds up to a day, never backwards",
                      i, step_us);
    return ST_OK;
}

static enum status check_channel(const struct channel *c, int64_t base_us, const struct step *at,
                                 struct refusal *why)
{
    int64_t start_us = c->samples[0].time_us - base_us;
    enum status st = ST_OK;

    if (start_us % 1000 || start_us > STEP_MAX_MS * 1000)
        return refuse(why, CODE_TIME, at,
                      "begins %" PRId64 " us after the batch; legal are whole milliseconds up to a "
                      "day",
                      start_us);
    for (size_t i = 0; st == ST_OK && i < c->count; i++)
        st = check_sample(c, i, at, why);
    if (st == ST_OK && count_runs(c) > RUNS_MAX)
        st = refuse(why, CODE_REPEATS, at, "more than %d runs of quality; make shorter batches",
                    RUNS_MAX);
    return st;
}

static enum status check_channels(const struct channel *channels, size_t count, struct refusal *why)
{
    const struct step top = {NULL, "observation_batch", -1};
    enum status st = ST_OK;
    size_t samples = 0;
    int64_t base_us;

    if (count == 0 || count > SERIES_MAX)
        return refuse(why, CODE_REPEATS, &top, "%zu series; legal are 1 to %d", count, SERIES_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct step at = {&top, "series", (long)i};

        if (channels[i].count == 0 || channels[i].count > OBSERVATIONS_SAMPLES_MAX)
            return refuse(why, CODE_RANGE, &at, "%zu samples; legal are 1 to %d", channels[i].count,
                          OBSERVATIONS_SAMPLES_MAX);
        samples += channels[i].count;
    }
    if (samples > LIMIT_SAMPLES)
        return refuse(why, CODE_REPEATS, &top, "%zu samples; at most %d are taken in one batch",
                      samples, LIMIT_SAMPLES);
    base_us = common_timing(channels, count).base_us;
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        const struct step at = {&top, "series", (long)i};

        st = check_channel(&channels[i], base_us, &at, why);
    }
    return st;
}

static enum status write_series(Series **out, const struct channel *c, const struct timing *t,
                                struct arena *arena)
{
    Series *s = arena_alloc(arena, sizeof(*s));
    enum status st;

    if (!s)
        return ST_NOMEM;
    eocbus__v1__series__init(s);
    s->datastream_id = c->datastream_id;
    s->type = c->type;
    s->unit = c->unit;
    s->exponent = c->exponent;
    st = write_times(s, c, t, arena);
    if (st == ST_OK)
        st = write_values(s, c, arena);
    if (st == ST_OK)
        st = write_quality(s, c, arena);
    *out = s;
    return st;
}

enum status observations_encode(Batch *out, uint32_t registry_version,
                                const struct channel *channels, size_t count, struct arena *arena,
                                struct refusal *why)
{
    enum status st = check_channels(channels, count, why);
    struct timing t;

    eocbus__v1__observation_batch__init(out);
    if (st != ST_OK)
        return st;
    t = common_timing(channels, count);
    out->sensor_registry_version = registry_version;
    out->base_time_us = t.base_us;
    out->dt_ms = t.dt_ms;
    out->sample_count = t.count;
    out->series = arena_alloc(arena, count * sizeof(*out->series));
    if (!out->series)
        return ST_NOMEM;
    for (size_t i = 0; st == ST_OK && i < count; i++)
        st = write_series(&out->series[i], &channels[i], &t, arena);
    out->n_series = count;
    return st;
}
