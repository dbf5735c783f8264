#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/egress/window.h"

static void it_is_closed_without_credit(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, 1000, 0);
    assert_false(window_is_open(&w, 0));
    window_add_credit(&w, 1);
    assert_true(window_is_open(&w, 0));
}

static void credit_has_a_ceiling(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, 1000, 10);
    window_add_credit(&w, UINT32_MAX);
    assert_int_equal(w.credit, WINDOW_CREDIT_MOST);
}

static void it_closes_at_its_bytes_and_opens_when_they_are_acknowledged(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, 1000, 10);
    window_sent(&w, 1, 999);
    assert_true(window_is_open(&w, 0));
    assert_false(window_is_open(&w, 1));
    window_sent(&w, 2, 100);
    assert_false(window_is_open(&w, 0));
    window_acknowledge(&w, 1);
    assert_int_equal(w.unacked_bytes, 100);
    window_acknowledge(&w, 2);
    assert_int_equal(w.unacked_bytes, 0);
}

static void what_was_not_sent_cannot_be_acknowledged(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, 1000, 10);
    window_sent(&w, 7, 100);
    window_acknowledge(&w, 6);
    assert_int_equal(w.unacked_bytes, 100);
    window_acknowledge(&w, UINT64_MAX);
    window_acknowledge(&w, UINT64_MAX);
    assert_int_equal(w.unacked_bytes, 0);
}

/* A million one-byte messages: the marks stay few, and nothing is forgotten. */
static void small_messages_share_marks(void **state)
{
    struct window w;

    (void)state;
    window_init(&w, 6400, 1000000);
    for (uint64_t seq = 1; seq <= 6400; seq++)
        window_sent(&w, seq, 1);
    assert_true(w.count <= WINDOW_MARKS);
    assert_int_equal(w.unacked_bytes, 6400);
    window_acknowledge(&w, 3200);
    assert_true(w.unacked_bytes >= 3200 && w.unacked_bytes <= 3200 + 100);
    window_acknowledge(&w, 6400);
    assert_int_equal(w.unacked_bytes, 0);
}

static void one_mark_per_frame_never_overflows(void **state)
{
    struct window w;
    uint64_t seq = 0;

    (void)state;
    window_init(&w, 64000, 1000000);
    while (window_is_open(&w, 0))
        window_sent(&w, ++seq, 1000);
    for (unsigned i = 0; i < 100; i++) /* over the limit all the same */
        window_sent(&w, ++seq, 1000);
    assert_true(w.count <= WINDOW_MARKS);
    window_acknowledge(&w, seq);
    assert_int_equal(w.unacked_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_closed_without_credit),
        cmocka_unit_test(credit_has_a_ceiling),
        cmocka_unit_test(it_closes_at_its_bytes_and_opens_when_they_are_acknowledged),
        cmocka_unit_test(what_was_not_sent_cannot_be_acknowledged),
        cmocka_unit_test(small_messages_share_marks),
        cmocka_unit_test(one_mark_per_frame_never_overflows),
    };

    return cmocka_run_group_tests_name("egress, window", tests, NULL, NULL);
}
