/* The store in front of a primary and a standby that commits wait for: nothing is said to be stored
 * that a failover could take away (I2, I3), and a primary that was replaced is not believed. */
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
static char conninfo[256], seen[16384];

static void keep_line(void *arg, enum log_level level, const char *line)
{
    size_t len = strlen(seen);

    (void)arg;
    (void)level;
    snprintf(seen + len, sizeof(seen) - len, "%s\n", line);
}

static int set_up(void **state)
{
    struct world *w = world_open();

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
    log_set_sink(NULL, NULL);
    return 0;
}

static void offer(struct world *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int sender = (int)(i % SENDERS);
        struct parcel *p = world_parcel(w, sender, w->lane_seq[sender] + 1, "said");

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

static void turn_for(struct world *w, unsigned ms)
{
    uint64_t until = loop_exact_us(w->loop) + ms * UINT64_C(1000);

    while (loop_exact_us(w->loop) < until)
        loop_turn(w->loop, 20);
}

static void load_for(struct world *w, unsigned ms)
{
    uint64_t until = loop_exact_us(w->loop) + ms * UINT64_C(1000);

    while (loop_exact_us(w->loop) < until) {
        offer(w, 20);
        loop_turn(w->loop, 5);
    }
}

static void assert_whole(struct world *w, struct pgserver *primary)
{
    TURN_UNTIL(w, w->settled == offered(w));
    TURN_UNTIL(w, w->next_last == w->settled);
    assert_int_equal(w->refused + w->again, 0);
    assert_true(w->lanes_in_order);
    assert_true(w->next_in_order);
    assert_int_equal(pgserver_number(primary, "SELECT count(*) FROM bus.message"), offered(w));
    assert_int_equal(pgserver_number(primary, "SELECT max(seq) FROM bus.message"), offered(w));
    assert_int_equal(
        pgserver_number(primary, "SELECT count(*) FROM (SELECT lane_seq - lag(lane_seq, 1, 0::int8)"
                                 " OVER (PARTITION BY sender_id, epoch, lane ORDER BY seq) AS step"
                                 " FROM bus.message) x WHERE step <> 1"),
        0);
    assert_int_equal(pgserver_number(primary, "SELECT log_epoch FROM bus.log_head"), 1);
}

static struct store_counters counters(const struct world *w)
{
    struct store_counters c;

    store_counters(w->store, &c);
    return c;
}

/* A wait that is cut short makes the commit visible here, and it is nowhere else. */
static void no_receipt_while_the_standby_is_away_whatever_is_done_to_the_wait(void **state)
{
    struct world *w = *state;
    static const char *const cuts[] = {
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"};

    offer(w, 40);
    TURN_UNTIL(w, w->settled == 40);
    pgserver_stop(standby);
    offer(w, 40);
    for (unsigned i = 0; i < 6; i++) {
        turn_for(w, 250);
        pgserver_exec(w->pg, cuts[i % 2]);
    }
    turn_for(w, 250);
    assert_int_equal(w->settled, 40);
    TURN_UNTIL(w, counters(w).is_degraded);
    assert_non_null(strstr(seen, "store.degraded synchronous_standby_names=set connected=0"));
    assert_true(pgserver_number(w->pg, "SELECT count(*) FROM bus.message") > 40); /* visible */
    pgserver_start_again(standby);
    assert_whole(w, w->pg);
    TURN_UNTIL(w, !counters(w).is_degraded);
    assert_true(counters(w).lost_commits > 0);
}

/* Commits wait for a standby that does not answer, the primary is gone, the standby takes its
 * place: what waited may be there or not, and is there once when all is said and done. */
static void fail_over(struct world *w)
{
    struct pgserver *lost = w->pg;

    pgserver_freeze(standby);
    load_for(w, 150);
    pgserver_kill(lost);
    pgserver_thaw(standby);
    turn_for(w, 50);
    pgpair_promote(standby);
    TURN_UNTIL(w, w->here);
    w->pg = standby;
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
    print_message("measured: %u failovers, %u acknowledged, %u repeated, lost 0\n", rounds,
                  w->settled, w->repeated);
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
    TURN_UNTIL(w, w->settled == offered(w));
    pgserver_kill(zombie);
    pgpair_promote(standby);
    TURN_UNTIL(w, !w->here);
    TURN_UNTIL(w, w->here);
    pgserver_stop(standby);
    TURN_UNTIL(w, !w->here);
    pgserver_start_again(zombie);
    pgserver_exec(zombie, "ALTER SYSTEM RESET synchronous_standby_names");
    pgserver_exec(zombie, "SELECT pg_reload_conf()");
    left = pgserver_number(zombie, "SELECT seq FROM bus.log_head");
    TURN_UNTIL(w, strstr(seen, "store.timeline"));
    turn_for(w, 500);
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
