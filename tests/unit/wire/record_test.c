/* Records, requests and revocations: what officers signed is believed, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/wire/record.h"
#include "tests/lib/officers.h"

static struct test_officers desk;
static struct keys device;
static struct signer *device_signer;

static const int64_t now_us = INT64_C(1780000000000000);

static enum status check(const struct buf *b, struct record *out, struct refusal *why)
{
    *why = (struct refusal){0};
    return enrolment_check(out, b->data, b->len, &desk.pinned, why);
}

static void what_two_officers_signed_is_believed(void **state)
{
    struct record r = record_of("coes.ayni.office", &device), out;
    const char *names[OFFICERS_MOST];
    struct refusal why;

    (void)state;
    snprintf(r.roles, sizeof(r.roles), "district dispatcher");
    snprintf(r.places, sizeof(r.places), "3505203 3505207");
    r.serial = 7;
    struct buf b = enrolment_of(&desk, &r, 2, 0);
    assert_int_equal(check(&b, &out, &why), ST_OK);
    assert_string_equal(out.name, "coes.ayni.office");
    assert_string_equal(out.agency, "test");
    assert_string_equal(out.roles, "district dispatcher");
    assert_string_equal(out.places, "3505203 3505207");
    assert_memory_equal(out.key, r.key, KEY_BYTES);
    assert_memory_equal(out.sign_key, r.sign_key, KEY_BYTES);
    assert_int_equal(out.valid_from_us, r.valid_from_us);
    assert_int_equal(out.not_after_us, r.not_after_us);
    assert_int_equal(out.serial, 7);
    assert_int_equal(enrolment_signers(b.data, b.len, &desk.pinned, names), 2);
    assert_string_equal(names[0], "o.first");
    assert_string_equal(names[1], "o.third");
    buf_free(&b);
}

static void one_officer_is_not_enough_nor_the_same_one_twice(void **state)
{
    struct record r = record_of("coes.a", &device), out;
    struct buf one = enrolment_of(&desk, &r, 0, -1), two = {0};
    struct refusal why;

    (void)state;
    assert_int_equal(check(&one, &out, &why), ST_DENIED);
    assert_non_null(strstr(why.text, "1 of the officers"));
    assert_string_equal(out.name, "coes.a"); /* to be shown */
    assert_int_equal(
        enrolment_sign(&two, one.data, one.len, "o.first", desk.signer[0], now_us, &why),
        ST_EXISTS);
    assert_int_equal(two.len, 0);
    /* In another's name, whose key it is not. */
    assert_int_equal(
        enrolment_sign(&two, one.data, one.len, "o.second", desk.signer[0], now_us, &why), ST_OK);
    assert_int_equal(check(&two, &out, &why), ST_DENIED);
    buf_free(&one);
    buf_free(&two);
}

/* By hand: the same good signature twice. */
static void a_signature_that_stands_there_twice_counts_once(void **state)
{
    struct record r = record_of("coes.a", &device), out;
    struct buf one = enrolment_of(&desk, &r, 1, -1), twice = {0};
    Eocbus__V1__Enrolment *e = eocbus__v1__enrolment__unpack(NULL, one.len, one.data);
    struct refusal why;

    (void)state;
    assert_non_null(e);
    buf_put(&twice, one.data, one.len);
    /* Field 2 again: repeated fields go on where they were. */
    size_t at = one.len - (2 + protobuf_c_message_get_packed_size(&e->signatures[0]->base));
    buf_put(&twice, one.data + at, one.len - at);
    assert_int_equal(check(&twice, &out, &why), ST_DENIED);
    assert_int_equal(enrolment_signers(twice.data, twice.len, &desk.pinned, NULL), 1);
    eocbus__v1__enrolment__free_unpacked(e, NULL);
    buf_free(&one);
    buf_free(&twice);
}

static void any_changed_byte_is_noticed(void **state)
{
    struct record r = record_of("coes.a", &device), out;
    struct buf b = enrolment_of(&desk, &r, 0, 1);
    unsigned believed = 0;
    struct refusal why;

    (void)state;
    for (size_t i = 0; i < b.len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            b.data[i] ^= (unsigned char)(1u << bit);
            if (check(&b, &out, &why) == ST_OK) {
                believed++; /* when it was signed is for people, and not signed */
                assert_string_equal(out.name, "coes.a");
                assert_int_equal(out.serial, 1);
                assert_memory_equal(out.key, r.key, KEY_BYTES);
                assert_string_equal(out.roles, "all");
            }
            b.data[i] ^= (unsigned char)(1u << bit);
        }
    assert_true(believed < 2 * 8 * 9); /* signed_us: a varint of eight bytes, twice */
    for (size_t len = 0; len < b.len; len++)
        assert_int_not_equal(enrolment_check(&out, b.data, len, &desk.pinned, &why), ST_OK);
    buf_free(&b);
}

static void officers_who_are_not_pinned_count_for_nothing(void **state)
{
    struct test_officers strangers;
    struct record r = record_of("coes.a", &device), out;
    struct refusal why;

    (void)state;
    officers_open(&strangers); /* of the same names */
    struct buf b = enrolment_of(&strangers, &r, 0, 1);
    assert_int_equal(check(&b, &out, &why), ST_DENIED);
    assert_int_equal(enrolment_check(&out, b.data, b.len, &strangers.pinned, &why), ST_OK);
    strangers.pinned.count = 0;
    strangers.pinned.needed = 0;
    assert_int_equal(enrolment_check(&out, b.data, b.len, &strangers.pinned, &why), ST_DENIED);
    buf_free(&b);
    officers_close(&strangers);
}

