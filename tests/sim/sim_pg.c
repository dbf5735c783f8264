/* sim_pg - broker/store/pg.h in front of the model: connections that are slow, break, and answer
 * late or never.
 *
 * A connection has two halves. The client half (struct pg) has the states, deadlines and answers of
 * the real one. The server half (struct backend) outlives it: a statement that has reached the
 * server goes on without its client, holds the lock of the head until it commits, and commits.
 *
 *   sent ─▶ waiting for the lock ─▶ committing ─▶ committed: answered ─▶ the client hears
 *     └ lost on the way    └ a reset or the end of the server rolls it back; later it is durable */
#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "broker/store/pg.h"
#include "proto/base/loop.h"
#include "tests/sim/model.h"
#include "tests/sim/sim.h"

struct backend {
    struct list link; /* of all, in the order of their making */
    struct pg *client;
    struct node *node; /* whose broker it serves */
    int number;
    bool listens_log, listens_principals;
    enum { B_IDLE, B_SENT, B_WAITING, B_COMMITTING, B_ANSWERED } stage;
    struct event next;
    const char *query;
    struct model_params params;
    struct model_txn txn;
    bool has_txn, warned, lose_answer;
    const char *error; /* sqlstate */
};

struct pg {
    struct pg_settings set;
    struct pg_exits exits;
    struct node *node;
    struct backend *backend;
    enum pg_state state;
    unsigned failures, step;
    struct event timer; /* pause, setup step */
    struct event deadline;
    struct event broken; /* the connection is gone, and this is when it is noticed */
    struct event notice; /* a notification under way */
    int notice_from;
    const char *notice_channel;
    const char *query;
    pg_done_fn done;
    void *done_arg;
};

static struct {
    struct list backends;
    int numbers;
    struct backend *locked; /* who holds the lock of the head */
    uint64_t away_until_us, stalled_until_us, mute_until_us;
    bool spoil[FAULTS];
} db;

void db_reset(void)
{
    memset(&db, 0, sizeof(db));
    list_init(&db.backends);
}

/* --- the server ----------------------------------------------------------------------------------
 */

static void serve(struct event *e);
static enum step step_of(const struct backend *b);

static uint64_t work_us(uint64_t least, uint64_t most)
{
    uint64_t us = least + rng_below(&sim.db, most - least);

    if (db.stalled_until_us > sim.now_us)
        us += db.stalled_until_us - sim.now_us;
    return us;
}

/* The next stage begins, and takes this long. */
static void go_on(struct backend *b, uint64_t us)
{
    sim_plan(&b->next, us);
    faults_see(step_of(b), NULL, b->node, us);
}

static void free_params(struct backend *b)
{
    for (unsigned i = 0; i < b->params.n; i++)
        mem_free((void *)(uintptr_t)b->params.p[i].data);
    memset(&b->params, 0, sizeof(b->params));
}

static void let_next_in(void)
{
    struct list *pos;

    list_each(pos, &db.backends) {
        struct backend *b = container_of(pos, struct backend, link);

        if (b->stage == B_WAITING && !b->next.place) {
            sim_plan(&b->next, work_us(10, 100));
            return;
        }
    }
}

static void end_statement(struct backend *b)
{
    if (b->has_txn)
        model_forget(&b->txn);
    b->has_txn = b->warned = b->lose_answer = false;
    b->error = NULL;
    free_params(b);
    b->stage = B_IDLE;
    sim_cancel(&b->next);
    if (db.locked == b)
        db.locked = NULL;
    if (!db.locked)
        let_next_in();
}

static void free_backend(struct backend *b)
{
    end_statement(b);
    if (b->client)
        b->client->backend = NULL;
    list_remove(&b->link);
    mem_free(b);
}

static void notify(const struct backend *from)
{
    struct list *pos;

    if (db.mute_until_us > sim.now_us)
        return;
    list_each(pos, &db.backends) {
        struct backend *b = container_of(pos, struct backend, link);

        if (!b->client || !b->listens_log || b->client->notice.place)
            continue;
        b->client->notice_from = from->number;
        b->client->notice_channel = "eocbus_log";
        sim_plan(&b->client->notice, work_us(50, 3000));
    }
}

/* What is in the log after this stays there. */
static void commit(struct backend *b)
{
    uint64_t head = model_head();

    if (!b->txn.sqlstate && !b->error) {
        if (sim.record && model_log_epoch() == 1) /* a restore is nothing bus.append does */
            model_record(&b->params, &b->txn.answer, sim.record);
        model_apply(&b->txn);
    }
    b->error = b->error ? b->error : b->txn.sqlstate;
    b->stage = B_ANSWERED;
    if (db.locked == b) {
        db.locked = NULL;
        let_next_in();
    }
    if (model_head() > head) {
        sim_say("commits %llu..%llu", (unsigned long long)head + 1,
                (unsigned long long)model_head());
        notify(b);
    }
}

