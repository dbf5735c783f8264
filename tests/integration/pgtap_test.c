/* The database keeps its own doors: what sql/tests says in pgTAP, on a fresh server, and ways out
 * of a role tried in sessions of the roles themselves.
 *
 * Needs Debian's postgresql-15-pgtap; runs from the root of the repository, as all tests do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/mem.h"
#include "tests/lib/pgserver.h"

#include "proto/base/banned.h"

#define PSQL "/usr/lib/postgresql/15/bin/psql"
enum { LINE = 4096 };

static int set_up(void **state)
{
    struct pgserver *s = pgserver_start();

    pgserver_exec(s, "CREATE SCHEMA tap; CREATE EXTENSION pgtap SCHEMA tap");
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    pgserver_end(*state);
    return 0;
}

/* A file of sql/tests, after a mistake if there is one. How many of its tests failed, -1 if it did
 * not come to its plan. What failed is shown unless it was wanted. */
static int failures_of(struct pgserver *s, const char *file, const char *mistake)
{
    char command[1024], line[LINE];
    int failed = 0, passed = 0, planned = -1;
    FILE *tap;

    snprintf(command, sizeof(command),
             PSQL " -X -q -h %s -U postgres -d eocbus %s%s%s -f sql/tests/%s.sql 2>&1",
             pgserver_socket(s), mistake ? "-v mistake=\"" : "", mistake ? mistake : "",
             mistake ? "\"" : "", file);
    tap = popen(command, "r");
    assert_non_null(tap);
    while (fgets(line, sizeof(line), tap)) {
        if (strncmp(line, "1..", 3) == 0)
            planned = (int)strtol(line + 3, NULL, 10);
        passed += strncmp(line, "ok ", 3) == 0;
        failed += strncmp(line, "not ok ", 7) == 0;
        if (!mistake && strncmp(line, "ok ", 3) != 0)
            printf("%s", line);
    }
    return pclose(tap) != 0 || planned != passed + failed ? -1 : failed;
}

static void every_role_gets_where_it_may_and_nowhere_else(void **state)
{
    assert_int_equal(failures_of(*state, "matrix", NULL), 0);
}

static void readers_read_what_they_may_hear(void **state)
{
    assert_int_equal(failures_of(*state, "readers", NULL), 0);
}

static void life_cycles_go_where_their_rows_say(void **state)
{
    assert_int_equal(failures_of(*state, "ledger", NULL), 0);
}

static void districts_owe_reports_and_their_silence_is_seen(void **state)
{
    assert_int_equal(failures_of(*state, "reports", NULL), 0);
}

static void a_word_is_found_in_whatever_letters(void **state)
{
    assert_int_equal(failures_of(*state, "search", NULL), 0);
}

static void people_and_things_are_found_by_what_people_call_them(void **state)
{
    assert_int_equal(failures_of(*state, "called", NULL), 0);
}

static void no_plot_is_promised_twice_and_what_happened_is_kept(void **state)
{
    assert_int_equal(failures_of(*state, "relocation", NULL), 0);
}

static void families_are_numbers_for_who_may_read_none(void **state)
{
    assert_int_equal(failures_of(*state, "boards", NULL), 0);
}

static void a_long_queue_is_told_in_part_and_counted_whole(void **state)
{
    assert_int_equal(failures_of(*state, "queue", NULL), 0);
}

static void a_household_has_one_plot_and_nobody_decides_for_another(void **state)
{
    assert_int_equal(failures_of(*state, "whose_plot", NULL), 0);
}

static void nothing_is_promised_twice_and_what_is_wanted_is_counted(void **state)
{
    assert_int_equal(failures_of(*state, "line", NULL), 0);
}

static void what_waits_has_its_turn_and_its_time(void **state)
{
    assert_int_equal(failures_of(*state, "held", NULL), 0);
}

static void a_mixed_batch_leaves_what_its_messages_leave_one_by_one(void **state)
{
    assert_int_equal(failures_of(*state, "mixed", NULL), 0);
}

static void each_person_at_a_desk_counts_as_that_person(void **state)
{
    assert_int_equal(failures_of(*state, "author", NULL), 0);
}

static void papers_weigh_what_was_said_and_files_hold_no_formula(void **state)
{
    assert_int_equal(failures_of(*state, "paper", NULL), 0);
}

static void orders_take_whom_the_policy_names(void **state)
{
    assert_int_equal(failures_of(*state, "orders", NULL), 0);
}

static void an_incident_is_played_whole(void **state)
{
    assert_int_equal(failures_of(*state, "replay", NULL), 0);
}

static void an_incident_goes_its_way_and_no_other(void **state)
{
    assert_int_equal(failures_of(*state, "incident", NULL), 0);
}

