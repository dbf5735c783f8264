/* pg - the only file of the broker that knows libpq.
 *
 * Callbacks translate (a readable socket, a timer), pg_step decides. During dialling the poll
 * handle is made anew around every PQconnectPoll, because libpq may change its socket between two
 * steps. Only pg_enter writes `state`. A connection is thrown away in one place, pg_drop, which
 * also answers the query under way: with "lost", since a connection that ends after a COMMIT was
 * sent says nothing about it. */
#include "broker/store/pg.h"

#include <assert.h>
#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"
#include "sql/sql_text.h"

#include "proto/base/banned.h"

enum { SETUP_MS = 10000, PAUSE_LEAST_MS = 100, PAUSE_MOST_MS = 1000, PARAMS_MAX = 40 };

struct pg {
    struct pg_settings set;
    struct pg_exits exits;
    char *conninfo;
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

static const unsigned may_follow[PG_STATES] = {
    [PG_DOWN] = BIT(PG_DIALLING),
    [PG_DIALLING] = BIT(PG_SETUP) | BIT(PG_DOWN),
    [PG_SETUP] = BIT(PG_IDLE) | BIT(PG_DOWN),
    [PG_IDLE] = BIT(PG_BUSY) | BIT(PG_DOWN),
    [PG_BUSY] = BIT(PG_IDLE) | BIT(PG_DOWN),
};

enum event { EV_READABLE, EV_WRITABLE, EV_TIMER };

static void pg_step(struct pg *pg, enum event event);

const char *pg_state_name(enum pg_state state)
{
    static const char *const names[PG_STATES] = {"down", "dialling", "setup", "idle", "busy"};

    return names[state];
}

bool pg_may_follow(enum pg_state from, enum pg_state to)
{
    return may_follow[from] & BIT(to);
}

unsigned pg_pause_ms(unsigned failures, uint32_t random)
{
    unsigned most = PAUSE_LEAST_MS;

    while (failures-- && most < PAUSE_MOST_MS)
        most *= 2;
    if (most > PAUSE_MOST_MS)
        most = PAUSE_MOST_MS;
    return most / 2 + random % (most / 2 + 1);
}

static void pg_enter(struct pg *pg, enum pg_state state)
{
    assert(pg_may_follow(pg->state, state));
    if (state == PG_DOWN || pg->state < PG_IDLE)
        log_debug("store.pg.state", "connection=%s from=%s to=%s", pg->set.name,
                  pg_state_name(pg->state), pg_state_name(state));
    pg->state = state;
}

bool pg_is_idle(const struct pg *pg)
{
    return pg->state == PG_IDLE;
}

bool pg_is_ready(const struct pg *pg)
{
    return pg->state == PG_IDLE || pg->state == PG_BUSY;
}

int pg_backend(const struct pg *pg)
{
    return pg->conn ? PQbackendPID(pg->conn) : 0;
}

/* --- letting go ------------------------------------------------------------------------------- */

static void forget_result(struct pg *pg)
{
    PQclear(pg->result);
    pg->result = NULL;
    pg->sqlstate[0] = pg->constraint[0] = 0;
    pg->message[0] = 0;
    pg->has_warning = false;
}

static void hang_up(struct pg *pg)
{
    loop_poll_destroy(pg->poll);
    pg->poll = NULL;
    PQfinish(pg->conn);
    pg->conn = NULL;
    forget_result(pg);
}

static void copy_line(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
    for (char *c = out; *c; c++)
        if (*c == '\n')
            *c = *(c + 1) ? ' ' : 0;
}

static void answer_lost(struct pg *pg, const char *why)
{
    struct pg_reply reply = {.answer = PG_LOST, .sqlstate = "", .constraint = "", .message = why};
    pg_done_fn done = pg->done;

    pg->done = NULL;
    pg->query = NULL;
    if (done)
        done(pg->done_arg, &reply);
}

/* The one way down. `why` may lie in pg->message, so it is copied first. */
static void pg_drop(struct pg *pg, const char *why)
{
    enum pg_state was = pg->state;
    char text[320];
    uint32_t random;
    unsigned pause_ms;

    copy_line(text, sizeof(text), why);
    loop_random(pg->set.loop, &random, sizeof(random));
    pause_ms = pg_pause_ms(pg->failures, random);
    pg->failures++;
    log_warn("store.pg.lost", "connection=%s while=%s why=\"%s\" retry_ms=%u", pg->set.name,
             pg_state_name(was), text, pause_ms);
    hang_up(pg);
    pg_enter(pg, PG_DOWN);
    loop_timer_start(pg->timer, pause_ms, 0);
    answer_lost(pg, text);
    if ((was == PG_IDLE || was == PG_BUSY) && pg->exits.gone)
        pg->exits.gone(pg->exits.arg);
}

void pg_redial(struct pg *pg, const char *why)
{
    if (pg->state != PG_DOWN)
        pg_drop(pg, why);
}

/* --- talking ---------------------------------------------------------------------------------- */

static void on_socket(void *arg, int events)
{
    pg_step(arg, events & LOOP_READ ? EV_READABLE : EV_WRITABLE);
}

static void on_timer(void *arg)
{
    pg_step(arg, EV_TIMER);
}

static void on_notice(void *arg, const PGresult *notice)
{
    struct pg *pg = arg;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);

