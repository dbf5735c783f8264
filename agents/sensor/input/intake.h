/* intake - the one door for samples, wherever they came in: each is judged, concluded from, and
 * gathered for the bus. A conclusion is put at once, before anything else is looked at.
 *
 * A sample that is taken is not safe yet. It is with the next intake_commit that answers ST_OK, and
 * only then is whoever sent it told so; until then they keep it. When it answers anything else,
 * everything taken since the commit before is gone, and they send it again. The same sample
 * (channel, time, value) among the last few thousand is taken once.
 *
 * With a journal a sample is safe when it is there; messages of it are made when a batch is full,
 * and go through the journal into the outbox, each once, whatever is killed when. Without one it is
 * safe when its message is in the outbox, which is made at once.
 *
 * Inputs that wait for a commit put a waiter on the list: each is told of every commit. */
#ifndef EOCBUS_SENSOR_INTAKE_H
#define EOCBUS_SENSOR_INTAKE_H

#include "agents/sensor/input/journal.h"
#include "agents/sensor/report/reporter.h"
#include "proto/base/list.h"

enum { INTAKE_ANSWER_BYTES = 200, INTAKE_SEEN = 256, INTAKE_HISTORY = 100000 };

struct intake;

struct intake_settings { /* borrowed for its life, the lists for the call */
    const struct station *station;
    const struct conf_list *detectors;
    const struct speaker *speaker; /* copied */
    size_t batch_samples;
    int64_t batch_period_us, hold_us;
    int64_t event_period_us, event_before_us, event_after_us; /* as reporter.h has them */
    struct journal *journal;                                  /* NULL = none */
    int64_t now_us;                                           /* UTC; with a journal */
    enum status (*put)(void *arg, Eocbus__V1__Envelope *m, struct refusal *why);
    enum status (*commit)(void *arg); /* durable, or gone */
    /* outbox_once_from; with a journal */
    enum status (*once)(void *arg, const char *key, uint64_t said);
    enum status (*forget)(void *arg, const char *key,
                          uint64_t upto); /* outbox_once_forget; or NULL */
    /* A conclusion, once, before it is put: what has to be done at once waits for no disk. Gives it
     * its message_id, which it keeps however often it has to be put, and answers whether a siren
     * was asked to sound for it. m is borrowed. May be NULL. */
    bool (*concluded)(void *arg, const Eocbus__V1__Envelope *m, uint8_t message_id[16]);
    /* After every sample and tick, when what was concluded from it was told: a level that holds may
     * owe something. May be NULL. */
    void (*looked)(void *arg, const struct detect *d);
    /* Adds flags to a sample that came in, before anybody looks at it. Also called, for what it
     * remembers, with the samples that the journal gives back at the start. May be NULL. */
    void (*judge)(void *arg, unsigned stream, struct sample *s, int64_t now_us);
    /* Whether the times of samples can be measured by now_us (moment.h). NULL: they can. */
    bool (*knows_time)(void *arg);
    void *arg;
};

/* With a journal: what an earlier run took and did not put is put, and what it concluded from is
 * seen again. */
MUST_CHECK enum status intake_create(struct intake **out, const struct intake_settings *set,
                                     char *err, size_t err_size);
void intake_destroy(struct intake *i);

/* stream: index in the station. now_us: UTC, when it came in. Never refuses: what cannot be kept
 * fails the next commit. */
void intake_sample(struct intake *i, unsigned stream, const struct sample *s, int64_t now_us);
/* A message of a device or a piece of a file, told apart by a hash, that may come again: true if it
 * is among the last INTAKE_SEEN that were taken. intake_took says that it is taken now, safe with
 * the next commit. */
bool intake_knows(const struct intake *i, uint64_t hash);
void intake_took(struct intake *i, uint64_t hash);
/* True when messages were made that are not committed yet: call intake_commit soon. */
bool intake_is_due(const struct intake *i);
/* Samples taken and not committed. */
size_t intake_pending(const struct intake *i);
/* Everything taken so far becomes durable. On any but ST_OK all of it is gone, and `why` says so.
 */
MUST_CHECK enum status intake_commit(struct intake *i, char why[INTAKE_ANSWER_BYTES]);
/* Time passes without samples: a level may clear, a batch may be old enough; what the outbox did
 * not take is put again. */
void intake_tick(struct intake *i, int64_t now_us);
/* Makes messages of everything that is in none yet: before the gateway ends, or when asked for. */
void intake_flush(struct intake *i, int64_t now_us);

/* Told of every commit from now on: why is NULL, or a sentence of what was not kept. */
struct intake_waiter {
    struct list link;
    void (*settled)(void *arg, const char *why);
    void *arg;
};
void intake_wait(struct intake *i, struct intake_waiter *w);
void intake_unwait(struct intake_waiter *w);

struct intake_counts {
    uint64_t samples, repeated; /* taken; the same once more */
    uint64_t lost;              /* taken and given up at a commit: their senders were told */
    uint64_t letters_bytes;     /* of messages that wait for the outbox */
};
void intake_counts(const struct intake *i, struct intake_counts *out);

/* For orders that change or ask what it concludes with. */
struct detect *intake_detect(struct intake *i);
/* As reporter_order; what it makes is durable with the next commit. */
MUST_CHECK enum status intake_order_mode(struct intake *i, Eocbus__V1__SensorMode wanted,
                                         uint32_t duration_s, int64_t now_us);
Eocbus__V1__SensorMode intake_mode(const struct intake *i);
/* What the journal has of [from_us, to_us) goes out once more, as it came in, in lane BULK and
 * marked BACKFILLED. *count: how many samples. ST_INVALID: no span, or no journal; ST_NOTFOUND:
 * there are none; ST_FULL: more than INTAKE_HISTORY, and nothing is said; ST_NOMEM; ST_IO: part of
 * it may be said. */
MUST_CHECK enum status intake_history(struct intake *i, int64_t from_us, int64_t to_us,
                                      int64_t now_us, size_t *count);
void intake_linked(struct intake *i, bool up); /* as reporter_linked; true at the beginning */
const struct station *intake_station(const struct intake *i);

#endif
