/* observations - see observations.h. */
#include "proto/wire/observations.h"

#include <math.h>
#include <string.h>

#include "proto/base/banned.h"

#define VALUE_MOST INT64_C(1000000000000)
enum { CHANNELS_MOST = 64, MISSING = EOCBUS__V1__QUALITY__QUALITY_MISSING };

typedef Eocbus__V1__Series Series;
typedef Eocbus__V1__QualityRun QualityRun;

/* --- writing ---------------------------------------------------------------------------------- */

static unsigned varint_bytes(uint64_t v)
{
    unsigned n = 1;

    while (v >>= 7)
        n++;
    return n;
}

static unsigned zigzag_bytes(int64_t v)
{
    return varint_bytes((uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static bool in_range(int64_t v)
{
    return v >= -VALUE_MOST && v <= VALUE_MOST;
}

static bool is_missing(const struct observation_channel *c, size_t i)
{
    return c->quality && (c->quality[i] & MISSING);
}

/* A gap repeats the value before it, which costs nothing. */
static int64_t value_at(const struct observation_channel *c, size_t i, int64_t before)
{
    return is_missing(c, i) ? before : c->values[i];
}

static enum status check_channel(const struct observation_channel *c)
{
    int64_t last;

    if (c->count < 1 || c->count > OBSERVATIONS_SAMPLES)
        return ST_INVALID;
    last = value_at(c, 0, 0);
    for (size_t i = 0; i < c->count; i++) {
        int64_t v = value_at(c, i, last);

        if (!in_range(v) || !in_range(v - last))
            return ST_INVALID;
        last = v;
    }
    return ST_OK;
}

struct shape {    /* what the two forms would cost */
    size_t moves; /* deltas that are not 0 */
    size_t last;  /* index of the last sample that differs from the one before */
    size_t plain_bytes, held_bytes;
};

static void measure(struct shape *s, const struct observation_channel *c)
{
    int64_t last = value_at(c, 0, 0);
    size_t since = 0;

    memset(s, 0, sizeof(*s));
    for (size_t i = 1; i < c->count; i++) {
        int64_t v = value_at(c, i, last);

        if (v != last) {
            s->moves++;
            s->plain_bytes += (i - s->last - 1) + zigzag_bytes(v - last);
            s->held_bytes += zigzag_bytes(v - last) + varint_bytes(i - since);
            s->last = since = i;
        }
        last = v;
    }
}

static enum status put_plain(Series *s, const struct observation_channel *c,
                             const struct shape *shape, struct arena *arena)
{
    int64_t last = s->first;

    s->n_deltas = shape->last;
    s->deltas = arena_alloc(arena, s->n_deltas * sizeof(*s->deltas));
    if (s->n_deltas && !s->deltas)
        return ST_NOMEM;
    for (size_t i = 1; i <= shape->last; i++) {
        int64_t v = value_at(c, i, last);

        s->deltas[i - 1] = v - last;
        last = v;
    }
    return ST_OK;
}

static enum status put_held(Series *s, const struct observation_channel *c,
                            const struct shape *shape, struct arena *arena)
{
    int64_t last = s->first;
    size_t since = 0;

    s->deltas = arena_alloc(arena, shape->moves * sizeof(*s->deltas));
    s->holds = arena_alloc(arena, shape->moves * sizeof(*s->holds));
    if (!s->deltas || !s->holds)
        return ST_NOMEM;
    for (size_t i = 1; i <= shape->last; i++) {
        int64_t v = value_at(c, i, last);

        if (v == last)
            continue;
        s->deltas[s->n_deltas++] = v - last;
        s->holds[s->n_holds++] = (uint32_t)(i - since);
        since = i;
        last = v;
    }
    return ST_OK;
}

static size_t count_runs(const struct observation_channel *c)
{
    size_t runs = 0;

    for (size_t i = 0; c->quality && i < c->count; i++)
        if (c->quality[i] && (i == 0 || c->quality[i] != c->quality[i - 1]))
            runs++;
    return runs;
}

static enum status put_quality(Series *s, const struct observation_channel *c, struct arena *arena)
{
    size_t runs = count_runs(c);
    QualityRun *run;

    if (!runs)
        return ST_OK;
    if (runs > OBSERVATIONS_QUALITY_RUNS)
        return ST_INVALID;
    s->quality = arena_alloc(arena, runs * sizeof(*s->quality));
    run = arena_alloc(arena, runs * sizeof(*run));
    if (!s->quality || !run)
        return ST_NOMEM;
    for (size_t i = 0; i < c->count; i++) {
        if (!c->quality[i])
            continue;
        if (i && c->quality[i] == c->quality[i - 1]) {
            s->quality[s->n_quality - 1]->length++;
            continue;
        }
        eocbus__v1__quality_run__init(run);
        run->offset = (uint32_t)i;
        run->length = 1;
        run->flags = c->quality[i];
        s->quality[s->n_quality++] = run++;
    }
    return ST_OK;
}

static enum status put_times(Series *s, const struct observation_channel *c, struct arena *arena)
{
    if (!c->time_deltas_ms)
        return ST_OK;
    s->n_time_deltas_ms = c->count;
    s->time_deltas_ms = arena_alloc(arena, c->count * sizeof(*s->time_deltas_ms));
    if (!s->time_deltas_ms)
        return ST_NOMEM;
    memcpy(s->time_deltas_ms, c->time_deltas_ms, c->count * sizeof(*s->time_deltas_ms));
    return ST_OK;
}

static enum status encode_series(Series *s, const struct observation_channel *c, size_t batch_count,
                                 struct arena *arena)
{
    struct shape shape;
    enum status st = check_channel(c);

    if (st != ST_OK)
        return st;
    eocbus__v1__series__init(s);
    s->datastream_id = c->datastream_id;
    s->type = c->type;
    s->unit = c->unit;
    s->exponent = c->exponent;
    s->first = value_at(c, 0, 0);
    s->sample_count = c->count == batch_count ? 0 : (uint32_t)c->count;
    s->dt_ms = c->dt_ms;
    s->start_ms = c->start_ms;
    measure(&shape, c);
    /* Holds have a field of their own: two bytes before they begin to pay. */
    st = shape.held_bytes + 2 < shape.plain_bytes ? put_held(s, c, &shape, arena)
                                                  : put_plain(s, c, &shape, arena);
    if (st == ST_OK)
        st = put_times(s, c, arena);
    return st == ST_OK ? put_quality(s, c, arena) : st;
}

enum status observations_encode(Eocbus__V1__ObservationBatch **out, struct arena *arena,
                                uint32_t registry_version, int64_t base_time_us, uint32_t dt_ms,
                                const struct observation_channel *channels, size_t n)
{
    Eocbus__V1__ObservationBatch *b;
    Series *series;
    enum status st = ST_OK;

    if (n < 1 || n > CHANNELS_MOST)
        return ST_INVALID;
    b = arena_alloc(arena, sizeof(*b));
    series = arena_alloc(arena, n * sizeof(*series));
    if (!b || !series)
        return ST_NOMEM;
    eocbus__v1__observation_batch__init(b);
    b->sensor_registry_version = registry_version;
    b->base_time_us = base_time_us;
    b->dt_ms = dt_ms;
    b->sample_count = (uint32_t)channels[0].count;
    b->series = arena_alloc(arena, n * sizeof(*b->series));
    if (!b->series)
        return ST_NOMEM;
    for (b->n_series = 0; b->n_series < n && st == ST_OK; b->n_series++) {
        b->series[b->n_series] = &series[b->n_series];
        st = encode_series(&series[b->n_series], &channels[b->n_series], channels[0].count, arena);
    }
    if (st == ST_OK)
        *out = b;
    return st;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool quality_fits(const Series *s, size_t count)
{
    size_t end = 0;

    for (size_t i = 0; i < s->n_quality; i++) {
        const QualityRun *run = s->quality[i];

        if (run->offset < end || run->length > count || run->offset > count - run->length)
            return false;
        end = run->offset + run->length;
    }
    return true;
}

static bool deltas_fit(const Series *s, size_t count)
{
    uint64_t samples = s->n_holds ? 0 : s->n_deltas;

    if (s->n_holds && s->n_holds != s->n_deltas)
        return false;
    for (size_t i = 0; i < s->n_holds; i++)
        samples += s->holds[i];
    return samples <= count - 1;
}

enum status observations_walk(struct observation_walk *w, const Eocbus__V1__ObservationBatch *batch,
                              size_t series)
{
    const Series *s = batch->series[series];

    memset(w, 0, sizeof(*w));
    w->series = s;
    w->count = s->sample_count ? s->sample_count : batch->sample_count;
    w->dt_ms = s->dt_ms ? s->dt_ms : batch->dt_ms;
    w->value = s->first;
    w->time_us = batch->base_time_us + INT64_C(1000) * s->start_ms;
    if (w->count < 1 || w->count > OBSERVATIONS_SAMPLES || !in_range(s->first) ||
        !deltas_fit(s, w->count) || !quality_fits(s, w->count) ||
        (s->n_time_deltas_ms && s->n_time_deltas_ms != w->count))
        return ST_INVALID;
    return ST_OK;
}

/* Moves the value on before every sample but the first: at once, or when it was held long enough.
 */
static void step_value(struct observation_walk *w)
{
    const Series *s = w->series;

    w->held++;
    if (w->delta == s->n_deltas || (s->n_holds && w->held < s->holds[w->delta]))
        return;
    w->value += s->deltas[w->delta++];
    w->held = 0;
}

static uint32_t quality_at(struct observation_walk *w)
{
    const Series *s = w->series;

    while (w->run < s->n_quality &&
           w->at >= s->quality[w->run]->offset + s->quality[w->run]->length)
        w->run++;
    if (w->run < s->n_quality && w->at >= s->quality[w->run]->offset)
        return s->quality[w->run]->flags;
    return 0;
}

bool observations_next(struct observation_walk *w, struct observation_sample *out)
{
    const Series *s = w->series;

    if (w->at == w->count)
        return false;
    if (s->n_time_deltas_ms)
        w->time_us += INT64_C(1000) * s->time_deltas_ms[w->at];
    else if (w->at)
        w->time_us += INT64_C(1000) * w->dt_ms;
    if (w->at)
        step_value(w);
    out->time_us = w->time_us;
    out->value = w->value;
    out->quality = quality_at(w);
    w->at++;
    return true;
}

/* Powers of ten up to 10^22 are exact doubles and so are values up to 10^12: one rounding. */
double observation_number(int64_t value, int32_t exponent)
{
    if (exponent < 0)
        return (double)value / pow(10, -exponent);
    return (double)value * pow(10, exponent);
}

const char *observation_unit(Eocbus__V1__Unit unit)
{
    static const char *const texts[] = {
        "?",  "",   "m",     "mm",   "mm/h", "m/min", "m/s", "m/s2", "1/s",
        "Pa", "Hz", "m3/m3", "mrad", "Cel",  "V",     "dBm", "%",
    };

    return unit > 0 && (size_t)unit < ARRAY_LEN(texts) ? texts[unit] : "?";
}
