/* obey_test - what a machine asks before it carries an order out, whatever its broker says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agents/link/obeyed.h"
#include "agents/link/trust.h"
#include "proto/wire/approval.h"
#include "proto/wire/order.h"
#include "tests/lib/officers.h"

#include "proto/base/banned.h"

#define SECOND INT64_C(1000000)
#define T0     INT64_C(1795310000000000) /* in November 2026: when it was drawn up */
#define NOW_US (T0 + 60 * SECOND)

enum { ASMA, KARIM, RAHIMA, DAVRON, DEVICE, SIREN, PEOPLE };
static const char *const names[PEOPLE] = {"coes.asma",   "coes.karim",  "eoc.rahima",
                                          "coes.davron", "coes.broker", "coes.siren1"};
static const char *const roles[PEOPLE] = {"dispatcher", "dispatcher", "eoc",
                                          "dispatcher", "operator",   "gateway"};
static const char *const places[PEOPLE] = {"3505203", "3505000", "", "3505217", "", "3505203001"};
static struct test_officers officers;
static struct keys keys[PEOPLE];
static struct signer *signers[PEOPLE];
static struct trust *trust;
static char officers_file[] = "/tmp/eocbus-obey-test-XXXXXX", other_file[64], err[256];
static const char *orders_file;
static bool exercises;
static struct refusal why;

