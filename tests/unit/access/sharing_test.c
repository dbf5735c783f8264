/* Agreements between agencies: nothing passes by one that an official of each party did not sign.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/access/access.h"
#include "proto/base/keys.h"
#include "proto/base/mem.h"
#include "proto/base/sign.h"
#include "proto/wire/agreement.h"
#include "tests/lib/officers.h"

#include "proto/base/banned.h"

#define RULES                                                                                      \
    "1 officer allow say sharing_agreement,general_message any RESTRICTED - 0 0\n"                 \
    "2 gateway allow say observation_batch own INTERNAL - 0 0\n"
#define SIGNED_US INT64_C(1790000000000000)

enum { HOUSEHOLD_EVENT = 220 };
enum { COES, RCST, MIA, COES_GATEWAY, RCST_TEAM, WHO };

static const struct {
    const char *name, *agency, *role;
} people[WHO] = {[COES] = {"coes.officer", "coes", "officer"},
                 [RCST] = {"rcst.officer", "rcst", "officer"},
                 [MIA] = {"mia.officer", "mia", "officer"},
                 [COES_GATEWAY] = {"coes.gw07", "coes", "gateway"},
                 [RCST_TEAM] = {"rcst.team2", "rcst", "partner"}};

static struct desk {
    struct test_officers officers;
    struct access *a;
    struct keys keys[WHO];
    struct record records[WHO];
    struct signer *signer[WHO];
    int64_t revoked_us[WHO], not_after_us[WHO];
} desk;

static int64_t clock_of_test(void *arg)
{
    (void)arg;
    return SIGNED_US + 1000;
}

static int open_desk(void **state)
{
    (void)state;
    desk = (struct desk){0};
    officers_open(&desk.officers);
    if (access_create(&desk.a, NULL, clock_of_test, NULL) != ST_OK)
        return -1;
    access_pin(desk.a, &desk.officers.pinned, false);
    for (unsigned i = 0; i < WHO; i++) {
        if (keys_generate(&desk.keys[i]) != ST_OK ||
            signer_create(&desk.signer[i], &desk.keys[i]) != ST_OK)
            return -1;
        desk.records[i] = record_of(people[i].name, &desk.keys[i]);
        snprintf(desk.records[i].agency, sizeof(desk.records[i].agency), "%s", people[i].agency);
        snprintf(desk.records[i].roles, sizeof(desk.records[i].roles), "%s", people[i].role);
    }
    return 0;
}

static int close_desk(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WHO; i++)
        signer_destroy(desk.signer[i]);
    access_destroy(desk.a);
    officers_close(&desk.officers);
    return 0;
}

/* --- what the database has -------------------------------------------------------------------- */

struct party {
    unsigned who;
    const char *name;  /* that stands beside the signature; NULL: its own */
    const char *place; /* that it signed; NULL: the same as in the message */
    int64_t later_us;  /* what stands beside it is so much later than what it signed */
};

static uint8_t id[16] = "agreement number";

static void put_message(struct buf *hex, const struct party *signers, unsigned count,
                        const char *place)
{
    Eocbus__V1__SharingAgreement a = EOCBUS__V1__SHARING_AGREEMENT__INIT;
    Eocbus__V1__SharingGrant grant = EOCBUS__V1__SHARING_GRANT__INIT, *grants[] = {&grant};
    Eocbus__V1__PartySignature words[4], *list[4];
    uint8_t signatures[4][SIGN_BYTES], bytes[2000];
    char *pcodes[] = {(char *)(uintptr_t)place};
    size_t len;

    a.agreement_id = (ProtobufCBinaryData){sizeof(id), id};
    a.version = 1;
    a.giver = (char *)(uintptr_t) "coes";
    a.taker = (char *)(uintptr_t) "rcst";
    grant.type = (char *)(uintptr_t) "household_event";
    grant.pcodes = pcodes;
    grant.n_pcodes = 1;
    grant.max_label = EOCBUS__V1__LABEL__LABEL_HOUSEHOLD_PERSONAL;
    a.grants = grants;
    a.n_grants = 1;
    a.purpose = EOCBUS__V1__SHARING_PURPOSE__SHARING_PURPOSE_ASSISTANCE;
    a.valid_from_us = SIGNED_US - 1000;
    a.valid_to_us = SIGNED_US + INT64_C(1000000000000);
    for (unsigned i = 0; i < count; i++) {
        const struct party *p = &signers[i];
        struct buf said = {0};

        pcodes[0] = (char *)(uintptr_t)(p->place ? p->place : place);
        assert_int_equal(agreement_put_signed(&said, &a, people[p->who].name, SIGNED_US), ST_OK);
        signer_sign(desk.signer[p->who], signatures[i], DOMAIN_AGREEMENT, said.data, said.len);
        buf_free(&said);
        eocbus__v1__party_signature__init(&words[i]);
        words[i].principal = (char *)(uintptr_t)(p->name ? p->name : people[p->who].name);
        words[i].signed_us = SIGNED_US + p->later_us;
        words[i].signature = (ProtobufCBinaryData){SIGN_BYTES, signatures[i]};
        list[i] = &words[i];
    }
    pcodes[0] = (char *)(uintptr_t)place;
    a.signatures = list;
    a.n_signatures = count;
    len = eocbus__v1__sharing_agreement__get_packed_size(&a);
    assert_true(len <= sizeof(bytes));
    eocbus__v1__sharing_agreement__pack(&a, bytes);
    for (size_t i = 0; i < len; i++)
        buf_printf(hex, "%02x", bytes[i]);
}

