/* A command beside a program that sends: the receipts are the other's, and seen all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agents/link/speak.h"
#include "proto/base/keys.h"
#include "proto/base/ids.h"
#include "tests/lib/desk.h"

static struct desk desk;
static struct outbox *other; /* the program that sends */
static char key_path[200], endpoint[] = "tcp://127.0.0.1:1", broker_key[64];
static char *endpoints[] = {endpoint};
static unsigned told;
static bool told_stored[4];
static char told_code[32];

static int set_up(void **state)
{
    struct agent_settings *a = &desk.office.set.agent;
    const char *path;
    struct keys k;
    char err[400];

    (void)state;
    desk_open(&desk, "coes.ayni.office");
    path = desk_file(&desk, "key");
    snprintf(key_path, sizeof(key_path), "%s", path);
    assert_int_equal(keys_generate(&k), ST_OK);
    assert_int_equal(keys_save(&k, key_path, "office", err, sizeof(err)), ST_OK);
    snprintf(broker_key, sizeof(broker_key), "%s", k.public_z85);
    a->key_file = key_path;
    a->broker_key = broker_key;
    a->endpoints.items = endpoints;
    a->endpoints.count = 1;
    told = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    outbox_close(other);
    other = NULL;
    desk_close(&desk);
    return 0;
}

static void on_settled(void *arg, size_t number, const struct outbox_outcome *oc)
{
    (void)arg;
    assert_int_equal(number, told); /* in order */
    told_stored[told++] = oc->stored;
    snprintf(told_code, sizeof(told_code), "%s", oc->code ? oc->code : "");
}

static struct speak *open_speak(unsigned wait_s)
{
    const struct speak_settings set = {.agent = &desk.office.set.agent,
                                       .program = "test 1",
                                       .wait_s = wait_s,
                                       .settled = on_settled};
    struct speak *s;
    char err[400];

    assert_int_equal(speak_create(&s, &set, err, sizeof(err)), ST_OK);
    return s;
}

static void say(struct speak *s, const char *text)
{
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    struct refusal why;
    char position[] = "duty", copy[40];

    snprintf(copy, sizeof(copy), "%s", text);
    entry.position = position;
    entry.text = copy;
    m.lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    m.status = EOCBUS__V1__STATUS__STATUS_TEST;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m.activity_log_entry = &entry;
    assert_int_equal(speak_check(s, &m, &why), ST_OK);
    assert_int_equal(m.schema, 0); /* checking leaves it as it is */
    assert_int_equal(speak_put(s, &m, &why), ST_OK);
}

static void open_other(void)
{
    const struct outbox_settings set = {.path = desk.outbox,
                                        .sender = desk.office.set.agent.name,
                                        .budget_bytes = desk.office.set.agent.outbox_budget};
    char err[400];

    assert_int_equal(outbox_open(&other, &set, err, sizeof(err)), ST_OK);
    assert_int_equal(outbox_lock(other), ST_OK);
}

static bool settle_row(void *arg, const struct outbox_row *row, int state,
                       const struct outbox_outcome *oc)
{
    unsigned *n = arg;
    const struct outbox_outcome stored = {.stored = true, .log_epoch = 1, .seq = 7},
                                refused = {.code = "pcode", .path = "area", .text = "no"};

    (void)oc;
    if (state == OUTBOX_WAITING)
        assert_int_equal(outbox_settle(other, row->tag, (*n)++ ? &refused : &stored), ST_OK);
    return true;
}

/* The other program has got its receipts. */
static void on_receipts(void *arg)
{
    unsigned n = 0;

    (void)arg;
    assert_int_equal(outbox_each(other, settle_row, &n), ST_OK);
    assert_int_equal(n, 2);
    assert_int_equal(outbox_commit(other), ST_OK);
}

static void receipts_that_another_program_got_are_seen(void **state)
{
    struct loop_timer *timer;
    struct speak_result r;
    struct speak *s;

    (void)state;
    open_other();
    s = open_speak(20);
    say(s, "one");
    say(s, "two");
    assert_int_equal(speak_commit(s), ST_OK);
    assert_int_equal(loop_timer_create(&timer, speak_loop(s), on_receipts, NULL), ST_OK);
    loop_timer_start(timer, 50, 0);
    assert_int_equal(speak_wait(s, false), ST_OK);
    assert_int_equal(told, 2);
    assert_true(told_stored[0]);
    assert_false(told_stored[1]);
    assert_string_equal(told_code, "pcode");
    speak_result(s, &r);
    assert_int_equal(r.stored, 1);
    assert_int_equal(r.refused, 1);
    assert_true(r.sender_runs);
    loop_timer_destroy(timer);
    speak_destroy(s);
}

static void without_a_broker_it_says_in_time_that_it_waits(void **state)
{
    struct speak_result r;
    struct speak *s = open_speak(1);

    (void)state;
    say(s, "one");
    assert_int_equal(speak_commit(s), ST_OK);
    assert_int_equal(speak_wait(s, false), ST_AGAIN);
    speak_result(s, &r);
    assert_int_equal(r.waiting, 1);
    assert_false(r.sender_runs);
    speak_destroy(s);
    assert_int_equal(desk_count(&desk), 1);
}

static void without_waiting_nothing_but_the_outbox_is_needed(void **state)
{
    struct speak_result r;
    struct speak *s;

    (void)state;
    remove(key_path);
    s = open_speak(0);
    say(s, "one");
    assert_int_equal(speak_commit(s), ST_OK);
    speak_result(s, &r);
    assert_false(r.sender_runs);
    speak_destroy(s);
    open_other();
    s = open_speak(0);
    speak_result(s, &r);
    assert_true(r.sender_runs);
    speak_destroy(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(receipts_that_another_program_got_are_seen),
        TEST(without_a_broker_it_says_in_time_that_it_waits),
        TEST(without_waiting_nothing_but_the_outbox_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
