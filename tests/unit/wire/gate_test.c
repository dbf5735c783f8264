/* The gate: one valid flash report, spoiled in one way at a time; every code of gate.h
 * that the gate gives comes up, here or in scan_test.c (depth). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire/gate.h"
#include "proto/wire/limits.h"
#include "proto/wire/rules.h"
#include "tests/lib/gen_message.h"

static struct arena *arena;
static struct refusal why;
static Eocbus__V1__Envelope m;
static Eocbus__V1__FlashReport body;
static Eocbus__V1__Area area;
static char *pcodes[9];

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

/* Fresh for every test: a flash report from Ayni that the gate takes. */
static int write_report(void **state)
{
    struct gen g;

    (void)state;
    arena_reset(arena);
    gen_seed(&g, 5);
    g.percent = 1;
    m = *gen_envelope(&g, 120, arena);
    body = *m.flash_report;
    m.flash_report = &body;
    m.lane = EOCBUS__V1__LANE__LANE_FLASH;
    eocbus__v1__area__init(&area);
    for (unsigned i = 0; i < 9; i++)
        pcodes[i] = (char *)(uintptr_t) "3505203";
    area.n_pcodes = 1;
    area.pcodes = pcodes;
    m.area = &area;
    return 0;
}

static const char *send_bytes(const uint8_t *bytes, size_t len)
{
    Eocbus__V1__Envelope *out;
    enum status st;

    memset(&why, 0, sizeof(why));
    st = gate_content(&out, bytes, len, arena, &why);
    if (st == ST_OK) {
        assert_non_null(out);
        return "ok";
    }
    assert_int_equal(st, ST_INVALID);
    assert_true(strlen(why.text) > 4);
    return why.code;
}

static const char *send(void)
{
    size_t len = eocbus__v1__envelope__get_packed_size(&m);
    uint8_t *bytes = malloc(len);
    const char *code;

    eocbus__v1__envelope__pack(&m, bytes);
    code = send_bytes(bytes, len);
    free(bytes);
    return code;
}

#define REFUSED(want_code, want_path)                                                              \
    do {                                                                                           \
        assert_string_equal(send(), want_code);                                                    \
        assert_string_equal(why.path, want_path);                                                  \
    } while (0)

static void a_good_report_passes(void **state)
{
    (void)state;
    assert_string_equal(send(), "ok");
}

static void size_nothing_and_too_much_are_refused(void **state)
{
    uint8_t *big = calloc(1, LIMIT_CONTENT_BYTES + 1);

    (void)state;
    assert_string_equal(send_bytes(big, 0), CODE_SIZE);
    assert_string_equal(send_bytes(big, LIMIT_CONTENT_BYTES + 1), CODE_SIZE);
    assert_non_null(strstr(why.text, "65536"));
    assert_string_equal(send_bytes(big, LIMIT_CONTENT_BYTES), CODE_MALFORMED);
    free(big);
}

static void required_fields_are_named(void **state)
{
    (void)state;
    m.message_id.len = 0;
    REFUSED(CODE_REQUIRED, "message_id");
    write_report(state);
    m.schema = 0;
    REFUSED(CODE_REQUIRED, "schema");
    write_report(state);
    m.lane = 0;
    REFUSED(CODE_REQUIRED, "lane");
    write_report(state);
    m.sender = (char *)(uintptr_t) "";
    REFUSED(CODE_REQUIRED, "sender");
    write_report(state);
    m.event_time_us = 0;
    REFUSED(CODE_REQUIRED, "event_time_us");
    assert_non_null(strstr(why.text, "When it happened"));
}

static void a_message_without_a_body_is_refused(void **state)
{
    (void)state;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY__NOT_SET;
    REFUSED(CODE_REQUIRED, "body");
}

static void a_body_of_a_later_version_is_named_in_the_refusal(void **state)
{
    static const uint8_t unknown[] = {0xba, 0x1f, 0x00}; /* field 503, empty */
    uint8_t bytes[1000];
    size_t len;

    m.body_case = EOCBUS__V1__ENVELOPE__BODY__NOT_SET;
    m.schema = SCHEMA_VERSION + 1;
    len = eocbus__v1__envelope__pack(&m, bytes);
    memcpy(bytes + len, unknown, sizeof(unknown));
    (void)state;
    assert_string_equal(send_bytes(bytes, len + 3), CODE_REQUIRED);
    assert_string_equal(why.path, "body");
    assert_non_null(strstr(why.text, "503"));
}

