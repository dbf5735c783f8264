/* What the operator asks of the ledger: which moves are legal, and what waits for somebody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/eocctl.h"

#include "proto/base/banned.h"

static void rules_of_one_cycle_are_printed_and_of_no_other(void **state)
{
    eocctl_expect(*state, "rules offer", 0, "ACCEPT");
    assert_non_null(strstr(eocctl_said, "OfferResponse ACCEPT"));
    assert_non_null(strstr(eocctl_said, "(end)"));
    assert_null(strstr(eocctl_said, "HAZARD_OVER"));
    eocctl_expect(*state, "rules", 0, "HAZARD_OVER");
    assert_non_null(strstr(eocctl_said, "OfferResponse ACCEPT"));
    eocctl_expect(*state, "rules offer --json", 0, "\"from_state\"");
}

static void rules_say_where_a_person_leads_a_fact_and_what_no_person_gets_past(void **state)
{
    const char *row;
    char *end;

    eocctl_expect(*state, "rules household --json", 0,
                  "\"firm\":\"it holds no plot, neither promised nor lived on\"");
    row = strstr(eocctl_said, "\"event\":\"DEPART\"");
    assert_non_null(row);
    end = strchr(row, '}');
    assert_non_null(end);
    *end = '\0';
    assert_non_null(strstr(row, "\"forced_to\":\"MOVING\""));
}

static void a_cycle_that_there_is_not_has_no_rules(void **state)
{
    eocctl_expect(*state, "rules nonsense", 0, "there is no such life cycle");
    eocctl_expect(*state, "rules offer incident", 2, "at most one life cycle");
}

/* A departure of a household that nobody has listed is held; one that contradicts is contested. */
static const char story[] =
    "DO $$ DECLARE me int4; h uuid := '01890000-0000-7000-8000-000000000009'; BEGIN"
    " INSERT INTO bus.principal (name, agency, roles) VALUES ('registry.ayni', 'registry', 'all')"
    "  RETURNING principal_id INTO me;"
    " PERFORM bus.append_one(me, 1, 4::int2, n, gen_random_uuid(), d.type::int2, 1::int2, "
    "'3505203',"
    "   now(), now(), NULL, NULL, (4 << 4)::int2, '\\x00', NULL, NULL, NULL, d.doc,"
    "   (SELECT log_epoch FROM bus.log_head), 0)"
    "  FROM (VALUES (1, 220, jsonb_build_object('household_event', jsonb_build_object("
    "     'household_id', h, 'affected', '{\"members\": 4}'::jsonb))),"
    "   (2, 227, jsonb_build_object('move_event', jsonb_build_object("
    "     'household_id', h, 'kind', 'MOVE_KIND_ARRIVED'))),"
    "   (3, 227, jsonb_build_object('move_event', jsonb_build_object("
    "     'household_id', '01890000-0000-7000-8000-000000000010', 'kind', 'MOVE_KIND_DEPARTED'))))"
    "  AS d(n, type, doc); END $$";

static void what_is_held_or_contested_is_listed_with_what_would_settle_it(void **state)
{
    eocctl_expect(*state, "undecided", 0, "nothing is held or contested");
    pgserver_exec(*state, story);
    eocctl_expect(*state, "undecided", 0, "CONTESTED");
    assert_non_null(strstr(eocctl_said, "HELD"));
    assert_non_null(strstr(eocctl_said, "household_unknown"));
    assert_non_null(
        strstr(eocctl_said, "the arrival of 01890000-0000-7000-8000-000000000010, or a decision"));
    assert_non_null(strstr(eocctl_said, "a decision: APPLIED or DISMISSED"));
    assert_non_null(strstr(eocctl_said, "registry.ayni"));
    eocctl_expect(*state, "undecided incident", 0, "nothing is held or contested");
    eocctl_expect(*state, "undecided household --json", 0, "\"verdict\":\"HELD\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_of_one_cycle_are_printed_and_of_no_other),
        cmocka_unit_test(rules_say_where_a_person_leads_a_fact_and_what_no_person_gets_past),
        cmocka_unit_test(a_cycle_that_there_is_not_has_no_rules),
        cmocka_unit_test(what_is_held_or_contested_is_listed_with_what_would_settle_it),
    };

    return cmocka_run_group_tests_name("undecided", tests, eocctl_begin, eocctl_end);
}
