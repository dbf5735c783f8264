/* approve_test - what the broker asks of an order to a machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/access/approve.h"
#include "broker/access/roll.h"
#include "proto/base/mem.h"
#include "proto/base/sign.h"
#include "proto/wire/approval.h"
#include "proto/wire/order.h"

#include "proto/base/banned.h"

#define NOW_US INT64_C(1790000000000000)
#define SECOND INT64_C(1000000)

enum {
    ASMA,     /* dispatcher of the district, who orders */
    KARIM,    /* dispatcher of the region */
    RAHIMA,   /* of the centre, the whole country */
    DAVRON,   /* dispatcher of another district */
    ZARINA,   /* dispatcher, and has KARIM's key */
    REVOKED,  /* dispatcher whose key is revoked */
    EXPIRED,  /* dispatcher whose time is over */
    WATCHMAN, /* no role that may */
    UNKEYED,  /* dispatcher without a signing key */
    BESIDE,   /* a key that nobody vouches for, beside a record */
    SIREN,    /* in the district */
    NATIONWIDE /* a machine without a place */,
    PEOPLE
};
static const char *const names[PEOPLE] = {
    "coes.asma",    "coes.karim",    "eoc.rahima",   "coes.davron", "coes.zarina", "coes.revoked",
    "coes.expired", "coes.watchman", "coes.unkeyed", "coes.beside", "coes.siren1", "coes.siren2"};
static const char *const roles[PEOPLE] = {"dispatcher", "dispatcher", "eoc",        "dispatcher",
                                          "dispatcher", "dispatcher", "dispatcher", "witness",
                                          "dispatcher", "dispatcher", "gateway",    "gateway"};
static const char *const places[PEOPLE] = {"3505203", "3505000", "",           "3505217",
                                           "3505203", "3505203", "3505203",    "3505203",
                                           "3505203", "3505203", "3505203001", ""};

static struct signer *signers[PEOPLE];
static struct principal people[PEOPLE];
static struct roll *roll;
static struct approval_policy *policy;
static struct orders_seen seen;
static struct refusal why;

static void add(unsigned who, unsigned key)
{
    struct principal p = {.principal_id = (int32_t)who + 1,
                          .name = (char *)names[who],
                          .roles = (char *)roles[who],
                          .places = (char *)places[who],
                          .has_sign_key = who != UNKEYED,
                          .is_beside = who == BESIDE,
                          .is_shut = who == REVOKED,
                          .revoked_us = who == REVOKED ? NOW_US - SECOND : 0,
                          .not_after_us = who == EXPIRED ? NOW_US - SECOND : 0};

    memcpy(p.public_key, &who, sizeof(who));
    memcpy(p.sign_key, signer_public(signers[key]), KEY_BYTES);
    assert_int_equal(roll_add(roll, &p), ST_OK);
    people[who] = p;
}

static int make_people(void **state)
{
    char err[200];
    struct keys k;

    (void)state;
    if (roll_create(&roll) != ST_OK ||
        approval_policy_read(&policy, approval_built_in, err, sizeof(err)) != ST_OK)
        return -1;
    for (unsigned i = 0; i < PEOPLE; i++)
        if (keys_generate(&k) != ST_OK || signer_create(&signers[i], &k) != ST_OK)
            return -1;
    for (unsigned i = 0; i < PEOPLE; i++)
        add(i, i == ZARINA ? KARIM : i);
    roll_seal(roll);
    return 0;
}

static int remove_people(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PEOPLE; i++)
        signer_destroy(signers[i]);
    approval_policy_destroy(policy);
    roll_destroy(roll);
    return 0;
}

/* --- orders ----------------------------------------------------------------------------------- */

static struct {
    Eocbus__V1__Envelope m;
    Eocbus__V1__SirenCommand siren;
    Eocbus__V1__SensorControl control;
    Eocbus__V1__SensorConfiguration numbers;
    Eocbus__V1__Approval approval[4], *approvals[4];
    uint8_t id[16], signature[4][SIGN_BYTES];
} now;

