/* egress - each listener gets exactly what matches, in order, whatever the sockets and the database
 * do meanwhile. */
#include "tests/unit/egress/world.h"

enum { FLASH_REPORT = 120, OBSERVATIONS = 100, REQUEST = 160, SIREN_COMMAND = 106 };

static void history_comes_before_live(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 120; i++)
        world_append(FLASH_REPORT, "3505203", 100, false);
    agent_subscribe_all(0, 0, 1000);
    world_settle();
    while (world.agents[0].count < 120) {
        agent_acknowledge(0);
        world_settle();
    }
    assert_true(world.agents[0].history[119]);
    world_publish(FLASH_REPORT, "3505203", 100);
    agent_acknowledge(0);
    world_settle();
    assert_int_equal(world.agents[0].count, 121);
    assert_int_equal(world.agents[0].got[120], 121);
    assert_false(world.agents[0].history[120]);
}

static void from_now_begins_behind_the_head(void **state)
{
    static const char *const patterns[] = {"actual.report.**"};

    (void)state;
    world_append(FLASH_REPORT, "3505203", 100, false);
    agent_subscribe_to(0, patterns, 1, NULL, 0, 10);
    assert_true(world.agents[0].subscribed);
    assert_int_equal(world.agents[0].after, 1);
    world_publish(FLASH_REPORT, "3505203", 100);
    world_publish(OBSERVATIONS, "3505203", 100);
    world_settle();
    assert_int_equal(world.agents[0].count, 1);
    assert_int_equal(world.agents[0].got[0], 2);
}

static void live_messages_of_one_turn_leave_in_one_frame(void **state)
{
    (void)state;
    agent_subscribe_all(0, 0, 100);
    world_settle();
    for (unsigned i = 0; i < 20; i++)
        world_publish(FLASH_REPORT, "", 50);
    assert_int_equal(world.agents[0].frames, 0);
    assert_true(fake_is_busy(world.loop)); /* it will not wait with frames in hand */
    world_settle();
    assert_int_equal(world.agents[0].frames, 1);
    assert_int_equal(world.agents[0].count, 20);
}

static void a_thin_link_gets_small_frames_and_few_of_them(void **state)
{
    struct world_agent *thin = &world.agents[0], *wide = &world.agents[1];

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        world_append(FLASH_REPORT, "3505203", 250, false);
    world.link_frame = 1300;
    world.link_window = 3000;
    agent_subscribe_all(0, 0, 1000);
    world.link_frame = world.link_window = 0;
    agent_subscribe_all(1, 0, 1000);
    world_settle();
    assert_true(thin->largest <= 1300 + 64 && thin->count >= 4);
    assert_true(thin->unacked_bytes < 3000 + 1300);
    assert_true(wide->largest > 4000);
    while (thin->count < 100) {
        agent_acknowledge(0);
        world_settle();
    }
    assert_true(thin->largest <= 1300 + 64);
}

static void a_thin_link_hears_the_horizon_rarely(void **state)
{
    static const char *const patterns[] = {"actual.resource.**"};

    (void)state;
    world.link_frame = 1300;
    agent_subscribe_to(0, patterns, 1, NULL, 0, 10);
    world_settle();
    world_publish(OBSERVATIONS, "3505203", 100);
    world_settle();
    fake_advance(world.loop, 20000);
    world_settle();
    assert_true(world.agents[0].horizon < world.head);
    fake_advance(world.loop, 15000);
    world_settle();
    assert_int_equal(world.agents[0].horizon, world.head);
}

static void without_credit_nothing_is_sent_and_nothing_is_lost(void **state)
{
    struct egress_counters n;

    (void)state;
    agent_subscribe_all(0, 0, 2);
    world_settle();
    for (unsigned i = 0; i < 10; i++)
        world_publish(FLASH_REPORT, "", 50);
    world_settle();
    assert_int_equal(world.agents[0].count, 2);
    egress_counters(world.egress, &n);
    assert_int_equal(n.behind, 1);
    agent_give_credit(0, 100);
    world_settle();
    assert_int_equal(world.agents[0].count, 10);
    egress_counters(world.egress, &n);
    assert_int_equal(n.behind, 0);
    assert_int_equal(n.pages, 0); /* all of it from the ring */
}

