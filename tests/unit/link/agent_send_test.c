/* What an agent says: publish, receipts, windows, and trouble on the way. */
#include "tests/unit/link/agent_world.h"

static void a_message_says_how_good_its_clock_is_unless_the_program_did(void **state)
{
    Eocbus__V1__ActivityLogEntry entry;
    Eocbus__V1__Envelope m;
    struct refusal why = {0};

    (void)state;
    start();
    fill(&m, &entry, ROUTINE, "one");
    assert_int_equal(agent_put(agent, &m, NULL, &why), ST_OK);
    assert_int_equal(m.clock_source, EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_NTP);
    assert_int_equal(m.clock_err_ms, 12);
    fill(&m, &entry, ROUTINE, "two");
    m.clock_source = EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_GNSS;
    assert_int_equal(agent_put(agent, &m, NULL, &why), ST_OK);
    assert_int_equal(m.clock_source, EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_GNSS);
    assert_int_equal(m.clock_err_ms, 0);
}

static void what_is_put_is_stored_and_told_after_it_is_on_disk(void **state)
{
    struct agent_state st;

    (void)state;
    saw.looks_on_disk = true;
    start();
    put(ROUTINE, "one");
    put(ROUTINE, "two");
    WAIT_FOR(saw.settled == 2 && saw.drained == 1);
    assert_int_equal(saw.stored, 2);
    assert_int_equal(saw.ups, 1);
    assert_false(saw.was_waiting_on_disk);
    assert_int_equal(broker.publishes, 1); /* one turn, one Publish */
    agent_state(agent, &st);
    assert_true(st.linked && st.sends && st.clock_known);
    assert_int_equal(st.waiting, 0);
    assert_in_range(st.clock_offset_ms + 5000, 0, 10000);
}

static void a_refused_message_is_told_with_its_reason_and_kept(void **state)
{
    struct agent_state st;

    (void)state;
    broker.refuse = "conflict";
    start();
    put(ROUTINE, "one");
    WAIT_FOR(saw.settled == 1);
    assert_false(saw.last.stored);
    agent_state(agent, &st);
    assert_int_equal(st.refused, 1);
}

static void without_receipts_everything_is_offered_again_after_a_lost_link(void **state)
{
    char where[64];

    (void)state;
    broker.no_receipts = true;
    start();
    put(ROUTINE, "one");
    put(ROUTINE, "two");
    WAIT_FOR(broker.items == 2);
    snprintf(where, sizeof(where), "%s", broker.endpoint);
    fake_broker_close(&broker);
    WAIT_FOR(saw.downs == 1);
    put(ROUTINE, "three"); /* while there is no link */
    broker.no_receipts = false;
    fake_broker_open(&broker, loop, where);
    WAIT_FOR(saw.settled == 3);
    assert_int_equal(broker.items, 5);
    assert_int_equal(broker.tags[2], broker.tags[0]);
    assert_int_equal(broker.tags[3], broker.tags[1]);
}

static void throw_a_frame_away(void)
{
    Eocbus__V1__Fault fault = EOCBUS__V1__FAULT__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    fault.code = (char *)"malformed";
    fault.text = (char *)"this frame holds nothing that an agent says to a broker";
    f.what_case = EOCBUS__V1__FRAME__WHAT_FAULT;
    f.fault = &fault;
    fake_broker_send(&broker, &f);
}

static void a_fault_about_one_frame_leaves_the_session_as_it_was(void **state)
{
    (void)state;
    start();
    put(ROUTINE, "one");
    WAIT_FOR(saw.settled == 1);
    throw_a_frame_away();
    put(ROUTINE, "two");
    WAIT_FOR(saw.settled == 2);
    assert_int_equal(broker.hellos, 1);
    assert_int_equal(saw.downs, 0);
}

static void messages_that_were_thrown_away_with_their_frame_are_offered_again(void **state)
{
    (void)state;
    broker.no_receipts = true;
    start();
    put(ROUTINE, "one");
    WAIT_FOR(broker.items == 1);
    throw_a_frame_away();
    broker.no_receipts = false;
    WAIT_FOR(saw.settled == 1);
    assert_int_equal(broker.hellos, 2);
    assert_int_equal(broker.items, 2);
}

