/* The store in front of a primary and a standby that commits wait for: nothing is said to be stored
 * that a failover could take away (I2, I3), and a primary that was replaced is not believed.
 *
 * Each promotion raises the log epoch, and what waited is given back. The senders here do as an
 * outbox does: a lane is closed until all of it is home, then its lowest number goes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/log.h"
#include "tests/lib/pgpair.h"
#include "tests/lib/store_world.h"

#include "proto/base/banned.h"

enum { ROUNDS = 2 }; /* failovers; STANDBY_ROUNDS=n for another number */

static struct pgserver *standby;
static char conninfo[256], seen[262144];
static unsigned promotions, offered_again;
static struct list home[SENDERS]; /* given back, by place in the lane */
static bool is_closed[SENDERS];
static uint32_t offered_for; /* the epoch that the senders know */

static void keep_line(void *arg, enum log_level level, const char *line)
{
    size_t len = strlen(seen);

    (void)arg;
    (void)level;
    snprintf(seen + len, sizeof(seen) - len, "%s\n", line);
}

static unsigned times_seen(const char *word)
{
    unsigned n = 0;

    for (const char *at = seen; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

/* Borrowed: what is offered again is what was offered, under its own name. */
static struct parcel *copy_of(const struct parcel *p)
{
    struct parcel *copy = parcel_create(p->content, p->content_len, NULL, 0);

    assert_non_null(copy);
    memcpy(copy->message_id, p->message_id, sizeof(copy->message_id));
    copy->principal_id = p->principal_id;
    copy->id = p->id;
    copy->type = p->type;
    copy->status = p->status;
    snprintf(copy->places, sizeof(copy->places), "%s", p->places);
    copy->event_time_us = p->event_time_us;
    copy->sent_time_us = p->sent_time_us;
    copy->received_time_us = p->received_time_us;
    return copy;
}

static void keep_for_again(const struct parcel *p)
{
    int sender = p->principal_id - 1;
    struct list *pos = home[sender].next;

    while (pos != &home[sender] &&
           container_of(pos, struct parcel, link)->id.lane_seq < p->id.lane_seq)
        pos = pos->next;
    list_add_tail(pos, &copy_of(p)->link);
    is_closed[sender] = true;
}

static int set_up(void **state)
{
    struct world *w = world_open();

    for (int i = 0; i < SENDERS; i++) {
        list_init(&home[i]);
        is_closed[i] = false;
    }
    promotions = offered_again = offered_for = 0;
    w->on_again = keep_for_again;
    seen[0] = 0;
    log_set_level(LOG_WARN);
    log_set_sink(keep_line, NULL);
    standby = pgpair_standby(NULL, w->pg);
    pgpair_wait_for_standby(w->pg, true);
    snprintf(conninfo, sizeof(conninfo), "%s", pgpair_conninfo(w->pg, standby));
    w->conninfo = conninfo;
    store_destroy(w->store);
    w->here = false;
    w->store = world_store(w, 500);
    TURN_UNTIL(w, w->here);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    pgserver_end(standby);
    world_close(*state);
    for (int i = 0; i < SENDERS; i++) {
        struct list *link;

        while ((link = list_pop(&home[i]))) {
            struct parcel *p = container_of(link, struct parcel, link);

            parcel_drop(&p);
        }
    }
    log_set_sink(NULL, NULL);
    return 0;
}

static bool is_all_home(const struct world *w, int sender)
{
    const struct list *pos;
    uint64_t n = w->lane_settled[sender];

    list_each(pos, &home[sender]) {
        n++;
    }
    return n == w->lane_seq[sender];
}

static void offer_lane_again(struct world *w, int sender)
{
    struct list *link;

    while ((link = list_pop(&home[sender]))) {
        struct parcel *p = container_of(link, struct parcel, link);

        if (store_submit(w->store, &p) != ST_OK) {
            list_add_tail(home[sender].next, &p->link); /* in front, as it was */
            return;
        }
        offered_again++;
    }
    is_closed[sender] = false;
}

static void offer_again(struct world *w)
{
    for (int i = 0; i < SENDERS; i++) {
        is_closed[i] = is_closed[i] || offered_for != w->log_epoch;
        if (is_closed[i] && is_all_home(w, i))
            offer_lane_again(w, i);
    }
    offered_for = w->log_epoch;
}

static void offer(struct world *w, unsigned n)
{
    offer_again(w);
    for (unsigned i = 0; i < n; i++) {
        int sender = (int)(i % SENDERS);
        struct parcel *p;

        if (is_closed[sender])
            continue;
        p = world_parcel(w, sender, w->lane_seq[sender] + 1, "said");
        if (store_submit(w->store, &p) == ST_OK)
            w->lane_seq[sender]++;
        else
            parcel_drop(&p);
    }
}

static unsigned offered(const struct world *w)
{
    unsigned n = 0;

    for (int i = 0; i < SENDERS; i++)
        n += (unsigned)w->lane_seq[i];
    return n;
}

static bool is_all_settled(struct world *w)
{
    offer_again(w);
    return w->settled == offered(w);
}

static void load_for(struct world *w, unsigned ms)
{
    uint64_t until = loop_exact_us(w->loop) + ms * UINT64_C(1000);

    while (loop_exact_us(w->loop) < until) {
        offer(w, 20);
        loop_turn(w->loop, 5);
    }
}

/* Timeline n begins with epoch 16 n, and nothing but a promotion has raised it. */
static void assert_epoch(struct world *w, struct pgserver *primary)
{
    unsigned epoch = promotions ? 16 * (promotions + 1) : 1;

    assert_int_equal(pgserver_number(primary, "SELECT log_epoch FROM bus.log_head"), epoch);
    assert_int_equal(pgserver_number(primary, "SELECT count(*) FROM bus.epoch"), promotions);
    assert_int_equal(store_log_epoch(w->store), epoch);
}

static void assert_whole(struct world *w, struct pgserver *primary)
{
    TURN_UNTIL(w, is_all_settled(w));
    TURN_UNTIL(w, w->next_last == w->settled);
    assert_int_equal(w->refused, 0);
    assert_int_equal(w->again, offered_again);
    assert_true(promotions || !w->again);
    assert_true(w->lanes_in_order);
    assert_true(w->next_in_order);
    assert_int_equal(pgserver_number(primary, "SELECT count(*) FROM bus.message"), offered(w));
    assert_int_equal(pgserver_number(primary, "SELECT max(seq) FROM bus.message"), offered(w));
    assert_int_equal(
        pgserver_number(primary, "SELECT count(*) FROM (SELECT lane_seq - lag(lane_seq, 1, 0::int8)"
                                 " OVER (PARTITION BY sender_id, epoch, lane ORDER BY seq) AS step"
                                 " FROM bus.message) x WHERE step <> 1"),
        0);
    assert_epoch(w, primary);
}

static struct store_counters counters(const struct world *w)
{
    struct store_counters c;

    store_counters(w->store, &c);
    return c;
}

static int64_t seen_messages(struct world *w)
{
    return pgserver_number(w->pg, "SELECT count(*) FROM bus.message");
}

static bool does_a_commit_wait(struct world *w)
{
    return pgserver_number(w->pg,
                           "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
}

/* Whatever the server answered then has been heard when this returns. */
static void cut_the_wait(struct world *w, const char *how)
{
    uint64_t lost = counters(w).lost_commits;
    unsigned settled = w->settled;
    char sql[160];

    snprintf(sql, sizeof(sql), "SELECT %s(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
             how);
    TURN_UNTIL(w, does_a_commit_wait(w));
    pgserver_exec(w->pg, sql);
    TURN_UNTIL(w, counters(w).lost_commits > lost || w->settled > settled);
    assert_int_equal(w->settled, settled);
}

/* A wait that is cut short makes the commit visible here, and it is nowhere else. */
static void no_receipt_while_the_standby_is_away_whatever_is_done_to_the_wait(void **state)
{
    struct world *w = *state;

    offer(w, 40);
    TURN_UNTIL(w, w->settled == 40);
    pgserver_stop(standby);
    offer(w, 40);
    for (unsigned i = 0; i < 3; i++) {
        cut_the_wait(w, "pg_cancel_backend");
        cut_the_wait(w, "pg_terminate_backend");
    }
    TURN_UNTIL(w, counters(w).is_degraded);
    assert_int_equal(w->settled, 40);
    assert_non_null(strstr(seen, "store.degraded synchronous_standby_names=set connected=0"));
    assert_true(seen_messages(w) > 40); /* visible */
    pgserver_start_again(standby);
    assert_whole(w, w->pg);
    TURN_UNTIL(w, !counters(w).is_degraded);
}

static void promote(void)
{
    pgpair_promote(standby);
    promotions++;
}

/* Commits wait for a standby that does not answer, the primary is gone, the standby takes its
 * place: what waited may be there or not, and is there once when all is said and done. */
static void fail_over(struct world *w)
{
    struct pgserver *lost = w->pg;
    int64_t acknowledged;

    pgserver_freeze(standby);
    load_for(w, 150);
    pgserver_kill(lost);
    pgserver_thaw(standby);
    TURN_UNTIL(w, !w->here); /* all that it had answered has been heard */
    acknowledged = (int64_t)w->last_seq;
    promote();
    TURN_UNTIL(w, w->here);
    w->pg = standby;
    /* What is said to be the same log, outboxes do not offer again. */
    assert_true(pgserver_number(w->pg, "SELECT max(same_upto) FROM bus.epoch") >= acknowledged);
    load_for(w, 100);
    standby = pgpair_standby(lost, w->pg);
    pgpair_wait_for_standby(w->pg, true);
}

static void what_was_acknowledged_survives_every_failover(void **state)
{
    struct world *w = *state;
    const char *given = getenv("STANDBY_ROUNDS");
    unsigned rounds = given ? (unsigned)strtoul(given, NULL, 10) : ROUNDS;

    for (unsigned round = 0; round < rounds; round++) {
        load_for(w, 150);
        fail_over(w);
        assert_whole(w, w->pg);
    }
    print_message("measured: %u failovers, %u acknowledged, %u given back, %u repeated, lost 0\n",
                  rounds, w->settled, w->again, w->repeated);
    assert_null(strstr(seen, "store.short"));
}

/* The one that was replaced comes back as if nothing had happened, and takes writes; every dial
 * asks it first. */
static void
a_primary_that_was_replaced_is_not_believed_and_keeps_nobody_from_the_new_one(void **state)
{
    struct world *w = *state;
    struct pgserver *zombie = w->pg;
    int64_t left;

    load_for(w, 100);
    TURN_UNTIL(w, is_all_settled(w));
    pgserver_kill(zombie);
    promote();
    TURN_UNTIL(w, !w->here);
    TURN_UNTIL(w, w->here);
    pgserver_stop(standby);
    TURN_UNTIL(w, !w->here);
    pgserver_start_again(zombie);
    pgserver_exec(zombie, "ALTER SYSTEM RESET synchronous_standby_names");
    pgserver_exec(zombie, "SELECT pg_reload_conf()");
    left = pgserver_number(zombie, "SELECT seq FROM bus.log_head");
    TURN_UNTIL(w, times_seen("store.timeline") >= 3 || w->here);
    assert_false(w->here);
    pgserver_start_again(standby);
    TURN_UNTIL(w, w->here);
    w->pg = standby;
    standby = zombie;
    pgpair_wait_for_standby(w->pg, false); /* it was set in the base backup too */
    load_for(w, 100);
    assert_whole(w, w->pg);
    assert_int_equal(pgserver_number(zombie, "SELECT seq FROM bus.log_head"), left);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(no_receipt_while_the_standby_is_away_whatever_is_done_to_the_wait),
        T(what_was_acknowledged_survives_every_failover),
        T(a_primary_that_was_replaced_is_not_believed_and_keeps_nobody_from_the_new_one),
    };

    return cmocka_run_group_tests_name("primary and standby", tests, NULL, NULL);
}