static void draw_up(unsigned sender)
{
    memset(&now, 0, sizeof(now));
    eocbus__v1__envelope__init(&now.m);
    eocbus__v1__siren_command__init(&now.siren);
    eocbus__v1__sensor_control__init(&now.control);
    eocbus__v1__sensor_configuration__init(&now.numbers);
    now.m.sender = (char *)names[sender];
    now.m.message_id.data = now.id;
    now.m.message_id.len = sizeof(now.id);
    now.m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    now.m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    now.m.sent_time_us = NOW_US - 60 * SECOND;
    now.m.not_after_us = NOW_US + 600 * SECOND;
    now.m.epoch = 7;
    now.m.lane_seq = 1;
    now.m.body_case = EOCBUS__V1__ENVELOPE__BODY_SIREN_COMMAND;
    now.m.siren_command = &now.siren;
    now.siren.site = (char *)names[SIREN];
    now.siren.action = EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SOUND;
    now.siren.duration_s = 60;
    now.siren.remaining_ms = 660000;
    now.siren.approvals = now.approvals;
    now.control.target = now.numbers.target = (char *)names[SIREN];
    now.control.approvals = now.numbers.approvals = now.approvals;
    orders_forget(&seen);
}

static size_t approvals(void)
{
    Eocbus__V1__Approval **rows;

    return order_approvals(&now.m, &rows);
}

static void approve_with(unsigned who, const struct signer *key, int64_t approved_us)
{
    size_t n = approvals();
    struct buf bytes = {0};

    eocbus__v1__approval__init(&now.approval[n]);
    now.approvals[n] = &now.approval[n];
    now.approval[n].principal = (char *)names[who];
    now.approval[n].approved_us = approved_us;
    now.approval[n].version = APPROVAL_VERSION;
    assert_int_equal(order_put_approved(&bytes, &now.m, names[who], approved_us), ST_OK);
    signer_sign(key, now.signature[n], DOMAIN_APPROVAL, bytes.data, bytes.len);
    buf_free(&bytes);
    now.approval[n].signature.data = now.signature[n];
    now.approval[n].signature.len = SIGN_BYTES;
    assert_int_equal(order_set_approvals(&now.m, now.approvals, n + 1), ST_OK);
}

static void approve(unsigned who)
{
    approve_with(who, signers[who == ZARINA ? KARIM : who], NOW_US - SECOND);
}

/* NULL: it may go to the machine. Else the code; the text holds `word`. */
static const char *refused(const char *word)
{
    const struct principal *author = NULL;

    for (unsigned i = 0; i < PEOPLE; i++)
        if (strcmp(names[i], now.m.sender) == 0)
            author = &people[i];
    why = (struct refusal){0};
    if (approve_judge(roll, policy, &seen, author, &now.m, NOW_US, &why) == ST_OK)
        return NULL;
    if (!strstr(why.text, word))
        fail_msg("\"%s\" does not say \"%s\"", why.text, word);
    assert_true(why.path[0]);
    return why.code;
}

#define GOOD()       assert_null(refused(""))
#define DENIED(word) assert_string_equal(refused(word), CODE_APPROVAL)
#define FORGED()     assert_string_equal(refused("not signed with a key of that name"), CODE_SIGNATURE)

/* --- tests ------------------------------------------------------------------------------------ */

static void two_others_who_may_are_enough(void **state)
{
    (void)state;
    draw_up(ASMA);
    approve(KARIM);
    approve(RAHIMA);
    GOOD();
    draw_up(ASMA);
    approve(RAHIMA);
    approve(KARIM);
    GOOD();
}

static void one_or_none_is_not(void **state)
{
    (void)state;
    draw_up(ASMA);
    DENIED("takes 2 persons beside its sender, and 0 approved it");
    approve(KARIM);
    DENIED("and 1 approved it");
    assert_non_null(strstr(why.text, "dispatcher"));
}

static void who_approves_twice_counts_once(void **state)
{
    (void)state;
    draw_up(ASMA);
    approve(KARIM);
    approve_with(KARIM, signers[KARIM], NOW_US - 2 * SECOND);
    DENIED("approved it twice");
}

