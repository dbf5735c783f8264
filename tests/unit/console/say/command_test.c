#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agents/console/say/command.h"
#include "proto/base/sign.h"
#include "proto/wire/order.h"

#define STATUS(word) EOCBUS__V1__STATUS__STATUS_##word
#define MINUTE_US    INT64_C(60000000)
#define NOW_US       INT64_C(1790000000000000)

static struct {
    struct arena *arena;
    Eocbus__V1__Envelope m;
    Eocbus__V1__SirenCommand siren;
    uint8_t draft[16], id[16];
    char err[200];
} now;

static int set_up(void **state)
{
    (void)state;
    memset(&now, 0, sizeof(now));
    eocbus__v1__envelope__init(&now.m);
    eocbus__v1__siren_command__init(&now.siren);
    now.m.body_case = EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND;
    now.m.siren_command = &now.siren;
    now.m.event_time_us = NOW_US - 5 * MINUTE_US; /* the page's clock is behind */
    now.m.not_after_us = NOW_US + 5 * MINUTE_US;
    now.siren.site = (char *)"coes.siren1";
    now.siren.action = EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SELF_TEST;
    now.siren.reason = (char *)"the monthly test";
    memset(now.draft, 6, sizeof(now.draft));
    return arena_create(&now.arena, 65536) == ST_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(now.arena);
    return 0;
}

static enum status draft(Eocbus__V1__Status room)
{
    return command_draft(&now.m, room, NOW_US, now.err, sizeof(now.err));
}

static void a_draft_is_for_people_and_lives_as_long_as_the_page_said(void **state)
{
    (void)state;
    assert_int_equal(draft(STATUS(ACTUAL)), ST_OK);
    assert_int_equal(now.m.status, STATUS(SYSTEM));
    assert_true(order_is_draft(&now.m));
    assert_int_equal(now.m.not_after_us, NOW_US + 10 * MINUTE_US);
    assert_int_equal(now.siren.remaining_ms, 600000);
    now.m.event_time_us = NOW_US;
    assert_int_equal(draft(STATUS(EXERCISE)), ST_OK);
    assert_int_equal(now.m.status, STATUS(TEST));
}

static void what_nobody_could_judge_is_no_draft(void **state)
{
    Eocbus__V1__Approval one = EOCBUS__V1__APPROVAL__INIT, *rows[] = {&one};

    (void)state;
    now.siren.reason = (char *)"";
    assert_int_equal(draft(STATUS(ACTUAL)), ST_INVALID);
    assert_non_null(strstr(now.err, "why"));
    now.siren.reason = (char *)"a test";
    now.siren.site = (char *)"";
    assert_int_equal(draft(STATUS(ACTUAL)), ST_INVALID);
    now.siren.site = (char *)"coes.siren1";
    now.m.not_after_us = now.m.event_time_us + 15 * MINUTE_US + 1;
    assert_int_equal(draft(STATUS(ACTUAL)), ST_INVALID);
    now.m.not_after_us = now.m.event_time_us + MINUTE_US - 1;
    assert_int_equal(draft(STATUS(ACTUAL)), ST_INVALID);
    now.m.not_after_us = now.m.event_time_us + 15 * MINUTE_US;
    assert_int_equal(order_set_approvals(&now.m, rows, 1), ST_OK);
    assert_int_equal(draft(STATUS(ACTUAL)), ST_INVALID);
    assert_int_equal(order_set_approvals(&now.m, NULL, 0), ST_OK);
    assert_int_equal(draft(STATUS(ACTUAL)), ST_OK);
}

static void of_draft(void)
{
    assert_int_equal(command_of_draft(&now.m, STATUS(ACTUAL), "coes.desk", now.draft, now.arena),
                     ST_OK);
}

static bool fits(const Eocbus__V1__Approval *a, const struct keys *k)
{
    uint8_t public[KEY_BYTES];
    struct buf bytes = {0};
    bool good;

    assert_int_equal(keys_z85_decode(public, k->sign_public_z85), ST_OK);
    assert_int_equal(order_put_approved(&bytes, &now.m, a->principal, a->approved_us), ST_OK);
    good = sign_is_good(public, DOMAIN_APPROVAL, bytes.data, bytes.len, a->signature.data);
    buf_free(&bytes);
    return good;
}

/* The first signs, it is kept as a draft, and read again for the second: both hold for the order.
 */
static void what_two_sign_one_after_the_other_holds_for_one_order(void **state)
{
    struct keys one, other;
    Eocbus__V1__Approval *first = NULL, *second = NULL;

    (void)state;
    assert_int_equal(keys_generate(&one), ST_OK);
    assert_int_equal(keys_generate(&other), ST_OK);
    assert_int_equal(draft(STATUS(ACTUAL)), ST_OK);
    now.m.sent_time_us = NOW_US;
    of_draft();
    assert_int_equal(command_sign(&now.m, "coes.rahimov", NOW_US, &one, now.arena, &first), ST_OK);
    assert_int_equal(command_keep(&now.m, STATUS(ACTUAL), now.id, now.arena), ST_OK);
    assert_true(order_is_draft(&now.m));
    assert_memory_equal(now.m.message_id.data, now.id, 16);
    assert_true(command_is_approved_by(&now.m, "coes.rahimov"));
    assert_false(fits(first, &one)); /* for the draft it is worth nothing */
    of_draft();
    assert_int_equal(now.m.message_id.data[15], 7);
    assert_memory_equal(now.m.preceding_id.data, now.draft, 16);
    assert_int_equal(command_sign(&now.m, "coes.sharipov", NOW_US, &other, now.arena, &second),
                     ST_OK);
    assert_true(fits(first, &one));
    assert_true(fits(second, &other));
    assert_false(fits(second, &one));
    now.siren.duration_s = 1;
    assert_false(fits(first, &one));
}

static void no_order_has_five(void **state)
{
    struct keys k;
    Eocbus__V1__Approval *mine = NULL;

    (void)state;
    assert_int_equal(keys_generate(&k), ST_OK);
    of_draft();
    for (unsigned i = 0; i < APPROVALS_MOST; i++)
        assert_int_equal(command_sign(&now.m, "coes.rahimov", NOW_US, &k, now.arena, &mine), ST_OK);
    assert_int_equal(command_sign(&now.m, "coes.rahimov", NOW_US, &k, now.arena, &mine), ST_FULL);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_draft_is_for_people_and_lives_as_long_as_the_page_said),
        T(what_nobody_could_judge_is_no_draft),
        T(what_two_sign_one_after_the_other_holds_for_one_order),
        T(no_order_has_five),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
