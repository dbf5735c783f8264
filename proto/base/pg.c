/* pg - the states of a connection. Only the files named pg know libpq (pg_parts.h).
 *
 * Callbacks translate (a readable socket, a timer), pg_step decides. Only pg_enter writes `state`.
 * A connection is thrown away in one place, pg_drop, which also answers the query under way: with
 * "lost", since a connection that ends after a COMMIT was sent says nothing about it. */
#include "proto/base/pg_parts.h"

#include <assert.h>
#include <stdio.h>

#include "proto/base/conninfo.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum { PAUSE_LEAST_MS = 100, PAUSE_MOST_MS = 1000 };

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

void pg_enter(struct pg *pg, enum pg_state state)
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

static void hang_up(struct pg *pg)
{
    loop_poll_destroy(pg->poll);
    pg->poll = NULL;
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg_forget_result(pg);
}

void pg_copy_line(char *out, size_t size, const char *text)
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

void pg_drop(struct pg *pg, const char *why)
{
    enum pg_state was = pg->state;
    char text[320]; /* `why` may lie in pg->message, which is forgotten */
    const char *advice;
    uint32_t random;
    unsigned pause_ms;

    pg_copy_line(text, sizeof(text), why);
    loop_random(pg->set.loop, &random, sizeof(random));
    pause_ms = pg_pause_ms(pg->failures, random);
    pg->failures++;
    advice = conninfo_advice(text);
    log_warn("store.pg.lost", "connection=%s while=%s why=\"%s\" retry_ms=%u%s%s%s", pg->set.name,
             pg_state_name(was), text, pause_ms, advice ? " next=\"" : "", advice ? advice : "",
             advice ? "\"" : "");
    hang_up(pg);
    pg_enter(pg, PG_DOWN);
    loop_timer_start(pg->timer, pause_ms, 0);
    answer_lost(pg, text);
    if ((was == PG_IDLE || was == PG_BUSY) && pg->exits.gone)
        pg->exits.gone(pg->exits.arg);
}

void pg_redial(struct pg *pg, const char *why)
{
    if (pg->state == PG_DOWN)
        return;
    pg_refuse_host(pg);
    pg_drop(pg, why);
}

/* --- what happened ---------------------------------------------------------------------------- */

static void on_socket(void *arg, int events)
{
    pg_step(arg, events & LOOP_READ ? EV_READABLE : EV_WRITABLE);
}

static void on_timer(void *arg)
{
    pg_step(arg, EV_TIMER);
}

enum status pg_watch(struct pg *pg, int events)
{
    enum status st;

    loop_poll_destroy(pg->poll);
    pg->poll = NULL;
    st = loop_poll_create(&pg->poll, pg->set.loop, PQsocket(pg->conn), on_socket, pg);
    if (st == ST_OK)
        loop_poll_set(pg->poll, events);
    return st;
}

static void talk_on(struct pg *pg, enum event event)
{
    if (event == EV_READABLE)
        pg_read_answers(pg);
    else
        pg_flush(pg);
}

/* A host that lets us in and says nothing may be stopped, or behind a cut line, for long. One that
 * is late with a query is none: its commit may wait for a standby, and that one would be next. */
static void give_up_waiting(struct pg *pg)
{
    char text[80];

    if (!pg_is_ready(pg))
        pg_refuse_host(pg);
    snprintf(text, sizeof(text), "no answer to %s in time", pg->query ? pg->query : "the dial");
    pg_drop(pg, text);
}

static void pg_step(struct pg *pg, enum event event)
{

    if (pg->state == PG_DOWN) {
        if (event == EV_TIMER)
            pg_dial(pg);
        return;
    }
    if (event == EV_TIMER) {
        give_up_waiting(pg);
        return;
    }
    if (pg->state == PG_DIALLING)
        pg_dial_on(pg);
    else
        talk_on(pg, event);
}

/* --- the door --------------------------------------------------------------------------------- */

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
    st = pg_hosts_read(&pg->hosts, pg->conninfo);
    if (st != ST_OK)
        goto fail_conninfo;
    st = loop_timer_create(&pg->timer, set->loop, on_timer, pg);
    if (st != ST_OK)
        goto fail_hosts;
    loop_timer_start(pg->timer, 0, 0);
    *out = pg;
    return ST_OK;

fail_hosts:
    pg_hosts_free(&pg->hosts);
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
    pg_hosts_free(&pg->hosts);
    mem_free(pg->conninfo);
    mem_free(pg);
}
