/* What a terminal makes of an answer for the dispatchers' page; tests/e2e/queue.mjs holds the two
 * beside each other. */
#include "agents/ctl/room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "agents/ctl/room_words.h"
#include "agents/link/print.h"

#include "proto/base/banned.h"

/* 07:00 UTC is noon in Dushanbe. */
#define NOON INT64_C(1786345200) /* 2026-08-10T07:00:00Z */

static struct room_eye eye = {
    .lang = LANG_ENGLISH, .me = "coes.ayni.duty", .place = "", .now_s = NOON};
static struct buf out;

static const char *text_of(void)
{
    buf_put(&out, "", 1);
    assert_false(out.failed);
    return (const char *)out.data;
}

/* The places of the rows that stay, one behind the other: each row below has one of its own. */
static const char *order_of(const struct json_t *rows)
{
    static char order[200];
    const char *at;

    order[0] = '\0';
    buf_clear(&out);
    room_put_json(&out, rows, "queue");
    for (at = text_of(); (at = strstr(at, "\"places\":\"")); at += 10)
        strncat(order, at + 10, 1);
    return order;
}

static struct room_list list;

static const struct room_list *read_list(const char *answer)
{
    room_free(&list);
    assert_int_equal(room_read(&list, answer, &eye), ST_OK);
    return &list;
}

#define ROW(precedence, turn, what, since, status, place)                                          \
    "{\"precedence\":" #precedence ",\"turn\":" #turn ",\"what\":\"" what                          \
    "\",\"since\":\"2026-08-" since "+00:00\",\"status\":\"" status "\",\"places\":\"" place       \
    "\",\"id\":\"x\"}"

static void the_order_and_the_counts_are_those_of_the_page(void **state)
{
    const struct room_list *l = read_list(
        "{\"total\":400,\"items\":[" ROW(1, 1, "order", "10T01:00:00", "ACTUAL", "d") "," ROW(
            3, 0, "request", "10T01:00:00", "ACTUAL",
            "f") "," ROW(1, -1, "alert", "10T06:00:00.5", "ACTUAL",
                         "c") "," ROW(1, -1, "alert", "10T06:00:00", "ACTUAL",
                                      "b") "," ROW(1, 0, "report", "09T01:00:00", "ACTUAL",
                                                   "a") "],\"messages\":[{\"what\":\"message\","
                                                        "\"lane\":\"LANE_IMMEDIATE\","
                                                        "\"since\":\"2026-08-10T06:00:00+00:00\","
                                                        "\"status\":\"ACTUAL\","
                                                        "\"places\":\"e\"}]}");

    (void)state;
    assert_string_equal(order_of(l->now), "bcadef");
    assert_int_equal(l->total, 401);
}

static void what_an_exercise_of_another_day_has_left_is_folded_away_and_nothing_else(void **state)
{
    const struct room_list *l = read_list("{\"total\":9,\"past\":5,\"items\":[" ROW(
        1, -1, "alert", "09T06:59:59", "EXERCISE",
        "a") "," ROW(1, -1, "alert", "09T07:00:01", "EXERCISE",
                     "b") "," ROW(1, -1, "alert", "01T00:00:00", "ACTUAL", "c") "]}");

    (void)state;
    assert_string_equal(order_of(l->now), "cb");
    assert_string_equal(order_of(l->past), "a");
    assert_int_equal(l->total, 4);
    assert_int_equal(l->past_total, 5);
}

static void an_alarm_of_this_minute_is_seen_where_hundreds_are_open(void **state)
{
    struct buf answer = {0};

    (void)state;
    buf_puts(&answer, "{\"total\":41,\"items\":[");
    for (int i = 0; i < 40; i++)
        buf_puts(&answer, ROW(1, -1, "alert", "10T01:00:00", "ACTUAL", "o") ",");
    buf_puts(&answer, ROW(1, -1, "alert", "10T06:59:30", "ACTUAL", "n") "]}");
    buf_put(&answer, "", 1);
    assert_memory_equal(order_of(read_list((const char *)answer.data)->now), "noo", 3);
    buf_free(&answer);
}

static void a_flood_of_reports_stands_above_no_alarm(void **state)
{
    struct buf answer = {0};

    (void)state;
    buf_puts(&answer, "{\"total\":41,\"items\":[");
    for (int i = 0; i < 40; i++)
        buf_puts(&answer, ROW(1, 0, "report", "10T06:59:30", "ACTUAL", "r") ",");
    buf_puts(&answer, ROW(1, -1, "alert", "10T06:58:00", "ACTUAL", "a") "]}");
    buf_put(&answer, "", 1);
    assert_memory_equal(order_of(read_list((const char *)answer.data)->now), "arr", 3);
    buf_free(&answer);
}

