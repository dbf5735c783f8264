/* siren - one siren, from the wish that it sounds to the report of what it did. Pure: time comes
 * with each call, and hands drive it, note what became of it, and keep what a power cut must not
 * forget.
 *
 *            sound                 it drives              its time is over, or silence
 *   QUIET ──────────▶ STARTING ──────────────▶ SOUNDING ──────────────┐
 *     ▲                │    ▲ a moment later       │ another sound:   ▼
 *     │          fails ▼    │                      └▶ STARTING      ENDING ──▶ QUIET
 *     │               AGAIN ┘                                         │ ▲
 *     └──────────────── its time to begin is over ─▶ ENDING     fails ▼ │ a moment later
 *                                                                STUCK ─┘
 *
 * The newest wish wins. A sound that cannot be started is tried again, after 1, 2, 4, 8, then every
 * 10 s, as long as it may begin: an order until its own end, by our own timer as well as by UTC, so
 * that a clock set back revives nothing; what the gateway decided itself for a quarter of an hour.
 * A siren that cannot be stopped is told to stop until it does.
 *
 * A sound that a power cut ended goes on for what is left of it, if it may still begin or its time
 * is not over. An order does so only where UTC is known. */
#ifndef EOCBUS_SENSOR_SIREN_H
#define EOCBUS_SENSOR_SIREN_H

#include <stdbool.h>
#include <stdint.h>

#include "eocbus/v1/envelope.pb-c.h"

enum { SIREN_ID = 16, SIREN_CODE = 41, SIREN_EDGE_LIVES_S = 900, SIREN_MARK_S = 10 };

struct siren_time {
    uint64_t own_us; /* only goes forward */
    int64_t utc_us;
    bool utc_known;
};

/* What the driver is asked for, and what it answers. */
enum siren_verb { SIREN_ON, SIREN_OFF, SIREN_TEST };
struct siren_wish {
    enum siren_verb verb;
    Eocbus__V1__SirenPattern pattern; /* of ON */
    uint32_t duration_s;              /* of ON: it may end by itself then, if nobody says OFF */
    uint32_t recording;
};
struct siren_answer {
    bool done;
    char code[SIREN_CODE];              /* of a failure: "timeout", "exit_3" */
    uint32_t mic_level_ddb, battery_mv; /* 0 = not measured */
};

/* A sound that was asked for; this is what is kept on disk. */
struct siren_sound {
    uint8_t cause[SIREN_ID]; /* the detection or the command */
    bool by_order;
    Eocbus__V1__SirenPattern pattern;
    uint32_t duration_s, recording;
    int64_t asked_us, begin_by_us; /* UTC; begin_by_us of an order only */
    int64_t started_us;            /* UTC; 0 = not yet */
    uint32_t sounded_s;            /* as of the last mark */
    /* Of one that is owed (owed.h): what was concluded; 0 = of no level, or none was kept. */
    Eocbus__V1__DetectionLevel level;
};

struct siren_note {
    uint8_t cause[SIREN_ID];
    Eocbus__V1__SirenResult result;
    int64_t started_us;
    uint32_t sounded_s, mic_level_ddb, battery_mv;
    char code[SIREN_CODE];
};

struct siren_hands {
    void *arg;
    /* Gives up what it was asked before, which is not answered any more. siren_answered may be
     * called from inside. */
    void (*drive)(void *arg, const struct siren_wish *w);
    void (*note)(void *arg, const struct siren_note *n);
    void (*keep)(void *arg, const struct siren_sound *s); /* NULL: nothing sounds */
};

enum siren_state {
    SIREN_QUIET,
    SIREN_STARTING,
    SIREN_AGAIN,
    SIREN_SOUNDING,
    SIREN_ENDING,
    SIREN_STUCK,
    SIREN_TESTING
};

struct siren {
    struct siren_hands hands;
    enum siren_state state;
    bool has_sound, has_order; /* has_order: `order` waits for silence, or is a test */
    struct siren_sound sound;
    uint8_t order[SIREN_ID];
    uint64_t begin_by_own_us, begun_own_us, end_own_us, try_own_us, mark_own_us;
    unsigned failures;
    struct siren_answer heard; /* of the start */
};

void siren_begin(struct siren *s, const struct siren_hands *hands);
/* It goes on after a start of the program: what the file had. */
void siren_resume(struct siren *s, const struct siren_sound *kept, const struct siren_time *t);
/* started_us and sounded_s are not looked at. left_ms: from now until it may not begin any more. */
void siren_sound(struct siren *s, const struct siren_sound *sound, uint64_t left_ms,
                 const struct siren_time *t);
void siren_silence(struct siren *s, const uint8_t order[SIREN_ID], const struct siren_time *t);
void siren_test(struct siren *s, const uint8_t order[SIREN_ID], const struct siren_time *t);
void siren_answered(struct siren *s, const struct siren_answer *a, const struct siren_time *t);
void siren_tick(struct siren *s, const struct siren_time *t);
/* When the next tick is due, own time; UINT64_MAX = not. */
uint64_t siren_due_us(const struct siren *s);

#endif
