/* egress - what may not be heard does not exist for its listener: live, from memory, from the log,
 * as a last value, provisional and withdrawn. */
#include "tests/unit/egress/world.h"

enum { FLASH_REPORT = 120, OBSERVATIONS = 100, HOUSEHOLD_EVENT = 220 };

#define HEARS(types, places, label) "1 everyone allow hear " types " " places " " label " - 0 0"

static void expect(unsigned n, const uint64_t *numbers, size_t count)
{
    assert_int_equal(world.agents[n].count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(world.agents[n].got[i], numbers[i]);
}

/* 1 and 4 of six may be heard. */
static void say_six(void (*say)(uint16_t type, const char *places))
{
    world.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    say(FLASH_REPORT, "3505203");
    say(FLASH_REPORT, "3505217");
    say(HOUSEHOLD_EVENT, "3505203");
    say(FLASH_REPORT, "3505217 3505203001");
    say(FLASH_REPORT, "");
    world.label = EOCBUS__V1__LABEL__LABEL_RESTRICTED;
    say(FLASH_REPORT, "3505203");
    world.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
}

static const uint64_t heard_of_six[] = {1, 4};

static void append_one(uint16_t type, const char *places)
{
    world_append(type, places, 50, false);
}

static void publish_one(uint16_t type, const char *places)
{
    world_publish(type, places, 50);
}

static void live_messages_are_judged_one_by_one(void **state)
{
    (void)state;
    world_let(HEARS("report.*", "3505203", "INTERNAL"));
    agent_subscribe_all(0, 0, 100);
    world_settle();
    say_six(publish_one);
    world_settle();
    expect(0, heard_of_six, 2);
    fake_advance(world.loop, 6000);
    world_settle();
    assert_int_equal(world.agents[0].horizon, 6); /* nothing that it may hear is missing */
}

static void so_is_history(void **state)
{
    (void)state;
    world_let(HEARS("report.*", "3505203", "INTERNAL"));
    say_six(append_one);
    agent_subscribe_all(0, 0, 100);
    world_settle();
    expect(0, heard_of_six, 2);
    assert_int_equal(world.agents[0].horizon, 6);
}

static void so_is_what_stands_in_memory(void **state)
{
    struct egress_counters n;

    (void)state;
    world_let(HEARS("report.*", "3505203", "INTERNAL"));
    agent_subscribe_all(0, 0, 1);
    world_settle();
    say_six(publish_one);
    world_settle();
    expect(0, heard_of_six, 1);
    agent_give_credit(0, 10);
    world_settle();
    expect(0, heard_of_six, 2);
    egress_counters(world.egress, &n);
    assert_int_equal(n.pages, 0);
}

static void what_is_for_somebody_is_heard_live_from_memory_and_from_the_log(void **state)
{
    static const uint64_t numbers[] = {2, 4};

    (void)state;
    world_let(HEARS("*", "to_me", "RESTRICTED"));
    append_one(FLASH_REPORT, "3505203");
    world.reach = "coes.dushanbe.dut coes.dushanbe.duty2 coes.dushanbe.duty";
    append_one(FLASH_REPORT, "3505203");
    agent_subscribe_all(0, 0, 1);
    world_settle();
    expect(0, numbers, 1);
    world.reach = "coes.dushanbe.duty2 coes.dushanbe";
    publish_one(FLASH_REPORT, "3505203");
    world.reach = "coes.dushanbe.duty";
    publish_one(FLASH_REPORT, "3505203");
    world_settle();
    agent_give_credit(0, 10);
    world_settle();
    expect(0, numbers, 2);
}

static void a_change_counts_from_the_next_message_on(void **state)
{
    static const uint64_t numbers[] = {1, 4};

    (void)state;
    agent_subscribe_all(0, 0, 100);
    world_settle();
    publish_one(FLASH_REPORT, "3505203");
    world_let(HEARS("sensor.*", "any", "INTERNAL"));
    publish_one(FLASH_REPORT, "3505203");
    world.is_nobody = true;
    egress_recheck(world.egress);
    publish_one(OBSERVATIONS, "3505203");
    world.is_nobody = false;
    egress_recheck(world.egress);
    publish_one(OBSERVATIONS, "3505203");
    world_settle();
    expect(0, numbers, 2);
}

static void an_alarm_is_heard_and_withdrawn_only_where_it_may_be(void **state)
{
    (void)state;
    agent_subscribe_all(0, 0, 100);
    world_settle();
    world.label = EOCBUS__V1__LABEL__LABEL_RESTRICTED;
    world_let(HEARS("*", "any", "INTERNAL"));
    world_warn(100);
    world_withdraw();
    assert_int_equal(world.agents[0].warnings + world.agents[0].withdrawals, 0);
    world_let(HEARS("*", "any", "RESTRICTED"));
    world_warn(100);
    world_withdraw();
    assert_int_equal(world.agents[0].warnings, 1);
    assert_int_equal(world.agents[0].withdrawals, 1);
}

static void last_values_are_judged_too(void **state)
{
    (void)state;
    world_let(HEARS("observation_batch", "3505203", "INTERNAL"));
    append_one(OBSERVATIONS, "3505203");
    world.log[1].is_last = true;
    append_one(OBSERVATIONS, "3505217");
    world.log[2].is_last = true;
    world.last_values = true;
    agent_subscribe_all(0, 2, 100);
    world_settle();
    assert_int_equal(world.agents[0].last_count, 1);
    assert_int_equal(world.agents[0].lasts[0], 1);
}

/* Live, from memory and from the log. */
static void hear_boxes(const char *rules)
{
    world_let(rules);
    world.label = EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL;
    append_one(WORLD_BOX, "3505203");
    agent_subscribe_all(0, 0, 2);
    world_settle();
    publish_one(WORLD_BOX, "3505203");
    publish_one(WORLD_BOX, "3505203");
    world_settle();
    agent_give_credit(0, 10);
    world_settle();
    assert_int_equal(world.agents[0].count, 3);
}

static void a_box_comes_without_its_keys_to_who_may_not_open_it(void **state)
{
    (void)state;
    hear_boxes(HEARS("*", "any", "HOUSEHOLD_PERSONAL"));
    assert_int_equal(world.agents[0].keys, 0);
}

static void and_with_them_to_who_may(void **state)
{
    (void)state;
    hear_boxes(HEARS("*", "any", "HOUSEHOLD_PERSONAL") "\n"
                                                       "2 everyone allow open household_identity "
                                                       "3505203 HOUSEHOLD_PERSONAL - 0 0");
    assert_int_equal(world.agents[0].keys, 6);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(live_messages_are_judged_one_by_one),
        IN_WORLD(so_is_history),
        IN_WORLD(so_is_what_stands_in_memory),
        IN_WORLD(what_is_for_somebody_is_heard_live_from_memory_and_from_the_log),
        IN_WORLD(a_change_counts_from_the_next_message_on),
        IN_WORLD(an_alarm_is_heard_and_withdrawn_only_where_it_may_be),
        IN_WORLD(last_values_are_judged_too),
        IN_WORLD(a_box_comes_without_its_keys_to_who_may_not_open_it),
        IN_WORLD(and_with_them_to_who_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
