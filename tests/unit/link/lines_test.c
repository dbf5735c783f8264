/* An agent with several endpoints, against brokers that the test plays: who does the work, who
 * stands by, and what happens when one falls, is mute, or comes back. */
#include "agents/link/agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/base/log.h"
#include "tests/lib/fake_broker.h"
#include "tests/lib/patience.h"

static struct loop *loop;
static struct fake_broker first, second;
static struct keys keys;
static struct agent *agent;
static char dir[64], key_file[96], outbox_path[96], err[512];

static struct {
    unsigned ups, downs, settled, messages, withdrawn;
    uint64_t seqs[64];
    char why[300]; /* of the last link that went or came */
} saw;

static void drop_line(void *arg, enum log_level level, const char *line)
{
    (void)arg, (void)level, (void)line;
}

static void on_linked(void *arg, bool up, const char *why)
{
    (void)arg;
    saw.ups += up;
    saw.downs += !up;
    snprintf(saw.why, sizeof(saw.why), "%s", why ? why : "");
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    (void)arg, (void)tag, (void)oc;
    saw.settled++;
}

static bool on_delivery(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    (void)arg, (void)m;
    saw.seqs[saw.messages++ % 64] = d->stamp->seq;
    return true;
}

static void on_withdrawn(void *arg, const Eocbus__V1__Withdrawn *w)
{
    (void)arg, (void)w;
    saw.withdrawn++;
}

static int set_up(void **state)
{
    (void)state;
    memset(&saw, 0, sizeof(saw));
    memset(&first, 0, sizeof(first));
    memset(&second, 0, sizeof(second));
    snprintf(dir, sizeof(dir), "/tmp/eocbus-lines-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(key_file, sizeof(key_file), "%s/key", dir);
    snprintf(outbox_path, sizeof(outbox_path), "%s/out", dir);
    assert_int_equal(keys_generate(&keys), ST_OK);
    assert_int_equal(keys_save(&keys, key_file, "rcst.ayni.team2", err, sizeof(err)), ST_OK);
    assert_int_equal(loop_create(&loop), ST_OK);
    fake_broker_open(&first, loop, "tcp://127.0.0.1:*");
    second.keys = first.keys;
    fake_broker_open(&second, loop, "tcp://127.0.0.1:*");
    return 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"key",     "out",      "out-wal",
                                        "out-shm", "out.lock", "out.ballast"};
    char path[160];

    (void)state;
    agent_destroy(agent);
    agent = NULL;
    if (first.port)
        fake_broker_close(&first);
    if (second.port)
        fake_broker_close(&second);
    loop_destroy(loop);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        unlink(path);
    }
    return rmdir(dir);
}

#define WAIT_FOR(condition) WAIT_UNTIL(condition, 60, loop_turn(loop, 50), "in vain")