static void unacknowledged_bytes_stay_within_the_window(void **state)
{
    (void)state;
    agent_subscribe_all(0, 0, 10000);
    world_settle();
    for (unsigned i = 0; i < 100; i++) {
        world_publish(FLASH_REPORT, "", 1000);
        world_settle();
        assert_true(world.agents[0].unacked_bytes <= WORLD_WINDOW + 1100);
    }
    assert_true(world.agents[0].count < 10);
    while (world.agents[0].count < 100) {
        size_t before = world.agents[0].count;

        agent_acknowledge(0);
        world_settle();
        assert_true(world.agents[0].count > before);
    }
}

static void a_full_socket_rewinds_and_goes_on_when_writable(void **state)
{
    (void)state;
    agent_subscribe_all(0, 0, 100);
    world_settle();
    world.agents[0].is_full = true;
    for (unsigned i = 0; i < 5; i++)
        world_publish(FLASH_REPORT, "", 50);
    world_settle();
    assert_int_equal(world.agents[0].count, 0);
    world.agents[0].is_full = false;
    egress_writable(world.egress);
    world_settle();
    assert_int_equal(world.agents[0].count, 5);
    for (unsigned i = 0; i < 95; i++) /* the credit of what did not leave came back */
        world_publish(FLASH_REPORT, "", 50);
    world_settle();
    assert_int_equal(world.agents[0].count, 100);
}

static void one_that_does_not_read_blocks_nobody(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 4; n++)
        agent_subscribe_all(n, 0, 1000);
    world_settle();
    world.agents[2].is_full = true;
    for (unsigned i = 0; i < 300; i++) {
        world_publish(FLASH_REPORT, "", 200);
        loop_turn(world.loop, 0);
        for (unsigned n = 0; n < 4; n++)
            if (n != 2)
                agent_acknowledge(n);
    }
    world_settle();
    assert_int_equal(world.agents[0].count, 300);
    assert_int_equal(world.agents[1].count, 300);
    assert_int_equal(world.agents[2].count, 0);
    assert_int_equal(world.agents[3].count, 300);
}

static void the_ring_is_bounded_in_bytes_and_rows(void **state)
{
    struct egress_counters n;

    (void)state;
    agent_subscribe_all(0, 0, 0);
    for (unsigned i = 0; i < 300; i++)
        world_publish(FLASH_REPORT, "", 60000);
    egress_counters(world.egress, &n);
    assert_true(n.recent_bytes <= 8u << 20);
    for (unsigned i = 0; i < 5000; i++)
        world_publish(FLASH_REPORT, "", 10);
    egress_counters(world.egress, &n);
    assert_true(n.recent_rows <= 4096 && n.recent_rows > 4000);
}

static void a_session_that_is_gone_takes_its_listeners_along(void **state)
{
    struct egress_counters n;

    (void)state;
    agent_subscribe_all(0, 0, 10);
    agent_subscribe_all(1, 0, 10);
    world_settle();
    world.agents[0].is_gone = true;
    world_publish(FLASH_REPORT, "", 50);
    world_settle();
    assert_true(world.agents[0].is_lost);
    assert_int_equal(world.want_count, 1);
    egress_counters(world.egress, &n);
    assert_int_equal(n.listeners, 1);
    assert_int_equal(world.agents[1].count, 1);
}

static void a_page_on_its_way_is_cancelled_with_its_listener(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        world_append(FLASH_REPORT, "", 50, false);
    agent_subscribe_all(0, 0, 10);
    loop_turn(world.loop, 0);
    assert_non_null(world.reads[0].arg);
    egress_session_gone(world.egress, world.agents[0].session);
    assert_null(world.reads[0].arg);
}

