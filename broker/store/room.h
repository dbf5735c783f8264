/* room - what the files of the store share among themselves; nobody else includes this. */
#ifndef EOCBUS_BROKER_STORE_ROOM_H
#define EOCBUS_BROKER_STORE_ROOM_H

#include "broker/store/batch.h"
#include "broker/store/claims.h"
#include "broker/store/cursor.h"
#include "broker/store/follow.h"
#include "proto/base/pg.h"
#include "broker/store/place.h"
#include "broker/store/project.h"
#include "broker/store/queue.h"
#include "broker/store/replay.h"
#include "broker/store/store.h"
#include "broker/store/timer.h"
#include "proto/base/loop.h"

struct store {
    struct store_settings set;
    struct store_exits exits;
    struct pg *append, *listen;
    struct replay *replay;
    struct project *project;
    struct timer *timer;
    struct cursors *cursors;
    struct follow follow;
    struct log_past past; /* of the newest log that was looked at */
    struct loop_hook *hook;
    struct loop_timer *retry, *poll, *drain;

    struct queue queue;
    struct batch *batch;
    unsigned limit; /* most rows in the next batch; less than set.batch_rows behind an error */
    unsigned deadline_ms; /* of the next commit */
    unsigned refusals;    /* in a row, for reasons of PostgreSQL's own */
    bool is_waiting;      /* for the retry timer */
    uint64_t sent_at_us;
    struct place sent_for; /* the log that the batch under way was meant for */

    uint64_t patience_us; /* with a list of principals that does not come */
    bool is_here, must_poll, principals_known;
    bool is_degraded; /* a standby is expected, and does not protect commits */
    bool has_standby; /* commits wait for one; without, a lost disk loses what was acknowledged */
    struct claims claims;
    uint64_t believed_us; /* the epoch was raised for claims; 0 = never */
    struct place asked;   /* what was known when the head was asked for */
    int64_t principals_version;
    unsigned long timeline; /* highest seen: a lower one is a primary that was replaced */

    bool is_draining;
    void (*closed)(void *arg);
    void *closed_arg;

    struct store_counters counters;
};

/* commit.c: sends the next batch if it can be sent. */
void commit_pump(struct store *s);
void commit_retry(struct store *s);
/* The log has another epoch: everything held goes back to whom it came from. A batch that is under
 * way follows when its answer is here. */
void commit_give_back(struct store *s);

/* head.c: judges what a connection learns in its setup; false: this server will not do. */
bool head_accept(struct store *s, const char *query, const struct pg_rows *rows);
/* Asks where the log stands, now or as soon as the connection is idle. */
void head_ask(struct store *s);
/* The log was seen to go up to there. A newer epoch gives everything back and is told. */
void head_see(struct store *s, const struct place *log);
/* Of a log that grew, by another backend than ours. */
void head_hint(struct store *s);

/* store.c */
struct place store_known(const struct store *s);            /* what is known to be in the log */
void store_name_refusal(struct store *s, struct parcel *p); /* for its row in quarantine */

#endif
