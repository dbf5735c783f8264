/* outbox - what an agent has said and the bus has not yet confirmed, on disk, in SQLite.
 *
 * A message is safe from the moment outbox_commit answers ST_OK: WAL with synchronous=FULL. It gets
 * its place there (epoch, lane, lane_seq) and its message_id, and its bytes never change again. A
 * row leaves `waiting` only on a receipt: STORED rows are kept for seven days within the budget and
 * while the disk has room (a restored database may ask for them again), REFUSED rows until a person
 * has seen them. Never put the file on NFS. One process sends (outbox_lock); any number may put.
 *
 * Puts and settles gather in memory and go to disk together in one transaction. The first put since
 * the last commit takes the file's write lock, because the place of a message is part of its bytes:
 * commit soon (once a loop turn). Nothing is offered to the uplink before it is durable.
 *
 * On a full disk only FLASH is still taken, out of the ballast, as long as that lasts.
 *
 * On any but ST_OK, ST_INVALID and ST_FULL, outbox_trouble has a sentence for a person. After an
 * error of the disk (ST_IO) the outbox takes and gives nothing more: what the kernel says about a
 * file after a failed fsync is not to be believed. Start again on a sound disk.
 *
 * A damaged file is moved aside (path.damaged-TIME, for a person) with the next open, put, commit
 * or tidy, by whichever program meets the damage, and a new one with an epoch of its own takes its
 * place at once: what waited and can be read is offered from there with its bytes and its places as
 * they were, before what is put now in its lane; tags of the old file name nothing any more (ST_NOTFOUND), and outbox_epoch answers the
 * new one. Only where a new file cannot be made (disk full) nothing more is taken (ST_IO; tried
 * again each minute), and what can be read is still offered. A row whose bytes changed on the disk
 * is never offered: it is kept as refused, with the code "damaged".
 */
#ifndef EOCBUS_LINK_OUTBOX_H
#define EOCBUS_LINK_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"
#include "proto/wire/gate.h"

struct outbox;
struct signer; /* proto/base/sign.h */

struct outbox_settings {
    const char *path;
    const char *sender;     /* principal's name; an outbox belongs to one sender for ever */
    size_t budget_bytes;    /* of all its files; 0 = 1 GiB, at least 1 MiB */
    unsigned keep_stored_s; /* 0 = 7 days */
    /* Borrowed, outlives the outbox: signs what is put, over exactly its bytes; what was put
     * without one (by a command, or before the device signed) when it is offered. NULL = nothing is
     * signed. */
    const struct signer *signer;
    /* NULL = the system's clock, and only of that a message says how good it is (timekeeper.h). */
    int64_t (*utc_us)(void *arg);
    void (*random)(void *arg, void *out, size_t len); /* NULL = the system's */
    void *arg;
};

/* ST_DENIED: the file belongs to another sender. ST_IO, ST_INVALID, ST_FULL: not usable; `err` says
 * what to do. Beside `path` stand path-wal, path-shm (SQLite's), path.lock and path.ballast. */
MUST_CHECK enum status outbox_open(struct outbox **out, const struct outbox_settings *set,
                                   char *err, size_t err_size);
void outbox_close(struct outbox *o); /* what was not committed is gone; NULL is allowed */
uint64_t outbox_epoch(const struct outbox *o);
/* The newest log epoch it was, or is being, offered again for; 0 = none yet. */
uint32_t outbox_log_epoch(const struct outbox *o);
/* The highest number that its receipts name, and that number's log epoch; both 0 if none is kept.
 * What cannot be read is left out. */
void outbox_known(struct outbox *o, uint32_t *log_epoch, uint64_t *seq);
/* The last thing that went wrong, one sentence; "" if nothing did. */
const char *outbox_trouble(const struct outbox *o);

/* Fills in message_id (if empty), schema, sender, epoch, lane_seq, sent_time_us, originating_id (if
 * empty), clock_source and clock_err_ms (if there is no source) of *m, checks it at the gate, packs
 * it and adds it to what the next commit writes. What was filled in is borrowed from the outbox
 * until the next put: *m must not be given to a heap allocator that frees it (unpack into an
 * arena). ST_INVALID: `why`. ST_FULL: disk or budget is full, nothing was taken, `why` has the
 * sentence. ST_AGAIN: another process holds the file for longer than two seconds. tag: name of the
 * row. */
MUST_CHECK enum status outbox_put(struct outbox *o, Eocbus__V1__Envelope *m, uint64_t *tag,
                                  struct refusal *why);
