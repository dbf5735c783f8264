/* timer - see timer.h.
 *
 *   tick ──▶ rest a second ──▶ tick ...     more waits: rest three times as long as it took
 *
 * A tick that has something to say holds the lock of the head while it says it. So it takes little
 * at a time, and leaves the commits three quarters of it. */
#include "broker/store/timer.h"

#include <endian.h>
#include <string.h>

#include "proto/base/pg.h"
#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum {
    REST_MS = 1000,
    /* A receipt takes PostgreSQL about 0.5 ms to make: 32 hold the head for 16 ms. */
    TICK_MOST = 32,
    DEADLINE_MS = 30000,
};

enum { C_EXPIRED, C_UNDELIVERABLE, C_SAID, C_MORE }; /* columns of tick.sql */

struct timer {
    struct loop *loop; /* borrowed, outlives us */
    struct pg *pg;
    struct loop_timer *timer;
    uint64_t began_us, receipts;
    chain_fn chain; /* who asked for the head of the chain; NULL = nobody */
    void *chain_arg;
    char *broker;        /* whose settings these are */
    struct buf settings; /* of it, that the database has not taken yet; empty = none */
    bool is_saying;      /* they are under way: what comes meanwhile is said afterwards */
};

static void on_tick(void *arg, const struct pg_reply *reply)
{
    struct timer *t = arg;
    uint64_t took_ms = (loop_exact_us(t->loop) - t->began_us) / 1000;
    unsigned rest_ms = REST_MS;

    if (reply->answer == PG_ROWS) {
        t->receipts += (uint64_t)pg_int(reply->rows, 0, C_SAID);
        if (pg_int(reply->rows, 0, C_MORE))
            rest_ms = (unsigned)took_ms * 3 + 1;
    } else if (reply->answer == PG_ERROR) {
        log_warn("store.timer", "sqlstate=%s why=\"%s\"", reply->sqlstate, reply->message);
    }
    loop_timer_start(t->timer, rest_ms, 0);
}

static void on_chain(void *arg, const struct pg_reply *reply)
{
    struct timer *t = arg;
    chain_fn told = t->chain;
    const void *digest;
    size_t len;

    t->chain = NULL;
    if (reply->answer == PG_ROWS && pg_row_count(reply->rows)) {
        digest = pg_bytes(reply->rows, 0, 2, &len);
        if (len == 32 && told)
            told(t->chain_arg, (uint32_t)pg_int(reply->rows, 0, 0),
                 (uint64_t)pg_int(reply->rows, 0, 1), digest);
    } else if (reply->answer == PG_ERROR) {
        log_warn("store.timer", "sqlstate=%s why=\"%s\"", reply->sqlstate, reply->message);
    }
    loop_timer_start(t->timer, 1, 0); /* a tick is due as it was */
}

static void on_settings(void *arg, const struct pg_reply *reply)
{
    struct timer *t = arg;

    if (reply->answer == PG_ERROR)
        log_warn("store.settings.unsaid", "sqlstate=%s why=\"%s\"", reply->sqlstate,
                 reply->message);
    if (reply->answer != PG_LOST && t->is_saying)
        buf_clear(&t->settings);
    t->is_saying = false;
    loop_timer_start(t->timer, 1, 0); /* a tick is due as it was */
}

static void say_settings(struct timer *t)
{
    const struct pg_param params[] = {{t->broker, strlen(t->broker)},
                                      {t->settings.data, t->settings.len}};

    t->is_saying = pg_query(t->pg, "settings", params, 2, DEADLINE_MS, on_settings, t) == ST_OK;
}

static void on_timer(void *arg)
{
    struct timer *t = arg;
    uint32_t most = htobe32(TICK_MOST);
    struct pg_param param = {&most, sizeof(most)};

    if (!pg_is_idle(t->pg))
        return; /* on_ready comes back to it */
    if (t->chain) {
        if (pg_query(t->pg, "chain_head", NULL, 0, DEADLINE_MS, on_chain, t) != ST_OK)
            log_debug("store.timer.chain", "not sent");
        return;
    }
    if (t->settings.len) {
        say_settings(t);
        return;
    }
    t->began_us = loop_exact_us(t->loop);
    if (pg_query(t->pg, "tick", &param, 1, DEADLINE_MS, on_tick, t) != ST_OK)
        log_debug("store.timer.tick", "not sent");
}

static void on_ready(void *arg)
{
    struct timer *t = arg;

    loop_timer_start(t->timer, 1, 0);
}

static enum status connect(struct timer *t, const char *conninfo,
                           bool (*accept)(void *arg, const char *query, const struct pg_rows *rows),
                           void *arg)
{
    static const char *const setup[] = {"session", "schema", "place", NULL};
    static const char *const names[] = {"tick", "chain_head", "settings", NULL};
    const struct pg_settings set = {
        .loop = t->loop, .conninfo = conninfo, .name = "timer", .setup = setup, .prepare = names};
    const struct pg_exits exits = {
        .arg = t, .accept = accept, .accept_arg = arg, .ready = on_ready};

    return pg_create(&t->pg, &set, &exits);
}

enum status timer_create(struct timer **out, struct loop *loop, const char *conninfo,
                         bool (*accept)(void *arg, const char *query, const struct pg_rows *rows),
                         void *arg)
{
    struct timer *t = mem_zalloc(sizeof(*t));
    enum status st;

    if (!t)
        return ST_NOMEM;
    t->loop = loop;
    st = loop_timer_create(&t->timer, loop, on_timer, t);
    if (st == ST_OK)
        st = connect(t, conninfo, accept, arg);
    if (st != ST_OK) {
        timer_destroy(t);
        return st;
    }
    *out = t;
    return ST_OK;
}

void timer_ask_chain(struct timer *t, chain_fn told, void *arg)
{
    t->chain = told;
    t->chain_arg = arg;
}

void timer_say_settings(struct timer *t, const char *broker, struct buf *settings)
{
    char *name = mem_strdup(broker);

    if (name) {
        mem_free(t->broker);
        buf_free(&t->settings);
        t->broker = name;
        t->settings = *settings;
        t->is_saying = false; /* an answer that is due is that of the text before */
    } else {
        buf_free(settings);
    }
    *settings = (struct buf){0};
}

uint64_t timer_receipts(const struct timer *t)
{
    return t->receipts;
}

void timer_redial(struct timer *t, const char *why)
{
    if (pg_is_ready(t->pg))
        pg_redial(t->pg, why);
}

void timer_destroy(struct timer *t)
{
    if (!t)
        return;
    pg_destroy(t->pg);
    loop_timer_destroy(t->timer);
    mem_free(t->broker);
    buf_free(&t->settings);
    mem_free(t);
}
