/* PostgreSQL goes away in every way it can, under load: every settled parcel is in the table
 * exactly once, numbers are gapless, lanes keep their order, and the store comes back by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/base/log.h"
#include "tests/lib/store_world.h"

#include "proto/base/banned.h"

static int set_up(void **state)
{
    *state = world_open();
    return 0;
}

static int tear_down(void **state)
{
    world_close(*state);
    return 0;
}

/* Some of every sender's, as far as the store takes it. */
static void offer(struct world *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int sender = (int)(i % SENDERS);
        struct parcel *p = world_parcel(w, sender, w->lane_seq[sender] + 1, "load");

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

static void load_for(struct world *w, unsigned ms)
{
    uint64_t until = loop_exact_us(w->loop) + ms * 1000;

    while (loop_exact_us(w->loop) < until) {
        offer(w, 40);
        loop_turn(w->loop, 2);
    }
}

static void assert_whole(struct world *w)
{
    TURN_UNTIL(w, w->settled == offered(w) && w->next_last == w->stored + w->repeated);
    assert_int_equal(w->refused, 0);
    assert_true(w->lanes_in_order);
    assert_true(w->next_in_order);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.message"), offered(w));
    assert_int_equal(pgserver_number(w->pg, "SELECT max(seq) FROM bus.message"), offered(w));
    assert_int_equal(pgserver_number(w->pg, "SELECT count(DISTINCT seq) FROM bus.message"),
                     offered(w));
    assert_int_equal(
        pgserver_number(w->pg, "SELECT count(*) FROM (SELECT lane_seq - lag(lane_seq, 1, 0::int8)"
                               " OVER (PARTITION BY sender_id, epoch, lane ORDER BY seq) AS step"
                               " FROM bus.message) x WHERE step <> 1"),
        0);
}

enum way { WAY_KILL, WAY_IMMEDIATE, WAY_FREEZE, WAY_FAST, WAY_TERMINATE, WAYS };

static void go_away_and_come_back(struct world *w, enum way way)
{
    switch (way) {
    case WAY_KILL:
        pgserver_kill(w->pg);
        load_for(w, 150);
        pgserver_start_again(w->pg);
        break;
    case WAY_IMMEDIATE:
        pgserver_stop_immediate(w->pg);
        load_for(w, 150);
        pgserver_start_again(w->pg);
        break;
    case WAY_FAST:
        pgserver_stop(w->pg);
        pgserver_start_again(w->pg);
        break;
    case WAY_FREEZE:
        pgserver_freeze(w->pg);
        load_for(w, 2200);
        pgserver_thaw(w->pg);
        break;
    default:
        pgserver_exec(w->pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                             " WHERE usename = 'bus_ingest'");
    }
    TURN_UNTIL(w, w->here);
}

static void every_fault_under_load_loses_and_doubles_nothing(void **state)
{
    struct world *w = *state;
    const char *seed_text = getenv("SEED");
    unsigned seed = seed_text ? (unsigned)strtoul(seed_text, NULL, 10) : 4711, faults = 0;

    log_set_level(LOG_ERROR + 1);
    store_destroy(w->store);
    w->here = false;
    w->store = world_store(w, 1000); /* a freeze of 2.2 s is past its deadline */
    TURN_UNTIL(w, w->here);
    for (; faults < 12; faults++) {
        seed = seed * 1664525 + 1013904223;
        load_for(w, 20 + (seed >> 8) % 150);
        go_away_and_come_back(w,
                              faults < WAYS ? (enum way)faults : (enum way)((seed >> 20) % WAYS));
    }
    load_for(w, 100);
    assert_whole(w);
    printf("seed %s faults %u acked %u repeated %u away %u lost 0\n",
           seed_text ? seed_text : "4711", faults, w->settled, w->repeated, w->away);
}

static void while_it_is_away_the_store_says_closed_and_keeps_what_it_has(void **state)
{
    struct world *w = *state;
    struct parcel *p;
    struct store_counters c;

    log_set_level(LOG_ERROR + 1);
    offer(w, 200);
    pgserver_kill(w->pg); /* before the loop turned: nothing was sent */
    TURN_UNTIL(w, !w->here);
    p = world_parcel(w, 0, w->lane_seq[0] + 1, "late");
    assert_int_equal(store_submit(w->store, &p), ST_CLOSED);
    assert_non_null(p);
    parcel_drop(&p);
    store_counters(w->store, &c);
    assert_int_equal(c.queued_rows, 200);
    assert_int_equal(w->settled, 0);
    pgserver_start_again(w->pg);
    assert_whole(w);
    assert_int_equal(w->settled, 200);
}

/* The commit took effect and the answer was lost: sent again, every message is known. */
static void a_lost_answer_is_found_by_sending_again(void **state)
{
    struct world *w = *state;

    log_set_level(LOG_ERROR + 1);
    pgserver_exec(
        w->pg, "CREATE FUNCTION public.late() RETURNS trigger LANGUAGE plpgsql AS"
               " $$ BEGIN RAISE WARNING 'canceling wait for synchronous replication';"
               " RETURN NULL; END $$;"
               "GRANT USAGE ON SCHEMA public TO bus_owner;"
               "CREATE TRIGGER late AFTER UPDATE ON bus.log_head EXECUTE FUNCTION public.late()");
    offer(w, 100);
    TURN_UNTIL(w, !w->here);
    assert_int_equal(w->settled, 0); /* a commit with a warning is no commit */
    pgserver_exec(w->pg, "DROP TRIGGER late ON bus.log_head");
    assert_whole(w);
    assert_int_equal(w->repeated, 100);
}

static void a_refusal_for_other_reasons_than_data_waits_and_tries_again(void **state)
{
    struct world *w = *state;

    log_set_level(LOG_ERROR + 1);
    pgserver_exec(w->pg, "REVOKE EXECUTE ON FUNCTION bus.append FROM bus_ingest");
    offer(w, 100);
    for (int i = 0; i < 20; i++)
        loop_turn(w->loop, 20);
    assert_int_equal(w->settled, 0);
    pgserver_exec(w->pg, "GRANT EXECUTE ON FUNCTION bus.append TO bus_ingest");
    assert_whole(w);
}

/* Migrated while this broker was at work: it does not say "here" of a log it cannot write. */
static void a_schema_that_changes_under_the_store_is_looked_at_again(void **state)
{
    struct world *w = *state;

    log_set_level(LOG_ERROR + 1);
    pgserver_exec(w->pg, "ALTER FUNCTION bus.append RENAME TO append_of_later");
    offer(w, 100);
    TURN_UNTIL(w, !w->here);
    assert_int_equal(w->settled, 0);
    pgserver_exec(w->pg, "ALTER FUNCTION bus.append_of_later RENAME TO append");
    assert_whole(w);
    assert_int_equal(w->stored, 100);
}

/* A broker that hangs in the middle of a commit holds the head's lock; the other must wait it out.
 */
static void two_brokers_and_a_fault_keep_one_order(void **state)
{
    struct world *w = *state, v = {.pg = w->pg, .loop = w->loop, .next_in_order = true};

    log_set_level(LOG_ERROR + 1);
    v.store = world_store(&v, 2000);
    TURN_UNTIL(&v, v.here);
    for (int round = 0; round < 20; round++) {
        offer(w, 30);
        for (uint64_t i = 0; i < 30 && v.here; i++) {
            struct parcel *p = world_parcel(&v, 9, v.lane_seq[0] + 1, "other");

            if (store_submit(v.store, &p) == ST_OK)
                v.lane_seq[0]++;
            else
                parcel_drop(&p);
        }
        loop_turn(w->loop, 2);
        if (round == 10) {
            pgserver_kill(w->pg);
            pgserver_start_again(w->pg);
            TURN_UNTIL(w, w->here && v.here);
        }
    }
    TURN_UNTIL(w, w->settled == offered(w) && v.settled == v.lane_seq[0]);
    TURN_UNTIL(w, w->next_count == offered(w) + v.lane_seq[0] && v.next_count == w->next_count);
    assert_true(w->next_in_order && v.next_in_order);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(DISTINCT seq) FROM bus.message"),
                     w->next_count);
    store_destroy(v.store);
}

