/* sim_server - the server's half of sim_pg: backends, the lock of the head, the standby.
 *
 * A statement that has reached the server goes on without its client: it holds the lock of the head
 * until it has committed, and commits.
 *
 *   sent ─▶ waiting for the lock ─▶ committing ─▶ replicating ─▶ answered ─▶ the client hears
 *     └ lost on the way    └ a reset or the end of the server rolls it back
 *                                                  └ cut short: it is seen, and not replicated
 *
 * A run has no standby, one that commits wait for, or one that they do not wait for. Replication is
 * by number of commit (lsn): the standby gets it, later the primary hears that. A standby that is
 * promoted has what it got; if something that was seen is gone with that, the log is another one
 * and gets a new epoch. */
#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/check.h"
#include "tests/sim/sim_pg.h"

/* The lock is held for one commit, three seconds at most, whatever its client does. */
#define LOCK_MOST_US (4 * SECOND_US)

/* One append in so many, by the head, is recorded as of brokers that know another log, too. */
enum { RECORD_OF_OTHERS = 8 };

static struct {
    struct list backends;
    int numbers;
    struct backend *locked; /* who holds the lock of the head */
    uint64_t locked_since_us;
    uint64_t away_until_us, stalled_until_us, mute_until_us, lagging_until_us;
    bool spoil[FAULTS];
    uint64_t lsn, got_lsn, heard_lsn; /* written; on the standby; known to be there */
    struct event replicate, hear;
    uint64_t to_standby_lsn, from_standby_lsn; /* under way */
    uint64_t troubled_until_us; /* until then nobody can be blamed for holding the lock */
} db;

static void on_replicated(struct event *e);
static void on_heard(struct event *e);
static void serve(struct event *e);
static enum step step_of(const struct backend *b);

void db_reset(void)
{
    memset(&db, 0, sizeof(db));
    list_init(&db.backends);
    db.replicate = (struct event){.fire = on_replicated, .what = "replicated"};
    db.hear = (struct event){.fire = on_heard, .what = "standby heard"};
}

/* --- statements ------------------------------------------------------------------------------- */

uint64_t server_work_us(uint64_t least, uint64_t most)
{
    uint64_t us = least + rng_below(&sim.db, most - least);

    if (db.stalled_until_us > sim.now_us)
        us += db.stalled_until_us - sim.now_us;
    return us;
}

bool server_is_away(void)
{
    return db.away_until_us > sim.now_us;
}

/* The next stage begins, and takes this long. */
static void go_on(struct backend *b, uint64_t us)
{
    sim_plan(&b->next, us);
    faults_see(step_of(b), NULL, b->node, us);
}

struct backend *server_connect(struct pg *client)
{
    struct backend *b = mem_zalloc(sizeof(*b));

    assert(b);
    b->client = client;
    b->node = client->node;
    b->number = ++db.numbers;
    b->next = (struct event){.fire = serve, .node = NULL, .what = "database"};
    list_add_tail(&db.backends, &b->link);
    return b;
}

void server_ask(struct backend *b, const char *query)
{
    b->query = query;
    b->stage = B_SENT;
    go_on(b, server_work_us(20, 400));
}

static void free_params(struct backend *b)
{
    for (unsigned i = 0; i < b->params.n; i++)
        mem_free((void *)(uintptr_t)b->params.p[i].data);
    memset(&b->params, 0, sizeof(b->params));
}

/* --- the lock of the head --------------------------------------------------------------------- */

static void let_next_in(void)
{
    struct list *pos;

    list_each(pos, &db.backends) {
        struct backend *b = container_of(pos, struct backend, link);

        if (b->stage == B_WAITING && !b->next.place) {
            sim_plan(&b->next, server_work_us(10, 100));
            return;
        }
    }
}

static void lock(struct backend *b)
{
    db.locked = b;
    db.locked_since_us = sim.now_us;
}

/* A client that is stopped must not hold up the others. */
static void unlock(struct backend *b)
{
    uint64_t since =
        db.locked_since_us > db.troubled_until_us ? db.locked_since_us : db.troubled_until_us;

    if (db.locked != b)
        return;
    if (sim.now_us > since + LOCK_MOST_US)
        sim_violate("a backend of %s held the lock of the head for %.1f s", b->node->name,
                    (double)(sim.now_us - since) / 1e6);
    db.locked = NULL;
    let_next_in();
}

/* --- ending ----------------------------------------------------------------------------------- */

void server_end_statement(struct backend *b)
{
    if (b->has_txn)
        model_forget(&b->txn);
    b->has_txn = b->warned = b->lose_answer = false;
    b->error = NULL;
    free_params(b);
    b->stage = B_IDLE;
    sim_cancel(&b->next);
    unlock(b);
}

static void free_backend(struct backend *b)
{
    server_end_statement(b);
    if (b->client)
        b->client->backend = NULL;
    list_remove(&b->link);
    mem_free(b);
}

