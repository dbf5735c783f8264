/* history - the samples of a span of time said once more, out of the journal (intake.h). Read in
 * one go, so it is bounded: what is asked for has to be asked for in pieces. */
#include <stdlib.h>

#include "agents/sensor/input/intake_parts.h"
#include "agents/sensor/report/batch.h"

#include "proto/base/banned.h"

#define FLAG(word) EOCBUS__V1__QUALITY__QUALITY_##word
#define PERIOD_US  INT64_C(3600000000)
/* Nothing is missing: what was not there then was said then. */
#define NO_STEP_US (INT64_MAX / 4)

struct past {
    uint64_t number; /* of its coming: two of one time stay as they came */
    unsigned stream;
    struct sample sample;
};

struct reading {
    struct intake *intake;
    int64_t from_us, to_us;
    struct buf all; /* of struct past */
};

static size_t count_of(const struct reading *r)
{
    return r->all.len / sizeof(struct past);
}

static bool on_entry(void *arg, const struct journal_entry *e)
{
    struct reading *r = arg;
    const struct station *station = r->intake->set.station;
    struct past p = {.number = e->number, .sample = e->sample};

    if (e->kind != JOURNAL_SAMPLE || e->sample.time_us < r->from_us ||
        e->sample.time_us >= r->to_us)
        return true;
    while (p.stream < station->stream_count && station->streams[p.stream].id != e->datastream)
        p.stream++;
    /* Its datastream may be gone from the settings, or be written with other digits now. */
    if (p.stream == station->stream_count ||
        !decimal_scale(&p.sample.value, (struct decimal){e->sample.value, e->exponent},
                       station->streams[p.stream].exponent))
        return true;
    p.sample.flags |= FLAG(BACKFILLED);
    buf_put(&r->all, &p, sizeof(p));
    return !r->all.failed && count_of(r) <= INTAKE_HISTORY;
}

static int by_time(const void *a, const void *b)
{
    const struct past *x = a, *y = b;

    if (x->sample.time_us != y->sample.time_us)
        return x->sample.time_us < y->sample.time_us ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static enum status say_all(struct batch *b, const struct past *p, size_t count, struct speaker *s)
{
    enum status st = ST_OK;

    for (size_t n = 0; st == ST_OK && n < count;) {
        struct sample row[STATION_STREAMS];
        bool given[STATION_STREAMS] = {false};
        int64_t time_us = p[n].sample.time_us;

        /* Channels of one moment go side by side. */
        for (; n < count && p[n].sample.time_us == time_us && !given[p[n].stream]; n++) {
            row[p[n].stream] = p[n].sample;
            given[p[n].stream] = true;
        }
        st = batch_row(b, row, given, NO_STEP_US, s);
    }
    return st == ST_OK ? batch_flush(b, s) : st;
}

static enum status say_read(struct intake *i, struct reading *r, int64_t now_us)
{
    struct past *p = (struct past *)(void *)r->all.data;
    struct speaker s = i->speaker;
    unsigned streams[STATION_STREAMS];
    struct batch *b;
    enum status st, kept;

    for (unsigned k = 0; k < i->set.station->stream_count; k++)
        streams[k] = k;
    st = batch_create(&b, i->set.station, streams, i->set.station->stream_count, BATCH_SAMPLES,
                      PERIOD_US);
    if (st != ST_OK)
        return st;
    qsort(p, count_of(r), sizeof(*p), by_time);
    s.put = i->set.put; /* they are in the journal already */
    s.arg = i->set.arg;
    s.lane = EOCBUS__V1__LANE__LANE_BULK;
    s.flags |= EOCBUS__V1__FLAG__FLAG_BACKFILL;
    s.now_us = now_us;
    st = say_all(b, p, count_of(r), &s);
    kept = i->set.commit(i->set.arg);
    batch_destroy(b);
    return st == ST_OK ? kept : st;
}

enum status intake_history(struct intake *i, int64_t from_us, int64_t to_us, int64_t now_us,
                           size_t *count)
{
    struct reading r = {.intake = i, .from_us = from_us, .to_us = to_us};
    enum status st;

    *count = 0;
    if (!i->set.journal || from_us >= to_us)
        return ST_INVALID;
    st = journal_read(i->set.journal, from_us, on_entry, &r);
    if (st == ST_OK && r.all.failed)
        st = ST_NOMEM;
    if (st == ST_OK && count_of(&r) > INTAKE_HISTORY)
        st = ST_FULL;
    if (st == ST_OK && !count_of(&r))
        st = ST_NOTFOUND;
    *count = count_of(&r);
    if (st == ST_OK)
        st = say_read(i, &r, now_us) == ST_OK ? ST_OK : ST_IO;
    buf_free(&r.all);
    return st;
}
