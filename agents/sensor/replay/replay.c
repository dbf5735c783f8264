/* replay - see replay.h. */
#include "agents/sensor/replay/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agents/sensor/quality/quality.h"
#include "agents/sensor/replay/source.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

/* Rain keeps 72 hours in minutes: 17 KiB a detector. */
#define STATE_BYTES (1u << 20)

struct replay {
    struct replay_settings set;
    struct speaker speaker;
    struct arena *arena; /* states of the detectors */
    struct quality quality;
    struct detect detect;
    struct source *sources[REPLAY_SOURCES];
    unsigned count;
    bool flushed; /* the rest at the end is out */
    char key[40];
    char trouble[600];
    struct replay_counts counts;

    bool fresh; /* the last put was new: from here on time passes */
    uint64_t anchor_now_us;
    int64_t anchor_data_us;
};

/* --- beginning -------------------------------------------------------------------------------- */

static enum status on_put(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct replay *r = arg;
    enum status st = r->set.put(r->set.arg, m, why);

    if (st == ST_OK || st == ST_EXISTS) {
        r->counts.said++;
        r->counts.repeated += st == ST_EXISTS;
        r->fresh = st == ST_OK;
    }
    return st;
}

/* What decides which messages are said: the settings, and which files they are. */
static void make_key(struct replay *r)
{
    const struct conf_list *lists[] = {r->set.replays, r->set.detectors, r->set.quality};
    uint64_t h = r->set.station->hash;
    char numbers[160];

    for (size_t k = 0; k < ARRAY_LEN(lists); k++)
        for (size_t i = 0; lists[k] && i < lists[k]->count; i++)
            h = text_hash(h, lists[k]->items[i], strlen(lists[k]->items[i]) + 1);
    for (unsigned i = 0; i < r->count; i++) {
        struct stat about = {.st_size = 0};

        (void)stat(r->sources[i]->path, &about);
        h = text_hash(h, &about.st_size, sizeof(about.st_size));
    }
    snprintf(numbers, sizeof(numbers), "%zu %" PRId64 " %" PRId64 " %d %d %s", r->set.batch_samples,
             r->set.batch_period_us, r->set.hold_us, (int)r->speaker.status, (int)r->speaker.hazard,
             r->speaker.place);
    h = text_hash(h, numbers, strlen(numbers));
    snprintf(r->key, sizeof(r->key), "replay-%016" PRIx64, h);
}

static enum status add_source(struct replay *r, const char *line, char *err, size_t err_size)
{
    struct source *s;
    enum status st;

    if (r->count == REPLAY_SOURCES) {
        snprintf(err, err_size, "more than %d replay lines", REPLAY_SOURCES);
        return ST_INVALID;
    }
    s = mem_zalloc(sizeof(*s));
    if (!s)
        return ST_NOMEM;
    r->sources[r->count++] = s;
    st = source_read(s, line, r->set.station, err, err_size);
    if (st != ST_OK)
        return st;
    st = batch_create(&s->batch, r->set.station, s->stream, s->count,
                      s->samples ? s->samples : r->set.batch_samples, r->set.batch_period_us);
    return st == ST_OK ? source_open(s, err, err_size) : st;
}

enum status replay_create(struct replay **out, const struct replay_settings *set, char *err,
                          size_t err_size)
{
    struct replay *r = mem_zalloc(sizeof(*r));
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!r)
        return ST_NOMEM;
    r->set = *set;
    r->speaker = *set->speaker;
    r->speaker.put = on_put;
    r->speaker.arg = r;
    /* Records of another place and time: nobody shall take them for what is measured now. */
    r->speaker.flags |= EOCBUS__V1__FLAG__FLAG_SIMULATED;
    st = arena_create(&r->arena, STATE_BYTES);
    if (st == ST_OK)
        st = detect_read(&r->detect, set->station, set->detectors, set->hold_us, r->arena, err,
                         err_size);
    if (st == ST_OK)
        st = quality_read(&r->quality, set->station, set->quality, 0, 0, err, err_size);
    for (size_t i = 0; st == ST_OK && i < set->replays->count; i++)
        st = add_source(r, set->replays->items[i], err, err_size);
    if (st != ST_OK) {
        replay_destroy(r);
        return st;
    }
    make_key(r);
    /* The lists were the caller's for the call only. */
    r->set.replays = r->set.detectors = r->set.quality = NULL;
    *out = r;
    return ST_OK;
}

