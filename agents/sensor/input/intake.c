/* intake - see intake.h. */
#include "agents/sensor/input/intake_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/station/calibrate.h"
#include "proto/base/log.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

#define STATE_BYTES (1u << 20)
/* Messages that the outbox does not take, in memory; two hours of sixty-four busy channels. */
#define LETTERS_BYTES (1u << 20)
#define FORGET_EVERY  1000

/* --- messages -----------------------------------------------------------------------------------
 */

static void tell_concluded(struct intake *i, Eocbus__V1__Envelope *m)
{
    if (!i->set.concluded)
        return;
    if (i->told_level != m->sensor_detection->level) {
        i->told_level = m->sensor_detection->level;
        i->told_sounds = i->set.concluded(i->set.arg, m, i->told_id);
    }
    m->message_id = (ProtobufCBinaryData){sizeof(i->told_id), i->told_id};
    m->sensor_detection->local_siren_sounded = i->told_sounds;
}

/* It goes into the journal with the next commit, and from there into the outbox. */
static enum status write_letter(struct intake *i, const Eocbus__V1__Envelope *m)
{
    bool concludes = m->body_case == EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION;
    struct letter *one;

    if (!concludes && i->letters.bytes > LETTERS_BYTES)
        return ST_FULL;
    one = letters_add(&i->letters, m, journal_last(i->set.journal));
    if (!one)
        return ST_NOMEM;
    if (concludes)
        one->level = m->sensor_detection->level;
    i->moved = i->moved || !concludes;
    return ST_OK;
}

static enum status on_put(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct intake *i = arg;

    i->due = true;
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION)
        tell_concluded(i, m);
    return i->set.journal ? write_letter(i, m) : i->set.put(i->set.arg, m, why);
}

/* --- beginning and ending -----------------------------------------------------------------------
 */

static enum status make_parts(struct intake *i, char *err, size_t err_size)
{
    const struct intake_settings *set = &i->set;
    const struct reporter_settings report = {
        .station = set->station,
        .batch_samples = set->batch_samples,
        .batch_period_us = set->batch_period_us,
        .event_period_us = set->event_period_us,
        .before_us = set->event_before_us,
        .after_us = set->event_after_us,
    };
    enum status st = arena_create(&i->arena, STATE_BYTES);

    if (st == ST_OK)
        st = arena_create(&i->letter, LIMIT_ARENA_BYTES);
    if (st == ST_OK)
        st = detect_read(&i->detect, set->station, set->detectors, set->hold_us, i->arena, err,
                         err_size);
    if (st == ST_OK)
        st = reporter_create(&i->reporter, &report);
    if (st != ST_OK || !set->journal)
        return st;
    snprintf(i->key, sizeof(i->key), "journal-%016" PRIx64, journal_id(set->journal));
    st = intake_restore(i, true);
    if (st != ST_OK)
        snprintf(err, err_size, "the journal cannot be read again (%s)", status_name(st));
    return st;
}

enum status intake_create(struct intake **out, const struct intake_settings *set, char *err,
                          size_t err_size)
{
    struct intake *i = mem_zalloc(sizeof(*i));
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!i)
        return ST_NOMEM;
    i->set = *set;
    i->speaker = *set->speaker;
    i->speaker.put = on_put;
    i->speaker.arg = i;
    list_init(&i->waiters);
    letters_init(&i->letters);
    st = make_parts(i, err, err_size);
    if (st != ST_OK) {
        intake_destroy(i);
        return st;
    }
    i->durable_level = i->told_level = i->detect.said;
    *out = i;
    return ST_OK;
}

void intake_destroy(struct intake *i)
{
    if (!i)
        return;
    letters_free(&i->letters);
    reporter_destroy(i->reporter);
    arena_destroy(i->arena);
    arena_destroy(i->letter);
    mem_free(i);
}

struct detect *intake_detect(struct intake *i)
{
    return &i->detect;
}

