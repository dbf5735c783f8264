/* What an agent hears: deliveries, places, what is read again and what was restored. */
#include "tests/unit/link/agent_world.h"

static void say_taken(void)
{
    Eocbus__V1__Fault fault = EOCBUS__V1__FAULT__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    fault.code = (char *)"taken";
    fault.subscription = broker.subscription;
    f.what_case = EOCBUS__V1__FRAME__WHAT_FAULT;
    f.fault = &fault;
    fake_broker_send(&broker, &f);
}

/* A broker that was slow came to an old Subscribe of this agent after the new one. Once for each
 * session that was left, and once for a program that ran before: then somebody else has the name.
 */
static void a_name_that_our_own_past_has_taken_is_asked_for_again(void **state)
{
    static const char *const patterns[] = {"**"};
    const struct agent_subscription sub = {
        .patterns = patterns, .pattern_count = 1, .durable_name = "duty", .message = on_delivery};
    char where[64];

    (void)state;
    start();
    assert_int_equal(agent_subscribe(agent, &sub, err, sizeof(err)), ST_OK);
    WAIT_FOR(broker.subscribes == 1);
    snprintf(where, sizeof(where), "%s", broker.endpoint);
    fake_broker_close(&broker);
    WAIT_FOR(saw.downs == 1);
    fake_broker_open(&broker, loop, where);
    WAIT_FOR(broker.subscribes == 2);
    say_taken();
    WAIT_FOR(broker.subscribes == 3);
    say_taken();
    WAIT_FOR(broker.subscribes == 4);
    say_taken();
    for (uint64_t end_us = loop_exact_us(loop) + 1500000; loop_exact_us(loop) < end_us;)
        loop_turn(loop, 20);
    assert_int_equal(broker.subscribes, 4);
}

static void each_message_is_handed_over_once_and_acknowledged(void **state)
{
    (void)state;
    make_content(ROUTINE, 1);
    start();
    subscribe(NULL, 4);
    WAIT_FOR(broker.subscribes == 1);
    assert_true(broker.has_after);
    assert_int_equal(broker.after, 0);
    deliver(3, 0);
    deliver(5, 3);
    WAIT_FOR(broker.upto == 5);
    assert_int_equal(saw.messages, 2);
    assert_int_equal(saw.unread, 0);
    WAIT_FOR(broker.credit_given == 2); /* half of the credit is used */
    fake_broker_horizon(&broker, 9);
    WAIT_FOR(saw.horizon == 9);
}

static void what_expired_on_its_way_is_no_news(void **state)
{
    (void)state;
    start();
    subscribe(NULL, 4);
    WAIT_FOR(broker.subscribes == 1);
    until_us = loop_utc_us(loop) + 3600000000;
    make_content(ROUTINE, 1);
    deliver(3, 0);
    until_us = loop_utc_us(loop) - 3000000; /* further off than the two clocks here can be */
    make_content(ROUTINE, 2);
    deliver(4, 3);
    make_content(ROUTINE, 3);
    deliver(0, 0); /* without a number */
    until_us = 0;
    WAIT_FOR(saw.messages == 3);
    assert_int_equal(saw.as_history, 2);
}

static void after_a_lost_link_it_goes_on_behind_the_last_one(void **state)
{
    char where[64];

    (void)state;
    make_content(ROUTINE, 1);
    start();
    subscribe(NULL, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(3, 0);
    WAIT_FOR(saw.messages == 1);
    snprintf(where, sizeof(where), "%s", broker.endpoint);
    fake_broker_close(&broker);
    WAIT_FOR(saw.downs == 1);
    fake_broker_open(&broker, loop, where);
    WAIT_FOR(broker.subscribes == 2);
    assert_int_equal(broker.after, 3);
    deliver(3, 0); /* a duplicate all the same */
    deliver(4, 3);
    WAIT_FOR(saw.messages == 2);
    assert_int_equal(saw.seqs[1], 4);
}

static void an_inbox_remembers_the_place_over_a_restart(void **state)
{
    (void)state;
    make_content(ROUTINE, 1);
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(3, 0);
    WAIT_FOR(broker.upto == 3);
    agent_destroy(agent);
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 2);
    assert_int_equal(broker.after, 3);
}

