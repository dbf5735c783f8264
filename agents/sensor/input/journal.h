/* journal - what came in and what was made of it, on disk before anybody is told that it is safe.
 *
 * Append-only, in segments PATH/SERIAL.journal. Entries gather in memory and go to disk together:
 * journal_sync writes one frame with a sum over it and calls fdatasync once. After a power cut or a
 * kill a frame is there whole or not at all; a torn one at the end is cut off at the next open, a
 * damaged one in the middle is skipped and counted.
 *
 * Samples are numbered 1, 2, 3 ... for ever; so are messages. What is made of samples (messages for
 * the outbox, how many samples of a channel are in none yet) stands in the same frame, so that both
 * are true together: read again from the start, the journal tells which samples still have to go
 * into a message, and which messages may not be in the outbox yet.
 *
 * Room for the newest segment and one more is taken ahead: a disk that others fill stops nothing
 * before they are used up.
 *
 * Old segments go when they are older than keep_us, and earlier when the budget needs their room,
 * but never what lies behind the floor (journal_floor): then journal_sync answers ST_FULL. */
#ifndef EOCBUS_SENSOR_JOURNAL_H
#define EOCBUS_SENSOR_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/mem.h"
#include "proto/base/status.h"
#include "proto/wire/observations.h"

struct journal;

struct journal_settings { /* borrowed for the call */
    const char *path;     /* a folder; made if it is not there */
    size_t budget_bytes, segment_bytes;
    int64_t keep_us;
    int64_t now_us; /* UTC */
    bool looks;     /* only reads, also beside the gateway that writes */
};

enum journal_kind {
    JOURNAL_SAMPLE = 1, /* a sample that came in: datastream, exponent, sample */
    JOURNAL_MESSAGE,    /* a message made of samples: number, bytes */
    JOURNAL_HELD,    /* from here on the newest `number` samples of `datastream` are in no message
                      */
    JOURNAL_DONE,    /* messages up to `number` are in the outbox */
    JOURNAL_LEVEL,   /* a conclusion was made a message: `number` is its level */
    JOURNAL_SEEN,    /* `number` tells a message of a device apart, which was taken */
    JOURNAL_FLOOR,   /* the journal's own: the floor when a segment began */
    JOURNAL_UNKNOWN, /* what nobody could read: bytes; the `number`-th of its source */
};

struct journal_entry {
    enum journal_kind kind;
    uint64_t number; /* of a sample: its own */
    uint32_t datastream;
    int exponent;
    struct sample sample;
    const uint8_t *bytes; /* borrowed for the call */
    size_t len;
};

/* ST_IO, ST_INVALID: `err` is a sentence. One process has a journal open (ST_EXISTS). */
MUST_CHECK enum status journal_open(struct journal **out, const struct journal_settings *set,
                                    char *err, size_t err_size);
/* What was not synced is gone; NULL is allowed. */
void journal_close(struct journal *j);

/* Every entry on disk, oldest first, from the segment on that may hold samples younger than from_us
 * or what lies behind the floor. `each` answers false to stop. */
MUST_CHECK enum status journal_read(struct journal *j, int64_t from_us,
                                    bool (*each)(void *arg, const struct journal_entry *e),
                                    void *arg);

/* Into memory; e->number of a sample is given here (journal_last). */
void journal_add(struct journal *j, const struct journal_entry *e);
bool journal_has_news(const struct journal *j); /* something is not on disk yet */
/* To disk. ST_OK: all that was added is safe. ST_FULL (disk or budget), ST_IO, ST_NOMEM: nothing
 * that was added since the last sync is kept; the numbers go back, too. After ST_IO the file is not
 * believed any more: the next sync begins a segment of its own. */
MUST_CHECK enum status journal_sync(struct journal *j, int64_t now_us);
void journal_forget(struct journal *j); /* what was added since the last sync */

uint64_t journal_last(const struct journal *j); /* number of the sample added last */
/* Samples from `number` on are still needed. */
void journal_floor(struct journal *j, uint64_t number);
uint64_t journal_id(const struct journal *j); /* made once, when the journal was */

struct journal_counts {
    uint64_t bytes, samples, damaged; /* damaged: frames or stretches that could not be read */
    unsigned segments;
};
void journal_counts(const struct journal *j, struct journal_counts *out);

#endif