static void the_sender_is_none_of_them_and_the_machine_neither(void **state)
{
    (void)state;
    draw_up(ASMA);
    approve(KARIM);
    approve(ASMA);
    DENIED("ordered it and cannot approve it");
    draw_up(ASMA);
    approve(KARIM);
    approve(SIREN);
    DENIED("is to carry it out");
}

/* A desk speaks for several: who had it order does not approve it, under another name neither. */
static void for_whom_the_sender_speaks_is_none_of_them(void **state)
{
    (void)state;
    draw_up(ASMA);
    now.m.author = (char *)names[KARIM];
    approve(RAHIMA);
    approve(KARIM);
    DENIED("coes.karim ordered it and cannot approve it");
    draw_up(ASMA);
    now.m.author = (char *)names[ZARINA];
    approve(RAHIMA);
    approve(KARIM);
    DENIED("have the same key");
    draw_up(ASMA);
    now.m.author = (char *)names[DAVRON];
    approve(RAHIMA);
    approve(KARIM);
    GOOD();
}

static void a_draft_is_for_people_and_needs_nobody(void **state)
{
    (void)state;
    draw_up(ASMA);
    now.m.status = EOCBUS__V1__STATUS__STATUS_SYSTEM;
    GOOD();
    now.m.status = EOCBUS__V1__STATUS__STATUS_TEST;
    GOOD();
    now.m.status = EOCBUS__V1__STATUS__STATUS_EXERCISE;
    DENIED("takes 2 persons");
}

static void two_names_with_one_key_are_one_person(void **state)
{
    (void)state;
    draw_up(ASMA);
    approve(KARIM);
    approve(ZARINA);
    DENIED("have the same key");
    draw_up(ZARINA); /* whose other name is KARIM */
    approve(KARIM);
    approve(RAHIMA);
    DENIED("have the same key");
}

static void who_has_no_right_there_does_not_count(void **state)
{
    (void)state;
    draw_up(ASMA);
    approve(KARIM);
    approve(DAVRON);
    DENIED("has no right to approve it at 3505203001");
    draw_up(ASMA);
    approve(KARIM);
    approve(WATCHMAN);
    DENIED("has no right to approve it");
}

static void a_key_that_is_revoked_over_or_not_there_does_not_count(void **state)
{
    (void)state;
    draw_up(ASMA);
    approve(KARIM);
    approve(REVOKED);
    DENIED("is revoked");
    draw_up(ASMA);
    approve(KARIM);
    approve(EXPIRED);
    DENIED("is over");
    draw_up(ASMA);
    approve(KARIM);
    approve_with(EXPIRED, signers[EXPIRED], NOW_US - 30 * SECOND); /* while it was good */
    DENIED("is over");
    draw_up(ASMA);
    approve(KARIM);
    approve(UNKEYED);
    DENIED("not enrolled with a signing key");
    draw_up(ASMA);
    approve(KARIM);
    approve(BESIDE);
    DENIED("not enrolled with a signing key");
}

static void anothers_signature_is_a_forgery(void **state)
{
    (void)state;
    draw_up(ASMA);
    approve(KARIM);
    approve_with(RAHIMA, signers[KARIM], NOW_US - SECOND);
    FORGED();
}

/* Everything that is approved is bound. */
static void an_approval_is_of_this_very_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        draw_up(ASMA);
        approve(KARIM);
        approve(RAHIMA);
        switch (i) {
        case 0:
            now.id[15] ^= 1;
            break;
        case 1:
            now.m.sent_time_us++;
            break;
        case 2:
            now.m.not_after_us++;
            break;
        case 3:
            now.m.status = EOCBUS__V1__STATUS__STATUS_EXERCISE;
            break;
        case 4:
            now.siren.duration_s = 600;
            break;
        case 5:
            now.siren.site = (char *)names[NATIONWIDE];
            break;
        case 6:
            now.siren.action = EOCBUS__V1__SIREN_ACTION__SIREN_ACTION_SILENCE;
            break;
        case 7:
            now.approval[0].approved_us++;
            break;
        case 8:
            now.m.sender = (char *)names[RAHIMA];
            break;
        default:
            now.approval[0].principal = (char *)names[ZARINA];
            break; /* with the same key */
        }
        if (i == 5)
            DENIED("no right");
        else
            FORGED();
    }
    draw_up(ASMA); /* what is not bound may change: the place in the outbox */
    approve(KARIM);
    approve(RAHIMA);
    now.m.lane_seq = 99;
    GOOD();
}