static void an_alarm_asks_one_after_the_other_until_somebody_takes_it(void **state)
{
    assert_int_equal(failures_of(*state, "alert", NULL), 0);
}

static void a_public_alert_takes_two_persons(void **state)
{
    assert_int_equal(failures_of(*state, "warn", NULL), 0);
}

static void tables_of_places_say_what_is_wrong_with_them(void **state)
{
    assert_int_equal(failures_of(*state, "gazetteer", NULL), 0);
}

static void each_agency_has_its_own_clock_of_a_household(void **state)
{
    assert_int_equal(failures_of(*state, "sealed", NULL), 0);
}

static void a_right_given_by_mistake_is_seen(void **state)
{
    static const char *const mistakes[] = {
        "GRANT SELECT ON bus.lane_run TO bus_reader",
        "GRANT UPDATE (note) ON bus.principal TO bus_admin",
        "GRANT EXECUTE ON FUNCTION bus.principal_revoke TO PUBLIC",
        "GRANT USAGE ON SEQUENCE bus.cursor_generation TO bus_ingest",
        "CREATE TABLE bus.forgotten (t int4); GRANT INSERT ON bus.forgotten TO bus_reader",
        "ALTER FUNCTION bus.head RESET search_path",
        "ALTER VIEW eoc.household_event RESET (security_invoker)",
        "CREATE POLICY more ON bus.document FOR SELECT TO bus_reader USING (true)",
    };

    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++)
        if (failures_of(*state, "matrix", mistakes[i]) <= 0)
            fail_msg("nobody saw: %s", mistakes[i]);
}

/* --- ways out --------------------------------------------------------------------------------- */

/* Who changes tables may become their owner, and what an owner may. */
static bool is_theirs(const char *role, const char *statement)
{
    static const char *const migrate[] = {
        "SET ROLE bus_owner",       "REINDEX TABLE",           "pg_advisory",
        "pg_try_advisory",          "pg_logical_emit_message", "make_partitions",
        "ALTER DEFAULT PRIVILEGES", "DROP OWNED BY bus_owner"};

    /* An operator's `eocctl migrate` takes the lock of migrations to say what is wanting. */
    if (strcmp(role, "bus_admin") == 0 && strstr(statement, "pg_advisory_lock"))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(migrate); i++)
        if (strcmp(role, "bus_migrate") == 0 && strstr(statement, migrate[i]))
            return true;
    return false;
}

static void nobody_gets_out_of_his_role(void **state)
{
    static const char *const roles[] = {"bus_ingest", "bus_reader", "bus_console",
                                        "bus_audit",  "bus_admin",  "bus_migrate"};
    FILE *f = fopen("sql/tests/escapes.sql", "r");
    char line[LINE];
    unsigned tries = 0;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        for (size_t i = 0; strncmp(line, "--", 2) != 0 && i < ARRAY_LEN(roles); i++) {
            const char *got;

            if (is_theirs(roles[i], line))
                continue;
            got = pgserver_try(*state, roles[i], line);
            tries++;
            if (strcmp(got, "42501") != 0)
                fail_msg("%s: \"%s\", not 42501: %s", roles[i], got, line);
        }
    fclose(f);
    printf("measured: %u ways out tried, 0 open\n", tries);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(every_role_gets_where_it_may_and_nowhere_else),
        T(each_agency_has_its_own_clock_of_a_household),
        T(readers_read_what_they_may_hear),
        T(life_cycles_go_where_their_rows_say),
        T(what_waits_has_its_turn_and_its_time),
        T(a_mixed_batch_leaves_what_its_messages_leave_one_by_one),
        T(an_incident_is_played_whole),
        T(an_incident_goes_its_way_and_no_other),
        T(an_alarm_asks_one_after_the_other_until_somebody_takes_it),
        T(a_public_alert_takes_two_persons),
        T(no_plot_is_promised_twice_and_what_happened_is_kept),
        T(districts_owe_reports_and_their_silence_is_seen),
        T(a_word_is_found_in_whatever_letters),
        T(people_and_things_are_found_by_what_people_call_them),
        T(families_are_numbers_for_who_may_read_none),
        T(a_long_queue_is_told_in_part_and_counted_whole),
        T(a_household_has_one_plot_and_nobody_decides_for_another),
        T(nothing_is_promised_twice_and_what_is_wanted_is_counted),
        T(each_person_at_a_desk_counts_as_that_person),
        T(papers_weigh_what_was_said_and_files_hold_no_formula),
        T(orders_take_whom_the_policy_names),
        T(tables_of_places_say_what_is_wrong_with_them),
        T(a_right_given_by_mistake_is_seen),
        T(nobody_gets_out_of_his_role),
    };

    return cmocka_run_group_tests_name("pgtap", tests, NULL, NULL);
}
