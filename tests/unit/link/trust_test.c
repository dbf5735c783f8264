/* trust_test - what a reader believes, and of whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agents/link/trust.h"
#include "proto/wire/order.h"
#include "tests/lib/officers.h"

#include "proto/base/banned.h"

#define SECOND UINT64_C(1000000)
#define T0     INT64_C(1795310000000000) /* in November 2026 */

enum { ASMA, KARIM, RAHIMA, PEOPLE };
static const char *const names[PEOPLE] = {"coes.asma", "eoc.karim", "eoc.rahima"};
static struct test_officers officers;
static struct keys keys[PEOPLE], second_keys;
static struct signer *signers[PEOPLE], *second;
static struct trust *trust;
static char officers_file[] = "/tmp/eocbus-trust-test-XXXXXX", known_file[64], err[256];
static uint64_t now_us;

static void open_trust(bool lets_unsigned)
{
    const struct trust_settings set = {
        .officers_file = officers_file, .known_file = known_file, .lets_unsigned = lets_unsigned};

    if (trust_create(&trust, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static int set_up(void **state)
{
    (void)state;
    unlink(known_file);
    now_us = 1000 * SECOND;
    open_trust(false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    trust_destroy(trust);
    return 0;
}

static int make_people(void **state)
{
    int fd = mkstemp(officers_file);

    (void)state;
    if (fd < 0)
        return -1;
    close(fd);
    unlink(officers_file);
    snprintf(known_file, sizeof(known_file), "%s.known", officers_file);
    officers_open(&officers);
    officers_write(&officers, officers_file);
    for (unsigned i = 0; i < PEOPLE; i++)
        if (keys_generate(&keys[i]) != ST_OK || signer_create(&signers[i], &keys[i]) != ST_OK)
            return -1;
    if (keys_generate(&second_keys) != ST_OK || signer_create(&second, &second_keys) != ST_OK)
        return -1;
    return 0;
}

static int remove_people(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PEOPLE; i++)
        signer_destroy(signers[i]);
    signer_destroy(second);
    officers_close(&officers);
    unlink(officers_file);
    unlink(known_file);
    return 0;
}

/* --- what a broker says ----------------------------------------------------------------------- */

static void tell(const struct record *r, int first, int last, int64_t revoked_us)
{
    struct buf enrolment = enrolment_of(&officers, r, first, last);
    Eocbus__V1__Known m = EOCBUS__V1__KNOWN__INIT;
    ProtobufCBinaryData bytes = {enrolment.len, enrolment.data};

    m.enrolments = &bytes;
    m.n_enrolments = 1;
    m.revoked_us = &revoked_us;
    m.n_revoked_us = 1;
    trust_learn(trust, &m, now_us);
    buf_free(&enrolment);
}

static void tell_of(unsigned who)
{
    struct record r = record_of(names[who], &keys[who]);

    tell(&r, 0, 1, 0);
}

static void tell_nobody(const char *name)
{
    Eocbus__V1__Known m = EOCBUS__V1__KNOWN__INIT;
    char *names_of_nobody[] = {(char *)name};

    m.nobody = names_of_nobody;
    m.n_nobody = 1;
    trust_learn(trust, &m, now_us);
}

static size_t questions(void)
{
    char *asked[TRUST_QUESTION];

    return trust_questions(trust, asked);
}

/* --- messages --------------------------------------------------------------------------------- */

static struct {
    Eocbus__V1__Envelope m;
    Eocbus__V1__FlashReport report;
    Eocbus__V1__SirenCommand siren;
    Eocbus__V1__Approval approval[2], *approvals[2];
    uint8_t id[16], approved[2][SIGN_BYTES], signature[SIGN_BYTES], content[2000];
    size_t len, signature_len;
    int64_t received_us;
} said;

static void begin(const char *sender, bool is_siren)
{
    memset(&said, 0, sizeof(said));
    eocbus__v1__envelope__init(&said.m);
    eocbus__v1__flash_report__init(&said.report);
    eocbus__v1__siren_command__init(&said.siren);
    said.m.sender = (char *)sender;
    said.m.message_id.data = said.id;
    said.m.message_id.len = sizeof(said.id);
    said.m.sent_time_us = said.received_us = T0;
    said.siren.site = (char *)"coes.siren1";
    said.siren.duration_s = 60;
    said.siren.approvals = said.approvals;
    if (is_siren) {
        said.m.body_case = EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND;
        said.m.siren_command = &said.siren;
    } else {
        said.m.body_case = EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT;
        said.m.flash_report = &said.report;
    }
}

static void approve(unsigned name, const struct signer *key)
{
    size_t n = said.siren.n_approvals;
    struct buf text = {0};

    eocbus__v1__approval__init(&said.approval[n]);
    said.approvals[n] = &said.approval[n];
    said.approval[n].principal = (char *)names[name];
    said.approval[n].approved_us = T0;
    said.approval[n].version = APPROVAL_VERSION;
    assert_int_equal(order_put_approved(&text, &said.m, names[name], T0), ST_OK);
    signer_sign(key, said.approved[n], DOMAIN_APPROVAL, text.data, text.len);
    buf_free(&text);
    said.approval[n].signature.data = said.approved[n];
    said.approval[n].signature.len = SIGN_BYTES;
    said.siren.n_approvals++;
}

static void sign(const struct signer *key)
{
    said.len = eocbus__v1__envelope__pack(&said.m, said.content);
    said.signature_len = key ? SIGN_BYTES : 0;
    if (key)
        signer_sign(key, said.signature, "", said.content, said.len);
}

static struct trust_verdict verdict(void)
{
    const struct trust_said s = {.m = &said.m,
                                 .content = said.content,
                                 .len = said.len,
                                 .signature = said.signature,
                                 .signature_len = said.signature_len,
                                 .received_us = said.received_us};
    struct trust_verdict v = trust_judge(trust, &s, now_us);

    assert_true((v.proof == PROOF_BAD) == (v.why != NULL));
    return v;
}

/* When waiting is over; brokers tell what `tells` tells. */
static enum proof proof_in_the_end(void (*tells)(void))
{
    struct trust_verdict v = verdict();

    for (unsigned i = 0; v.waits; i++) {
        assert_true(i < 100);
        now_us += SECOND / 4;
        if (questions() && tells)
            tells();
        v = verdict();
    }
    return v.proof;
}

static void tell_of_asma(void)
{
    tell_of(ASMA);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void what_its_sender_signed_is_good_and_nothing_else(void **state)
{
    (void)state;
    tell_of(ASMA);
    begin(names[ASMA], false);
    sign(signers[ASMA]);
    assert_int_equal(proof_in_the_end(NULL), PROOF_GOOD);
    said.content[said.len - 1] ^= 1;
    assert_int_equal(proof_in_the_end(tell_of_asma), PROOF_BAD);
    said.content[said.len - 1] ^= 1;
    assert_int_equal(proof_in_the_end(NULL), PROOF_GOOD);
    sign(signers[KARIM]); /* under her name */
    assert_int_equal(proof_in_the_end(tell_of_asma), PROOF_BAD);
    sign(NULL); /* a broker that leaves the signature out */
    assert_int_equal(proof_in_the_end(NULL), PROOF_BAD);
}

static void an_unknown_sender_is_asked_for_and_waited_for_once(void **state)
{
    (void)state;
    begin(names[ASMA], false);
    sign(signers[ASMA]);
    assert_true(verdict().waits);
    assert_int_equal(questions(), 1);
    assert_int_equal(questions(), 0);
    assert_true(verdict().waits);
    tell_of(ASMA);
    assert_int_equal(verdict().proof, PROOF_GOOD);
    assert_false(verdict().waits);
    assert_int_equal(questions(), 0);
}

static void a_broker_that_does_not_answer_is_waited_for_no_more(void **state)
{
    (void)state;
    begin(names[ASMA], false);
    sign(signers[ASMA]);
    assert_int_equal(proof_in_the_end(NULL), PROOF_UNKNOWN);
    assert_true(now_us >= 1005 * SECOND && now_us < 1006 * SECOND);
    begin(names[KARIM], false); /* nor for another name */
    sign(signers[KARIM]);
    assert_false(verdict().waits);
    assert_int_equal(verdict().proof, PROOF_UNKNOWN);
    assert_int_equal(questions(), 1);
    tell_of(KARIM);
    assert_int_equal(verdict().proof, PROOF_GOOD);
    begin(names[RAHIMA], false);
    sign(signers[RAHIMA]);
    assert_true(verdict().waits); /* it answers again */
}

static void nobody_is_unknown_and_orders_nothing(void **state)
{
    (void)state;
    begin("mia.invented", false);
    sign(NULL);
    assert_true(verdict().waits);
    tell_nobody("mia.invented");
    assert_int_equal(verdict().proof, PROOF_UNKNOWN);
    sign(second);
    assert_int_equal(proof_in_the_end(NULL), PROOF_UNKNOWN);
    begin("mia.invented", true);
    sign(second);
    assert_int_equal(proof_in_the_end(NULL), PROOF_BAD);
    begin("bus", true);
    sign(NULL);
    assert_int_equal(proof_in_the_end(NULL), PROOF_BAD);
    begin("bus", false);
    sign(NULL);
    assert_int_equal(proof_in_the_end(NULL), PROOF_UNSIGNED);
}

static void a_record_that_too_few_officers_signed_is_none(void **state)
{
    struct record r = record_of(names[ASMA], &keys[ASMA]);

    (void)state;
    begin(names[ASMA], false);
    sign(signers[ASMA]);
    (void)verdict();
    tell(&r, 0, -1, 0);
    assert_int_equal(proof_in_the_end(NULL), PROOF_UNKNOWN);
}

static void an_old_gateway_is_shown_as_unsigned_and_orders_nothing(void **state)
{
    struct record r = record_of(names[ASMA], &keys[ASMA]);

    (void)state;
    r.has_sign_key = false;
    memset(r.sign_key, 0, sizeof(r.sign_key));
    tell(&r, 0, 1, 0);
    begin(names[ASMA], false);
    sign(NULL);
    assert_int_equal(proof_in_the_end(NULL), PROOF_UNSIGNED);
    begin(names[ASMA], true);
    sign(NULL);
    assert_int_equal(proof_in_the_end(NULL), PROOF_BAD);
}

static void who_signs_was_once_unsigned_and_may_be_while_programs_are_replaced(void **state)
{
    struct record r = record_of(names[ASMA], &keys[ASMA]);

    (void)state;
    r.valid_from_us = T0;
    tell(&r, 0, 1, 0);
    begin(names[ASMA], false);
    said.m.sent_time_us = said.received_us = T0 - 1;
    sign(NULL);
    assert_int_equal(proof_in_the_end(NULL), PROOF_UNSIGNED);
    said.m.sent_time_us = said.received_us = T0;
    assert_int_equal(proof_in_the_end(NULL), PROOF_BAD);
    trust_destroy(trust);
    open_trust(true);
    tell(&r, 0, 1, 0);
    assert_int_equal(proof_in_the_end(NULL), PROOF_UNSIGNED);
}

static void what_was_signed_before_a_key_ended_stays_good(void **state)
{
    struct record r = record_of(names[ASMA], &keys[ASMA]);

    (void)state;
    r.not_after_us = T0;
    tell(&r, 0, 1, 0);
    begin(names[ASMA], false);
    said.m.sent_time_us = T0 - 1; /* a week in the dark */
    said.received_us = T0 + 7 * 86400 * INT64_C(1000000);
    sign(signers[ASMA]);
    assert_int_equal(proof_in_the_end(NULL), PROOF_GOOD);
    said.m.sent_time_us = 1; /* its clock had stopped */
    said.received_us = T0 - 1;
    sign(signers[ASMA]);
    assert_int_equal(proof_in_the_end(NULL), PROOF_GOOD);
    said.m.sent_time_us = said.received_us = T0 + 1;
    sign(signers[ASMA]);
    assert_int_equal(proof_in_the_end(tell_of_asma), PROOF_BAD);
}

static void a_revoked_key_is_good_for_what_was_received_before(void **state)
{
    struct record r = record_of(names[ASMA], &keys[ASMA]);

    (void)state;
    tell(&r, 0, 1, T0);
    begin(names[ASMA], false);
    said.m.sent_time_us = said.received_us = T0 - 1;
    sign(signers[ASMA]);
    assert_int_equal(proof_in_the_end(NULL), PROOF_GOOD);
    said.received_us = T0; /* whoever has it now writes any time into it */
    assert_int_equal(proof_in_the_end(NULL), PROOF_BAD);
}

static struct record second_record;

static void tell_of_both(void)
{
    tell_of(ASMA);
    tell(&second_record, 0, 1, 0);
}

static unsigned times_told;

/* The broker that is asked hears of the new key some seconds after the one that took the message.
 */
static void tell_of_both_late(void)
{
    if (++times_told > 5)
        tell_of_both();
    else
        tell_of(ASMA);
}

static void a_new_key_is_asked_for_before_its_word_is_called_forged(void **state)
{
    (void)state;
    second_record = record_of(names[ASMA], &second_keys);
    second_record.serial = 2;
    tell_of(ASMA);
    begin(names[ASMA], false);
    sign(second);
    assert_true(verdict().waits);
    times_told = 0;
    assert_int_equal(proof_in_the_end(tell_of_both_late), PROOF_GOOD);
    sign(signers[ASMA]); /* and the one before is good */
    assert_int_equal(proof_in_the_end(NULL), PROOF_GOOD);
}

/* Whoever signs nonsense holds its readers up for six seconds, and ever more rarely. */
static void the_more_often_in_vain_the_more_rarely_a_signature_is_doubted(void **state)
{
    uint64_t waited_us = 0, began_us;

    (void)state;
    tell_of(ASMA);
    begin(names[ASMA], false);
    sign(signers[KARIM]);
    began_us = now_us;
    while (now_us < began_us + 3600 * SECOND) {
        struct trust_verdict v = verdict();

        waited_us += v.waits ? SECOND / 4 : 0;
        now_us += SECOND / 4;
        if (questions())
            tell_of(ASMA);
    }
    assert_in_range(waited_us, 6 * SECOND, 3600 * SECOND / 50);
    sign(signers[ASMA]); /* what is good waits for nothing */
    assert_int_equal(verdict().proof, PROOF_GOOD);
    assert_false(verdict().waits);
    sign(signers[KARIM]);
    assert_int_equal(verdict().proof, PROOF_BAD); /* and excuses nothing */
}

static void a_new_key_is_learnt_also_of_one_who_is_doubted_no_more(void **state)
{
    (void)state;
    second_record = record_of(names[ASMA], &second_keys);
    second_record.serial = 2;
    tell_of(ASMA);
    begin(names[ASMA], false);
    sign(signers[KARIM]);
    assert_int_equal(proof_in_the_end(tell_of_asma), PROOF_BAD);
    now_us += 7 * SECOND;
    sign(second);
    assert_int_equal(verdict().proof, PROOF_BAD); /* it is not waited for, */
    assert_int_equal(questions(), 1);             /* but asked */
    tell_of_both();
    assert_int_equal(verdict().proof, PROOF_GOOD);
    sign(signers[KARIM]);
    assert_true(verdict().waits); /* keys do change */
}

static void after_an_hour_doubts_are_forgotten(void **state)
{
    (void)state;
    tell_of(ASMA);
    begin(names[ASMA], false);
    sign(signers[KARIM]);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(proof_in_the_end(tell_of_asma), PROOF_BAD);
        now_us += 60 * SECOND;
    }
    now_us += 3600 * SECOND;
    assert_int_equal(proof_in_the_end(tell_of_asma), PROOF_BAD);
    now_us += 20 * SECOND;
    assert_true(verdict().waits);
}

static void tell_of_all(void)
{
    for (unsigned i = 0; i < PEOPLE; i++)
        tell_of(i);
}

static void an_order_needs_the_word_of_everyone_who_approved_it(void **state)
{
    (void)state;
    begin(names[ASMA], true);
    approve(KARIM, signers[KARIM]);
    approve(RAHIMA, signers[RAHIMA]);
    sign(signers[ASMA]);
    assert_int_equal(proof_in_the_end(tell_of_all), PROOF_GOOD);
    said.siren.duration_s = 600;
    sign(signers[ASMA]);
    assert_int_equal(proof_in_the_end(tell_of_all), PROOF_BAD);
    begin(names[ASMA], true);
    approve(KARIM, signers[KARIM]);
    approve(RAHIMA, signers[KARIM]);
    sign(signers[ASMA]);
    assert_int_equal(proof_in_the_end(tell_of_all), PROOF_BAD);
}

static void a_broker_that_forgets_a_revocation_does_not_undo_it(void **state)
{
    struct record r = record_of(names[ASMA], &keys[ASMA]);

    (void)state;
    begin(names[ASMA], false);
    sign(signers[ASMA]);
    tell(&r, 0, 1, T0 - 1);
    assert_int_equal(proof_in_the_end(NULL), PROOF_BAD);
    tell(&r, 0, 1, 0);
    assert_int_equal(proof_in_the_end(NULL), PROOF_BAD);
    tell(&r, 0, 1, T0 + 1);
    assert_int_equal(proof_in_the_end(NULL), PROOF_BAD);
}

static void records_are_kept_and_checked_again(void **state)
{
    FILE *f;

    (void)state;
    tell_of(ASMA);
    assert_int_equal(trust_save(trust), ST_OK);
    trust_destroy(trust);
    open_trust(false);
    begin(names[ASMA], false);
    sign(signers[ASMA]);
    assert_false(verdict().waits); /* no broker was asked */
    assert_int_equal(verdict().proof, PROOF_GOOD);
    assert_int_equal(questions(), 1); /* but will be, since keys come and go */
    trust_destroy(trust);
    f = fopen(known_file, "r+");
    assert_non_null(f);
    fseek(f, 60, SEEK_SET);
    fputs("XXXX", f);
    fclose(f);
    open_trust(false);
    assert_true(verdict().waits);
}

static void without_officers_nothing_is_checked(void **state)
{
    const struct trust_settings set = {.officers_file = ""};

    (void)state;
    trust_destroy(trust);
    assert_int_equal(trust_create(&trust, &set, err, sizeof(err)), ST_OK);
    begin(names[ASMA], true);
    sign(NULL);
    assert_false(trust_is_on(trust));
    assert_int_equal(verdict().proof, PROOF_OFF);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_its_sender_signed_is_good_and_nothing_else),
        T(an_unknown_sender_is_asked_for_and_waited_for_once),
        T(a_broker_that_does_not_answer_is_waited_for_no_more),
        T(the_more_often_in_vain_the_more_rarely_a_signature_is_doubted),
        T(a_new_key_is_learnt_also_of_one_who_is_doubted_no_more),
        T(after_an_hour_doubts_are_forgotten),
        T(nobody_is_unknown_and_orders_nothing),
        T(a_record_that_too_few_officers_signed_is_none),
        T(an_old_gateway_is_shown_as_unsigned_and_orders_nothing),
        T(who_signs_was_once_unsigned_and_may_be_while_programs_are_replaced),
        T(what_was_signed_before_a_key_ended_stays_good),
        T(a_revoked_key_is_good_for_what_was_received_before),
        T(a_broker_that_forgets_a_revocation_does_not_undo_it),
        T(a_new_key_is_asked_for_before_its_word_is_called_forged),
        T(an_order_needs_the_word_of_everyone_who_approved_it),
        T(records_are_kept_and_checked_again),
        T(without_officers_nothing_is_checked),
    };

    return cmocka_run_group_tests_name("trust", tests, make_people, remove_people);
}
