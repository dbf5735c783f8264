/* pg_talk - sends what was asked, and reads until it is known what became of it. */
#include "proto/base/pg_parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

enum { PARAMS_MAX = 40 };

/* --- asking ----------------------------------------------------------------------------------- */

void pg_forget_result(struct pg *pg)
{
    PQclear(pg->result);
    pg->result = NULL;
    pg->sqlstate[0] = pg->constraint[0] = 0;
    pg->message[0] = 0;
    pg->has_warning = false;
}

void pg_flush(struct pg *pg)
{
    int left = PQflush(pg->conn);

    if (left < 0)
        pg_drop(pg, PQerrorMessage(pg->conn));
    else
        loop_poll_set(pg->poll, left ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

enum status pg_query(struct pg *pg, const char *name, const struct pg_param *params, unsigned n,
                     unsigned deadline_ms, pg_done_fn done, void *arg)
{
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX], formats[PARAMS_MAX];

    assert(n <= PARAMS_MAX);
    if (pg->state != PG_IDLE)
        return ST_CLOSED;
    for (unsigned i = 0; i < n; i++) {
        values[i] = params[i].data;
        lengths[i] = (int)params[i].len;
        formats[i] = 1;
    }
    pg_forget_result(pg);
    if (!PQsendQueryPrepared(pg->conn, name, (int)n, values, lengths, formats, 1)) {
        pg_drop(pg, PQerrorMessage(pg->conn));
        return ST_CLOSED;
    }
    pg->query = name;
    pg->done = done;
    pg->done_arg = arg;
    pg_enter(pg, PG_BUSY);
    loop_timer_start(pg->timer, deadline_ms, 0);
    pg_flush(pg);
    return ST_OK;
}

/* --- answers ---------------------------------------------------------------------------------- */

bool pg_result_is_good(const PGresult *result)
{
    ExecStatusType st = PQresultStatus(result);

    return st == PGRES_TUPLES_OK || st == PGRES_COMMAND_OK;
}

void pg_on_notice(void *arg, const PGresult *notice)
{
    struct pg *pg = arg;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);

    if (!severity || strcmp(severity, "WARNING") != 0)
        return;
    pg->has_warning = true;
    pg_copy_line(pg->message, sizeof(pg->message),
                 PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY));
}

/* ReadyForQuery: only now it is known what became of it. */
static void end_query(struct pg *pg)
{
    struct pg_reply reply = {
        .sqlstate = pg->sqlstate, .constraint = pg->constraint, .message = pg->message};
    PGresult *result = pg->result;
    pg_done_fn done = pg->done;

    if (pg->has_warning || !result) {
        pg_drop(pg, pg->has_warning ? pg->message : "no result");
        return;
    }
    reply.answer = pg_result_is_good(result) ? PG_ROWS : PG_ERROR;
    reply.rows = reply.answer == PG_ROWS ? (const struct pg_rows *)result : NULL;
    pg->result = NULL; /* a callback may query again */
    pg->done = NULL;
    pg->query = NULL;
    loop_timer_stop(pg->timer);
    pg_enter(pg, PG_IDLE);
    done(pg->done_arg, &reply);
    PQclear(result);
}

void pg_hide_datum(char *message, const char *sqlstate)
{
    char *quoted = strpbrk(message, ":\"");

    if (quoted && strncmp(sqlstate, "22", 2) == 0)
        *quoted = 0;
}

static void keep_result(struct pg *pg, PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);

    if (pg->result && !pg_result_is_good(pg->result)) {
        PQclear(result); /* the first error is the reason */
        return;
    }
    PQclear(pg->result);
    pg->result = result;
    if (pg_result_is_good(result))
        return;
    snprintf(pg->sqlstate, sizeof(pg->sqlstate), "%s", state ? state : "");
    snprintf(pg->constraint, sizeof(pg->constraint), "%s", constraint ? constraint : "");
    pg_copy_line(pg->message, sizeof(pg->message),
                 state ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
                       : PQresultErrorMessage(result));
    pg_hide_datum(pg->message, pg->sqlstate);
}

static void tell_notifications(struct pg *pg)
{
    PGnotify *n;

    while (pg->conn && (n = PQnotifies(pg->conn))) {
        if (pg->exits.notified)
            pg->exits.notified(pg->exits.arg, n->relname, n->be_pid);
        PQfreemem(n);
    }
}

void pg_read_answers(struct pg *pg)
{
    if (!PQconsumeInput(pg->conn)) {
        pg_drop(pg, PQerrorMessage(pg->conn));
        return;
    }
    tell_notifications(pg);
    while (pg->conn && pg->state != PG_IDLE && !PQisBusy(pg->conn)) {
        PGresult *result = PQgetResult(pg->conn);

        if (result)
            keep_result(pg, result);
        else if (PQstatus(pg->conn) == CONNECTION_BAD)
            pg_drop(pg, pg->message[0] ? pg->message : PQerrorMessage(pg->conn));
        else if (pg->state == PG_SETUP)
            pg_end_setup_query(pg);
        else
            end_query(pg);
    }
}
