/* reporter - see reporter.h. */
#include "agents/sensor/report/reporter.h"

#include <string.h>

#include "agents/sensor/report/thin.h"

#include "proto/base/banned.h"

#define FLAG(word) EOCBUS__V1__QUALITY__QUALITY_##word
#define MODE(word) EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_##word
#define LANE(word) EOCBUS__V1__LANE__LANE_##word

/* Late samples have no steps to miss. */
#define NO_STEP (-1)
/* What is thinned is in no message for long; whoever has to take it again need not remember more.
 */
#define HELD_MOST 4000

struct reporter {
    struct reporter_settings set;
    struct batch *now, *late;
    struct thin *thin[STATION_STREAMS]; /* NULL: never thinned */
    size_t gathered[STATION_STREAMS];   /* samples that stand in the batches, thinned or not */
    struct mode mode;
    Eocbus__V1__SensorMode was;
    bool unlinked;
};

enum status reporter_create(struct reporter **out, const struct reporter_settings *set)
{
    struct reporter *r = mem_zalloc(sizeof(*r));
    unsigned all[STATION_STREAMS], count = set->station->stream_count;
    enum status st;

    if (!r)
        return ST_NOMEM;
    r->set = *set;
    if (!set->event_period_us)
        r->set.event_period_us = set->batch_period_us;
    mode_begin(&r->mode, set->after_us);
    r->was = MODE(NORMAL);
    for (unsigned i = 0; i < count; i++)
        all[i] = i;
    st = batch_create(&r->now, set->station, all, count, set->batch_samples, set->batch_period_us);
    if (st == ST_OK)
        st = batch_create(&r->late, set->station, all, count, set->batch_samples,
                          set->batch_period_us);
    for (unsigned i = 0; st == ST_OK && i < count; i++)
        if (set->station->streams[i].normal_us)
            st = thin_create(&r->thin[i], &set->station->streams[i], set->before_us);
    if (st == ST_OK)
        *out = r;
    else
        reporter_destroy(r);
    return st;
}

void reporter_destroy(struct reporter *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < STATION_STREAMS; i++)
        thin_destroy(r->thin[i]);
    batch_destroy(r->now);
    batch_destroy(r->late);
    mem_free(r);
}

void reporter_reset(struct reporter *r)
{
    batch_reset(r->now);
    batch_reset(r->late);
    memset(r->gathered, 0, sizeof(r->gathered));
    for (unsigned i = 0; i < STATION_STREAMS; i++)
        if (r->thin[i])
            thin_reset(r->thin[i]);
}

Eocbus__V1__SensorMode reporter_mode(const struct reporter *r)
{
    return r->was;
}

/* --- gathering -------------------------------------------------------------------------------- */

size_t reporter_held(const struct reporter *r, unsigned stream)
{
    return r->gathered[stream] + (r->thin[stream] ? thin_open(r->thin[stream]) : 0);
}

bool reporter_holds(const struct reporter *r)
{
    return !batch_is_empty(r->now) || !batch_is_empty(r->late);
}

int64_t reporter_period_us(const struct reporter *r)
{
    return r->now->period_us;
}

static size_t waiting_in(const struct batch *b)
{
    size_t n = 0;

    for (unsigned i = 0; i < b->count; i++)
        n += b->channel[i].count;
    return n;
}

/* Both batches go out together: what is in no message are always the newest samples that came. */
static enum status after_row(struct reporter *r, struct batch *b, size_t before, struct speaker *s)
{
    struct batch *other = b == r->now ? r->late : r->now;

    if (waiting_in(b) == before + 1)
        return ST_OK;
    memset(r->gathered, 0, sizeof(r->gathered));
    return batch_flush(other, s);
}

/* `samples`: for how many that came in it stands. */
static enum status gather(struct reporter *r, struct batch *b, unsigned stream,
                          const struct sample *sample, size_t samples, struct speaker *s)
{
    const struct datastream *from = &r->set.station->streams[stream];
    bool given[STATION_STREAMS] = {false};
    int64_t step_us = b == r->late ? NO_STEP : samples ? from->normal_us : 0;
    struct sample row[STATION_STREAMS];
    size_t before = waiting_in(b);
    enum status st;

    row[stream] = *sample;
    if (r->was == MODE(MAINTENANCE))
        row[stream].flags |= FLAG(MAINTENANCE);
    given[stream] = true;
    s->lane = r->was == MODE(EVENT) ? LANE(ROUTINE) : LANE(BULK);
    st = batch_row(b, row, given, step_us, s);
    if (st == ST_OK)
        st = after_row(r, b, before, s);
    if (waiting_in(b))
        r->gathered[stream] += samples ? samples : 1;
    return st;
}

