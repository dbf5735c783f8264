/* The checker against made-up books: right ones pass, and each kind of wrong is counted as what it
 * is, and as nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tests/lib/checker.h"

enum { EPOCH = 7, HEARD = 0, ARCHIVED = 1 };

static struct checker *begin(void)
{
    struct checker *c = checker_create(2, 2);

    checker_listener(c, ARCHIVED, true);
    checker_sender(c, 0, EPOCH);
    checker_sender(c, 1, EPOCH);
    checker_listener_born(c, HEARD);
    checker_listener_born(c, ARCHIVED);
    return c;
}

static struct verdict end(struct checker *c)
{
    struct verdict v;

    checker_judge(c, &v);
    checker_destroy(c);
    return v;
}

static void put(struct checker *c, unsigned lane, uint64_t lane_seq)
{
    checker_put(c, 0, lane, lane_seq, lane_seq * 100 + lane);
}

static void store(struct checker *c, uint64_t seq, unsigned lane, uint64_t lane_seq)
{
    const struct checker_row row = {.seq = seq,
                                    .epoch = EPOCH,
                                    .lane = lane,
                                    .lane_seq = lane_seq,
                                    .digest = lane_seq * 100 + lane,
                                    .wanted_by = 1u << HEARD | 1u << ARCHIVED};

    checker_stored(c, &row);
}

static void hear_as(struct checker *c, unsigned listener, uint64_t seq, unsigned lane,
                    uint64_t lane_seq)
{
    const struct checker_copy copy = {.seq = seq,
                                      .epoch = EPOCH,
                                      .lane = lane,
                                      .lane_seq = lane_seq,
                                      .digest = lane_seq * 100 + lane};

    checker_handed(c, listener, &copy);
}

static void hear(struct checker *c, uint64_t seq, unsigned lane, uint64_t lane_seq)
{
    hear_as(c, HEARD, seq, lane, lane_seq);
    hear_as(c, ARCHIVED, seq, lane, lane_seq);
}

/* Messages 1..3 of lane 4, safe. */
static struct checker *three_safe(void)
{
    struct checker *c = begin();

    for (uint64_t n = 1; n <= 3; n++)
        put(c, 4, n);
    checker_safe(c, 0, UINT64_MAX);
    return c;
}

static uint64_t sum(const struct verdict *v)
{
    return v->lost + v->duplicated + v->reordered + v->gaps + v->foreign + v->late + v->unkept;
}

#define expect_only(v, field, n)                                                                   \
    do {                                                                                           \
        assert_int_equal((v).field, n);                                                            \
        assert_int_equal(sum(&(v)), n);                                                            \
        assert_false(verdict_is_clean(&(v)));                                                      \
        assert_string_not_equal((v).words, "");                                                    \
    } while (0)

static void right_books_are_clean(void **state)
{
    struct checker *c = three_safe();
    struct verdict v;

    (void)state;
    for (uint64_t n = 1; n <= 3; n++)
        checker_acknowledged(c, 0, 4, n, n);
    for (uint64_t n = 1; n <= 3; n++)
        store(c, n, 4, n);
    checker_head(c, 3);
    for (uint64_t n = 1; n <= 3; n++)
        hear(c, n, 4, n);
    v = end(c);
    assert_true(verdict_is_clean(&v));
    assert_string_equal(v.words, "");
    assert_int_equal(v.safe, 3);
    assert_int_equal(v.acknowledged, 3);
    assert_int_equal(v.stored, 3);
    assert_int_equal(v.handed, 6);
}

static void what_was_safe_and_is_not_stored_is_lost(void **state)
{
    struct checker *c = three_safe();
    struct verdict v;

    (void)state;
    store(c, 1, 4, 1);
    store(c, 2, 4, 2);
    checker_head(c, 2);
    hear(c, 1, 4, 1);
    hear(c, 2, 4, 2);
    v = end(c);
    expect_only(v, lost, 1);
}

static void a_receipt_with_another_number_is_a_loss(void **state)
{
    struct checker *c = three_safe();
    struct verdict v;

    (void)state;
    checker_acknowledged(c, 0, 4, 2, 3);
    for (uint64_t n = 1; n <= 3; n++) {
        store(c, n, 4, n);
        hear(c, n, 4, n);
    }
    v = end(c);
    expect_only(v, lost, 1);
}

