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
    Eocbus__V1__SensorControl control;
    Eocbus__V1__SensorConfiguration numbers;
    Eocbus__V1__ProfileParameter parameter, *parameters[1];
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
    eocbus__v1__sensor_control__init(&now.control);
    now.control.target = now.siren.site;
    now.control.reason = now.siren.reason;
    eocbus__v1__sensor_configuration__init(&now.numbers);
    eocbus__v1__profile_parameter__init(&now.parameter);
    now.numbers.target = now.siren.site;
    now.numbers.reason = now.siren.reason;
    now.parameters[0] = &now.parameter;
    now.numbers.parameters = now.parameters;
    now.numbers.n_parameters = 1;
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
}

/* The machine would refuse it as well, but after two persons had approved it. */
static void in_an_exercise_a_siren_only_tests_itself(void **state)
{
    (void)state;
    now.siren.action = EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SOUND;
    now.siren.pattern = EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_EVACUATE;
    now.siren.duration_s = 60;
    assert_int_equal(draft(STATUS(EXERCISE)), ST_INVALID);
    assert_non_null(strstr(now.err, "legal is SELF_TEST"));
    now.siren.pattern = EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_UNSPECIFIED;
    now.siren.duration_s = 0;
    now.siren.action = EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SILENCE;
    assert_int_equal(draft(STATUS(EXERCISE)), ST_INVALID);
    now.siren.action = EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SELF_TEST;
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

static void is_misfit(const char *word)
{
    assert_int_equal(draft(STATUS(ACTUAL)), ST_INVALID);
    if (strncmp(now.err, word, strlen(word)) != 0)
        fail_msg("not because of %s: %s", word, now.err);
}

static void a_siren_is_told_what_and_how_long_if_it_sounds_and_else_neither(void **state)
{
    (void)state;
    now.siren.pattern = EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_ALL_CLEAR;
    is_misfit("pattern");
    now.siren.action = EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SILENCE;
    is_misfit("pattern");
    now.siren.action = EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SOUND;
    is_misfit("pattern"); /* for how long? */
    now.siren.duration_s = 60;
    assert_int_equal(draft(STATUS(ACTUAL)), ST_OK);
    now.siren.recording = 3;
    is_misfit("recording");
    now.siren.pattern = EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_VOICE;
    assert_int_equal(draft(STATUS(ACTUAL)), ST_OK);
    now.siren.pattern = EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_UNSPECIFIED;
    now.siren.recording = 0;
    is_misfit("pattern");
    now.siren.action = EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SILENCE;
    is_misfit("pattern"); /* silent for a minute? */
    now.siren.duration_s = 0;
    now.siren.recording = 3;
    is_misfit("recording");
    now.siren.recording = 0;
    assert_int_equal(draft(STATUS(ACTUAL)), ST_OK);
}

static void a_gateway_is_told_a_mode_a_time_and_a_span_only_where_they_belong(void **state)
{
    Eocbus__V1__Period span = EOCBUS__V1__PERIOD__INIT;

    (void)state;
    now.m.body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONTROL;
    now.m.sensor_control = &now.control;
    now.control.action = EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_RESTART;
    now.control.mode = EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_MAINTENANCE;
    is_misfit("mode");
    now.control.mode = EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_UNSPECIFIED;
    now.control.duration_s = 60;
    is_misfit("duration_s");
    now.control.action = EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_SET_MODE;
    is_misfit("mode");
    now.control.mode = EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_EVENT;
    assert_int_equal(draft(STATUS(ACTUAL)), ST_OK);
    now.control.span = &span;
    is_misfit("span");
    now.control.action = EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_SEND_HISTORY;
    now.control.mode = EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_UNSPECIFIED;
    now.control.duration_s = 0;
    assert_int_equal(draft(STATUS(ACTUAL)), ST_OK);
    now.control.span = NULL;
    is_misfit("span");
}

static void numbers_hold_before_their_order_is_over(void **state)
{
    (void)state;
    now.m.body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONFIGURATION;
    now.m.sensor_configuration = &now.numbers;
    now.numbers.effective_us = NOW_US + 10 * MINUTE_US;
    assert_int_equal(draft(STATUS(ACTUAL)), ST_OK);
    now.numbers.effective_us++;
    is_misfit("effective_us");
    now.numbers.effective_us = 0;
    now.parameter.name = (char *)"al\u200bpha";
    is_misfit("profile");
    now.parameter.name = (char *)"alpha";
    now.numbers.profile = (char *)"mud\u202eflow";
    is_misfit("profile");
}

static void a_reason_shows_every_sign_it_has(void **state)
{
    static const char *const hidden[] = {"a\nb",     "a\tb",     "a\x7f",        "a\xc2\x85",
                                         "a\u00adb", "a\u200bb", "a\u202eb",     "a\u2028b",
                                         "a\u2066b", "a\ufeffb", "a\U000e0041b", "\u061c"};

    (void)state;
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        now.siren.reason = (char *)(uintptr_t)hidden[i];
        is_misfit("reason");
    }
    now.siren.reason = (char *)"Сел дар Ғусар – «кӯча»… №2 ✓";
    assert_int_equal(draft(STATUS(ACTUAL)), ST_OK);
}

static void an_order_is_for_where_its_machine_is(void **state)
{
    Eocbus__V1__Area drawn = EOCBUS__V1__AREA__INIT;

    (void)state;
    drawn.place_name = (char *)"elsewhere";
    now.m.area = &drawn;
    assert_int_equal(command_set_place(&now.m, "3505203001", now.arena), ST_OK);
    assert_int_equal(now.m.area->n_pcodes, 1);
    assert_string_equal(now.m.area->pcodes[0], "3505203001");
    assert_string_equal(now.m.area->place_name, "");
}

static void the_last_bit_of_an_id_is_the_approved_orders(void **state)
{
    (void)state;
    assert_false(command_is_id_kept(now.draft));
    now.draft[15] = 7;
    assert_true(command_is_id_kept(now.draft));
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
        T(in_an_exercise_a_siren_only_tests_itself),
        T(what_nobody_could_judge_is_no_draft),
        T(a_siren_is_told_what_and_how_long_if_it_sounds_and_else_neither),
        T(a_gateway_is_told_a_mode_a_time_and_a_span_only_where_they_belong),
        T(numbers_hold_before_their_order_is_over),
        T(a_reason_shows_every_sign_it_has),
        T(an_order_is_for_where_its_machine_is),
        T(the_last_bit_of_an_id_is_the_approved_orders),
        T(what_two_sign_one_after_the_other_holds_for_one_order),
        T(no_order_has_five),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