static void expired_is_history_but_never_live(void **state)
{
    (void)state;
    world_append(FLASH_REPORT, "", 50, true);
    agent_subscribe_all(0, 0, 10);
    world_settle();
    assert_int_equal(world.agents[0].count, 1);
    world_append(FLASH_REPORT, "", 50, true);
    route_row(world.head);
    world_publish(FLASH_REPORT, "", 50);
    world_settle();
    assert_int_equal(world.agents[0].count, 2);
    assert_int_equal(world.agents[0].got[1], 3);
}

static void expired_is_skipped_by_one_who_was_slow_too(void **state)
{
    (void)state;
    agent_subscribe_all(0, 0, 1);
    world_settle();
    world_publish(FLASH_REPORT, "", 50);
    world_publish(FLASH_REPORT, "", 50); /* no credit: behind from here */
    world_append(FLASH_REPORT, "", 50, true);
    route_row(world.head);
    agent_give_credit(0, 10);
    world_settle();
    assert_int_equal(world.agents[0].count, 2);
    assert_false(world.agents[0].history[1]);
}

static void append_until(int64_t not_after_us)
{
    world_append(FLASH_REPORT, "", 50, false);
    world.log[world.head].not_after_us = not_after_us;
    route_row(world.head);
}

static void what_is_over_when_there_is_room_for_it_comes_as_history(void **state)
{
    (void)state;
    agent_subscribe_all(0, 0, 1);
    world_settle();
    append_until(FAKE_UTC_US + 5000000);
    append_until(FAKE_UTC_US + 5000000); /* no credit: behind from here, in the ring */
    append_until(FAKE_UTC_US + 3600000000);
    world_settle();
    assert_false(world.agents[0].history[0]);
    fake_advance(world.loop, 5000);
    agent_give_credit(0, 10);
    world_settle();
    assert_int_equal(world.agents[0].count, 3);
    assert_true(world.agents[0].history[1]);
    assert_false(world.agents[0].history[2]);
}

static void reaching_the_head_is_told_and_idleness_too(void **state)
{
    static const char *const patterns[] = {"actual.resource.**"};
    uint64_t after = 0;

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        world_append(OBSERVATIONS, "", 50, false);
    agent_subscribe_to(0, patterns, 1, &after, 0, 10);
    world_settle();
    assert_int_equal(world.agents[0].horizons, 1);
    assert_int_equal(world.agents[0].horizon, 10);
    world_publish(OBSERVATIONS, "", 50);
    world_settle();
    assert_int_equal(world.agents[0].horizons, 1);
    fake_advance(world.loop, 5001);
    world_settle();
    assert_int_equal(world.agents[0].horizons, 2);
    assert_int_equal(world.agents[0].horizon, 11);
    fake_advance(world.loop, 5001);
    world_settle();
    assert_int_equal(world.agents[0].horizons, 2); /* nothing new to tell */
}

static void a_start_beyond_the_head_is_refused(void **state)
{
    (void)state;
    world_append(FLASH_REPORT, "", 50, false);
    agent_subscribe_all(0, 1, 10);
    agent_subscribe_all(1, 2, 10);
    world_settle();
    assert_true(world.agents[0].subscribed);
    assert_string_equal(world.agents[1].fault, ""); /* another broker may have been faster */
    fake_advance(world.loop, 3500);
    world_settle();
    assert_false(world.agents[1].subscribed);
    assert_string_equal(world.agents[1].fault, "range");
    assert_int_equal(world.want_count, 1);
}