    if (!severity || strcmp(severity, "WARNING") != 0)
        return;
    pg->has_warning = true;
    copy_line(pg->message, sizeof(pg->message),
              PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY));
}

static enum status watch(struct pg *pg, int events)
{
    enum status st;

    loop_poll_destroy(pg->poll);
    pg->poll = NULL;
    st = loop_poll_create(&pg->poll, pg->set.loop, PQsocket(pg->conn), on_socket, pg);
    if (st == ST_OK)
        loop_poll_set(pg->poll, events);
    return st;
}

/* Sends what libpq holds; watches for room while something is left. */
static void flush(struct pg *pg)
{
    int left = PQflush(pg->conn);

    if (left < 0)
        pg_drop(pg, PQerrorMessage(pg->conn));
    else
        loop_poll_set(pg->poll, left ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

static void dial(struct pg *pg)
{
    const char *const words[] = {"dbname", "fallback_application_name", NULL};
    char name[64];
    const char *const values[] = {pg->conninfo, name, NULL};

    snprintf(name, sizeof(name), "eocbus %s", pg->set.name);
    pg_enter(pg, PG_DIALLING);
    loop_timer_start(pg->timer, pg->set.setup_ms ? pg->set.setup_ms : SETUP_MS, 0);
    pg->step = 0;
    pg->conn = PQconnectStartParams(words, values, 1);
    if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD)
        pg_drop(pg, pg->conn ? PQerrorMessage(pg->conn) : "out of memory");
    else if (watch(pg, LOOP_WRITE) != ST_OK)
        pg_drop(pg, "cannot watch the socket");
}

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
        flush(pg);
}

static void begin_setup(struct pg *pg)
{
    PQsetNoticeReceiver(pg->conn, on_notice, pg);
    if (PQsetnonblocking(pg->conn, 1) != 0 || watch(pg, LOOP_READ) != ST_OK) {
        pg_drop(pg, "cannot watch the socket");
        return;
    }
    pg_enter(pg, PG_SETUP);
    send_setup(pg);
}

static void dial_on(struct pg *pg)
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
    else if (watch(pg, next == PGRES_POLLING_READING ? LOOP_READ : LOOP_WRITE) != ST_OK)
        pg_drop(pg, "cannot watch the socket");
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool result_is_good(const PGresult *result)
{
    ExecStatusType st = PQresultStatus(result);

    return st == PGRES_TUPLES_OK || st == PGRES_COMMAND_OK;
}

/* invalid_schema_name, undefined_function, undefined_table */
static bool schema_is_missing(const char *sqlstate)
{
    return strcmp(sqlstate, "3F000") == 0 || strcmp(sqlstate, "42883") == 0 ||
           strcmp(sqlstate, "42P01") == 0;
}

static void end_setup_query(struct pg *pg)
{
    const struct pg_rows *rows = (const struct pg_rows *)pg->result;
    bool good = pg->result && result_is_good(pg->result);

    if (!good) {
        log_error("store.pg.setup", "connection=%s query=%s sqlstate=%s why=\"%s\"%s", pg->set.name,
                  pg->query, pg->sqlstate, pg->message,
                  schema_is_missing(pg->sqlstate) ? " next=\"run: eocctl migrate\"" : "");
        pg_drop(pg, "the session could not be set up");
        return;
    }
    if (pg->step < count(pg->set.setup) && pg->exits.accept &&
        !pg->exits.accept(pg->exits.accept_arg, pg->query, rows)) {
        pg_drop(pg, "this database will not do");
        return;
    }
    forget_result(pg);
    pg->step++;
    send_setup(pg);
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
    reply.answer = result_is_good(result) ? PG_ROWS : PG_ERROR;
    reply.rows = reply.answer == PG_ROWS ? (const struct pg_rows *)result : NULL;
    pg->result = NULL; /* a callback may query again */
    pg->done = NULL;
    pg->query = NULL;
    loop_timer_stop(pg->timer);
    pg_enter(pg, PG_IDLE);
    done(pg->done_arg, &reply);
    PQclear(result);
}

