#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/ingress/clock.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_delayed_sample_of_a_clock_is_believed),
        cmocka_unit_test(an_old_sample_gives_way),
        cmocka_unit_test(a_clock_in_1970_does_not_overflow),
    };

    return cmocka_run_group_tests_name("ingress, clock", tests, NULL, NULL);
}
