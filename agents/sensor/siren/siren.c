/* siren - see siren.h. */
#include "agents/sensor/siren/siren.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

#define RESULT(word) EOCBUS__V1__SIREN_RESULT__SIREN_RESULT_##word
#define SECOND_US    UINT64_C(1000000)

void siren_begin(struct siren *s, const struct siren_hands *hands)
{
    memset(s, 0, sizeof(*s));
    s->hands = *hands;
}

static void drive(struct siren *s, enum siren_state state, enum siren_verb verb)
{
    const struct siren_wish w = {.verb = verb,
                                 .pattern = s->sound.pattern,
                                 .duration_s = s->sound.duration_s,
                                 .recording = s->sound.recording};

    s->state = state; /* before: it may answer at once */
    s->hands.drive(s->hands.arg, &w);
}

static void keep(struct siren *s)
{
    s->hands.keep(s->hands.arg, s->has_sound ? &s->sound : NULL);
}

/* --- notes ------------------------------------------------------------------------------------ */

static void note(struct siren *s, const struct siren_note *n)
{
    s->hands.note(s->hands.arg, n);
}

static void note_sound(struct siren *s, Eocbus__V1__SirenResult result, const char *code)
{
    struct siren_note n = {.result = result,
                           .started_us = s->sound.started_us,
                           .sounded_s = s->sound.sounded_s,
                           .mic_level_ddb = s->heard.mic_level_ddb,
                           .battery_mv = s->heard.battery_mv};

    memcpy(n.cause, s->sound.cause, sizeof(n.cause));
    snprintf(n.code, sizeof(n.code), "%s", code);
    note(s, &n);
}

static void note_order(struct siren *s, Eocbus__V1__SirenResult result,
                       const struct siren_answer *a)
{
    struct siren_note n = {
        .result = result, .mic_level_ddb = a->mic_level_ddb, .battery_mv = a->battery_mv};

    memcpy(n.cause, s->order, sizeof(n.cause));
    snprintf(n.code, sizeof(n.code), "%s", a->code);
    s->has_order = false;
    note(s, &n);
}

static void fail_order(struct siren *s, Eocbus__V1__SirenResult result, const char *code)
{
    struct siren_answer a = {.done = false};

    snprintf(a.code, sizeof(a.code), "%s", code);
    note_order(s, result, &a);
}

static Eocbus__V1__SirenResult result_of(const struct siren_answer *a)
{
    return a->mic_level_ddb ? RESULT(HEARD) : RESULT(SOUNDED);
}

static uint32_t seconds_since(uint64_t from_us, const struct siren_time *t)
{
    return (uint32_t)((t->own_us - from_us + SECOND_US / 2) / SECOND_US);
}

/* --- sounding --------------------------------------------------------------------------------- */

static void count_seconds(struct siren *s, const struct siren_time *t)
{
    if (s->begun_own_us)
        s->sound.sounded_s = seconds_since(s->begun_own_us, t);
}

/* What was asked before makes room, and its end is told. */
static void put_aside(struct siren *s, const struct siren_time *t)
{
    if (s->has_order)
        fail_order(s, RESULT(FAILED), "interrupted");
    if (!s->has_sound)
        return;
    count_seconds(s, t);
    if (s->begun_own_us)
        note_sound(s, result_of(&s->heard), "");
    else
        note_sound(s, RESULT(FAILED), "replaced");
    s->has_sound = false;
}

void siren_sound(struct siren *s, const struct siren_sound *sound, uint64_t left_ms,
                 const struct siren_time *t)
{
    put_aside(s, t);
    s->sound = *sound;
    s->sound.started_us = 0;
    s->sound.sounded_s = 0;
    s->has_sound = true;
    s->begin_by_own_us = t->own_us + left_ms * 1000;
    s->begun_own_us = 0;
    s->failures = 0;
    memset(&s->heard, 0, sizeof(s->heard));
    /* Own decision: sound first, write then. An order is on disk first, as it was taken. */
    if (sound->by_order)
        keep(s);
    drive(s, SIREN_STARTING, SIREN_ON);
    if (!sound->by_order && s->has_sound)
        keep(s);
}

/* A power cut before the driver answers leaves nothing to go on with, and OFF is said again. */
static void keep_no_rest(struct siren *s)
{
    struct siren_sound over = s->sound;

    over.duration_s = over.sounded_s;
    if (s->has_sound)
        s->hands.keep(s->hands.arg, &over);
}

void siren_silence(struct siren *s, const uint8_t order[SIREN_ID], const struct siren_time *t)
{
    if (s->has_order)
        fail_order(s, RESULT(FAILED), "interrupted");
    count_seconds(s, t);
    keep_no_rest(s);
    memcpy(s->order, order, SIREN_ID);
    s->has_order = true;
    s->failures = 0;
    drive(s, SIREN_ENDING, SIREN_OFF);
}

void siren_test(struct siren *s, const uint8_t order[SIREN_ID], const struct siren_time *t)
{
    (void)t;
    if (s->state != SIREN_QUIET) {
        struct siren_note n = {.result = RESULT(REFUSED), .code = "sounding"};

        memcpy(n.cause, order, sizeof(n.cause));
        note(s, &n);
        return;
    }
    memcpy(s->order, order, SIREN_ID);
    s->has_order = true;
    drive(s, SIREN_TESTING, SIREN_TEST);
}

/* --- what the driver answers ------------------------------------------------------------------ */

