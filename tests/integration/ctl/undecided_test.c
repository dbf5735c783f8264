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

#include "tests/lib/pgserver.h"

#include "proto/base/banned.h"

enum { OUTPUT_MAX = 1 << 20 };
static char program[600], out[OUTPUT_MAX];

static int set_up(void **state)
{
    char path[512];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

    assert_true(n > 0);
    path[n] = '\0';
    for (int up = 0; up < 4; up++)
        *strrchr(path, '/') = '\0';
    snprintf(program, sizeof(program), "%s/eocctl", path);
    *state = pgserver_start();
    return 0;
}

static int tear_down(void **state)
{
    pgserver_end(*state);
    return 0;
}

/* Its exit status; what it printed is in `out`. */
static int ctl(struct pgserver *s, const char *words)
{
    char command[1200];
    FILE *f;
    size_t len;
    int status;

    snprintf(command, sizeof(command),
             "%s -o 'database=host=%s dbname=eocbus user=bus_admin' %s 2>&1", program,
             pgserver_socket(s), words);
    f = popen(command, "r");
    assert_non_null(f);
    len = fread(out, 1, sizeof(out) - 1, f);
    out[len] = '\0';
    status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect(struct pgserver *s, const char *words, int code, const char *part)
{
    int is = ctl(s, words);

    if (is != code || !strstr(out, part))
        fail_msg("eocctl %s: %d instead of %d, or no \"%s\" in:\n%s", words, is, code, part, out);
}

static void rules_of_one_cycle_are_printed_and_of_no_other(void **state)
{
    expect(*state, "rules offer", 0, "ACCEPT");
    assert_non_null(strstr(out, "OfferResponse ACCEPT"));
    assert_non_null(strstr(out, "(end)"));
    assert_null(strstr(out, "HAZARD_OVER"));
    expect(*state, "rules", 0, "HAZARD_OVER");
    assert_non_null(strstr(out, "OfferResponse ACCEPT"));
    expect(*state, "rules offer --json", 0, "\"from_state\"");
}

static void rules_say_where_a_person_leads_a_fact_and_what_no_person_gets_past(void **state)
{
    const char *row;
    char *end;

    expect(*state, "rules household --json", 0,
           "\"firm\":\"it holds no plot, neither promised nor lived on\"");
    row = strstr(out, "\"event\":\"DEPART\"");
    assert_non_null(row);
    end = strchr(row, '}');
    assert_non_null(end);
    *end = '\0';
    assert_non_null(strstr(row, "\"forced_to\":\"MOVING\""));
}

static void a_cycle_that_there_is_not_has_no_rules(void **state)
{
    expect(*state, "rules nonsense", 0, "there is no such life cycle");
    expect(*state, "rules offer incident", 2, "at most one life cycle");
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
    expect(*state, "undecided", 0, "nothing is held or contested");
    pgserver_exec(*state, story);
    expect(*state, "undecided", 0, "CONTESTED");
    assert_non_null(strstr(out, "HELD"));
    assert_non_null(strstr(out, "household_unknown"));
    assert_non_null(
        strstr(out, "the arrival of 01890000-0000-7000-8000-000000000010, or a decision"));
    assert_non_null(strstr(out, "a decision: APPLIED or DISMISSED"));
    assert_non_null(strstr(out, "registry.ayni"));
    expect(*state, "undecided incident", 0, "nothing is held or contested");
    expect(*state, "undecided household --json", 0, "\"verdict\":\"HELD\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_of_one_cycle_are_printed_and_of_no_other),
        cmocka_unit_test(rules_say_where_a_person_leads_a_fact_and_what_no_person_gets_past),
        cmocka_unit_test(a_cycle_that_there_is_not_has_no_rules),
        cmocka_unit_test(what_is_held_or_contested_is_listed_with_what_would_settle_it),
    };

    return cmocka_run_group_tests_name("undecided", tests, set_up, tear_down);
}