static void another_log_epoch_is_refused(void **state)
{
    static const char *const patterns[] = {"**"};
    uint64_t after = 0;

    (void)state;
    agent_subscribe_to(0, patterns, 1, &after, WORLD_EPOCH - 1, 10);
    assert_string_equal(world.agents[0].fault, "epoch");
    agent_subscribe_to(1, patterns, 1, &after, WORLD_EPOCH, 10);
    assert_true(world.agents[1].subscribed);
}

static void who_has_heard_of_a_newer_log_waits_until_this_broker_has(void **state)
{
    static const char *const patterns[] = {"**"};
    uint64_t after = 0;

    (void)state;
    agent_subscribe_to(0, patterns, 1, &after, WORLD_EPOCH + 1, 10);
    world_settle();
    assert_false(world.agents[0].subscribed);
    assert_string_equal(world.agents[0].fault, "");
    world.log_epoch = WORLD_EPOCH + 1;
    egress_store_here(world.egress); /* everybody begins anew, it too */
    assert_string_equal(world.agents[0].fault, "epoch");
}

static void bad_and_forbidden_patterns_are_refused(void **state)
{
    static const char *const bad[] = {"actual.report"}, *const denied[] = {"system.**"};
    struct egress_counters n;

    (void)state;
    agent_subscribe_to(0, bad, 1, NULL, 0, 10);
    assert_string_equal(world.agents[0].fault, "pattern");
    agent_subscribe_to(1, denied, 1, NULL, 0, 10);
    assert_string_equal(world.agents[1].fault, "denied");
    egress_counters(world.egress, &n);
    assert_int_equal(n.refused, 1);
    assert_int_equal(world.want_count, 0);
}

static void a_number_in_use_is_refused_and_the_first_listener_stays(void **state)
{
    (void)state;
    agent_subscribe_all(0, 0, 10);
    agent_subscribe_all(0, 0, 10);
    assert_string_equal(world.agents[0].fault, "subscription");
    world.agents[0].credit -= 10;
    world_publish(FLASH_REPORT, "", 50);
    world_settle();
    assert_int_equal(world.agents[0].count, 1);
}

static void who_subscribes_before_the_log_is_known_waits_for_it(void **state)
{
    (void)state;
    world.log_epoch = 0;
    agent_subscribe_all(0, 0, 10);
    world_settle();
    assert_false(world.agents[0].subscribed);
    world.log_epoch = WORLD_EPOCH;
    world_append(FLASH_REPORT, "", 50, false);
    egress_store_here(world.egress);
    world_settle();
    assert_true(world.agents[0].subscribed);
    assert_int_equal(world.agents[0].count, 1);
}

static void a_place_of_another_epoch_is_refused_when_the_log_is_known(void **state)
{
    static const char *const patterns[] = {"**"};
    uint64_t after = 0;

    (void)state;
    world.log_epoch = 0;
    agent_subscribe_to(0, patterns, 1, &after, WORLD_EPOCH - 1, 10);
    world_settle();
    assert_string_equal(world.agents[0].fault, "");
    world.log_epoch = WORLD_EPOCH;
    egress_store_here(world.egress);
    assert_string_equal(world.agents[0].fault, "epoch");
    assert_false(world.agents[0].subscribed);
    assert_int_equal(world.want_count, 0);
}

static void history_waits_for_the_database_and_goes_on(void **state)
{
    (void)state;
    world.store_away = true;
    for (unsigned i = 0; i < 10; i++)
        world_append(FLASH_REPORT, "", 50, false);
    agent_subscribe_all(0, 0, 10);
    world_settle();
    assert_int_equal(world.agents[0].count, 0);
    world.store_away = false;
    egress_store_here(world.egress);
    world_settle();
    assert_int_equal(world.agents[0].count, 10);
}

static void a_new_log_epoch_ends_every_listener(void **state)
{
    struct egress_counters n;

    (void)state;
    world_append(FLASH_REPORT, "", 50, false);
    agent_subscribe_all(0, 0, 10);
    world_settle();
    world.log_epoch = WORLD_EPOCH + 1;
    egress_store_here(world.egress);
    assert_string_equal(world.agents[0].fault, "epoch");
    egress_counters(world.egress, &n);
    assert_int_equal(n.listeners, 0);
}

