/* evaluate - see evaluate.h.
 *
 * The files are read twice: once for the span of time, which the plot wants to know first, and once
 * for the detectors. */
#include "agents/sensor/replay/evaluate.h"

#include <string.h>

#include "agents/sensor/detect/profiles.h"
#include "agents/sensor/quality/quality.h"
#include "agents/sensor/replay/plot.h"
#include "agents/sensor/replay/replay.h"

#include "proto/base/banned.h"

#define LEVEL(word) EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word
#define FLAG(word)  EOCBUS__V1__QUALITY__QUALITY_##word
#define UNUSABLE    (FLAG(MISSING) | FLAG(BAD) | FLAG(OUT_OF_RANGE) | FLAG(MAINTENANCE))
#define DAY_US      (INT64_C(86400) * 1000000)
#define STATE_BYTES (8u << 20)

struct runner {
    struct evaluation *out;
    const struct evaluate_settings *set;
    struct arena *arena; /* the detectors' */
    struct quality quality;
    struct detect *detect[EVALUATE_CANDIDATES];
    uint64_t looked_at[EVALUATE_CANDIDATES]; /* one bit a datastream */
    struct source *sources[REPLAY_SOURCES];
    unsigned source_count;
    char *err;
    size_t err_size;
};

/* --- beginning -------------------------------------------------------------------------------- */

static enum status open_source(struct runner *r, const char *line)
{
    struct source *s;
    enum status st;

    if (r->source_count == REPLAY_SOURCES) {
        snprintf(r->err, r->err_size, "more than %d records", REPLAY_SOURCES);
        return ST_INVALID;
    }
    s = mem_zalloc(sizeof(*s));
    if (!s)
        return ST_NOMEM;
    r->sources[r->source_count++] = s;
    st = source_read(s, line, r->set->station, r->err, r->err_size);
    return st == ST_OK ? source_open(s, r->err, r->err_size) : st;
}

static struct signal *add_signal(struct runner *r, unsigned candidate, int detector,
                                 Eocbus__V1__DetectionLevel level, const char *name)
{
    struct signal *s = &r->out->signals[r->out->count++];

    s->candidate = candidate;
    s->detector = detector;
    s->level = level;
    s->spells.hold_us = detector_span_us(&r->detect[candidate]->fusion, FUSION_HOLD);
    s->judged = mem_zalloc((r->set->labels->count + 1) * sizeof(*s->judged));
    snprintf(s->name, sizeof(s->name), "%s", name);
    return s->judged ? s : NULL;
}

static enum status add_signals(struct runner *r, unsigned c)
{
    static const struct {
        Eocbus__V1__DetectionLevel level;
        const char *name;
    } levels[] = {{LEVEL(WATCH), "WATCH or above"},
                  {LEVEL(WARNING), "WARNING or above"},
                  {LEVEL(ALARM), "ALARM"}};
    const struct candidate *one = &r->set->candidates[c];
    int detector = 0;

    for (size_t i = 0; !one->one && i < ARRAY_LEN(levels); i++)
        if (!add_signal(r, c, -1, levels[i].level, levels[i].name))
            return ST_NOMEM;
    for (size_t i = 0; i < one->detectors.count; i++) {
        const char *line = one->detectors.items[i];

        /* The line of fusion is no detector. */
        if (strncmp(line, "fusion", 6) != 0 && !add_signal(r, c, detector++, LEVEL(CLEAR), line))
            return ST_NOMEM;
    }
    return ST_OK;
}

static enum status add_candidate(struct runner *r, unsigned c)
{
    const struct candidate *one = &r->set->candidates[c];
    struct detect *d = mem_zalloc(sizeof(*d));
    enum status st;

    if (!d)
        return ST_NOMEM;
    r->detect[c] = d;
    st = detect_read(d, r->set->station, &one->detectors, one->hold_us, r->arena, r->err,
                     r->err_size);
    for (unsigned i = 0; st == ST_OK && i < d->count; i++)
        for (unsigned k = 0; k < d->detector[i].stream_count; k++)
            r->looked_at[c] |= UINT64_C(1) << d->detector[i].stream[k];
    return st == ST_OK ? add_signals(r, c) : st;
}

/* --- reading ---------------------------------------------------------------------------------- */

static struct source *oldest(const struct runner *r)
{
    struct source *best = NULL;

    for (unsigned i = 0; i < r->source_count; i++) {
        struct source *s = r->sources[i];

        if (s->more && (!best || s->time_us < best->time_us))
            best = s;
    }
    return best;
}

static bool is_looked_at(const struct runner *r, int64_t time_us)
{
    return time_us >= r->set->from_us && (!r->set->to_us || time_us <= r->set->to_us);
}

/* The span of the records; then they stand at their beginning again. */
static enum status measure(struct runner *r)
{
    struct evaluation *e = r->out;
    enum status st = ST_OK;

    for (struct source *s; (s = oldest(r)); source_next(s)) {
        if (!is_looked_at(r, s->time_us))
            continue;
        e->first_us = e->records ? e->first_us : s->time_us;
        e->last_us = s->time_us > e->last_us ? s->time_us : e->last_us;
        e->records++;
    }
    for (unsigned i = 0; st == ST_OK && i < r->source_count; i++) {
        e->bad_lines += r->sources[i]->bad_lines;
        st = source_open(r->sources[i], r->err, r->err_size);
    }
    if (st == ST_OK && !e->records) {
        snprintf(r->err, r->err_size, "the records hold nothing in the time looked at");
        return ST_INVALID;
    }
    return st;
}