static void those_of_version_1_are_refused_and_told_why(void **state)
{
    struct buf bytes = {0};
    uint8_t body[500];

    (void)state;
    draw_up(ASMA);
    buf_put(&bytes, now.id, sizeof(now.id));
    buf_put(&bytes, body, eocbus__v1__siren_command__pack(&now.siren, body));
    approve(KARIM);
    approve(RAHIMA);
    signer_sign(signers[RAHIMA], now.signature[1], "", bytes.data, bytes.len);
    buf_free(&bytes);
    now.approval[1].version = 0;
    DENIED("is of version 1");
    assert_non_null(strstr(why.text, "eocctl order approve"));
    now.approval[1].version = APPROVAL_VERSION; /* to say so does not help */
    FORGED();
}

static void an_approval_lies_between_drawing_up_and_end(void **state)
{
    (void)state;
    draw_up(ASMA);
    approve(KARIM);
    approve_with(RAHIMA, signers[RAHIMA], now.m.sent_time_us - 301 * SECOND);
    DENIED("before it was drawn up");
    draw_up(ASMA);
    approve(KARIM);
    approve_with(RAHIMA, signers[RAHIMA], NOW_US + 301 * SECOND);
    DENIED("in the future");
    draw_up(ASMA);
    now.m.not_after_us = NOW_US - 10 * SECOND;
    approve_with(KARIM, signers[KARIM], NOW_US - 20 * SECOND);
    approve_with(RAHIMA, signers[RAHIMA], NOW_US - 10 * SECOND);
    DENIED("after its time");
}

static void the_machines_place_decides_not_the_messages(void **state)
{
    (void)state;
    draw_up(DAVRON); /* of another district */
    approve(KARIM);
    approve(RAHIMA);
    DENIED("has no right to order siren_command sound at 3505203001");
    draw_up(ASMA);
    now.siren.site = (char *)names[NATIONWIDE];
    approve(KARIM);
    approve(RAHIMA);
    DENIED("has no right to order");
    draw_up(ASMA);
    now.siren.site = (char *)"coes.nobody";
    approve(KARIM);
    approve(RAHIMA);
    DENIED("which is not enrolled");
}

static void each_kind_takes_as_many_as_its_policy_says(void **state)
{
    (void)state;
    draw_up(ASMA);
    now.m.body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONFIGURATION;
    now.m.sensor_configuration = &now.numbers;
    approve(KARIM);
    DENIED("takes 2 persons");
    approve(RAHIMA);
    GOOD();
    draw_up(ASMA);
    now.m.body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONTROL;
    now.m.sensor_control = &now.control;
    now.control.action = EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_SYNC_CLOCK;
    GOOD();
    now.control.action = EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_CLEAR;
    DENIED("takes 1 person beside");
    now.control.action = EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_SET_MODE;
    DENIED("takes 2 persons");
    now.m.sender = (char *)names[DAVRON];
    now.control.action = EOCBUS__V1__SENSOR_ACTION__SENSOR_ACTION_SYNC_CLOCK;
    DENIED("no right to order");
}

static void what_a_machine_says_of_itself_is_no_order(void **state)
{
    (void)state;
    draw_up(SIREN);
    now.m.body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONFIGURATION;
    now.m.sensor_configuration = &now.numbers;
    GOOD();
}

static void an_order_is_said_once(void **state)
{
    (void)state;
    draw_up(ASMA);
    approve(KARIM);
    approve(RAHIMA);
    GOOD();
    GOOD(); /* its receipt was lost: the same place of the outbox */
    now.m.lane_seq++;
    DENIED("was said before");
    now.m.lane_seq--;
    now.m.epoch++;
    DENIED("was said before");
}