static void a_busy_broker_gets_the_lane_again_in_order(void **state)
{
    (void)state;
    broker.busy_times = 2;
    start();
    for (unsigned i = 0; i < 5; i++)
        put(ROUTINE, "x");
    WAIT_FOR(saw.settled == 5);
    assert_int_equal(broker.items, 5);
    for (unsigned i = 1; i < 5; i++)
        assert_true(broker.tags[i] > broker.tags[i - 1]);
}

static void answer_busy(uint64_t tag)
{
    Eocbus__V1__Busy busy = EOCBUS__V1__BUSY__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    busy.n_tags = 1;
    busy.tags = &tag;
    busy.retry_ms = 10;
    busy.text = (char *)"the store's queue is full";
    f.what_case = EOCBUS__V1__FRAME__WHAT_BUSY;
    f.busy = &busy;
    fake_broker_send(&broker, &f);
}

/* On a slow line the second frame is still on its way when the first one has come back. */
static void nothing_passes_what_is_on_the_way_behind_a_busy_one(void **state)
{
    uint64_t one, two, three;

    (void)state;
    broker.no_receipts = true;
    start();
    one = put(ROUTINE, "one");
    WAIT_FOR(broker.items == 1);
    two = put(ROUTINE, "two");
    WAIT_FOR(broker.items == 2);
    answer_busy(one);
    for (unsigned i = 0; i < 5; i++)
        loop_turn(loop, 20);
    three = put(ROUTINE, "three");
    for (unsigned i = 0; i < 5; i++)
        loop_turn(loop, 20);
    assert_int_equal(broker.items, 2);
    answer_busy(two);
    WAIT_FOR(broker.items == 5);
    assert_int_equal(broker.tags[2], one);
    assert_int_equal(broker.tags[3], two);
    assert_int_equal(broker.tags[4], three);
}

static void the_window_of_the_broker_is_never_passed(void **state)
{
    (void)state;
    broker.window_items = 8;
    broker.no_receipts = true;
    start();
    for (unsigned i = 0; i < 50; i++)
        put(ROUTINE, "x");
    WAIT_FOR(broker.items == 7); /* one place is kept for an alarm */
    for (unsigned i = 0; i < 5; i++)
        loop_turn(loop, 20);
    assert_int_equal(broker.items, 7);
    broker.no_receipts = false;
    fake_broker_settle_all(&broker);
    WAIT_FOR(saw.settled == 50);
}

static char long_text[1500];
enum { THIN_ITEMS = 4 }; /* of them fill the 6,800 bytes that a 2G link has on the way */

static void a_thin_link_carries_few_bytes_but_an_alarm_passes_at_once(void **state)
{
    struct agent_settings set = settings("2g");
    uint64_t tag;

    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    broker.no_receipts = true;
    start_with(&set);
    WAIT_FOR(broker.hellos == 2 && broker.pings == 2); /* each Welcome was read */
    for (unsigned i = 0; i < 10; i++)
        put(BULK, long_text);
    WAIT_FOR(broker.items == THIN_ITEMS);
    /* raw: what is in an alarm is not the question here */
    assert_int_equal(outbox_put_raw(agent_outbox(agent), 1, "alarm", 5, &tag), ST_OK);
    WAIT_FOR(broker.items == THIN_ITEMS + 1);
    assert_int_equal(broker.tags[THIN_ITEMS], tag);
    /* On its own connection. */
    assert_memory_not_equal(&broker.from[THIN_ITEMS], &broker.from[0], sizeof(broker.from[0]));
    for (unsigned i = 0; i < 5; i++)
        loop_turn(loop, 20);
    assert_int_equal(broker.items, THIN_ITEMS + 1);
    broker.no_receipts = false;
    fake_broker_settle_all(&broker);
    WAIT_FOR(broker.items == 11);
    assert_true(broker.largest_publish <= 2048);
}

