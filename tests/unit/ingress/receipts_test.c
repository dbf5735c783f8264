/* What is said of each message: stored, refused, or to be offered again later. */
#include "tests/unit/ingress/world.h"

/* --- receipts --------------------------------------------------------------------------------- */

static void no_receipt_before_the_store_settled(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 5);
    loop_turn(world.loop, 0);
    assert_int_equal(world.agents[1].frames, 1); /* Welcome */
    commit();
    assert_int_equal(world.agents[1].frames, 2);
    assert_int_equal(world.agents[1].settled_count, 5);
    assert_true(world.agents[1].settled[4].stored);
}

static void a_refused_item_too_is_answered_only_after_the_commit(void **state)
{
    struct offer offers[] = {{.tag = 1}, {.tag = 2, .unreadable = true}, {.tag = 3}};

    (void)state;
    hello(1);
    publish(1, offers, 3);
    assert_int_equal(world.queued, 3);
    assert_non_null(world.queue[1]->refused);
    assert_int_equal(world.agents[1].settled_count, 0);
    commit();
    assert_int_equal(world.agents[1].settled_count, 3);
    assert_false(world.agents[1].settled[1].stored);
    assert_int_equal(world.agents[1].settled[1].tag, 2);
    assert_true(world.agents[1].settled[1].code[0]);
}

static void a_foreign_sender_is_refused_not_corrected(void **state)
{
    struct offer o = {.tag = 9, .sender = "office.n2"};

    (void)state;
    hello(1);
    publish(1, &o, 1);
    assert_int_equal(world.queue[0]->principal_id, 2); /* n1: who it was, not who it claims */
    commit();
    assert_string_equal(world.agents[1].settled[0].code, "sender");
}

static void past_the_quota_a_refusal_is_answered_at_once_and_not_kept(void **state)
{
    struct offer o = {.unreadable = true};
    struct ingress_counters c;

    (void)state;
    hello(1);
    for (o.tag = 1; o.tag <= 15; o.tag++)
        publish(1, &o, 1);
    assert_int_equal(world.queued, 10);
    assert_int_equal(world.agents[1].settled_count, 5);
    ingress_counters(world.in, &c);
    assert_int_equal(c.quarantine_dropped, 5);
    commit();
    assert_int_equal(world.agents[1].settled_count, 15);
}

static void what_the_store_does_not_take_costs_no_quota(void **state)
{
    struct offer o = {.tag = 1, .unreadable = true};
    struct ingress_counters c;

    (void)state;
    hello(1);
    world.room = 0;
    for (unsigned i = 0; i < 20; i++) { /* twice the quota: its sender offers it again and again */
        publish(1, &o, 1);
        say_bytes(1, "\xff\xff", 2);
    }
    world.room = QUEUE;
    publish(1, &o, 1);
    assert_int_equal(world.queued, 1);
    ingress_counters(world.in, &c);
    assert_int_equal(c.quarantine_dropped, 20); /* the frames: those nobody offers again */
}

static void a_late_message_is_stored_and_said_to_be_expired(void **state)
{
    struct offer o = {.tag = 1, .not_after_us = FAKE_UTC_US - 1};

    (void)state;
    hello(1);
    publish(1, &o, 1);
    assert_true(world.queue[0]->expired);
    commit();
    assert_true(world.agents[1].settled[0].stored);
    assert_true(world.agents[1].settled[0].expired);
}

static void receipts_wait_for_a_full_socket(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 64);
    world.agents[1].is_full = true;
    commit();
    world.agents[1].is_full = false;
    ingress_writable(world.in);
    assert_int_equal(world.agents[1].settled_count, 64);
    publish_run(1, 65, 65);
    assert_int_equal(world.queued, 1);
}

static void many_long_receipts_leave_in_frames_of_bounded_size(void **state)
{
    struct offer offers[64] = {{0}};

    (void)state;
    hello(1);
    for (unsigned i = 0; i < 64; i++)
        offers[i] = (struct offer){.tag = i + 1};
    publish(1, offers, 64);
    for (size_t i = 0; i < 64; i++) {
        world.queue[i]->refused = mem_zalloc(sizeof(struct refusal));
        world.queue[i]->refused->code = CODE_DATABASE;
        memset(world.queue[i]->refused->text, 'x', 319);
        memset(world.queue[i]->refused->path, 'p', 159);
    }
    commit();
    assert_int_equal(world.agents[1].settled_count, 64);
    assert_true(world.agents[1].frames_of_receipts > 1);
    assert_true(world.agents[1].largest_frame <= 16384 + 16);
}

/* --- not taken -------------------------------------------------------------------------------- */

static void beyond_the_window_is_busy(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 70);
    assert_int_equal(world.queued, 64);
    assert_int_equal(world.agents[1].busy_count, 6);
    assert_int_equal(world.agents[1].busy_tags[0], 65);
    commit();
    publish_run(1, 65, 70);
    commit();
    assert_int_equal(world.agents[1].settled_count, 70);
}

static void a_full_store_is_busy_for_a_moment(void **state)
{
    (void)state;
    hello(1);
    world.room = 3;
    publish_run(1, 1, 5);
    assert_int_equal(world.agents[1].busy_count, 2);
    assert_int_equal(world.agents[1].busy_tags[0], 4);
    assert_int_equal(world.agents[1].retry_ms, 50);
}

static void a_store_that_is_away_is_busy_for_longer_and_longer(void **state)
{
    (void)state;
    hello(1);
    world.submit_answer = ST_CLOSED;
    publish_run(1, 1, 1);
    assert_int_equal(world.agents[1].retry_ms, 1000);
    fake_advance(world.loop, 2000);
    publish_run(1, 1, 1);
    assert_int_equal(world.agents[1].retry_ms, 2000);
    fake_advance(world.loop, 20000);
    publish_run(1, 1, 1);
    assert_int_equal(world.agents[1].retry_ms, 3000);
    world.submit_answer = ST_OK;
    publish_run(1, 1, 1);
    commit();
    assert_int_equal(world.agents[1].settled_count, 1);
}

