/* site - see site.h. */
#include "agents/sensor/siren/site.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/siren/kept.h"
#include "agents/sensor/siren/owed.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

#define RESULT(word) EOCBUS__V1__SIREN_RESULT__SIREN_RESULT_##word

/* More than a day of orders refused by hand; who is flooded with them loses the oldest reports. */
enum { NOTES = 64, AGAIN_MS = 2000 };
#define DEFAULT_S 180
#define HOUR_US   INT64_C(3600000000)

struct waiting {
    struct siren_note note;
    int64_t event_us;
};

struct site {
    struct site_settings set;
    struct speaker speaker;
    struct siren_rules rules;
    struct siren siren;
    struct siren_driver *driver;
    struct loop_timer *timer;
    struct owed owed;
    char *kept_path;
    bool maintenance, resumed;
    uint8_t resumed_id[SIREN_ID];
    struct waiting notes[NOTES]; /* a ring, oldest first */
    unsigned first, count;
    bool put_failed;
};

static struct siren_time now_of(const struct site *s)
{
    return (struct siren_time){.own_us = loop_exact_us(s->set.loop),
                               .utc_us = loop_utc_us(s->set.loop),
                               .utc_known = s->set.clock_is_known(s->set.arg)};
}

/* One timer: reports first, then the siren's next step. */
static void arm(struct site *s)
{
    uint64_t due_us = siren_due_us(&s->siren), now_us = loop_exact_us(s->set.loop);
    uint64_t wait_ms = due_us <= now_us ? 0 : (due_us - now_us + 999) / 1000;

    if (s->count && !s->put_failed)
        wait_ms = 0;
    else if (s->count && wait_ms > AGAIN_MS)
        wait_ms = AGAIN_MS;
    if (s->count || due_us != UINT64_MAX)
        loop_timer_start(s->timer, (unsigned)(wait_ms < 3600000 ? wait_ms : 3600000), 0);
    else
        loop_timer_stop(s->timer);
}

/* --- the siren's hands ------------------------------------------------------------------------ */

static void on_drive(void *arg, const struct siren_wish *w)
{
    struct site *s = arg;

    log_info("siren.drive", "verb=%s pattern=%s seconds=%" PRIu32, siren_verb_word(w->verb),
             w->verb == SIREN_ON ? siren_pattern_word(w->pattern) : "-",
             w->verb == SIREN_ON ? w->duration_s : 0);
    s->driver->drive(s->driver, w);
}

static void on_answered(void *arg, const struct siren_answer *a)
{
    struct site *s = arg;
    struct siren_time t = now_of(s);

    if (!a->done)
        log_error("siren.driver", "code=%s next=\"tried again\"", a->code);
    siren_answered(&s->siren, a, &t);
    arm(s);
}

static void on_note(void *arg, const struct siren_note *n)
{
    struct site *s = arg;

    if (s->count == NOTES) {
        log_error("siren.reports.lost", "waiting=%u next=\"the oldest is given up\"", s->count);
        s->first = (s->first + 1) % NOTES;
        s->count--;
    }
    s->notes[(s->first + s->count++) % NOTES] =
        (struct waiting){.note = *n, .event_us = loop_utc_us(s->set.loop)};
    arm(s);
}

static void on_keep(void *arg, const struct siren_sound *sound)
{
    struct site *s = arg;

    if (siren_kept_write(s->kept_path, sound) != ST_OK)
        log_error("siren.unkept", "path=%s why=%s next=\"a power cut would end it\"", s->kept_path,
                  strerror(errno));
}

/* --- reports ---------------------------------------------------------------------------------- */

static enum status put_note(struct site *s, const struct waiting *w)
{
    Eocbus__V1__SirenReport body = EOCBUS__V1__SIREN_REPORT__INIT;
    struct siren_note n = w->note;

    body.site = (char *)(uintptr_t)s->speaker.gateway;
    body.cause_id = (ProtobufCBinaryData){sizeof(n.cause), n.cause};
    body.result = n.result;
    body.started_us = n.started_us;
    body.sounded_s = n.sounded_s;
    body.mic_level_ddb = n.mic_level_ddb;
    body.battery_mv = n.battery_mv;
    body.code = n.code;
    return say_siren_report(&s->speaker, &body, w->event_us, s->set.is_linked(s->set.arg));
}

/* What is refused by the gate would be refused for ever. */
static bool is_settled(const struct site *s, enum status st)
{
    if (st == ST_INVALID)
        log_error("siren.report.unsaid", "code=%s path=%s",
                  s->speaker.why.code ? s->speaker.why.code : "", s->speaker.why.path);
    return st == ST_OK || st == ST_INVALID;
}

/* All that wait, and one commit; what a commit did not keep is put again. */
static void put_notes(struct site *s)
{
    unsigned put = 0;
    enum status st = ST_OK;

    while (put < s->count) {
        st = put_note(s, &s->notes[(s->first + put) % NOTES]);
        if (!is_settled(s, st))
            break;
        put++;
    }
    if (put && s->set.commit(s->set.arg) != ST_OK)
        put = 0;
    s->first = (s->first + put) % NOTES;
    s->count -= put;
    s->put_failed = s->count != 0;
    if (s->put_failed)
        log_warn("siren.report.waits", "waiting=%u status=%s retry_ms=%d", s->count,
                 status_name(st), AGAIN_MS);
}