static void keep_result(struct pg *pg, PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);

    if (pg->result && !result_is_good(pg->result)) {
        PQclear(result); /* the first error is the reason */
        return;
    }
    PQclear(pg->result);
    pg->result = result;
    if (result_is_good(result))
        return;
    snprintf(pg->sqlstate, sizeof(pg->sqlstate), "%s", state ? state : "");
    snprintf(pg->constraint, sizeof(pg->constraint), "%s", constraint ? constraint : "");
    copy_line(pg->message, sizeof(pg->message),
              state ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
                    : PQresultErrorMessage(result));
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

static void read_answers(struct pg *pg)
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
            end_setup_query(pg);
        else
            end_query(pg);
    }
}

static void talk_on(struct pg *pg, enum event event)
{
    if (event == EV_READABLE)
        read_answers(pg);
    else
        flush(pg);
}

static void pg_step(struct pg *pg, enum event event)
{
    char text[80];

    if (pg->state == PG_DOWN) {
        if (event == EV_TIMER)
            dial(pg);
        return;
    }
    if (event == EV_TIMER) {
        snprintf(text, sizeof(text), "no answer to %s in time", pg->query ? pg->query : "the dial");
        pg_drop(pg, text);
        return;
    }
    if (pg->state == PG_DIALLING)
        dial_on(pg);
    else
        talk_on(pg, event);
}

/* --- the door --------------------------------------------------------------------------------- */

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
    forget_result(pg);
    if (!PQsendQueryPrepared(pg->conn, name, (int)n, values, lengths, formats, 1)) {
        pg_drop(pg, PQerrorMessage(pg->conn));
        return ST_CLOSED;
    }
    pg->query = name;
    pg->done = done;
    pg->done_arg = arg;
    pg_enter(pg, PG_BUSY);
    loop_timer_start(pg->timer, deadline_ms, 0);
    flush(pg);
    return ST_OK;
}

enum status pg_create(struct pg **out, const struct pg_settings *set, const struct pg_exits *exits)
{
    struct pg *pg = mem_zalloc(sizeof(*pg));
    enum status st = ST_NOMEM;

    if (!pg)
        return ST_NOMEM;
    pg->set = *set;
    pg->exits = *exits;
    pg->conninfo = mem_strdup(set->conninfo);
    if (!pg->conninfo)
        goto fail_pg;
    pg->set.conninfo = pg->conninfo;
    st = loop_timer_create(&pg->timer, set->loop, on_timer, pg);
    if (st != ST_OK)
        goto fail_conninfo;
    loop_timer_start(pg->timer, 0, 0);
    *out = pg;
    return ST_OK;

fail_conninfo:
    mem_free(pg->conninfo);
fail_pg:
    mem_free(pg);
    return st;
}

void pg_destroy(struct pg *pg)
{
    if (!pg)
        return;
    hang_up(pg);
    loop_timer_destroy(pg->timer);
    mem_free(pg->conninfo);
    mem_free(pg);
}

/* --- rows ------------------------------------------------------------------------------------- */

static const PGresult *result_of(const struct pg_rows *r)
{
    return (const PGresult *)r;
}

size_t pg_row_count(const struct pg_rows *r)
{
    return (size_t)PQntuples(result_of(r));
}

bool pg_is_null(const struct pg_rows *r, size_t row, int col)
{
    return PQgetisnull(result_of(r), (int)row, col);
}

const void *pg_bytes(const struct pg_rows *r, size_t row, int col, size_t *len)
{
    *len = (size_t)PQgetlength(result_of(r), (int)row, col);
    return PQgetvalue(result_of(r), (int)row, col);
}

const char *pg_text(const struct pg_rows *r, size_t row, int col)
{
    return PQgetvalue(result_of(r), (int)row, col);
}

int64_t pg_int(const struct pg_rows *r, size_t row, int col)
{
    size_t len;
    const unsigned char *p = pg_bytes(r, row, col, &len);
    uint64_t v = 0;

    if (pg_is_null(r, row, col))
        return 0;
    for (size_t i = 0; i < len && i < 8; i++)
        v = v << 8 | p[i];
    if (len == 2)
        return (int16_t)v;
    return len == 4 ? (int32_t)v : (int64_t)v;
}

int64_t pg_time_us(const struct pg_rows *r, size_t row, int col)
{
    return pg_is_null(r, row, col) ? 0 : pg_int(r, row, col) + PG_EPOCH_US;
}