static void one_place_s_things_are_those_that_lie_there_too(void **state)
{
    (void)state;
    eye.place = "3505";
    assert_string_equal(
        order_of(read_list("{\"total\":3,\"items\":[" ROW(
                               1, -1, "alert", "10T01:00:00", "ACTUAL",
                               "1507203 3505203") "," ROW(1, -1, "alert", "10T02:00:00", "ACTUAL",
                                                          "2507203") "]}")
                     ->now),
        "1");
    assert_int_equal(list.total, 1);
    eye.place = "";
}

static void what_is_no_answer_is_refused(void **state)
{
    struct room_list l;

    (void)state;
    assert_int_equal(room_read(&l, "", &eye), ST_INVALID);
    assert_int_equal(room_read(&l, "{}", &eye), ST_INVALID);
    assert_int_equal(room_read(&l, "{\"items\":{}}", &eye), ST_INVALID);
}

static void expect_item(enum lang lang, const char *row, const char *wanted)
{
    char answer[2000];

    eye.lang = lang;
    snprintf(answer, sizeof(answer), "{\"total\":1,\"items\":[%s]}", row);
    read_list(answer);
    buf_clear(&out);
    room_put_rows(&out, &eye, list.now, 1, room_put_item);
    assert_string_equal(text_of(), wanted);
}

/* In the margin stands how urgent it is, and nothing is wider than a terminal. */
static void expect_lines_that_fit(enum lang lang, const char *row)
{
    char answer[2000];
    const char *end;

    eye.lang = lang;
    snprintf(answer, sizeof(answer), "{\"total\":1,\"items\":[%s]}", row);
    read_list(answer);
    buf_clear(&out);
    room_put_rows(&out, &eye, list.now, 1, room_put_item);
    for (const char *line = text_of(); *line; line = end + 1) {
        end = strchr(line, '\n');
        assert_in_range(print_width(line, (size_t)(end - line)), 15, 80);
        assert_int_equal(*line == ' ', line != (const char *)out.data);
    }
}

static const char detected[] =
    "{\"what\":\"alert\",\"precedence\":1,\"since\":\"2026-08-10T06:30:00+00:00\",\"status\":"
    "\"EXERCISE\",\"state\":\"ISSUED\",\"places\":\"3505203\",\"place\":\"Айнӣ\",\"hazard\":"
    "\"MUDFLOW\",\"detail\":\"ALARM\",\"by\":\"coes.tj3505203.gw07\",\"due_at\":"
    "\"2026-08-11T06:31:00+00:00\",\"asked\":\"duty@3505203\",\"acks\":1,\"acks_needed\":2,"
    "\"answers\":[\"coes.ayni.duty ACCEPTED\"],\"nobody_on_duty\":[\"duty@3505000\"],"
    "\"detection\":{\"level\":\"DETECTION_LEVEL_ALARM\",\"text\":\"stage\",\"front_speed_m_s\":3.3,"
    "\"evidence\":[{\"type\":\"OBSERVATION_TYPE_STAGE\",\"unit\":\"UNIT_METRE\",\"value\":\"2437\","
    "\"exponent\":-3,\"threshold\":\"2000\",\"datastream_id\":4,\"duration_s\":170},"
    "{\"type\":\"OBSERVATION_TYPE_TRIPWIRE\",\"datastream_id\":7}]}}";

static void an_alarm_says_what_was_measured_whom_it_asked_and_who_answered(void **state)
{
    (void)state;
    expect_item(
        LANG_ENGLISH, detected,
        "FLASH         11:30 · Alarm · mudflow · exercise\n"
        "              Айнӣ · coes.tj3505203.gw07\n"
        "              «water level 2.44\u00a0m, the line is 2\u00a0m (channel 4), for 3 min; the\n"
        "              wire is cut (channel 7); the front comes at 3.3 m/s»\n"
        "              nobody has answered · asked: duty@3505203 · by 11\u00a0Aug\u00a011:31 · 1 "
        "of\n"
        "              2 have taken it · yours is counted · nobody is on duty:\n"
        "              duty@3505000\n");
    expect_lines_that_fit(LANG_TAJIK, detected);
    expect_lines_that_fit(LANG_RUSSIAN, detected);
}

static void codes_are_called_as_people_call_them(void **state)
{
    struct json_t *names =
        room_read_names("{\"names\":{\"coes.tj3505203.gw07\":\"Gateway gw07, Ayni\",\"duty@\":"
                        "\"Duty officer\",\"3505203\":\"Ayni\"}}");

    (void)state;
    assert_non_null(names);
    eye.names = names;
    expect_item(LANG_ENGLISH,
                "{\"what\":\"alert\",\"precedence\":1,\"since\":\"2026-08-10T06:30:00+00:00\","
                "\"status\":\"ACTUAL\",\"state\":\"ISSUED\",\"places\":\"350520301\",\"detail\":"
                "\"ALARM\",\"by\":\"coes.tj3505203.gw07\",\"asked\":\"duty@350520301, "
                "chief@3505203, x.y\"}",
                "FLASH         11:30 · Alarm\n"
                "              350520301 · Gateway gw07, Ayni\n"
                "              nobody has answered · asked: Duty officer, Ayni, chief@3505203,\n"
                "              x.y\n");
    expect_item(
        LANG_ENGLISH,
        "{\"what\":\"alert\",\"precedence\":1,\"since\":\"2026-08-10T06:30:00+00:00\","
        "\"status\":\"ACTUAL\",\"state\":\"ISSUED\",\"places\":\"3505203\",\"place\":\"Ayni\","
        "\"detail\":\"ALARM\",\"by\":\"coes.tj3505203.gw07\"}",
        "FLASH         11:30 · Alarm\n"
        "              Ayni · Gateway gw07\n"
        "              nobody has answered\n");
    room_free_names(names);
    eye.names = NULL;
}