/* The same with bytes already packed, without the gate; for tests of refusals and for carriers.
 * Such a row takes no lane_seq and is offered behind the lane's own rows, but in a file that took a
 * damaged one's place, before them. It is not signed here. */
MUST_CHECK enum status outbox_put_raw(struct outbox *o, unsigned lane, const void *content,
                                      size_t len, uint64_t *tag);
/* Another key from now on (see outbox_settings); what is signed stays as it is. */
void outbox_sign_with(struct outbox *o, const struct signer *signer);
/* As outbox_put_raw, with the signature that came with it: 64 bytes, or 0 = none. */
MUST_CHECK enum status outbox_put_carried(struct outbox *o, unsigned lane, const void *content,
                                          size_t len, const void *signature, size_t signature_len,
                                          uint64_t *tag);
/* As outbox_put, of a sealed box: with its wrapped keys beside it, as proto/wire/sealed.h keeps
 * them. They are no part of what is signed, and can be destroyed. */
MUST_CHECK enum status outbox_put_sealed(struct outbox *o, Eocbus__V1__Envelope *m,
                                         const uint8_t *keys, size_t keys_len, uint64_t *tag,
                                         struct refusal *why);
/* Destroys the wrapped keys of every row that `is_meant`, whatever became of it: it is offered
 * without them from now on. On disk, and overwritten there, when it answers. *dropped: how many. */
MUST_CHECK enum status
outbox_drop_keys(struct outbox *o, bool (*is_meant)(void *arg, const uint8_t *content, size_t len),
                 void *arg, unsigned *dropped);
/* Work that may be repeated: from here on puts belong to `key` (NULL ends it) and are counted 1, 2,
 * 3 ... The counting is durable in the same transaction as the rows, so a command that was killed
 * anywhere can be run again whole with the same key: a put whose count is there already takes
 * nothing, answers ST_EXISTS and gives the tag of its first run. The command must say the same
 * things in the same order. A put that the gate refuses is not counted. Keys are kept as long as
 * the file. Commits what is pending; when that fails, the old key's work is over all the same and
 * the new one has not begun. Puts that a failed commit gave up are not counted: say them again. */
MUST_CHECK enum status outbox_once(struct outbox *o, const char *key);
/* The same for work that goes on between other puts: `said` of its puts came before, the next one
 * counts said + 1. */
MUST_CHECK enum status outbox_once_from(struct outbox *o, const char *key, uint64_t said);
/* Work that never ends would fill the file with its counts: those up to `upto` will not be asked for
 * again. A commit of its own; what is pending is committed first. */
MUST_CHECK enum status outbox_once_forget(struct outbox *o, const char *key, uint64_t upto);
/* Makes everything put and settled so far durable (one fsync). ST_FULL, ST_IO, ST_CONFLICT: what
 * was put since the last commit is gone, settles are kept for the next one. ST_AGAIN: nothing is
 * lost, ask again. */
MUST_CHECK enum status outbox_commit(struct outbox *o);

/* For an outbox that is full of what waits: gives up the oldest `rows` (1..OUTBOX_THIN_ROWS) of a
 * lane's own waiting rows that are not in flight, and says so in one Thinned, which *m carries: its
 * body is filled in for the call. Both are durable together when it answers ST_OK; a row that goes
 * is ST_NOTFOUND from then on. What was put before is committed first. ST_NOTFOUND: no such row
 * waits. */
enum { OUTBOX_THIN_ROWS = 256 };
MUST_CHECK enum status outbox_thin(struct outbox *o, unsigned lane, unsigned rows,
                                   Eocbus__V1__Envelope *m, struct refusal *why);

struct outbox_row {
    uint64_t tag, lane_seq; /* lane_seq 0: put raw */
    unsigned lane;
    const uint8_t *content, *signature;
    size_t content_len, signature_len;
    const uint8_t *keys; /* wrapped keys, of outbox_next and outbox_behind only */
    size_t keys_len;
};

#define OUTBOX_LANE(lane) (1u << (lane))
enum { OUTBOX_ALL_LANES = 0x3e, OUTBOX_URGENT_LANES = OUTBOX_LANE(1) | OUTBOX_LANE(2) };
/* The next waiting rows that are not in flight, of the lanes in the mask: most urgent lane first,
 * then lane_seq; at most max_rows, and no row after max_bytes of content were reached (the first
 * row is always given). ST_AGAIN: the file is damaged, and the next commit begins a new one. `each`
 * borrows the row and answers false to stop; it may call outbox_in_flight. */
