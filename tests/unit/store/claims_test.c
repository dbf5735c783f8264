/* One principal proves nothing, two do, and only what was looked at since counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/store/claims.h"

#include "proto/base/banned.h"

static enum claims_say claim(struct claims *c, int32_t principal_id, uint64_t seq)
{
    const struct place place = {3, seq}, log = {3, 80};
    struct claim lost;

    claims_add(c, principal_id, &place);
    claims_ask(c);
    return claims_judge(c, &log, &lost);
}

static void what_the_log_holds_is_no_claim(void **state)
{
    struct claims c = {0};

    (void)state;
    assert_int_equal(claim(&c, 1, 80), CLAIMS_NOTHING);
    assert_int_equal(c.count, 0);
}

static void one_principal_is_heard_once(void **state)
{
    struct claims c = {0};

    (void)state;
    assert_int_equal(claim(&c, 1, 100), CLAIMS_ONE);
    assert_int_equal(claim(&c, 1, 90), CLAIMS_NOTHING);
}

static void two_principals_decide(void **state)
{
    struct claims c = {0};

    (void)state;
    assert_int_equal(claim(&c, 1, 100), CLAIMS_ONE);
    assert_int_equal(claim(&c, 2, 81), CLAIMS_TWO);
}

static void a_look_that_began_before_says_nothing(void **state)
{
    struct claims c = {0};
    const struct place place = {3, 81}, before = {3, 80}, after = {3, 81};
    struct claim lost;

    (void)state;
    claims_add(&c, 1, &place);
    assert_int_equal(claims_judge(&c, &before, &lost), CLAIMS_NOTHING);
    assert_int_equal(c.count, 1);
    claims_ask(&c);
    assert_int_equal(claims_judge(&c, &after, &lost), CLAIMS_NOTHING);
    assert_int_equal(c.count, 0);
}

static void another_epoch_is_not_this_log(void **state)
{
    struct claims c = {0};
    const struct place newer = {4, 100}, log = {3, 80};
    struct claim lost;

    (void)state;
    claims_add(&c, 1, &newer);
    claims_ask(&c);
    assert_int_equal(claims_judge(&c, &log, &lost), CLAIMS_NOTHING);
}

static void more_claims_than_there_is_room_for_are_forgotten(void **state)
{
    struct claims c = {0};
    const struct place place = {3, 100};

    (void)state;
    for (int i = 0; i < 100; i++)
        claims_add(&c, i + 1, &place);
    assert_int_equal(c.count, CLAIMS_OPEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_log_holds_is_no_claim),
        cmocka_unit_test(one_principal_is_heard_once),
        cmocka_unit_test(two_principals_decide),
        cmocka_unit_test(a_look_that_began_before_says_nothing),
        cmocka_unit_test(another_epoch_is_not_this_log),
        cmocka_unit_test(more_claims_than_there_is_room_for_are_forgotten),
    };

    return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