static void a_message_of_a_new_log_epoch_ends_every_listener_too(void **state)
{
    (void)state;
    world_publish(FLASH_REPORT, "", 50);
    agent_subscribe_all(0, 0, 10);
    world_settle();
    world.log_epoch = WORLD_EPOCH + 1;
    world_publish(FLASH_REPORT, "", 50);
    world_settle();
    assert_string_equal(world.agents[0].fault, "epoch");
    assert_int_equal(world.agents[0].count, 1);
}

static void a_gap_in_the_numbers_is_filled_from_the_log(void **state)
{
    (void)state;
    agent_subscribe_all(0, 0, 10);
    world_settle();
    world_publish(FLASH_REPORT, "", 50);
    world_append(FLASH_REPORT, "", 50, false); /* 2 is never routed */
    world_publish(FLASH_REPORT, "", 50);
    world_settle();
    assert_int_equal(world.agents[0].count, 3);
}

static void creation_survives_any_allocation_that_fails(void **state)
{
    struct egress_settings set = {.loop = world.loop, .page_rows = 1, .listeners_max = 1};
    struct egress *e = NULL;

    (void)state;
    for (unsigned long n = 1; !e; n++) {
        enum status st;

        assert_true(n < 100);
        mem_fail_at(n);
        st = egress_create(&e, &set, &fake_exits);
        mem_fail_at(0);
        assert_true(st == ST_OK || st == ST_NOMEM);
    }
    egress_destroy(e);
}

static void a_subscription_survives_any_allocation_that_fails(void **state)
{
    struct egress_counters n = {0};

    (void)state;
    world_append(FLASH_REPORT, "", 50, false);
    for (unsigned long k = 1; !world.agents[0].subscribed; k++) {
        assert_true(k < 100);
        mem_fail_at(k);
        agent_subscribe_all(0, 0, 1);
        loop_turn(world.loop, 0);
        mem_fail_at(0);
        if (!world.agents[0].subscribed)
            egress_session_gone(world.egress, world.agents[0].session);
    }
    world.agents[0].credit = 1;
    for (unsigned i = 0; i < 8; i++) {
        fake_advance(world.loop, 300);
        world_settle();
    }
    egress_counters(world.egress, &n);
    assert_int_equal(n.listeners, 1);
    assert_int_equal(world.agents[0].count, 1);
}

/* --- warn first ------------------------------------------------------------------------------- */

static void a_warning_needs_no_credit_and_changes_neither_cursor_nor_previous(void **state)
{
    (void)state;
    agent_subscribe_all(0, 0, 1);
    world_settle();
    world_publish(FLASH_REPORT, "", 50); /* gathered, and not sent yet */
    world_warn(300);
    assert_int_equal(world.agents[0].warnings, 1); /* before the end of the turn */
    assert_int_equal(world.agents[0].count, 0);
    world_settle();
    world_warn(300);
    assert_int_equal(world.agents[0].warnings, 2);
    world_publish(FLASH_REPORT, "", 300); /* stored, but there is no credit */
    world_settle();
    assert_int_equal(world.agents[0].count, 1);
    agent_give_credit(0, 5);
    world_settle();
    assert_int_equal(world.agents[0].count, 2); /* check_delivery looks at previous */
    assert_int_equal(world.agents[0].got[1], 2);
}

