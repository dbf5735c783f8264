/* durable - a name goes on where it was, tells how far it is, and belongs to one session. */
#include "tests/unit/egress/world.h"

enum { FLASH_REPORT = 120, OBSERVATIONS = 100 };

static const char *const all[] = {"**"};

static void subscribe_named(unsigned n, const char *const *patterns, const uint64_t *after,
                            unsigned credit)
{
    world.name = "office";
    agent_subscribe_to(n, patterns, 1, after, 0, credit);
    world.name = NULL;
}

/* The database answers the i-th question. */
static void tell(size_t i, enum status st, uint64_t place)
{
    struct cursor *c = &world.cursors[i];
    uint64_t after[LANES_END];

    assert_true(c->is_open);
    for (unsigned lane = 0; lane < LANES_END; lane++)
        after[lane] = place;
    c->told(c->arg, st, WORLD_EPOCH, after);
}

static void append(unsigned n)
{
    while (n--)
        world_append(FLASH_REPORT, "3505203", 50, false);
}

static void a_name_goes_on_behind_the_place_that_is_kept(void **state)
{
    (void)state;
    append(40);
    subscribe_named(0, all, NULL, 1000);
    world_settle();
    assert_false(world.agents[0].subscribed);
    assert_string_equal(world.cursors[0].name, "office");
    assert_string_equal(world.cursors[0].principal, "coes.dushanbe.duty");
    assert_string_equal(world.cursors[0].patterns, "**");
    assert_false(world.cursors[0].asked.has_after || world.cursors[0].asked.from_first);
    tell(0, ST_OK, 30);
    world_settle();
    assert_int_equal(world.agents[0].after, 30);
    assert_int_equal(world.agents[0].count, 10);
}

static void each_lane_goes_on_behind_its_own_place(void **state)
{
    uint64_t after[LANES_END] = {0, 6, 6, 6, 6, 9};

    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        world.lane = i % 2 ? 5 : 1;
        append(1);
    }
    subscribe_named(0, all, NULL, 1000);
    world.cursors[0].told(world.cursors[0].arg, ST_OK, WORLD_EPOCH, after);
    world_settle();
    assert_int_equal(world.agents[0].after, 6);
    assert_int_equal(world.agents[0].count, 5); /* 7 9 11 of FLASH; 10 12 of BULK, not 8 */
    assert_int_equal(world.agents[0].got[1], 9);
    assert_int_equal(world.agents[0].got[2], 10);
}

static void who_says_where_it_is_is_believed_and_does_not_wait(void **state)
{
    uint64_t after = 35;

    (void)state;
    append(40);
    subscribe_named(0, all, &after, 1000);
    world_settle();
    assert_int_equal(world.agents[0].count, 5);
    assert_true(world.cursors[0].asked.has_after && world.cursors[0].asked.after == 35);
    tell(0, ST_OK, 35);
    world_settle();
    assert_int_equal(world.agents[0].count, 5);
}

static void a_place_that_is_not_legal_is_not_kept(void **state)
{
    uint64_t after = 41;

    (void)state;
    append(40);
    subscribe_named(0, all, &after, 10);
    fake_advance(world.loop, 4000);
    world_settle();
    assert_string_equal(world.agents[0].fault, "range");
    assert_int_equal(world.cursor_count, 0);
}

static void what_was_acknowledged_and_what_was_nothing_moves_the_place(void **state)
{
    static const char *const reports[] = {"actual.report.**"};

    (void)state;
    append(3);
    world_append(OBSERVATIONS, "3505203", 50, false);
    subscribe_named(0, reports, NULL, 2);
    tell(0, ST_OK, 0);
    world_settle();
    assert_int_equal(world.cursors[0].upto, 0); /* sent, not acknowledged */
    agent_acknowledge(0);
    assert_int_equal(world.cursors[0].upto, 2); /* no credit for the third */
    agent_give_credit(0, 10);
    world_settle();
    agent_acknowledge(0);
    assert_int_equal(world.cursors[0].upto, 4); /* the fourth is not for it */
    world_append(OBSERVATIONS, "3505203", 50, false);
    route_row(world.head);
    fake_advance(world.loop, 6000);
    world_settle();
    assert_int_equal(world.agents[0].horizon, 5);
    assert_int_equal(world.cursors[0].upto, 5);
}