static void an_order_names_the_machine_and_how_many_still_approve(void **state)
{
    (void)state;
    expect_item(LANG_RUSSIAN,
                "{\"what\":\"order\",\"precedence\":1,\"since\":\"2026-08-09T20:00:00+00:00\","
                "\"status\":\"ACTUAL\",\"state\":\"WAITING\",\"places\":\"3505203\",\"place\":"
                "\"Айни\",\"detail\":\"coes.tj3505203.gw07 SOUND EVACUATE\",\"amount\":2,\"by\":"
                "\"coes.ayni.duty\"}",
                "МОЛНИЯ        01:00 · Приказ на утверждение\n"
                "              Айни · Звук: эвакуация · coes.tj3505203.gw07 · coes.ayni.duty\n"
                "              ждёт второго человека · утвердить ещё: 2\n");
}

static void what_is_asked_for_is_said_in_the_reader_s_language(void **state)
{
    (void)state;
    expect_item(LANG_RUSSIAN,
                "{\"what\":\"request\",\"precedence\":3,\"since\":\"2026-08-10T06:00:00+00:00\","
                "\"status\":\"ACTUAL\",\"state\":\"OPEN\",\"places\":\"3505203\",\"detail\":"
                "\"1200.5 KGM petrol for Ayni\",\"kind_name\":\"топливо\",\"incident_id\":null}",
                "Важно         11:00 · Запрос\n"
                "              3505203 · топливо: 1\u202f200,5 кг\n"
                "              открыто\n");
    expect_item(LANG_ENGLISH,
                "{\"what\":\"undecided\",\"precedence\":3,\"since\":\"2026-08-10T06:00:00+00:00\","
                "\"status\":\"ACTUAL\",\"state\":\"HELD\",\"places\":\"3505203\",\"detail\":\"x\","
                "\"code\":\"state\",\"type\":\"move_event\",\"why\":\"The incident is VERIFYING; "
                "legal now: CONFIRMED (promise), JUDGED_FALSE (promise).\"}",
                "Priority      11:00 · Undecided\n"
                "              3505203 · moving: It is in another state by now. It is: verifying.\n"
                "              Possible now: confirm, false alarm.\n"
                "              held\n");
}

/* A report counts first and quotes then; what somebody typed makes no line of its own. */
static void a_report_says_what_it_counts_and_what_somebody_typed(void **state)
{
    (void)state;
    expect_item(LANG_ENGLISH,
                "{\"what\":\"report\",\"precedence\":1,\"since\":\"2026-08-10T06:00:00+00:00\","
                "\"status\":\"ACTUAL\",\"state\":\"NEW\",\"places\":\"3505203\",\"detail\":"
                "\"flash_report\",\"by\":\"coes.ayni.office\",\"flash\":{\"village\":\"Gusar\","
                "\"injured\":0,\"houses\":14,\"deaths\":null,\"road_cut\":\"ANSWER_YES\",\"text\":"
                "\"the bridge\\nFLASH is gone\\u001b[2J\"}}",
                "FLASH         11:00 · New report · flash report\n"
                "              3505203 · coes.ayni.office\n"
                "              Gusar — injured: 0 · houses: 14 · road cut — «the bridge FLASH is\n"
                "              gone\\x1b[2J»\n"
                "              belongs to no incident yet\n");
}

static int tear_down(void **state)
{
    (void)state;
    room_free(&list);
    buf_free(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_and_the_counts_are_those_of_the_page),
        cmocka_unit_test(what_an_exercise_of_another_day_has_left_is_folded_away_and_nothing_else),
        cmocka_unit_test(an_alarm_of_this_minute_is_seen_where_hundreds_are_open),
        cmocka_unit_test(a_flood_of_reports_stands_above_no_alarm),
        cmocka_unit_test(one_place_s_things_are_those_that_lie_there_too),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(an_alarm_says_what_was_measured_whom_it_asked_and_who_answered),
        cmocka_unit_test(codes_are_called_as_people_call_them),
        cmocka_unit_test(an_order_names_the_machine_and_how_many_still_approve),
        cmocka_unit_test(what_is_asked_for_is_said_in_the_reader_s_language),
        cmocka_unit_test(a_report_says_what_it_counts_and_what_somebody_typed),
    };

    return cmocka_run_group_tests_name("room", tests, NULL, tear_down);
}
