/* Who is there, and how much of him is taken. */
#include "tests/unit/ingress/world.h"

/* --- who is there ----------------------------------------------------------------------------- */

static struct ingress_agent seen[8];
static char seen_name[8][32];
static unsigned seen_count;

static void see(void *arg, const struct ingress_agent *a)
{
    (void)arg;
    assert_true(seen_count < 8);
    snprintf(seen_name[seen_count], sizeof(seen_name[0]), "%s", a->principal);
    seen[seen_count++] = *a;
}

static void look_around(void)
{
    seen_count = 0;
    ingress_agents(world.in, see, NULL);
}

static void a_dead_agent_is_named_until_it_is_back(void **state)
{
    (void)state;
    limit(0, 0);
    hello_on(1, "fiber");
    hello_on(2, "2g");
    ping_both_for(70, 5);
    look_around();
    assert_int_equal(seen_count, 2);
    assert_true(seen[0].sessions == 1 && seen[1].sessions == 1);
    fake_advance(world.loop, 21000);
    loop_turn(world.loop, 0);
    look_around();
    assert_int_equal(seen_count, 2); /* the other's link explains much more */
    assert_string_equal(seen_name[0], "office.n2");
    assert_string_equal(seen_name[1], "office.n1");
    assert_true(seen[1].is_dead && !seen[1].sessions && !seen[0].is_dead);
    assert_int_equal(seen[1].silent_us, 21000000);
    assert_string_equal(seen[1].link, "fiber");
    hello_on(1, "fiber");
    look_around();
    assert_int_equal(seen_count, 2);
    assert_true(seen[0].sessions == 1 && seen[1].sessions == 1);
}

static void a_doubtful_clock_and_an_excess_are_named(void **state)
{
    (void)state;
    limit(8, 0);
    hello(1); /* 89 s ahead */
    publish_run(1, 1, 80);
    look_around();
    assert_int_equal(seen_count, 1);
    assert_true(seen[0].clock_doubtful);
    assert_int_equal(seen[0].offset_ms, 89000);
    assert_int_equal(seen[0].over_items, 10);
}

/* --- quotas ----------------------------------------------------------------------------------- */

static void past_its_quota_a_sender_hears_when_there_is_room(void **state)
{
    struct ingress_counters c;

    (void)state;
    limit(8, 0);
    hello(1);
    hello(2);
    publish_run(1, 1, 90);
    assert_int_equal(world.queued, 70); /* ten seconds' worth, but for what the urgent may need */
    assert_int_equal(world.agents[1].busy_count, 20);
    assert_int_equal(world.agents[1].busy_tags[0], 71);
    assert_int_equal(world.agents[1].retry_ms, 20 * 1000 / 8);
    publish_run(2, 1, 10); /* nobody pays for another */
    assert_int_equal(world.queued, 80);
    fake_advance(world.loop, world.agents[1].retry_ms);
    publish_run(1, 71, 90);
    assert_int_equal(world.queued, 100);
    ingress_counters(world.in, &c);
    assert_int_equal(c.busy_quota, 20);
}

static void what_the_store_did_not_take_costs_nothing(void **state)
{
    (void)state;
    limit(8, 0);
    hello(1);
    world.submit_answer = ST_CLOSED;
    for (unsigned i = 0; i < 10; i++)
        publish_run(1, 1, 10);
    world.submit_answer = ST_OK;
    publish_run(1, 1, 70);
    assert_int_equal(world.queued, 70);
}

static void one_who_cries_alarm_without_end_is_sounded_no_more_often_than_others(void **state)
{
    struct ingress_counters c;

    (void)state;
    limit(0, 8);
    hello(1);
    for (uint64_t i = 1; i <= 10; i++)
        alarm_from(1, i, "again");
    assert_int_equal(world.warned_count, 4);
    assert_int_equal(world.queued, 10); /* and nobody waits: the rest is heard when it is stored */
    ingress_counters(world.in, &c);
    assert_int_equal(c.flash_unwarned, 6);
    assert_int_equal(c.busy, 0);
    look_around();
    assert_int_equal(seen[0].over_alarms, 6);
    assert_int_equal(seen[0].over_items, 0);
    fake_advance(world.loop, 7500);
    alarm_from(1, 11, "again");
    assert_int_equal(world.warned_count, 5);
}

