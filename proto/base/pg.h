/* pg - one connection to PostgreSQL that never blocks, and comes back by itself.
 *
 * It dials, sets the session up, prepares its statements, and is then idle or busy with one query.
 * A query ends in exactly one call of its `done`: rows, an error that PostgreSQL names, or "lost",
 * which means that nobody knows whether it took effect: the connection broke, its deadline passed,
 * or a WARNING came along (a cancelled wait for the standby looks like success with a warning).
 * Lost always drops the connection; it is dialled again after a pause that doubles from 100 ms to 1
 * s, with jitter: receipts have to flow within seconds of a server's return.
 *
 *      DOWN ──▶ DIALLING ──▶ SETUP ──▶ IDLE ◀──▶ BUSY
 *        ▲          │           │        │         │
 *        └──────────┴───────────┴────────┴─────────┘  error, deadline, warning, end of file
 *
 * Of several hosts in the conninfo the first that lets us in is taken, until it will not do
 * (accept, pg_redial) or says nothing while it is dialled: then the others are tried before it.
 *
 * Names of hosts are looked up by libpq, which blocks; give hostaddr= or a socket directory. */
#ifndef EOCBUS_BASE_PG_H
#define EOCBUS_BASE_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

struct loop;
struct pg;
struct pg_rows; /* a result in binary */

enum pg_answer {
    PG_ROWS,  /* it took effect; rows may be none */
    PG_ERROR, /* it did not; sqlstate and message tell why */
    PG_LOST,  /* unknown; the connection is being dropped */
};

struct pg_reply { /* borrowed for the call */
    enum pg_answer answer;
    const struct pg_rows *rows; /* PG_ROWS, else NULL */
    const char *sqlstate;       /* five characters; PG_ERROR, else "" */
    const char *constraint;     /* name of the constraint that was broken, "" if none was */
    const char *message;        /* primary message, one line; never NULL */
};

struct pg_settings {
    struct loop *loop;          /* borrowed, outlives us */
    const char *conninfo;       /* copied */
    const char *name;           /* static: "append"; in application_name and the log */
    const char *const *prepare; /* static: names of sql/queries files, NULL at the end */
    const char *const *setup; /* static: queries run once per connection, before prepare; or NULL */
    unsigned setup_ms;        /* dialling and setup together; 0 = 10,000 */
};

struct pg_exits {
    void *arg;
    /* The answer to a setup query. False: this server will not do (`accept` has logged why). */
    bool (*accept)(void *arg, const char *query, const struct pg_rows *rows);
    void *accept_arg;
    void (*ready)(void *arg); /* idle for the first time on this connection; may query at once */
    void (*gone)(void *arg);  /* was ready and is not; after `done` of a query that was under way */
    /* may be NULL; backend = pg_backend of who said it */
    void (*notified)(void *arg, const char *channel, int backend);
};

/* Dials on the next turn. */
MUST_CHECK enum status pg_create(struct pg **out, const struct pg_settings *set,
                                 const struct pg_exits *exits);
/* No more calls; a query under way is forgotten. */
void pg_destroy(struct pg *pg);
/* This server is not the one to talk to: drops the connection and dials again, as after a loss. */
void pg_redial(struct pg *pg, const char *why);
bool pg_is_idle(const struct pg *pg);
bool pg_is_ready(const struct pg *pg); /* idle or busy */
int pg_backend(const struct pg *pg);   /* process of the server behind it; 0 = none */

struct pg_param { /* binary format; NULL data = SQL null */
    const void *data;
    size_t len;
};

typedef void (*pg_done_fn)(void *arg, const struct pg_reply *reply);
/* Runs a prepared statement. ST_CLOSED: not idle. What params point to is copied. */
MUST_CHECK enum status pg_query(struct pg *pg, const char *name, const struct pg_param *params,
                                unsigned n, unsigned deadline_ms, pg_done_fn done, void *arg);

size_t pg_row_count(const struct pg_rows *r);
bool pg_is_null(const struct pg_rows *r, size_t row, int col);
/* Integers of 2, 4 or 8 bytes and bool; null reads 0. */
int64_t pg_int(const struct pg_rows *r, size_t row, int col);
/* timestamptz as UTC microseconds since 1970; null reads 0. */
int64_t pg_time_us(const struct pg_rows *r, size_t row, int col);
/* text, bytea, uuid: borrowed; NUL-terminated; null reads "". */
const void *pg_bytes(const struct pg_rows *r, size_t row, int col, size_t *len);
const char *pg_text(const struct pg_rows *r, size_t row, int col);

/* PostgreSQL counts from 2000-01-01. */
#define PG_EPOCH_US INT64_C(946684800000000)

/* For pictures, logs and tests. */
enum pg_state { PG_DOWN, PG_DIALLING, PG_SETUP, PG_IDLE, PG_BUSY, PG_STATES };
const char *pg_state_name(enum pg_state state);
bool pg_may_follow(enum pg_state from, enum pg_state to);
/* The pause before dial number `failures` + 1: 100 ms doubled each time, at most 1 s, of which a
 * random half is taken off so that brokers do not come back in step. random: any 32 bits. */
unsigned pg_pause_ms(unsigned failures, uint32_t random);

#endif
