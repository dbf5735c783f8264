/* rights - rules, compiled and asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "broker/access/rights.h"
#include "broker/access/rulebook.h"
#include "proto/base/mem.h"
#include "proto/wire/topic.h"

#include "proto/base/banned.h"

enum { OBSERVATIONS = 100, FLASH_REPORT = 120, HOUSEHOLD_EVENT = 220, GENERAL = 200 };
enum { PUBLIC = 1, INTERNAL, RESTRICTED, HOUSEHOLD };

static struct rulebook *book;
static struct rights *rights;

static void let(const char *text, const char *roles, const char *agency)
{
    char err[300];

    rights_destroy(rights);
    rulebook_destroy(book);
    rights = NULL;
    book = NULL;
    assert_int_equal(rulebook_read(&book, "", err, sizeof(err)), ST_OK);
    assert_int_equal(rulebook_more(book, text, err, sizeof(err)), ST_OK); /* with agreements */
    assert_int_equal(rights_compile(&rights, book, roles, agency), ST_OK);
}

static int forget(void **state)
{
    (void)state;
    rights_destroy(rights);
    rulebook_destroy(book);
    rights = NULL;
    book = NULL;
    return 0;
}

static struct rights_question ask(unsigned type, const char *places, unsigned label)
{
    return (struct rights_question){.name = "coes.me",
                                    .own = "3505203",
                                    .type = type,
                                    .label = label,
                                    .places = places,
                                    .agency = "coes",
                                    .reach = "",
                                    .utc_us = 1000};
}

static bool may(enum verb verb, unsigned type, const char *places, unsigned label)
{
    struct rights_question q = ask(type, places, label);

    return rights_may(rights, verb, &q);
}

static void only_the_rules_of_its_roles_and_of_everyone_count(void **state)
{
    (void)state;
    let("1 a allow say flash_report any INTERNAL - 0 0\n"
        "2 aa allow say observation_batch any INTERNAL - 0 0\n"
        "3 everyone allow say general_message any INTERNAL - 0 0",
        "b a", "");
    assert_true(may(VERB_SAY, FLASH_REPORT, "", INTERNAL));
    assert_true(may(VERB_SAY, GENERAL, "", INTERNAL));
    assert_false(may(VERB_SAY, OBSERVATIONS, "", INTERNAL));
    assert_false(may(VERB_HEAR, FLASH_REPORT, "", INTERNAL));
}

static void an_allow_holds_up_to_its_label_and_a_deny_from_its_label_on(void **state)
{
    (void)state;
    let("1 a allow hear * any RESTRICTED - 0 0\n2 a deny hear report.* any INTERNAL - 0 0", "a",
        "");
    assert_true(may(VERB_HEAR, FLASH_REPORT, "", PUBLIC));
    assert_false(may(VERB_HEAR, FLASH_REPORT, "", INTERNAL));
    assert_true(may(VERB_HEAR, OBSERVATIONS, "", RESTRICTED));
    assert_false(may(VERB_HEAR, OBSERVATIONS, "", HOUSEHOLD));
    assert_false(may(VERB_HEAR, OBSERVATIONS, "", 0));
    assert_false(may(VERB_HEAR, OBSERVATIONS, "", 5));
}

static void what_is_said_lies_within_and_what_is_heard_touches(void **state)
{
    (void)state;
    let("1 a allow say * own INTERNAL - 0 0\n2 a allow hear * own INTERNAL - 0 0", "a", "");
    assert_true(may(VERB_SAY, FLASH_REPORT, "3505203 3505203001", INTERNAL));
    assert_false(may(VERB_SAY, FLASH_REPORT, "3505203 3505217", INTERNAL));
    assert_true(may(VERB_HEAR, FLASH_REPORT, "3505217 3505203", INTERNAL));
    assert_false(may(VERB_HEAR, FLASH_REPORT, "3505000", INTERNAL));
    assert_false(may(VERB_HEAR, FLASH_REPORT, "", INTERNAL));
    assert_false(may(VERB_SAY, FLASH_REPORT, "", INTERNAL));
}

static void a_region_holds_its_districts_and_no_prefix_of_one(void **state)
{
    (void)state;
    assert_true(pcode_is_within("3505203", 7, "3505000", 7));
    assert_true(pcode_is_within("3505203001", 10, "3505203", 7));
    assert_false(pcode_is_within("3506203", 7, "3505000", 7));
    assert_false(pcode_is_within("3505203", 7, "3505203001", 10));
    assert_true(pcode_is_within("UZ18224", 7, "UZ18", 4));
    assert_false(pcode_is_within("UZ18001", 7, "UZ18000", 7)); /* letters have no such regions */
    assert_false(pcode_is_within("UZ1", 3, "UZ18", 4));
}

static void who_stands_for_the_whole_country_is_everywhere(void **state)
{
    struct rights_question q = ask(FLASH_REPORT, "", INTERNAL);

    (void)state;
    let("1 a allow hear * own INTERNAL - 0 0", "a", "");
    q.own = "";
    assert_true(rights_may(rights, VERB_HEAR, &q));
}