/* For rights that are too old. */
static void while_it_is_closed_only_warnings_pass_and_nothing_is_lost(void **state)
{
    (void)state;
    agent_subscribe_all(0, 0, 100);
    world_settle();
    egress_close(world.egress, true);
    for (unsigned i = 0; i < 30; i++)
        world_publish(FLASH_REPORT, "3505203", 100);
    agent_subscribe_all(1, 0, 100); /* comes meanwhile */
    world_settle();
    world_warn(100);
    assert_int_equal(world.agents[0].count, 0);
    assert_int_equal(world.agents[0].warnings, 1);
    assert_int_equal(world.agents[1].count, 0);
    assert_int_equal(world.agents[1].warnings, 1);
    egress_close(world.egress, false);
    world_settle();
    assert_int_equal(world.agents[0].count, 30);
    assert_int_equal(world.agents[1].count, 30);
}

static void a_siren_is_never_closed_for_what_orders_it(void **state)
{
    static const char *const siren[] = {"*.sensor.siren_command.**",
                                        "actual.*.siren_command.3505000.*"};
    static const char *const more[] = {"*.sensor.siren_command.**", "*.sensor.sensor_control.**"};
    uint64_t start = 0;

    (void)state;
    world_append(SIREN_COMMAND, "3505203", 100, false); /* history is no other way */
    egress_close(world.egress, true);
    agent_subscribe_to(0, siren, 2, &start, 0, 100);
    agent_subscribe_to(1, more, 2, &start, 0, 100);
    world_settle();
    assert_int_equal(world.agents[0].count, 1);
    world_publish(FLASH_REPORT, "3505203", 100);
    world_publish(SIREN_COMMAND, "3505203", 100);
    world_settle();
    assert_int_equal(world.agents[0].count, 2);
    assert_int_equal(world.agents[0].got[1], 3);
    assert_int_equal(world.agents[1].count, 0); /* it may hear more than commands of sirens */
    egress_close(world.egress, false);
    world_settle();
    assert_int_equal(world.agents[0].count, 2);
    assert_int_equal(world.agents[1].count, 2);
}

static void one_that_is_behind_or_waits_for_the_log_is_warned_too(void **state)
{
    struct egress_counters n;

    (void)state;
    for (unsigned i = 0; i < 200; i++)
        world_append(FLASH_REPORT, "3505203", 100, false);
    world.store_away = true;
    agent_subscribe_all(0, 0, 1000);
    loop_turn(world.loop, 0);
    egress_counters(world.egress, &n);
    assert_int_equal(n.behind, 1);
    world_warn(100);
    assert_int_equal(world.agents[0].warnings, 1);
    world.store_away = false;
    egress_store_here(world.egress);
    world_settle();
    while (world.agents[0].count < 200) {
        agent_acknowledge(0);
        world_settle();
    }
}

static void sixteen_warnings_may_be_unacknowledged_and_the_rest_is_counted(void **state)
{
    struct egress_counters n;

    (void)state;
    agent_subscribe_all(0, 0, 1000);
    agent_subscribe_all(1, 0, 1000);
    world_settle();
    for (unsigned i = 0; i < 20; i++) {
        world_warn(1000);
        agent_acknowledge(1);
    }
    assert_int_equal(world.agents[0].warnings, 16);
    assert_int_equal(world.agents[1].warnings, 20);
    egress_counters(world.egress, &n);
    assert_int_equal(n.provisional, 36);
    assert_int_equal(n.provisional_skipped, 4);
    agent_acknowledge(0); /* those that waited for room */
    assert_int_equal(world.agents[0].warnings, 20);
    world_warn(1000);
    assert_int_equal(world.agents[0].warnings, 21);
}

static void who_comes_later_is_warned_of_what_still_stands(void **state)
{
    struct egress_counters n;

    (void)state;
    world.store_away = true;
    world.log_epoch = 0; /* a broker that never saw the log: nobody hears Subscribed */
    agent_subscribe_all(0, 0, 0);
    world_warn(100);
    world_warn(200);
    agent_subscribe_all(1, 0, 0);
    assert_int_equal(world.agents[1].warnings, 2);
    assert_int_equal(world.agents[0].warnings, 2); /* once */
    world_warn(300);
    assert_int_equal(world.agents[1].warnings, 3);
    egress_counters(world.egress, &n);
    assert_int_equal(n.provisional, 6);
    assert_int_equal(n.provisional_late, 2);
    assert_int_equal(n.provisional_skipped, 0);
    world_settle_warnings();
    agent_subscribe_all(2, 0, 0);
    assert_int_equal(world.agents[2].warnings, 0);
}

