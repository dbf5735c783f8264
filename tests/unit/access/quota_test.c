#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/access/quota.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

static void a_bucket_starts_full_and_gives_no_more_than_it_holds(void **state)
{
    struct quota q;

    (void)state;
    quota_init(&q, 3, QUOTA_HOUR_US, 1000);
    assert_true(quota_take(&q, 2, 1000));
    assert_false(quota_take(&q, 2, 1000)); /* all or nothing */
    assert_true(quota_take(&q, 1, 1000));
    assert_false(quota_take(&q, 1, 1000));
}

static void one_token_comes_back_after_its_share_of_the_period(void **state)
{
    struct quota q;

    (void)state;
    quota_init(&q, 4, 1000, 0);
    assert_true(quota_take(&q, 4, 0));
    assert_false(quota_take(&q, 1, 249));
    assert_true(quota_take(&q, 1, 250));
    assert_false(quota_take(&q, 1, 499));
    assert_true(quota_take(&q, 1, 500));
    assert_false(quota_is_full(&q, 1499));
    assert_true(quota_is_full(&q, 1500));
}

static void a_clock_that_steps_back_adds_nothing(void **state)
{
    struct quota q;

    (void)state;
    quota_init(&q, 2, 1000, 5000);
    assert_true(quota_take(&q, 2, 5000));
    assert_false(quota_take(&q, 1, 10));
    assert_false(quota_take(&q, 1, 5499)); /* and the way back up is not counted twice */
    assert_true(quota_take(&q, 1, 5500));
}

static void the_largest_bucket_does_not_overflow(void **state)
{
    struct quota q;

    (void)state;
    quota_init(&q, UINT32_MAX, QUOTA_HOUR_US, 0);
    assert_true(quota_take(&q, UINT32_MAX, 0));
    assert_false(quota_take(&q, 1, 0));
    assert_true(quota_take(&q, UINT32_MAX, UINT64_MAX));
}

static void no_capacity_gives_nothing_ever(void **state)
{
    struct quota q;

    (void)state;
    quota_init(&q, 0, 1000, 0);
    assert_false(quota_take(&q, 1, 1000000));
}

static void principals_do_not_share_a_bucket(void **state)
{
    struct quota_book *b = NULL;

    (void)state;
    assert_int_equal(quota_book_create(&b, 1, 1000, 100), ST_OK);
    for (int32_t id = 50; id > -50; id--)
        assert_true(quota_book_take(b, id, 1, 0));
    for (int32_t id = -49; id <= 50; id++)
        assert_false(quota_book_take(b, id, 1, 0));
    assert_int_equal(quota_book_count(b), 100);
    quota_book_destroy(b);
}

static void a_full_book_refuses_until_a_bucket_is_full_again(void **state)
{
    struct quota_book *b = NULL;

    (void)state;
    assert_int_equal(quota_book_create(&b, 2, 1000, 16), ST_OK);
    for (int32_t id = 0; id < 16; id++)
        assert_true(quota_book_take(b, id, 1, (uint64_t)id));
    assert_false(quota_book_take(b, 100, 1, 499));
    assert_true(quota_book_take(b, 100, 1, 500)); /* number 0 is full and was forgotten */
    assert_int_equal(quota_book_count(b), 16);
    quota_book_destroy(b);
}

static void what_is_given_back_can_be_taken_again_and_never_more(void **state)
{
    struct quota_book *b = NULL;

    (void)state;
    assert_int_equal(quota_book_create(&b, 4, 1000, 16), ST_OK);
    quota_book_give(b, 1, 1); /* a principal that has no bucket yet has a full one */
    assert_true(quota_book_take(b, 1, 4, 0));
    quota_book_give(b, 1, 1);
    assert_true(quota_book_take(b, 1, 1, 0));
    assert_false(quota_book_take(b, 1, 1, 0));
    quota_book_give(b, 1, 9);
    assert_true(quota_book_take(b, 1, 4, 0));
    assert_false(quota_book_take(b, 1, 1, 0));
    quota_book_destroy(b);
}

static void a_new_capacity_keeps_what_was_used(void **state)
{
    struct quota_book *b = NULL;

    (void)state;
    assert_int_equal(quota_book_create(&b, 10, 1000, 16), ST_OK);
    assert_true(quota_book_take(b, 1, 6, 0));
    quota_book_set(b, 8, 0);
    assert_false(quota_book_take(b, 1, 3, 0));
    assert_true(quota_book_take(b, 1, 2, 0));
    quota_book_set(b, 4, 0);
    assert_false(quota_book_take(b, 1, 1, 0));
    assert_true(quota_book_take(b, 2, 4, 0));
    quota_book_destroy(b);
}

static void without_memory_nothing_is_granted(void **state)
{
    struct quota_book *b = NULL;

    (void)state;
    mem_fail_at(1);
    assert_int_equal(quota_book_create(&b, 1, 1000, 16), ST_NOMEM);
    assert_int_equal(quota_book_create(&b, 1, 1000, 16), ST_OK);
    mem_fail_at(1);
    assert_false(quota_book_take(b, 1, 1, 0));
    mem_fail_at(0);
    assert_true(quota_book_take(b, 1, 1, 0));
    quota_book_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_starts_full_and_gives_no_more_than_it_holds),
        cmocka_unit_test(one_token_comes_back_after_its_share_of_the_period),
        cmocka_unit_test(a_clock_that_steps_back_adds_nothing),
        cmocka_unit_test(the_largest_bucket_does_not_overflow),
        cmocka_unit_test(no_capacity_gives_nothing_ever),
        cmocka_unit_test(principals_do_not_share_a_bucket),
        cmocka_unit_test(a_full_book_refuses_until_a_bucket_is_full_again),
        cmocka_unit_test(what_is_given_back_can_be_taken_again_and_never_more),
        cmocka_unit_test(a_new_capacity_keeps_what_was_used),
        cmocka_unit_test(without_memory_nothing_is_granted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
