/* sim_pg - proto/base/pg.h in front of the model: connections that are slow, break, and answer
 * late or never.
 *
 * A connection has two halves. The client's (struct pg) has the states, deadlines and answers of
 * the real one, and is here. The server's (struct backend, sim_server.c) outlives it. */
#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/loop.h"
#include "tests/sim/sim_pg.h"

/* --- the client: letting go ------------------------------------------------------------------- */

const char *pg_state_name(enum pg_state state)
{
    static const char *const names[PG_STATES] = {"down", "dialling", "setup", "idle", "busy"};

    return names[state];
}

unsigned pg_pause_ms(unsigned failures, uint32_t random)
{
    unsigned most = 100;

    while (failures-- && most < 1000)
        most *= 2;
    most = most > 1000 ? 1000 : most;
    return most / 2 + random % (most / 2 + 1);
}

static void leave_backend(struct pg *pg)
{
    struct backend *b = pg->backend;

    pg->backend = NULL;
    if (b)
        server_leave(b);
}

static void drop(struct pg *pg, const char *why)
{
    enum pg_state was = pg->state;
    struct pg_reply reply = {.answer = PG_LOST, .sqlstate = "", .message = why};
    pg_done_fn done = pg->done;

    sim_say("%s connection lost while %s: %s", pg->set.name, pg_state_name(was), why);
    leave_backend(pg);
    sim_cancel(&pg->deadline);
    sim_cancel(&pg->broken);
    sim_cancel(&pg->notice);
    pg->state = PG_DOWN;
    sim_plan(&pg->timer, pg_pause_ms(pg->failures++, (uint32_t)rng_u64(&sim.db)) * UINT64_C(1000));
    pg->done = NULL;
    if (done)
        done(pg->done_arg, &reply);
    if ((was == PG_IDLE || was == PG_BUSY) && pg->exits.gone)
        pg->exits.gone(pg->exits.arg);
}

void pg_redial(struct pg *pg, const char *why)
{
    if (pg->state != PG_DOWN)
        drop(pg, why);
}

/* --- the client: talking ---------------------------------------------------------------------- */

static void send(struct pg *pg, const char *query)
{
    pg->query = query;
    server_ask(pg->backend, query);
}

static unsigned count(const char *const *names)
{
    unsigned n = 0;

    while (names && names[n])
        n++;
    return n;
}

static void set_up(struct pg *pg)
{
    if (pg->step < count(pg->set.setup)) {
        send(pg, pg->set.setup[pg->step]);
        return;
    }
    pg->failures = 0;
    sim_cancel(&pg->deadline);
    pg->state = PG_IDLE;
    pg->exits.ready(pg->exits.arg);
}

static void end_setup_query(struct pg *pg, struct backend *b)
{
    bool good =
        !pg->exits.accept || pg->exits.accept(pg->exits.accept_arg, b->query, &b->txn.answer);

    server_end_statement(b);
    pg->step++;
    if (good)
        set_up(pg);
    else
        drop(pg, "this database will not do");
}

static void end_query(struct pg *pg, struct backend *b)
{
    struct model_txn txn = b->txn;
    const char *error = b->error;
    struct pg_reply reply = {.answer = error ? PG_ERROR : PG_ROWS,
                             .rows = error ? NULL : &txn.answer,
                             .sqlstate = error ? error : "",
                             .message = error ? "the model refuses it" : ""};
    pg_done_fn done = pg->done;
    bool is_early = b->stage == B_COMMITTING; /* planted: the transaction goes on */
    struct pg_rows copy = {0};

    if (is_early) {
        copy = txn.answer;
        copy.cells = mem_alloc(copy.cell_cap * sizeof(*copy.cells));
        memcpy(copy.cells, txn.answer.cells, copy.cell_count * sizeof(*copy.cells));
        memset(&copy.bytes, 0, sizeof(copy.bytes));
        buf_put(&copy.bytes, txn.answer.bytes.data, txn.answer.bytes.len);
        reply.rows = reply.rows ? &copy : NULL;
        pg->backend = server_split(b);
    } else {
        memset(&b->txn, 0, sizeof(b->txn)); /* ours now */
        b->has_txn = false;
        server_end_statement(b);
    }
    sim_cancel(&pg->deadline);
    pg->done = NULL;
    pg->query = NULL;
    pg->state = PG_IDLE;
    done(pg->done_arg, &reply);
    if (is_early)
        rows_free(&copy);
    else
        model_forget(&txn);
}

void pg_hear(struct backend *b)
{
    struct pg *pg = b->client;
    struct node *was = sim.current, *node = pg->node;

    if (pg->node->stalled_until_us > sim.now_us) { /* it waits in the socket */
        sim_plan(&b->next, pg->node->stalled_until_us - sim.now_us);
        return;
    }
    sim.current = pg->node;
    if (b->warned)
        drop(pg, "WARNING: canceling wait for synchronous replication");
    else if (pg->state == PG_SETUP)
        end_setup_query(pg, b);
    else
        end_query(pg, b);
    sim.current = was;
    sim_touch(node);
}

static void on_deadline(struct event *e)
{
    drop(container_of(e, struct pg, deadline), "no answer in time");
}

static void on_broken(struct event *e)
{
    drop(container_of(e, struct pg, broken), "server closed the connection unexpectedly");
}

