/* outbox - what an agent has said and the bus has not yet confirmed, on disk, in SQLite.
 *
 * A message is safe from the moment outbox_commit answers ST_OK: WAL with synchronous=FULL. It gets its
 * place there (epoch, lane, lane_seq) and its message_id, and its bytes never change again. A row leaves
 * `waiting` only on a receipt: STORED rows are kept for seven days within the budget (a restored database
 * may ask for them again), REFUSED rows until a person has seen them. Never put the file on NFS.
 * One process sends (outbox_lock); any number may put. */
#ifndef EOCBUS_LINK_OUTBOX_H
#define EOCBUS_LINK_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"
#include "proto/wire/gate.h"

struct outbox;

struct outbox_settings {
    const char *path;
    const char *sender;       /* principal's name; an outbox belongs to one sender for ever */
    size_t budget_bytes;      /* of the file; 1 GiB */
    unsigned keep_stored_s;   /* 7 days */
    int64_t (*utc_us)(void *arg);
    void (*random)(void *arg, void *out, size_t len);
    void *arg;
};

/* ST_DENIED: the file belongs to another sender. ST_IO, ST_INVALID: not usable; `err` says what to do. */
MUST_CHECK enum status outbox_open(struct outbox **out, const struct outbox_settings *set, char *err,
                                   size_t err_size);
void outbox_close(struct outbox *o);
uint64_t outbox_epoch(const struct outbox *o);

/* Fills in message_id (if empty), schema, sender, epoch, lane_seq, sent_time_us, originating_id (if
 * empty) of *m, checks it at the gate, packs it and adds it to the running transaction.
 * ST_INVALID: `why`. ST_FULL: disk or budget is full; nothing was taken. tag: name of the row. */
MUST_CHECK enum status outbox_put(struct outbox *o, Eocbus__V1__Envelope *m, uint64_t *tag,
                                  struct refusal *why);
/* The same with bytes already packed, without the gate; for tests of refusals and for carriers. */
MUST_CHECK enum status outbox_put_raw(struct outbox *o, unsigned lane, const void *content,
                                      size_t len, uint64_t *tag);
/* Work that may be repeated: from here on puts belong to `key` (NULL ends it) and are counted 1, 2, 3 ...
 * The counting is durable in the same transaction as the rows, so a command that was killed anywhere can
 * be run again whole with the same key: a put whose count is there already takes nothing, answers
 * ST_EXISTS and gives the tag of its first run. The command must say the same things in the same order. */
MUST_CHECK enum status outbox_once(struct outbox *o, const char *key);
/* Makes everything put so far durable (one fsync). */
MUST_CHECK enum status outbox_commit(struct outbox *o);

struct outbox_row {
    uint64_t tag, lane_seq;
    unsigned lane;
    const uint8_t *content, *signature;
    size_t content_len, signature_len;
};
/* The next waiting rows behind nothing that is in flight: most urgent lane first, then lane_seq; at most
 * max_rows and max_bytes. `each` borrows the row and answers false to stop. */
MUST_CHECK enum status outbox_next(struct outbox *o, unsigned max_rows, size_t max_bytes,
                                   bool (*each)(void *arg, const struct outbox_row *row), void *arg);
void outbox_in_flight(struct outbox *o, uint64_t tag, bool in_flight); /* memory only */
void outbox_nothing_in_flight(struct outbox *o);

struct outbox_outcome {
    bool stored;              /* else refused */
    bool repeated, expired;
    uint32_t log_epoch;
    uint64_t seq;
    const char *code, *path, *text; /* of a refusal */
};
/* Joined with the running transaction; durable with the next outbox_commit. */
MUST_CHECK enum status outbox_settle(struct outbox *o, uint64_t tag,
                                     const struct outbox_outcome *oc);
/* The state of one row: 0 waiting, 1 stored, 2 refused, 3 refused and seen. */
MUST_CHECK enum status outbox_state(struct outbox *o, uint64_t tag, int *state,
                                    struct outbox_outcome *oc, struct arena *texts);
/* Refused rows no person has seen yet; and "seen". */
MUST_CHECK enum status outbox_refused(struct outbox *o,
                                      bool (*each)(void *arg, const struct outbox_row *row,
                                                   const struct outbox_outcome *oc),
                                      void *arg);
MUST_CHECK enum status outbox_seen(struct outbox *o, uint64_t tag);
/* A new log epoch: stored rows are offered again. */
MUST_CHECK enum status outbox_offer_again(struct outbox *o, uint32_t log_epoch);

struct outbox_counts {
    uint64_t waiting[6], stored, refused, bytes, put; /* waiting by lane number; put: ever */
};
MUST_CHECK enum status outbox_counts(struct outbox *o, struct outbox_counts *out);

/* Every row still kept, in the order of the tags, whatever became of it (state as in outbox_state; oc is
 * zero while it waits); for comparing what was said with what was stored. */
MUST_CHECK enum status outbox_each(struct outbox *o,
                                   bool (*each)(void *arg, const struct outbox_row *row, int state,
                                                const struct outbox_outcome *oc),
                                   void *arg);

/* Only one process uplinks a file: ST_EXISTS if another does. */
MUST_CHECK enum status outbox_lock(struct outbox *o);
/* True if another process has put or settled since the last call. */
bool outbox_changed(struct outbox *o);
/* Drop what is past its keeping time or over the budget, oldest stored first; frees in small steps. */
MUST_CHECK enum status outbox_tidy(struct outbox *o);

#endif
