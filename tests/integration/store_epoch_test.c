/* The log loses something, or is said to have: nothing that came before is stored behind the loss,
 * and of several brokers one raises the epoch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/log.h"
#include "tests/lib/store_world.h"

#include "proto/base/banned.h"

static int set_up(void **state)
{
    *state = world_open();
    log_set_level(LOG_ERROR + 1);
    return 0;
}

static int tear_down(void **state)
{
    world_close(*state);
    return 0;
}

static void offer(struct world *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        world_submit(w, world_parcel(w, 0, ++w->lane_seq[0], "offered"));
}

static void store(struct world *w, unsigned n)
{
    unsigned before = w->settled;

    offer(w, n);
    TURN_UNTIL(w, w->settled == before + n);
}

/* As a backup of five messages, or a standby that was promoted too early. */
static void lose_all_but_five(struct world *w)
{
    pgserver_exec(w->pg, "DELETE FROM bus.message WHERE seq > 5;"
                         "DELETE FROM bus.chain WHERE last_seq > 5;"
                         "UPDATE bus.lane_run SET lane_last = 5, seq_last = 5;"
                         "UPDATE bus.log_head SET seq = 5");
}

static void what_waits_when_the_epoch_is_raised_is_given_back(void **state)
{
    struct world *w = *state;
    struct store_counters c;

    store(w, 10);
    offer(w, 600); /* a batch, and a queue behind it */
    pgserver_exec(w->pg, "SELECT bus.raise_epoch(1, 1, 'a test')");
    TURN_UNTIL(w, w->log_epoch == 2 && w->again == 600);
    assert_int_equal(w->settled, 10);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.message"), 10);
    store_counters(w->store, &c);
    assert_int_equal(c.queued_rows, 0);
    assert_int_equal(c.given_back, 600);
    w->lane_seq[0] = 10;
    store(w, 600); /* offered again, under the new epoch */
    assert_int_equal(w->stored, 610);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.message WHERE log_epoch = 2"),
                     600);
}

/* One message alone goes another way. */
static void a_single_message_too(void **state)
{
    struct world *w = *state;

    offer(w, 1);
    pgserver_exec(w->pg, "SELECT bus.raise_epoch(1, 1, 'a test')");
    TURN_UNTIL(w, w->again == 1);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.message"), 0);
}

static void a_commit_that_waits_for_the_raise_stores_nothing(void **state)
{
    struct world *w = *state;

    pgserver_exec(w->pg, "BEGIN; SELECT bus.raise_epoch(1, 1, 'a test')");
    offer(w, 20);
    for (int i = 0; i < 5; i++)
        loop_turn(w->loop, 20);
    assert_int_equal(w->again, 0);
    pgserver_exec(w->pg, "COMMIT");
    TURN_UNTIL(w, w->again == 20);
    assert_int_equal(w->log_epoch, 2);
    assert_int_equal(pgserver_number(w->pg, "SELECT seq FROM bus.log_head"), 0);
}

static void who_finds_the_log_shorter_raises_its_epoch(void **state)
{
    struct world *w = *state;

    store(w, 10);
    lose_all_but_five(w);
    TURN_UNTIL(w, w->log_epoch == 2);
    assert_int_equal(pgserver_number(w->pg, "SELECT head_then FROM bus.epoch"), 5);
    w->lane_seq[0] = 5;
    store(w, 7);
    assert_int_equal(w->last_seq, 12);
    TURN_UNTIL(w, w->next_last == 12);
}

/* The next commit is there before the next look at the log. */
static void a_shorter_log_takes_nothing(void **state)
{
    struct world *w = *state;

    store(w, 10);
    lose_all_but_five(w);
    offer(w, 3);
    TURN_UNTIL(w, w->again == 3 && w->log_epoch == 2);
    assert_int_equal(w->settled, 10);
    assert_int_equal(pgserver_number(w->pg, "SELECT max(seq) FROM bus.message"), 5);
    TURN_UNTIL(w, w->here);
}

static void two_brokers_raise_once(void **state)
{
    struct world *w = *state, v = {.pg = w->pg, .loop = w->loop, .next_in_order = true};

    v.store = world_store(&v, PATIENT_MS);
    TURN_UNTIL(&v, v.here);
    store(w, 10);
    TURN_UNTIL(&v, v.next_last == 10);
    lose_all_but_five(w);
    offer(w, 3);
    TURN_UNTIL(w, w->log_epoch && v.log_epoch && w->again == 3);
    assert_int_equal(w->log_epoch, 2);
    assert_int_equal(v.log_epoch, 2);
    assert_int_equal(pgserver_number(w->pg, "SELECT count(*) FROM bus.epoch"), 1);
    store_destroy(v.store);
}

/* A second restore of the same backup: its epoch was in use, and was raised then. */
static void an_epoch_that_was_in_use_is_not_used_again(void **state)
{
    struct world *w = *state;

    store(w, 10);
    pgserver_exec(w->pg, "SELECT bus.raise_epoch(1, 6, 'a test')");
    TURN_UNTIL(w, w->log_epoch == 7);
    pgserver_exec(w->pg, "UPDATE bus.log_head SET log_epoch = 3");
    TURN_UNTIL(w, w->log_epoch == 8);
    assert_int_equal(pgserver_number(w->pg, "SELECT log_epoch FROM bus.log_head"), 8);
}

static void nobody_but_brokers_and_operators_raises_it(void **state)
{
    struct world *w = *state;
    static const char sql[] = "SELECT bus.raise_epoch(1, 1, 'because')";

    assert_string_equal(pgserver_try(w->pg, "bus_reader", sql), "42501");
    assert_string_equal(pgserver_try(w->pg, "bus_admin", sql), "");
    assert_string_equal(pgserver_try(w->pg, "bus_admin", "SELECT bus.raise_epoch(2, 2, '')"),
                        "23514"); /* not without a reason */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_waits_when_the_epoch_is_raised_is_given_back),
        T(a_single_message_too),
        T(a_commit_that_waits_for_the_raise_stores_nothing),
        T(who_finds_the_log_shorter_raises_its_epoch),
        T(a_shorter_log_takes_nothing),
        T(two_brokers_raise_once),
        T(an_epoch_that_was_in_use_is_not_used_again),
        T(nobody_but_brokers_and_operators_raises_it),
    };

    return cmocka_run_group_tests_name("store and log epochs", tests, NULL, NULL);
}
