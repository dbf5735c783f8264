#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "agents/console/say/say.h"

#define NOW_US INT64_C(1800000000000000)

struct desk {
    struct arena *arena;
    Eocbus__V1__Envelope *m;
    char err[400];
};

static int open_desk(void **state)
{
    static struct desk d;

    memset(&d, 0, sizeof(d));
    *state = &d;
    return arena_create(&d.arena, 1 << 18) == ST_OK ? 0 : -1;
}

static int close_desk(void **state)
{
    arena_destroy(((struct desk *)*state)->arena);
    return 0;
}

static enum status read_text(struct desk *d, const char *json)
{
    return say_read(&d->m, json, strlen(json), "coes.dushanbe.nazarov", NOW_US, d->arena, d->err,
                    sizeof(d->err));
}

static const char receipt[] =
    "{\"status\":\"STATUS_ACTUAL\",\"receipt\":{\"message_id\":"
    "\"01a20301-33de-71ef-a41f-535112f67401\","
    "\"level\":\"RECEIPT_LEVEL_ACCEPTED\",\"by\":\"coes.dushanbe.nazarov\","
    "\"time_us\":\"1800000000000000\"}}";

static void test_the_person_and_the_urgency_are_ours(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_text(d, receipt), ST_OK);
    assert_string_equal(d->m->author, "coes.dushanbe.nazarov");
    assert_int_equal(d->m->lane, EOCBUS__V1__LANE__LANE_IMMEDIATE);
    assert_int_equal(d->m->kind, EOCBUS__V1__KIND__KIND_ACK);
    assert_int_equal(d->m->event_time_us, NOW_US);
    assert_int_equal(d->m->label, EOCBUS__V1__LABEL__LABEL_INTERNAL);
}

static void test_nobody_receipts_for_another(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_text(d, "{\"receipt\":{\"by\":\"coes.house01\"}}"), ST_INVALID);
    assert_int_equal(read_text(d, "{\"receipt\":{}}"), ST_OK);
    assert_string_equal(d->m->receipt->by, "coes.dushanbe.nazarov");
}

/* The page's own word about its urgency counts for nothing. */
static void test_a_page_makes_no_flash(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_text(d, "{\"lane\":\"LANE_FLASH\",\"kind\":\"KIND_DISPATCH\",\"general_"
                                  "message\":{\"text\":\"x\"}}"),
                     ST_OK);
    assert_int_equal(d->m->lane, EOCBUS__V1__LANE__LANE_ROUTINE);
    assert_int_equal(d->m->kind, EOCBUS__V1__KIND__KIND_REPORT);
}

/* Of a request the lane is its priority: Urgent, Routine or Low. */
static void test_a_page_says_how_urgent_a_request_is_and_nothing_else(void **state)
{
    struct desk *d = *state;

    assert_int_equal(
        read_text(d, "{\"lane\":\"LANE_BULK\",\"request_resource\":{\"description\":\"x\"}}"),
        ST_OK);
    assert_int_equal(d->m->lane, EOCBUS__V1__LANE__LANE_BULK);
    assert_int_equal(
        read_text(d, "{\"lane\":\"LANE_FLASH\",\"request_resource\":{\"description\":\"x\"}}"),
        ST_OK);
    assert_int_equal(d->m->lane, EOCBUS__V1__LANE__LANE_PRIORITY);
    assert_int_equal(
        read_text(d, "{\"lane\":\"LANE_BULK\",\"commit_resource\":{\"description\":\"x\"}}"),
        ST_OK);
    assert_int_equal(d->m->lane, EOCBUS__V1__LANE__LANE_PRIORITY);
}

static void test_a_page_opens_an_incident_or_describes_it(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_text(d, "{\"kind\":\"KIND_REPORT\",\"incident\":{\"name\":\"x\"}}"),
                     ST_OK);
    assert_int_equal(d->m->kind, EOCBUS__V1__KIND__KIND_REPORT);
    assert_int_equal(read_text(d, "{\"incident\":{\"name\":\"x\"}}"), ST_OK);
    assert_int_equal(d->m->kind, EOCBUS__V1__KIND__KIND_UPDATE);
    assert_int_equal(read_text(d, "{\"kind\":\"KIND_CANCEL\",\"incident\":{\"name\":\"x\"}}"),
                     ST_OK);
    assert_int_equal(d->m->kind, EOCBUS__V1__KIND__KIND_UPDATE);
}

static void test_a_page_does_not_say_who_it_is(void **state)
{
    static const char *const texts[] = {
        "{\"sender\":\"coes.other\",\"general_message\":{\"text\":\"x\"}}",
        "{\"author\":\"coes.other\",\"general_message\":{\"text\":\"x\"}}",
        "{\"lane_seq\":7,\"general_message\":{\"text\":\"x\"}}",
        "{\"sent_time_us\":\"1800000000000000\",\"general_message\":{\"text\":\"x\"}}",
        "{\"played\":{},\"general_message\":{\"text\":\"x\"}}",
    };
    struct desk *d = *state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_int_equal(read_text(d, texts[i]), ST_INVALID);
}

static void test_what_no_page_says_is_refused(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_text(d, "{\"siren_report\":{\"site\":\"a\"}}"), ST_DENIED);
    assert_int_equal(read_text(d, "{\"sensor_detection\":{\"profile\":\"a\"}}"), ST_DENIED);
    assert_int_equal(read_text(d, "{}"), ST_DENIED);
}

static void test_what_cannot_be_read_is_said_with_its_path(void **state)
{
    struct desk *d = *state;

    assert_int_equal(read_text(d, "{\"receipt\":{\"lewel\":1}}"), ST_INVALID);
    assert_non_null(strstr(d->err, "lewel"));
    assert_int_equal(read_text(d, ""), ST_INVALID);
    assert_int_equal(read_text(d, "[[[[[["), ST_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nobody_receipts_for_another, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(test_the_person_and_the_urgency_are_ours, open_desk,
                                        close_desk),
        cmocka_unit_test_setup_teardown(test_a_page_makes_no_flash, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(test_a_page_says_how_urgent_a_request_is_and_nothing_else,
                                        open_desk, close_desk),
        cmocka_unit_test_setup_teardown(test_a_page_opens_an_incident_or_describes_it, open_desk,
                                        close_desk),
        cmocka_unit_test_setup_teardown(test_a_page_does_not_say_who_it_is, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(test_what_no_page_says_is_refused, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_read_is_said_with_its_path, open_desk,
                                        close_desk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