/* A number keeps the epoch in which it was given, also in a log that was restored since. */
static void what_is_older_than_a_restore_is_handed_over_like_the_rest(void **state)
{
    (void)state;
    make_content(ROUTINE, 1);
    broker.log_epoch = 2;
    start();
    subscribe(NULL, 0);
    WAIT_FOR(broker.subscribes == 1);
    broker.stamp_epoch = 1;
    deliver(3, 0);
    broker.stamp_epoch = 2;
    deliver(4, 3);
    WAIT_FOR(broker.upto == 4);
    assert_int_equal(saw.messages, 2);
}

static void who_was_behind_when_the_log_was_restored_misses_nothing(void **state)
{
    (void)state;
    make_content(ROUTINE, 1);
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(3, 0);
    WAIT_FOR(broker.upto == 3);
    agent_destroy(agent);
    broker.log_epoch = 2;
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 2);
    assert_int_equal(broker.after, 0);
    broker.stamp_epoch = 1;
    deliver(3, 0);
    deliver(5, 3); /* was in the log before, and in the backup; nobody handed it over yet */
    WAIT_FOR(broker.upto == 5);
    assert_int_equal(saw.messages, 3);
    agent_destroy(agent);
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 3);
    assert_int_equal(broker.after, 5); /* of the new log */
}

/* One of several brokers may not have heard yet that the log was restored. */
static void a_broker_with_an_older_log_does_not_move_the_place(void **state)
{
    (void)state;
    make_content(ROUTINE, 1);
    broker.log_epoch = broker.stamp_epoch = 2;
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(3, 0);
    WAIT_FOR(broker.upto == 3);
    agent_destroy(agent);
    broker.log_epoch = 1;
    start();
    subscribe(inbox_path, 0);
    WAIT_FOR(broker.subscribes == 2);
    assert_int_equal(broker.after, 3);
}

static void a_hole_in_the_numbers_is_read_again(void **state)
{
    (void)state;
    make_content(ROUTINE, 1);
    start();
    subscribe(NULL, 0);
    WAIT_FOR(broker.subscribes == 1);
    deliver(3, 0);
    deliver(7, 5); /* 5 got lost */
    WAIT_FOR(broker.subscribes == 2);
    assert_int_equal(broker.after, 3);
    assert_int_equal(broker.unsubscribes, 1);
    assert_int_equal(saw.messages, 1);
}

static void a_program_that_cannot_take_more_gets_it_later(void **state)
{
    (void)state;
    make_content(ROUTINE, 1);
    start();
    subscribe(NULL, 0);
    WAIT_FOR(broker.subscribes == 1);
    saw.refuse_messages = true;
    deliver(3, 0);
    WAIT_FOR(broker.unsubscribes == 1);
    assert_int_equal(broker.acknowledges, 0);
    saw.refuse_messages = false;
    WAIT_FOR(broker.subscribes == 2);
    assert_int_equal(broker.after, 0);
    deliver(3, 0);
    WAIT_FOR(saw.messages == 1);
}

static void bytes_that_cannot_be_read_are_handed_over_as_such(void **state)
{
    (void)state;
    start();
    subscribe(NULL, 0);
    WAIT_FOR(broker.subscribes == 1);
    fake_broker_deliver(&broker, 3, 0, "\xff\xff", 2);
    WAIT_FOR(saw.messages == 1);
    assert_int_equal(saw.unread, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_name_that_our_own_past_has_taken_is_asked_for_again),
        T(each_message_is_handed_over_once_and_acknowledged),
        T(what_expired_on_its_way_is_no_news),
        T(after_a_lost_link_it_goes_on_behind_the_last_one),
        T(an_inbox_remembers_the_place_over_a_restart),
        T(what_is_older_than_a_restore_is_handed_over_like_the_rest),
        T(who_was_behind_when_the_log_was_restored_misses_nothing),
        T(a_broker_with_an_older_log_does_not_move_the_place),
        T(a_hole_in_the_numbers_is_read_again),
        T(a_program_that_cannot_take_more_gets_it_later),
        T(bytes_that_cannot_be_read_are_handed_over_as_such),
    };

    log_set_sink(catch_line, NULL);
    return cmocka_run_group_tests_name("agent_listen", tests, NULL, NULL);
}