static void what_was_killed_before_it_was_safe_may_be_there_or_not(void **state)
{
    struct checker *c = begin();
    struct verdict v;

    (void)state;
    put(c, 4, 1);
    put(c, 4, 2);
    checker_sender_born(c, 0);
    put(c, 4, 2); /* the first was durable, the second was not: its number is used again */
    checker_safe(c, 0, UINT64_MAX);
    store(c, 1, 4, 1);
    store(c, 2, 4, 2);
    hear(c, 1, 4, 1);
    hear(c, 2, 4, 2);
    v = end(c);
    assert_true(verdict_is_clean(&v));
}

static void what_was_given_up_must_not_appear(void **state)
{
    struct checker *c = begin();
    struct verdict v;

    (void)state;
    put(c, 4, 1);
    checker_gave_up(c, 0);
    store(c, 1, 4, 1);
    for (unsigned l = HEARD; l <= ARCHIVED; l++)
        hear_as(c, l, 1, 4, 1);
    v = end(c);
    assert_int_equal(v.foreign, 3); /* in the log, and for each listener */
    assert_int_equal(sum(&v), 3);
}

static void what_puts_made_durable_is_safe_and_the_rest_is_given_up(void **state)
{
    struct checker *c = begin();
    struct verdict v;

    (void)state;
    put(c, 4, 1);
    put(c, 4, 2);
    checker_safe(c, 0, 1);
    checker_gave_up(c, 0);
    store(c, 1, 4, 1);
    hear(c, 1, 4, 1);
    v = end(c);
    assert_true(verdict_is_clean(&v));
    assert_int_equal(v.safe, 1);
}

static void a_number_given_twice_is_seen(void **state)
{
    struct checker *c = three_safe();
    struct verdict v;

    (void)state;
    put(c, 4, 3);
    for (uint64_t n = 1; n <= 3; n++) {
        store(c, n, 4, n);
        hear(c, n, 4, n);
    }
    v = end(c);
    expect_only(v, foreign, 1);
}

static void a_message_stored_twice_is_doubled(void **state)
{
    struct checker *c = three_safe();
    struct verdict v;

    (void)state;
    for (uint64_t n = 1; n <= 3; n++)
        store(c, n, 4, n);
    store(c, 4, 4, 2);
    for (uint64_t n = 1; n <= 3; n++)
        hear(c, n, 4, n);
    v = end(c);
    expect_only(v, duplicated, 1);
}

static void a_lane_out_of_order_in_the_log_is_reordered(void **state)
{
    struct checker *c = three_safe();
    struct verdict v;

    (void)state;
    store(c, 1, 4, 1);
    store(c, 2, 4, 3);
    store(c, 3, 4, 2);
    hear(c, 1, 4, 1);
    hear_as(c, HEARD, 2, 4, 3);
    v = end(c);
    assert_int_equal(v.reordered, 1);
    assert_int_equal(v.gaps, 3); /* one listener lacks one, the other two */
    assert_int_equal(sum(&v), 4);
}

static void another_lane_may_overtake(void **state)
{
    struct checker *c = begin();
    struct verdict v;

    (void)state;
    put(c, 5, 1);
    put(c, 2, 1);
    put(c, 2, 2);
    checker_safe(c, 0, UINT64_MAX);
    store(c, 1, 2, 1);
    store(c, 2, 2, 2);
    store(c, 3, 5, 1);
    hear(c, 1, 2, 1);
    hear(c, 2, 2, 2);
    hear(c, 3, 5, 1);
    v = end(c);
    assert_true(verdict_is_clean(&v));
}

static void other_bytes_than_were_put_are_foreign(void **state)
{
    struct checker *c = three_safe();
    const struct checker_row row = {
        .seq = 3, .epoch = EPOCH, .lane = 4, .lane_seq = 3, .digest = 1, .wanted_by = 0};
    struct verdict v;

    (void)state;
    store(c, 1, 4, 1);
    store(c, 2, 4, 2);
    checker_stored(c, &row);
    hear(c, 1, 4, 1);
    hear(c, 2, 4, 2);
    v = end(c);
    expect_only(v, foreign, 1);
}