const struct station *intake_station(const struct intake *i)
{
    return i->set.station;
}

void intake_counts(const struct intake *i, struct intake_counts *out)
{
    *out = i->counts;
    out->letters_bytes = i->letters.bytes;
}

/* --- a sample -----------------------------------------------------------------------------------
 */

static void say_level(struct intake *i)
{
    enum status st = say_detection(&i->speaker, &i->detect);

    /* What could not be said is tried with the next sample. */
    if (st != ST_OK && st != ST_NOTFOUND)
        log_warn("sensor.detection.unsaid", "status=%s", status_name(st));
    if (i->set.looked)
        i->set.looked(i->set.arg, &i->detect);
}

static void note_held(struct intake *i)
{
    if (i->failed != ST_OK)
        i->due = true;
    if (!reporter_holds(i->reporter))
        i->held_from_us = 0;
    else if (!i->held_from_us)
        i->held_from_us = i->speaker.now_us;
}

void intake_gather(struct intake *i, unsigned stream, const struct sample *s)
{
    if (i->failed == ST_OK)
        i->failed = reporter_sample(i->reporter, stream, s, i->speaker.now_us, &i->speaker);
    note_held(i);
}

/* What is reported, and how often, follows from what was concluded. */
static void follow_level(struct intake *i)
{
    if (i->failed == ST_OK)
        i->failed = reporter_level(i->reporter, i->detect.level, i->speaker.now_us, &i->speaker);
    note_held(i);
}

enum status intake_order_mode(struct intake *i, Eocbus__V1__SensorMode wanted, uint32_t duration_s,
                              int64_t now_us)
{
    i->speaker.now_us = now_us;
    if (i->failed == ST_OK)
        i->failed = reporter_order(i->reporter, wanted, duration_s, now_us, &i->speaker);
    note_held(i);
    return i->failed;
}

void intake_linked(struct intake *i, bool up)
{
    reporter_linked(i->reporter, up);
}

Eocbus__V1__SensorMode intake_mode(const struct intake *i)
{
    return reporter_mode(i->reporter);
}

uint64_t intake_hash(uint32_t datastream, int exponent, const struct sample *s)
{
    const bool none = s->flags & EOCBUS__V1__QUALITY__QUALITY_MISSING;
    const int64_t parts[] = {datastream, exponent, s->time_us, none ? INT64_MIN : s->value};

    return text_hash(0, parts, sizeof(parts));
}

bool intake_knows_time(const struct intake *i)
{
    return !i->set.knows_time || i->set.knows_time(i->set.arg);
}

/* The detectors' copy has a time that they can believe. */
static void conclude(struct intake *i, unsigned stream, struct sample s, int64_t now_us)
{
    s.time_us = moment_of_sample(&i->moment, s.time_us, now_us, intake_knows_time(i));
    detect_sample(&i->detect, stream, &s);
    say_level(i);
    follow_level(i);
}

static void write_down(struct intake *i, unsigned stream, const struct sample *s)
{
    const struct datastream *d = &i->set.station->streams[stream];

    if (!i->set.journal)
        return;
    journal_add(i->set.journal, &(struct journal_entry){.kind = JOURNAL_SAMPLE,
                                                        .datastream = d->id,
                                                        .exponent = d->exponent,
                                                        .sample = *s});
    tally_add(&i->tally[stream], journal_last(i->set.journal));
}

void intake_sample(struct intake *i, unsigned stream, const struct sample *s, int64_t now_us)
{
    const struct datastream *d = &i->set.station->streams[stream];
    struct sample mine = *s;
    uint64_t hash;

    calibrate(d, &mine);
    hash = intake_hash(d->id, d->exponent, &mine);
    i->speaker.now_us = now_us;
    i->pending++;
    if (i->set.journal && recent_has(&i->recent, hash)) {
        i->counts.repeated++;
        return;
    }
    i->counts.samples++;
    if (i->set.journal)
        recent_add(&i->recent, hash);
    if (i->set.judge)
        i->set.judge(i->set.arg, stream, &mine, now_us);
    write_down(i, stream, &mine);
    intake_gather(i, stream, &mine);
    conclude(i, stream, mine, now_us);
}

