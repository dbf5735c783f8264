/* history - last values before the stream, a stream with an end, and one that begins at a time. */
#include "tests/unit/egress/world.h"

enum { FLASH_REPORT = 120, OBSERVATIONS = 100 };

static const char *const all[] = {"**"};
static const char *const readings[] = {"actual.sensor.**"};

static void append_last(unsigned content_len)
{
    world_append(OBSERVATIONS, "3505203", content_len, false);
    world.log[world.head].is_last = true;
}

static void subscribe_lasts(unsigned n, const char *const *patterns, const uint64_t *after,
                            unsigned credit)
{
    world.last_values = true;
    agent_subscribe_to(n, patterns, 1, after, 0, credit);
    world.last_values = false;
}

static void last_values_come_first_and_then_what_is_live(void **state)
{
    (void)state;
    append_last(50);
    world_append(OBSERVATIONS, "3505203", 50, false);
    world_append(FLASH_REPORT, "3505203", 50, false);
    append_last(50);
    subscribe_lasts(0, all, NULL, 100);
    world_publish(OBSERVATIONS, "3505203", 50); /* while they are looked up */
    world_settle();
    world_publish(OBSERVATIONS, "3505203", 50);
    world_settle();
    assert_int_equal(world.agents[0].after, 4);
    assert_int_equal(world.agents[0].last_count, 2);
    assert_int_equal(world.agents[0].lasts[0], 1);
    assert_int_equal(world.agents[0].lasts[1], 4);
    assert_int_equal(world.agents[0].count, 2);
    assert_int_equal(world.agents[0].got[0], 5);
    assert_false(world.agents[0].history[0]);
    assert_int_equal(world.agents[0].got[1], 6);
}

static void what_the_stream_brings_is_no_last_value(void **state)
{
    uint64_t after = 2;

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        append_last(50);
    subscribe_lasts(0, all, &after, 100);
    world_settle();
    assert_int_equal(world.agents[0].last_count, 2);
    assert_int_equal(world.agents[0].count, 2);
    assert_int_equal(world.agents[0].got[0], 3);
}

static void an_empty_log_has_no_last_values(void **state)
{
    (void)state;
    subscribe_lasts(0, all, NULL, 100);
    world_settle();
    world_publish(OBSERVATIONS, "3505203", 50);
    world_settle();
    assert_int_equal(world.agents[0].last_count, 0);
    assert_int_equal(world.agents[0].count, 1);
}

static void last_values_of_other_patterns_and_lanes_are_none(void **state)
{
    static const Eocbus__V1__Lane bulk = EOCBUS__V1__LANE__LANE_BULK;
    static const char *const elsewhere[] = {"actual.sensor.*.3505204.**"};

    (void)state;
    append_last(50);
    subscribe_lasts(0, elsewhere, NULL, 100);
    world.lanes = &bulk;
    world.lane_count = 1;
    subscribe_lasts(1, all, NULL, 100);
    world_settle();
    assert_int_equal(world.agents[0].last_count + world.agents[1].last_count, 0);
}

static void last_values_wait_for_credit_and_for_the_window(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++)
        append_last(WORLD_WINDOW / 4);
    subscribe_lasts(0, all, NULL, 3);
    world_settle();
    assert_int_equal(world.agents[0].last_count, 3);
    agent_give_credit(0, 100);
    for (unsigned i = 0; i < 40; i++) {
        agent_acknowledge(0);
        world_settle();
    }
    assert_int_equal(world.agents[0].last_count, 40);
    world_publish(OBSERVATIONS, "3505203", 50);
    world_settle();
    assert_int_equal(world.agents[0].count, 1);
}

static void last_values_that_did_not_leave_come_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        append_last(50);
    subscribe_lasts(0, all, NULL, 100);
    world.agents[0].is_full = true;
    world_settle();
    assert_int_equal(world.agents[0].last_count, 0);
    world.agents[0].is_full = false;
    egress_writable(world.egress);
    world_settle();
    assert_int_equal(world.agents[0].last_count, 5);
    assert_int_equal(world.agents[0].horizon, 5);
}

