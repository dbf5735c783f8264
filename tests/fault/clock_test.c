/* Agents whose clocks are wrong, and are set while they have an outbox (faketime): order,
 * duplicates and numbers are what they always are, what they say is marked, orders are over when
 * they should be, and nothing is taken away. The programs are those without sanitizers, in BUILD
 * (default: build), since a library is put in front of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/keys.h"
#include "tests/lib/bus.h"
#include "tests/lib/run.h"

enum { EACH = 5, YEAR_S = 365 * 86400, DAY_S = 86400, VALID_S = 600 };

/* One office, one outbox; its clock as it is set one time after the other. */
static const long steps_s[] = {0, -YEAR_S, DAY_S, 0, -3600, 40, -40, 0};
enum { STEPS = sizeof(steps_s) / sizeof(steps_s[0]) };

static struct {
    struct bus *bus;
    const char *build;
    char dir[64], conf[96];
} world;

/* --- the world -------------------------------------------------------------------------------- */

static void enrol(const char *name)
{
    struct keys keys;
    char key_file[160], err[256];

    bus_enrol(world.bus, name, &keys);
    snprintf(key_file, sizeof(key_file), "%s/%s.key", world.dir, name);
    assert_int_equal(keys_save(&keys, key_file, name, err, sizeof(err)), ST_OK);
}

/* The programs speak as this principal, from this outbox. */
static void speak_as(const char *name, const char *outbox)
{
    char key_file[160], text[1000];

    snprintf(key_file, sizeof(key_file), "%s/%s.key", world.dir, name);
    snprintf(world.conf, sizeof(world.conf), "%s/%s.conf", world.dir, name);
    snprintf(text, sizeof(text),
             "name = %s\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
             "outbox.path = %s/%s.out\nlink.profile = fiber\n",
             name, key_file, bus_endpoint(world.bus), bus_broker_key(world.bus), world.dir, outbox);
    write_text_file(world.conf, text);
}

static int begin(void **state)
{
    (void)state;
    world.build = getenv("BUILD") ? getenv("BUILD") : "build";
    snprintf(world.dir, sizeof(world.dir), "/tmp/eocbus-clock-XXXXXX");
    if (!mkdtemp(world.dir))
        return -1;
    world.bus = bus_create();
    if (!bus_use_build(world.bus, world.build)) {
        print_error("no programs without sanitizers in %s: make programs first\n", world.build);
        return -1;
    }
    bus_start_broker(world.bus, NULL);
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    bus_destroy(world.bus);
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command);
}

static long ask(const char *query)
{
    return pgserver_number(bus_server(world.bus), query);
}

static void run_with(long clock_s, const char *words)
{
    char command[1024];

    snprintf(command, sizeof(command),
             "FAKETIME_DONT_FAKE_MONOTONIC=1 faketime -f '%+ld' %s/eocctl -c %s publish %s "
             ">%s/said 2>&1",
             clock_s, world.build, world.conf, words, world.dir);
    if (system(command) == 0)
        return;
    snprintf(command, sizeof(command), "cat %s/said >&2", world.dir);
    (void)!system(command);
    fail_msg("eocctl publish %s with its clock %ld s off", words, clock_s);
}

/* EACH messages, valid for VALID_S by the clock of the office, of a program that has this clock. */
static void say(long clock_s, unsigned which, unsigned wait_s)
{
    char file[160], words[256], text[4096] = "", until[32];
    time_t valid = time(NULL) + clock_s + VALID_S;
    struct tm tm;

    strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&valid, &tm));
    snprintf(file, sizeof(file), "%s/say.json", world.dir);
    for (unsigned i = 0; i < EACH; i++) {
        size_t used = strlen(text);

        snprintf(text + used, sizeof(text) - used,
                 "{\"lane\":\"LANE_ROUTINE\",\"status\":\"STATUS_ACTUAL\",\"kind\":\"KIND_REPORT\","
                 "\"label\":\"LABEL_INTERNAL\",\"not_after_us\":\"%s\",\"general_message\":{"
                 "\"to_role\":\"dispatcher\",\"from_role\":\"duty\",\"subject\":\"step %u\","
                 "\"text\":\"%u\"}}\n",
                 until, which, i);
    }
    write_text_file(file, text);
    snprintf(words, sizeof(words), "--wait %u --file %s", wait_s, file);
    run_with(clock_s, words);
}