static void a_policy_that_does_not_name_a_kind_asks_for_two(void **state)
{
    struct approval_policy *was = policy;
    char err[200];

    (void)state;
    assert_int_equal(approval_policy_read(&policy,
                                          "1 dispatcher allow say sensor.* any RESTRICTED - 0 0\n"
                                          "2 everyone allow approve * any RESTRICTED - 0 0\n"
                                          "3 eoc deny approve siren_command 3505000 PUBLIC - 0 0\n"
                                          "4 x allow shout * any PUBLIC - 0 0\n",
                                          err, sizeof(err)),
                     ST_OK);
    draw_up(ASMA);
    approve(KARIM);
    DENIED("takes 2 persons");
    approve(RAHIMA); /* a denial wins */
    DENIED("eoc.rahima has no right");
    draw_up(ASMA);
    approve(KARIM);
    approve(WATCHMAN);
    GOOD();
    approval_policy_destroy(policy);
    policy = was;
}

static void rules_that_cannot_be_read_are_none(void **state)
{
    static const char *const bad[] = {"1 dispatcher allow say",
                                      "0 two allow need siren_command:* any RESTRICTED - 0 0",
                                      "0 5 allow need siren_command:* any RESTRICTED - 0 0",
                                      "0 2 allow need siren_command any RESTRICTED - 0 0",
                                      "1 eoc perhaps approve * any RESTRICTED - 0 0",
                                      "1 eoc allow approve * any SECRET - 0 0"};
    struct approval_policy *p = NULL;
    char err[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(approval_policy_read(&p, bad[i], err, sizeof(err)), ST_INVALID);
        assert_non_null(strstr(err, "line 1"));
        assert_null(p);
    }
}

static void machines_are_told_only_what_concerns_them(void **state)
{
    struct buf out = {0};

    (void)state;
    assert_int_equal(approval_pick_rules(&out,
                                         "1 a allow say report.* any INTERNAL - 0 0\n"
                                         "2 b allow hear * any INTERNAL - 0 0\n"
                                         "3 c allow say sensor.* any INTERNAL - 0 0\n"
                                         "4 d allow approve siren_command own INTERNAL - 0 0\n"
                                         "0 2 allow need siren_command:* any INTERNAL - 0 0"),
                     ST_OK);
    buf_put(&out, "", 1);
    assert_string_equal((char *)out.data, "3 c allow say sensor.* any INTERNAL - 0 0\n"
                                          "4 d allow approve siren_command own INTERNAL - 0 0\n"
                                          "0 2 allow need siren_command:* any INTERNAL - 0 0\n");
    buf_free(&out);
}

static int forget_orders(void **state)
{
    (void)state;
    orders_forget(&seen);
    return 0;
}

int main(void)
{
#define T(test) cmocka_unit_test_teardown(test, forget_orders)
    const struct CMUnitTest tests[] = {
        T(two_others_who_may_are_enough),
        T(one_or_none_is_not),
        T(who_approves_twice_counts_once),
        T(the_sender_is_none_of_them_and_the_machine_neither),
        T(for_whom_the_sender_speaks_is_none_of_them),
        T(a_draft_is_for_people_and_needs_nobody),
        T(two_names_with_one_key_are_one_person),
        T(who_has_no_right_there_does_not_count),
        T(a_key_that_is_revoked_over_or_not_there_does_not_count),
        T(anothers_signature_is_a_forgery),
        T(an_approval_is_of_this_very_order),
        T(those_of_version_1_are_refused_and_told_why),
        T(an_approval_lies_between_drawing_up_and_end),
        T(the_machines_place_decides_not_the_messages),
        T(each_kind_takes_as_many_as_its_policy_says),
        T(what_a_machine_says_of_itself_is_no_order),
        T(an_order_is_said_once),
        T(a_policy_that_does_not_name_a_kind_asks_for_two),
        T(rules_that_cannot_be_read_are_none),
        T(machines_are_told_only_what_concerns_them),
    };

    return cmocka_run_group_tests_name("approve", tests, make_people, remove_people);
}