static void what_is_for_it_is_found_by_its_whole_name(void **state)
{
    struct rights_question q = ask(FLASH_REPORT, "", INTERNAL);

    (void)state;
    let("1 a allow hear * to_me INTERNAL - 0 0", "a", "");
    q.reach = "coes.me2 coes coes.m";
    assert_false(rights_may(rights, VERB_HEAR, &q));
    q.reach = "coes.me2 coes.me";
    assert_true(rights_may(rights, VERB_HEAR, &q));
}

static void an_agreement_is_for_the_taker_of_what_the_giver_says_in_its_time(void **state)
{
    struct rights_question q = ask(HOUSEHOLD_EVENT, "3505203", HOUSEHOLD);

    (void)state;
    let("0 @rcst allow hear household_event 3505203 HOUSEHOLD_PERSONAL coes 1000 2000", "a",
        "rcst");
    assert_true(rights_may(rights, VERB_HEAR, &q));
    q.utc_us = 999;
    assert_false(rights_may(rights, VERB_HEAR, &q));
    q.utc_us = 2000;
    assert_false(rights_may(rights, VERB_HEAR, &q));
    q.utc_us = 1999;
    q.agency = "mia";
    assert_false(rights_may(rights, VERB_HEAR, &q));
    q.agency = "coes";
    q.places = "3505217";
    assert_false(rights_may(rights, VERB_HEAR, &q));
    let("0 @rcst allow hear household_event any HOUSEHOLD_PERSONAL coes 1000 2000", "a", "rcs");
    q.places = "3505203";
    assert_false(rights_may(rights, VERB_HEAR, &q));
}

static void a_denial_wins_over_an_agreement(void **state)
{
    (void)state;
    let("0 @mia allow hear household_event any HOUSEHOLD_PERSONAL coes 0 2000\n"
        "5 a deny hear household_event any PUBLIC - 0 0",
        "a", "mia");
    assert_false(may(VERB_HEAR, HOUSEHOLD_EVENT, "3505203", HOUSEHOLD));
    assert_false(rights_could_hear(rights, "*.relocation.household_event.**"));
}

static void a_pattern_that_names_no_type_it_may_hear_is_hopeless(void **state)
{
    (void)state;
    let("1 a allow hear report.* own INTERNAL - 0 0", "a", "");
    assert_true(rights_could_hear(rights, "**"));
    assert_true(rights_could_hear(rights, "test.**"));
    assert_true(rights_could_hear(rights, "*.report.**"));
    assert_true(rights_could_hear(rights, "*.*.flash_report.UZ18.*"));
    assert_false(rights_could_hear(rights, "*.sensor.**"));
    assert_false(rights_could_hear(rights, "*.sensor.flash_report.**"));
    assert_false(rights_could_hear(rights, "*.rep.**"));
    let("", "a", "");
    assert_false(rights_could_hear(rights, "**"));
}

static void what_cannot_be_read_is_not_guessed(void **state)
{
    static const char *const bad[] = {"1 a allow hear * any INTERNAL - 0",
                                      "1 a allow hear * any INTERNAL - 0 0 0",
                                      "1 a maybe hear * any INTERNAL - 0 0",
                                      "1 a allow hear * any SECRET - 0 0",
                                      "1 a deny shout * any INTERNAL - 0 0",
                                      "1  allow hear * any INTERNAL - 0 0",
                                      "x"};
    struct rulebook *b = NULL;
    char err[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(rulebook_read(&b, bad[i], err, sizeof(err)), ST_INVALID);
        assert_null(b);
        assert_true(strlen(err) > 0);
    }
    let("1 a allow shout * any INTERNAL - 0 0\n2 a allow say nonsense,flash_report any INTERNAL - "
        "0 0",
        "a", "");
    assert_true(may(VERB_SAY, FLASH_REPORT, "", INTERNAL));
    assert_false(may(VERB_SAY, OBSERVATIONS, "", INTERNAL));
}

static void without_memory_there_are_no_rights(void **state)
{
    static const char text[] = "1 a allow hear * any INTERNAL - 0 0";
    char err[300];

    (void)state;
    for (unsigned long n = 1; n <= 4; n++) {
        struct rulebook *b = NULL;

        mem_fail_at(n);
        assert_int_equal(rulebook_read(&b, text, err, sizeof(err)), ST_NOMEM);
        mem_fail_at(0);
    }
    let(text, "a", "");
    for (unsigned long n = 1; n <= 2; n++) {
        struct rights *r = NULL;

        mem_fail_at(n);
        assert_int_equal(rights_compile(&r, book, "a", ""), ST_NOMEM);
        mem_fail_at(0);
    }
}

#define TEST(f) cmocka_unit_test_teardown(f, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_the_rules_of_its_roles_and_of_everyone_count),
        TEST(an_allow_holds_up_to_its_label_and_a_deny_from_its_label_on),
        TEST(what_is_said_lies_within_and_what_is_heard_touches),
        TEST(a_region_holds_its_districts_and_no_prefix_of_one),
        TEST(who_stands_for_the_whole_country_is_everywhere),
        TEST(what_is_for_it_is_found_by_its_whole_name),
        TEST(an_agreement_is_for_the_taker_of_what_the_giver_says_in_its_time),
        TEST(a_denial_wins_over_an_agreement),
        TEST(a_pattern_that_names_no_type_it_may_hear_is_hopeless),
        TEST(what_cannot_be_read_is_not_guessed),
        TEST(without_memory_there_are_no_rights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