static bool take_spoiled(enum fault_kind how)
{
    bool was = db.spoil[how];

    db.spoil[how] = false;
    return was;
}

static void start_append(struct backend *b)
{
    if (model_needs_lock(&b->params)) {
        if (db.locked && db.locked != b) {
            b->stage = B_WAITING;
            faults_see(STEP_APPEND_WAITING, NULL, b->node, 200);
            return;
        }
        db.locked = b;
    }
    b->stage = B_COMMITTING;
    b->error = take_spoiled(FAULT_DB_ERROR) ? "53100" : NULL;
    b->warned = take_spoiled(FAULT_DB_WARNING);
    b->lose_answer = take_spoiled(FAULT_ANSWER_LOST);
    model_compute(&b->txn, &b->params, sim_utc_us(NULL));
    b->has_txn = true;
    go_on(b, work_us(300, rng_chance(&sim.db, 20) ? 3000000 : 12000));
}

static void deliver(struct backend *b);

static void serve(struct event *e)
{
    struct backend *b = container_of(e, struct backend, next);

    if (db.stalled_until_us > sim.now_us) {
        sim_plan(e, db.stalled_until_us - sim.now_us + rng_below(&sim.db, 1000));
        return;
    }
    if (b->stage == B_ANSWERED) {
        deliver(b);
        return;
    }
    if (!strcmp(b->query, "append") && b->stage != B_COMMITTING) {
        start_append(b);
        if (b->stage == B_COMMITTING && sim.plant == PLANT_ACK_BEFORE_COMMIT && b->client)
            deliver(b);
        return;
    }
    if (b->stage == B_COMMITTING) {
        commit(b);
        if (b->lose_answer && b->client && !b->client->broken.place)
            sim_plan(&b->client->broken, work_us(10, 5000));
    } else {
        b->has_txn = true;
        if (!model_ask(b->query, &b->params, &b->txn.answer))
            assert(!"a statement the model does not know");
        b->listens_log |= !strcmp(b->query, "listen_log");
        b->listens_principals |= !strcmp(b->query, "listen_principals");
        b->stage = B_ANSWERED;
    }
    if (b->client)
        go_on(b, work_us(20, 400));
    else
        free_backend(b);
}

/* --- the client: letting go
 * ------------------------------------------------------------------------ */

const char *pg_state_name(enum pg_state state)
{
    static const char *const names[PG_STATES] = {"down", "dialling", "setup", "idle", "busy"};

    return names[state];
}

unsigned pg_pause_ms(unsigned failures, uint32_t random)
{
    unsigned most = 100;

    while (failures-- && most < 5000)
        most *= 2;
    most = most > 5000 ? 5000 : most;
    return most / 2 + random % (most / 2 + 1);
}

/* The server half goes on with what it has begun; what has not reached it may never do. */
static void leave_backend(struct pg *pg)
{
    struct backend *b = pg->backend;

    pg->backend = NULL;
    if (!b)
        return;
    b->client = NULL;
    if (b->stage == B_IDLE || b->stage == B_ANSWERED || strcmp(b->query, "append") != 0 ||
        (b->stage == B_SENT && rng_chance(&sim.db, 500)))
        free_backend(b);
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

/* --- the client: talking
 * ----------------------------------------------------------------------------- */

static void send(struct pg *pg, const char *query)
{
    struct backend *b = pg->backend;

    pg->query = query;
    b->query = query;
    b->stage = B_SENT;
    go_on(b, work_us(20, 400));
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

    end_statement(b);
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
        pg->backend = NULL; /* the next statement goes to another one */
        b->client = NULL;
    } else {
        memset(&b->txn, 0, sizeof(b->txn)); /* ours now */
        b->has_txn = false;
        end_statement(b);
    }
    sim_cancel(&pg->deadline);
    pg->done = NULL;
    pg->query = NULL;
    pg->state = PG_IDLE;
    if (is_early) {
        pg->backend = mem_zalloc(sizeof(*b));
        *pg->backend = *b;
        pg->backend->client = pg;
        pg->backend->stage = B_IDLE;
        pg->backend->has_txn = false;
        memset(&pg->backend->txn, 0, sizeof(b->txn));
        pg->backend->next.place = 0;
        memset(&pg->backend->params, 0, sizeof(b->params));
        list_init(&pg->backend->link);
        list_add_tail(&db.backends, &pg->backend->link);
    }
    done(pg->done_arg, &reply);
    if (is_early)
        rows_free(&copy);
    else
        model_forget(&txn);
}