static void try_later(struct siren *s, enum siren_state state, const struct siren_time *t)
{
    unsigned wait_s = s->failures < 4 ? 1u << s->failures : 10;

    s->failures++;
    s->state = state;
    s->try_own_us = t->own_us + wait_s * SECOND_US;
}

static void on_start(struct siren *s, const struct siren_answer *a, const struct siren_time *t)
{
    if (!a->done) {
        if (!s->failures)
            note_sound(s, RESULT(FAILED), a->code);
        try_later(s, SIREN_AGAIN, t);
        return;
    }
    s->heard = *a;
    s->failures = 0;
    s->begun_own_us = t->own_us;
    s->end_own_us = t->own_us + s->sound.duration_s * SECOND_US;
    s->mark_own_us = t->own_us + SIREN_MARK_S * SECOND_US;
    s->sound.started_us = t->utc_us;
    s->state = SIREN_SOUNDING;
    keep(s);
    note_sound(s, result_of(a), "");
}

static void on_end(struct siren *s, const struct siren_answer *a, const struct siren_time *t)
{
    count_seconds(s, t);
    if (!a->done) {
        if (!s->failures && s->has_sound)
            note_sound(s, RESULT(FAILED), "cannot_stop");
        try_later(s, SIREN_STUCK, t);
        return;
    }
    s->state = SIREN_QUIET;
    if (s->has_sound) {
        s->has_sound = false;
        keep(s);
        if (s->has_order)
            note_sound(s, RESULT(SILENCED), "");
        else if (s->begun_own_us)
            note_sound(s, result_of(&s->heard), "");
        s->begun_own_us = 0;
    }
    if (s->has_order)
        note_order(s, RESULT(SILENCED), a);
}

void siren_answered(struct siren *s, const struct siren_answer *a, const struct siren_time *t)
{
    if (s->state == SIREN_STARTING) {
        on_start(s, a, t);
    } else if (s->state == SIREN_ENDING) {
        on_end(s, a, t);
    } else if (s->state == SIREN_TESTING) {
        s->state = SIREN_QUIET;
        note_order(s, a->done ? result_of(a) : RESULT(FAILED), a);
    }
}

/* --- time passes ------------------------------------------------------------------------------ */

static bool may_begin(const struct siren *s, const struct siren_time *t)
{
    return t->own_us < s->begin_by_own_us &&
           (!s->sound.by_order || t->utc_us < s->sound.begin_by_us);
}

/* It may be sounding all the same: a driver that hangs has done something. */
static void give_up(struct siren *s)
{
    note_sound(s, RESULT(FAILED), "gave_up");
    s->has_sound = false;
    s->failures = 0;
    keep(s);
    drive(s, SIREN_ENDING, SIREN_OFF);
}

static void mark(struct siren *s, const struct siren_time *t)
{
    count_seconds(s, t);
    s->mark_own_us = t->own_us + SIREN_MARK_S * SECOND_US;
    keep(s);
}

static void go_on(struct siren *s, const struct siren_time *t)
{
    bool is_over = t->own_us >= s->end_own_us;

    mark(s, t);
    if (is_over)
        drive(s, SIREN_ENDING, SIREN_OFF);
}

void siren_tick(struct siren *s, const struct siren_time *t)
{
    if (t->own_us < siren_due_us(s))
        return;
    if (s->state == SIREN_AGAIN && may_begin(s, t))
        drive(s, SIREN_STARTING, SIREN_ON);
    else if (s->state == SIREN_AGAIN)
        give_up(s);
    else if (s->state == SIREN_SOUNDING)
        go_on(s, t);
    else if (s->state == SIREN_STUCK)
        drive(s, SIREN_ENDING, SIREN_OFF);
}

uint64_t siren_due_us(const struct siren *s)
{
    switch (s->state) {
    case SIREN_AGAIN:
    case SIREN_STUCK:
        return s->try_own_us;
    case SIREN_SOUNDING:
        return s->mark_own_us < s->end_own_us ? s->mark_own_us : s->end_own_us;
    default:
        return UINT64_MAX;
    }
}

/* --- after a power cut ------------------------------------------------------------------------ */

/* Until when it may begin again, UTC. Of what the gateway decided itself a clock that lost its time
 * is no reason to be silent. */
static uint64_t left_ms_of(const struct siren_sound *k, const struct siren_time *t)
{
    int64_t until_us = k->asked_us + SIREN_EDGE_LIVES_S * INT64_C(1000000);
    int64_t end_us = k->started_us ? k->started_us + k->duration_s * INT64_C(1000000) : 0;

    if (!t->utc_known || t->utc_us < k->asked_us)
        return k->by_order ? 0 : SIREN_EDGE_LIVES_S * UINT64_C(1000);
    if (k->by_order)
        until_us = end_us > k->begin_by_us ? end_us : k->begin_by_us;
    else if (end_us > until_us)
        until_us = end_us;
    return until_us > t->utc_us ? (uint64_t)(until_us - t->utc_us) / 1000 : 0;
}

void siren_resume(struct siren *s, const struct siren_sound *kept, const struct siren_time *t)
{
    uint64_t left_ms = left_ms_of(kept, t);
    struct siren_sound rest = *kept;

    s->sound = *kept;
    note_sound(s, RESULT(FAILED), "power_cut");
    rest.duration_s -= kept->sounded_s < kept->duration_s ? kept->sounded_s : kept->duration_s;
    if (left_ms && rest.duration_s) {
        rest.begin_by_us = t->utc_us + (int64_t)left_ms * 1000;
        siren_sound(s, &rest, left_ms, t);
        return;
    }
    keep(s);
    drive(s, SIREN_ENDING, SIREN_OFF);
}
