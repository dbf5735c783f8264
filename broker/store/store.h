/* store - accepted parcels become durable here, many per commit, in arrival order.
 *
 * Submit queues (most urgent lane first, bounded by rows and bytes). While one batch commits, the
 * next is what arrived meanwhile; no timer. When the commit is known, each parcel is settled:
 * stored with a number, stored before, or refused (quarantined). Only then anybody is told. The log
 * is handed to `next` in the order of its numbers, without gap or double, whoever stored them: what
 * this broker committed when it is the next number, else read from the database (several brokers
 * may write one log; a NOTIFY is a hint, a poll every half second is the promise). When PostgreSQL
 * is away, what is queued waits, submit answers ST_CLOSED, and `here` is told so.
 *
 * The log has an epoch, which is raised when a restore or a failover lost something. Nothing that
 * came under one epoch is stored under another: it is given back (`again`). A log that lacks what
 * this store knows to be committed has its epoch raised by the store itself. */
#ifndef EOCBUS_BROKER_STORE_STORE_H
#define EOCBUS_BROKER_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/parcel.h"
#include "proto/wire/log_past.h"

struct buf;
struct loop;
struct store;

struct store_settings {
    struct loop *loop;    /* borrowed, outlives us */
    const char *conninfo; /* libpq connection string, role bus_ingest */
    const char *broker;   /* our name, for people; copied */
    unsigned batch_rows;  /* most messages in one commit; 512 */
    unsigned queue_rows;  /* most messages waiting, and an eighth more of FLASH; 8192 */
    size_t queue_bytes;   /* 32 MiB, likewise */
    unsigned commit_ms;   /* first deadline of a commit; doubles to 30 s; 2000 */
    unsigned follow_ms;   /* how often the log is polled for what others wrote; 500 */
    /* Commits shall wait for a standby: without, the store says it is degraded. So it does,
     * whatever is set here, when they wait and there is none. */
    bool needs_standby;
};

struct store_exits {
    void *arg;
    /* The fate of one parcel of ours: p->refused, or p->seq (and p->repeated). Borrowed. */
    void (*settled)(void *arg, struct parcel *p);
    void (*settled_all)(void *arg); /* after the last one of a batch: send the receipts */
    /* Not stored, and forgotten here: the log has another epoch than when it came, and what was
     * lost before it in its lane has to come first. Its sender offers it again. Borrowed. */
    void (*again)(void *arg, struct parcel *p);
    /* That epoch; all that was held was given back before. */
    void (*epoch)(void *arg, uint32_t log_epoch);
    /* The log moves: every number once, ascending. Takes the parcel. */
    void (*next)(void *arg, struct parcel **take);
    /* PostgreSQL came or went. Came may be said again: history can be read again. */
    void (*here)(void *arg, bool here, uint32_t log_epoch, uint64_t head);
    void (*principals)(void *arg); /* rights may have changed: ask for them again */
};

MUST_CHECK enum status store_create(struct store **out, const struct store_settings *set,
                                    const struct store_exits *exits);
/* ST_OK: *take is NULL now. ST_FULL: after the next commit. ST_CLOSED: the database is away. */
MUST_CHECK enum status store_submit(struct store *s, struct parcel **take);
bool store_is_here(const struct store *s);
uint32_t store_log_epoch(const struct store *s);
/* How far it is the log of the epochs before. Borrowed. */
const struct log_past *store_log_past(const struct store *s);
uint64_t store_head(const struct store *s); /* last number handed to next() */

/* A principal says that the log went up to there. If it does not, in that very epoch, it is logged;
 * if another principal says so too, the epoch is raised. */
void store_claim(struct store *s, int32_t principal_id, uint32_t log_epoch, uint64_t seq);

/* One page of the log after `after`, up to `upto`, a span of at most `rows` numbers: `page` gets
 * the parcels of these lanes (a set, parcel.h) ascending (history set; takes each) and then NULL
 * with the last number looked at (== upto when the end was reached) - or ST_CLOSED and 0. Pages are
 * served in turn. ST_INVALID: an empty span.
 * `to` (NULL: for whomever): only what reaches the principal of that name, at most `rows` messages
 * (and 48) of a span of any length; borrowed until the last call or store_read_cancel. */