void server_leave(struct backend *b)
{
    b->client = NULL;
    if (b->stage == B_IDLE || b->stage == B_ANSWERED || strcmp(b->query, "append") != 0 ||
        (b->stage == B_SENT && rng_chance(&sim.db, 500)))
        free_backend(b);
}

struct backend *server_split(struct backend *b)
{
    struct backend *next = server_connect(b->client);

    next->query = b->query;
    b->client = NULL;
    return next;
}

/* --- committing ------------------------------------------------------------------------------- */

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
        sim_plan(&b->client->notice, server_work_us(50, 3000));
    }
}

/* The same append of a broker that knows another log: an older or newer epoch, or a number behind
 * the head. */
static void record_of_another(const struct backend *b, uint32_t log_epoch, uint64_t seq)
{
    struct model_params p = b->params;
    struct model_txn txn;

    log_epoch = htobe32(log_epoch);
    seq = htobe64(seq);
    p.p[p.n - 2].data = &log_epoch;
    p.p[p.n - 1].data = &seq;
    model_compute(&txn, &p, sim_utc_us(NULL));
    model_record(&p, &txn.answer, sim.record);
    model_forget(&txn);
}

static void record(const struct backend *b)
{
    uint32_t log_epoch = model_log_epoch();
    uint64_t head = model_head();

    if (head % RECORD_OF_OTHERS == 0) {
        record_of_another(b, log_epoch - 1, head);
        record_of_another(b, log_epoch + 1, 0);
        record_of_another(b, log_epoch, head + 1);
    }
    model_record(&b->params, &b->txn.answer, sim.record);
}

/* What is in the log after this is seen by everybody. */
static void make_visible(struct backend *b)
{
    uint64_t head = model_head();

    if (!b->txn.sqlstate && !b->error) {
        if (sim.record && model_log_epoch() == 1) /* a restore is nothing bus.append does */
            record(b);
        model_apply(&b->txn, b->lsn);
    }
    b->error = b->error ? b->error : b->txn.sqlstate;
    b->stage = B_ANSWERED;
    if (sim.plant != PLANT_LOCK_HELD || !b->client)
        unlock(b);
    if (model_head() > head) {
        sim_say("commits %llu..%llu", (unsigned long long)head + 1,
                (unsigned long long)model_head());
        notify(b);
    }
    if (b->lose_answer && b->client && !b->client->broken.place)
        sim_plan(&b->client->broken, server_work_us(10, 5000));
    if (b->client)
        go_on(b, server_work_us(20, 400));
    else
        free_backend(b);
}

static void replicate(void)
{
    if (sim.standby == STANDBY_NONE || db.lsn == db.got_lsn || db.replicate.place)
        return;
    db.to_standby_lsn = db.lsn;
    sim_plan(&db.replicate, server_work_us(50, 3000));
}

static void on_replicated(struct event *e)
{
    if (db.lagging_until_us > sim.now_us) {
        sim_plan(e, db.lagging_until_us - sim.now_us + rng_below(&sim.db, 3000));
        return;
    }
    db.got_lsn = db.to_standby_lsn;
    db.from_standby_lsn = db.got_lsn;
    if (!db.hear.place)
        sim_plan(&db.hear, server_work_us(50, 3000));
    replicate();
}

static void on_heard(struct event *e)
{
    struct list *pos, *next;

    if (db.lagging_until_us > sim.now_us) {
        sim_plan(e, db.lagging_until_us - sim.now_us + rng_below(&sim.db, 3000));
        return;
    }
    db.heard_lsn = db.from_standby_lsn;
    list_each_safe(pos, next, &db.backends) {
        struct backend *b = container_of(pos, struct backend, link);

        if (b->stage == B_REPLICATING && b->lsn <= db.heard_lsn)
            make_visible(b);
    }
}

/* Without the barrier, what only repeats writes nothing, and so has nothing to wait for. */
static bool must_wait(const struct backend *b)
{
    return sim.standby == STANDBY_SYNC && (sim.plant != PLANT_NO_BARRIER || model_stores(&b->txn));
}

/* The record of the commit is on the disk. */
static void write_commit(struct backend *b)
{
    if (b->error || b->txn.sqlstate) {
        make_visible(b);
        return;
    }
    b->lsn = ++db.lsn;
    replicate();
    if (!must_wait(b)) {
        make_visible(b);
        return;
    }
    b->stage = B_REPLICATING;
    faults_see(STEP_APPEND_REPLICATING, NULL, b->node, 3000);
    if (b->warned) /* the wait is cancelled, and it is seen all the same */
        sim_plan(&b->next, server_work_us(10, 2000));
}

static bool take_spoiled(enum fault_kind how)
{
    bool was = db.spoil[how];

    db.spoil[how] = false;
    return was;
}

