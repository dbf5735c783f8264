#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agents/sensor/siren/relay.h"
#include "tests/lib/patience.h"

#define PATTERN(w) EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_##w

static struct {
    struct loop *loop;
    struct siren_driver *driver;
    bool is_on, is_broken, is_closed;
    unsigned answers, changes;
    char code[SIREN_CODE];
} w;

static bool set_line(void *arg, bool on)
{
    (void)arg;
    w.changes += w.is_on != on;
    w.is_on = on && !w.is_broken;
    return !w.is_broken;
}

static bool is_there(void *arg)
{
    (void)arg;
    return !w.is_broken;
}

static void close_line(void *arg)
{
    (void)arg;
    w.is_closed = true;
}

static void on_answered(void *arg, const struct siren_answer *a)
{
    (void)arg;
    w.answers++;
    assert_int_equal(a->done, !*a->code);
    snprintf(w.code, sizeof(w.code), "%s", a->code);
}

static int begin(void **state)
{
    const struct relay_line line = {NULL, set_line, is_there, close_line};
    struct siren_driver_settings set = {.answered = on_answered};

    (void)state;
    memset(&w, 0, sizeof(w));
    assert_int_equal(loop_create(&w.loop), ST_OK);
    set.loop = w.loop;
    assert_int_equal(relay_create(&w.driver, &set, &line, 20, 30), ST_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    siren_driver_destroy(w.driver);
    assert_true(w.is_closed);
    assert_false(w.is_on);
    loop_destroy(w.loop);
    return 0;
}

static void drive(enum siren_verb verb, Eocbus__V1__SirenPattern pattern)
{
    const struct siren_wish wish = {.verb = verb, .pattern = pattern, .duration_s = 1};

    w.driver->drive(w.driver, &wish);
}

/* Turns the loop until the line changed so often, or went off for good at the end of the sound. */
static void wait_for_changes(unsigned wanted)
{
    uint64_t until = loop_exact_us(w.loop) + PATIENCE * UINT64_C(60000000);

    while (w.changes < wanted) {
        assert_true(loop_exact_us(w.loop) < until);
        loop_turn(w.loop, 10);
    }
}

static void evacuate_wails_and_ends_by_itself(void **state)
{
    uint64_t began_us = loop_exact_us(w.loop), until;

    (void)state;
    drive(SIREN_ON, PATTERN(EVACUATE));
    assert_int_equal(w.answers, 1);
    assert_string_equal(w.code, "");
    assert_true(w.is_on);
    wait_for_changes(4);
    /* It is over when nothing waits for the timer any more: then the loop has nothing to do. */
    until = began_us + PATIENCE * UINT64_C(60000000);
    loop_run(w.loop);
    assert_true(loop_exact_us(w.loop) < until);
    assert_true(loop_exact_us(w.loop) >= began_us + 1000000);
    assert_false(w.is_on);
}

static void attention_is_steady_until_off(void **state)
{
    (void)state;
    drive(SIREN_ON, PATTERN(ATTENTION));
    for (int i = 0; i < 5; i++)
        loop_turn(w.loop, 20);
    assert_int_equal(w.changes, 1);
    drive(SIREN_OFF, 0);
    assert_int_equal(w.answers, 2);
    assert_false(w.is_on);
    loop_run(w.loop); /* nothing waits */
    assert_int_equal(w.changes, 2);
}

static void what_it_cannot_do_is_a_failure(void **state)
{
    (void)state;
    drive(SIREN_ON, PATTERN(VOICE));
    assert_string_equal(w.code, "no_voice");
    assert_false(w.is_on);
    drive(SIREN_TEST, 0);
    assert_string_equal(w.code, "");
    w.is_broken = true;
    drive(SIREN_TEST, 0);
    assert_string_equal(w.code, "no_line");
    drive(SIREN_ON, PATTERN(EVACUATE));
    assert_string_equal(w.code, "no_line");
    drive(SIREN_OFF, 0);
    assert_string_equal(w.code, "no_line");
    assert_int_equal(w.answers, 5);
}

static char published[300];

static enum status publish(void *arg, const char *topic, const void *bytes, size_t len)
{
    (void)arg;
    snprintf(published, sizeof(published), "%s %.*s", topic, (int)len, (const char *)bytes);
    return w.is_broken ? ST_CLOSED : ST_OK;
}

static void a_topic_is_told_in_json_and_a_broker_that_is_away_is_a_failure(void **state)
{
    const struct siren_driver_settings set = {
        .line = "mqtt gusar/siren", .publish = publish, .answered = on_answered};
    struct siren_driver *relay = w.driver;
    char err[300];

    (void)state;
    assert_int_equal(siren_driver_create(&w.driver, &set, err, sizeof(err)), ST_OK);
    drive(SIREN_ON, PATTERN(EVACUATE));
    assert_string_equal(published, "gusar/siren {\"action\":\"on\",\"pattern\":\"evacuate\","
                                   "\"seconds\":1,\"recording\":0}");
    assert_string_equal(w.code, "");
    w.is_broken = true;
    drive(SIREN_OFF, 0);
    assert_string_equal(published, "gusar/siren {\"action\":\"off\"}");
    assert_string_equal(w.code, "no_mqtt");
    siren_driver_destroy(w.driver);
    w.driver = relay;
    w.is_broken = false;
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        T(evacuate_wails_and_ends_by_itself),
        T(attention_is_steady_until_off),
        T(what_it_cannot_do_is_a_failure),
        T(a_topic_is_told_in_json_and_a_broker_that_is_away_is_a_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