bool intake_knows(const struct intake *i, uint64_t hash)
{
    for (unsigned k = 0; k < INTAKE_SEEN && k < i->seen_count; k++)
        if (i->seen[k] == hash)
            return true;
    return false;
}

void intake_took(struct intake *i, uint64_t hash)
{
    i->seen[i->seen_count++ % INTAKE_SEEN] = hash;
    if (i->set.journal)
        journal_add(i->set.journal, &(struct journal_entry){.kind = JOURNAL_SEEN, .number = hash});
}

void intake_flush(struct intake *i, int64_t now_us)
{
    char why[INTAKE_ANSWER_BYTES];

    i->speaker.now_us = now_us;
    if (i->failed == ST_OK)
        i->failed = reporter_flush(i->reporter, &i->speaker);
    i->held_from_us = 0;
    /* It logs what it cannot do. */
    (void)!intake_commit(i, why);
}

void intake_tick(struct intake *i, int64_t now_us)
{
    int64_t detect_us = moment_of_tick(&i->moment, now_us, intake_knows_time(i));
    char why[INTAKE_ANSWER_BYTES];

    i->speaker.now_us = now_us;
    /* A gateway that has seen nothing yet has nothing to clear. */
    if (i->detect.begun) {
        if (detect_us)
            detect_tick(&i->detect, detect_us);
        say_level(i);
    }
    follow_level(i);
    if (i->held_from_us && now_us - i->held_from_us >= reporter_period_us(i->reporter))
        intake_flush(i, now_us);
    else if (i->due || !list_empty(&i->letters.list))
        (void)!intake_commit(i, why);
}

/* --- committing ---------------------------------------------------------------------------------
 */

bool intake_is_due(const struct intake *i)
{
    return i->due;
}

size_t intake_pending(const struct intake *i)
{
    return i->pending;
}

void intake_wait(struct intake *i, struct intake_waiter *w)
{
    list_add_tail(&i->waiters, &w->link);
}

void intake_unwait(struct intake_waiter *w)
{
    list_remove(&w->link);
}

static void tell_waiters(struct intake *i, const char *why)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &i->waiters) {
        struct intake_waiter *w = container_of(pos, struct intake_waiter, link);

        w->settled(w->arg, why);
    }
}

static void add_letters(struct intake *i)
{
    struct list *pos;

    list_each(pos, &i->letters.list) {
        const struct letter *one = container_of(pos, struct letter, link);

        if (one->is_kept)
            continue;
        journal_add(i->set.journal, &(struct journal_entry){.kind = JOURNAL_MESSAGE,
                                                            .number = one->number,
                                                            .bytes = one->bytes,
                                                            .len = one->len});
        if (one->level)
            journal_add(i->set.journal,
                        &(struct journal_entry){.kind = JOURNAL_LEVEL, .number = one->level});
    }
}

/* How many samples of each channel are in no message, and from where on the journal is needed. */
static void add_held(struct intake *i)
{
    uint64_t floor = journal_last(i->set.journal) + 1;
    struct list *first = list_first(&i->letters.list);

    if (first)
        floor = container_of(first, struct letter, link)->after;
    for (unsigned k = 0; k < i->set.station->stream_count; k++) {
        size_t held = reporter_held(i->reporter, k);
        uint64_t oldest = tally_oldest(&i->tally[k], held, floor);

        floor = oldest < floor ? oldest : floor;
        if (i->moved)
            journal_add(i->set.journal,
                        &(struct journal_entry){.kind = JOURNAL_HELD,
                                                .datastream = i->set.station->streams[k].id,
                                                .number = held});
    }
    journal_floor(i->set.journal, floor);
}

