#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/ingress/clock.h"
#include "eocbus/v1/common.pb-c.h"

static void the_least_delayed_sample_of_a_clock_is_believed(void **state)
{
    struct clock_estimate c = {0};

    (void)state;
    assert_int_equal(clock_offset_ms(&c), 0);
    clock_sample(&c, 0, 5000000, 1);
    assert_false(c.known); /* a sender that says nothing is not at 1970 */
    clock_sample(&c, 7000000, 5000000, 1);
    clock_sample(&c, 8000000, 6500000, 2); /* half a second longer on the way */
    assert_int_equal(clock_offset_ms(&c), 2000);
    clock_sample(&c, 9000000, 6900000, 3);
    assert_int_equal(clock_offset_ms(&c), 2100);
}

static void an_old_sample_gives_way(void **state)
{
    struct clock_estimate c = {0};

    (void)state;
    clock_sample(&c, 7000000, 5000000, 0);
    clock_sample(&c, 7000000, 6000000, CLOCK_KEEP_US - 1);
    assert_int_equal(clock_offset_ms(&c), 2000);
    clock_sample(&c, 7000000, 6000000, CLOCK_KEEP_US);
    assert_int_equal(clock_offset_ms(&c), 1000);
}

static void a_clock_in_1970_does_not_overflow(void **state)
{
    struct clock_estimate c = {0};

    (void)state;
    clock_sample(&c, 1, 4102444800000000, 0);
    assert_int_equal(clock_offset_ms(&c), INT32_MIN);
    c.known = false;
    clock_sample(&c, 4102444800000000, 1, 0);
    assert_int_equal(clock_offset_ms(&c), INT32_MAX);
}

/* --- between a least and a most --------------------------------------------------------------- */

static const struct clock_claim unknown = {EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_UNSPECIFIED, 0};
static const struct clock_claim good_ntp = {EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_NTP, 100};

#define S   1000000ll
#define DAY (86400 * S)
#define UTC (1789400000 * S)

static void a_clock_ahead_is_suspect_at_once(void **state)
{
    struct clock_estimate c = {0};

    (void)state;
    assert_false(clock_is_suspect(&c, &unknown)); /* nothing is known */
    clock_sample(&c, UTC + 2 * S, UTC, 1);
    assert_false(clock_is_suspect(&c, &unknown));
    clock_sample(&c, UTC + 2 * S + 1, UTC, 1);
    assert_true(clock_is_suspect(&c, &unknown));
    assert_false(clock_is_suspect(&c, &good_ntp));
    clock_sample(&c, UTC + 2 * S + 100001, UTC, 1);
    assert_true(clock_is_suspect(&c, &good_ntp));
}

static void a_slow_link_is_no_slow_clock_until_an_answer_tells(void **state)
{
    struct clock_estimate c = {0};

    (void)state;
    clock_sample(&c, UTC - 30 * S, UTC, 1); /* half a minute behind, or under way */
    assert_false(clock_is_suspect(&c, &unknown));
    assert_true(clock_asks(&c, UTC, 100));
    assert_false(clock_asks(&c, UTC, 100 + CLOCK_ASK_US - 1));
    clock_answer(&c, UTC, UTC + 15 * S, 100); /* it reads ours, half a minute there and back */
    assert_false(clock_is_suspect(&c, &unknown));
    assert_false(clock_asks(&c, UTC + 60 * S, 100 + CLOCK_ASK_US)); /* all is clear */
}

static void a_clock_behind_is_suspect_when_its_answer_came(void **state)
{
    struct clock_estimate c = {0};

    (void)state;
    clock_sample(&c, UTC - 31 * S, UTC, 1);
    assert_true(clock_asks(&c, UTC, 100));
    clock_answer(&c, UTC + 1, UTC - 30 * S, 200); /* another question's */
    assert_false(clock_is_suspect(&c, &unknown));
    clock_answer(&c, UTC, UTC - 29 * S, 100 + 2 * S);
    assert_true(clock_is_suspect(&c, &unknown));
    assert_int_equal(clock_offset_ms(&c), -30000);
}