static void an_alarm_that_is_not_sounded_counts_as_a_message(void **state)
{
    struct ingress_counters c;

    (void)state;
    limit(1, 8);
    hello(1);
    for (uint64_t i = 1; i <= 20; i++)
        alarm_from(1, i, "again");
    assert_int_equal(world.warned_count, 4);
    assert_int_equal(world.queued, 14);
    ingress_counters(world.in, &c);
    assert_int_equal(c.flash_unwarned, 10);
    assert_int_equal(c.busy_quota, 6);
}

static void past_the_quota_an_alarm_waits_for_the_store_that_is_away(void **state)
{
    struct ingress_counters c;

    (void)state;
    limit(0, 8);
    hello(1);
    world.submit_answer = ST_CLOSED;
    for (uint64_t i = 1; i <= 10; i++)
        alarm_from(1, i, "again");
    assert_int_equal(world.warned_count, 4);
    ingress_counters(world.in, &c);
    assert_int_equal(c.busy, 10);
    assert_int_equal(c.flash_unwarned, 0);
    world.submit_answer = ST_OK;
    for (uint64_t i = 1; i <= 10; i++)
        alarm_from(1, i, "again");
    assert_int_equal(world.warned_count, 4);
    assert_int_equal(world.queued, 10);
    ingress_counters(world.in, &c);
    assert_int_equal(c.flash_unwarned, 6);
}

static void an_alarm_that_is_offered_again_costs_no_second_alarm(void **state)
{
    (void)state;
    limit(0, 4);
    hello(1);
    world.submit_answer = ST_CLOSED;
    for (unsigned i = 0; i < 10; i++)
        alarm_from(1, 1, "mudflow");
    alarm_from(1, 2, "mudflow again");
    assert_int_equal(world.warned_count, 2);
}

static void bulk_past_its_quota_keeps_no_alarm_away(void **state)
{
    (void)state;
    limit(8, 8);
    hello(1);
    publish_run(1, 1, 100);
    alarm_from(1, 1, "mudflow");
    assert_int_equal(world.warned_count, 1);
    assert_int_equal(world.queued, 71);
}

static void what_was_turned_away_unseen_and_is_refused_holds_nobody(void **state)
{
    struct offer offers[2] = {{.tag = 71, .sender = "office.n2"}, {.tag = 72}};

    (void)state;
    limit(8, 0);
    hello(1);
    publish_run(1, 1, 70);
    publish(1, offers, 2);
    assert_int_equal(world.agents[1].busy_count, 2);
    fake_advance(world.loop, 1000);
    publish(1, offers, 2); /* the first is refused: nobody waits for it */
    assert_int_equal(world.agents[1].busies, 1);
    assert_int_equal(world.queued, 72);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(past_its_quota_a_sender_hears_when_there_is_room),
        IN_WORLD(what_the_store_did_not_take_costs_nothing),
        IN_WORLD(one_who_cries_alarm_without_end_is_sounded_no_more_often_than_others),
        IN_WORLD(an_alarm_that_is_not_sounded_counts_as_a_message),
        IN_WORLD(past_the_quota_an_alarm_waits_for_the_store_that_is_away),
        IN_WORLD(an_alarm_that_is_offered_again_costs_no_second_alarm),
        IN_WORLD(bulk_past_its_quota_keeps_no_alarm_away),
        IN_WORLD(what_was_turned_away_unseen_and_is_refused_holds_nobody),
        IN_WORLD(a_dead_agent_is_named_until_it_is_back),
        IN_WORLD(a_doubtful_clock_and_an_excess_are_named),
    };

    return cmocka_run_group_tests_name("quotas", tests, NULL, NULL);
}