/* --- which servers will do -------------------------------------------------------------------- */

static char seen[4096];

static void keep_line(void *arg, enum log_level level, const char *line)
{
    size_t len = 0;

    (void)arg;
    (void)level;
    while (seen[len])
        len++;
    snprintf(seen + len, sizeof(seen) - len, "%s\n", line);
}

static bool saw(const char *words)
{
    for (const char *c = seen; *c; c++) {
        size_t i = 0;

        while (words[i] && c[i] == words[i])
            i++;
        if (!words[i])
            return true;
    }
    return false;
}

static void assert_refused_with(struct world *w, const char *sql, const char *words)
{
    seen[0] = 0;
    log_set_sink(keep_line, NULL);
    log_set_level(LOG_WARN);
    pgserver_exec(w->pg, sql);
    pgserver_exec(w->pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                         " WHERE usename = 'bus_ingest'");
    TURN_UNTIL(w, saw(words));
    TURN_UNTIL(w, !w->here);
    log_set_sink(NULL, NULL);
}

static void an_old_schema_is_refused_with_what_to_do(void **state)
{
    struct world *w = *state;

    assert_refused_with(w,
                        "DELETE FROM bus.migration WHERE version = (SELECT max(version) FROM"
                        " bus.migration)",
                        "run: eocctl migrate");
    assert_true(saw("store.schema"));
}

static void a_much_newer_schema_is_refused_and_the_next_one_taken(void **state)
{
    struct world *w = *state;

    pgserver_exec(w->pg, "INSERT INTO bus.migration SELECT max(version) + 1, 'next', now(),"
                         " sha256('') FROM bus.migration;"
                         "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                         " WHERE usename = 'bus_ingest'");
    log_set_level(LOG_ERROR + 1);
    TURN_UNTIL(w, !w->here);
    TURN_UNTIL(w, w->here);
    assert_refused_with(w,
                        "INSERT INTO bus.migration SELECT max(version) + 1, 'after', now(),"
                        " sha256('') FROM bus.migration",
                        "install a newer eocbus-broker");
}

static void no_schema_at_all_is_refused_with_what_to_do(void **state)
{
    assert_refused_with(*state, "ALTER SCHEMA bus RENAME TO elsewhere", "run: eocctl migrate");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(every_fault_under_load_loses_and_doubles_nothing),
        T(while_it_is_away_the_store_says_closed_and_keeps_what_it_has),
        T(a_lost_answer_is_found_by_sending_again),
        T(a_refusal_for_other_reasons_than_data_waits_and_tries_again),
        T(a_schema_that_changes_under_the_store_is_looked_at_again),
        T(two_brokers_and_a_fault_keep_one_order),
        T(an_old_schema_is_refused_with_what_to_do),
        T(a_much_newer_schema_is_refused_and_the_next_one_taken),
        T(no_schema_at_all_is_refused_with_what_to_do),
    };

    return cmocka_run_group_tests_name("store under faults", tests, NULL, NULL);
}