/* Each says it with its own signature; of 3505203 unless told. */
static void put_rules(struct buf *out, const struct party *giver, const struct party *taker,
                      const char *place_of_taker)
{
    buf_puts(out, RULES "0 00000000-agreement allow share ");
    put_message(out, giver, 1, "3505203");
    buf_puts(out, " ");
    put_message(out, taker, 1, place_of_taker ? place_of_taker : "3505203");
    buf_puts(out, " RESTRICTED - 0 0");
    buf_put(out, "", 1);
}

static void add_people(void)
{
    for (unsigned i = 0; i < WHO; i++) {
        struct buf b = enrolment_of(&desk.officers, &desk.records[i], 0, 1);
        struct principal p = {.principal_id = (int32_t)i + 1,
                              .name = (char *)(uintptr_t)people[i].name,
                              .enrolment = b.data,
                              .enrolment_len = b.len,
                              .revoked_us = desk.revoked_us[i],
                              .not_after_us = desk.not_after_us[i],
                              .is_shut = desk.revoked_us[i] != 0};

        memcpy(p.public_key, desk.records[i].key, KEY_BYTES);
        assert_int_equal(access_add(desk.a, &p), ST_OK);
        buf_free(&b);
    }
}

static bool passes(const char *place)
{
    struct rights_question q = {.type = HOUSEHOLD_EVENT,
                                .label = 4,
                                .places = place,
                                .agency = "coes",
                                .reach = "",
                                .utc_us = SIGNED_US + 1000};
    const struct principal *team = access_find(desk.a, "rcst.team2");

    assert_non_null(team);
    return access_may_hear(team, &q);
}

/* Answers how many agreements hold, by what the broker counts. */
static uint64_t read_list(const struct party *giver, const struct party *taker,
                          const char *place_of_taker)
{
    struct access_counters n;
    struct buf rules = {0};

    put_rules(&rules, giver, taker, place_of_taker);
    access_begin(desk.a);
    assert_int_equal(access_rules(desk.a, (const char *)rules.data), ST_OK);
    add_people();
    assert_int_equal(access_commit(desk.a), ST_OK);
    buf_free(&rules);
    access_counters(desk.a, &n);
    assert_int_equal(n.agreements + n.agreements_unsigned, 1);
    assert_int_equal(passes("3505203"), n.agreements);
    assert_false(passes("3505217"));
    return n.agreements;
}

static const struct party coes = {.who = COES}, rcst = {.who = RCST};

/* --- tests ------------------------------------------------------------------------------------ */

static void what_both_signed_passes_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(read_list(&coes, &rcst, NULL), 1);
}

static void nothing_passes_that_a_party_did_not_sign(void **state)
{
    const struct {
        struct party giver, taker;
        const char *place;
    } tries[] = {
        {{.who = COES}, {.who = MIA}, NULL},                         /* a third one's signature */
        {{.who = MIA}, {.who = RCST}, NULL},                         /* for the giver */
        {{.who = COES_GATEWAY}, {.who = RCST}, NULL},                /* of a machine of hers */
        {{.who = MIA, .name = "coes.officer"}, {.who = RCST}, NULL}, /* under another's name */
        {{.who = COES, .name = "coes.nobody"}, {.who = RCST}, NULL}, /* of nobody */
        {{.who = COES}, {.who = RCST, .later_us = 1}, NULL},         /* the time was changed */
        {{.who = COES, .place = "3507238"}, {.who = RCST}, NULL},    /* the place was */
        {{.who = COES}, {.who = RCST}, "3505217"}, /* they said different things */
        {{.who = COES}, {.who = COES}, NULL},      /* one for both */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(tries); i++)
        assert_int_equal(read_list(&tries[i].giver, &tries[i].taker, tries[i].place), 0);
}

static void a_signature_outlives_its_key_but_not_the_right_to_give_it(void **state)
{
    (void)state;
    desk.revoked_us[COES] = SIGNED_US + 1;
    desk.not_after_us[RCST] = SIGNED_US + 1;
    assert_int_equal(read_list(&coes, &rcst, NULL), 1);
    desk.revoked_us[COES] = SIGNED_US;
    assert_int_equal(read_list(&coes, &rcst, NULL), 0);
    desk.revoked_us[COES] = 0;
    desk.not_after_us[RCST] = SIGNED_US;
    assert_int_equal(read_list(&coes, &rcst, NULL), 0);
    desk.not_after_us[RCST] = 0;
    assert_int_equal(read_list(&coes, &rcst, NULL), 1);
    snprintf(desk.records[RCST].roles, sizeof(desk.records[RCST].roles), "partner");
    assert_int_equal(read_list(&coes, &rcst, NULL), 0);
}

