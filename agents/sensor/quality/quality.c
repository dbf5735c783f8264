/* quality - see quality.h. */
#include "agents/sensor/quality/quality.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/banned.h"

#define FLAG(word) EOCBUS__V1__QUALITY__QUALITY_##word
#define TYPE(word) EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_##word
#define UNIT(word) EOCBUS__V1__UNIT__UNIT_##word
#define HOUR_US    INT64_C(3600000000)
/* A logger's memory reaches back some weeks; a clock that lost its battery, to 1970 or 2000. */
#define PAST_US (31 * 24 * HOUR_US)
/* Neighbours that far away say nothing of a spike; three steps if those are longer. */
#define NEIGHBOUR_US INT64_C(600000000)

enum { WORDS = 8 };

/* --- settings --------------------------------------------------------------------------------- */

/* What does not move like that by nature. Rain, impulses, vibration and infrasound may do anything
 * from one second to the next; a dry gauge, a wire and an empty tipping bucket rest for months. */
static const struct usual {
    Eocbus__V1__ObservationType type;
    Eocbus__V1__Unit unit;
    struct decimal rise, spike;
    int64_t stuck_us;
} usual[] = {
    {TYPE(STAGE), UNIT(METRE), {5, 0}, {1, 0}, 0},
    {TYPE(LAKE_LEVEL), UNIT(METRE), {1, 0}, {5, -1}, 0},
    {TYPE(GV_RMS), UNIT(METRE_PER_SECOND), {0, 0}, {0, 0}, 6 * HOUR_US},
    {TYPE(GV_PEAK), UNIT(METRE_PER_SECOND), {0, 0}, {0, 0}, 6 * HOUR_US},
    {TYPE(INFRA_RMS_LF), UNIT(PASCAL), {0, 0}, {0, 0}, 6 * HOUR_US},
    {TYPE(INFRA_RMS_HF), UNIT(PASCAL), {0, 0}, {0, 0}, 6 * HOUR_US},
    {TYPE(SOIL_VWC), UNIT(CUBIC_METRE_PER_CUBIC_METRE), {1, -2}, {1, -1}, 0},
    {TYPE(PORE_P), UNIT(PASCAL), {0, 0}, {20, 3}, 168 * HOUR_US},
    {TYPE(AIR_T), UNIT(DEGREE_CELSIUS), {1, 0}, {10, 0}, 24 * HOUR_US},
    {TYPE(SNOW_D), UNIT(METRE), {0, 0}, {5, -1}, 0},
    {TYPE(BATT_V), UNIT(VOLT), {0, 0}, {3, 0}, 0},
};

static void set_usual(struct quality_stream *q, const struct datastream *d)
{
    for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
        const struct usual *u = &usual[i];

        if (d->raw || u->type != d->type || u->unit != d->unit)
            continue;
        q->stuck_us = u->stuck_us;
        /* Too large for the exponent: any change is believed. */
        if (!decimal_scale(&q->rise_milli, u->rise, d->exponent - 3))
            q->rise_milli = 0;
        if (!decimal_scale(&q->spike, u->spike, d->exponent))
            q->spike = 0;
    }
}

static bool read_limit(int64_t *out, struct slice *words, int count, const char *key, int exponent)
{
    struct decimal d;
    struct slice v;

    if (!words_option(words, count, key, &v))
        return true;
    return decimal_read(&d, v) && decimal_scale(out, d, exponent) && *out >= 0;
}

static enum status read_line(struct quality *q, const char *line, char *err, size_t err_size)
{
    const char *legal = "legal is DATASTREAM [rise=NUMBER] [spike=NUMBER] [stuck=SPAN], as in "
                        "gusar.stage rise=3 spike=0.5 stuck=6h; 0 = not looked at";
    struct slice words[WORDS], v;
    int count = words_split(words, WORDS, line), at = -1;
    bool ok = count > 0;

    if (ok)
        at = station_find(q->station, words[0]);
    if (ok && at < 0)
        legal = "there is no datastream of this name";
    ok = ok && at >= 0;
    if (ok) {
        struct quality_stream *s = &q->stream[at];
        int exponent = q->station->streams[at].exponent;

        ok = read_limit(&s->rise_milli, words, count, "rise", exponent - 3) &&
             read_limit(&s->spike, words, count, "spike", exponent) &&
             (!words_option(words, count, "stuck", &v) || span_read_us(&s->stuck_us, v));
    }
    for (int i = 1; ok && i < count; i++)
        ok = !words[i].len;
    if (ok)
        return ST_OK;
    snprintf(err, err_size, "quality = %s: %s", line, legal);
    return ST_INVALID;
}

