/* pick - what a person wants of the log, as patterns, lanes and times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agents/ctl/pick.h"

#define NOW_US INT64_C(1772346600000000) /* 2026-03-01T06:30:00Z */

static char err[400];

static struct option_words words(const char *a, const char *b)
{
    return (struct option_words){.items = {a, b}, .count = !!a + !!b};
}

static void nothing_said_is_everything(void **state)
{
    struct pick p = {0};

    (void)state;
    assert_int_equal(pick_read(&p, NOW_US, err, sizeof(err)), ST_OK);
    assert_int_equal(p.count, 1);
    assert_string_equal(p.items[0], "**");
    assert_int_equal(p.lane_count + (unsigned)p.since_us + (unsigned)p.upto, 0);
}

static void every_type_is_wanted_of_every_place(void **state)
{
    struct pick p = {.types = words("flash_report", "sensor_detection"),
                     .places = words("3505203", "3505000")};

    (void)state;
    assert_int_equal(pick_read(&p, NOW_US, err, sizeof(err)), ST_OK);
    assert_int_equal(p.count, 4);
    assert_string_equal(p.items[0], "*.*.flash_report.3505000.3505203");
    assert_string_equal(p.items[1], "*.*.flash_report.3505000.*");
    assert_string_equal(p.items[3], "*.*.sensor_detection.3505000.*");
}

static void more_patterns_than_a_subscription_has_are_refused(void **state)
{
    struct pick p = {0};

    (void)state;
    p.places = p.types = (struct option_words){.count = 6};
    for (unsigned i = 0; i < 6; i++) {
        p.places.items[i] = "3505203";
        p.types.items[i] = "flash_report";
    }
    assert_int_equal(pick_read(&p, NOW_US, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, "at most 32"));
}

static void lanes_are_words(void **state)
{
    struct pick p = {.lanes = words("flash", "BULK")};

    (void)state;
    assert_int_equal(pick_read(&p, NOW_US, err, sizeof(err)), ST_OK);
    assert_int_equal(p.lane_count, 2);
    assert_int_equal(p.lane[0], 1);
    assert_int_equal(p.lane[1], 5);
}

static void times_are_dates_or_so_long_ago_and_an_end_may_be_a_number(void **state)
{
    struct pick ago = {.since = "90m", .until = "4711"};
    struct pick date = {.since = "2026-03-01T06:30:00Z", .until = "2026-03-01T06:30:01Z"};

    (void)state;
    assert_int_equal(pick_read(&ago, NOW_US, err, sizeof(err)), ST_OK);
    assert_int_equal(ago.since_us, NOW_US - INT64_C(5400000000));
    assert_int_equal(ago.upto, 4711);
    assert_int_equal(ago.until_us, 0);
    assert_int_equal(pick_read(&date, NOW_US, err, sizeof(err)), ST_OK);
    assert_int_equal(date.since_us, NOW_US);
    assert_int_equal(date.until_us, NOW_US + 1000000);
}

static void refuse(struct pick p, const char *because)
{
    assert_int_equal(pick_read(&p, NOW_US, err, sizeof(err)), ST_INVALID);
    assert_non_null(strstr(err, because));
}

static void what_is_no_word_of_ours_is_refused_with_a_sentence(void **state)
{
    (void)state;
    refuse((struct pick){.since = "yesterday"}, "--since takes a time");
    refuse((struct pick){.until = "0"}, "--until takes a time");
    refuse((struct pick){.until = "2h30"}, "--until takes a time");
    refuse((struct pick){.lanes = words("URGENT", NULL)}, "--lane takes");
    refuse((struct pick){.types = words("flood", NULL)}, "no type");
    refuse((struct pick){.places = words("Ayni", NULL)}, "no P-code");
    refuse((struct pick){.patterns = words("a..b", NULL)}, "a..b");
    refuse((struct pick){.patterns = words("**", NULL), .types = words("flash_report", NULL)},
           "one or the other");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_everything),
        cmocka_unit_test(every_type_is_wanted_of_every_place),
        cmocka_unit_test(more_patterns_than_a_subscription_has_are_refused),
        cmocka_unit_test(lanes_are_words),
        cmocka_unit_test(times_are_dates_or_so_long_ago_and_an_end_may_be_a_number),
        cmocka_unit_test(what_is_no_word_of_ours_is_refused_with_a_sentence),
    };

    return cmocka_run_group_tests_name("pick", tests, NULL, NULL);
}
