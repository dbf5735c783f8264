/* Agents whose connection is gone: who comes back in time, and who is dead. */
#include "broker/ingress/missing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "proto/base/mem.h"

#define SECOND UINT64_C(1000000)

static const struct link_limits *fiber(void)
{
    return link_limits_by_name("fiber"); /* 20 s */
}

static void who_is_not_back_in_time_is_given_out_once(void **state)
{
    struct missing_agent dead;
    struct missing m;

    (void)state;
    missing_init(&m, 10);
    missing_note(&m, "coes.ayni.gw07", 7, fiber(), 1 * SECOND, 100 * SECOND);
    assert_false(missing_take_dead(&m, 120 * SECOND - 1, &dead));
    assert_true(missing_take_dead(&m, 120 * SECOND, &dead));
    assert_string_equal(dead.principal, "coes.ayni.gw07");
    assert_int_equal(dead.principal_id, 7);
    assert_int_equal(dead.since_us, 1 * SECOND);
    assert_false(missing_take_dead(&m, 500 * SECOND, &dead));
    missing_free(&m);
}

static void who_comes_back_is_here_since_the_beginning(void **state)
{
    struct missing_agent dead;
    struct missing m;

    (void)state;
    missing_init(&m, 10);
    missing_note(&m, "coes.ayni.gw07", 7, fiber(), 1 * SECOND, 100 * SECOND);
    assert_int_equal(missing_found(&m, 8, 105 * SECOND), 105 * SECOND);
    assert_int_equal(missing_found(&m, 7, 105 * SECOND), 1 * SECOND);
    assert_false(missing_take_dead(&m, 500 * SECOND, &dead));
    missing_free(&m);
}

static void two_lost_sessions_of_one_principal_are_one_agent(void **state)
{
    struct missing_agent dead;
    struct missing m;

    (void)state;
    missing_init(&m, 10);
    missing_note(&m, "coes.ayni.gw07", 7, fiber(), 1 * SECOND, 100 * SECOND);
    missing_note(&m, "coes.ayni.gw07", 7, fiber(), 50 * SECOND, 110 * SECOND);
    assert_int_equal(m.count, 1);
    assert_true(missing_take_dead(&m, 130 * SECOND, &dead));
    assert_int_equal(dead.since_us, 1 * SECOND);
    missing_free(&m);
}

static void the_oldest_makes_room(void **state)
{
    char name[16];
    struct missing m;

    (void)state;
    missing_init(&m, 3);
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof(name), "office.n%d", i);
        missing_note(&m, name, i, fiber(), 1, 2);
    }
    assert_int_equal(m.count, 3);
    assert_int_equal(missing_found(&m, 2, 99), 99);
    assert_int_equal(missing_found(&m, 3, 99), 1);
    missing_free(&m);
}

static void without_memory_nobody_is_remembered(void **state)
{
    struct missing m;

    (void)state;
    missing_init(&m, 3);
    mem_fail_at(1);
    missing_note(&m, "office.n1", 1, fiber(), 1, 2);
    mem_fail_at(0);
    assert_int_equal(m.count, 0);
    missing_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_not_back_in_time_is_given_out_once),
        cmocka_unit_test(who_comes_back_is_here_since_the_beginning),
        cmocka_unit_test(two_lost_sessions_of_one_principal_are_one_agent),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(without_memory_nobody_is_remembered),
    };

    return cmocka_run_group_tests_name("missing", tests, NULL, NULL);
}
