#include "agents/ctl/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "agents/link/json_input.h"
#include "proto/wire/json.h"
#include "proto/wire/limits.h"

static char text[4096];

static void keep(struct buf *b)
{
    buf_put(b, "", 1);
    assert_false(b->failed);
    snprintf(text, sizeof(text), "%s", (const char *)b->data);
    buf_free(b);
}

static Eocbus__V1__Envelope *message_of(struct arena *a, const char *json)
{
    ProtobufCMessage *m = NULL;
    char err[300] = "";

    if (json_parse(&m, &eocbus__v1__envelope__descriptor, json, strlen(json), a, err,
                   sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return (Eocbus__V1__Envelope *)m;
}

static const char flash[] =
    "{\"sender\":\"coes.ayni.office\",\"lane\":\"LANE_FLASH\",\"status\":\"STATUS_EXERCISE\","
    "\"area\":{\"pcodes\":[\"3505203\"]},\"flash_report\":{\"hazard\":\"HAZARD_MUDFLOW\","
    "\"village\":\"Vesh\\u001b[31mist\",\"injured\":2,\"houses\":14,\"road_cut\":\"ANSWER_YES\"}}";

static enum proof proof_shown = PROOF_OFF;

static void tell(const char *json, bool colour, bool provisional)
{
    Eocbus__V1__Stamp stamp = EOCBUS__V1__STAMP__INIT;
    Eocbus__V1__Delivery d = EOCBUS__V1__DELIVERY__INIT;
    struct arena *a;
    struct buf b = {0};

    assert_int_equal(arena_create(&a, LIMIT_ARENA_BYTES), ST_OK);
    stamp.seq = provisional ? 0 : 42;
    stamp.log_epoch = 1;
    stamp.provisional = provisional;
    stamp.received_time_us = 1281643391000000;
    d.stamp = &stamp;
    feed_human(&b, &d, json ? message_of(a, json) : NULL, proof_shown, colour);
    keep(&b);
    arena_destroy(a);
}

static void a_line_says_when_what_where_who_and_marks_an_exercise(void **state)
{
    (void)state;
    tell(flash, false, false);
    assert_non_null(strstr(text, "20:03:11"));
    assert_non_null(strstr(text, "#42"));
    assert_non_null(strstr(text, "FLASH"));
    assert_non_null(strstr(text, "EXERCISE"));
    assert_non_null(strstr(text, "flash_report"));
    assert_non_null(strstr(text, "3505203"));
    assert_non_null(strstr(text, "coes.ayni.office"));
    assert_non_null(strstr(text, "2 injured, 14 houses, road cut\n"));
    assert_null(strchr(text, '\033')); /* what was typed does not reach the terminal */
    assert_non_null(strstr(text, "Vesh\\x1b[31mist"));
}

static void what_is_not_proved_is_said_to_be_so(void **state)
{
    (void)state;
    tell(flash, false, false);
    assert_null(strstr(text, "!"));
    proof_shown = PROOF_GOOD;
    tell(flash, false, false);
    assert_null(strstr(text, "!"));
    proof_shown = PROOF_UNSIGNED;
    tell(flash, false, false);
    assert_non_null(strstr(text, " unsigned! FLASH"));
    proof_shown = PROOF_UNKNOWN;
    tell(flash, false, false);
    assert_non_null(strstr(text, " unchecked! FLASH"));
    tell(NULL, false, false);
    assert_non_null(strstr(text, " unchecked! "));
    proof_shown = PROOF_OFF;
}

static void colour_comes_only_when_asked_for_and_ends_with_the_line(void **state)
{
    (void)state;
    tell(flash, true, false);
    assert_int_equal(text[0], '\033');
    assert_non_null(strstr(text, "\033[0m\n"));
}

static void a_warning_ahead_of_its_number_says_so(void **state)
{
    (void)state;
    tell(flash, false, true);
    assert_non_null(strstr(text, "provisional"));
    assert_null(strstr(text, "#0"));
}

static void what_cannot_be_read_is_a_line_too(void **state)
{
    (void)state;
    tell(NULL, false, false);
    assert_non_null(strstr(text, "#42"));
    assert_non_null(strstr(text, "newer version"));
}

/* As JSON too: what comes through a terminal window is often piped to it first. */
static void json_cannot_talk_to_the_terminal(void **state)
{
    static const char json[] = "{\"flash_report\":{\"hazard\":1,\"text\":\"a\xc2\x9b"
                               "31m\xe2\x80\xae\"}}";
    Eocbus__V1__Stamp stamp = EOCBUS__V1__STAMP__INIT;
    Eocbus__V1__Delivery d = EOCBUS__V1__DELIVERY__INIT;
    struct arena *a;
    struct buf b = {0};

    (void)state;
    assert_int_equal(arena_create(&a, LIMIT_ARENA_BYTES), ST_OK);
    d.stamp = &stamp;
    feed_json(&b, &d, message_of(a, json), proof_shown);
    keep(&b);
    assert_non_null(strstr(text, "\"a\\u009b31m\\u202e\""));
    arena_destroy(a);
}

static void a_record_line_reads_back_and_a_torn_one_does_not(void **state)
{
    Eocbus__V1__Stamp stamp = EOCBUS__V1__STAMP__INIT;
    Eocbus__V1__Delivery d = EOCBUS__V1__DELIVERY__INIT;
    uint8_t content[] = "content";
    struct feed_record rec;
    struct buf b = {0};
    size_t len;

    (void)state;
    stamp.seq = 123456789012;
    stamp.log_epoch = 3;
    d.stamp = &stamp;
    d.content.data = content;
    d.content.len = sizeof(content);
    feed_record(&b, &d);
    keep(&b);
    len = strlen(text);
    assert_true(feed_record_parse(&rec, text, len));
    assert_int_equal(rec.seq, stamp.seq);
    assert_int_equal(rec.log_epoch, 3);
    assert_int_equal(rec.digest, feed_digest(content, sizeof(content)));
    for (size_t cut = 0; cut < len; cut++)
        assert_false(feed_record_parse(&rec, text, cut));
}

static unsigned count_messages(const char *input, enum status *last, char *err, size_t err_size)
{
    const char *at = input, *end = input + strlen(input);
    struct arena *a;
    unsigned n = 0, number = 0;
    Eocbus__V1__Envelope *m;
    bool lines;

    assert_int_equal(arena_create(&a, LIMIT_ARENA_BYTES), ST_OK);
    lines = input_is_lines(input, strlen(input), a);
    while ((*last = input_next(&m, &at, end, lines, &number, a, err, err_size)) == ST_OK)
        n++;
    arena_destroy(a);
    return n;
}

static void input_is_one_message_over_many_lines_or_one_a_line(void **state)
{
    enum status st;
    char err[400];

    (void)state;
    assert_int_equal(count_messages("{\n \"lane\": \"LANE_FLASH\"\n}\n", &st, err, sizeof(err)), 1);
    assert_int_equal(st, ST_NOTFOUND);
    assert_int_equal(
        count_messages("{\"lane\":1}\n\n  {\"lane\":2}\n{\"lane\":3}", &st, err, sizeof(err)), 3);
    assert_int_equal(st, ST_NOTFOUND);
    assert_int_equal(count_messages("\n\n", &st, err, sizeof(err)), 0);
    assert_int_equal(count_messages("{\"lane\":1}\n{\"lame\":2}\n", &st, err, sizeof(err)), 1);
    assert_int_equal(st, ST_INVALID);
    assert_non_null(strstr(err, "line 2"));
    assert_int_equal(count_messages("{\"lame\":1}\n{\"lane\":2}\n", &st, err, sizeof(err)), 0);
    assert_non_null(strstr(err, "line 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_when_what_where_who_and_marks_an_exercise),
        cmocka_unit_test(what_is_not_proved_is_said_to_be_so),
        cmocka_unit_test(colour_comes_only_when_asked_for_and_ends_with_the_line),
        cmocka_unit_test(a_warning_ahead_of_its_number_says_so),
        cmocka_unit_test(what_cannot_be_read_is_a_line_too),
        cmocka_unit_test(json_cannot_talk_to_the_terminal),
        cmocka_unit_test(a_record_line_reads_back_and_a_torn_one_does_not),
        cmocka_unit_test(input_is_one_message_over_many_lines_or_one_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