static void without_a_second_connection_an_alarm_takes_the_first(void **state)
{
    struct agent_settings set = settings("2g");
    uint64_t tag;

    (void)state;
    broker.no_receipts = true;
    start_with(&set);
    WAIT_FOR(broker.hellos == 1);
    broker.hello_fault = "sessions";
    for (unsigned i = 0; i < 10; i++)
        put(BULK, long_text);
    WAIT_FOR(broker.items == THIN_ITEMS && broker.hellos > 1);
    assert_int_equal(outbox_put_raw(agent_outbox(agent), 1, "alarm", 5, &tag), ST_OK);
    WAIT_FOR(broker.items == THIN_ITEMS + 1);
    assert_int_equal(broker.tags[THIN_ITEMS], tag);
    broker.hello_fault = NULL; /* now it stands: the alarm has no receipt, so it goes there too */
    WAIT_FOR(broker.items == THIN_ITEMS + 2);
    assert_int_equal(broker.tags[THIN_ITEMS + 1], tag);
    fake_broker_settle_all(&broker);
    broker.no_receipts = false;
    WAIT_FOR(saw.settled == 11);
}

static void an_alarm_without_a_receipt_takes_the_other_connection_too(void **state)
{
    struct agent_settings set = settings("2g");
    uint64_t tag;

    (void)state;
    broker.no_receipts = true;
    start_with(&set);
    WAIT_FOR(broker.hellos == 2);
    assert_int_equal(outbox_put_raw(agent_outbox(agent), 1, "alarm", 5, &tag), ST_OK);
    WAIT_FOR(broker.items == 1);
    WAIT_FOR(broker.items == 2);
    assert_int_equal(broker.tags[1], tag);
    assert_memory_not_equal(&broker.from[1], &broker.from[0], sizeof(broker.from[0]));
    fake_broker_settle_all(&broker);
    WAIT_FOR(saw.settled == 1);
    for (unsigned i = 0; i < 5; i++)
        loop_turn(loop, 20);
    assert_int_equal(broker.items, 2); /* once is enough */
    assert_int_equal(saw.settled, 1);
}

static void a_new_log_epoch_is_offered_everything_again(void **state)
{
    char where[64];

    (void)state;
    start();
    put(ROUTINE, "one");
    WAIT_FOR(saw.settled == 1);
    snprintf(where, sizeof(where), "%s", broker.endpoint);
    fake_broker_close(&broker);
    WAIT_FOR(saw.downs == 1);
    broker.log_epoch = 2;
    fake_broker_open(&broker, loop, where);
    WAIT_FOR(saw.settled == 2);
    assert_int_equal(saw.last.log_epoch, 2);
}

/* Said by a broker that has not heard of the new log yet, where the row may be gone. */
static void a_receipt_of_an_older_log_settles_nothing(void **state)
{
    (void)state;
    broker.no_receipts = true;
    broker.log_epoch = 2;
    start();
    put(ROUTINE, "one");
    WAIT_FOR(broker.items == 1);
    broker.log_epoch = 1;
    fake_broker_settle_all(&broker);
    for (unsigned i = 0; i < 5; i++)
        loop_turn(loop, 20);
    assert_int_equal(saw.settled, 0);
    broker.log_epoch = 2;
    fake_broker_settle_all(&broker);
    WAIT_FOR(saw.settled == 1);
    assert_int_equal(saw.last.log_epoch, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_message_says_how_good_its_clock_is_unless_the_program_did),
        T(what_is_put_is_stored_and_told_after_it_is_on_disk),
        T(a_refused_message_is_told_with_its_reason_and_kept),
        T(without_receipts_everything_is_offered_again_after_a_lost_link),
        T(a_fault_about_one_frame_leaves_the_session_as_it_was),
        T(messages_that_were_thrown_away_with_their_frame_are_offered_again),
        T(a_busy_broker_gets_the_lane_again_in_order),
        T(nothing_passes_what_is_on_the_way_behind_a_busy_one),
        T(the_window_of_the_broker_is_never_passed),
        T(a_thin_link_carries_few_bytes_but_an_alarm_passes_at_once),
        T(without_a_second_connection_an_alarm_takes_the_first),
        T(an_alarm_without_a_receipt_takes_the_other_connection_too),
        T(a_new_log_epoch_is_offered_everything_again),
        T(a_receipt_of_an_older_log_settles_nothing),
    };

    log_set_sink(catch_line, NULL);
    return cmocka_run_group_tests_name("agent_send", tests, NULL, NULL);
}