static void a_clock_a_year_behind_needs_no_answer(void **state)
{
    struct clock_estimate c = {0};

    (void)state;
    clock_sample(&c, UTC - 365 * DAY, UTC, 1);
    assert_true(clock_is_suspect(&c, &unknown));
    assert_true(clock_is_suspect(&c, &good_ntp));
}

static void a_clock_that_is_set_back_is_believed(void **state)
{
    struct clock_estimate c = {0};

    (void)state;
    clock_sample(&c, UTC + DAY, UTC, 1);
    clock_sample(&c, UTC, UTC, 2); /* by a day: no frame is under way so long */
    assert_false(clock_is_suspect(&c, &unknown));
    assert_int_equal(clock_offset_ms(&c), 0);
    clock_sample(&c, UTC - 10 * S, UTC, 3); /* by ten seconds: ask */
    assert_int_equal(clock_offset_ms(&c), 0);
    assert_true(clock_asks(&c, UTC, 10));
    clock_answer(&c, UTC, UTC - 10 * S + 1, 10 + S);
    assert_true(clock_is_suspect(&c, &unknown));
    assert_in_range(clock_offset_ms(&c) + 11000, 0, 1500);
}

static void a_clock_that_is_set_forward_is_believed(void **state)
{
    struct clock_estimate c = {0};

    (void)state;
    clock_sample(&c, UTC - 10 * S, UTC, 1);
    assert_true(clock_asks(&c, UTC, 2));
    clock_answer(&c, UTC, UTC - 10 * S, 2);
    assert_true(clock_is_suspect(&c, &unknown));
    clock_sample(&c, UTC, UTC, 3);
    assert_false(clock_is_suspect(&c, &unknown));
    assert_int_equal(clock_offset_ms(&c), 0);
}

static void late_is_judged_by_the_corrected_clock(void **state)
{
    struct clock_estimate c = {0};

    (void)state;
    assert_false(clock_is_late(&c, UTC, UTC + CLOCK_LATE_US));
    assert_true(clock_is_late(&c, UTC, UTC + CLOCK_LATE_US + 1));
    clock_sample(&c, UTC - DAY, UTC, 1);
    assert_false(clock_is_late(&c, UTC - DAY, UTC));
    assert_true(clock_is_late(&c, UTC - DAY, UTC + CLOCK_LATE_US + 1));
}

static void the_earlier_of_two_ends_counts(void **state)
{
    struct clock_estimate ahead = {0}, behind = {0}, near = {0};

    (void)state;
    clock_sample(&ahead, UTC + DAY, UTC, 1);
    clock_sample(&behind, UTC - DAY, UTC, 1);
    clock_sample(&near, UTC + S, UTC, 1);
    assert_int_equal(clock_not_after(&ahead, &unknown, UTC + DAY + 600 * S), UTC + 600 * S);
    assert_int_equal(clock_not_after(&behind, &unknown, UTC - DAY + 600 * S), UTC - DAY + 600 * S);
    assert_int_equal(clock_not_after(&near, &unknown, UTC), UTC); /* not worth correcting */
    assert_int_equal(clock_not_after(&ahead, &unknown, 0), 0);
    assert_int_equal(clock_not_after(&ahead, &unknown, 5), 1); /* over, not endless */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_delayed_sample_of_a_clock_is_believed),
        cmocka_unit_test(an_old_sample_gives_way),
        cmocka_unit_test(a_clock_in_1970_does_not_overflow),
        cmocka_unit_test(a_clock_ahead_is_suspect_at_once),
        cmocka_unit_test(a_slow_link_is_no_slow_clock_until_an_answer_tells),
        cmocka_unit_test(a_clock_behind_is_suspect_when_its_answer_came),
        cmocka_unit_test(a_clock_a_year_behind_needs_no_answer),
        cmocka_unit_test(a_clock_that_is_set_back_is_believed),
        cmocka_unit_test(a_clock_that_is_set_forward_is_believed),
        cmocka_unit_test(late_is_judged_by_the_corrected_clock),
        cmocka_unit_test(the_earlier_of_two_ends_counts),
    };

    return cmocka_run_group_tests_name("ingress, clock", tests, NULL, NULL);
}