typedef void (*store_page_fn)(void *arg, enum status st, struct parcel **take, uint64_t looked_at);
MUST_CHECK enum status store_read(struct store *s, uint64_t after, uint64_t upto, unsigned rows,
                                  unsigned lanes, const char *to, store_page_fn page, void *arg);
/* The same of the last values only, of all lanes: the newest batch of observations of each stream
 * (sender, datastream, status), newest by the times of its samples, and what the projector has not
 * looked at yet; `rows` bounds the messages in a page. */
MUST_CHECK enum status store_read_last(struct store *s, uint64_t after, uint64_t upto,
                                       unsigned rows, store_page_fn page, void *arg);
/* The number behind which everything lies that a broker received at or after this UTC time: `page`
 * gets no parcel, only the number. The clocks of brokers differ, so it is rather a little early. */
MUST_CHECK enum status store_find_time(struct store *s, int64_t time_us, store_page_fn page,
                                       void *arg);
void store_read_cancel(struct store *s, void *arg); /* no more calls for arg, of all of these */

/* Durable names: see cursor.h. */
struct cursor;
/* NULL: out of memory. `told` comes later, never from inside; while the database is away it waits.
 */
struct cursor *store_cursor_open(struct store *s, const struct durable_name *what, durable_fn told,
                                 void *arg);
/* Everything that matches up to `upto` was acknowledged; written within a second or so. */
void store_cursor_move(struct cursor *c, uint32_t log_epoch, uint64_t upto);
/* No calls any more; the last place is still written. Sets *c to NULL. */
void store_cursor_close(struct cursor **c);

/* The principals and their keys, as PostgreSQL has them now. `row` for each, then NULL name. */
struct store_principal {
    int32_t principal_id;
    const char *name, *agency, *roles, *places; /* the latter two split by blanks */
    uint8_t public_key[32];
    int64_t not_after_us;     /* 0 = none */
    const uint8_t *sign_key;  /* 32 bytes, or NULL: it speaks unsigned */
    uint64_t serial;          /* of the record; 0 = has none */
    const uint8_t *enrolment; /* bytes of the Enrolment, or NULL */
    size_t enrolment_len;
    bool is_shut; /* the key opens no door any more, its record still tells what the others may */
    int64_t revoked_us;        /* 0 = it is not */
    const uint8_t *revocation; /* bytes of the OfficerAct, or NULL */
    size_t revocation_len;
    const char *rules; /* every rule there is (access/rights.h), with one of them; else NULL */
};
typedef void (*store_principal_fn)(void *arg, enum status st, const struct store_principal *row);
MUST_CHECK enum status store_principals(struct store *s, store_principal_fn row, void *arg);
/* They could not be read or kept: exits.principals comes again with the next look at the log. */
void store_principals_unread(struct store *s);

/* Where the chain over the log stands (PROTOCOL.md, "The record"); `told` comes within seconds,
 * never from inside, or not at all. */
void store_chain(struct store *s,
                 void (*told)(void *arg, uint32_t log_epoch, uint64_t seq,
                              const uint8_t digest[32]),
                 void *arg);

/* Which settings the broker of that name runs with, as text (sql/queries/settings.sql): what
 * differs from what it ran with before is put on record as soon as the database answers. Takes the
 * bytes. */
void store_say_settings(struct store *s, const char *broker, struct buf *settings);

struct store_counters {
    uint64_t receipts_said; /* of the bus itself, see timer.h */
    uint64_t stored, repeated, refused, commits, lost_commits, queued_rows, queued_bytes;
    uint64_t commit_us_sum; /* of commits */
    uint64_t judged; /* of refused: taken by ingress, refused by PostgreSQL (conflict, constraint,
                        ledger) */
    uint64_t unkept; /* of judged: beyond the sender's quota, not in quarantine */
    uint64_t given_back;             /* for another log epoch */
    bool has_standby;                /* commits wait for a second server */
    bool is_degraded;                /* one is expected, and does not protect them */
    uint64_t cursors, cursors_dirty; /* durable names open; of these, places not written yet */
    uint64_t cursor_moves, cursors_taken, cursors_dropped; /* dropped: see cursor.h */
};
void store_counters(const struct store *s, struct store_counters *out);

/* Stops taking; commits what is queued; `closed` is called when done or after limit_ms. */
void store_drain(struct store *s, unsigned limit_ms, void (*closed)(void *arg), void *arg);
void store_destroy(struct store *s);

#endif
