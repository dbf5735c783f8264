/* word_test - what the broker takes for its sender's word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/access/roll.h"
#include "broker/access/word.h"
#include "proto/base/sign.h"

#include "proto/base/banned.h"

enum { ASMA, OLD, KARIM, RAHIMA, NOBODY, PEOPLE };
static const char *const names[PEOPLE] = {"coes.asma", "coes.old", "eoc.karim", "eoc.rahima",
                                          "eoc.nobody"};
static struct signer *signers[PEOPLE], *asmas_second, *beside;
static struct principal people[PEOPLE];
static struct roll *roll;
static bool is_vouched; /* whom add_key adds */

static void add_key(unsigned who, const struct signer *key, int64_t not_after_us)
{
    struct principal p = {.principal_id = (int32_t)who + 1, .name = (char *)names[who]};

    p.not_after_us = not_after_us;
    p.is_vouched = is_vouched;
    p.serial = is_vouched;
    if (key) {
        memcpy(p.sign_key, signer_public(key), KEY_BYTES);
        p.has_sign_key = true;
    }
    assert_int_equal(roll_add(roll, &p), ST_OK);
    people[who] = p;
}

static int make_people(void **state)
{
    struct keys k;

    (void)state;
    if (roll_create(&roll) != ST_OK)
        return -1;
    for (unsigned i = 0; i < PEOPLE; i++)
        if (keys_generate(&k) != ST_OK || signer_create(&signers[i], &k) != ST_OK)
            return -1;
    if (keys_generate(&k) != ST_OK || signer_create(&asmas_second, &k) != ST_OK ||
        keys_generate(&k) != ST_OK || signer_create(&beside, &k) != ST_OK)
        return -1;
    add_key(ASMA, asmas_second, 0);
    add_key(ASMA, signers[ASMA], 1000); /* its time is over: what it signed waits somewhere */
    add_key(OLD, NULL, 0);
    add_key(KARIM, signers[KARIM], 0);
    add_key(RAHIMA, beside, 0); /* nobody vouches for this one */
    is_vouched = true;
    add_key(RAHIMA, signers[RAHIMA], 0);
    is_vouched = false;
    people[NOBODY].name = (char *)names[NOBODY];
    people[NOBODY].has_sign_key = true;
    roll_seal(roll);
    return 0;
}

static int remove_people(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PEOPLE; i++)
        signer_destroy(signers[i]);
    signer_destroy(asmas_second);
    signer_destroy(beside);
    roll_destroy(roll);
    return 0;
}

/* --- messages --------------------------------------------------------------------------------- */

static struct {
    Eocbus__V1__Envelope m;
    Eocbus__V1__FlashReport report;
    Eocbus__V1__SirenCommand siren;
    Eocbus__V1__Receipt receipt;
    Eocbus__V1__PublicAlert alert;
    uint8_t id[16], signature[SIGN_BYTES], content[2000];
    size_t len, signature_len;
} now;

static void begin(unsigned sender, int body)
{
    memset(&now, 0, sizeof(now));
    eocbus__v1__envelope__init(&now.m);
    eocbus__v1__flash_report__init(&now.report);
    eocbus__v1__siren_command__init(&now.siren);
    eocbus__v1__receipt__init(&now.receipt);
    eocbus__v1__public_alert__init(&now.alert);
    now.m.sender = (char *)names[sender];
    now.m.message_id.data = now.id;
    now.m.message_id.len = sizeof(now.id);
    now.m.body_case = (Eocbus__V1__Envelope__BodyCase)body;
    now.m.siren_command = &now.siren; /* a union: any body's pointer */
    if (body == EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT)
        now.m.flash_report = &now.report;
    else if (body == EOCBUS__V1__ENVELOPE__BODY_RECEIPT)
        now.m.receipt = &now.receipt;
    else if (body == EOCBUS__V1__ENVELOPE__BODY_PUBLIC_ALERT)
        now.m.public_alert = &now.alert;
}

static void order_siren(unsigned sender)
{
    begin(sender, EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND);
    now.siren.site = (char *)"coes.siren1";
    now.siren.duration_s = 60;
}

static void sign(const struct signer *key)
{
    now.len = eocbus__v1__envelope__pack(&now.m, now.content);
    now.signature_len = key ? SIGN_BYTES : 0;
    if (key)
        signer_sign(key, now.signature, "", now.content, now.len);
}

static enum word judge_with(unsigned session, bool lets_unsigned)
{
    const struct access_said said = {.m = &now.m,
                                     .content = now.content,
                                     .len = now.len,
                                     .signature = now.signature,
                                     .signature_len = now.signature_len};
    struct refusal why = {0};
    enum word word = word_judge(roll, &people[session], &said, lets_unsigned, &why);

    if (word == WORD_MISSING || word == WORD_BAD) {
        assert_string_equal(why.code, CODE_SIGNATURE);
        assert_true(why.path[0] && why.text[0]);
    } else {
        assert_null(why.code);
    }
    return word;
}

