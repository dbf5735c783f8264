/* observations_read - an ObservationBatch, checked and read sample by sample; see observations.h.
 */
#include "proto/wire/observations.h"

#include <inttypes.h>

#include "proto/base/banned.h"
#include "proto/wire/limits.h"
#include "proto/wire/refuse.h"

typedef Eocbus__V1__ObservationBatch Batch;
typedef Eocbus__V1__Series Series;
typedef Eocbus__V1__QualityRun Run;

static uint32_t samples_of(const Batch *b, const Series *s)
{
    return s->sample_count ? s->sample_count : b->sample_count;
}

static enum status check_deltas(const Series *s, uint32_t n, const struct step *up,
                                struct refusal *why)
{
    const struct step holds = {up, "holds", -1}, deltas = {up, "deltas", -1};
    uint64_t sum = s->n_deltas;

    if (s->n_holds && s->n_holds != s->n_deltas)
        return refuse(why, CODE_LENGTH, &holds,
                      "%zu holds beside %zu deltas; legal are none, or "
                      "as many",
                      s->n_holds, s->n_deltas);
    if (s->n_holds)
        sum = 0;
    for (size_t i = 0; i < s->n_holds; i++)
        sum += s->holds[i];
    if (sum > (uint64_t)n - 1)
        return refuse(why, CODE_LENGTH, s->n_holds ? &holds : &deltas,
                      "reach sample %" PRIu64 " of a series of %u", sum, n);
    return ST_OK;
}

static enum status check_quality(const Series *s, uint32_t n, const struct step *up,
                                 struct refusal *why)
{
    uint64_t end = 0;

    for (size_t i = 0; i < s->n_quality; i++) {
        const struct step at = {up, "quality", (long)i};
        const Run *run = s->quality[i];

        if (run->offset < end)
            return refuse(why, CODE_RANGE, &at,
                          "begins at %u, inside the run before it; runs "
                          "stand in order and do not overlap",
                          run->offset);
        end = (uint64_t)run->offset + run->length;
        if (end > n)
            return refuse(why, CODE_RANGE, &at, "ends at sample %" PRIu64 " of a series of %u", end,
                          n);
    }
    return ST_OK;
}

static enum status check_series(const Batch *b, const Series *s, const struct step *at,
                                struct refusal *why)
{
    const struct step times = {at, "time_deltas_ms", -1};
    uint32_t n = samples_of(b, s);
    enum status st;

    if (n == 0 || n > OBSERVATIONS_SAMPLES_MAX)
        return refuse(why, CODE_RANGE, at, "%u samples; legal are 1 to %d", n,
                      OBSERVATIONS_SAMPLES_MAX);
    if (s->n_time_deltas_ms && s->n_time_deltas_ms != n)
        return refuse(why, CODE_LENGTH, &times,
                      "%zu times for %u samples; legal are none, or as "
                      "many",
                      s->n_time_deltas_ms, n);
    st = check_deltas(s, n, at, why);
    return st == ST_OK ? check_quality(s, n, at, why) : st;
}

/* At most 64 series: comparing each with those before it costs less than a set would. */
static bool is_repeated(const Batch *b, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (b->series[j]->datastream_id == b->series[i]->datastream_id)
            return true;
    return false;
}

enum status observations_check(const Batch *b, struct refusal *why)
{
    const struct step top = {NULL, "observation_batch", -1};
    enum status st = ST_OK;
    uint64_t samples = 0;

    for (size_t i = 0; st == ST_OK && i < b->n_series; i++) {
        const struct step at = {&top, "series", (long)i};

        if (is_repeated(b, i))
            return refuse(why, CODE_REPEATS, &at, "datastream %u stands in the batch twice",
                          b->series[i]->datastream_id);
        st = check_series(b, b->series[i], &at, why);
        samples += samples_of(b, b->series[i]);
    }
    if (st == ST_OK && samples > LIMIT_SAMPLES)
        return refuse(why, CODE_REPEATS, &top,
                      "%" PRIu64 " samples in all its series; at most %d are taken in one batch",
                      samples, LIMIT_SAMPLES);
    return st;
}

void series_begin(struct series_cursor *c, const Batch *b, const Series *s)
{
    *c = (struct series_cursor){
        .batch = b, .series = s, .count = samples_of(b, s), .ms = s->start_ms, .value = s->first};
    c->left = s->n_holds ? s->holds[0] : 1;
}

static void advance_time(struct series_cursor *c)
{
    const Series *s = c->series;

    if (s->n_time_deltas_ms)
        c->ms += s->time_deltas_ms[c->at];
    else if (c->at)
        c->ms += s->dt_ms ? s->dt_ms : c->batch->dt_ms;
}

static void advance_value(struct series_cursor *c)
{
    const Series *s = c->series;

    if (c->at == 0 || c->delta == s->n_deltas || --c->left > 0)
        return;
    c->value += s->deltas[c->delta++];
    c->left = c->delta < s->n_holds ? s->holds[c->delta] : 1;
}

static uint32_t quality_at(struct series_cursor *c)
{
    const Series *s = c->series;

    while (c->run < s->n_quality &&
           c->at >= (uint64_t)s->quality[c->run]->offset + s->quality[c->run]->length)
        c->run++;
    if (c->run == s->n_quality || c->at < s->quality[c->run]->offset)
        return 0;
    return s->quality[c->run]->flags;
}

bool series_next(struct series_cursor *c, struct sample *out)
{
    if (c->at == c->count)
        return false;
    advance_time(c);
    advance_value(c);
    *out = (struct sample){c->batch->base_time_us + c->ms * 1000, c->value, quality_at(c)};
    c->at++;
    return true;
}