static void a_newcomer_hears_only_what_it_would_have_heard_at_once(void **state)
{
    static const char *const others[] = {"*.resource.**"}, *const alarms[] = {"*.*.*.-.*", "**"};
    static const Eocbus__V1__Lane bulk[] = {EOCBUS__V1__LANE__LANE_BULK};
    uint64_t after = 0;

    (void)state;
    world_warn(100);
    agent_subscribe_to(0, others, 1, &after, 0, 10);
    agent_subscribe_to(1, alarms, 2, &after, 0, 10);
    world.lanes = bulk;
    world.lane_count = 1;
    agent_subscribe_all(2, 0, 10);
    world.lanes = NULL;
    world.lane_count = 0;
    world_let("1 everyone allow hear resource.* any INTERNAL - 0 0");
    agent_subscribe_all(3, 0, 10);
    assert_int_equal(world.agents[0].warnings, 0);
    assert_int_equal(world.agents[1].warnings, 1); /* though two patterns match */
    assert_int_equal(world.agents[2].warnings, 0);
    assert_int_equal(world.agents[3].warnings, 0);
}

static void a_newcomer_hears_sixteen_and_the_others_as_it_takes_them(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++)
        world_warn(100);
    agent_subscribe_all(0, 0, 0);
    assert_int_equal(world.agents[0].warnings, 16);
    world_warn(100); /* comes behind them */
    world_settle();
    assert_int_equal(world.agents[0].warnings, 16);
    agent_acknowledge(0);
    assert_int_equal(world.agents[0].warnings, 32);
    agent_acknowledge(0);
    assert_int_equal(world.agents[0].warnings, 41);
}

static void a_newcomer_whose_socket_is_full_is_warned_when_it_has_room(void **state)
{
    (void)state;
    world_warn(100);
    agent_subscribe_all(0, 0, 0);
    agent_subscribe_all(1, 0, 0);
    world.agents[0].is_full = world.agents[1].is_full = true;
    world_warn(100);
    world.agents[0].is_full = false;
    egress_writable(world.egress);
    assert_int_equal(world.agents[0].warnings, 2);
    world.agents[1].is_full = false;
    fake_advance(world.loop, 300); /* though nobody said `writable` */
    loop_turn(world.loop, 0);
    assert_int_equal(world.agents[1].warnings, 2);
}

static void a_warning_meets_full_and_dead_sockets_without_harm(void **state)
{
    struct egress_counters n;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        agent_subscribe_all(i, 0, 1000);
    world_settle();
    world.agents[0].is_full = world.agents[1].is_gone = true;
    world_warn(100);
    world.agents[0].is_full = false;
    world_warn(100); /* it has room, though `writable` was not said yet */
    world_settle();
    assert_int_equal(world.agents[0].warnings, 2);
    assert_true(world.agents[1].is_lost);
    assert_int_equal(world.agents[2].warnings, 2);
    egress_counters(world.egress, &n);
    assert_int_equal(n.provisional_skipped, 3);
    egress_writable(world.egress);
    world_publish(FLASH_REPORT, "", 50);
    world_settle();
    assert_int_equal(world.agents[0].count, 1);
}

static void a_withdrawal_goes_to_everybody_whatever_their_room(void **state)
{
    struct egress_counters n;

    (void)state;
    agent_subscribe_all(0, 0, 0);
    world_settle();
    for (unsigned i = 0; i < 17; i++)
        world_warn(100);
    world_withdraw();
    assert_int_equal(world.agents[0].withdrawals, 1);
    egress_counters(world.egress, &n);
    assert_int_equal(n.withdrawn, 1);
}