static void an_enrolment_is_no_request_and_no_revocation(void **state)
{
    struct record r = record_of("coes.a", &device);
    struct buf b = {0};
    struct refusal why;

    (void)state;
    assert_int_equal(revocation_put(&b, "coes.a", NULL,
                                    EOCBUS__V1__REVOCATION_REASON__REVOCATION_REASON_LOST,
                                    "o.first", desk.signer[0], now_us, &why),
                     ST_OK);
    assert_string_equal(revocation_officer(b.data, b.len, "coes.a", &desk.pinned)->name, "o.first");
    assert_null(revocation_officer(b.data, b.len, "coes.b", &desk.pinned));
    assert_int_equal(enrolment_read(&r, b.data, b.len, &why), ST_INVALID);
    b.data[b.len - 1] ^= 1;
    assert_null(revocation_officer(b.data, b.len, "coes.a", &desk.pinned));
    buf_free(&b);
}

static void records_that_no_gate_would_take_are_not_signed(void **state)
{
    struct record good = record_of("coes.a", &device), r;
    struct buf b = {0};
    struct refusal why;

    (void)state;
#define REFUSED(change, where)                                                                     \
    do {                                                                                           \
        r = good;                                                                                  \
        change;                                                                                    \
        why = (struct refusal){0};                                                                 \
        assert_int_equal(enrolment_begin(&b, &r, "o.first", desk.signer[0], now_us, &why),         \
                         ST_INVALID);                                                              \
        assert_string_equal(why.path, where);                                                      \
        assert_int_equal(b.len, 0);                                                                \
    } while (0)
    REFUSED(snprintf(r.name, sizeof(r.name), "Coes A"), "name");
    REFUSED(r.name[0] = '\0', "name");
    REFUSED(r.agency[0] = '\0', "agency");
    REFUSED(r.roles[0] = '\0', "roles");
    REFUSED(snprintf(r.roles, sizeof(r.roles), "all a;b"), "roles[1]");
    REFUSED(snprintf(r.roles, sizeof(r.roles), "a b c d e f g h i"), "roles");
    REFUSED(snprintf(r.places, sizeof(r.places), "3505203 Ayni"), "places[1]");
    REFUSED(r.serial = 0, "serial");
    REFUSED(r.not_after_us = 0, "not_after_us");
    REFUSED(r.not_after_us = r.valid_from_us, "not_after_us");
}

static void a_request_is_signed_by_the_key_it_names(void **state)
{
    struct record r = record_of("coes.a", &device);
    struct request in = {.has_sign_key = true, .made_us = now_us}, out;
    struct buf b = {0}, unsigned_one = {0};
    struct refusal why;

    (void)state;
    snprintf(in.name, sizeof(in.name), "coes.a");
    memcpy(in.key, r.key, KEY_BYTES);
    memcpy(in.sign_key, r.sign_key, KEY_BYTES);
    assert_int_equal(request_put(&b, &in, device_signer, &why), ST_OK);
    assert_int_equal(request_read(&out, b.data, b.len, &why), ST_OK);
    assert_string_equal(out.name, "coes.a");
    assert_memory_equal(out.key, in.key, KEY_BYTES);
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= 4;
        assert_int_not_equal(request_read(&out, b.data, b.len, &why), ST_OK);
        b.data[i] ^= 4;
    }
    assert_int_equal(request_put(&unsigned_one, &in, NULL, &why), ST_OK);
    assert_int_equal(request_read(&out, unsigned_one.data, unsigned_one.len, &why), ST_DENIED);
    buf_clear(&unsigned_one);
    in.has_sign_key = false; /* an old gateway */
    assert_int_equal(request_put(&unsigned_one, &in, NULL, &why), ST_OK);
    assert_int_equal(request_read(&out, unsigned_one.data, unsigned_one.len, &why), ST_OK);
    assert_false(out.has_sign_key);
    buf_free(&b);
    buf_free(&unsigned_one);
}

static int open_desk(void **state)
{
    (void)state;
    officers_open(&desk);
    assert_int_equal(keys_generate(&device), ST_OK);
    return signer_create(&device_signer, &device) == ST_OK ? 0 : -1;
}

static int close_desk(void **state)
{
    (void)state;
    signer_destroy(device_signer);
    officers_close(&desk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_two_officers_signed_is_believed),
        cmocka_unit_test(one_officer_is_not_enough_nor_the_same_one_twice),
        cmocka_unit_test(a_signature_that_stands_there_twice_counts_once),
        cmocka_unit_test(any_changed_byte_is_noticed),
        cmocka_unit_test(officers_who_are_not_pinned_count_for_nothing),
        cmocka_unit_test(an_enrolment_is_no_request_and_no_revocation),
        cmocka_unit_test(records_that_no_gate_would_take_are_not_signed),
        cmocka_unit_test(a_request_is_signed_by_the_key_it_names),
    };

    return cmocka_run_group_tests(tests, open_desk, close_desk);
}