static void what_is_sent_and_not_acknowledged_is_not_passed_by_a_horizon(void **state)
{
    (void)state;
    subscribe_named(0, all, NULL, 1);
    tell(0, ST_OK, 0);
    world_publish(FLASH_REPORT, "3505203", 50);
    world_settle();
    fake_advance(world.loop, 60000);
    world_settle();
    assert_int_equal(world.agents[0].count, 1);
    assert_int_equal(world.cursors[0].upto, 0);
}

static void a_name_that_is_taken_ends_its_listener_with_a_reason(void **state)
{
    struct egress_counters n;

    (void)state;
    subscribe_named(0, all, NULL, 10);
    tell(0, ST_OK, 0);
    world_settle();
    tell(0, ST_EXISTS, 0);
    assert_string_equal(world.agents[0].fault, "taken");
    assert_false(world.cursors[0].is_open);
    egress_counters(world.egress, &n);
    assert_int_equal(n.listeners, 0);
}

static void a_name_too_many_is_refused(void **state)
{
    (void)state;
    subscribe_named(0, all, NULL, 10);
    tell(0, ST_FULL, 0);
    assert_string_equal(world.agents[0].fault, "subscription");
    assert_false(world.cursors[0].is_open);
}

static void a_session_that_goes_gives_its_name_back(void **state)
{
    (void)state;
    subscribe_named(0, all, NULL, 10);
    egress_session_gone(world.egress, world.agents[0].session);
    assert_false(world.cursors[0].is_open); /* before the database answered */
    subscribe_named(1, all, NULL, 10);
    tell(1, ST_OK, 0);
    egress_session_gone(world.egress, world.agents[1].session);
    assert_false(world.cursors[1].is_open);
}

static void an_alarm_does_not_wait_for_the_place(void **state)
{
    (void)state;
    subscribe_named(0, all, NULL, 10);
    world_warn(100);
    assert_int_equal(world.agents[0].warnings, 1);
}

static void a_place_ahead_of_this_broker_waits_for_the_log(void **state)
{
    (void)state;
    append(10);
    subscribe_named(0, all, NULL, 10);
    world_append(FLASH_REPORT, "3505203", 50, false); /* stored by another broker */
    world.head--;
    tell(0, ST_OK, 11);
    world_settle();
    assert_false(world.agents[0].subscribed);
    world.head++;
    route_row(11);
    world_publish(FLASH_REPORT, "3505203", 50);
    fake_advance(world.loop, 300);
    world_settle();
    assert_int_equal(world.agents[0].after, 11);
    assert_int_equal(world.agents[0].count, 1);
    assert_int_equal(world.agents[0].got[0], 12);
}

static void from_first_needs_no_number(void **state)
{
    (void)state;
    append(5);
    world.from_first = true;
    agent_subscribe_to(0, all, 1, NULL, 0, 100);
    world_settle();
    assert_int_equal(world.agents[0].count, 5);
    subscribe_named(1, all, NULL, 100);
    assert_true(world.cursors[0].asked.from_first);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_name_goes_on_behind_the_place_that_is_kept),
        IN_WORLD(each_lane_goes_on_behind_its_own_place),
        IN_WORLD(who_says_where_it_is_is_believed_and_does_not_wait),
        IN_WORLD(a_place_that_is_not_legal_is_not_kept),
        IN_WORLD(what_was_acknowledged_and_what_was_nothing_moves_the_place),
        IN_WORLD(what_is_sent_and_not_acknowledged_is_not_passed_by_a_horizon),
        IN_WORLD(a_name_that_is_taken_ends_its_listener_with_a_reason),
        IN_WORLD(a_name_too_many_is_refused),
        IN_WORLD(a_session_that_goes_gives_its_name_back),
        IN_WORLD(an_alarm_does_not_wait_for_the_place),
        IN_WORLD(a_place_ahead_of_this_broker_waits_for_the_log),
        IN_WORLD(from_first_needs_no_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