static void text_is_utf8(void **state)
{
    (void)state;
    area.place_name = (char *)(uintptr_t) "Зеро\xd0";
    REFUSED(CODE_UTF8, "area.place_name");
    assert_true(gate_utf8_is_valid(why.text, strlen(why.text)));
}

static void enums_are_known_unless_the_sender_is_newer(void **state)
{
    (void)state;
    m.kind = 99;
    REFUSED(CODE_ENUM, "kind");
    assert_non_null(strstr(why.text, "99"));
    m.schema = SCHEMA_VERSION + 1;
    assert_string_equal(send(), "ok");
}

/* The broker keeps a gate and a queue per lane: a word it does not know is no index. */
static void a_lane_is_known_whatever_the_schema(void **state)
{
    static const int unknown[] = {6, 77, 1000000, -1, INT32_MIN};

    (void)state;
    m.schema = SCHEMA_VERSION + 1;
    m.lane = EOCBUS__V1__LANE__LANE_BULK;
    assert_string_equal(send(), "ok");
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        m.lane = (Eocbus__V1__Lane)unknown[i];
        REFUSED(CODE_ENUM, "lane");
    }
}

static void numbers_stay_in_their_range(void **state)
{
    (void)state;
    m.flags = 15;
    assert_string_equal(send(), "ok");
    m.flags = 16;
    REFUSED(CODE_RANGE, "flags");
    assert_non_null(strstr(why.text, "16 is outside 0..15"));
    m.flags = 0;
    m.epoch = UINT64_MAX;
    REFUSED(CODE_RANGE, "epoch");
    assert_non_null(strstr(why.text, "18446744073709551615"));
}

static void text_has_the_length_its_rule_gives(void **state)
{
    char text[202];

    (void)state;
    memset(text, 'x', sizeof(text));
    area.place_name = text;
    text[200] = '\0';
    assert_string_equal(send(), "ok");
    text[200] = 'x';
    text[201] = '\0';
    REFUSED(CODE_LENGTH, "area.place_name");
}

static void pcodes_are_held_to_their_grammar_one_by_one(void **state)
{
    (void)state;
    area.n_pcodes = 3;
    pcodes[2] = (char *)(uintptr_t) "Ayni\x1b[2J";
    REFUSED(CODE_PCODE, "area.pcodes[2]");
    assert_null(strchr(why.text, 0x1b));
}

static void eight_places_pass_and_nine_do_not(void **state)
{
    (void)state;
    area.n_pcodes = 8;
    assert_string_equal(send(), "ok");
    area.n_pcodes = 9;
    REFUSED(CODE_REPEATS, "area.pcodes");
}

static void times_lie_in_this_century(void **state)
{
    (void)state;
    m.sent_time_us = INT64_C(946684800000000);
    assert_string_equal(send(), "ok");
    m.sent_time_us--;
    REFUSED(CODE_TIME, "sent_time_us");
    m.sent_time_us = 1763750000; /* seconds: the usual slip */
    REFUSED(CODE_TIME, "sent_time_us");
    m.sent_time_us = INT64_C(4102444800000001);
    REFUSED(CODE_TIME, "sent_time_us");
}

static void ids_have_sixteen_bytes(void **state)
{
    ProtobufCBinaryData ids[2] = {m.message_id, m.message_id};

    (void)state;
    m.message_id.len = 15;
    REFUSED(CODE_ID, "message_id");
    m.message_id.len = 16;
    m.n_incident_ids = 2;
    m.incident_ids = ids;
    ids[1].len = 0;
    REFUSED(CODE_ID, "incident_ids[1]");
}

static void names_and_recipients_are_held_to_their_grammar(void **state)
{
    char *to[] = {(char *)(uintptr_t) "rcst", (char *)(uintptr_t) "Head of district"};

    (void)state;
    m.sender = (char *)(uintptr_t) "RCST Ayni";
    REFUSED(CODE_NAME, "sender");
    m.sender = (char *)(uintptr_t) "rcst.ayni";
    m.n_to = 2;
    m.to = to;
    REFUSED(CODE_NAME, "to[1]");
}

static void commands_say_until_when(void **state)
{
    struct gen g;

    (void)state;
    gen_seed(&g, 1);
    m = *gen_envelope(&g, 106, arena);
    assert_string_equal(send(), "ok");
    m.not_after_us = 0;
    REFUSED(CODE_EXPIRY, "not_after_us");
    assert_non_null(strstr(why.text, "siren_command"));
}

static void what_plays_an_old_message_is_an_exercise(void **state)
{
    Eocbus__V1__Played played;

    (void)state;
    eocbus__v1__played__init(&played);
    played.sender = (char *)(uintptr_t) "coes.ayni.duty";
    played.seq = 7;
    m.played = &played;
    m.status = EOCBUS__V1__STATUS__STATUS_EXERCISE;
    assert_string_equal(send(), "ok");
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    REFUSED(CODE_STATUS, "played");
}

