/* Two people at one console: each sees, hears and says what his own rules allow, through the real
 * console, broker and database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/browser.h"
#include "tests/lib/bus.h"
#include "tests/lib/page.h"
#include "tests/lib/patience.h"
#include "tests/lib/run.h"

#include "proto/base/banned.h"

enum { TEXT = 4096 };
#define DESK     "coes.test.desk"
#define TEAM     "rcst.khujand.team" /* Khujand is 3501401 */
#define OFFICE   "coes.test.office"
#define PASSWORD "the-team-s-password"

static struct {
    struct bus *bus;
    struct page *page;
    char conf[128], dir[128], cookie[200], token[100];
    struct browser b, desk_news, team_news;
    struct ran ran;
} world;

/* --- the world -------------------------------------------------------------------------------- */

static void cut(char *out, size_t size, const char *name, const char *ends)
{
    const char *at = strstr(world.b.said, name);

    if (!at)
        fail_msg("no %s in: %.300s", name, world.b.said);
    at += strlen(name);
    snprintf(out, size, "%.*s", (int)strcspn(at, ends), at);
}

static void sign_in_team(void)
{
    static const char form[] = "name=" TEAM "&password=" PASSWORD;

    run_type(PASSWORD);
    run_program(&world.ran, "eocbus-console", "-c", page_conf(world.page), "person", "add", TEAM,
                NULL);
    run_expect(&world.ran, 0, NULL);
    assert_int_equal(browser_ask(&world.b, page_port(world.page),
                                 "POST /api/login HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                                 "Content-Length: %zu\r\n\r\n%s",
                                 strlen(form), form),
                     200);
    cut(world.cookie, sizeof(world.cookie), "eocbus=", ";");
    cut(world.token, sizeof(world.token), "\"token\":\"", "\"");
}

/* An incident that stands in the record, said by an office of its own. */
static void add_incident(unsigned n, const char *place, unsigned label, const char *name)
{
    char sql[900];

    snprintf(sql, sizeof(sql),
             "SELECT bus.append_one((SELECT principal_id FROM bus.principal WHERE name = '" OFFICE
             "'), 1, 4::int2, %u, gen_random_uuid(), 140::int2, 1::int2, '%s', now(), now(), NULL, "
             "NULL, %u::int2, '\\x00', NULL, NULL, NULL, jsonb_build_object('incident', "
             "jsonb_build_object('incident_id', gen_random_uuid(), 'hazard', 'HAZARD_MUDFLOW', "
             "'name', '%s')), (SELECT log_epoch FROM bus.log_head), 0)",
             n, place, label << 4, name);
    pgserver_exec(bus_server(world.bus), sql);
}

static int begin(void **state)
{
    struct keys keys;

    (void)state;
    world.desk_news.fd = world.team_news.fd = -1;
    world.bus = bus_create();
    snprintf(world.dir, sizeof(world.dir), "%s/page", bus_dir(world.bus));
    assert_int_equal(mkdir(world.dir, 0700), 0);
    page_enrol(world.bus, DESK, world.conf, sizeof(world.conf));
    bus_enrol(world.bus, TEAM, &keys);
    pgserver_exec(bus_server(world.bus),
                  "UPDATE bus.principal SET roles = 'all desk' WHERE name = '" DESK "'");
    pgserver_exec(bus_server(world.bus),
                  "UPDATE bus.principal SET roles = 'partner', agency = 'rcst', places = '3501401' "
                  "WHERE name = '" TEAM "'");
    bus_enrol(world.bus, OFFICE, &keys);
    add_incident(1, "3504203", 2, "open-in-kulob");
    add_incident(2, "3501401", 3, "kept-in-khujand");
    add_incident(3, "3501401", 2, "open-in-khujand");
    bus_start_broker(world.bus, NULL);
    world.page = page_start(world.bus, world.conf, DESK, world.dir);
    sign_in_team();
    return 0;
}