static void note_season(struct evaluation *e, int64_t time_us)
{
    int season = season_of(time_us);
    int64_t day = time_us / DAY_US;
    unsigned i = e->season_count;

    while (i > 0 && e->seasons[i - 1].season != season)
        i--;
    if (i == 0) {
        if (e->season_count == EVALUATE_SEASONS)
            return;
        e->seasons[e->season_count++] = (struct season){season, 0, INT64_MIN};
        i = e->season_count;
    }
    e->seasons[i - 1].days += e->seasons[i - 1].last_day != day;
    e->seasons[i - 1].last_day = day;
}

static void note_events(struct runner *r, unsigned stream, int64_t time_us)
{
    const struct labels *l = r->set->labels;

    for (unsigned i = 0; i < l->count; i++) {
        if (time_us < l->items[i].from_us || time_us > l->items[i].to_us)
            continue;
        for (unsigned c = 0; c < r->set->candidate_count; c++)
            if (r->looked_at[c] >> stream & 1)
                r->out->has_data[c * l->count + i] = true;
    }
}

static bool is_on(const struct runner *r, const struct signal *s)
{
    const struct detect *d = r->detect[s->candidate];

    return s->detector < 0 ? d->level >= s->level : d->detector[s->detector].verdict.over;
}

static enum status note_signals(struct runner *r, int64_t time_us)
{
    enum status st = ST_OK;

    for (unsigned i = 0; st == ST_OK && i < r->out->count; i++)
        st = spells_add(&r->out->signals[i].spells, time_us, is_on(r, &r->out->signals[i]));
    return st;
}

static enum status play_sample(struct runner *r, unsigned stream, struct sample *s)
{
    quality_judge(&r->quality, stream, s, 0);
    if (!(s->flags & UNUSABLE)) {
        r->out->streams |= UINT64_C(1) << stream;
        note_season(r->out, s->time_us);
        note_events(r, stream, s->time_us);
    }
    for (unsigned c = 0; c < r->set->candidate_count; c++)
        detect_sample(r->detect[c], stream, s);
    if (r->out->plot)
        plot_sample(r->out->plot, r->detect[0], stream, s);
    return note_signals(r, s->time_us);
}

static enum status play(struct runner *r)
{
    enum status st = ST_OK;

    for (struct source *s; st == ST_OK && (s = oldest(r)); source_next(s))
        for (unsigned i = 0; st == ST_OK && i < s->count && is_looked_at(r, s->time_us); i++)
            if (s->given[i])
                st = play_sample(r, s->stream[i], &s->row[i]);
    return st;
}

static enum status judge(struct runner *r)
{
    const struct labels *l = r->set->labels;
    enum status st = ST_OK;

    for (unsigned i = 0; st == ST_OK && i < r->out->count; i++) {
        struct signal *s = &r->out->signals[i];

        st = score_make(&s->score, &s->spells, l, r->out->has_data + s->candidate * l->count,
                        r->set->before_us, s->judged);
    }
    return st;
}

/* --- all of it -------------------------------------------------------------------------------- */

static enum status begin_plot(struct runner *r)
{
    struct evaluation *e = r->out;

    if (!r->set->wants_plot)
        return ST_OK;
    e->plot = mem_zalloc(sizeof(*e->plot));
    if (!e->plot)
        return ST_NOMEM;
    e->plot->from_us = e->first_us;
    e->plot->to_us = e->last_us;
    return ST_OK;
}

static enum status run(struct runner *r)
{
    const struct evaluate_settings *set = r->set;
    enum status st = arena_create(&r->arena, STATE_BYTES);

    r->out->signals = mem_zalloc(EVALUATE_SIGNALS * sizeof(*r->out->signals));
    r->out->has_data = mem_zalloc(set->candidate_count * set->labels->count + 1);
    if (st != ST_OK || !r->out->signals || !r->out->has_data)
        return ST_NOMEM;
    st = quality_read(&r->quality, set->station, set->quality, 0, 0, r->err, r->err_size);
    for (unsigned c = 0; st == ST_OK && c < set->candidate_count; c++)
        st = add_candidate(r, c);
    for (size_t i = 0; st == ST_OK && i < set->records->count; i++)
        st = open_source(r, set->records->items[i]);
    if (st == ST_OK)
        st = measure(r);
    if (st == ST_OK)
        st = begin_plot(r);
    if (st == ST_OK)
        st = play(r);
    return st == ST_OK ? judge(r) : st;
}

enum status evaluate(struct evaluation *out, const struct evaluate_settings *set, char *err,
                     size_t err_size)
{
    struct runner *r = mem_zalloc(sizeof(*r));
    enum status st;

    memset(out, 0, sizeof(*out));
    snprintf(err, err_size, "out of memory");
    if (!r)
        return ST_NOMEM;
    r->out = out;
    r->set = set;
    r->err = err;
    r->err_size = err_size;
    st = run(r);
    for (unsigned i = 0; i < r->source_count; i++) {
        source_close(r->sources[i]);
        mem_free(r->sources[i]);
    }
    for (unsigned c = 0; c < set->candidate_count; c++)
        mem_free(r->detect[c]);
    arena_destroy(r->arena);
    mem_free(r);
    return st;
}

void evaluation_free(struct evaluation *e)
{
    for (unsigned i = 0; i < e->count; i++) {
        spells_free(&e->signals[i].spells);
        mem_free(e->signals[i].judged);
    }
    mem_free(e->signals);
    mem_free(e->has_data);
    mem_free(e->plot);
    memset(e, 0, sizeof(*e));
}
