#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/wire/log_past.h"

static void the_least_of_the_raises_between_two_epochs_counts(void **state)
{
    struct log_past p;

    (void)state;
    log_past_read(&p, "1:0 2:450 3:300 5:700");
    assert_int_equal(p.count, 4);
    assert_int_equal(log_past_same_upto(&p, 1, 2), 450);
    assert_int_equal(log_past_same_upto(&p, 1, 3), 300);
    assert_int_equal(log_past_same_upto(&p, 2, 5), 300);
    assert_int_equal(log_past_same_upto(&p, 3, 5), 700);
    assert_true(log_past_same_upto(&p, 5, 5) == UINT64_MAX);
}

static void of_an_epoch_that_the_log_never_had_it_says_nothing(void **state)
{
    struct log_past p;

    (void)state;
    log_past_read(&p, "1:0 2:450 5:700");
    assert_int_equal(log_past_same_upto(&p, 3, 5), 0);
    assert_int_equal(log_past_same_upto(&p, 0, 5), 0);
    assert_int_equal(log_past_same_upto(&p, 2, 4), 0);
    assert_int_equal(log_past_same_upto(&p, 5, 2), 0);
    log_past_read(&p, "1:0 2:0 3:700");
    assert_int_equal(log_past_same_upto(&p, 1, 3), 0);
    assert_int_equal(log_past_same_upto(&p, 2, 3), 700);
    log_past_read(&p, "");
    assert_int_equal(log_past_same_upto(&p, 1, 2), 0);
}

static void the_oldest_raise_makes_room(void **state)
{
    struct log_past p = {0};

    (void)state;
    for (uint32_t e = 1; e <= LOG_PAST_MOST + 1; e++)
        log_past_add(&p, e, e * 10);
    assert_int_equal(p.count, LOG_PAST_MOST);
    assert_int_equal(log_past_same_upto(&p, 1, 3), 0);
    assert_int_equal(log_past_same_upto(&p, 2, 3), 30);
    log_past_add(&p, 3, 5); /* a list of another log */
    assert_int_equal(p.count, 1);
}

static void text_that_is_no_list_ends_it(void **state)
{
    struct log_past p;

    (void)state;
    log_past_read(&p, "1:0 2:5 x");
    assert_int_equal(p.count, 2);
    log_past_read(&p, "nothing");
    assert_int_equal(p.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_of_the_raises_between_two_epochs_counts),
        cmocka_unit_test(of_an_epoch_that_the_log_never_had_it_says_nothing),
        cmocka_unit_test(the_oldest_raise_makes_room),
        cmocka_unit_test(text_that_is_no_list_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