/* What the database says by itself, however it is written. */
static void no_line_of_the_database_makes_an_agreement(void **state)
{
    static const char *const lines[] = {
        "0 00000000-agreement allow share - - RESTRICTED - 0 0",
        "0 00000000-agreement allow share 0a10 0a10 RESTRICTED - 0 0",
        "0 00000000-agreement allow share 0a1 zz RESTRICTED - 0 0",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct access_counters n;
        char rules[400];

        snprintf(rules, sizeof(rules), "%s%s", RULES, lines[i]);
        access_begin(desk.a);
        assert_int_equal(access_rules(desk.a, rules), ST_OK);
        add_people();
        assert_int_equal(access_commit(desk.a), ST_OK);
        access_counters(desk.a, &n);
        assert_int_equal(n.agreements_unsigned, 1);
        assert_int_equal(n.agreements, 0);
        assert_false(passes("3505203"));
    }
    access_begin(desk.a); /* as it was before agreements were looked at */
    assert_int_equal(access_rules(desk.a, RULES "0 @rcst allow hear household_event 3505203 "
                                                "HOUSEHOLD_PERSONAL coes 0 4070908800000000"),
                     ST_OK);
    add_people();
    assert_int_equal(access_commit(desk.a), ST_OK);
    assert_false(passes("3505203"));
}

static void a_key_beside_a_record_takes_nothing_by_an_agreement(void **state)
{
    struct principal p = {.principal_id = 9,
                          .name = (char *)(uintptr_t) "rcst.team2",
                          .agency = (char *)(uintptr_t) "rcst",
                          .roles = (char *)(uintptr_t) "partner",
                          .places = (char *)(uintptr_t) ""};
    struct rights_question q = {.type = HOUSEHOLD_EVENT,
                                .label = 4,
                                .places = "3505203",
                                .agency = "coes",
                                .reach = "",
                                .utc_us = SIGNED_US + 1000};
    struct buf rules = {0};

    (void)state;
    access_pin(desk.a, &desk.officers.pinned, true);
    put_rules(&rules, &coes, &rcst, NULL);
    access_begin(desk.a);
    assert_int_equal(access_rules(desk.a, (const char *)rules.data), ST_OK);
    memset(p.public_key, 9, sizeof(p.public_key));
    assert_int_equal(access_add(desk.a, &p), ST_OK);
    add_people();
    assert_int_equal(access_commit(desk.a), ST_OK);
    buf_free(&rules);
    assert_true(passes("3505203"));
    const struct principal *beside = access_find_key(desk.a, p.public_key);
    assert_true(beside->is_beside);
    assert_false(access_may_hear(beside, &q));
}

static void where_nobody_is_pinned_the_database_is_believed(void **state)
{
    static const struct party stranger = {.who = MIA};
    struct access_counters n;
    struct buf rules = {0};

    (void)state;
    access_pin(desk.a, NULL, false);
    put_rules(&rules, &stranger, &stranger, NULL);
    access_begin(desk.a);
    assert_int_equal(access_rules(desk.a, (const char *)rules.data), ST_OK);
    for (unsigned i = 0; i < WHO; i++) {
        struct principal p = {.principal_id = (int32_t)i + 1,
                              .name = (char *)(uintptr_t)people[i].name,
                              .agency = (char *)(uintptr_t)people[i].agency,
                              .roles = (char *)(uintptr_t)people[i].role,
                              .places = (char *)(uintptr_t) ""};

        memcpy(p.public_key, desk.records[i].key, KEY_BYTES);
        assert_int_equal(access_add(desk.a, &p), ST_OK);
    }
    assert_int_equal(access_commit(desk.a), ST_OK);
    buf_free(&rules);
    access_counters(desk.a, &n);
    assert_int_equal(n.agreements, 1);
    assert_true(passes("3505203"));
}

static void without_memory_the_old_list_stays(void **state)
{
    struct buf rules = {0};
    enum status st = ST_NOMEM;

    (void)state;
    assert_int_equal(read_list(&coes, &rcst, NULL), 1);
    put_rules(&rules, &coes, &rcst, NULL);
    for (unsigned long n = 1; st != ST_OK; n++) {
        access_begin(desk.a);
        assert_int_equal(access_rules(desk.a, (const char *)rules.data), ST_OK);
        add_people();
        mem_fail_at(n);
        st = access_commit(desk.a);
        mem_fail_at(0);
        assert_true(passes("3505203"));
        assert_true(n < 200);
    }
    buf_free(&rules);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_desk, close_desk)
    const struct CMUnitTest tests[] = {
        T(what_both_signed_passes_and_nothing_else),
        T(nothing_passes_that_a_party_did_not_sign),
        T(a_signature_outlives_its_key_but_not_the_right_to_give_it),
        T(no_line_of_the_database_makes_an_agreement),
        T(a_key_beside_a_record_takes_nothing_by_an_agreement),
        T(where_nobody_is_pinned_the_database_is_believed),
        T(without_memory_the_old_list_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