/* --- what stays the same ---------------------------------------------------------------------- */

static void order_and_numbers_do_not_care_for_a_clock(void **state)
{
    (void)state;
    enrol("office.steps");
    speak_as("office.steps", "steps");
    for (unsigned i = 0; i < STEPS; i++)
        say(steps_s[i], i, 60);
    assert_int_equal(ask("SELECT count(*) FROM bus.message"),
                     STEPS * EACH); /* none is taken away */
    assert_int_equal(ask("SELECT count(DISTINCT message_id) FROM bus.message"), STEPS * EACH);
    assert_int_equal(ask("SELECT count(DISTINCT epoch) FROM bus.message"), 1);
    assert_int_equal(ask("SELECT count(*) FROM (SELECT lane_seq, row_number() OVER (ORDER BY seq) "
                         "AS place FROM bus.message) AS m WHERE lane_seq <> place"),
                     0);
}

/* Of messages that were said with this clock. */
static long count_of(unsigned step, const char *which)
{
    char query[256];

    snprintf(query, sizeof(query),
             "SELECT count(*) FROM eoc.message WHERE lane_seq BETWEEN %u AND %u AND (%s)",
             step * EACH + 1, (step + 1) * EACH, which);
    return ask(query);
}

static void a_wrong_clock_is_marked_and_a_right_one_is_not(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STEPS; i++) {
        print_message("measured: clock %+ld s: %ld of %d marked, %ld expired\n", steps_s[i],
                      count_of(i, "clock_suspect"), EACH, count_of(i, "expired"));
        if (steps_s[i] == 0)
            assert_int_equal(count_of(i, "clock_suspect"), 0);
        else if (steps_s[i] != -40) /* until its answer to a Ping it may be a slow line */
            assert_int_equal(count_of(i, "clock_suspect"), EACH);
        assert_int_equal(count_of(i, "late"), 0);
    }
}

static void what_was_to_be_over_is_over_by_the_earlier_clock(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STEPS; i++) {
        bool is_over_already = steps_s[i] < -VALID_S;

        assert_int_equal(count_of(i, "expired"), is_over_already ? EACH : 0);
        assert_int_equal(count_of(i, "not_after > received_at + interval '11 minutes'"), 0);
    }
}

/* The same outbox twice, as after a restored backup, by two clocks. */
static void what_is_offered_again_under_another_clock_is_stored_once(void **state)
{
    char command[400];

    (void)state;
    enrol("office.twice");
    speak_as("office.twice", "first");
    say(DAY_S, 0, 0); /* only into the outbox */
    snprintf(command, sizeof(command),
             "cd %s && for f in first.out*; do cp $f second${f#first}; done", world.dir);
    assert_int_equal(system(command), 0);
    run_with(-YEAR_S, "--drain --wait 60");
    speak_as("office.twice", "second");
    run_with(DAY_S, "--drain --wait 60");
    assert_int_equal(ask("SELECT count(*) FROM eoc.message WHERE sender = 'office.twice'"), EACH);
    assert_int_equal(ask("SELECT count(*) FROM bus.quarantine"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_numbers_do_not_care_for_a_clock),
        cmocka_unit_test(a_wrong_clock_is_marked_and_a_right_one_is_not),
        cmocka_unit_test(what_was_to_be_over_is_over_by_the_earlier_clock),
        cmocka_unit_test(what_is_offered_again_under_another_clock_is_stored_once),
    };

    return cmocka_run_group_tests_name("wrong clocks", tests, begin, end);
}
