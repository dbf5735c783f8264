#include "agents/link/summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "proto/wire/json.h"
#include "proto/wire/limits.h"
#include "proto/wire/types.h"

static char text[4096];

static const char *say(const char *json)
{
    ProtobufCMessage *m = NULL;
    struct arena *a;
    struct buf b = {0};
    char err[300] = "";

    assert_int_equal(arena_create(&a, LIMIT_ARENA_BYTES), ST_OK);
    if (json_parse(&m, &eocbus__v1__envelope__descriptor, json, strlen(json), a, err,
                   sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    summary_put(&b, (Eocbus__V1__Envelope *)m);
    buf_put(&b, "", 1);
    assert_false(b.failed);
    snprintf(text, sizeof(text), "%s", (const char *)b.data);
    buf_free(&b);
    arena_destroy(a);
    return text;
}

static void a_flash_report_says_where_and_how_many(void **state)
{
    (void)state;
    assert_string_equal(
        say("{\"flash_report\":{\"hazard\":\"HAZARD_MUDFLOW\",\"village\":\"Veshist\","
            "\"deaths\":0,\"injured\":2,\"houses\":14,\"road_cut\":\"ANSWER_YES\"}}"),
        "mudflow reported at Veshist: 2 injured, 14 houses, road cut");
    assert_string_equal(
        say("{\"area\":{\"pcodes\":[\"3505203\"]},\"flash_report\":{\"hazard\":2}}"),
        "flash flood reported at Ayni 3505203: losses not known yet");
    assert_string_equal(say("{\"flash_report\":{\"hazard\":1,\"road_cut\":1}}"),
                        "mudflow: road cut");
}

static void a_batch_says_what_how_many_and_from_where_to_where(void **state)
{
    (void)state;
    assert_string_equal(
        say("{\"observation_batch\":{\"series\":[{\"type\":\"OBSERVATION_TYPE_RAIN_ACC\","
            "\"unit\":\"UNIT_MILLIMETRE\",\"exponent\":-1,\"first\":2,\"deltas\":[46,-10],\"sample_"
            "count\":3}]}}"),
        "rain acc 3 samples 0.2..4.8 mm");
    assert_string_equal(
        say("{\"observation_batch\":{\"series\":[{\"type\":\"OBSERVATION_TYPE_AIR_T\","
            "\"unit\":\"UNIT_DEGREE_CELSIUS\",\"exponent\":-1,\"first\":-5,\"sample_count\":1}]}}"),
        "air t 1 samples -0.5 degC");
}

static void a_request_says_what_how_many_and_for_where(void **state)
{
    (void)state;
    assert_string_equal(
        say("{\"area\":{\"pcodes\":[\"3505203\"]},\"request_resource\":{\"lines\":[{\"line_id\":1,"
            "\"resource\":{\"name\":\"excavator\"},\"assignment\":{\"quantity\":{\"value\":2,"
            "\"unit\":\"H87\"}}}]}}"),
        "RequestResource: excavator x2, for Ayni 3505203");
    assert_string_equal(say("{\"commit_resource\":{\"lines\":[{\"line_id\":1,\"response\":{"
                            "\"type\":\"RESPONSE_TYPE_DECLINE\","
                            "\"reason\":\"DECLINE_REASON_ROAD_CLOSED\"}}]}}"),
                        "CommitResource: decline (road closed)");
}

static void a_declined_offer_gives_its_reasons_as_codes(void **state)
{
    (void)state;
    assert_string_equal(
        say("{\"offer_response\":{\"household_id\":\"01890a5d-ac96-774b-bcce-b302091f3abc\","
            "\"answer\":\"OFFER_ANSWER_DECLINE\",\"reasons\":[\"OFFER_DECLINE_REASON_NO_MEANS_TO_"
            "MOVE\","
            "\"OFFER_DECLINE_REASON_FOOD_INSECURE_NOW\"]}}"),
        "household 1f3abc..: offer declined: NO_MEANS_TO_MOVE, FOOD_INSECURE_NOW");
}

#define HOUSEHOLD "\"household_id\":\"01890a5d-ac96-774b-bcce-b302091f3abc\","
#define ASSISTED                                                                                   \
    "\"from_state\":\"HOUSEHOLD_STATE_ASSISTED\",\"to_state\":\"HOUSEHOLD_STATE_ASSISTED\","
#define OTHER_ID "\"01890a5d-ac96-774b-bcce-b302091f3abd\""

static void what_is_done_with_a_record_is_said_and_no_state_twice(void **state)
{
    (void)state;
    assert_string_equal(
        say("{\"household_event\":{" HOUSEHOLD ASSISTED
            "\"identity_read\":{\"reader\":\"coes.ayni.registry\",\"purpose\":\"PURPOSE_"
            "ASSISTANCE\"}}}"),
        "household 1f3abc..: assisted, identity opened for assistance by coes.ayni.registry");
    assert_string_equal(say("{\"household_event\":{" HOUSEHOLD ASSISTED
                            "\"authority\":\"Law No. 1537\",\"erased\":{}}}"),
                        "household 1f3abc..: assisted, identity destroyed: Law No. 1537");
    assert_string_equal(say("{\"household_event\":{" HOUSEHOLD ASSISTED
                            "\"erased\":{\"request_id\":" OTHER_ID "}}}"),
                        "household 1f3abc..: assisted, identity destroyed: request 1f3abd..");
    assert_string_equal(say("{\"household_event\":{" HOUSEHOLD ASSISTED "\"erased\":{}}}"),
                        "household 1f3abc..: assisted, identity destroyed: its time was over");
    assert_string_equal(
        say("{\"household_event\":{" HOUSEHOLD "\"from_state\":\"HOUSEHOLD_STATE_ASSISTED\","
            "\"to_state\":\"HOUSEHOLD_STATE_DUPLICATE\",\"duplicate\":{\"duplicate_of\":" OTHER_ID
            "}}}"),
        "household 1f3abc..: assisted -> duplicate, duplicate of 1f3abd..");
}

static void a_decision_says_what_became_of_which_message(void **state)
{
    (void)state;
    assert_string_equal(
        say("{\"decision\":{\"message_id\":\"01890000-0000-7000-8000-000000000001\","
            "\"ruling\":\"RULING_DISMISSED\",\"code\":\"never_came\","
            "\"text\":\"It never came.\",\"decided_by\":\"bus\"}}"),
        "decision: dismissed message 000001.. by bus: It never came.");
}

static void a_long_text_is_cut_between_characters(void **state)
{
    char json[2000] = "{\"activity_log_entry\":{\"position\":\"duty\",\"text\":\"x";
    size_t len = strlen(json);

    (void)state;
    for (int i = 0; i < 200; i++, len += 2)
        memcpy(json + len, "\xd0\x90", 3);
    memcpy(json + len, "\"}}", 4);
    say(json);
    assert_string_equal(text + strlen(text) - 5, "\xd0\x90...");
}

static void what_cannot_be_read_is_said_too(void **state)
{
    struct buf b = {0};

    (void)state;
    summary_put(&b, NULL);
    assert_true(b.len > 0);
    buf_free(&b);
    assert_string_equal(say("{}"), "empty message");
}

/* A body with nothing in it must not crash any of the sentences. */
static void every_type_has_a_sentence_even_when_empty(void **state)
{
    (void)state;
    for (size_t i = 0; i < type_count(); i++) {
        char json[120];

        snprintf(json, sizeof(json), "{\"%s\":{}}", type_at(i)->name);
        assert_true(strlen(say(json)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flash_report_says_where_and_how_many),
        cmocka_unit_test(a_batch_says_what_how_many_and_from_where_to_where),
        cmocka_unit_test(a_request_says_what_how_many_and_for_where),
        cmocka_unit_test(a_declined_offer_gives_its_reasons_as_codes),
        cmocka_unit_test(what_is_done_with_a_record_is_said_and_no_state_twice),
        cmocka_unit_test(a_decision_says_what_became_of_which_message),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(what_cannot_be_read_is_said_too),
        cmocka_unit_test(every_type_has_a_sentence_even_when_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