static void answers_name_what_they_answer(void **state)
{
    struct gen g;

    (void)state;
    gen_seed(&g, 1);
    m = *gen_envelope(&g, 163, arena);
    assert_string_equal(send(), "ok");
    m.preceding_id.len = 0;
    REFUSED(CODE_THREAD, "preceding_id");
}

static void only_some_types_travel_as_flash(void **state)
{
    struct gen g;

    (void)state;
    gen_seed(&g, 1);
    m = *gen_envelope(&g, 160, arena);
    m.lane = EOCBUS__V1__LANE__LANE_FLASH;
    REFUSED(CODE_FLASH, "lane");
}

/* A batch of `series` channels that never moved, `samples` each: about twelve bytes a channel. */
static void write_batch(size_t series, uint32_t samples)
{
    static Eocbus__V1__ObservationBatch batch;
    static Eocbus__V1__Series channel[64], *list[64];

    eocbus__v1__observation_batch__init(&batch);
    batch.sensor_registry_version = 1;
    batch.base_time_us = INT64_C(1281215400000000);
    batch.dt_ms = 1000;
    batch.sample_count = samples;
    batch.series = list;
    batch.n_series = series;
    for (uint32_t i = 0; i < series; i++) {
        list[i] = &channel[i];
        eocbus__v1__series__init(&channel[i]);
        channel[i].datastream_id = i + 1;
        channel[i].type = EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_STAGE;
        channel[i].unit = EOCBUS__V1__UNIT__UNIT_METRE;
    }
    m.lane = EOCBUS__V1__LANE__LANE_BULK;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_OBSERVATION_BATCH;
    m.observation_batch = &batch;
}

static void a_few_bytes_do_not_stand_for_more_samples_than_are_taken(void **state)
{
    (void)state;
    write_batch(64, 3600);
    assert_true(eocbus__v1__envelope__get_packed_size(&m) < 1500);
    REFUSED(CODE_REPEATS, "observation_batch");
    write_batch(5, 3600);
    assert_string_equal(send(), "ok");
}

static void series_that_do_not_fit_together_are_refused_with_their_path(void **state)
{
    static int64_t deltas[4];

    (void)state;
    write_batch(2, 4);
    m.observation_batch->series[1]->deltas = deltas;
    m.observation_batch->series[1]->n_deltas = 4;
    REFUSED(CODE_LENGTH, "observation_batch.series[1].deltas");
    m.schema = (SCHEMA_VERSION / 1000 + 1) * 1000; /* of a newer major nothing is read */
    assert_string_equal(send(), "ok");
}

static void a_refused_message_can_still_be_read(void **state)
{
    uint8_t bytes[4096];
    Eocbus__V1__Envelope *out;
    size_t len;

    (void)state;
    m.kind = 99;
    len = eocbus__v1__envelope__pack(&m, bytes);
    assert_int_equal(gate_content(&out, bytes, len, arena, &why), ST_INVALID);
    assert_non_null(out);
    assert_int_equal(out->lane_seq, m.lane_seq);
    assert_int_equal(gate_content(&out, bytes, len - 1, arena, &why), ST_INVALID);
    assert_null(out);
}

static void what_unpacks_beyond_the_cap_is_refused(void **state)
{
    struct arena *small;
    uint8_t bytes[4096];
    Eocbus__V1__Envelope *out;
    size_t len = eocbus__v1__envelope__pack(&m, bytes);

    (void)state;
    assert_int_equal(arena_create(&small, sizeof(m) + 64), ST_OK);
    assert_int_equal(gate_content(&out, bytes, len, small, &why), ST_INVALID);
    assert_string_equal(why.code, CODE_MEMORY);
    assert_null(out);
    arena_destroy(small);
}

/* Small on the wire and large in memory: 2 bytes for each empty message. */
static void a_wide_message_stays_within_the_arena(void **state)
{
    size_t n = LIMIT_FIELDS - 1, len = 0;
    uint8_t *bytes = malloc(8 + 2 * n);

    (void)state;
    /* observation_batch { series {} series {} ... } */
    bytes[len++] = 0xa2;
    bytes[len++] = 0x06;
    bytes[len++] = (uint8_t)((2 * n & 0x7f) | 0x80);
    bytes[len++] = (uint8_t)(2 * n >> 7);
    for (size_t i = 0; i < n; i++) {
        bytes[len++] = 0x2a;
        bytes[len++] = 0x00;
    }
    assert_string_not_equal(send_bytes(bytes, len), "ok");
    assert_true(arena_used_bytes(arena) <= LIMIT_ARENA_BYTES);
    free(bytes);
}

