/* pg_dial - from nothing to a session that is ready: one host after another until one lets us in,
 * then a row of small questions.
 *
 * During dialling the poll handle is made anew around every PQconnectPoll, because libpq may change
 * its socket between two steps. */
#include "proto/base/pg_parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/log.h"
#include "sql/sql_text.h"

#include "proto/base/banned.h"

enum { SETUP_MS = 10000 };

void pg_refuse_host(struct pg *pg)
{
    pg_hosts_refuse(&pg->hosts, PQhost(pg->conn), PQport(pg->conn));
}

/* --- the setup -------------------------------------------------------------------------------- */

static const char *sql_query(const char *name)
{
    char path[80];

    snprintf(path, sizeof(path), "queries/%s", name);
    for (const struct sql_text *t = sql_texts; t->name; t++)
        if (strcmp(t->name, path) == 0)
            return t->text;
    assert(!"a query without a file in sql/queries");
    return "";
}

static unsigned count(const char *const *names)
{
    unsigned n = 0;

    while (names && names[n])
        n++;
    return n;
}

/* Setup is a row of small questions: each setup query, then each prepare. */
static void send_setup(struct pg *pg)
{
    unsigned setups = count(pg->set.setup);
    int sent;

    if (pg->step < setups) {
        pg->query = pg->set.setup[pg->step];
        sent = PQsendQueryParams(pg->conn, sql_query(pg->query), 0, NULL, NULL, NULL, NULL, 1);
    } else if (pg->step < setups + count(pg->set.prepare)) {
        pg->query = pg->set.prepare[pg->step - setups];
        sent = PQsendPrepare(pg->conn, pg->query, sql_query(pg->query), 0, NULL);
    } else {
        pg->query = NULL;
        pg->failures = 0;
        loop_timer_stop(pg->timer);
        pg_enter(pg, PG_IDLE);
        pg->exits.ready(pg->exits.arg);
        return;
    }
    if (!sent)
        pg_drop(pg, PQerrorMessage(pg->conn));
    else
        pg_flush(pg);
}

/* invalid_schema_name, undefined_function, undefined_table */
static bool schema_is_missing(const char *sqlstate)
{
    return strcmp(sqlstate, "3F000") == 0 || strcmp(sqlstate, "42883") == 0 ||
           strcmp(sqlstate, "42P01") == 0;
}

void pg_end_setup_query(struct pg *pg)
{
    const struct pg_rows *rows = (const struct pg_rows *)pg->result;
    bool good = pg->result && pg_result_is_good(pg->result);

    if (!good) {
        log_error("store.pg.setup", "connection=%s query=%s sqlstate=%s why=\"%s\"%s", pg->set.name,
                  pg->query, pg->sqlstate, pg->message,
                  schema_is_missing(pg->sqlstate) ? " next=\"run: eocctl migrate\"" : "");
        pg_drop(pg, "the session could not be set up");
        return;
    }
    if (pg->step < count(pg->set.setup) && pg->exits.accept &&
        !pg->exits.accept(pg->exits.accept_arg, pg->query, rows)) {
        pg_refuse_host(pg);
        pg_drop(pg, "this database will not do");
        return;
    }
    pg_forget_result(pg);
    pg->step++;
    send_setup(pg);
}

/* --- the dial --------------------------------------------------------------------------------- */

void pg_dial(struct pg *pg)
{
    /* What comes later counts; NULL leaves what the conninfo says. */
    const char *const words[] = {"dbname", "host", "hostaddr", "port", "fallback_application_name",
                                 NULL};
    char name[64];
    char *const *lists = pg->hosts.lists;
    const char *const values[] = {pg->conninfo,   lists[PG_HOST], lists[PG_HOSTADDR],
                                  lists[PG_PORT], name,           NULL};

    snprintf(name, sizeof(name), "eocbus %s", pg->set.name);
    pg_enter(pg, PG_DIALLING);
    loop_timer_start(pg->timer, pg->set.setup_ms ? pg->set.setup_ms : SETUP_MS, 0);
    pg->step = 0;
    pg->conn = PQconnectStartParams(words, values, 1);
    if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD)
        pg_drop(pg, pg->conn ? PQerrorMessage(pg->conn) : "out of memory");
    else if (pg_watch(pg, LOOP_WRITE) != ST_OK)
        pg_drop(pg, "cannot watch the socket");
}

static void begin_setup(struct pg *pg)
{
    PQsetNoticeReceiver(pg->conn, pg_on_notice, pg);
    if (PQsetnonblocking(pg->conn, 1) != 0 || pg_watch(pg, LOOP_READ) != ST_OK) {
        pg_drop(pg, "cannot watch the socket");
        return;
    }
    pg_enter(pg, PG_SETUP);
    send_setup(pg);
}

void pg_dial_on(struct pg *pg)
{
    PostgresPollingStatusType next;

    /* libpq may close its socket in here: nobody may be watching it. */
    loop_poll_destroy(pg->poll);
    pg->poll = NULL;
    next = PQconnectPoll(pg->conn);
    if (next == PGRES_POLLING_OK)
        begin_setup(pg);
    else if (next == PGRES_POLLING_FAILED)
        pg_drop(pg, PQerrorMessage(pg->conn));
    else if (pg_watch(pg, next == PGRES_POLLING_READING ? LOOP_READ : LOOP_WRITE) != ST_OK)
        pg_drop(pg, "cannot watch the socket");
}
