/* A person types as much of an ID as is needed, from either end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agents/link/office_pick.h"

#include "proto/base/banned.h"

static const char *const ids[] = {
    "01a20022-28b6-7989-a6fb-18deaaacafcb", "01a20022-28b6-7989-a6fb-18deaac0ffee",
    "01a20022-28b6-7989-a6fb-18deaac0ffee", "01a30000-0000-7000-8000-000000000001"};

static unsigned count(const char *word)
{
    struct pick p;

    if (!pick_begin(&p, word))
        return 99;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        pick_look_at(&p, ids[i]);
    return p.count;
}

static void a_whole_id_a_beginning_and_an_end_will_do(void **state)
{
    (void)state;
    assert_int_equal(count(ids[0]), 1);
    assert_int_equal(count("01A20022-28b6-7989-a6fb-18deaaacafcb"), 1);
    assert_int_equal(count("01a3"), 1);
    assert_int_equal(count("01a30000-00"), 1);
    assert_int_equal(count("c0ffee.."), 1); /* as summaries show it */
    assert_int_equal(count("..c0ffee"), 1);
    assert_int_equal(count("c0ffee"), 1);
}

static void what_fits_several_or_none_is_counted(void **state)
{
    (void)state;
    assert_int_equal(count("01a2"), 2);
    assert_int_equal(count("01a20022-28b6-7989-a6fb-18deaa"), 2);
    assert_int_equal(count("beef"), 0);
    assert_int_equal(count("01a20022-28b6-7989-a6fb-18deaaacafc0"), 0);
}

static void what_can_be_no_id_is_told_from_one_that_did_not_come(void **state)
{
    (void)state;
    assert_int_equal(count(".."), 99);
    assert_int_equal(count(""), 99);
    assert_int_equal(count("1a2"), 99);
    assert_int_equal(count("road_closed"), 99);
    assert_int_equal(count("01a20022-28b6-7989-a6fb-18deaaacafcb0"), 99);
    assert_int_equal(count("01..a2"), 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_id_a_beginning_and_an_end_will_do),
        cmocka_unit_test(what_fits_several_or_none_is_counted),
        cmocka_unit_test(what_can_be_no_id_is_told_from_one_that_did_not_come),
    };

    return cmocka_run_group_tests_name("office_pick", tests, NULL, NULL);
}