/* CODE_NUMBER cannot come up yet: quantities are scaled integers. The check stands ready for the
 * first float, and with it this test falls and asks for one that sends NaN. */
static void no_field_of_the_contract_is_a_float(void **state)
{
    (void)state;
    for (unsigned i = 0; i < plan_count(); i++)
        for (unsigned k = 0; k < plan_at(i)->n_rules; k++) {
            ProtobufCType type = plan_at(i)->descriptor->fields[k].type;

            assert_true(type != PROTOBUF_C_TYPE_FLOAT && type != PROTOBUF_C_TYPE_DOUBLE);
        }
}

static void frames_are_held_to_the_session_rules(void **state)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT, *out;
    Eocbus__V1__Subscribe s = EOCBUS__V1__SUBSCRIBE__INIT;
    char *pattern = (char *)(uintptr_t) "**";
    uint8_t bytes[200];
    size_t len;

    (void)state;
    f.what_case = EOCBUS__V1__FRAME__WHAT_SUBSCRIBE;
    f.subscribe = &s;
    s.subscription = 1;
    len = eocbus__v1__frame__pack(&f, bytes);
    assert_int_equal(gate_frame(&out, bytes, len, arena, &why), ST_INVALID);
    assert_string_equal(why.code, CODE_REQUIRED);
    assert_string_equal(why.path, "subscribe.patterns");
    s.patterns = &pattern;
    s.n_patterns = 1;
    len = eocbus__v1__frame__pack(&f, bytes);
    assert_int_equal(gate_frame(&out, bytes, len, arena, &why), ST_OK);
    assert_int_equal(out->what_case, EOCBUS__V1__FRAME__WHAT_SUBSCRIBE);
}

/* One item that is too large must be refused by itself, so the frame around it passes. */
static void a_frame_does_not_look_into_its_contents(void **state)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT, *out;
    Eocbus__V1__Publish p = EOCBUS__V1__PUBLISH__INIT;
    Eocbus__V1__Item item = EOCBUS__V1__ITEM__INIT, *items = &item;
    size_t len = LIMIT_CONTENT_BYTES + 1;
    uint8_t *bytes = malloc(LIMIT_FRAME_BYTES + 1);

    (void)state;
    item.tag = 7;
    item.content.len = len;
    item.content.data = memset(malloc(len), 0xff, len);
    p.items = &items;
    p.n_items = 1;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PUBLISH;
    f.publish = &p;
    len = eocbus__v1__frame__pack(&f, bytes);
    assert_int_equal(gate_frame(&out, bytes, len, arena, &why), ST_OK);
    assert_int_equal(gate_frame(&out, bytes, LIMIT_FRAME_BYTES + 1, arena, &why), ST_INVALID);
    assert_string_equal(why.code, CODE_SIZE);
    free(item.content.data);
    free(bytes);
}

#define ONE(test) cmocka_unit_test_setup(test, write_report)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(a_good_report_passes),
        ONE(size_nothing_and_too_much_are_refused),
        ONE(required_fields_are_named),
        ONE(a_message_without_a_body_is_refused),
        ONE(a_body_of_a_later_version_is_named_in_the_refusal),
        ONE(text_is_utf8),
        ONE(enums_are_known_unless_the_sender_is_newer),
        ONE(a_lane_is_known_whatever_the_schema),
        ONE(numbers_stay_in_their_range),
        ONE(text_has_the_length_its_rule_gives),
        ONE(pcodes_are_held_to_their_grammar_one_by_one),
        ONE(eight_places_pass_and_nine_do_not),
        ONE(times_lie_in_this_century),
        ONE(ids_have_sixteen_bytes),
        ONE(names_and_recipients_are_held_to_their_grammar),
        ONE(commands_say_until_when),
        ONE(what_plays_an_old_message_is_an_exercise),
        ONE(answers_name_what_they_answer),
        ONE(only_some_types_travel_as_flash),
        ONE(a_few_bytes_do_not_stand_for_more_samples_than_are_taken),
        ONE(series_that_do_not_fit_together_are_refused_with_their_path),
        ONE(a_refused_message_can_still_be_read),
        ONE(what_unpacks_beyond_the_cap_is_refused),
        ONE(a_wide_message_stays_within_the_arena),
        ONE(no_field_of_the_contract_is_a_float),
        ONE(frames_are_held_to_the_session_rules),
        ONE(a_frame_does_not_look_into_its_contents),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