static enum word judge(unsigned session)
{
    return judge_with(session, false);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void one_who_has_a_signing_key_is_not_heard_without(void **state)
{
    (void)state;
    begin(ASMA, EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT);
    sign(NULL);
    assert_int_equal(judge(ASMA), WORD_MISSING);
    assert_int_equal(judge_with(ASMA, true), WORD_UNSIGNED);
    begin(OLD, EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT);
    sign(NULL);
    assert_int_equal(judge(OLD), WORD_TAKEN);
}

static void a_report_is_left_to_its_readers(void **state)
{
    (void)state;
    begin(ASMA, EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT);
    sign(signers[KARIM]);
    assert_int_equal(judge(ASMA), WORD_TAKEN);
}

static void an_alarm_is_verified_before_anybody_hears_it(void **state)
{
    (void)state;
    begin(ASMA, EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT);
    now.m.lane = EOCBUS__V1__LANE__LANE_FLASH;
    sign(asmas_second);
    assert_int_equal(judge(ASMA), WORD_GOOD);
    now.content[now.len - 1] ^= 1;
    assert_int_equal(judge(ASMA), WORD_BAD);
    sign(signers[KARIM]);
    assert_int_equal(judge_with(ASMA, true), WORD_BAD);
    sign(NULL);
    assert_int_equal(judge(ASMA), WORD_MISSING);
    assert_int_equal(judge_with(ASMA, true), WORD_UNSIGNED);
    begin(OLD, EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT);
    now.m.lane = EOCBUS__V1__LANE__LANE_FLASH;
    sign(NULL);
    assert_int_equal(judge(OLD), WORD_TAKEN);
    sign(signers[OLD]); /* nobody can tell */
    assert_int_equal(judge(OLD), WORD_TAKEN);
}

static void a_command_is_verified_byte_for_byte(void **state)
{
    (void)state;
    order_siren(ASMA);
    sign(asmas_second);
    assert_int_equal(judge(ASMA), WORD_GOOD);
    now.content[now.len - 1] ^= 1;
    assert_int_equal(judge(ASMA), WORD_BAD);
    now.content[now.len - 1] ^= 1;
    now.signature[40] ^= 1;
    assert_int_equal(judge(ASMA), WORD_BAD);
    assert_int_equal(judge_with(ASMA, true), WORD_BAD);
    sign(signers[ASMA]); /* the key of before */
    assert_int_equal(judge(ASMA), WORD_GOOD);
    sign(signers[KARIM]);
    assert_int_equal(judge(ASMA), WORD_BAD);
    sign(NULL);
    assert_int_equal(judge(ASMA), WORD_MISSING);
}

static void of_a_device_without_a_signing_key_nobody_can_tell(void **state)
{
    (void)state;
    order_siren(OLD);
    sign(NULL);
    assert_int_equal(judge(OLD), WORD_TAKEN);
    sign(signers[OLD]); /* it signs, and is enrolled without */
    assert_int_equal(judge(OLD), WORD_TAKEN);
}

static void what_settles_a_request_and_alerts_are_verified(void **state)
{
    (void)state;
    begin(ASMA, EOCBUS__V1__ENVELOPE__BODY_RECEIPT);
    now.receipt.level = EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_DISPLAYED;
    sign(signers[KARIM]);
    assert_int_equal(judge(ASMA), WORD_TAKEN);
    now.receipt.level = EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED;
    sign(signers[KARIM]);
    assert_int_equal(judge(ASMA), WORD_BAD);
    now.receipt.level = EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_REJECTED;
    sign(signers[ASMA]);
    assert_int_equal(judge(ASMA), WORD_GOOD);
    begin(ASMA, EOCBUS__V1__ENVELOPE__BODY_PUBLIC_ALERT);
    sign(signers[KARIM]);
    assert_int_equal(judge(ASMA), WORD_BAD);
}

static void what_is_carried_for_another_has_to_be_signed_by_that_one(void **state)
{
    (void)state;
    begin(ASMA, EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT);
    sign(signers[ASMA]);
    assert_int_equal(judge(OLD), WORD_GOOD);
    sign(signers[OLD]);
    assert_int_equal(judge(OLD), WORD_BAD);
    sign(NULL);
    assert_int_equal(judge(OLD), WORD_MISSING);
    assert_int_equal(judge_with(OLD, true), WORD_MISSING);
    begin(OLD, EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT); /* whose word nobody can verify */
    sign(signers[OLD]);
    assert_int_equal(judge(ASMA), WORD_BAD);
}

/* Its own signing key stands in the database, where whoever added it could write it. */
static void a_key_beside_a_record_says_nothing_in_its_name(void **state)
{
    struct principal asma = people[ASMA];

    (void)state;
    people[ASMA].is_beside = true;
    begin(ASMA, EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT);
    sign(signers[NOBODY]);
    assert_int_equal(judge(ASMA), WORD_BAD);
    sign(NULL);
    assert_int_equal(judge(ASMA), WORD_MISSING);
    assert_int_equal(judge_with(ASMA, true), WORD_MISSING);
    sign(signers[ASMA]); /* what the enrolled key signed stays its word, whoever hands it in */
    assert_int_equal(judge(ASMA), WORD_GOOD);
    people[ASMA] = asma;
}

static void a_key_beside_a_record_signs_for_nobody(void **state)
{
    (void)state;
    begin(RAHIMA, EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND);
    sign(beside);
    assert_int_equal(judge(RAHIMA), WORD_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_who_has_a_signing_key_is_not_heard_without),
        cmocka_unit_test(a_report_is_left_to_its_readers),
        cmocka_unit_test(an_alarm_is_verified_before_anybody_hears_it),
        cmocka_unit_test(a_command_is_verified_byte_for_byte),
        cmocka_unit_test(of_a_device_without_a_signing_key_nobody_can_tell),
        cmocka_unit_test(what_settles_a_request_and_alerts_are_verified),
        cmocka_unit_test(a_key_beside_a_record_says_nothing_in_its_name),
        cmocka_unit_test(a_key_beside_a_record_signs_for_nobody),
        cmocka_unit_test(what_is_carried_for_another_has_to_be_signed_by_that_one),
    };

    return cmocka_run_group_tests_name("word", tests, make_people, remove_people);
}
