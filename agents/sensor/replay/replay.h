/* replay - plays records from files as if they came now: several files merged by time, judged,
 * batched and looked at by detectors, shifted to another date. Deterministic: the same settings and
 * files say the same messages in the same order, whatever the speed and however often it is begun
 * again. That is what lets outbox_once_from skip what an earlier run has said.
 *
 *   replay = FORMAT PATH [COLUMN:]DATASTREAM... [zone=+HH:MM] [shift=FROM=TO] [samples=N]
 *
 * zone: of the file's clock (default +00:00). shift: both ISO 8601; the instant FROM becomes TO.
 * samples: in place of batch.samples. */
#ifndef EOCBUS_SENSOR_REPLAY_H
#define EOCBUS_SENSOR_REPLAY_H

#include "agents/sensor/quality/quality.h"
#include "agents/sensor/report/batch.h"
#include "agents/sensor/input/formats.h"

enum { REPLAY_SOURCES = 16 };

struct replay;

struct replay_settings { /* everything is borrowed for the replay's life but the lists */
    const struct station *station;
    const struct conf_list *replays, *detectors, *quality; /* quality may be NULL */
    const struct speaker *speaker; /* copied; its put and flags are replaced */
    size_t batch_samples;
    int64_t batch_period_us, hold_us;
    double speed; /* data seconds per second; 0 = as fast as it is called */
    /* As the speaker's; ST_EXISTS: it was said in an earlier run. */
    enum status (*put)(void *arg, Eocbus__V1__Envelope *m, struct refusal *why);
    void *arg;
};

/* Opens the files. `err` is a sentence. */
MUST_CHECK enum status replay_create(struct replay **out, const struct replay_settings *set,
                                     char *err, size_t err_size);
void replay_destroy(struct replay *r);

/* Plays records until `messages` were put or none is due. ST_OK: call again in *wait_ms.
 * ST_NOTFOUND: everything was said. ST_INVALID: a message was refused, replay_trouble says why; it
 * makes no sense to go on. Anything else is the outbox's: call replay_rewind and begin again. */
MUST_CHECK enum status replay_play(struct replay *r, unsigned messages, uint64_t now_us,
                                   unsigned *wait_ms);
MUST_CHECK enum status replay_rewind(struct replay *r);

const char *replay_key(const struct replay *r); /* of settings and files; for outbox_once_from */
const char *replay_trouble(const struct replay *r);

struct replay_counts {
    uint64_t said, repeated, records, bad_lines;
    int64_t data_us; /* of the record played last */
};
void replay_counts(const struct replay *r, struct replay_counts *out);

#endif
