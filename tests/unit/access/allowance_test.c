#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/access/allowance.h"
#include "proto/base/mem.h"

enum { FLASH = 1, IMMEDIATE = 2, BULK = 5 };
#define SECOND UINT64_C(1000000)

static struct allowance *a;

static void limit(uint32_t items, uint32_t bytes, uint32_t alarms)
{
    struct allowance_limits l = {items, bytes, alarms};

    assert_int_equal(allowance_create(&a, &l, 16), ST_OK);
}

static unsigned take_all(int32_t principal, unsigned lane, size_t bytes, uint64_t now_us)
{
    unsigned n = 0;

    while (n < 100000 && allowance_take(a, principal, lane, bytes, now_us))
        n++;
    return n;
}

static void ten_seconds_worth_comes_at_once_then_so_many_a_second(void **state)
{
    (void)state;
    limit(100, 0, 0);
    assert_int_equal(take_all(7, IMMEDIATE, 1, 0), 1000);
    assert_int_equal(take_all(7, IMMEDIATE, 1, SECOND), 100);
    assert_int_equal(take_all(7, IMMEDIATE, 1, 3 * SECOND), 200);
    assert_int_equal(take_all(8, IMMEDIATE, 1, 3 * SECOND), 1000); /* nobody pays for another */
    allowance_destroy(a);
}

static void bulk_leaves_an_eighth_for_the_urgent(void **state)
{
    (void)state;
    limit(100, 0, 0);
    assert_int_equal(take_all(7, BULK, 1, 0), 875);
    assert_int_equal(take_all(7, IMMEDIATE, 1, 0), 125);
    allowance_destroy(a);
}

static void messages_and_bytes_are_taken_together_or_not_at_all(void **state)
{
    (void)state;
    limit(100, 1000, 0);
    assert_int_equal(take_all(7, IMMEDIATE, 5000, 0), 2);
    assert_int_equal(take_all(7, IMMEDIATE, 0, 0), 998); /* the third cost no message */
    allowance_destroy(a);
}

static void what_is_given_back_can_be_taken_again(void **state)
{
    (void)state;
    limit(1, 1000, 0);
    assert_int_equal(take_all(7, IMMEDIATE, 1000, 0), 10);
    allowance_give(a, 7, 1000);
    assert_int_equal(take_all(7, IMMEDIATE, 1000, 0), 1);
    allowance_destroy(a);
}

static void alarms_have_a_purse_of_their_own(void **state)
{
    unsigned n = 0;

    (void)state;
    limit(1, 0, 60);
    take_all(7, IMMEDIATE, 1, 0);
    while (allowance_take_alarm(a, 7, 0))
        n++;
    assert_int_equal(n, 30);
    assert_false(allowance_take_alarm(a, 7, SECOND - 1));
    assert_true(allowance_take_alarm(a, 7, SECOND));
    allowance_destroy(a);
}

static void after_the_wait_there_is_room(void **state)
{
    uint64_t wait_us;

    (void)state;
    limit(100, 0, 60);
    take_all(7, BULK, 1, 0);
    wait_us = allowance_wait_us(a, 7, 50, 0, 0);
    assert_int_equal(wait_us, SECOND / 2);
    assert_int_equal(take_all(7, BULK, 1, wait_us), 50);
    assert_int_equal(allowance_wait_us(a, 7, 100000, 0, wait_us), 5 * SECOND); /* half of all */
    assert_int_equal(allowance_wait_us(a, 8, 5, 5, 0), 0);
    allowance_destroy(a);
}

static void no_limit_is_no_limit(void **state)
{
    (void)state;
    limit(0, 0, 0);
    assert_int_equal(take_all(7, BULK, 65536, 0), 100000);
    assert_true(allowance_take_alarm(a, 7, 0));
    assert_int_equal(allowance_wait_us(a, 7, 9, 9, 0), 0);
    allowance_destroy(a);
}

static void who_was_turned_away_is_named_for_a_minute(void **state)
{
    struct allowance_over over[ALLOWANCE_LISTED];

    (void)state;
    limit(1, 0, 0);
    assert_true(allowance_note_over(a, 7, 5, 0, 10 * SECOND));
    assert_false(allowance_note_over(a, 7, 2, 1, 20 * SECOND));
    assert_int_equal(allowance_list_over(a, over, 79 * SECOND), 1);
    assert_int_equal(over[0].principal_id, 7);
    assert_int_equal(over[0].since_us, 10 * SECOND);
    assert_int_equal(over[0].items, 7);
    assert_int_equal(over[0].alarms, 1);
    assert_int_equal(allowance_list_over(a, over, 80 * SECOND), 0);
    assert_true(allowance_note_over(a, 7, 1, 0, 90 * SECOND)); /* begins anew */
    assert_int_equal(allowance_list_over(a, over, 90 * SECOND), 1);
    assert_int_equal(over[0].items, 1);
    for (int32_t p = 100; p < 100 + ALLOWANCE_LISTED; p++)
        allowance_note_over(a, p, 1, 0, 91 * SECOND);
    assert_int_equal(allowance_list_over(a, over, 91 * SECOND), ALLOWANCE_LISTED);
    for (size_t i = 0; i < ALLOWANCE_LISTED; i++)
        assert_int_not_equal(over[i].principal_id, 7);
    allowance_destroy(a);
}

static void a_reload_keeps_what_was_used(void **state)
{
    struct allowance_limits more = {200, 0, 0};

    (void)state;
    limit(100, 0, 0);
    assert_int_equal(take_all(7, IMMEDIATE, 1, 0), 1000);
    allowance_set(a, &more, 0);
    assert_int_equal(take_all(7, IMMEDIATE, 1, 0), 1000);
    allowance_destroy(a);
}

static void creation_survives_any_allocation_that_fails(void **state)
{
    struct allowance_limits l = {1, 1, 1};

    (void)state;
    for (unsigned n = 1; n < 5; n++) {
        mem_fail_at(n);
        assert_int_equal(allowance_create(&a, &l, 16), ST_NOMEM);
    }
    mem_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_seconds_worth_comes_at_once_then_so_many_a_second),
        cmocka_unit_test(bulk_leaves_an_eighth_for_the_urgent),
        cmocka_unit_test(messages_and_bytes_are_taken_together_or_not_at_all),
        cmocka_unit_test(what_is_given_back_can_be_taken_again),
        cmocka_unit_test(alarms_have_a_purse_of_their_own),
        cmocka_unit_test(after_the_wait_there_is_room),
        cmocka_unit_test(no_limit_is_no_limit),
        cmocka_unit_test(who_was_turned_away_is_named_for_a_minute),
        cmocka_unit_test(a_reload_keeps_what_was_used),
        cmocka_unit_test(creation_survives_any_allocation_that_fails),
    };

    return cmocka_run_group_tests_name("access, allowance", tests, NULL, NULL);
}