/* What the journal knows to be in the outbox is never put again: its counts need no room there. */
static void forget_done(struct intake *i)
{
    if (!i->set.forget || i->done < i->forgotten + FORGET_EVERY)
        return;
    if (i->set.forget(i->set.arg, i->key, i->done) == ST_OK)
        i->forgotten = i->done;
}

static enum status sync_journal(struct intake *i)
{
    enum status st = i->failed;
    struct list *pos;

    add_letters(i);
    add_held(i);
    if (i->done)
        journal_add(i->set.journal,
                    &(struct journal_entry){.kind = JOURNAL_DONE, .number = i->done});
    if (st == ST_OK)
        st = journal_sync(i->set.journal, i->speaker.now_us);
    if (st != ST_OK)
        return st;
    forget_done(i);
    i->done = 0;
    i->moved = false;
    list_each(pos, &i->letters.list) {
        container_of(pos, struct letter, link)->is_kept = true;
    }
    return ST_OK;
}

/* Letters into the outbox. What it does not take waits; nobody has to send anything again for it.
 */
static void put_letters(struct intake *i)
{
    const struct letters_door door = {i->set.put, i->set.once, i->set.commit,
                                      i->set.arg, i->key,      i->letter};
    uint64_t done;
    enum status st = letters_put(&i->letters, &door, &done);

    /* Once: a line for each sample would fill a disk that is full. */
    if (st != ST_OK && !i->letters_wait)
        log_warn("sensor.letters.wait",
                 "bytes=%zu status=%s next=\"put again with the next sample\"", i->letters.bytes,
                 status_name(st));
    i->letters_wait = st != ST_OK;
    if (st == ST_OK && done)
        i->done = done;
}

/* The batch holds what is not kept: what is, comes back from the journal. A conclusion stays. */
static void rebuild(struct intake *i)
{
    struct list *pos, *next;

    journal_forget(i->set.journal);
    list_each_safe(pos, next, &i->letters.list) {
        struct letter *one = container_of(pos, struct letter, link);

        if (!one->is_kept && !one->level)
            letters_drop(&i->letters, one);
    }
    reporter_reset(i->reporter);
    memset(&i->recent, 0, sizeof(i->recent));
    memset(i->tally, 0, sizeof(i->tally));
    i->seen_count = 0;
    i->moved = false;
    i->failed = ST_OK;
    if (intake_restore(i, false) != ST_OK)
        log_error("sensor.journal.unread", "next=\"samples not yet in a message go out after the "
                                           "next start\"");
}

/* Nobody was told yet that any of it is safe. */
static void give_up(struct intake *i, enum status st, char why[INTAKE_ANSWER_BYTES])
{
    snprintf(why, INTAKE_ANSWER_BYTES, "not kept (%s), send it again later: %.120s",
             status_name(st), st == ST_INVALID || st == ST_FULL ? i->speaker.why.text : "");
    log_error("sensor.lines.lost", "samples=%zu status=%s why=%s", i->pending, status_name(st),
              why);
    i->counts.lost += i->pending;
    if (i->set.journal) {
        rebuild(i);
        return;
    }
    reporter_reset(i->reporter);
    i->detect.said = i->durable_level;
}

static enum status commit_batch(struct intake *i)
{
    enum status st = i->failed;

    if (st == ST_OK)
        st = reporter_flush(i->reporter, &i->speaker);
    if (st == ST_OK)
        st = i->set.commit(i->set.arg);
    if (st == ST_OK)
        i->durable_level = i->detect.said;
    return st;
}

enum status intake_commit(struct intake *i, char why[INTAKE_ANSWER_BYTES])
{
    enum status st = i->set.journal ? sync_journal(i) : commit_batch(i);

    why[0] = '\0';
    if (st != ST_OK)
        give_up(i, st, why);
    if (i->set.journal)
        put_letters(i);
    i->pending = 0;
    i->due = false;
    i->failed = ST_OK;
    tell_waiters(i, st == ST_OK ? NULL : why);
    return st;
}
