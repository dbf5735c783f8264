#include "agents/ctl/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "proto/base/mem.h"

struct night {
    struct tally_list said, stored, refused, heard;
    struct tally_result result;
};

static void add(struct tally_list *l, uint64_t digest, uint64_t seq)
{
    assert_int_equal(tally_add(l, digest, seq), ST_OK);
}

/* Four messages: 10, 20 and 30 stored and heard, 40 refused. */
static void tell_quiet_night(struct night *n)
{
    *n = (struct night){0};
    for (uint64_t i = 1; i <= 4; i++)
        add(&n->said, i * 10, 0);
    for (uint64_t i = 1; i <= 3; i++) {
        add(&n->stored, i * 10, i);
        add(&n->heard, i * 10, i);
    }
    add(&n->refused, 40, 0);
}

static void compare(struct night *n, uint64_t gone)
{
    tally_compare(&n->result, &n->said, gone, &n->stored, &n->refused, &n->heard);
    tally_free(&n->said);
    tally_free(&n->stored);
    tally_free(&n->refused);
    tally_free(&n->heard);
}

static void expect(const struct tally_result *r, uint64_t published, uint64_t stored,
                   uint64_t delivered, uint64_t refused, uint64_t lost, uint64_t duplicated)
{
    assert_int_equal(r->published, published);
    assert_int_equal(r->stored, stored);
    assert_int_equal(r->delivered, delivered);
    assert_int_equal(r->refused, refused);
    assert_int_equal(r->lost, lost);
    assert_int_equal(r->duplicated, duplicated);
}

static void a_quiet_night_adds_up(void **state)
{
    struct night n;

    (void)state;
    tell_quiet_night(&n);
    compare(&n, 0);
    expect(&n.result, 4, 3, 3, 1, 0, 0);
}

static void what_the_bus_says_itself_has_to_be_heard_and_is_not_counted(void **state)
{
    struct night n;

    (void)state;
    tell_quiet_night(&n);
    add(&n.stored, 50, 4);
    add(&n.heard, 50, 4);
    compare(&n, 0);
    expect(&n.result, 4, 3, 3, 1, 0, 0);
    tell_quiet_night(&n);
    add(&n.stored, 50, 4);
    compare(&n, 0);
    expect(&n.result, 4, 3, 3, 1, 1, 0);
}

static void nothing_said_is_nothing_lost(void **state)
{
    struct night n = {0};

    (void)state;
    compare(&n, 0);
    expect(&n.result, 0, 0, 0, 0, 0, 0);
}

static void a_message_that_no_witness_knows_is_lost(void **state)
{
    struct night n;

    (void)state;
    tell_quiet_night(&n);
    add(&n.said, 50, 0);
    compare(&n, 0);
    expect(&n.result, 5, 3, 3, 1, 1, 0);
}

static void stored_but_not_heard_is_lost(void **state)
{
    struct night n;

    (void)state;
    tell_quiet_night(&n);
    add(&n.said, 50, 0);
    add(&n.stored, 50, 4);
    compare(&n, 0);
    expect(&n.result, 5, 4, 3, 1, 1, 0);
}

static void heard_under_another_number_is_not_heard(void **state)
{
    struct night n;

    (void)state;
    tell_quiet_night(&n);
    n.heard.items[2].seq = 7;
    compare(&n, 0);
    expect(&n.result, 4, 3, 2, 1, 1, 0);
}

static void twice_in_the_log_or_twice_heard_is_doubled(void **state)
{
    struct night n;

    (void)state;
    tell_quiet_night(&n);
    add(&n.stored, 10, 4);
    add(&n.heard, 10, 4);
    compare(&n, 0);
    expect(&n.result, 4, 3, 3, 1, 0, 2);
    tell_quiet_night(&n);
    add(&n.heard, 20, 2);
    compare(&n, 0);
    expect(&n.result, 4, 3, 3, 1, 0, 1);
}

static void a_refusal_kept_twice_is_one_refusal(void **state)
{
    struct night n;

    (void)state;
    tell_quiet_night(&n);
    add(&n.refused, 40, 0);
    compare(&n, 0);
    expect(&n.result, 4, 3, 3, 1, 0, 0);
}

static void what_an_outbox_no_longer_keeps_must_be_in_the_log(void **state)
{
    struct night n;

    (void)state;
    tell_quiet_night(&n);
    add(&n.stored, 60, 4); /* said once, stored, and dropped from the outbox since */
    add(&n.heard, 60, 4);
    compare(&n, 1);
    expect(&n.result, 5, 4, 4, 1, 0, 0);
    tell_quiet_night(&n);
    compare(&n, 1);
    expect(&n.result, 5, 3, 3, 1, 1, 0);
}

static void without_memory_adding_says_so(void **state)
{
    struct tally_list l = {0};

    (void)state;
    mem_fail_at(1);
    assert_int_equal(tally_add(&l, 1, 1), ST_NOMEM);
    mem_fail_at(0);
    assert_int_equal(l.count, 0);
    tally_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_night_adds_up),
        cmocka_unit_test(what_the_bus_says_itself_has_to_be_heard_and_is_not_counted),
        cmocka_unit_test(nothing_said_is_nothing_lost),
        cmocka_unit_test(a_message_that_no_witness_knows_is_lost),
        cmocka_unit_test(stored_but_not_heard_is_lost),
        cmocka_unit_test(heard_under_another_number_is_not_heard),
        cmocka_unit_test(twice_in_the_log_or_twice_heard_is_doubled),
        cmocka_unit_test(a_refusal_kept_twice_is_one_refusal),
        cmocka_unit_test(what_an_outbox_no_longer_keeps_must_be_in_the_log),
        cmocka_unit_test(without_memory_adding_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
