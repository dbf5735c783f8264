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

/* --- messages --------------------------------------------------------------------------------- */

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

/* --- beginning and ending --------------------------------------------------------------------- */

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

/* --- a sample --------------------------------------------------------------------------------- */

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
