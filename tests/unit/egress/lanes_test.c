/* egress - who asks for some lanes gets those and nothing else, from the log, from memory and live.
 */
#include "tests/unit/egress/world.h"

enum { FLASH_REPORT = 120 };

static const Eocbus__V1__Lane flash_only[] = {EOCBUS__V1__LANE__LANE_FLASH};
static const Eocbus__V1__Lane urgent[] = {EOCBUS__V1__LANE__LANE_FLASH,
                                          EOCBUS__V1__LANE__LANE_IMMEDIATE};

static void append_lanes(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++)
        for (unsigned lane = 1; lane <= 5; lane++) {
            world.lane = lane;
            world_append(FLASH_REPORT, "3505203", 50, false);
        }
}

static void publish_lane(unsigned lane)
{
    world.lane = lane;
    world_publish(FLASH_REPORT, "3505203", 50);
}

static void subscribe_to_lanes(unsigned n, const Eocbus__V1__Lane *lanes, size_t count,
                               unsigned credit)
{
    world.lanes = lanes;
    world.lane_count = count;
    agent_subscribe_all(n, 0, credit);
    world.lanes = NULL;
    world.lane_count = 0;
}

static void history_is_of_the_lanes_asked_for_and_reads_no_others(void **state)
{
    (void)state;
    append_lanes(40);
    subscribe_to_lanes(0, urgent, 2, 1000);
    world_settle();
    assert_int_equal(world.agents[0].count, 80);
    assert_int_equal(world.rows_read, 80);
    for (size_t i = 0; i < 80; i++)
        assert_true(world.log[world.agents[0].got[i]].lane <= 2);
    assert_int_equal(world.agents[0].horizon, 200); /* the last one is of bulk */
}

static void live_is_of_the_lanes_asked_for(void **state)
{
    (void)state;
    subscribe_to_lanes(0, flash_only, 1, 10);
    agent_subscribe_all(1, 0, 100);
    world_settle();
    for (unsigned i = 0; i < 4; i++)
        for (unsigned lane = 1; lane <= 5; lane++)
            publish_lane(lane);
    world_settle();
    assert_int_equal(world.agents[0].count, 4);
    assert_int_equal(world.agents[1].count, 20);
    fake_advance(world.loop, 6000);
    world_settle();
    assert_int_equal(world.agents[0].horizon, 20);
}

static void what_was_missed_comes_from_memory_by_lane_too(void **state)
{
    struct egress_counters n;

    (void)state;
    subscribe_to_lanes(0, urgent, 2, 1);
    world_settle();
    for (unsigned i = 0; i < 3; i++) {
        publish_lane(4);
        publish_lane(2);
    }
    world_settle();
    assert_int_equal(world.agents[0].count, 1);
    agent_give_credit(0, 10);
    world_settle();
    assert_int_equal(world.agents[0].count, 3);
    egress_counters(world.egress, &n);
    assert_int_equal(n.pages, 0);
}

static void an_alarm_is_only_for_who_asked_for_its_lane(void **state)
{
    static const Eocbus__V1__Lane bulk[] = {EOCBUS__V1__LANE__LANE_BULK};

    (void)state;
    subscribe_to_lanes(0, bulk, 1, 10);
    subscribe_to_lanes(1, flash_only, 1, 10);
    world_settle();
    world_warn(100);
    world_withdraw();
    assert_int_equal(world.agents[0].warnings + world.agents[0].withdrawals, 0);
    assert_int_equal(world.agents[1].warnings, 1);
    assert_int_equal(world.agents[1].withdrawals, 1);
}

static void lanes_that_nobody_knows_are_no_lanes(void **state)
{
    static const Eocbus__V1__Lane later[] = {(Eocbus__V1__Lane)9, (Eocbus__V1__Lane)-3,
                                             EOCBUS__V1__LANE__LANE_UNSPECIFIED};

    (void)state;
    append_lanes(2);
    subscribe_to_lanes(0, later, 3, 100);
    world_settle();
    publish_lane(1);
    world_settle();
    assert_true(world.agents[0].subscribed);
    assert_int_equal(world.agents[0].count, 0);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(history_is_of_the_lanes_asked_for_and_reads_no_others),
        IN_WORLD(live_is_of_the_lanes_asked_for),
        IN_WORLD(what_was_missed_comes_from_memory_by_lane_too),
        IN_WORLD(an_alarm_is_only_for_who_asked_for_its_lane),
        IN_WORLD(lanes_that_nobody_knows_are_no_lanes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