static void deliver(struct backend *b)
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
    struct backend *b;

    if (pg->state == PG_DOWN) {
        pg->state = PG_DIALLING;
        sim_plan(&pg->deadline, (pg->set.setup_ms ? pg->set.setup_ms : 10000) * UINT64_C(1000));
        sim_plan(e, work_us(200, 3000));
        return;
    }
    if (db.away_until_us > sim.now_us) {
        drop(pg, "connection refused");
        return;
    }
    b = mem_zalloc(sizeof(*b));
    assert(b);
    b->client = pg;
    b->node = pg->node;
    b->number = ++db.numbers;
    b->next = (struct event){.fire = serve, .node = NULL, .what = "database"};
    list_add_tail(&db.backends, &b->link);
    pg->backend = b;
    pg->state = PG_SETUP;
    pg->step = 0;
    set_up(pg);
}

/* --- faults --------------------------------------------------------------------------------------
 */

static void break_backend(struct backend *b)
{
    struct pg *pg = b->client;

    if (pg && !pg->broken.place) {
        pg->backend = NULL;
        b->client = NULL;
        sim_plan(&pg->broken, work_us(10, 5000));
    }
    free_backend(b);
}

void db_cut(const struct node *broker)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &db.backends) {
        struct backend *b = container_of(pos, struct backend, link);

        if (!broker || b->node == broker)
            break_backend(b);
    }
}

void db_away(uint64_t for_us)
{
    db.away_until_us = sim.now_us + for_us;
    db_cut(NULL);
}

void db_restore(uint64_t dice)
{
    uint64_t head = model_head();

    db_away(dice % (4 * SECOND_US));
    model_restore(head - dice % (head / 3 + 1));
    sim_say("restored up to %llu of %llu", (unsigned long long)model_head(),
            (unsigned long long)head);
}

void db_stall(uint64_t for_us)
{
    db.stalled_until_us = sim.now_us + for_us;
}

void db_spoil(enum fault_kind how)
{
    db.spoil[how] = true;
}

void db_mute(uint64_t for_us)
{
    db.mute_until_us = sim.now_us + for_us;
}

void db_principals_changed(void)
{
    struct list *pos;

    list_each(pos, &db.backends) {
        struct backend *b = container_of(pos, struct backend, link);

        if (b->client && b->listens_principals && !b->client->notice.place) {
            b->client->notice_from = 0;
            b->client->notice_channel = "eocbus_principals";
            sim_plan(&b->client->notice, work_us(50, 3000));
        }
    }
}

static enum step step_of(const struct backend *b)
{
    static const enum step appending[] = {STEP_IDLE, STEP_APPEND_SENT, STEP_APPEND_WAITING,
                                          STEP_APPEND_COMMITTING, STEP_APPEND_ANSWERED};

    if (b->stage == B_IDLE)
        return STEP_IDLE;
    if (b->client && b->client->state == PG_SETUP)
        return STEP_SETUP;
    if (!strcmp(b->query, "append"))
        return appending[b->stage];
    if (!strcmp(b->query, "replay"))
        return STEP_PAGE;
    return !strcmp(b->query, "principals") ? STEP_PRINCIPALS : STEP_HEAD;
}

void db_mark_steps(const struct node *n, bool out[STEPS])
{
    struct list *pos;

    list_each(pos, &db.backends) {
        struct backend *b = container_of(pos, struct backend, link);

        if (!n || b->node == n)
            out[step_of(b)] = true;
    }
}

/* --- the door
 * ------------------------------------------------------------------------------------- */

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
    enum { VALUES = 14, RUN = 14, ORDINAL = 21, DOC = 22, ALL = 31 };
    static const uint32_t oids[VALUES] = {23, 20,   21,   20,   2950, 21, 21,
                                          25, 1184, 1184, 1184, 23,   17, 17};
    static const unsigned run_of[] = {0, 1, 2, 3, 3}; /* sender, epoch, lane, first, last */
    const uint32_t one = htobe32(1);

    b->params.n = ALL;
    for (unsigned i = 0; i < VALUES; i++)
        keep_array(b, i, oids[i], params[i].data, params[i].len);
    for (unsigned i = 0; i < 5; i++)
        keep_array(b, RUN + i, oids[run_of[i]], params[run_of[i]].data, params[run_of[i]].len);
    keep_array(b, RUN + 5, 23, &one, 4);
    keep_array(b, RUN + 6, 23, &one, 4);
    keep_array(b, ORDINAL, 23, params[VALUES].data ? &one : NULL, 4);
    keep_array(b, DOC, 3802, params[VALUES].data, params[VALUES].len);
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
