/* What people and scripts may write, and what they are told when it is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "proto/wire/json.h"
#include "proto/wire/limits.h"
#include "proto/wire/rules.h"
#include "eocbus/v1/envelope.pb-c.h"

static struct arena *arena;
static char err[300];

static int open_arena(void **state)
{
    (void)state;
    return arena_create(&arena, LIMIT_ARENA_BYTES) == ST_OK ? 0 : -1;
}

static int close_arena(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

static Eocbus__V1__Envelope *parse(const char *text)
{
    ProtobufCMessage *out = NULL;
    enum status st = json_parse(&out, &eocbus__v1__envelope__descriptor, text, strlen(text), arena,
                                err, sizeof(err));

    assert_true(st == ST_OK || (st == ST_INVALID && !out));
    return (Eocbus__V1__Envelope *)out;
}

static void refused(const char *text, const char *complaint)
{
    assert_null(parse(text));
    if (!strstr(err, complaint))
        fail_msg("'%s' was answered with '%s'", text, err);
}

static const char *print(const Eocbus__V1__Envelope *m)
{
    static struct buf out;

    buf_clear(&out);
    json_print(&out, &m->base);
    buf_put(&out, "", 1);
    return (const char *)out.data;
}

static void a_message_prints_as_standard_json(void **state)
{
    Eocbus__V1__Envelope *m;
    const char *text = "{\"message_id\":\"018f7c3e-1111-7222-8333-444455556666\",\"schema\":1000,"
                       "\"sender\":\"rcst.ayni\",\"epoch\":\"18446744073709551615\","
                       "\"lane\":\"LANE_FLASH\",\"to\":[\"coes\",\"chief@3505203\"],"
                       "\"event_time_us\":\"1763750000000000\","
                       "\"area\":{\"pcodes\":[\"3505203\"],\"polygon\":[{\"lat_e7\":-5},{}]}}";

    (void)state;
    m = parse(text);
    assert_non_null(m);
    assert_int_equal(m->message_id.len, 16);
    assert_true(m->epoch == UINT64_MAX);
    assert_string_equal(print(m), text);
}

static void times_may_be_written_as_people_write_them(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"event_time_us\":\"2025-11-21T18:33:20Z\"}")->event_time_us,
                     INT64_C(1763750000000000));
    assert_int_equal(parse("{\"event_time_us\":\"2025-11-21T23:33:20+05:00\"}")->event_time_us,
                     INT64_C(1763750000000000));
    assert_int_equal(parse("{\"event_time_us\":1763750000000000}")->event_time_us,
                     INT64_C(1763750000000000));
    refused("{\"event_time_us\":\"yesterday\"}", "event_time_us: a time as ISO 8601");
    refused("{\"event_time_us\":1.5}", "event_time_us: a time");
}

static void ids_may_be_uuids_or_base64(void **state)
{
    Eocbus__V1__Envelope *m = parse("{\"message_id\":\"AY98PhERciKDM0REVVVmZg==\"}");

    (void)state;
    assert_int_equal(m->message_id.len, 16);
    assert_string_equal(print(m), "{\"message_id\":\"018f7c3e-1111-7222-8333-444455556666\"}");
    refused("{\"message_id\":\"not one\"}", "message_id: a UUID is wanted");
    refused("{\"message_id\":7}", "message_id: a UUID is wanted");
}

static void bytes_print_as_base64_of_any_length(void **state)
{
    static const char *const want[] = {"AQ==", "AQI=", "AQID", "AQIDBA=="};
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__BlobChunk chunk = EOCBUS__V1__BLOB_CHUNK__INIT;
    uint8_t data[] = {1, 2, 3, 4};

    (void)state;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_BLOB_CHUNK;
    m.blob_chunk = &chunk;
    for (size_t n = 1; n <= 4; n++) {
        char text[80];

        chunk.data.data = data;
        chunk.data.len = n;
        snprintf(text, sizeof(text), "{\"blob_chunk\":{\"data\":\"%s\"}}", want[n - 1]);
        assert_string_equal(print(&m), text);
        assert_int_equal(parse(text)->blob_chunk->data.len, n);
        assert_memory_equal(parse(text)->blob_chunk->data.data, data, n);
    }
    refused("{\"blob_chunk\":{\"data\":\"A\"}}", "blob_chunk.data: base64");
    refused("{\"blob_chunk\":{\"data\":\"A*==\"}}", "blob_chunk.data: base64");
}

static void text_is_escaped(void **state)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;

    (void)state;
    m.sender = (char *)(uintptr_t) "a\"b\\c\nd\x01\x1b"
                                   "e/Айнӣ";
    assert_string_equal(print(&m), "{\"sender\":\"a\\\"b\\\\c\\nd\\u0001\\u001be/Айнӣ\"}");
    assert_string_equal(parse(print(&m))->sender, m.sender);
}

/* Quarantine prints what the gate refused. */
static void broken_text_and_unknown_words_still_print(void **state)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;

    (void)state;
    m.sender = (char *)(uintptr_t) "x\xff\xd0";
    m.lane = 77;
    assert_string_equal(print(&m), "{\"sender\":\"x\\ufffd\\ufffd\",\"lane\":77}");
}