static int end(void **state)
{
    (void)state;
    browser_close(&world.desk_news);
    browser_close(&world.team_news);
    page_end(world.page);
    bus_destroy(world.bus);
    return 0;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void open_news(struct browser *b, const char *cookie)
{
    browser_open(b, page_port(world.page));
    browser_say(b, "GET /api/news HTTP/1.1\r\nHost: h\r\nCookie: eocbus=%s\r\n\r\n", cookie);
    assert_true(browser_hears(b, "event: truth"));
}

static int say(bool is_team, unsigned n, const char *what)
{
    char body[1000];

    snprintf(
        body, sizeof(body),
        "{\"message_id\":\"019a0301-33de-71ef-a41f-5351%08x\",\"status\":\"STATUS_ACTUAL\",%s}", n,
        what);
    return browser_ask(&world.b, page_port(world.page),
                       "POST /api/say HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                       "Cookie: eocbus=%s\r\nX-Eocbus-Token: %s\r\nContent-Length: %zu\r\n\r\n%s",
                       is_team ? world.cookie : page_cookie(world.page),
                       is_team ? world.token : page_token(world.page), strlen(body), body);
}

static int say_incident(unsigned n, const char *place, const char *label)
{
    char what[600];

    snprintf(what, sizeof(what),
             "\"label\":\"LABEL_%s\",\"area\":{\"pcodes\":[\"%s\"]},\"incident\":{\"incident_id\":"
             "\"019a0301-33de-71ef-a41f-8888%08x\",\"hazard\":\"HAZARD_MUDFLOW\",\"severity\":"
             "\"SEVERITY_SEVERE\",\"urgency\":\"URGENCY_IMMEDIATE\",\"certainty\":\"CERTAINTY_"
             "OBSERVED\",\"name\":\"x\"}",
             label, place, n);
    return say(false, n, what);
}

static void look(bool is_team, const char *view)
{
    assert_int_equal(browser_ask(&world.b, page_port(world.page),
                                 "GET /api/view/%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                                 "Cookie: eocbus=%s\r\n\r\n",
                                 view, is_team ? world.cookie : page_cookie(world.page)),
                     200);
}

/* --- what each of them sees ------------------------------------------------------------------- */

static void a_person_hears_of_his_region_what_his_label_allows(void **state)
{
    (void)state;
    open_news(&world.desk_news, page_cookie(world.page));
    open_news(&world.team_news, world.cookie);
    assert_int_equal(say_incident(1, "3504203", "INTERNAL"), 200);
    assert_int_equal(say_incident(2, "3501401", "RESTRICTED"), 200);
    assert_int_equal(say_incident(3, "3501401", "INTERNAL"), 200);
    assert_true(browser_hears(&world.desk_news, "535100000001\""));
    assert_true(browser_hears(&world.desk_news, "535100000002\""));
    assert_true(browser_hears(&world.desk_news, "535100000003\""));
    assert_true(browser_hears(&world.team_news, "535100000003\""));
    assert_null(strstr(world.team_news.said, "535100000001"));
    assert_null(strstr(world.team_news.said, "535100000002"));
}

static void a_person_reads_the_same_of_the_record(void **state)
{
    (void)state;
    look(false, "incidents?lang=en");
    assert_non_null(strstr(world.b.said, "open-in-kulob"));
    assert_non_null(strstr(world.b.said, "kept-in-khujand"));
    assert_non_null(strstr(world.b.said, "open-in-khujand"));
    look(true, "incidents?lang=en");
    assert_null(strstr(world.b.said, "open-in-kulob"));
    assert_null(strstr(world.b.said, "kept-in-khujand"));
    assert_non_null(strstr(world.b.said, "open-in-khujand"));
    look(false, "incidents?lang=en"); /* by a connection that read for the other one */
    assert_non_null(strstr(world.b.said, "open-in-kulob"));
}

/* --- what each of them says ------------------------------------------------------------------- */

static void what_a_person_says_is_the_persons(void **state)
{
    static const char text[] = "\"general_message\":{\"from_role\":\"team\",\"subject\":\"s\","
                               "\"text\":\"from Khujand\"}";
    static const char other[] = "\"general_message\":{\"from_role\":\"team\",\"subject\":\"s\","
                                "\"text\":\"another text\"}";

    (void)state;
    assert_int_equal(say(true, 10, text), 200);
    assert_true(browser_hears(&world.team_news, "event: settled"));
    assert_true(browser_hears(&world.team_news, "53510000000a\",\"stored\":true"));
    assert_int_equal(pgserver_number(bus_server(world.bus),
                                     "SELECT count(*) FROM bus.document WHERE doc->>'author' = "
                                     "'" TEAM "'"),
                     1);
    assert_int_equal(say(true, 10, text), 200); /* a double click */
    assert_non_null(strstr(world.b.said, "\"before\":true"));
    assert_int_equal(say(true, 10, other), 409);
    assert_int_equal(say(false, 10, text), 409);
    assert_int_equal(say(true, 11,
                         "\"label\":\"LABEL_RESTRICTED\",\"general_message\":{"
                         "\"from_role\":\"team\",\"subject\":\"s\",\"text\":\"x\"}"),
                     403);
}

/* Whose queue it is the session says, and not the address. */
static void nobody_reads_the_queue_of_somebody_else(void **state)
{
    static const char text[] = "\"to\":[\"" DESK "\"],\"general_message\":{\"from_role\":\"team\","
                               "\"subject\":\"s\",\"text\":\"for the desk alone\"}";

    (void)state;
    assert_int_equal(say(true, 12, text), 200);
    assert_true(browser_hears(&world.team_news, "53510000000c\",\"stored\":true"));
    look(false, "queue?lang=en&person=" TEAM);
    assert_non_null(strstr(world.b.said, "for the desk alone"));
    look(true, "queue?lang=en&person=" DESK);
    assert_null(strstr(world.b.said, "for the desk alone"));
}

/* By the rights that the console has noted down. */
static void while_the_database_is_away_the_last_rights_count(void **state)
{
    static const char receipt[] =
        "\"receipt\":{\"message_id\":\"019a0301-33de-71ef-a41f-535100000003\",\"level\":"
        "\"RECEIPT_LEVEL_ACCEPTED\",\"time_us\":\"2026-01-01T00:00+05:00\",\"by\":\"" TEAM "\"}";
    static const char call[] =
        "\"area\":{\"pcodes\":[\"3504203\"]},\"escalation_event\":{\"alert_id\":"
        "\"019a0301-33de-71ef-a41f-535100000003\",\"step\":1,\"target_role\":\"duty@3504203\","
        "\"deadline_us\":\"2090-01-01T00:00+05:00\",\"channel\":\"CHANNEL_PHONE\",\"outcome\":"
        "\"ESCALATION_OUTCOME_STARTED\"}";

    (void)state;
    pgserver_stop(bus_server(world.bus));
    world.desk_news.len = 0;
    world.desk_news.said[0] = '\0';
    assert_true(browser_hears(&world.desk_news, "\"view\":false"));
    assert_int_equal(say(true, 20, receipt), 200);
    assert_int_equal(say(true, 21, call), 403);
    assert_int_equal(say(false, 22, call), 200);
    pgserver_start_again(bus_server(world.bus));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_person_hears_of_his_region_what_his_label_allows),
        cmocka_unit_test(a_person_reads_the_same_of_the_record),
        cmocka_unit_test(what_a_person_says_is_the_persons),
        cmocka_unit_test(nobody_reads_the_queue_of_somebody_else),
        cmocka_unit_test(while_the_database_is_away_the_last_rights_count),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