static void on_timer(void *arg)
{
    struct site *s = arg;
    struct siren_time t = now_of(s);

    siren_tick(&s->siren, &t);
    if (s->count)
        put_notes(s);
    arm(s);
}

/* --- life ------------------------------------------------------------------------------------- */

static void go_on(struct site *s)
{
    struct siren_time t = now_of(s);
    struct siren_sound kept;
    enum status st = siren_kept_read(s->kept_path, &kept);

    if (st == ST_OK) {
        log_warn("siren.resumed", "pattern=%s seconds=%" PRIu32 " sounded=%" PRIu32,
                 siren_pattern_word(kept.pattern), kept.duration_s, kept.sounded_s);
        s->resumed = true;
        memcpy(s->resumed_id, kept.cause, sizeof(s->resumed_id));
        siren_resume(&s->siren, &kept, &t);
    } else if (st != ST_NOTFOUND) {
        log_error("siren.unread", "path=%s status=%s next=\"silent until it is asked\"",
                  s->kept_path, status_name(st));
    }
}

static enum status start(struct site *s, char *err, size_t err_size)
{
    const struct siren_hands hands = {s, on_drive, on_note, on_keep};
    const struct siren_driver_settings driver = {.loop = s->set.loop,
                                                 .line = s->set.driver,
                                                 .timeout_ms = s->set.timeout_ms,
                                                 .publish = s->set.publish,
                                                 .publish_arg = s->set.arg,
                                                 .arg = s,
                                                 .answered = on_answered};
    enum status st = siren_rules_read(&s->rules, s->set.sounds, err, err_size);

    siren_begin(&s->siren, &hands);
    if (st == ST_OK)
        st = loop_timer_create(&s->timer, s->set.loop, on_timer, s);
    if (st == ST_OK && *s->set.driver)
        st = siren_driver_create(&s->driver, &driver, err, err_size);
    return st;
}

static bool begin_owed(struct site *s)
{
    char path[1040];
    int n = snprintf(path, sizeof(path), "%s.owed", s->kept_path);

    return n > 0 && (size_t)n < sizeof(path) && owed_begin(&s->owed, path);
}

enum status site_create(struct site **out, const struct site_settings *set, char *err,
                        size_t err_size)
{
    struct site *s = mem_zalloc(sizeof(*s));
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!s)
        return ST_NOMEM;
    s->set = *set;
    s->speaker = *set->speaker;
    s->speaker.put = set->put;
    s->speaker.arg = set->arg;
    s->kept_path = mem_strdup(set->kept_path);
    st = s->kept_path && begin_owed(s) ? start(s, err, err_size) : ST_NOMEM;
    if (st != ST_OK) {
        site_destroy(s);
        return st;
    }
    if (s->driver)
        go_on(s);
    arm(s);
    *out = s;
    return ST_OK;
}

void site_destroy(struct site *s)
{
    if (!s)
        return;
    siren_driver_destroy(s->driver);
    loop_timer_destroy(s->timer);
    owed_end(&s->owed);
    mem_free(s->kept_path);
    mem_free(s);
}

/* --- what it is asked ------------------------------------------------------------------------- */

void site_maintenance(struct site *s, bool on)
{
    s->maintenance = on;
}

bool site_has_siren(const struct site *s)
{
    return s->driver != NULL;
}

bool site_clock_is_known(const struct site *s)
{
    return s->set.clock_is_known(s->set.arg);
}

bool site_goes_on_with(const struct site *s, const uint8_t message_id[16])
{
    return s->resumed && memcmp(s->resumed_id, message_id, SIREN_ID) == 0;
}

static void sound_by_itself(struct site *s, const struct siren_sound *sound,
                            const struct siren_time *t)
{
    s->resumed = false;
    siren_sound(&s->siren, sound, SIREN_EDGE_LIVES_S * UINT64_C(1000), t);
    arm(s);
    owed_set(&s->owed, NULL);
    log_warn("siren.sounds", "pattern=%s seconds=%" PRIu32, siren_pattern_word(sound->pattern),
             sound->duration_s);
}

/* By a clock that nobody keeps, what is seen now may look old. */
static bool is_late(const struct site *s, int64_t seen_us, const struct siren_time *t)
{
    return s->set.late_us && t->utc_known && seen_us < t->utc_us - s->set.late_us;
}

static void end_owed_above(struct site *s, Eocbus__V1__DetectionLevel level)
{
    if (!s->owed.is || level >= s->owed.sound.level)
        return;
    log_info("siren.owed.over", "level=%d owed=%d", (int)level, (int)s->owed.sound.level);
    owed_set(&s->owed, NULL);
}

