/* warned - what it forgets when it is full, and whose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/ingress/warned.h"
#include "proto/base/mem.h"

static struct warned warned;
static size_t warned_len;    /* of the next alarm's content */
static int64_t not_after_us; /* likewise; 0 = it says none */

static struct parcel *alarm_of(int32_t principal_id, uint64_t lane_seq)
{
    static uint8_t content[LIMIT_CONTENT_BYTES];
    struct parcel *p = parcel_create(content, warned_len, NULL, 0);

    assert_non_null(p);
    p->principal_id = principal_id;
    p->id = (struct parcel_identity){.epoch = 5, .lane = 1, .lane_seq = lane_seq};
    p->message_id[0] = (uint8_t)lane_seq;
    p->received_time_us = 1000;
    p->not_after_us = not_after_us;
    return p;
}

static bool add(int32_t principal_id, uint64_t lane_seq)
{
    struct parcel *p = alarm_of(principal_id, lane_seq);
    const struct parcel *alarm = warned_add(&warned, &p);

    assert_true(!alarm == !!p);
    assert_true(!alarm || (alarm->principal_id == principal_id && alarm->warning));
    parcel_drop(&p);
    return alarm;
}

static bool settle(int32_t principal_id, uint64_t lane_seq, struct refusal *why)
{
    struct parcel *p = alarm_of(principal_id, lane_seq), out;
    bool withdrawn;

    p->refused = why;
    withdrawn = warned_settle(&warned, p, &out);
    if (withdrawn) {
        assert_int_equal(out.message_id[0], (uint8_t)lane_seq);
        assert_ptr_equal(out.refused, why);
    }
    p->refused = NULL; /* the caller's */
    parcel_drop(&p);
    return withdrawn;
}

/* --- what stands ------------------------------------------------------------------------------ */

struct look {
    unsigned count, most; /* 0 = all */
    uint64_t last;
    int32_t principal_id; /* 0 = everybody */
};

static bool count_one(void *arg, const struct parcel *p)
{
    struct look *l = arg;

    assert_true(p->warning > l->last);
    l->last = p->warning;
    l->count += !l->principal_id || p->principal_id == l->principal_id;
    return !l->most || l->count < l->most;
}

static unsigned standing_of(int32_t principal_id)
{
    struct look l = {.principal_id = principal_id};

    warned_each(&warned, 0, 2000, count_one, &l);
    return l.count;
}

static void what_has_no_fate_yet_stands_in_order_for_whoever_comes(void **state)
{
    struct look l = {.most = 2};
    struct refusal why = {.code = CODE_DATABASE};

    (void)state;
    for (uint64_t seq = 1; seq <= 5; seq++)
        add(1, seq);
    warned_each(&warned, 0, 2000, count_one, &l);
    assert_int_equal(l.count, 2);
    l.most = 0;
    warned_each(&warned, l.last, 2000, count_one, &l);
    assert_int_equal(l.count, 5);
    settle(1, 2, NULL);
    settle(1, 4, &why);
    assert_int_equal(standing_of(1), 3);
    warned_len++; /* another content is not its fate */
    settle(1, 1, NULL);
    assert_int_equal(standing_of(1), 3);
}

static void what_is_over_stands_no_longer(void **state)
{
    struct look l = {0};

    (void)state;
    not_after_us = 5000;
    add(1, 1);
    not_after_us = 0;
    add(1, 2);
    warned_each(&warned, 0, 5000, count_one, &l);
    assert_int_equal(l.count, 2);
    l = (struct look){0};
    warned_each(&warned, 0, 5001, count_one, &l);
    assert_int_equal(l.count, 1);
    l = (struct look){0};
    warned_each(&warned, 0, 1000 + WARNED_STANDS_US, count_one, &l);
    assert_int_equal(l.count, 1);
    l = (struct look){0};
    warned_each(&warned, 0, 1001 + WARNED_STANDS_US, count_one, &l);
    assert_int_equal(l.count, 0);
}

static void long_alarms_push_out_the_senders_own(void **state)
{
    unsigned fit;

    (void)state;
    add(1, 1);
    warned_len = LIMIT_CONTENT_BYTES;
    for (uint64_t seq = 1; seq <= 100; seq++)
        assert_true(add(2, seq));
    fit = standing_of(2);
    assert_true(fit < 100 && fit * (size_t)LIMIT_CONTENT_BYTES <= WARNED_SENDER_BYTES);
    assert_true((fit + 2) * (size_t)LIMIT_CONTENT_BYTES > WARNED_SENDER_BYTES);
    assert_int_equal(standing_of(1), 1);
    assert_false(add(2, 1)); /* still known */
}

static void beyond_the_whole_who_holds_most_loses_the_oldest(void **state)
{
    enum { CROWD = 20 };

    (void)state;
    add(1, 1);
    warned_len = LIMIT_CONTENT_BYTES;
    for (int32_t sender = 2; sender < 2 + CROWD; sender++)
        for (uint64_t seq = 1; seq <= 20; seq++)
            assert_true(add(sender, seq));
    assert_true(warned.bytes <= WARNED_BYTES);
    assert_true(warned.bytes + 2 * (size_t)LIMIT_CONTENT_BYTES > WARNED_BYTES);
    assert_int_equal(standing_of(1), 1);
    for (int32_t sender = 2; sender < 2 + CROWD; sender++) /* a 20th is six and a bit */
        assert_in_range(standing_of(sender), 5, 8);
    for (int32_t sender = 2; sender < 2 + CROWD; sender++)
        for (uint64_t seq = 1; seq <= 20; seq++)
            settle(sender, seq, NULL);
    warned_len = 8;
    settle(1, 1, NULL);
    assert_int_equal(warned.bytes, 0);
    assert_int_equal(warned.sender_count, 0);
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

static void the_full_table_forgets_settled_ones_first_then_of_who_holds_most(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WARNED_MOST; i++)
        assert_true(add(1 + (int32_t)(i / 100), i));
    settle(1 + 5, 501, NULL);
    settle(1 + 4, 401, NULL);
    assert_true(add(900, 1)); /* in place of 401, the older of the settled */
    assert_false(add(1 + 5, 501));
    assert_true(add(901, 1)); /* in place of 501 */
    assert_true(add(902, 1)); /* in place of the oldest of the first who holds most */
    assert_int_equal(standing_of(1), 99);
    assert_int_equal(standing_of(21), WARNED_MOST % 100);
    assert_false(add(21, 2000)); /* the fewest */
    assert_false(add(1, 1));
    assert_true(add(1, 0));
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
    warned_len = 8;
    not_after_us = 0;
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
        T(the_full_table_forgets_settled_ones_first_then_of_who_holds_most),
        T(what_has_no_fate_yet_stands_in_order_for_whoever_comes),
        T(what_is_over_stands_no_longer),
        T(long_alarms_push_out_the_senders_own),
        T(beyond_the_whole_who_holds_most_loses_the_oldest),
        T(making_it_survives_any_allocation_that_fails),
    };

    return cmocka_run_group_tests_name("warned", tests, NULL, NULL);
}
