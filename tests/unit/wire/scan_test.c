/* The scan: hand-made bytes, each refused for its own reason before anything is unpacked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proto/base/mem.h"
#include "proto/wire/gate.h"
#include "proto/wire/limits.h"

#define ENVELOPE &eocbus__v1__envelope__descriptor
#define FRAME    &eocbus__v1__frame__descriptor

static struct refusal why;

/* The bytes stand alone in a block of their size, so that the sanitizer sees one byte too many. */
static const char *scan_as(const ProtobufCMessageDescriptor *d, const char *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    enum status st;

    memcpy(copy, bytes, len);
    memset(&why, 0, sizeof(why));
    st = gate_scan(copy, len, d, LIMIT_FIELDS, &why);
    free(copy);
    assert_true(st == ST_OK || (st == ST_INVALID && why.code && why.text[0]));
    return st == ST_OK ? "ok" : why.code;
}

#define SCAN(bytes) scan_as(ENVELOPE, bytes, sizeof(bytes) - 1)

static void numbers_and_lengths_are_read_to_the_end(void **state)
{
    (void)state;
    assert_string_equal(SCAN("\x28\x01"), "ok");       /* lane = 1 */
    assert_string_equal(SCAN("\x28"), CODE_MALFORMED); /* no value */
    assert_string_equal(SCAN("\x28\x80"), CODE_MALFORMED);
    assert_string_equal(why.path, "lane");
    assert_string_equal(SCAN("\x1a\x02xy"), "ok"); /* sender */
    assert_string_equal(SCAN("\x1a\x03xy"), CODE_MALFORMED);
    assert_string_equal(why.path, "sender");
    assert_string_equal(SCAN("\x1a\xff\xff\xff\xff\x0f"), CODE_MALFORMED);
    assert_string_equal(SCAN("\x1a\x82\x80\x80\x80\x80\x00xy"), CODE_MALFORMED); /* six bytes */
}