MUST_CHECK enum status outbox_next(struct outbox *o, unsigned lanes, unsigned max_rows,
                                   size_t max_bytes,
                                   bool (*each)(void *arg, const struct outbox_row *row),
                                   void *arg);
/* The same for one lane, in flight or not, of rows behind a place: behind[0] a tag of the lane's
 * own rows, behind[1] one of those put raw; 0 = from the first. */
MUST_CHECK enum status outbox_behind(struct outbox *o, unsigned lane, const uint64_t behind[2],
                                     unsigned max_rows, size_t max_bytes,
                                     bool (*each)(void *arg, const struct outbox_row *row),
                                     void *arg);
void outbox_in_flight(struct outbox *o, uint64_t tag, bool in_flight); /* memory only */
void outbox_nothing_in_flight(struct outbox *o);
unsigned outbox_tag_lane(uint64_t tag);

struct outbox_outcome {
    bool stored; /* else refused */
    bool repeated, expired;
    uint32_t verdict; /* enum Verdict, as the receipt had it; not kept with the row */
    uint32_t log_epoch;
    uint64_t seq;
    const char *code, *path, *text; /* of a refusal */
};
/* Code of a row that is no longer what was written. It counts as refused and is shown to a person;
 * no broker has seen it. */
#define OUTBOX_CODE_DAMAGED "damaged"
/* Joined with the next outbox_commit and durable with it; the row is not offered meanwhile.
 * ST_NOTFOUND: no such row; ST_EXISTS: it was settled before. */
MUST_CHECK enum status outbox_settle(struct outbox *o, uint64_t tag,
                                     const struct outbox_outcome *oc);
enum outbox_row_state { OUTBOX_WAITING, OUTBOX_STORED, OUTBOX_REFUSED, OUTBOX_SEEN };
/* The state of one row (enum outbox_row_state). ST_NOTFOUND: never there, or dropped after its
 * keeping time. `oc` and `texts` may be NULL; oc's texts live in `texts`. */
MUST_CHECK enum status outbox_state(struct outbox *o, uint64_t tag, int *state,
                                    struct outbox_outcome *oc, struct arena *texts);
/* Refused rows no person has seen yet; and "seen". */
MUST_CHECK enum status outbox_refused(struct outbox *o,
                                      bool (*each)(void *arg, const struct outbox_row *row,
                                                   const struct outbox_outcome *oc),
                                      void *arg);
MUST_CHECK enum status outbox_seen(struct outbox *o, uint64_t tag);
/* A new log epoch: rows stored under an older one are offered again, but for those whose numbers,
 * as `past` says, mean the same in the new one (NULL: nobody can say). Harmless with the same
 * epoch. Those of FLASH and IMMEDIATE wait when it answers; what it left is reopened by
 * outbox_offer_more, a step of some milliseconds each, and nothing of a lane is offered before all
 * of it waits again. *more: there is something left to do, whatever the answer; after an error too,
 * then later. */
struct log_past;
MUST_CHECK enum status outbox_offer_again(struct outbox *o, uint32_t log_epoch,
                                          const struct log_past *past, bool *more);
MUST_CHECK enum status outbox_offer_more(struct outbox *o, bool *more);

struct outbox_counts { /* as of the last commit */
    uint64_t waiting[6], stored, refused, bytes,
        put;          /* waiting by lane number; bytes of file; put: ever */
    uint64_t damaged; /* of the refused: rows whose bytes changed on the disk */
};
MUST_CHECK enum status outbox_counts(struct outbox *o, struct outbox_counts *out);

/* Every row still kept, in the order of the tags, whatever became of it (state as in outbox_state;
 * oc is zero while it waits), as of the last commit; for comparing what was said with what was
 * stored. */
MUST_CHECK enum status outbox_each(struct outbox *o,
                                   bool (*each)(void *arg, const struct outbox_row *row, int state,
                                                const struct outbox_outcome *oc),
                                   void *arg);

/* Only one process uplinks a file: ST_EXISTS if another does. Held until close. */
MUST_CHECK enum status outbox_lock(struct outbox *o);
/* Only one program stays with a file, whether it sends or waits to: ST_EXISTS if another does. A
 * command that sends for a moment does not stay. Held until close. */
MUST_CHECK enum status outbox_stay(struct outbox *o);
/* True if another process has put or settled since the last call. */
bool outbox_changed(struct outbox *o);
/* Drops stored and seen rows past their keeping time, oldest first, at most 256 a call: ST_AGAIN if
 * there is more to do. (Rows over the budget go when a put needs their room.) Commits what is
 * pending. */
MUST_CHECK enum status outbox_tidy(struct outbox *o);

#endif