enum status quality_read(struct quality *out, const struct station *station,
                         const struct conf_list *lines, int64_t ahead_us, int64_t backfill_us,
                         char *err, size_t err_size)
{
    enum status st = ST_OK;

    memset(out, 0, sizeof(*out));
    out->station = station;
    out->ahead_us = ahead_us;
    out->backfill_us = backfill_us;
    for (unsigned i = 0; i < station->stream_count; i++)
        set_usual(&out->stream[i], &station->streams[i]);
    for (size_t i = 0; st == ST_OK && lines && i < lines->count; i++)
        st = read_line(out, lines->items[i], err, err_size);
    quality_reset(out);
    return st;
}

void quality_reset(struct quality *q)
{
    for (unsigned i = 0; i < STATION_STREAMS; i++) {
        q->stream[i].begun = false;
        q->stream[i].last_us = INT64_MIN;
        q->stream[i].recent_count = 0;
    }
}

int64_t quality_last_us(const struct quality *q, unsigned stream)
{
    return q->stream[stream].last_us;
}

/* --- beside its neighbours -------------------------------------------------------------------- */

static double distance(int64_t a, int64_t b)
{
    return a > b ? (double)a - (double)b : (double)b - (double)a;
}

static int64_t median_of(const int64_t *values, unsigned count)
{
    int64_t sorted[QUALITY_RECENT] = {0};

    for (unsigned i = 0; i < count; i++) {
        unsigned k = i;

        for (; k > 0 && sorted[k - 1] > values[i]; k--)
            sorted[k] = sorted[k - 1];
        sorted[k] = values[i];
    }
    return sorted[count / 2];
}

static void remember(struct quality_stream *q, const struct sample *s)
{
    if (!q->begun || s->value != q->value)
        q->since_us = s->time_us;
    q->begun = true;
    q->value = s->value;
    q->value_us = s->time_us;
    memmove(q->recent + 1, q->recent, (QUALITY_RECENT - 1) * sizeof(q->recent[0]));
    q->recent[0] = s->value;
    if (q->recent_count < QUALITY_RECENT)
        q->recent_count++;
}

static uint32_t compare(struct quality_stream *q, const struct sample *s, int64_t step_us)
{
    int64_t dt_us = s->time_us - q->value_us;
    int64_t near_us = 3 * step_us > NEIGHBOUR_US ? 3 * step_us : NEIGHBOUR_US;
    uint32_t flags = 0;

    /* The smallest step an instrument can make is believed however fast. */
    if (q->rise_milli &&
        (distance(s->value, q->value) - 1) * 1e9 > (double)q->rise_milli * (double)dt_us)
        flags |= FLAG(SUSPECT);
    if (dt_us > near_us)
        q->recent_count = 0;
    if (q->spike && q->recent_count >= 3 && distance(s->value, q->recent[0]) > (double)q->spike &&
        distance(s->value, median_of(q->recent, q->recent_count)) > (double)q->spike)
        flags |= FLAG(SPIKE) | FLAG(SUSPECT);
    if (q->stuck_us && s->value == q->value && s->time_us - q->since_us >= q->stuck_us)
        flags |= FLAG(STUCK) | FLAG(SUSPECT);
    return flags;
}

/* --- by its time ------------------------------------------------------------------------------ */

static bool is_of_another_time(const struct quality *q, int64_t time_us, int64_t now_us)
{
    if (!now_us)
        return false;
    return (q->ahead_us && time_us - now_us > q->ahead_us) || now_us - time_us > PAST_US;
}

static uint32_t place(const struct quality *q, const struct quality_stream *of, int64_t time_us,
                      int64_t now_us)
{
    if (time_us == of->last_us)
        return FLAG(SUSPECT);
    if (time_us < of->last_us || (now_us && q->backfill_us && now_us - time_us > q->backfill_us))
        return FLAG(BACKFILLED);
    return 0;
}

void quality_judge(struct quality *q, unsigned stream, struct sample *s, int64_t now_us)
{
    const struct datastream *from = &q->station->streams[stream];
    struct quality_stream *of = &q->stream[stream];
    bool is_newer = s->time_us > of->last_us;

    if (!(s->flags & FLAG(MISSING)))
        s->flags |= station_judge(from, s->value);
    /* A time that is not believed makes no other one late. */
    if (is_of_another_time(q, s->time_us, now_us)) {
        s->flags |= FLAG(CLOCK_SUSPECT);
        return;
    }
    s->flags |= place(q, of, s->time_us, now_us);
    if (!is_newer)
        return;
    of->last_us = s->time_us;
    if (s->flags & (FLAG(MISSING) | FLAG(BAD) | FLAG(OUT_OF_RANGE) | FLAG(CLOCK_SUSPECT)))
        return;
    if (of->begun)
        s->flags |= compare(of, s, from->step_us);
    remember(of, s);
}
