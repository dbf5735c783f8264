/* pg_parts - what the files of pg share, and their door to libpq; nobody else includes this.
 *
 * pg.c has the states, pg_dial.c gets a connection to be ready, pg_talk.c sends and reads answers,
 * pg_rows.c reads results, pg_hosts.c knows which server to try first. */
#ifndef EOCBUS_BASE_PG_PARTS_H
#define EOCBUS_BASE_PG_PARTS_H

#include <libpq-fe.h>

#include "proto/base/pg.h"
#include "proto/base/pg_hosts.h"
#include "proto/base/loop.h"

struct pg {
    struct pg_settings set;
    struct pg_exits exits;
    char *conninfo;
    struct pg_hosts hosts; /* those of conninfo, in the order of the next dial */
    enum pg_state state;
    PGconn *conn;
    struct loop_poll *poll;   /* on conn's socket */
    struct loop_timer *timer; /* the pause, the setup deadline, or the query deadline, by state */
    unsigned failures;        /* dials in a row that did not get to ready */
    unsigned step;            /* of setup: which query or prepare is under way */
    bool has_warning;
    char sqlstate[6], constraint[64];
    char message[320];
    PGresult *result;  /* the last one of the query under way */
    const char *query; /* its name; NULL in setup */
    pg_done_fn done;
    void *done_arg;
};

/* --- pg.c: states --- */
void pg_enter(struct pg *pg, enum pg_state state);
/* The one way down. `why` may lie in pg->message. */
void pg_drop(struct pg *pg, const char *why);
/* A new poll handle on the socket that libpq has now. */
MUST_CHECK enum status pg_watch(struct pg *pg, int events);
/* One line, however many PostgreSQL wrote. */
void pg_copy_line(char *out, size_t size, const char *text);
/* Of a data exception (class 22) PostgreSQL quotes the datum, which may be what somebody wrote: the
 * log and the receipt get what stands before it. */
void pg_hide_datum(char *message, const char *sqlstate);

/* --- pg_dial.c --- */
void pg_dial(struct pg *pg);
void pg_dial_on(struct pg *pg);
/* The answer to a question of the setup is whole. */
void pg_end_setup_query(struct pg *pg);
/* This server will not do: the next dial tries the others first. */
void pg_refuse_host(struct pg *pg);

/* --- pg_talk.c --- */
/* Sends what libpq holds; watches for room while something is left. */
void pg_flush(struct pg *pg);
void pg_read_answers(struct pg *pg);
void pg_forget_result(struct pg *pg);
bool pg_result_is_good(const PGresult *result);
void pg_on_notice(void *arg, const PGresult *notice);

#endif
