/* A log of an earlier version comes along: its tables as they were at an older migration, its rows,
 * then `eocctl migrate`. What the newest ledger makes of it is what it makes of the same log in a
 * database that was new, and judging all of it again changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/pgserver.h"
#include "tests/lib/run.h"

#include "proto/base/banned.h"

#define PSQL "/usr/lib/postgresql/15/bin/psql -X -q -o /dev/null -v ON_ERROR_STOP=1 "
enum { TEXT = 1 << 14 };

static struct {
    struct pgserver *server;
    char database[300];
    struct ran ran;
} world;

/* What people would miss. Public alerts of before 0049 were not judged by persons. */
static const char incidents[] =
    "SELECT string_agg(x, E'\\n' ORDER BY x) FROM ("
    "SELECT 'log ' || count(*) || ' ' || max(seq) FROM bus.message UNION ALL "
    "SELECT concat_ws(' ', 'incident', incident_id, state, name, places) FROM bus.incident "
    "UNION ALL SELECT concat_ws(' ', 'report', seq, type, level, over_seq, incident_id) "
    "FROM bus.incident_report UNION ALL "
    "SELECT concat_ws(' ', 'line', thread, line_id, state) FROM eoc.board) AS u(x)";
static const char alerts[] =
    "SELECT string_agg(x, E'\\n' ORDER BY x) FROM ("
    "SELECT concat_ws(' ', 'draft', message_id, state, author, answered_by) FROM eoc.alert_draft "
    "UNION ALL SELECT concat_ws(' ', 'alert', alert_id, state) FROM bus.alert "
    "UNION ALL SELECT concat_ws(' ', 'contested', seq, code) FROM bus.contested) AS u(x)";

static void psql(const char *database, const char *rest)
{
    char command[600];

    snprintf(command, sizeof(command), PSQL "-h %s -U postgres -d %s %s 1>&2",
             pgserver_socket(world.server), database, rest);
    if (system(command) != 0)
        fail_msg("%s", command);
}

static int begin(void **state)
{
    (void)state;
    world.server = pgserver_start();
    psql("eocbus", "-f tests/integration/upgrade/seed.sql");
    return 0;
}

static int end(void **state)
{
    (void)state;
    pgserver_end(world.server);
    return 0;
}

static void migrate(const char *to)
{
    run_program(&world.ran, "eocctl", "-o", world.database, "migrate", to ? "--to" : NULL, to,
                NULL);
    run_expect(&world.ran, 0, NULL);
}

static void make_old(const char *version)
{
    char data[200], rest[400];

    pgserver_use(world.server, "eocbus");
    pgserver_exec(world.server, "DROP DATABASE IF EXISTS old");
    pgserver_exec(world.server,
                  "CREATE DATABASE old TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'");
    snprintf(world.database, sizeof(world.database), "database=host=%s user=postgres dbname=old",
             pgserver_socket(world.server));
    migrate(version);
    pgserver_data(world.server, data, sizeof(data));
    snprintf(rest, sizeof(rest), "-v dir=%s -f tests/integration/upgrade/carry.sql", data);
    psql("old", rest);
    migrate(NULL);
}

static void same_in_both(const char *question)
{
    static char now[TEXT];

    for (unsigned again = 0; again < 2; again++) {
        pgserver_use(world.server, "eocbus");
        snprintf(now, sizeof(now), "%s", pgserver_text(world.server, question));
        pgserver_use(world.server, "old");
        assert_string_equal(pgserver_text(world.server, question), now);
        pgserver_exec(world.server, "SELECT bus.rejudge()");
    }
}

/* The index of alerts, and who had the right to turn a draft down, are there after 0056. */
static void drafts_are_what_they_were(void)
{
    pgserver_use(world.server, "old");
    assert_int_equal(pgserver_number(world.server, "SELECT count(*) FROM eoc.alert_draft WHERE "
                                                   "state = 'TURNED_DOWN'"),
                     1);
    assert_int_equal(pgserver_number(world.server, "SELECT count(*) FROM pg_indexes WHERE "
                                                   "indexname = 'document_alert'"),
                     1);
}

/* UPGRADE_FROM=n: from there, and not from 41, the version before there were pages. */
static void a_log_of_an_earlier_version_keeps_what_happened(void **state)
{
    const char *from = getenv("UPGRADE_FROM");

    (void)state;
    from = from ? from : "41";
    make_old(from);
    drafts_are_what_they_were();
    same_in_both(incidents);
    if (strtol(from, NULL, 10) >= 49)
        same_in_both(alerts);
    drafts_are_what_they_were();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_of_an_earlier_version_keeps_what_happened),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