/* What was owed by a clock that nobody kept, or by one that has been set back, ages from now on. */
static void age_owed(struct site *s, const struct siren_time *t)
{
    struct siren_sound sound = s->owed.sound;

    if (!t->utc_known)
        return;
    if (sound.asked_us <= 0 || sound.asked_us > t->utc_us) {
        sound.asked_us = t->utc_us;
        owed_set(&s->owed, &sound);
    } else if (t->utc_us - sound.asked_us >= SITE_OWED_H * HOUR_US) {
        log_warn("siren.owed.old", "level=%d age_s=%" PRId64 " next=\"it is dropped\"",
                 (int)sound.level, (t->utc_us - sound.asked_us) / 1000000);
        owed_set(&s->owed, NULL);
    }
}

bool site_concluded(struct site *s, const Eocbus__V1__Envelope *m, const uint8_t message_id[16])
{
    const struct siren_case c = {
        .status = m->status, .maintenance = s->maintenance, .concluded = m->sensor_detection};
    const struct siren_rule *line = s->driver ? siren_line(&s->rules, &c) : NULL;
    struct siren_time t = now_of(s);
    struct siren_sound sound = {.asked_us = t.utc_us};
    bool late = is_late(s, m->event_time_us, &t);

    if (m->status == EOCBUS__V1__STATUS__STATUS_ACTUAL)
        end_owed_above(s, m->sensor_detection->level);
    if (!line)
        return false;
    memcpy(sound.cause, message_id, sizeof(sound.cause));
    sound.pattern = line->pattern;
    sound.duration_s = line->duration_s;
    if (!late && siren_decide(&s->rules, &c)) {
        sound_by_itself(s, &sound, &t);
        return true;
    }
    log_warn("siren.owed",
             "level=%d why=\"%s\" age_s=%" PRId64 " next=\"sounds when the flow is seen now\"",
             (int)m->sensor_detection->level,
             late             ? "old readings"
             : s->maintenance ? "maintenance"
                              : "nobody saw the flow",
             (t.utc_us - m->event_time_us) / 1000000);
    sound.level = m->sensor_detection->level;
    sound.asked_us = t.utc_known ? t.utc_us : 0;
    owed_set(&s->owed, &sound);
    return false;
}

void site_look(struct site *s, Eocbus__V1__DetectionLevel holds, int64_t flow_us)
{
    struct siren_time t;
    struct siren_sound sound;

    if (!s->owed.is || !s->driver || s->speaker.status != EOCBUS__V1__STATUS__STATUS_ACTUAL)
        return;
    t = now_of(s);
    age_owed(s, &t);
    if (!s->owed.is || s->maintenance || holds < s->owed.sound.level || flow_us == INT64_MIN ||
        is_late(s, flow_us, &t))
        return;
    sound = s->owed.sound;
    sound.level = 0;
    sound.asked_us = t.utc_us;
    sound_by_itself(s, &sound, &t);
}

/* Its life: what is left by UTC, and never more than it was drawn up with. */
static void sound_by_order(struct site *s, const Eocbus__V1__Envelope *m,
                           const struct siren_time *t)
{
    const Eocbus__V1__SirenCommand *c = m->siren_command;
    int64_t end_us = m->sent_time_us + (int64_t)c->remaining_ms * 1000;
    struct siren_sound sound = {.by_order = true,
                                .pattern = c->pattern,
                                .duration_s = c->duration_s ? c->duration_s : DEFAULT_S,
                                .recording = c->recording,
                                .asked_us = t->utc_us};
    uint64_t left_ms;

    if (m->not_after_us && m->not_after_us < end_us)
        end_us = m->not_after_us;
    left_ms = end_us > t->utc_us ? (uint64_t)(end_us - t->utc_us) / 1000 : 0;
    sound.begin_by_us = end_us;
    memcpy(sound.cause, m->message_id.data, sizeof(sound.cause));
    s->resumed = false;
    siren_sound(&s->siren, &sound, left_ms < c->remaining_ms ? left_ms : c->remaining_ms, t);
}

void site_obey(struct site *s, const Eocbus__V1__Envelope *m)
{
    struct siren_time t = now_of(s);

    log_warn("siren.ordered", "sender=%s action=%d pattern=%d", m->sender,
             (int)m->siren_command->action, (int)m->siren_command->pattern);
    switch (m->siren_command->action) {
    case EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SOUND:
        sound_by_order(s, m, &t);
        break;
    case EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SILENCE:
        owed_set(&s->owed, NULL);
        siren_silence(&s->siren, m->message_id.data, &t);
        break;
    case EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SELF_TEST:
        siren_test(&s->siren, m->message_id.data, &t);
        break;
    default:
        site_refuse(s, m, RESULT(REFUSED), "unknown_action");
    }
    arm(s);
}

void site_refuse(struct site *s, const Eocbus__V1__Envelope *m, Eocbus__V1__SirenResult result,
                 const char *code)
{
    struct siren_note n = {.result = result};

    log_warn("siren.refused", "sender=%s code=%s", m->sender, code);
    memcpy(n.cause, m->message_id.data, sizeof(n.cause));
    snprintf(n.code, sizeof(n.code), "%s", code);
    on_note(s, &n);
}
