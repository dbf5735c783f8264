/* intake_restore - what the journal knows, at the start: read once from front to back.
 *
 * A channel's samples that are in no message are those since the last JOURNAL_HELD, and as many of
 * those before as it says. They go into the batch in the order they came. Detectors see the samples
 * of the last three days again and say nothing meanwhile. */
#include "agents/sensor/input/intake_parts.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base/log.h"

#include "proto/base/banned.h"

#define SEEN_AGAIN_US INT64_C(259200000000)

struct held {
    uint64_t number;
    unsigned stream;
    struct sample sample;
};

struct reading {
    struct intake *intake;
    bool all;
    struct buf held[STATION_STREAMS]; /* of struct held */
    uint64_t gone; /* samples of datastreams that the settings do not have any more */
    uint64_t last; /* number of the sample read last */
    unsigned level;
    bool failed;
};

static int stream_of(const struct station *s, uint32_t datastream)
{
    for (unsigned i = 0; i < s->stream_count; i++)
        if (s->streams[i].id == datastream)
            return (int)i;
    return -1;
}

static void see_again(struct intake *i, unsigned stream, const struct sample *s)
{
    int64_t latest_us = i->set.now_us + MOMENT_AHEAD_US;
    struct sample copy = *s, seen = *s;

    /* A time that was not believed then makes no other one late now. */
    if (s->time_us < i->set.now_us - SEEN_AGAIN_US ||
        s->flags & EOCBUS__V1__QUALITY__QUALITY_CLOCK_SUSPECT)
        return;
    if (i->set.judge)
        i->set.judge(i->set.arg, stream, &copy, 0);
    if (seen.time_us > latest_us && intake_knows_time(i))
        seen.time_us = latest_us;
    detect_sample(&i->detect, stream, &seen);
}

static void read_sample(struct reading *r, const struct journal_entry *e)
{
    struct intake *i = r->intake;
    int stream = stream_of(i->set.station, e->datastream);
    struct held h = {e->number, (unsigned)stream, e->sample};

    r->last = e->number;
    recent_add(&i->recent, intake_hash(e->datastream, e->exponent, &e->sample));
    if (stream < 0 ||
        !decimal_scale(&h.sample.value, (struct decimal){e->sample.value, e->exponent},
                       i->set.station->streams[stream].exponent)) {
        r->gone++;
        return;
    }
    tally_add(&i->tally[stream], e->number);
    buf_put(&r->held[stream], &h, sizeof(h));
    r->failed = r->failed || r->held[stream].failed;
    if (r->all)
        see_again(i, (unsigned)stream, &h.sample);
}

static void keep_newest(struct reading *r, const struct journal_entry *e)
{
    int stream = stream_of(r->intake->set.station, e->datastream);
    struct buf *b = stream >= 0 ? &r->held[stream] : NULL;
    size_t keeps = (size_t)e->number * sizeof(struct held);

    if (!b || b->len <= keeps)
        return;
    memmove(b->data, b->data + b->len - keeps, keeps);
    b->len = keeps;
}

static void read_letter(struct reading *r, const struct journal_entry *e)
{
    struct letter *one =
        letters_add_bytes(&r->intake->letters, e->number, e->bytes, e->len, r->last);

    if (one)
        one->is_kept = true;
    r->failed = r->failed || !one;
}

static bool on_entry(void *arg, const struct journal_entry *e)
{
    struct reading *r = arg;
    struct intake *i = r->intake;

    if (e->kind == JOURNAL_SAMPLE)
        read_sample(r, e);
    else if (e->kind == JOURNAL_HELD)
        keep_newest(r, e);
    else if (e->kind == JOURNAL_SEEN)
        i->seen[i->seen_count++ % INTAKE_SEEN] = e->number;
    else if (r->all && e->kind == JOURNAL_MESSAGE)
        read_letter(r, e);
    else if (r->all && e->kind == JOURNAL_DONE)
        letters_done(&i->letters, e->number);
    else if (e->kind == JOURNAL_LEVEL)
        r->level = (unsigned)e->number;
    return !r->failed;
}

static int by_number(const void *a, const void *b)
{
    const struct held *x = a, *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

static void gather_again(struct reading *r)
{
    struct buf all = {0};
    struct held *h;

    for (unsigned k = 0; k < STATION_STREAMS; k++)
        if (r->held[k].len)
            buf_put(&all, r->held[k].data, r->held[k].len);
    h = (struct held *)(void *)all.data;
    if (all.len && !all.failed)
        qsort(h, all.len / sizeof(*h), sizeof(*h), by_number);
    for (size_t n = 0; !all.failed && n < all.len / sizeof(*h); n++)
        intake_gather(r->intake, h[n].stream, &h[n].sample);
    r->failed = r->failed || all.failed;
    buf_free(&all);
}

/* What was said holds until its time is over, also if today's numbers would not have said it. */
static void restore_level(struct intake *i, unsigned level)
{
    if (level)
        detect_resume(&i->detect, (Eocbus__V1__DetectionLevel)level);
}

enum status intake_restore(struct intake *i, bool all)
{
    struct reading *r = mem_zalloc(sizeof(*r));
    int64_t from_us = all ? i->set.now_us - SEEN_AGAIN_US : i->speaker.now_us;
    enum status st = ST_NOMEM;

    if (!r)
        return ST_NOMEM;
    r->intake = i;
    r->all = all;
    if (all)
        i->speaker.now_us = i->set.now_us;
    st = journal_read(i->set.journal, from_us, on_entry, r);
    if (st == ST_OK && !r->failed)
        gather_again(r);
    if (all)
        restore_level(i, r->level);
    if (r->gone)
        log_warn("sensor.journal.gone",
                 "samples=%llu why=\"their datastream is no longer in the settings\"",
                 (unsigned long long)r->gone);
    if (r->failed)
        st = ST_NOMEM;
    for (unsigned k = 0; k < STATION_STREAMS; k++)
        buf_free(&r->held[k]);
    mem_free(r);
    return st;
}
