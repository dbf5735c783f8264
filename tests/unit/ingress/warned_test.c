/* warned - what it forgets when it is full, and whose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/ingress/warned.h"
#include "proto/base/mem.h"

static struct warned warned;

static struct parcel alarm_of(int32_t principal_id, uint64_t lane_seq)
{
    static uint8_t content[] = "mudflow";
    struct parcel p = {.principal_id = principal_id,
                       .id = {.epoch = 5, .lane = 1, .lane_seq = lane_seq},
                       .message_id = {(uint8_t)lane_seq},
                       .content = content,
                       .content_len = sizeof(content)};

    return p;
}

static bool add(int32_t principal_id, uint64_t lane_seq)
{
    struct parcel p = alarm_of(principal_id, lane_seq);

    return warned_add(&warned, &p);
}

static bool settle(int32_t principal_id, uint64_t lane_seq, struct refusal *why)
{
    struct parcel p = alarm_of(principal_id, lane_seq), out;

    p.refused = why;
    if (!warned_settle(&warned, &p, &out))
        return false;
    assert_int_equal(out.message_id[0], (uint8_t)lane_seq);
    assert_ptr_equal(out.refused, why);
    return true;
}

static void a_place_is_warned_of_once(void **state)
{
    (void)state;
    assert_true(add(1, 1));
    assert_false(add(1, 1));
    assert_true(add(1, 2));
    assert_true(add(2, 1));
    assert_false(settle(1, 1, NULL));
    assert_false(add(1, 1)); /* settled, and still known */
}

static void only_an_open_one_is_withdrawn(void **state)
{
    struct refusal why = {.code = CODE_DATABASE};

    (void)state;
    assert_false(settle(1, 1, &why)); /* nobody was warned */
    add(1, 1);
    assert_true(settle(1, 1, &why));
    assert_false(settle(1, 1, &why));
    add(1, 2);
    settle(1, 2, NULL);
    assert_false(settle(1, 2, &why)); /* it is stored */
}

static void a_flood_pushes_out_its_own_oldest_and_nobody_elses(void **state)
{
    struct refusal why = {.code = CODE_DATABASE};

    (void)state;
    add(1, 1);
    for (uint64_t seq = 1; seq <= 5000; seq++)
        assert_true(add(2, seq));
    assert_false(add(1, 1));
    assert_true(settle(1, 1, &why));
    assert_false(settle(2, 5000 - WARNED_PER_SENDER, &why));
    assert_true(settle(2, 5000 - WARNED_PER_SENDER + 1, &why));
    assert_true(settle(2, 5000, &why));
}

static void the_full_table_forgets_settled_ones_first_then_the_oldest(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WARNED_MOST; i++)
        assert_true(add(1 + (int32_t)(i / 100), i));
    settle(1 + 5, 501, NULL);
    settle(1 + 4, 401, NULL);
    assert_true(add(900, 1)); /* in place of 401, the older of the settled */
    assert_false(add(1 + 5, 501));
    assert_true(add(901, 1)); /* in place of 501 */
    assert_true(add(902, 1)); /* in place of the first of all */
    assert_false(add(1, 1));
    assert_true(add(1, 0)); /* in place of the second */
    assert_true(add(1, 1));
}

static void making_it_survives_any_allocation_that_fails(void **state)
{
    struct warned w;
    enum status st = ST_NOMEM;

    (void)state;
    for (unsigned long n = 1; st != ST_OK; n++) {
        assert_true(n < 5);
        mem_fail_at(n);
        st = warned_init(&w);
        mem_fail_at(0);
        warned_free(&w);
    }
}

static int begin(void **state)
{
    (void)state;
    return warned_init(&warned) == ST_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    warned_free(&warned);
    return 0;
}

#define T(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_place_is_warned_of_once),
        T(only_an_open_one_is_withdrawn),
        T(a_flood_pushes_out_its_own_oldest_and_nobody_elses),
        T(the_full_table_forgets_settled_ones_first_then_the_oldest),
        T(making_it_survives_any_allocation_that_fails),
    };

    return cmocka_run_group_tests_name("warned", tests, NULL, NULL);
}