static void on_notice(struct event *e)
{
    struct pg *pg = container_of(e, struct pg, notice);

    if (pg->state >= PG_IDLE && pg->exits.notified)
        pg->exits.notified(pg->exits.arg, pg->notice_channel, pg->notice_from);
}

/* The answer of the server to a dial comes a moment later, on the same timer. */
static void on_timer(struct event *e)
{
    struct pg *pg = container_of(e, struct pg, timer);

    if (pg->state == PG_DOWN) {
        pg->state = PG_DIALLING;
        sim_plan(&pg->deadline, (pg->set.setup_ms ? pg->set.setup_ms : 10000) * UINT64_C(1000));
        sim_plan(e, server_work_us(200, 3000));
        return;
    }
    if (server_is_away()) {
        drop(pg, "connection refused");
        return;
    }
    pg->backend = server_connect(pg);
    pg->state = PG_SETUP;
    pg->step = 0;
    set_up(pg);
}

/* --- the door --------------------------------------------------------------------------------- */

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
    return pg->backend ? pg->backend->number : 0;
}

static void keep_param(struct backend *b, unsigned i, const struct pg_param *p)
{
    b->params.p[i].len = p->len;
    if (!p->data)
        return;
    b->params.p[i].data = mem_alloc(p->len + 1);
    memcpy((void *)(uintptr_t)b->params.p[i].data, p->data, p->len);
}

/* An array of one element as PostgreSQL has it in binary. */
static void keep_array(struct backend *b, unsigned i, uint32_t oid, const void *data, size_t len)
{
    const uint32_t head[6] = {htobe32(1), 0,          htobe32(oid),
                              htobe32(1), htobe32(1), htobe32((uint32_t)len)};
    uint8_t *array;

    if (!data)
        return;
    array = mem_alloc(sizeof(head) + len + 1);
    memcpy(array, head, sizeof(head));
    memcpy(array + sizeof(head), data, len);
    b->params.p[i] = (struct pg_param){array, sizeof(head) + len};
}

/* append_one says in plain values what append says in arrays of one: the model knows the latter. */
static void keep_one(struct backend *b, const struct pg_param *params)
{
    enum { VALUES = 17, RUN = 17, ORDINAL = 24, DOC = 25, KNOWN = 34 };
    static const uint32_t oids[VALUES] = {23,   20,   21, 20, 2950, 21, 21, 25, 1184,
                                          1184, 1184, 23, 21, 17,   17, 25, 17};
    static const unsigned run_of[] = {0, 1, 2, 3, 3}; /* sender, epoch, lane, first, last */
    const uint32_t one = htobe32(1);

    b->params.n = KNOWN + 2;
    for (unsigned i = 0; i < VALUES; i++)
        keep_array(b, i, oids[i], params[i].data, params[i].len);
    for (unsigned i = 0; i < 5; i++)
        keep_array(b, RUN + i, oids[run_of[i]], params[run_of[i]].data, params[run_of[i]].len);
    keep_array(b, RUN + 5, 23, &one, 4);
    keep_array(b, RUN + 6, 23, &one, 4);
    keep_array(b, ORDINAL, 23, params[VALUES].data ? &one : NULL, 4);
    keep_array(b, DOC, 3802, params[VALUES].data, params[VALUES].len);
    keep_param(b, KNOWN, &params[VALUES + 1]);
    keep_param(b, KNOWN + 1, &params[VALUES + 2]);
}

enum status pg_query(struct pg *pg, const char *name, const struct pg_param *params, unsigned n,
                     unsigned deadline_ms, pg_done_fn done, void *arg)
{
    struct backend *b = pg->backend;

    if (pg->state != PG_IDLE)
        return ST_CLOSED;
    pg->done = done;
    pg->done_arg = arg;
    pg->state = PG_BUSY;
    sim_plan(&pg->deadline, deadline_ms * UINT64_C(1000));
    if (!b) { /* broken, and not noticed yet: it goes nowhere */
        pg->query = name;
        return ST_OK;
    }
    b->params.n = n;
    if (strcmp(name, "append_one") == 0) {
        keep_one(b, params);
        name = "append";
    } else {
        for (unsigned i = 0; i < n; i++)
            keep_param(b, i, &params[i]);
    }
    send(pg, name);
    return ST_OK;
}

enum status pg_create(struct pg **out, const struct pg_settings *set, const struct pg_exits *exits)
{
    struct pg *pg = mem_zalloc(sizeof(*pg));

    if (!pg)
        return ST_NOMEM;
    pg->set = *set;
    pg->exits = *exits;
    pg->node = sim.current;
    pg->timer = (struct event){.fire = on_timer, .node = pg->node, .what = "pg timer"};
    pg->deadline = (struct event){.fire = on_deadline, .node = pg->node, .what = "pg deadline"};
    pg->broken = (struct event){.fire = on_broken, .node = pg->node, .what = "pg broken"};
    pg->notice = (struct event){.fire = on_notice, .node = pg->node, .what = "pg notice"};
    sim_plan(&pg->timer, 0);
    *out = pg;
    return ST_OK;
}

void pg_destroy(struct pg *pg)
{
    if (!pg)
        return;
    leave_backend(pg);
    sim_cancel(&pg->timer);
    sim_cancel(&pg->deadline);
    sim_cancel(&pg->broken);
    sim_cancel(&pg->notice);
    mem_free(pg);
}