/* The oldest of all that is remembered; its stream, or -1. Side by side they share messages. */
static int oldest_before(const struct reporter *r)
{
    int64_t best_us = INT64_MAX;
    int best = -1;

    for (unsigned i = 0; i < r->set.station->stream_count; i++) {
        const struct sample *s = r->thin[i] ? thin_before(r->thin[i]) : NULL;

        if (!s || s->time_us >= best_us)
            continue;
        best = (int)i;
        best_us = s->time_us;
    }
    return best;
}

/* What was thinned in the minutes before. */
static enum status tell_before(struct reporter *r, struct speaker *s)
{
    enum status st = ST_OK;
    int i;

    while (st == ST_OK && (i = oldest_before(r)) >= 0) {
        struct sample sample = *thin_before(r->thin[i]);

        thin_take_before(r->thin[i]);
        sample.flags |= FLAG(BACKFILLED);
        st = gather(r, r->late, (unsigned)i, &sample, 0, s);
    }
    return st;
}

/* The while that has begun ends, and what it stands for is gathered. */
static enum status end_while(struct reporter *r, unsigned stream, struct speaker *s)
{
    struct sample rest;

    if (!r->thin[stream] || !thin_end(r->thin[stream], &rest))
        return ST_OK;
    return gather(r, r->now, stream, &rest, thin_ended(r->thin[stream]), s);
}

static void set_period(struct reporter *r)
{
    r->now->period_us =
        r->was == MODE(EVENT) && !r->unlinked ? r->set.event_period_us : r->set.batch_period_us;
}

void reporter_linked(struct reporter *r, bool up)
{
    r->unlinked = !up;
    set_period(r);
}

/* What was gathered before an event belongs to it. */
static enum status enter(struct reporter *r, int64_t now_us, struct speaker *s)
{
    Eocbus__V1__SensorMode mode = mode_now(&r->mode, now_us);
    enum status st = ST_OK;

    if (mode == r->was)
        return ST_OK;
    for (unsigned i = 0; st == ST_OK && i < r->set.station->stream_count; i++)
        st = end_while(r, i, s);
    if (st == ST_OK && mode != MODE(EVENT))
        st = reporter_flush(r, s);
    r->was = mode;
    set_period(r);
    if (st == ST_OK && mode == MODE(EVENT))
        st = tell_before(r, s);
    return st == ST_OK ? reporter_flush(r, s) : st;
}

/* Into the while of its datastream. */
static enum status thin_one(struct reporter *r, unsigned stream, const struct sample *sample,
                            struct speaker *s)
{
    struct thin *thin = r->thin[stream];
    enum status st = ST_OK;
    struct sample one;

    if (thin_add(thin, sample, &one))
        st = gather(r, r->now, stream, &one, thin_ended(thin), s);
    if (st == ST_OK && r->gathered[stream] > HELD_MOST)
        st = reporter_flush(r, s);
    return st;
}

enum status reporter_sample(struct reporter *r, unsigned stream, const struct sample *sample,
                            int64_t now_us, struct speaker *s)
{
    bool is_late = sample->flags & FLAG(BACKFILLED);
    enum status st = enter(r, now_us, s);

    if (st != ST_OK)
        return st;
    if (r->thin[stream] && r->was != MODE(EVENT) && !is_late &&
        !(sample->flags & FLAG(CLOCK_SUSPECT)))
        return thin_one(r, stream, sample, s);
    /* What came before it goes before it. */
    st = end_while(r, stream, s);
    return st == ST_OK ? gather(r, is_late ? r->late : r->now, stream, sample, 0, s) : st;
}

enum status reporter_flush(struct reporter *r, struct speaker *s)
{
    enum status st;

    s->lane = r->was == MODE(EVENT) ? LANE(ROUTINE) : LANE(BULK);
    st = batch_flush(r->now, s);
    if (st == ST_OK)
        st = batch_flush(r->late, s);
    if (st == ST_OK)
        memset(r->gathered, 0, sizeof(r->gathered));
    return st;
}

/* --- modes ------------------------------------------------------------------------------------ */

enum status reporter_tick(struct reporter *r, int64_t now_us, struct speaker *s)
{
    return enter(r, now_us, s);
}

enum status reporter_level(struct reporter *r, Eocbus__V1__DetectionLevel level, int64_t now_us,
                           struct speaker *s)
{
    mode_level(&r->mode, level, now_us);
    return enter(r, now_us, s);
}

enum status reporter_order(struct reporter *r, Eocbus__V1__SensorMode wanted, uint32_t duration_s,
                           int64_t now_us, struct speaker *s)
{
    mode_order(&r->mode, wanted, duration_s, now_us);
    return enter(r, now_us, s);
}