void replay_destroy(struct replay *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < r->count; i++) {
        source_close(r->sources[i]);
        batch_destroy(r->sources[i]->batch);
        mem_free(r->sources[i]);
    }
    arena_destroy(r->arena);
    mem_free(r);
}

enum status replay_rewind(struct replay *r)
{
    detect_reset(&r->detect);
    quality_reset(&r->quality);
    r->counts = (struct replay_counts){.said = 0};
    r->flushed = r->fresh = false;
    for (unsigned i = 0; i < r->count; i++) {
        enum status st = source_open(r->sources[i], r->trouble, sizeof(r->trouble));

        batch_reset(r->sources[i]->batch);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

/* --- playing ---------------------------------------------------------------------------------- */

/* The oldest record that was not played; of equal ones the first file's. */
static struct source *oldest(const struct replay *r)
{
    struct source *best = NULL;

    for (unsigned i = 0; i < r->count; i++) {
        struct source *s = r->sources[i];

        if (s->more && (!best || s->time_us < best->time_us))
            best = s;
    }
    return best;
}

/* How long until the record at data_us is due. What was said in an earlier run takes no time. */
static unsigned wait_for(struct replay *r, int64_t data_us, uint64_t now_us)
{
    double ahead_us;

    if (r->set.speed <= 0)
        return 0;
    if (!r->fresh || !r->anchor_now_us || data_us < r->anchor_data_us) {
        r->anchor_now_us = now_us;
        r->anchor_data_us = data_us;
        return 0;
    }
    ahead_us =
        (double)(data_us - r->anchor_data_us) / r->set.speed - (double)(now_us - r->anchor_now_us);
    if (ahead_us < 1000)
        return 0;
    return ahead_us > 60e6 ? 60000 : (unsigned)(ahead_us / 1000);
}

static enum status conclude(struct replay *r)
{
    enum status st = say_detection(&r->speaker, &r->detect);

    return st == ST_NOTFOUND ? ST_OK : st;
}

static enum status play_record(struct replay *r, struct source *s)
{
    enum status st;

    for (unsigned i = 0; i < s->count; i++)
        if (s->given[i])
            quality_judge(&r->quality, s->stream[i], &s->row[i], 0);
    st = batch_row(s->batch, s->row, s->given, s->step_us, &r->speaker);
    for (unsigned i = 0; st == ST_OK && i < s->count; i++)
        if (s->given[i])
            detect_sample(&r->detect, s->stream[i], &s->row[i]);
    if (st == ST_OK)
        st = conclude(r);
    if (st != ST_OK)
        return st;
    r->counts.records++;
    r->counts.data_us = s->time_us;
    source_next(s);
    return ST_OK;
}

static enum status flush_all(struct replay *r)
{
    enum status st = ST_OK;

    for (unsigned i = 0; st == ST_OK && i < r->count; i++)
        st = batch_flush(r->sources[i]->batch, &r->speaker);
    r->flushed = st == ST_OK;
    return st;
}

static enum status note(struct replay *r, enum status st)
{
    if (st == ST_INVALID)
        snprintf(r->trouble, sizeof(r->trouble), "%s %s: %s", r->speaker.why.code,
                 r->speaker.why.path, r->speaker.why.text);
    return st;
}

enum status replay_play(struct replay *r, unsigned messages, uint64_t now_us, unsigned *wait_ms)
{
    uint64_t until = r->counts.said + messages;
    enum status st = ST_OK;

    *wait_ms = 0;
    while (st == ST_OK && r->counts.said < until) {
        struct source *s = oldest(r);

        if (!s && r->flushed)
            return ST_NOTFOUND;
        if (!s) {
            st = flush_all(r);
            continue;
        }
        *wait_ms = wait_for(r, s->time_us, now_us);
        if (*wait_ms)
            return ST_OK;
        st = play_record(r, s);
    }
    return note(r, st);
}

const char *replay_key(const struct replay *r)
{
    return r->key;
}

const char *replay_trouble(const struct replay *r)
{
    return r->trouble;
}

void replay_counts(const struct replay *r, struct replay_counts *out)
{
    *out = r->counts;
    out->bad_lines = 0;
    for (unsigned i = 0; i < r->count; i++)
        out->bad_lines += r->sources[i]->bad_lines;
}