static void a_warning_survives_any_allocation_that_fails(void **state)
{
    (void)state;
    agent_subscribe_all(0, 0, 0);
    world_settle();
    for (unsigned long k = 1; !world.agents[0].warnings; k++) {
        assert_true(k < 20);
        mem_fail_at(k);
        world_warn(100);
        mem_fail_at(0);
        world_settle_warnings(); /* nothing stands for the next round */
    }
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(history_comes_before_live),
        IN_WORLD(from_now_begins_behind_the_head),
        IN_WORLD(live_messages_of_one_turn_leave_in_one_frame),
        IN_WORLD(a_thin_link_gets_small_frames_and_few_of_them),
        IN_WORLD(a_thin_link_hears_the_horizon_rarely),
        IN_WORLD(without_credit_nothing_is_sent_and_nothing_is_lost),
        IN_WORLD(unacknowledged_bytes_stay_within_the_window),
        IN_WORLD(a_full_socket_rewinds_and_goes_on_when_writable),
        IN_WORLD(one_that_does_not_read_blocks_nobody),
        IN_WORLD(the_ring_is_bounded_in_bytes_and_rows),
        IN_WORLD(a_session_that_is_gone_takes_its_listeners_along),
        IN_WORLD(a_page_on_its_way_is_cancelled_with_its_listener),
        IN_WORLD(expired_is_history_but_never_live),
        IN_WORLD(expired_is_skipped_by_one_who_was_slow_too),
        IN_WORLD(what_is_over_when_there_is_room_for_it_comes_as_history),
        IN_WORLD(reaching_the_head_is_told_and_idleness_too),
        IN_WORLD(a_start_beyond_the_head_is_refused),
        IN_WORLD(another_log_epoch_is_refused),
        IN_WORLD(who_has_heard_of_a_newer_log_waits_until_this_broker_has),
        IN_WORLD(bad_and_forbidden_patterns_are_refused),
        IN_WORLD(a_number_in_use_is_refused_and_the_first_listener_stays),
        IN_WORLD(who_subscribes_before_the_log_is_known_waits_for_it),
        IN_WORLD(history_waits_for_the_database_and_goes_on),
        IN_WORLD(a_place_of_another_epoch_is_refused_when_the_log_is_known),
        IN_WORLD(a_new_log_epoch_ends_every_listener),
        IN_WORLD(a_message_of_a_new_log_epoch_ends_every_listener_too),
        IN_WORLD(a_gap_in_the_numbers_is_filled_from_the_log),
        IN_WORLD(a_warning_needs_no_credit_and_changes_neither_cursor_nor_previous),
        IN_WORLD(while_it_is_closed_only_warnings_pass_and_nothing_is_lost),
        IN_WORLD(a_siren_is_never_closed_for_what_orders_it),
        IN_WORLD(one_that_is_behind_or_waits_for_the_log_is_warned_too),
        IN_WORLD(sixteen_warnings_may_be_unacknowledged_and_the_rest_is_counted),
        IN_WORLD(who_comes_later_is_warned_of_what_still_stands),
        IN_WORLD(a_newcomer_hears_only_what_it_would_have_heard_at_once),
        IN_WORLD(a_newcomer_hears_sixteen_and_the_others_as_it_takes_them),
        IN_WORLD(a_newcomer_whose_socket_is_full_is_warned_when_it_has_room),
        IN_WORLD(a_warning_meets_full_and_dead_sockets_without_harm),
        IN_WORLD(a_withdrawal_goes_to_everybody_whatever_their_room),
        IN_WORLD(a_warning_survives_any_allocation_that_fails),
        IN_WORLD(creation_survives_any_allocation_that_fails),
        IN_WORLD(a_subscription_survives_any_allocation_that_fails),
    };

    return cmocka_run_group_tests_name("egress", tests, NULL, NULL);
}
