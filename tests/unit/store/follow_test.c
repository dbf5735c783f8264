/* Every number once, ascending, whoever stored it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "broker/store/follow.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

static struct {
    uint64_t next[64];
    unsigned count, reads;
    uint64_t after, upto;
    store_page_fn page;
    void *page_arg;
    enum status read_status;
} seen;

static void on_next(void *arg, struct parcel **take)
{
    (void)arg;
    assert_false((*take)->history);
    seen.next[seen.count++] = (*take)->seq;
    parcel_drop(take);
}

static enum status on_read(void *arg, uint64_t after, uint64_t upto, store_page_fn page,
                           void *page_arg)
{
    (void)arg;
    seen.reads++;
    seen.after = after, seen.upto = upto;
    seen.page = page, seen.page_arg = page_arg;
    return seen.read_status;
}

static struct follow started(uint64_t head)
{
    const struct follow_exits exits = {.next = on_next, .read = on_read};
    struct follow f;

    log_set_level(LOG_ERROR);
    memset(&seen, 0, sizeof(seen));
    follow_init(&f, &exits);
    follow_seen(&f, 1, head);
    return f;
}

static struct parcel *parcel_of(uint64_t seq)
{
    struct parcel *p = parcel_create("x", 1, NULL, 0);

    p->seq = seq;
    p->log_epoch = 1;
    return p;
}

static void own(struct follow *f, uint64_t before, uint64_t head)
{
    struct list list;

    list_init(&list);
    for (uint64_t seq = before + 1; seq <= head; seq++)
        list_add_tail(&list, &parcel_of(seq)->link);
    follow_own(f, &list, before, head);
    assert_true(list_empty(&list));
}

/* The database answers the page that was asked for, up to `last`. */
static void answer(uint64_t first, uint64_t last)
{
    struct parcel *p, *none = NULL;

    for (uint64_t seq = first; seq <= last; seq++) {
        p = parcel_of(seq);
        p->history = true;
        seen.page(seen.page_arg, ST_OK, &p, 0);
        parcel_drop(&p);
    }
    seen.page(seen.page_arg, ST_OK, &none, last);
}

static void assert_handed(uint64_t first, uint64_t last)
{
    assert_int_equal(seen.count, last - first + 1);
    for (unsigned i = 0; i < seen.count; i++)
        assert_int_equal(seen.next[i], first + i);
}

static void following_begins_at_the_head_that_was_found(void **state)
{
    struct follow f = started(100);

    (void)state;
    assert_int_equal(f.handed, 100);
    assert_int_equal(seen.reads, 0);
}

static void own_numbers_go_straight_on(void **state)
{
    struct follow f = started(100);

    (void)state;
    own(&f, 100, 103);
    own(&f, 103, 104);
    assert_handed(101, 104);
    assert_int_equal(seen.reads, 0);
}

static void numbers_of_others_are_read_and_own_ones_behind_them_too(void **state)
{
    struct follow f = started(100);

    (void)state;
    own(&f, 102, 104); /* 101 and 102 are somebody else's */
    assert_int_equal(seen.count, 0);
    assert_int_equal(seen.after, 100);
    assert_int_equal(seen.upto, 104);
    own(&f, 104, 105); /* while the page is under way */
    answer(101, 104);
    assert_int_equal(seen.reads, 2);
    answer(105, 105);
    assert_handed(101, 105);
    own(&f, 105, 106);
    assert_handed(101, 106);
}

static void a_failed_page_is_asked_again_when_the_head_is_seen(void **state)
{
    struct follow f = started(0);
    struct parcel *none = NULL;

    (void)state;
    seen.read_status = ST_CLOSED;
    follow_seen(&f, 1, 2);
    seen.read_status = ST_OK;
    follow_seen(&f, 1, 2);
    assert_int_equal(seen.reads, 2);
    seen.page(seen.page_arg, ST_CLOSED, &none, 0);
    follow_seen(&f, 1, 2);
    assert_int_equal(seen.reads, 3);
    answer(1, 2);
    assert_handed(1, 2);
}

static void a_span_without_rows_is_passed_over(void **state)
{
    struct follow f = started(0);
    struct parcel *none = NULL;

    (void)state;
    follow_seen(&f, 1, 600);
    seen.page(seen.page_arg, ST_OK, &none, 512);
    assert_int_equal(f.handed, 512);
    assert_int_equal(seen.after, 512);
}

static void another_epoch_begins_anew_and_forgets_the_page_under_way(void **state)
{
    struct follow f = started(0);

    (void)state;
    follow_seen(&f, 1, 5);
    follow_seen(&f, 2, 3); /* a backup was restored */
    answer(1, 5);
    assert_int_equal(seen.count, 0);
    assert_int_equal(f.handed, 3);
    own(&f, 3, 4);
    assert_int_equal(seen.count, 1);
}

static void a_page_of_a_newer_log_is_not_handed_on_as_one_of_the_old(void **state)
{
    struct follow f = started(0);
    struct parcel *p = parcel_of(4), *none = NULL;

    (void)state;
    follow_seen(&f, 1, 5);
    p->log_epoch = 2; /* restored up to 3, and going on; nobody has told us yet */
    seen.page(seen.page_arg, ST_OK, &p, 0);
    parcel_drop(&p);
    seen.page(seen.page_arg, ST_OK, &none, 4);
    follow_seen(&f, 1, 5);
    assert_int_equal(seen.count, 0);
    assert_int_equal(seen.reads, 1);
    follow_seen(&f, 2, 4);
    own(&f, 4, 5);
    assert_handed(5, 5);
}

static void repeated_and_refused_ones_are_not_handed_on(void **state)
{
    struct follow f = started(10);
    struct parcel *again = parcel_of(4), *bad = parcel_of(0), *new = parcel_of(11);
    struct list list;

    (void)state;
    again->repeated = true;
    bad->refused = mem_zalloc(sizeof(*bad->refused));
    list_init(&list);
    list_add_tail(&list, &again->link);
    list_add_tail(&list, &bad->link);
    list_add_tail(&list, &new->link);
    follow_own(&f, &list, 10, 11);
    assert_handed(11, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(following_begins_at_the_head_that_was_found),
        cmocka_unit_test(own_numbers_go_straight_on),
        cmocka_unit_test(numbers_of_others_are_read_and_own_ones_behind_them_too),
        cmocka_unit_test(a_failed_page_is_asked_again_when_the_head_is_seen),
        cmocka_unit_test(a_span_without_rows_is_passed_over),
        cmocka_unit_test(another_epoch_begins_anew_and_forgets_the_page_under_way),
        cmocka_unit_test(a_page_of_a_newer_log_is_not_handed_on_as_one_of_the_old),
        cmocka_unit_test(repeated_and_refused_ones_are_not_handed_on),
    };

    return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
