#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "broker/ingress/session.h"

static struct zport_id address(unsigned n)
{
    struct zport_id id = {.len = 5, .bytes = {0, (uint8_t)n, (uint8_t)(n >> 8), 7, 7}};

    return id;
}

static struct session *open_one(struct sessions *t, unsigned n, uint64_t now_us)
{
    struct zport_id id = address(n);
    struct session *s = NULL;

    assert_int_equal(sessions_open(&s, t, &id, "office", 1, now_us), ST_OK);
    return s;
}

static void a_session_is_found_by_address_and_by_number(void **state)
{
    struct sessions *t;
    struct zport_id id;

    (void)state;
    assert_int_equal(sessions_create(&t, 2000), ST_OK);
    for (unsigned n = 0; n < 2000; n++)
        open_one(t, n, n);
    for (unsigned n = 0; n < 2000; n++) {
        id = address(n);
        assert_ptr_equal(sessions_at(t, &id), sessions_number(t, n + 1));
        assert_int_equal(sessions_at(t, &id)->number, n + 1);
    }
    id = address(5);
    sessions_close(t, sessions_at(t, &id));
    assert_null(sessions_at(t, &id));
    assert_null(sessions_number(t, 6));
    assert_int_equal(sessions_count(t), 1999);
    sessions_destroy(t);
}

static void a_full_table_says_so(void **state)
{
    struct sessions *t;
    struct session *s;
    struct zport_id id = address(3);

    (void)state;
    assert_int_equal(sessions_create(&t, 2), ST_OK);
    open_one(t, 1, 0);
    s = open_one(t, 2, 0);
    assert_int_equal(sessions_open(&s, t, &id, "office", 1, 0), ST_FULL);
    sessions_close(t, s);
    assert_int_equal(open_one(t, 3, 0)->number, 3); /* numbers are never used again */
    sessions_destroy(t);
}

static void who_was_not_heard_for_longest_comes_first(void **state)
{
    struct sessions *t;
    struct session *a, *b;

    (void)state;
    assert_int_equal(sessions_create(&t, 2), ST_OK);
    a = open_one(t, 1, 10);
    b = open_one(t, 2, 20);
    assert_ptr_equal(sessions_next(t, NULL), a);
    sessions_heard(t, a, 30);
    assert_ptr_equal(sessions_next(t, NULL), b);
    assert_ptr_equal(sessions_next(t, b), a);
    assert_null(sessions_next(t, a));
    sessions_destroy(t);
}

static void creation_survives_any_allocation_that_fails(void **state)
{
    struct sessions *t = NULL;

    (void)state;
    for (unsigned long n = 1; !t; n++) {
        enum status st;

        mem_fail_at(n);
        st = sessions_create(&t, 10);
        mem_fail_at(0);
        assert_int_equal(st, t ? ST_OK : ST_NOMEM);
    }
    sessions_destroy(t);
}

static void a_lane_waits_for_the_first_message_that_was_not_taken(void **state)
{
    struct lane_gate g = {0};

    (void)state;
    assert_true(lane_gate_lets(&g, 1, 5, 0));
    lane_gate_close(&g, 1, 5, 0);
    lane_gate_close(&g, 1, 6, 0); /* those behind do not move the gate */
    assert_false(lane_gate_lets(&g, 1, 6, 1));
    assert_true(lane_gate_lets(&g, 1, 4, 1)); /* an earlier one may go first */
    assert_false(lane_gate_lets(&g, 1, 7, 1));
    assert_true(lane_gate_lets(&g, 1, 5, 1));
    assert_true(lane_gate_lets(&g, 1, 6, 1));
}

/* 5 and 6 are turned away; the sender hears of 5, and says 5 and 7 before it hears of 6. */
static void a_lane_waits_for_the_last_message_that_was_not_taken(void **state)
{
    struct lane_gate g = {0};

    (void)state;
    lane_gate_close(&g, 1, 5, 0);
    assert_false(lane_gate_lets(&g, 1, 6, 1));
    assert_true(lane_gate_lets(&g, 1, 5, 2));
    assert_false(lane_gate_lets(&g, 1, 7, 2));
    assert_true(lane_gate_lets(&g, 1, 6, 3));
    assert_false(lane_gate_lets(&g, 1, 8, 3));
    assert_true(lane_gate_lets(&g, 1, 7, 4));
    assert_true(lane_gate_lets(&g, 1, 8, 5));
    assert_true(lane_gate_lets(&g, 1, 9, 5));
}

static void a_gate_that_was_passed_in_vain_closes_again(void **state)
{
    struct lane_gate g = {0};

    (void)state;
    lane_gate_close(&g, 1, 5, 0);
    assert_false(lane_gate_lets(&g, 1, 6, 1));
    assert_true(lane_gate_lets(&g, 1, 5, 2));
    lane_gate_close(&g, 1, 5, 2); /* the store did not want it */
    assert_false(lane_gate_lets(&g, 1, 6, 3));
    assert_true(lane_gate_lets(&g, 1, 5, 4));
    assert_true(lane_gate_lets(&g, 1, 6, 4));
    assert_true(lane_gate_lets(&g, 1, 7, 4));
}

static void a_new_outbox_does_not_wait_for_the_old_one(void **state)
{
    struct lane_gate g = {0};

    (void)state;
    lane_gate_close(&g, 1, 5, 0);
    assert_true(lane_gate_lets(&g, 2, 6, 1));
}

/* 6 was stored in an earlier session and is never offered again. */
static void a_lane_goes_on_behind_a_number_that_never_comes(void **state)
{
    struct lane_gate g = {0};

    (void)state;
    lane_gate_close(&g, 1, 5, 0);
    assert_false(lane_gate_lets(&g, 1, 7, 1));
    assert_false(lane_gate_lets(&g, 1, 8, 1));
    assert_true(lane_gate_lets(&g, 1, 5, 2));
    assert_false(lane_gate_lets(&g, 1, 7, 3)); /* 6 may still be to come */
    assert_false(lane_gate_lets(&g, 1, 8, 3));
    assert_true(lane_gate_lets(&g, 1, 7, 4)); /* not any more */
    assert_true(lane_gate_lets(&g, 1, 8, 4));
    assert_true(lane_gate_lets(&g, 1, 9, 4));
}

static void a_lane_waits_only_for_a_while(void **state)
{
    struct lane_gate g = {0};

    (void)state;
    lane_gate_close(&g, 1, 5, 100);
    assert_false(lane_gate_lets(&g, 1, 6, 200));
    assert_false(lane_gate_lets(&g, 1, 7, 200 + LANE_GATE_US - 1)); /* what is said keeps it shut */
    assert_true(lane_gate_lets(&g, 1, 8, 200 + 2 * LANE_GATE_US));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_found_by_address_and_by_number),
        cmocka_unit_test(a_full_table_says_so),
        cmocka_unit_test(who_was_not_heard_for_longest_comes_first),
        cmocka_unit_test(creation_survives_any_allocation_that_fails),
        cmocka_unit_test(a_lane_waits_for_the_first_message_that_was_not_taken),
        cmocka_unit_test(a_lane_waits_for_the_last_message_that_was_not_taken),
        cmocka_unit_test(a_gate_that_was_passed_in_vain_closes_again),
        cmocka_unit_test(a_new_outbox_does_not_wait_for_the_old_one),
        cmocka_unit_test(a_lane_goes_on_behind_a_number_that_never_comes),
        cmocka_unit_test(a_lane_waits_only_for_a_while),
    };

    return cmocka_run_group_tests_name("ingress, session", tests, NULL, NULL);
}