static void start_append(struct backend *b)
{
    if (model_needs_lock(&b->params) && sim.plant != PLANT_PLAIN_SEQUENCE) {
        if (db.locked && db.locked != b) {
            b->stage = B_WAITING;
            faults_see(STEP_APPEND_WAITING, NULL, b->node, 200);
            return;
        }
        lock(b);
    }
    b->stage = B_COMMITTING;
    b->error = take_spoiled(FAULT_DB_ERROR) ? "53100" : NULL;
    b->warned = take_spoiled(FAULT_DB_WARNING);
    b->lose_answer = take_spoiled(FAULT_ANSWER_LOST);
    model_compute(&b->txn, &b->params, sim_utc_us(NULL));
    b->has_txn = true;
    go_on(b, server_work_us(300, rng_chance(&sim.db, 20) ? 3000000 : 12000));
    if (sim.plant == PLANT_ACK_BEFORE_COMMIT && b->client)
        pg_hear(b);
}

static void answer(struct backend *b)
{
    b->has_txn = true;
    if (!model_ask(b->query, &b->params, &b->txn.answer))
        assert(!"a statement the model does not know");
    if (model_head_is_new()) {
        model_keep_head(++db.lsn);
        replicate();
    }
    b->listens_log |= !strcmp(b->query, "listen_log");
    b->listens_principals |= !strcmp(b->query, "listen_principals");
    b->stage = B_ANSWERED;
    if (b->client)
        go_on(b, server_work_us(20, 400));
    else
        free_backend(b);
}

static void serve(struct event *e)
{
    struct backend *b = container_of(e, struct backend, next);

    if (db.stalled_until_us > sim.now_us)
        sim_plan(e, db.stalled_until_us - sim.now_us + rng_below(&sim.db, 1000));
    else if (b->stage == B_ANSWERED)
        pg_hear(b);
    else if (strcmp(b->query, "append") != 0)
        answer(b);
    else if (b->stage == B_COMMITTING)
        write_commit(b);
    else if (b->stage == B_REPLICATING)
        make_visible(b);
    else
        start_append(b);
}

/* --- faults ----------------------------------------------------------------------------------- */

static void blame_nobody(uint64_t until_us)
{
    if (until_us > db.troubled_until_us)
        db.troubled_until_us = until_us;
}

static void part(struct backend *b)
{
    struct pg *pg = b->client;

    if (!pg)
        return;
    pg->backend = NULL;
    b->client = NULL;
    if (!pg->broken.place)
        sim_plan(&pg->broken, server_work_us(10, 5000));
}

/* Ended by force. What waits for the standby is seen then; or it was only the wire, and the wait
 * goes on. */
static void break_backend(struct backend *b, bool is_over)
{
    part(b);
    if (b->stage != B_REPLICATING)
        free_backend(b);
    else if (is_over || rng_chance(&sim.db, 500))
        make_visible(b);
}

void db_cut(const struct node *broker)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &db.backends) {
        struct backend *b = container_of(pos, struct backend, link);

        if (!broker || b->node == broker)
            break_backend(b, !broker);
    }
}

void db_away(uint64_t for_us)
{
    db.away_until_us = sim.now_us + for_us;
    blame_nobody(db.away_until_us);
    db_cut(NULL);
}

void db_restore(uint64_t dice)
{
    uint64_t head;

    db_away(dice % (4 * SECOND_US));
    head = model_head();
    model_restore(head - dice % (head / 3 + 1), ++db.lsn);
    db.got_lsn = db.heard_lsn = db.lsn; /* the standby is made anew */
    sim_cancel(&db.replicate);
    sim_cancel(&db.hear);
    sim_say("restored up to %llu of %llu", (unsigned long long)model_head(),
            (unsigned long long)head);
}

/* What the standby has got goes on there, and is seen now; all else never was. */
static void end_on_standby(void)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &db.backends) {
        struct backend *b = container_of(pos, struct backend, link);

        part(b);
        if (b->stage == B_REPLICATING && b->lsn <= db.got_lsn)
            make_visible(b);
        else
            free_backend(b);
    }
}

void db_promote(uint64_t dice)
{
    uint64_t head = model_head();

    end_on_standby();
    model_promote(db.got_lsn);
    db.lsn = db.heard_lsn = db.got_lsn;
    sim_cancel(&db.replicate);
    sim_cancel(&db.hear);
    db.away_until_us = sim.now_us + dice % (4 * SECOND_US);
    db.lagging_until_us = db.away_until_us + (dice >> 32) % (4 * SECOND_US); /* the old primary */
    blame_nobody(db.lagging_until_us);
    sim_say("promoted with %llu of %llu", (unsigned long long)model_head(),
            (unsigned long long)head);
}

void db_lag(uint64_t for_us)
{
    db.lagging_until_us = sim.now_us + for_us;
    blame_nobody(db.lagging_until_us);
}

void db_stall(uint64_t for_us)
{
    db.stalled_until_us = sim.now_us + for_us;
    blame_nobody(db.stalled_until_us);
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
            sim_plan(&b->client->notice, server_work_us(50, 3000));
        }
    }
}

static enum step step_of(const struct backend *b)
{
    static const enum step appending[] = {STEP_IDLE,
                                          STEP_APPEND_SENT,
                                          STEP_APPEND_WAITING,
                                          STEP_APPEND_COMMITTING,
                                          STEP_APPEND_REPLICATING,
                                          STEP_APPEND_ANSWERED};

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