static void a_number_missing_in_the_log_is_a_gap(void **state)
{
    struct checker *c = three_safe();
    struct verdict v;

    (void)state;
    store(c, 1, 4, 1);
    store(c, 3, 4, 2);
    store(c, 4, 4, 3);
    checker_head(c, 5);
    hear(c, 1, 4, 1);
    hear(c, 3, 4, 2);
    hear(c, 4, 4, 3);
    v = end(c);
    expect_only(v, gaps, 2); /* 2 is missing, and so is the last one */
}

static void what_a_listener_did_not_get_is_a_gap(void **state)
{
    struct checker *c = three_safe();
    struct verdict v;

    (void)state;
    for (uint64_t n = 1; n <= 3; n++)
        store(c, n, 4, n);
    hear(c, 1, 4, 1);
    hear_as(c, HEARD, 2, 4, 2);
    hear(c, 3, 4, 3);
    v = end(c);
    expect_only(v, gaps, 1);
}

static void handed_over_twice_in_one_life_is_doubled(void **state)
{
    struct checker *c = three_safe();
    struct verdict v;

    (void)state;
    for (uint64_t n = 1; n <= 3; n++)
        store(c, n, 4, n);
    for (uint64_t n = 1; n <= 3; n++)
        hear(c, n, 4, n);
    hear_as(c, HEARD, 3, 4, 3);
    v = end(c);
    assert_int_equal(v.duplicated, 1);
    assert_int_equal(v.reordered, 1); /* 3 after 3 */
}

static void a_killed_listener_hears_its_last_turns_again(void **state)
{
    struct checker *c = three_safe();
    struct verdict v;

    (void)state;
    for (uint64_t n = 1; n <= 3; n++)
        store(c, n, 4, n);
    for (uint64_t n = 1; n <= 3; n++)
        hear_as(c, ARCHIVED, n, 4, n);
    hear_as(c, HEARD, 1, 4, 1);
    checker_turn(c, HEARD);
    hear_as(c, HEARD, 2, 4, 2);
    checker_listener_born(c, HEARD);
    hear_as(c, HEARD, 2, 4, 2);
    hear_as(c, HEARD, 3, 4, 3);
    v = end(c);
    assert_true(verdict_is_clean(&v));
    assert_int_equal(v.again, 1);
}

static void a_killed_listener_does_not_hear_old_things_again(void **state)
{
    struct checker *c = three_safe();
    struct verdict v;

    (void)state;
    for (uint64_t n = 1; n <= 3; n++)
        store(c, n, 4, n);
    for (uint64_t n = 1; n <= 3; n++)
        hear_as(c, ARCHIVED, n, 4, n);
    for (uint64_t n = 1; n <= 3; n++) {
        hear_as(c, HEARD, n, 4, n);
        checker_turn(c, HEARD);
    }
    checker_listener_born(c, HEARD);
    hear_as(c, HEARD, 1, 4, 1);
    v = end(c);
    expect_only(v, duplicated, 1);
}

static void numbers_going_back_for_a_listener_are_reordered(void **state)
{
    struct checker *c = begin();
    struct verdict v;

    (void)state;
    put(c, 4, 1);
    put(c, 5, 1);
    checker_safe(c, 0, UINT64_MAX);
    store(c, 1, 4, 1);
    store(c, 2, 5, 1);
    hear_as(c, ARCHIVED, 1, 4, 1);
    hear_as(c, ARCHIVED, 2, 5, 1);
    hear_as(c, HEARD, 2, 5, 1);
    hear_as(c, HEARD, 1, 4, 1);
    v = end(c);
    expect_only(v, reordered, 1);
}

static void an_alarm_counts_once_at_its_first_copy(void **state)
{
    struct checker *c = begin();
    struct verdict v;

    (void)state;
    put(c, 1, 1);
    checker_safe(c, 0, UINT64_MAX);
    store(c, 1, 1, 1);
    hear_as(c, HEARD, 0, 1, 1);
    hear(c, 1, 1, 1); /* right for the archive, a second effect for the other */
    v = end(c);
    expect_only(v, duplicated, 1);
}