static void a_varint_has_ten_bytes_and_64_bits_at_most(void **state)
{
    (void)state;
    assert_string_equal(SCAN("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "ok");
    assert_string_equal(SCAN("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), CODE_MALFORMED);
    assert_string_equal(SCAN("\x20\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), CODE_MALFORMED);
}

static void groups_and_unused_wire_types_are_refused(void **state)
{
    (void)state;
    assert_string_equal(SCAN("\x0b\x0c"), CODE_MALFORMED);
    assert_string_equal(SCAN("\x0c"), CODE_MALFORMED);
    assert_string_equal(SCAN("\x0e"), CODE_MALFORMED);
    assert_string_equal(SCAN("\x0f"), CODE_MALFORMED);
    assert_string_equal(SCAN("\xd3\x3e\xd4\x3e"), CODE_MALFORMED); /* an unknown field as a group */
    assert_string_equal(SCAN("\x00\x01"), CODE_MALFORMED);         /* field number 0 */
    assert_string_equal(SCAN("\x80\x80\x80\x80\x10\x01"), CODE_MALFORMED); /* past 2^29 */
}

static void a_wire_type_has_to_suit_its_field(void **state)
{
    (void)state;
    assert_string_equal(SCAN("\x2d\x01\x01\x01\x01"), CODE_MALFORMED); /* lane as fixed32 */
    assert_string_equal(SCAN("\x2a\x01\x01"), CODE_MALFORMED);         /* lane as bytes */
    assert_string_equal(SCAN("\x18\x01"), CODE_MALFORMED);             /* sender as varint */
    assert_string_equal(why.path, "sender");
}

static void unknown_fields_are_counted_but_not_read(void **state)
{
    (void)state;
    /* field 999 as varint, bytes (full of rubbish), fixed32, fixed64 */
    assert_string_equal(SCAN("\xb8\x3e\x05\xba\x3e\x03\x00\xff\x0b\xbd\x3e"
                             "abcd\xb9\x3e"
                             "abcdefgh"),
                        "ok");
    assert_string_equal(SCAN("\xbd\x3e"
                             "abc"),
                        CODE_MALFORMED);
    assert_string_equal(SCAN("\xb9\x3e"
                             "abcdefg"),
                        CODE_MALFORMED);
}

static void a_nul_in_text_is_seen_where_protobuf_c_would_cut(void **state)
{
    (void)state;
    assert_string_equal(SCAN("\x1a\x03x\0y"), CODE_UTF8);
    assert_string_equal(why.path, "sender");
    assert_string_equal(SCAN("\x92\x01\x05\x12\x03x\0y"), CODE_UTF8);
    assert_string_equal(why.path, "area.place_name");
    assert_string_equal(SCAN("\x0a\x03x\0y"), "ok"); /* bytes may hold anything */
}

static void a_single_field_given_twice_is_refused(void **state)
{
    (void)state;
    assert_string_equal(SCAN("\x28\x01\x28\x05"), CODE_REPEATS);
    assert_string_equal(why.path, "lane");
    assert_string_equal(SCAN("\x92\x01\x00\x92\x01\x00"), CODE_REPEATS); /* would be merged */
    assert_string_equal(why.path, "area");
}

static void two_bodies_are_refused(void **state)
{
    (void)state;
    assert_string_equal(SCAN("\xc2\x07\x00"), "ok"); /* flash_report */
    assert_string_equal(SCAN("\xc2\x07\x00\xca\x07\x00"), CODE_REPEATS);
    assert_string_equal(why.path, "situation_report");
    assert_non_null(strstr(why.text, "flash_report"));
    assert_string_equal(SCAN("\xc2\x07\x00\xc2\x07\x00"), CODE_REPEATS);
}

static void paths_name_the_element(void **state)
{
    (void)state;
    /* area.polygon[1] holds a cut varint */
    assert_string_equal(SCAN("\x92\x01\x07\x1a\x02\x08\x01\x1a\x01\x08"), CODE_MALFORMED);
    assert_string_equal(why.path, "area.polygon[1].lat_e7");
}

static void a_length_stays_inside_its_parent(void **state)
{
    (void)state;
    /* area of 3 bytes claims a place_name of 4; the outer message would have them */
    assert_string_equal(SCAN("\x92\x01\x03\x12\x04x"
                             "yzab"),
                        CODE_MALFORMED);
    assert_string_equal(why.path, "area.place_name");
}

static void fields_are_counted_over_all_levels(void **state)
{
    static const uint8_t unknown[] = {0xb8, 0x3e, 0x01}; /* field 999 = 1 */
    char *bytes = malloc(3 * (LIMIT_FIELDS + 1));

    (void)state;
    for (size_t i = 0; i <= LIMIT_FIELDS; i++)
        memcpy(bytes + 3 * i, unknown, sizeof(unknown));
    assert_string_equal(scan_as(ENVELOPE, bytes, 3 * (size_t)LIMIT_FIELDS), "ok");
    assert_string_equal(scan_as(ENVELOPE, bytes, 3 * ((size_t)LIMIT_FIELDS + 1)), CODE_REPEATS);
    assert_string_equal(why.path, "");
    free(bytes);
}

/* Busy.tags: packed varints, one tag for all of them. */
static const char *scan_tags(size_t n)
{
    char bytes[LIMIT_REPEATS + 20];
    size_t inner = n + 3, at = 0;

    bytes[at++] = 0x2a;
    bytes[at++] = (char)((inner & 0x7f) | 0x80);
    bytes[at++] = (char)(inner >> 7);
    bytes[at++] = 0x0a;
    bytes[at++] = (char)((n & 0x7f) | 0x80);
    bytes[at++] = (char)(n >> 7);
    memset(bytes + at, 7, n);
    return scan_as(FRAME, bytes, at + n);
}

static void packed_elements_are_counted_too(void **state)
{
    (void)state;
    assert_string_equal(scan_tags(LIMIT_REPEATS), "ok");
    assert_string_equal(scan_tags(LIMIT_REPEATS + 1), CODE_REPEATS);
    assert_string_equal(why.path, "busy.tags");
    assert_string_equal(scan_as(FRAME, "\x2a\x04\x0a\x02\x01\x80", 6), CODE_MALFORMED);
    assert_string_equal(scan_as(FRAME, "\x2a\x04\x08\x01\x08\x02", 6), "ok"); /* not packed */
}

/* No message of ours contains itself, so depth needs one that does. */
static const ProtobufCMessageDescriptor russian_doll;
static const ProtobufCFieldDescriptor doll_fields[] = {
    {.name = "inner",
     .id = 1,
     .label = PROTOBUF_C_LABEL_NONE,
     .type = PROTOBUF_C_TYPE_MESSAGE,
     .descriptor = &russian_doll},
};
static const unsigned doll_names[] = {0};
static const ProtobufCIntRange doll_ranges[] = {{1, 0}, {0, 1}};
static const ProtobufCMessageDescriptor russian_doll = {.magic =
                                                            PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
                                                        .name = "Doll",
                                                        .short_name = "Doll",
                                                        .n_fields = 1,
                                                        .fields = doll_fields,
                                                        .fields_sorted_by_name = doll_names,
                                                        .n_field_ranges = 1,
                                                        .field_ranges = doll_ranges};

static size_t nest(char *out, unsigned levels)
{
    size_t len = 0;

    while (--levels) {
        memmove(out + 2, out, len);
        out[0] = 0x0a;
        out[1] = (char)len;
        len += 2;
    }
    return len;
}

static void sixteen_levels_are_taken_and_seventeen_are_not(void **state)
{
    char bytes[200];
    size_t len;

    (void)state;
    len = nest(bytes, LIMIT_DEPTH);
    assert_string_equal(scan_as(&russian_doll, bytes, len), "ok");
    len = nest(bytes, LIMIT_DEPTH + 1);
    assert_string_equal(scan_as(&russian_doll, bytes, len), CODE_DEPTH);
    assert_int_equal(strlen(why.path), 16 * strlen("inner.") - 1);
    len = nest(bytes, 60);
    assert_string_equal(scan_as(&russian_doll, bytes, len), CODE_DEPTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_lengths_are_read_to_the_end),
        cmocka_unit_test(a_varint_has_ten_bytes_and_64_bits_at_most),
        cmocka_unit_test(groups_and_unused_wire_types_are_refused),
        cmocka_unit_test(a_wire_type_has_to_suit_its_field),
        cmocka_unit_test(unknown_fields_are_counted_but_not_read),
        cmocka_unit_test(a_nul_in_text_is_seen_where_protobuf_c_would_cut),
        cmocka_unit_test(a_single_field_given_twice_is_refused),
        cmocka_unit_test(two_bodies_are_refused),
        cmocka_unit_test(paths_name_the_element),
        cmocka_unit_test(a_length_stays_inside_its_parent),
        cmocka_unit_test(fields_are_counted_over_all_levels),
        cmocka_unit_test(packed_elements_are_counted_too),
        cmocka_unit_test(sixteen_levels_are_taken_and_seventeen_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