static void last_values_wait_for_the_database(void **state)
{
    (void)state;
    append_last(50);
    world.store_away = true;
    subscribe_lasts(0, readings, NULL, 100);
    world_settle();
    world.store_away = false;
    egress_store_here(world.egress);
    world_settle();
    assert_int_equal(world.agents[0].last_count, 1);
}

static void subscribe_upto(unsigned n, uint64_t after, uint64_t upto, unsigned credit)
{
    world.upto = upto;
    agent_subscribe_all(n, after, credit);
    world.upto = 0;
}

static void at_its_end_a_listener_hears_the_horizon_and_no_more(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        world_append(FLASH_REPORT, "3505203", 50, false);
    subscribe_upto(0, 2, 7, 100);
    world_settle();
    world_publish(FLASH_REPORT, "3505203", 50);
    world_warn(50);
    fake_advance(world.loop, 60000);
    world_settle();
    assert_int_equal(world.agents[0].count, 5);
    assert_int_equal(world.agents[0].horizon, 7);
    assert_int_equal(world.agents[0].horizons, 1);
    assert_int_equal(world.agents[0].warnings, 0);
}

static void an_end_that_is_to_come_is_reached_live(void **state)
{
    (void)state;
    world_publish(FLASH_REPORT, "3505203", 50);
    subscribe_upto(0, 0, 3, 100);
    world_settle();
    for (unsigned i = 0; i < 4; i++)
        world_publish(FLASH_REPORT, "3505203", 50);
    world_settle();
    fake_advance(world.loop, 1000);
    world_settle();
    assert_int_equal(world.agents[0].count, 3);
    assert_int_equal(world.agents[0].horizon, 3);
}

static void an_end_before_the_beginning_is_reached_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        world_append(FLASH_REPORT, "3505203", 50, false);
    subscribe_upto(0, 8, 5, 100);
    world_settle();
    fake_advance(world.loop, 60000);
    world_settle();
    assert_int_equal(world.agents[0].count, 0);
    assert_int_equal(world.agents[0].horizon, 5);
}

static void a_time_is_looked_up_in_the_log(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        world_append(FLASH_REPORT, "3505203", 50, false);
    world.after_time_us = 1771000000000000;
    world.time_found = 6;
    world.store_away = true;
    agent_subscribe_to(0, all, 1, NULL, 0, 100);
    world_settle();
    assert_false(world.agents[0].subscribed);
    world.store_away = false;
    fake_advance(world.loop, 1000);
    world_settle();
    world_settle(); /* the answer */
    assert_int_equal(world.agents[0].after, 6);
    assert_int_equal(world.agents[0].count, 4);
    world.time_found = 12; /* others have stored what we have not read yet */
    agent_subscribe_to(1, all, 1, NULL, 0, 100);
    world_settle();
    assert_int_equal(world.agents[1].after, 10);
    assert_int_equal(world.agents[1].count, 0);
}

static void who_leaves_while_its_time_is_looked_up_is_forgotten(void **state)
{
    (void)state;
    world_append(FLASH_REPORT, "3505203", 50, false);
    world.after_time_us = 1771000000000000;
    agent_subscribe_to(0, all, 1, NULL, 0, 100);
    egress_session_gone(world.egress, world.agents[0].session);
    world_settle();
    assert_false(world.agents[0].subscribed);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(last_values_come_first_and_then_what_is_live),
        IN_WORLD(what_the_stream_brings_is_no_last_value),
        IN_WORLD(an_empty_log_has_no_last_values),
        IN_WORLD(last_values_of_other_patterns_and_lanes_are_none),
        IN_WORLD(last_values_wait_for_credit_and_for_the_window),
        IN_WORLD(last_values_that_did_not_leave_come_again),
        IN_WORLD(last_values_wait_for_the_database),
        IN_WORLD(at_its_end_a_listener_hears_the_horizon_and_no_more),
        IN_WORLD(an_end_that_is_to_come_is_reached_live),
        IN_WORLD(an_end_before_the_beginning_is_reached_at_once),
        IN_WORLD(a_time_is_looked_up_in_the_log),
        IN_WORLD(who_leaves_while_its_time_is_looked_up_is_forgotten),
    };

    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