static void open_trust(void)
{
    const struct trust_settings set = {
        .officers_file = officers_file, .orders_file = orders_file, .exercises = exercises};

    if (trust_create(&trust, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static void tell_as(unsigned who, const char *role, int64_t not_after_us, int64_t revoked_us,
                    uint64_t serial)
{
    struct record r = record_of(names[who], &keys[who]);
    Eocbus__V1__Known m = EOCBUS__V1__KNOWN__INIT;
    ProtobufCBinaryData bytes;
    struct buf enrolment;

    snprintf(r.roles, sizeof(r.roles), "%s", role);
    snprintf(r.places, sizeof(r.places), "%s", places[who]);
    r.serial = serial;
    if (not_after_us)
        r.not_after_us = not_after_us;
    enrolment = enrolment_of(&officers, &r, 0, 1);
    bytes = (ProtobufCBinaryData){enrolment.len, enrolment.data};
    m.enrolments = &bytes;
    m.n_enrolments = m.n_revoked_us = 1;
    m.revoked_us = &revoked_us;
    trust_learn(trust, &m, 1000);
    buf_free(&enrolment);
}

/* What a broker says of the rules; only if it was asked. */
static void tell_rules(const char *rules)
{
    Eocbus__V1__Known m = EOCBUS__V1__KNOWN__INIT;

    m.order_rules = (char *)(uintptr_t)rules;
    assert_true(trust_asks_rules(trust));
    trust_learn(trust, &m, 1000);
}

static int set_up(void **state)
{
    (void)state;
    orders_file = NULL;
    open_trust();
    for (unsigned i = 0; i < PEOPLE; i++)
        tell_as(i, roles[i], 0, 0, 1);
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
    snprintf(other_file, sizeof(other_file), "%s.orders", officers_file);
    officers_open(&officers);
    officers_write(&officers, officers_file);
    for (unsigned i = 0; i < PEOPLE; i++)
        if (keys_generate(&keys[i]) != ST_OK || signer_create(&signers[i], &keys[i]) != ST_OK)
            return -1;
    return 0;
}

static int remove_people(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PEOPLE; i++)
        signer_destroy(signers[i]);
    officers_close(&officers);
    unlink(officers_file);
    unlink(other_file);
    return 0;
}

/* --- orders ----------------------------------------------------------------------------------- */

static struct {
    Eocbus__V1__Envelope m;
    Eocbus__V1__SirenCommand siren;
    Eocbus__V1__Approval approval[4], *approvals[4];
    uint8_t id[16], approved[4][SIGN_BYTES], signature[SIGN_BYTES], content[2000];
    size_t len, signature_len;
    int64_t received_us;
} said;

static void draw_up(unsigned sender)
{
    memset(&said, 0, sizeof(said));
    eocbus__v1__envelope__init(&said.m);
    eocbus__v1__siren_command__init(&said.siren);
    said.m.sender = (char *)names[sender];
    said.m.message_id.data = said.id;
    said.m.message_id.len = sizeof(said.id);
    said.m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    said.m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    said.m.sent_time_us = said.received_us = T0;
    said.m.not_after_us = T0 + 600 * SECOND;
    said.m.body_case = EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND;
    said.m.siren_command = &said.siren;
    said.siren.site = (char *)names[SIREN];
    said.siren.action = EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SOUND;
    said.siren.duration_s = 60;
    said.siren.remaining_ms = 600000;
    said.siren.approvals = said.approvals;
}

static void approve(unsigned name)
{
    size_t n = said.siren.n_approvals++;
    struct buf text = {0};

    eocbus__v1__approval__init(&said.approval[n]);
    said.approvals[n] = &said.approval[n];
    said.approval[n].principal = (char *)names[name];
    said.approval[n].approved_us = T0 + SECOND;
    said.approval[n].version = APPROVAL_VERSION;
    assert_int_equal(order_put_approved(&text, &said.m, names[name], T0 + SECOND), ST_OK);
    signer_sign(signers[name], said.approved[n], DOMAIN_APPROVAL, text.data, text.len);
    buf_free(&text);
    said.approval[n].signature.data = said.approved[n];
    said.approval[n].signature.len = SIGN_BYTES;
}

static void sign(unsigned who)
{
    said.len = eocbus__v1__envelope__pack(&said.m, said.content);
    said.signature_len = SIGN_BYTES;
    signer_sign(signers[who], said.signature, "", said.content, said.len);
}

static void order(unsigned first, unsigned second)
{
    draw_up(ASMA);
    approve(first);
    approve(second);
    sign(ASMA);
}

static struct trust_said as_said(void)
{
    return (struct trust_said){.m = &said.m,
                               .content = said.content,
                               .len = said.len,
                               .signature = said.signature,
                               .signature_len = said.signature_len,
                               .received_us = said.received_us};
}

static const char *refused_at(int64_t utc_us, const char *own, const char *word)
{
    const struct trust_said s = as_said();

    why = (struct refusal){0};
    if (trust_may_obey(trust, &s, own, utc_us, &why) == ST_OK)
        return NULL;
    if (!strstr(why.text, word))
        fail_msg("\"%s\" does not say \"%s\"", why.text, word);
    return why.code;
}

static const char *refused(const char *word)
{
    return refused_at(NOW_US, names[SIREN], word);
}

/* What any reader finds, when it need not wait. */
static enum proof proof(void)
{
    const struct trust_said s = as_said();
    uint64_t at = 2000;
    struct trust_verdict v = trust_judge(trust, &s, at);

    for (unsigned i = 0; v.waits && i < 100; i++)
        v = trust_judge(trust, &s, at += (uint64_t)SECOND);
    assert_false(v.waits);
    return v.proof;
}

static void be_asked_for_rules(void)
{
    const struct trust_said s = as_said();
    char *asked[TRUST_QUESTION];

    assert_true(trust_judge(trust, &s, 2000).waits);
    assert_true(trust_questions(trust, asked) > 0);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void two_others_who_may_there_are_obeyed(void **state)
{
    (void)state;
    order(KARIM, RAHIMA);
    assert_null(refused(""));
    assert_int_equal(proof(), PROOF_GOOD);
}

static void one_is_not_whatever_the_broker_lets_through(void **state)
{
    (void)state;
    draw_up(ASMA);
    approve(KARIM);
    sign(ASMA);
    assert_int_equal(proof(), PROOF_GOOD); /* true, as far as it goes */
    assert_string_equal(refused("takes 2 persons beside its sender, and 1"), CODE_APPROVAL);
    order(KARIM, KARIM);
    assert_string_equal(refused("approved it twice"), CODE_APPROVAL);
    assert_int_equal(proof(), PROOF_BAD);
    order(KARIM, ASMA);
    assert_string_equal(refused("ordered it and cannot approve it"), CODE_APPROVAL);
    assert_int_equal(proof(), PROOF_BAD);
}

static void a_right_that_ends_before_this_place_is_none(void **state)
{
    (void)state;
    order(KARIM, DAVRON);
    assert_string_equal(refused("coes.davron has no right to approve it at 3505203001"),
                        CODE_APPROVAL);
    order(KARIM, DEVICE);
    assert_string_equal(refused("coes.broker has no right"), CODE_APPROVAL);
    draw_up(DAVRON);
    approve(KARIM);
    approve(RAHIMA);
    sign(DAVRON);
    assert_string_equal(refused("no right to order"), CODE_APPROVAL);
}

static void a_revoked_approver_counts_no_more_whatever_time_the_broker_says(void **state)
{
    (void)state;
    order(KARIM, RAHIMA);
    tell_as(KARIM, "dispatcher", 0, T0 + 30 * SECOND, 1);
    assert_string_equal(refused("is revoked"), CODE_APPROVAL);
    assert_int_equal(proof(), PROOF_GOOD); /* received before: history stays as it was */
    said.received_us = T0 + 31 * SECOND;
    assert_int_equal(proof(), PROOF_BAD);
}

static void a_revoked_sender_orders_nothing(void **state)
{
    (void)state;
    order(KARIM, RAHIMA);
    tell_as(ASMA, "dispatcher", 0, T0 + 30 * SECOND, 1);
    assert_string_equal(refused("is revoked or its time is over"), CODE_SIGNATURE);
}

static void an_approver_whose_time_is_over_counts_no_more(void **state)
{
    (void)state;
    order(KARIM, RAHIMA);
    tell_as(KARIM, "dispatcher", T0 + 30 * SECOND, 0, 2);
    assert_string_equal(refused("or is over"), CODE_APPROVAL);
    assert_null(refused_at(T0 + 29 * SECOND, names[SIREN], ""));
}

static void a_role_that_was_taken_away_is_gone(void **state)
{
    (void)state;
    order(KARIM, RAHIMA);
    tell_as(KARIM, "supplier", 0, 0, 2);
    assert_string_equal(refused("coes.karim has no right"), CODE_APPROVAL);
}

static void an_order_ends_by_the_machines_own_clock(void **state)
{
    (void)state;
    order(KARIM, RAHIMA);
    assert_null(refused_at(T0 + 600 * SECOND - 1, names[SIREN], ""));
    assert_string_equal(refused_at(T0 + 600 * SECOND, names[SIREN], "time was over"), CODE_EXPIRY);
    assert_string_equal(refused_at(T0 - 301 * SECOND, names[SIREN], "future"), CODE_TIME);
    draw_up(ASMA);
    said.siren.remaining_ms = 30000; /* shorter than not_after_us says */
    approve(KARIM);
    approve(RAHIMA);
    sign(ASMA);
    assert_string_equal(refused("time was over"), CODE_EXPIRY);
}

static void only_its_own_orders_and_only_actual_ones(void **state)
{
    (void)state;
    order(KARIM, RAHIMA);
    assert_string_equal(refused_at(NOW_US, "coes.siren2", "meant for coes.siren1"), CODE_APPROVAL);
    draw_up(ASMA);
    said.m.status = EOCBUS__V1__STATUS__STATUS_EXERCISE;
    approve(KARIM);
    approve(RAHIMA);
    sign(ASMA);
    assert_string_equal(refused("not ACTUAL"), CODE_APPROVAL);
}

static void order_as(Eocbus__V1__Status status)
{
    draw_up(ASMA);
    said.m.status = status;
    approve(KARIM);
    approve(RAHIMA);
    sign(ASMA);
}

static void draft_as(Eocbus__V1__Status status)
{
    draw_up(ASMA);
    said.m.status = status;
    sign(ASMA);
}

static void what_takes_part_in_an_exercise_obeys_it_and_no_test(void **state)
{
    (void)state;
    trust_destroy(trust);
    exercises = true;
    open_trust();
    exercises = false;
    for (unsigned i = 0; i < PEOPLE; i++)
        tell_as(i, roles[i], 0, 0, 1);
    order_as(EOCBUS__V1__STATUS__STATUS_EXERCISE);
    assert_null(refused(""));
    order_as(EOCBUS__V1__STATUS__STATUS_ACTUAL);
    assert_null(refused(""));
    order_as(EOCBUS__V1__STATUS__STATUS_TEST);
    assert_string_equal(refused("not ACTUAL"), CODE_APPROVAL);
    draft_as(EOCBUS__V1__STATUS__STATUS_EXERCISE);
    assert_string_equal(refused("and 0 approved it"), CODE_APPROVAL);
}

/* Readers take a draft for the desk's word, with whatever approvals it gathers for the order that
 * it becomes; no machine obeys it, however many they are. */
static void a_draft_is_read_and_never_obeyed(void **state)
{
    static const Eocbus__V1__Status drafts[] = {EOCBUS__V1__STATUS__STATUS_SYSTEM,
                                                EOCBUS__V1__STATUS__STATUS_TEST};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(drafts); i++) {
        draft_as(drafts[i]);
        assert_int_equal(proof(), PROOF_GOOD);
        assert_string_equal(refused("not ACTUAL"), CODE_APPROVAL);
        order_as(drafts[i]);
        assert_string_equal(refused("not ACTUAL"), CODE_APPROVAL);
    }
}

static void what_was_changed_afterwards_is_forged(void **state)
{
    (void)state;
    order(KARIM, RAHIMA);
    said.siren.duration_s = 1800;
    sign(ASMA);
    assert_string_equal(refused("not signed with a key of that name"), CODE_SIGNATURE);
    assert_int_equal(proof(), PROOF_BAD);
    order(KARIM, RAHIMA);
    said.id[0] ^= 1; /* an old approval under a new order */
    sign(ASMA);
    assert_string_equal(refused("not signed with a key of that name"), CODE_SIGNATURE);
    order(KARIM, RAHIMA);
    said.approval[0].version = 1;
    sign(ASMA);
    assert_string_equal(refused("version 1"), CODE_APPROVAL);
    assert_int_equal(proof(), PROOF_BAD);
    order(KARIM, RAHIMA);
    said.content[said.len - 1] ^= 1;
    assert_string_equal(refused("not signed by coes.asma"), CODE_SIGNATURE);
}

/* A broker, or whoever writes into its database, makes the rules easy. */
static void a_brokers_rules_can_only_ask_for_more(void **state)
{
    (void)state;
    draw_up(ASMA);
    approve(DEVICE);
    approve(KARIM);
    sign(ASMA);
    be_asked_for_rules();
    tell_rules("1 operator allow say * any RESTRICTED - 0 0\n"
               "2 operator allow approve * any RESTRICTED - 0 0\n"
               "3 dispatcher allow say * any RESTRICTED - 0 0\n"
               "0 0 allow need siren_command:* any RESTRICTED - 0 0\n");
    assert_string_equal(refused("coes.broker has no right"), CODE_APPROVAL);
    order(KARIM, RAHIMA);
    assert_null(refused(""));
}

static void a_brokers_rules_that_ask_for_more_hold(void **state)
{
    (void)state;
    order(KARIM, RAHIMA);
    be_asked_for_rules();
    tell_rules("1 dispatcher allow say * any RESTRICTED - 0 0\n"
               "2 everyone allow approve * any RESTRICTED - 0 0\n"
               "0 3 allow need siren_command:* any RESTRICTED - 0 0\n");
    assert_string_equal(refused("takes 3 persons"), CODE_APPROVAL);
}

static void rules_carried_here_stand_for_those_built_in(void **state)
{
    FILE *f = fopen(other_file, "w");

    (void)state;
    assert_non_null(f);
    fputs("# of the district head\n1 dispatcher allow say siren_command own RESTRICTED - 0 0\n"
          "2 dispatcher allow approve siren_command own RESTRICTED - 0 0\n"
          "0 1 allow need siren_command:* any RESTRICTED - 0 0\n",
          f);
    fclose(f);
    trust_destroy(trust);
    orders_file = other_file;
    open_trust();
    for (unsigned i = 0; i < PEOPLE; i++)
        tell_as(i, roles[i], 0, 0, 1);
    draw_up(ASMA);
    approve(KARIM);
    sign(ASMA);
    assert_null(refused(""));
    draw_up(ASMA);
    approve(RAHIMA);
    sign(ASMA);
    assert_string_equal(refused("eoc.rahima has no right"), CODE_APPROVAL);
}

static void rules_that_cannot_be_read_start_no_machine(void **state)
{
    const struct trust_settings missing = {.officers_file = officers_file,
                                           .orders_file = "/nonexistent/orders"};
    struct trust *none = NULL;

    (void)state;
    assert_int_equal(trust_create(&none, &missing, err, sizeof(err)), ST_NOTFOUND);
    assert_non_null(strstr(err, "/nonexistent/orders"));
}

static void without_pinned_officers_nothing_is_obeyed(void **state)
{
    const struct trust_settings off = {.officers_file = NULL};

    (void)state;
    trust_destroy(trust);
    assert_int_equal(trust_create(&trust, &off, err, sizeof(err)), ST_OK);
    order(KARIM, RAHIMA);
    assert_string_equal(refused("no officers are pinned"), CODE_APPROVAL);
}

static void an_order_is_taken_once_also_after_a_start(void **state)
{
    static const uint8_t one[16] = {1}, two[16] = {2};
    char path[] = "/tmp/eocbus-obeyed-XXXXXX";
    struct obeyed *o;
    int fd = mkstemp(path);

    (void)state;
    close(fd);
    unlink(path);
    assert_int_equal(obeyed_open(&o, path), ST_OK);
    assert_int_equal(obeyed_take(o, "coes.asma", one, NOW_US + 10, NOW_US), ST_OK);
    assert_int_equal(obeyed_take(o, "coes.asma", one, NOW_US + 10, NOW_US), ST_EXISTS);
    assert_int_equal(obeyed_take(o, "coes.karim", one, NOW_US + 10, NOW_US), ST_OK);
    obeyed_close(o);
    assert_int_equal(obeyed_open(&o, path), ST_OK);
    assert_int_equal(obeyed_take(o, "coes.asma", one, NOW_US + 10, NOW_US + 5), ST_EXISTS);
    for (int64_t i = 0; i < OBEYED_MOST; i++) { /* those that are over make room */
        uint8_t id[16] = {3};

        memcpy(id + 8, &i, sizeof(i));
        assert_int_equal(obeyed_take(o, "coes.asma", id, NOW_US + 20 + i, NOW_US + 20), ST_OK);
    }
    assert_int_equal(obeyed_take(o, "coes.asma", two, 0, NOW_US + 20), ST_OK);
    assert_int_equal(obeyed_take(o, "coes.asma", two, 0, NOW_US + 20), ST_EXISTS);
    obeyed_close(o);
    unlink(path);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(two_others_who_may_there_are_obeyed),
        T(one_is_not_whatever_the_broker_lets_through),
        T(a_right_that_ends_before_this_place_is_none),
        T(a_revoked_approver_counts_no_more_whatever_time_the_broker_says),
        T(a_revoked_sender_orders_nothing),
        T(an_approver_whose_time_is_over_counts_no_more),
        T(a_role_that_was_taken_away_is_gone),
        T(an_order_ends_by_the_machines_own_clock),
        T(only_its_own_orders_and_only_actual_ones),
        T(what_takes_part_in_an_exercise_obeys_it_and_no_test),
        T(a_draft_is_read_and_never_obeyed),
        T(what_was_changed_afterwards_is_forged),
        T(a_brokers_rules_can_only_ask_for_more),
        T(a_brokers_rules_that_ask_for_more_hold),
        T(rules_carried_here_stand_for_those_built_in),
        T(rules_that_cannot_be_read_start_no_machine),
        T(without_pinned_officers_nothing_is_obeyed),
        T(an_order_is_taken_once_also_after_a_start),
    };

    return cmocka_run_group_tests_name("obey", tests, make_people, remove_people);
}
