#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agents/sensor/input/moment.h"

#define T0     INT64_C(1281200000000000)
#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define YEAR   (365 * 24 * HOUR)

static void what_is_ahead_of_a_known_clock_is_given_with_now(void **state)
{
    struct moment m = {0};

    (void)state;
    assert_int_equal(moment_of_sample(&m, T0 - HOUR, T0, true), T0 - HOUR);
    assert_int_equal(moment_of_sample(&m, T0, T0, true), T0);
    assert_int_equal(moment_of_sample(&m, T0 + MOMENT_AHEAD_US, T0, true), T0 + MOMENT_AHEAD_US);
    assert_int_equal(moment_of_sample(&m, T0 + 59 * SECOND, T0, true), T0 + MOMENT_AHEAD_US);
    assert_int_equal(moment_of_tick(&m, T0 + SECOND, true), T0 + SECOND);
}

/* Our clock is wrong by `off`: a sample a second, and each gets its own time. */
static void pass_a_minute_with_a_clock_that_is_off_by(int64_t off)
{
    struct moment m = {0};

    assert_int_equal(moment_of_tick(&m, T0 + off - SECOND, false), 0);
    for (int64_t t = T0; t < T0 + MINUTE; t += SECOND) {
        assert_int_equal(moment_of_sample(&m, t, t + off, false), t);
        assert_int_equal(moment_of_tick(&m, t + off + SECOND / 2, false), t + SECOND / 2);
    }
    /* Time passes without samples. */
    assert_int_equal(moment_of_tick(&m, T0 + off + MINUTE, false), T0 + MINUTE);
}

static void by_an_unknown_clock_time_is_what_devices_say_and_goes_on_with_ours(void **state)
{
    (void)state;
    pass_a_minute_with_a_clock_that_is_off_by(0);
    pass_a_minute_with_a_clock_that_is_off_by(-15 * MINUTE);
    pass_a_minute_with_a_clock_that_is_off_by(15 * MINUTE);
    pass_a_minute_with_a_clock_that_is_off_by(-40 * YEAR);
}

static void a_sample_of_the_future_moves_no_time_whatever_our_clock_is(void **state)
{
    struct moment m = {0};

    (void)state;
    (void)moment_of_sample(&m, T0, T0 - HOUR, false);
    assert_int_equal(moment_of_sample(&m, T0 + YEAR, T0 - HOUR, false), T0 + MOMENT_AHEAD_US);
    assert_int_equal(moment_of_tick(&m, T0 - HOUR + SECOND, false), T0 + SECOND);
}

static void a_first_sample_of_the_future_is_forgotten_when_all_others_contradict(void **state)
{
    struct moment m = {0};
    int64_t t = T0;

    (void)state;
    (void)moment_of_sample(&m, T0 + YEAR, T0, false);
    for (; t < T0 + (MOMENT_BEHIND - 1) * SECOND; t += SECOND)
        assert_int_equal(moment_of_sample(&m, t, t, false), t);
    assert_true(moment_of_tick(&m, t, false) > T0 + YEAR);
    assert_int_equal(moment_of_sample(&m, t, t, false), t);
    assert_int_equal(moment_of_tick(&m, t, false), t);
}

static void our_clock_may_be_set_while_it_is_unknown(void **state)
{
    struct moment m = {0};

    (void)state;
    (void)moment_of_sample(&m, T0, 1000 * SECOND, false);
    assert_int_equal(moment_of_tick(&m, 1001 * SECOND, false), T0 + SECOND);
    assert_int_equal(moment_of_tick(&m, T0 + MINUTE, false), T0 + SECOND);
    assert_int_equal(moment_of_tick(&m, T0 + MINUTE + SECOND, false), T0 + 2 * SECOND);
    assert_int_equal(moment_of_tick(&m, T0 + 2 * MINUTE, true), T0 + 2 * MINUTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_ahead_of_a_known_clock_is_given_with_now),
        cmocka_unit_test(by_an_unknown_clock_time_is_what_devices_say_and_goes_on_with_ours),
        cmocka_unit_test(a_sample_of_the_future_moves_no_time_whatever_our_clock_is),
        cmocka_unit_test(a_first_sample_of_the_future_is_forgotten_when_all_others_contradict),
        cmocka_unit_test(our_clock_may_be_set_while_it_is_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