static void a_choice_keeps_a_zero_that_was_said(void **state)
{
    const char *text = "{\"flash_report\":{\"deaths\":0}}";
    Eocbus__V1__Envelope *m = parse(text);

    (void)state;
    assert_non_null(m);
    assert_string_equal(print(m), text);
}

static void enums_are_words_or_numbers(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"lane\":\"LANE_BULK\"}")->lane, 5);
    assert_int_equal(parse("{\"lane\":5}")->lane, 5);
    refused("{\"lane\":\"urgent\"}", "lane: a word of Lane is wanted, such as \"LANE_FLASH\"");
    refused("{\"lane\":true}", "lane: a word of Lane");
}

static void wrong_shapes_are_named(void **state)
{
    (void)state;
    refused("", "line");
    refused("[]", "an object is wanted");
    refused("{\"lane\":1", "line 1");
    refused("{\"colour\":1}", "colour: there is no such field");
    refused("{\"area\":{\"colour\":1}}", "area.colour: there is no such field");
    refused("{\"area\":[]}", "area: an object is wanted");
    refused("{\"to\":\"coes\"}", "to: a list is wanted");
    refused("{\"to\":[\"coes\",5]}", "to[1]: text is wanted");
    refused("{\"schema\":-1}", "schema: the number must not be negative");
    refused("{\"schema\":4294967296}", "schema: the number does not fit");
    refused("{\"schema\":\"1x\"}", "schema: a whole number");
    refused("{\"epoch\":\"18446744073709551616\"}", "epoch: a whole number");
    refused("{\"epoch\":\" 1\"}", "epoch: a whole number");
    refused("{\"event_time_us\":\"9223372036854775808\"}", "event_time_us: ");
    refused("{\"area\":{\"polygon\":[{\"lat_e7\":2147483648}]}}",
            "area.polygon[0].lat_e7: the number does not fit");
    refused("{\"thinned\":{},\"withdrawn\":{}}", "withdrawn: another member of the same choice");
    refused("{\"schema\":1,\"schema\":2}", "duplicate");
    refused("{\"sender\":\"a\\u0000b\"}", "");
}

static void null_is_not_given(void **state)
{
    (void)state;
    assert_string_equal(print(parse("{\"sender\":null,\"flash_report\":null,\"to\":[]}")), "{}");
}

static void the_arena_bounds_what_is_parsed(void **state)
{
    const char *text =
        "{\"sender\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}";
    struct arena *small;
    ProtobufCMessage *out;

    (void)state;
    assert_int_equal(arena_create(&small, sizeof(Eocbus__V1__Envelope) + 32), ST_OK);
    assert_int_equal(json_parse(&out, &eocbus__v1__envelope__descriptor, text, strlen(text), small,
                                err, sizeof(err)),
                     ST_NOMEM);
    assert_non_null(strstr(err, "sender: the message is too large"));
    arena_destroy(small);
}

static void indented_text_reads_back(void **state)
{
    const char *want = "{\n  \"sender\": \"rcst\",\n  \"to\": [\"a\", \"b\"],\n  \"area\": {\n"
                       "    \"pcodes\": [\"3505203\"]\n  }\n}";
    struct buf out = {0};

    (void)state;
    json_print_pretty(&out, &parse("{\"sender\":\"rcst\",\"to\":[\"a\",\"b\"],"
                                   "\"area\":{\"pcodes\":[\"3505203\"]}}")
                                 ->base);
    buf_put(&out, "", 1);
    assert_string_equal((char *)out.data, want);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_prints_as_standard_json),
        cmocka_unit_test(times_may_be_written_as_people_write_them),
        cmocka_unit_test(ids_may_be_uuids_or_base64),
        cmocka_unit_test(bytes_print_as_base64_of_any_length),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(broken_text_and_unknown_words_still_print),
        cmocka_unit_test(a_choice_keeps_a_zero_that_was_said),
        cmocka_unit_test(enums_are_words_or_numbers),
        cmocka_unit_test(wrong_shapes_are_named),
        cmocka_unit_test(null_is_not_given),
        cmocka_unit_test(the_arena_bounds_what_is_parsed),
        cmocka_unit_test(indented_text_reads_back),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
