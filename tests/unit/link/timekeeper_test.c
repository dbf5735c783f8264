/* What a message says of its sender's clock, with a kernel of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agents/link/timekeeper.h"
#include "proto/base/utc.h"

#define SECOND_US INT64_C(1000000)
#define NOON_US   INT64_C(1790000000000000)

static struct utc_state kernel;
static unsigned asked;

void utc_ask(struct utc_state *out)
{
    *out = kernel;
    asked++;
}

static const struct utc_state kept = {true, true, 12};
static const struct utc_state not_kept = {true, false, 16000};

static Eocbus__V1__Envelope said(struct timekeeper *t, const struct utc_state *state,
                                 int64_t now_us)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;

    kernel = *state;
    timekeeper_fill_in(t, &m, now_us);
    return m;
}

static void a_clock_that_is_kept_is_ntp_with_the_kernels_error(void **state)
{
    struct timekeeper t = {0};
    Eocbus__V1__Envelope m = said(&t, &kept, NOON_US);

    (void)state;
    assert_int_equal(m.clock_source, EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_NTP);
    assert_int_equal(m.clock_err_ms, 12);
}

static void one_that_never_was_runs_free(void **state)
{
    struct timekeeper t = {0};
    Eocbus__V1__Envelope m = said(&t, &not_kept, NOON_US);

    (void)state;
    assert_int_equal(m.clock_source, EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_FREE_RUNNING);
    assert_int_equal(m.clock_err_ms, UINT32_MAX);
}

static void one_that_was_is_held_and_gets_worse(void **state)
{
    struct timekeeper t = {0};
    Eocbus__V1__Envelope m;

    (void)state;
    said(&t, &kept, NOON_US);
    m = said(&t, &not_kept, NOON_US + 40000 * SECOND_US);
    assert_int_equal(m.clock_source, EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_RTC_HOLDOVER);
    assert_int_equal(m.clock_err_ms, 12 + 20000);
    m = said(&t, &not_kept, NOON_US - SECOND_US); /* set back */
    assert_int_equal(m.clock_err_ms, 12);
    m = said(&t, &kept, NOON_US + 10 * SECOND_US);
    assert_int_equal(m.clock_source, EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_NTP);
}

static void a_kernel_that_does_not_say_leaves_it_unknown(void **state)
{
    struct timekeeper t = {0};
    Eocbus__V1__Envelope m = said(&t, &(struct utc_state){0}, NOON_US);

    (void)state;
    assert_int_equal(m.clock_source, EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_UNSPECIFIED);
    assert_int_equal(m.clock_err_ms, UINT32_MAX);
}

static void the_kernel_is_asked_once_in_ten_seconds(void **state)
{
    struct timekeeper t = {0};

    (void)state;
    asked = 0;
    for (int64_t us = 0; us < TIMEKEEPER_ASK_US; us += SECOND_US)
        said(&t, &kept, NOON_US + us);
    assert_int_equal(asked, 1);
    said(&t, &kept, NOON_US + TIMEKEEPER_ASK_US);
    assert_int_equal(asked, 2);
}

static void what_the_program_says_stands(void **state)
{
    struct timekeeper t = {0};
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;

    (void)state;
    kernel = kept;
    m.clock_source = EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_GNSS;
    m.clock_err_ms = 1;
    timekeeper_fill_in(&t, &m, NOON_US);
    assert_int_equal(m.clock_source, EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_GNSS);
    assert_int_equal(m.clock_err_ms, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_is_kept_is_ntp_with_the_kernels_error),
        cmocka_unit_test(one_that_never_was_runs_free),
        cmocka_unit_test(one_that_was_is_held_and_gets_worse),
        cmocka_unit_test(a_kernel_that_does_not_say_leaves_it_unknown),
        cmocka_unit_test(the_kernel_is_asked_once_in_ten_seconds),
        cmocka_unit_test(what_the_program_says_stands),
    };

    return cmocka_run_group_tests_name("timekeeper", tests, NULL, NULL);
}