static void expired_messages_may_be_missed_and_must_not_be_live(void **state)
{
    struct checker *c = three_safe();
    struct checker_row row = {.seq = 1,
                              .epoch = EPOCH,
                              .lane = 4,
                              .lane_seq = 1,
                              .digest = 104,
                              .wanted_by = 1u << HEARD,
                              .expires = true,
                              .expired = true};
    struct checker_copy copy = {
        .seq = 2, .epoch = EPOCH, .lane = 4, .lane_seq = 2, .digest = 204, .history = true};
    struct verdict v;

    (void)state;
    checker_stored(c, &row);
    row.seq = row.lane_seq = 2, row.digest = 204;
    checker_stored(c, &row);
    row.seq = row.lane_seq = 3, row.digest = 304;
    checker_stored(c, &row);
    checker_handed(c, HEARD, &copy);
    copy.seq = copy.lane_seq = 3, copy.digest = 304, copy.history = false;
    checker_handed(c, HEARD, &copy);
    v = end(c);
    expect_only(v, late, 1);
}

static void what_expired_is_history_for_a_listener_that_comes_back(void **state)
{
    struct checker *c = three_safe();
    const struct checker_row row = {.seq = 2,
                                    .epoch = EPOCH,
                                    .lane = 4,
                                    .lane_seq = 2,
                                    .digest = 204,
                                    .wanted_by = 1u << HEARD | 1u << ARCHIVED,
                                    .expires = true};
    struct verdict v;

    (void)state;
    store(c, 1, 4, 1);
    checker_stored(c, &row);
    store(c, 3, 4, 3);
    for (unsigned l = HEARD; l <= ARCHIVED; l++) {
        hear_as(c, l, 1, 4, 1);
        hear_as(c, l, 3, 4, 3);
        checker_listener_born(c, l);
        hear_as(c, l, 2, 4, 2);
        hear_as(c, l, 3, 4, 3);
    }
    v = end(c);
    assert_true(verdict_is_clean(&v));
}

static void refusals_are_kept(void **state)
{
    struct checker *c = begin();
    struct verdict v;

    (void)state;
    checker_put_raw(c, 0, 11);
    checker_put_raw(c, 0, 12);
    checker_safe(c, 0, UINT64_MAX);
    put(c, 4, 1);
    checker_safe(c, 0, UINT64_MAX);
    checker_refused(c, 0, 4, 1);
    checker_quarantined(c, 12, false);
    v = end(c);
    expect_only(v, unkept, 2); /* 11, and the one with a place */
}

static void a_conflict_is_foreign(void **state)
{
    struct checker *c = begin();
    struct verdict v;

    (void)state;
    checker_quarantined(c, 12, true);
    v = end(c);
    expect_only(v, foreign, 1);
}

static void an_outbox_made_anew_is_a_loss(void **state)
{
    struct checker *c = begin();
    struct verdict v;

    (void)state;
    checker_sender(c, 0, EPOCH + 1);
    v = end(c);
    expect_only(v, lost, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_books_are_clean),
        cmocka_unit_test(what_was_safe_and_is_not_stored_is_lost),
        cmocka_unit_test(a_receipt_with_another_number_is_a_loss),
        cmocka_unit_test(what_was_killed_before_it_was_safe_may_be_there_or_not),
        cmocka_unit_test(what_was_given_up_must_not_appear),
        cmocka_unit_test(what_puts_made_durable_is_safe_and_the_rest_is_given_up),
        cmocka_unit_test(a_number_given_twice_is_seen),
        cmocka_unit_test(a_message_stored_twice_is_doubled),
        cmocka_unit_test(a_lane_out_of_order_in_the_log_is_reordered),
        cmocka_unit_test(another_lane_may_overtake),
        cmocka_unit_test(other_bytes_than_were_put_are_foreign),
        cmocka_unit_test(a_number_missing_in_the_log_is_a_gap),
        cmocka_unit_test(what_a_listener_did_not_get_is_a_gap),
        cmocka_unit_test(handed_over_twice_in_one_life_is_doubled),
        cmocka_unit_test(a_killed_listener_hears_its_last_turns_again),
        cmocka_unit_test(a_killed_listener_does_not_hear_old_things_again),
        cmocka_unit_test(numbers_going_back_for_a_listener_are_reordered),
        cmocka_unit_test(an_alarm_counts_once_at_its_first_copy),
        cmocka_unit_test(expired_messages_may_be_missed_and_must_not_be_live),
        cmocka_unit_test(what_expired_is_history_for_a_listener_that_comes_back),
        cmocka_unit_test(refusals_are_kept),
        cmocka_unit_test(a_conflict_is_foreign),
        cmocka_unit_test(an_outbox_made_anew_is_a_loss),
    };

    return cmocka_run_group_tests_name("checker", tests, NULL, NULL);
}