static void a_refused_item_is_busy_too_while_the_store_is_away(void **state)
{
    struct offer o = {.tag = 1, .unreadable = true};

    (void)state;
    hello(1);
    world.store_away = true;
    world.submit_answer = ST_CLOSED;
    publish(1, &o, 1);
    assert_int_equal(world.agents[1].busy_count, 1);
    assert_int_equal(world.agents[1].settled_count, 0);
}

/* Nobody offers again what has no answer, so it has to be a new session that does. */
static void a_busy_that_cannot_be_said_is_said_when_there_is_room(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 64);
    world.agents[1].is_full = true; /* as a listener on a thin line has it */
    commit();
    publish_run(1, 65, 65); /* receipts that wait keep the window closed */
    publish_run(1, 66, 70);
    assert_int_equal(world.queued, 0);
    assert_int_equal(world.gone, 0);
    assert_int_equal(world.agents[1].busy_count, 0);
    world.agents[1].is_full = false;
    ingress_writable(world.in);
    assert_int_equal(world.agents[1].busy_count, 6);
    assert_int_equal(world.agents[1].settled_count, 64);
}

static void who_goes_on_without_reading_what_was_turned_away_has_lost_the_session(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 64);
    world.agents[1].is_full = true;
    commit();
    for (unsigned n = 65; n < 65 + 64 * 65 && !world.gone; n += 64)
        publish_run(1, n, n + 63);
    assert_int_equal(world.gone, 1);
}

static void a_receipt_without_memory_ends_the_session(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 1);
    mem_fail_at(1);
    commit();
    mem_fail_at(0);
    assert_int_equal(world.gone, 1);
    assert_int_equal(world.agents[1].settled_count, 0);
}

static void nothing_overtakes_a_message_of_its_lane_that_was_not_taken(void **state)
{
    struct offer flash = {.tag = 100, .lane_seq = 1, .lane = EOCBUS__V1__LANE__LANE_FLASH};

    (void)state;
    hello(1);
    world.room = 2;
    publish_run(1, 1, 4); /* 3 and 4 were not taken */
    world.room = QUEUE;
    publish_run(1, 5, 6);
    assert_int_equal(world.queued, 2);
    assert_int_equal(world.agents[1].busy_count, 2);
    publish(1, &flash, 1); /* another lane is free to go */
    assert_int_equal(world.queued, 3);
    publish_run(1, 3, 6);
    assert_int_equal(world.queued, 7);
    for (size_t i = 3; i < 7; i++)
        assert_int_equal(world.queue[i]->id.lane_seq, i);
}

static void a_message_that_never_comes_again_holds_its_lane_only_for_a_while(void **state)
{
    (void)state;
    hello(1);
    world.room = 0;
    publish_run(1, 1, 1);
    world.room = QUEUE;
    publish_run(1, 2, 2);
    assert_int_equal(world.queued, 0);
    for (unsigned i = 0; i < 4; i++) {
        fake_advance(world.loop, 22501);
        ping(1, FAKE_UTC_US); /* it lives */
    }
    publish_run(1, 2, 2);
    assert_int_equal(world.queued, 1);
}

static void more_items_than_a_frame_may_hold_are_busy(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 300);
    assert_int_equal(world.queued + world.agents[1].busy_count, 300);
}

static void more_than_twice_as_many_are_not_looked_at(void **state)
{
    (void)state;
    hello(1);
    publish_run(1, 1, 2 * LIMIT_ITEMS);
    assert_int_equal(world.agents[1].faults, 0);
    publish_run(1, 1001, 1001 + 2 * LIMIT_ITEMS);
    assert_string_equal(world.agents[1].fault, "repeats");
    publish_run(1, 1, 1);
    assert_int_equal(world.agents[1].faults, 1);
    assert_int_equal(world.gone, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(no_receipt_before_the_store_settled),
        IN_WORLD(a_refused_item_too_is_answered_only_after_the_commit),
        IN_WORLD(a_foreign_sender_is_refused_not_corrected),
        IN_WORLD(past_the_quota_a_refusal_is_answered_at_once_and_not_kept),
        IN_WORLD(what_the_store_does_not_take_costs_no_quota),
        IN_WORLD(a_late_message_is_stored_and_said_to_be_expired),
        IN_WORLD(receipts_wait_for_a_full_socket),
        IN_WORLD(many_long_receipts_leave_in_frames_of_bounded_size),
        IN_WORLD(beyond_the_window_is_busy),
        IN_WORLD(a_full_store_is_busy_for_a_moment),
        IN_WORLD(a_store_that_is_away_is_busy_for_longer_and_longer),
        IN_WORLD(a_refused_item_is_busy_too_while_the_store_is_away),
        IN_WORLD(a_busy_that_cannot_be_said_is_said_when_there_is_room),
        IN_WORLD(who_goes_on_without_reading_what_was_turned_away_has_lost_the_session),
        IN_WORLD(a_receipt_without_memory_ends_the_session),
        IN_WORLD(nothing_overtakes_a_message_of_its_lane_that_was_not_taken),
        IN_WORLD(a_message_that_never_comes_again_holds_its_lane_only_for_a_while),
        IN_WORLD(more_items_than_a_frame_may_hold_are_busy),
        IN_WORLD(more_than_twice_as_many_are_not_looked_at),
    };

    return cmocka_run_group_tests_name("receipts", tests, NULL, NULL);
}