static void start(const char *profile)
{
    static const struct agent_events events = {.linked = on_linked, .settled = on_settled};
    char *endpoints[] = {first.endpoint, second.endpoint};
    struct agent_settings set = {.name = (char *)"rcst.ayni.team2",
                                 .key_file = key_file,
                                 .broker_key = first.keys.public_z85,
                                 .outbox_path = outbox_path,
                                 .outbox_budget = 16 << 20,
                                 .link_profile = (char *)(uintptr_t)profile};

    set.endpoints.items = endpoints;
    set.endpoints.count = 2;
    if (agent_create(&agent, loop, &set, "test 0", &events, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

/* Raw: what is in a message is not the question here. */
static uint64_t put(unsigned lane)
{
    uint64_t tag;

    assert_int_equal(outbox_put_raw(agent_outbox(agent), lane, "words", 5, &tag), ST_OK);
    assert_int_equal(agent_flush(agent), ST_OK);
    return tag;
}

static uint8_t content[512];
static size_t content_len;
static uint8_t id[16] = {9, 9, 9, 9, 9, 9, 0x70, 9, 0x80};

static void make_content(Eocbus__V1__Lane lane)
{
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;

    entry.position = (char *)"duty officer";
    entry.text = (char *)"heard";
    m.lane = lane;
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.message_id.data = m.originating_id.data = id;
    m.message_id.len = m.originating_id.len = 16;
    m.schema = 1000;
    m.sender = (char *)"coes.dushanbe.duty";
    m.epoch = m.lane_seq = 1;
    m.sent_time_us = m.event_time_us = INT64_C(1790000000000000);
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m.activity_log_entry = &entry;
    content_len = eocbus__v1__envelope__pack(&m, content);
}

static void subscribe(void)
{
    static const char *const patterns[] = {"actual.**"};
    const struct agent_subscription sub = {.patterns = patterns,
                                           .pattern_count = 1,
                                           .message = on_delivery,
                                           .withdrawn = on_withdrawn};

    if (agent_subscribe(agent, &sub, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static const char *endpoint_now(void)
{
    struct agent_state st;

    agent_state(agent, &st);
    return st.linked ? st.endpoint : "";
}

static unsigned sessions_now(void)
{
    struct agent_state st;

    agent_state(agent, &st);
    return st.sessions;
}

/* --- standing by ------------------------------------------------------------------------------ */

static void the_first_endpoint_does_the_work_and_the_other_stands_by(void **state)
{
    (void)state;
    start("fiber");
    subscribe();
    put(4);
    WAIT_FOR(saw.settled == 1 && second.hellos == 1 && second.ears == 1);
    assert_string_equal(endpoint_now(), first.endpoint);
    assert_int_equal(first.items, 1);
    assert_int_equal(second.items, 0);
    assert_int_equal(first.subscribes, 1);
    assert_int_equal(second.subscribes, 0);
}

static void a_first_endpoint_that_is_gone_is_not_waited_for(void **state)
{
    (void)state;
    fake_broker_close(&first);
    start("fiber");
    put(4);
    WAIT_FOR(saw.settled == 1);
    assert_int_equal(second.items, 1);
}

static void when_the_main_line_falls_the_other_takes_over_at_once(void **state)
{
    uint64_t began, one, two;

    (void)state;
    first.no_receipts = true;
    make_content(EOCBUS__V1__LANE__LANE_ROUTINE);
    start("fiber");
    subscribe();
    one = put(4);
    two = put(4);
    WAIT_FOR(first.items == 2 && second.ears == 1 && sessions_now() == 2);
    fake_broker_deliver(&first, 3, 0, content, content_len);
    WAIT_FOR(saw.messages == 1);
    began = loop_exact_us(loop);
    fake_broker_close(&first);
    WAIT_FOR(saw.settled == 2);
    assert_true(loop_exact_us(loop) - began < PATIENCE * UINT64_C(12000000));
    assert_int_equal(second.tags[0], one);
    assert_int_equal(second.tags[1], two);
    WAIT_FOR(second.subscribes == 1);
    assert_int_equal(second.after, 3); /* behind its place */
    assert_int_equal(saw.ups, 1);
    assert_int_equal(saw.downs, 0);
}

static void a_broker_that_comes_back_stands_by(void **state)
{
    char where[64];

    (void)state;
    start("fiber");
    subscribe();
    WAIT_FOR(second.ears == 1);
    snprintf(where, sizeof(where), "%s", first.endpoint);
    fake_broker_close(&first);
    WAIT_FOR(second.subscribes == 1);
    first.ears = first.subscribes = 0;
    fake_broker_open(&first, loop, where);
    WAIT_FOR(first.ears == 1);
    put(4);
    WAIT_FOR(saw.settled == 1);
    assert_int_equal(second.items, 1); /* not back at once */
    assert_int_equal(first.subscribes, 0);
}

static void a_mute_broker_is_left_when_something_is_due_and_another_answers(void **state)
{
    uint64_t began;

    (void)state;
    start("fiber");
    put(4);
    WAIT_FOR(saw.settled == 1 && second.hellos == 1);
    first.is_silent = true;
    began = loop_exact_us(loop);
    put(4);
    WAIT_FOR(saw.settled == 2);
    assert_int_equal(second.items, 1);
    assert_true(loop_exact_us(loop) - began > 1900000); /* it was asked first */
    assert_string_equal(endpoint_now(), second.endpoint);
}

static void when_nobody_answers_it_is_our_link_and_nothing_moves(void **state)
{
    uint64_t began;

    (void)state;
    start("fiber");
    put(4);
    WAIT_FOR(saw.settled == 1 && second.hellos == 1);
    first.is_silent = second.is_silent = true;
    put(4);
    began = loop_exact_us(loop);
    WAIT_FOR(loop_exact_us(loop) - began > 4000000);
    assert_string_equal(endpoint_now(), first.endpoint);
    assert_int_equal(first.hellos, 1);
}

static void a_listener_on_a_good_link_leaves_a_stopped_broker_within_a_few_seconds(void **state)
{
    uint64_t began;

    (void)state;
    start("fiber");
    subscribe();
    WAIT_FOR(first.subscribes == 1 && second.ears == 1 && first.pings > 0);
    first.is_silent = true;
    began = loop_exact_us(loop);
    WAIT_FOR(second.subscribes == 1);
    /* Two seconds, and what a machine that stands still adds; three of its pings, after which the
     * session would be dead anyway, are fifteen. */
    assert_true(loop_exact_us(loop) - began < 12000000);
}

static void a_broker_without_its_database_is_left_for_one_that_has_it(void **state)
{
    uint64_t began;

    (void)state;
    first.busy_times = 1000000;
    first.store_away = true;
    start("fiber");
    subscribe();
    put(4);
    began = loop_exact_us(loop);
    /* One that stood still while it connected knows the other one first, and asks nobody else. */
    WAIT_FOR(first.publishes > 0 || second.items > 0);
    if (loop_exact_us(loop) - began < 500000)
        assert_int_equal(second.items, 0); /* not at once */
    WAIT_FOR(saw.settled == 1);
    assert_int_equal(second.items, 1);
    assert_string_equal(endpoint_now(), second.endpoint);
    assert_int_equal(second.subscribes, 1);
    assert_int_equal(saw.downs, 0);
}

static void a_database_that_is_away_for_everybody_moves_nobody(void **state)
{
    struct agent_state st;
    uint64_t began;

    (void)state;
    first.busy_times = second.busy_times = 1000000;
    start("fiber");
    put(4);
    WAIT_FOR(first.publishes > 0 && second.hellos == 1);
    assert_string_equal(endpoint_now(), first.endpoint);
    first.store_away = second.store_away = true; /* Welcome had said that it is here */
    began = loop_exact_us(loop);
    WAIT_FOR(loop_exact_us(loop) - began > 12000000);
    assert_string_equal(endpoint_now(), first.endpoint);
    assert_int_equal(second.publishes, 0);
    agent_state(agent, &st);
    assert_true(st.store_away);
}

static void a_thin_link_has_one_broker_at_a_time(void **state)
{
    (void)state;
    start("2g");
    put(4);
    WAIT_FOR(saw.settled == 1 && first.hellos == 2);
    assert_int_equal(second.hellos, 0);
    fake_broker_close(&first);
    put(4);
    WAIT_FOR(saw.settled == 2);
    assert_int_equal(second.items, 1);
    assert_int_equal(saw.downs, 1);
}

/* --- alarms ----------------------------------------------------------------------------------- */

static void an_alarm_goes_to_every_broker_and_the_first_receipt_settles_it(void **state)
{
    uint64_t tag;

    (void)state;
    start("fiber");
    WAIT_FOR(first.hellos == 1 && second.hellos == 1 && saw.ups == 1);
    first.no_receipts = true;
    tag = put(1);
    WAIT_FOR(saw.settled == 1);
    assert_int_equal(second.tags[0], tag);
    WAIT_FOR(first.items == 1);
    assert_int_equal(first.tags[0], tag);
    fake_broker_settle_all(&first);
    put(4);
    first.no_receipts = false;
    WAIT_FOR(saw.settled == 2);
    assert_int_equal(second.items, 1);
}

static void alarms_are_copied_in_their_order_and_again_where_they_were_turned_away(void **state)
{
    uint64_t tags[3];

    (void)state;
    start("fiber");
    WAIT_FOR(first.hellos == 1 && second.hellos == 1 && saw.ups == 1);
    first.no_receipts = second.no_receipts = true;
    second.busy_times = 1;
    for (unsigned i = 0; i < 3; i++)
        tags[i] = put(1);
    WAIT_FOR(first.items == 3 && second.items == 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(second.tags[i], tags[i]);
}

/* The first broker will throw it away with all of its session when it has heard of the epoch. */
static void what_a_broker_is_told_that_lags_behind_is_said_under_its_own_epoch(void **state)
{
    (void)state;
    first.log_epoch = 1;
    second.log_epoch = 2;
    start("fiber");
    WAIT_FOR(first.pings >= 1 && second.pings >= 1 && saw.ups == 1); /* each Welcome was read */
    put(1);
    WAIT_FOR(first.items >= 1 && second.items >= 1);
    assert_int_equal(first.spoken_under, 1);
    assert_int_equal(second.spoken_under, 2);
}

static void an_alarm_does_not_wait_behind_one_that_was_turned_away(void **state)
{
    uint64_t one, two;

    (void)state;
    fake_broker_close(&second);
    start("fiber");
    WAIT_FOR(saw.ups == 1);
    first.busy_times = 1;
    first.retry_ms = 1500;
    one = put(1);
    WAIT_FOR(first.publishes == 1);
    for (unsigned i = 0; i < 10; i++) /* it hears of it */
        loop_turn(loop, 20);
    two = put(1);
    WAIT_FOR(first.aheads == 1);
    assert_int_equal(first.items, 0);
    WAIT_FOR(saw.settled == 2); /* in their order */
    assert_int_equal(first.tags[0], one);
    assert_int_equal(first.tags[1], two);
    assert_int_equal(first.aheads, 1);
}

static void an_alarm_said_through_another_broker_is_heard_once(void **state)
{
    (void)state;
    make_content(EOCBUS__V1__LANE__LANE_FLASH);
    start("fiber");
    subscribe();
    WAIT_FOR(first.subscribes == 1 && second.ears == 1);
    fake_broker_deliver_to_ear(&second, content, content_len);
    WAIT_FOR(saw.messages == 1);
    WAIT_FOR(second.warnings_taken == 1);
    fake_broker_deliver(&first, 0, 0, content, content_len);
    fake_broker_deliver(&first, 3, 0, content, content_len);
    WAIT_FOR(first.upto == 3);
    assert_int_equal(saw.messages, 1);
}

static void an_ear_that_was_refused_asks_again_when_the_broker_said(void **state)
{
    Eocbus__V1__Fault m = EOCBUS__V1__FAULT__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    uint32_t refused;
    uint64_t began;

    (void)state;
    make_content(EOCBUS__V1__LANE__LANE_FLASH);
    start("fiber");
    subscribe();
    WAIT_FOR(first.subscribes == 1 && second.ears == 1);
    m.code = (char *)"memory";
    m.text = (char *)"too many subscriptions";
    m.retry_ms = 300;
    m.subscription = refused = second.ear;
    f.what_case = EOCBUS__V1__FRAME__WHAT_FAULT;
    f.fault = &m;
    began = loop_exact_us(loop);
    fake_broker_send(&second, &f);
    WAIT_FOR(second.ears == 2);
    assert_true(loop_exact_us(loop) - began >= 300000);
    assert_int_not_equal(second.ear, refused);
    fake_broker_deliver_to_ear(&second, content, content_len);
    WAIT_FOR(saw.messages == 1);
}

static void what_is_withdrawn_stays_withdrawn_for_copies_that_come_later(void **state)
{
    (void)state;
    make_content(EOCBUS__V1__LANE__LANE_FLASH);
    start("fiber");
    subscribe();
    WAIT_FOR(first.subscribes == 1 && second.ears == 1);
    fake_broker_deliver(&first, 0, 0, content, content_len);
    WAIT_FOR(saw.messages == 1);
    fake_broker_withdraw(&second, second.ear, "coes.dushanbe.duty", id);
    WAIT_FOR(saw.withdrawn == 1);
    fake_broker_deliver_to_ear(&second, content, content_len);
    WAIT_FOR(second.warnings_taken == 1);
    assert_int_equal(saw.messages, 1);
    fake_broker_deliver(&first, 3, 0, content, content_len); /* stored after all: news */
    WAIT_FOR(saw.messages == 2);
}

static void an_alarm_does_not_wait_for_what_a_restored_log_is_offered_again(void **state)
{
    enum { ROWS = 3000 };
    uint64_t alarm, before = 0;
    char where[64];

    (void)state;
    fake_broker_close(&second);
    first.log_epoch = 1;
    start("fiber");
    for (unsigned i = 0; i < ROWS; i++)
        assert_int_equal(outbox_put_raw(agent_outbox(agent), 4, "words", 5, &alarm), ST_OK);
    assert_int_equal(agent_flush(agent), ST_OK);
    WAIT_FOR(saw.settled == ROWS);
    snprintf(where, sizeof(where), "%s", first.endpoint);
    fake_broker_close(&first);
    WAIT_FOR(saw.downs == 1);
    first.log_epoch = 2;
    first.items = 0;
    fake_broker_open(&first, loop, where);
    WAIT_FOR(saw.ups == 2);
    alarm = put(1);
    WAIT_FOR(saw.settled == 2 * ROWS + 1);
    assert_int_equal(first.items, ROWS + 1);
    assert_int_equal(first.tags[0], alarm);
    for (unsigned i = 1; i <= ROWS; i++) {
        assert_true(first.tags[i] > before);
        before = first.tags[i];
    }
}

/* --- sessions that fight ---------------------------------------------------------------------- */

static void say_fault(struct fake_broker *b, const char *code)
{
    Eocbus__V1__Fault m = EOCBUS__V1__FAULT__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    m.code = (char *)(uintptr_t)code;
    m.text = (char *)"another session of yours took its place";
    m.retry_ms = 1;
    f.what_case = EOCBUS__V1__FRAME__WHAT_FAULT;
    f.fault = &m;
    fake_broker_send(b, &f);
}

static void two_sessions_that_take_each_others_place_do_not_fight(void **state)
{
    uint64_t began;

    (void)state;
    start("fiber");
    WAIT_FOR(first.hellos == 1 && second.hellos == 1 && saw.ups == 1);
    say_fault(&second, "sessions");
    began = loop_exact_us(loop);
    WAIT_FOR(loop_exact_us(loop) - began > 1000000);
    assert_int_equal(second.hellos, 1);
    assert_int_equal(first.hellos, 1);
}

static void a_key_that_was_revoked_says_what_to_do(void **state)
{
    (void)state;
    fake_broker_close(&second);
    start("fiber");
    WAIT_FOR(first.hellos == 1 && saw.ups == 1);
    say_fault(&first, "principal");
    WAIT_FOR(saw.downs == 1);
    assert_non_null(strstr(saw.why, "revoked or has run out; ask the centre"));
    assert_non_null(strstr(saw.why, "eocctl enrol request"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_first_endpoint_does_the_work_and_the_other_stands_by),
        T(a_first_endpoint_that_is_gone_is_not_waited_for),
        T(when_the_main_line_falls_the_other_takes_over_at_once),
        T(a_broker_that_comes_back_stands_by),
        T(a_mute_broker_is_left_when_something_is_due_and_another_answers),
        T(when_nobody_answers_it_is_our_link_and_nothing_moves),
        T(a_listener_on_a_good_link_leaves_a_stopped_broker_within_a_few_seconds),
        T(a_broker_without_its_database_is_left_for_one_that_has_it),
        T(a_database_that_is_away_for_everybody_moves_nobody),
        T(a_thin_link_has_one_broker_at_a_time),
        T(an_alarm_goes_to_every_broker_and_the_first_receipt_settles_it),
        T(alarms_are_copied_in_their_order_and_again_where_they_were_turned_away),
        T(an_alarm_does_not_wait_for_what_a_restored_log_is_offered_again),
        T(what_a_broker_is_told_that_lags_behind_is_said_under_its_own_epoch),
        T(an_alarm_does_not_wait_behind_one_that_was_turned_away),
        T(an_alarm_said_through_another_broker_is_heard_once),
        T(an_ear_that_was_refused_asks_again_when_the_broker_said),
        T(what_is_withdrawn_stays_withdrawn_for_copies_that_come_later),
        T(two_sessions_that_take_each_others_place_do_not_fight),
        T(a_key_that_was_revoked_says_what_to_do),
    };

    log_set_sink(drop_line, NULL);
    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
