/* ids_test - UUIDv7 and times, both directions, both sides of each edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/base/ids.h"
#include "proto/base/mem.h"

static const uint8_t ones[10] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255};

/* The example of RFC 9562, A.6. */
static void the_example_of_the_rfc_comes_out(void **state)
{
    static const uint8_t random[10] = {0xfc, 0xc3, 0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
    uint8_t id[ID_BYTES], back[ID_BYTES];
    char text[ID_TEXT];

    (void)state;
    id_make(id, INT64_C(1645557742000000), random);
    id_format(text, id);
    assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    assert_true(id_parse(back, "017F22E2-79B0-7CC3-98C4-DC0C0C07398F"));
    assert_memory_equal(back, id, ID_BYTES);
}

static void version_and_variant_stand_whatever_the_randomness(void **state)
{
    static const uint8_t zeros[10];
    uint8_t id[ID_BYTES];

    (void)state;
    id_make(id, 0, ones);
    assert_int_equal(id[6], 0x7f);
    assert_int_equal(id[8], 0xbf);
    id_make(id, -5, zeros);
    assert_int_equal(id[6], 0x70);
    assert_int_equal(id[8], 0x80);
    assert_int_equal(id[0] | id[5], 0);
}

static void later_ids_sort_behind_earlier_ones(void **state)
{
    static const uint8_t zeros[10];
    uint8_t early[ID_BYTES], late[ID_BYTES];

    (void)state;
    id_make(early, INT64_C(1778787791482000), ones);
    id_make(late, INT64_C(1778787791483000), zeros);
    assert_true(memcmp(early, late, ID_BYTES) < 0);
}

static void what_is_no_id_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "017f22e2",
        "017f22e279b07cc398c4dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2_79b0-7cc3-98c4-dc0c0c07398f",
        " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
    };
    uint8_t id[ID_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(id_parse(id, bad[i]));
}

static const struct {
    int64_t us;
    const char *text;
} times[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {-1000, "1969-12-31T23:59:59.999Z"},
    {INT64_C(1778788991482000), "2026-05-14T20:03:11.482Z"},
    {INT64_C(951782400000000), "2000-02-29T00:00:00.000Z"},
    {INT64_C(2147483648000000), "2038-01-19T03:14:08.000Z"},
    {INT64_C(4107542399999000), "2100-02-28T23:59:59.999Z"},
    {INT64_C(4107542400000000), "2100-03-01T00:00:00.000Z"},
    {INT64_C(253402300799999000), "9999-12-31T23:59:59.999Z"},
    {INT64_C(-62167219200000000), "0000-01-01T00:00:00.000Z"},
};

static void times_come_out_and_go_in_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        char text[TIME_TEXT];
        int64_t us = 1;

        time_format(text, times[i].us);
        assert_string_equal(text, times[i].text);
        assert_true(time_parse(&us, times[i].text));
        assert_true(us == times[i].us);
    }
}

static void times_beyond_the_calendar_are_shown_as_its_ends(void **state)
{
    char text[TIME_TEXT];

    (void)state;
    time_format(text, INT64_MAX);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    time_format(text, INT64_MIN);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void every_day_of_eight_centuries_goes_round(void **state)
{
    int64_t day = INT64_C(86400000000);

    (void)state;
    for (int64_t us = -150000 * day; us < 150000 * day; us += day) {
        char text[TIME_TEXT];
        int64_t back = 0;

        time_format(text, us);
        assert_true(time_parse(&back, text));
        assert_true(back == us);
    }
}

static void the_zone_the_seconds_and_the_fraction_may_vary(void **state)
{
    static const char *const same[] = {
        "2026-05-14T20:03Z",
        "2026-05-14T20:03:00Z",
        "2026-05-14T20:03:00.000000000Z",
        "2026-05-14T20:03:00.0000009Z",
        "2026-05-15T01:03:00+05:00",
        "2026-05-15T01:03+05:00",
        "2026-05-14T14:33:00.0-05:30",
    };
    int64_t us;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        assert_true(time_parse(&us, same[i]));
        assert_true(us == INT64_C(1778788980000000));
    }
    assert_true(time_parse(&us, "2026-05-14T20:03:00.123456789Z"));
    assert_true(us == INT64_C(1778788980123456));
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-05-14",
        "2026-05-14T20:03:11",
        "2026-05-14 20:03:11Z",
        "2026-05-14T20:03:11z",
        "2026-13-14T20:03:11Z",
        "2026-00-14T20:03:11Z",
        "2026-02-29T20:03:11Z",
        "2100-02-29T20:03:11Z",
        "2026-05-00T20:03:11Z",
        "2026-05-32T20:03:11Z",
        "2026-05-14T24:00:00Z",
        "2026-05-14T20:60:11Z",
        "2026-05-14T20:03:60Z",
        "2026-05-14T20:03:11.Z",
        "2026-05-14T20:03:11.1234567890Z",
        "2026-05-14T20:03:11,5Z",
        "2026-05-14T20:03:11+0500",
        "2026-05-14T20:03:11+05",
        "2026-05-14T20:03:11+24:00",
        "2026-05-14T20:03:11Z ",
        " 2026-05-14T20:03:11Z",
        "26-05-14T20:03:11Z",
        "+2026-05-14T20:03:11Z",
        "2026-5-14T20:03:11Z",
        "2026-05-14T20:03:11ZZ",
    };
    int64_t us;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (time_parse(&us, bad[i]))
            fail_msg("taken for a time: \"%s\"", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc_comes_out),
        cmocka_unit_test(version_and_variant_stand_whatever_the_randomness),
        cmocka_unit_test(later_ids_sort_behind_earlier_ones),
        cmocka_unit_test(what_is_no_id_is_refused),
        cmocka_unit_test(times_come_out_and_go_in_the_same),
        cmocka_unit_test(times_beyond_the_calendar_are_shown_as_its_ends),
        cmocka_unit_test(every_day_of_eight_centuries_goes_round),
        cmocka_unit_test(the_zone_the_seconds_and_the_fraction_may_vary),
        cmocka_unit_test(what_is_no_time_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
