/* An incident of the log is played to those who are to learn from it, and nothing real moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/bus.h"
#include "tests/lib/run.h"

#include "proto/base/banned.h"

#define REAL  "012a4d81-65a0-7419-9834-714542dcf3e5"
#define OTHER "012a4d81-65a0-7419-9834-714542dcf3e6"
#define OFFER "012a4d81-65a0-7419-9834-714542dcf3e8"
#define HOME  "012a4d81-65a0-7419-9834-714542dcf3e7"

static struct {
    struct bus *bus;
    char conf[2][128]; /* who said it, who plays it */
    struct ran ran;
} world;

static const char *const names[] = {"coes.ayni.office", "coes.test.control"};

static void enrol(unsigned n)
{
    struct keys keys;
    char text[2000], key_file[128], err[512];
    const char *dir = bus_dir(world.bus);

    bus_enrol(world.bus, names[n], &keys);
    snprintf(world.conf[n], sizeof(world.conf[n]), "%s/%u.conf", dir, n);
    snprintf(key_file, sizeof(key_file), "%s/%u.key", dir, n);
    assert_int_equal(keys_save(&keys, key_file, names[n], err, sizeof(err)), ST_OK);
    snprintf(text, sizeof(text),
             "name = %s\nkey.file = %s\nbroker.endpoint = %s\nbroker.key = %s\n"
             "outbox.path = %s/%u.db\ndatabase = host=%s dbname=eocbus user=bus_admin\n"
             "link.profile = fiber\n",
             names[n], key_file, bus_endpoint(world.bus), bus_broker_key(world.bus), dir, n,
             pgserver_socket(bus_server(world.bus)));
    write_text_file(world.conf[n], text);
}

static int begin(void **state)
{
    struct keys learner;

    (void)state;
    world.bus = bus_create();
    enrol(0);
    enrol(1);
    bus_enrol(world.bus, "coes.test.learner", &learner);
    bus_start_broker(world.bus, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    bus_destroy(world.bus);
    return 0;
}

#define HEAD                                                                                       \
    "\"status\": \"STATUS_ACTUAL\", \"kind\": \"KIND_REPORT\", \"lane\": \"LANE_PRIORITY\", "      \
    "\"label\": \"LABEL_INTERNAL\", \"area\": {\"pcodes\": [\"3505203\"]}, "                       \
    "\"event_time_us\": \"2010-08-07T22:03+05:00\", "
#define OF(id) "\"incident_ids\": [\"" id "\"], "
#define OPEN(id)                                                                                   \
    "{" HEAD OF(id) "\"incident\": {\"incident_id\": \"" id                                        \
                    "\", \"hazard\": \"HAZARD_MUDFLOW\", \"name\": \"Gusar\", "                    \
                    "\"severity\": \"SEVERITY_SEVERE\", \"urgency\": \"URGENCY_IMMEDIATE\", "      \
                    "\"certainty\": \"CERTAINTY_OBSERVED\"}}\n"
#define MOVE(id, event)                                                                            \
    "{" HEAD OF(id) "\"incident_transition\": {\"incident_id\": \"" id                             \
                    "\", \"event\": \"INCIDENT_EVENT_" event                                       \
                    "\", \"to_state\": \"INCIDENT_STATE_CONFIRMED\", "                             \
                    "\"certainty\": \"CERTAINTY_OBSERVED\"}}\n"
#define HOUSEHOLD(event)                                                                           \
    "\"household_event\": {\"household_id\": \"" HOME                                              \
    "\", \"actor\": \"coes.ayni.office\", " event "}}\n"
#define LISTED "{" HEAD OF(REAL) HOUSEHOLD("\"affected\": {\"members\": 4}")
/* It names its household and no incident. */
#define FOLLOWED                                                                                   \
    "{" HEAD HOUSEHOLD("\"assessed\": {\"house\": \"DAMAGE_CLASS_DESTROYED\", \"eligible\": "      \
                       "\"ANSWER_YES\", \"verdict\": \"ZONE_VERDICT_RELOCATE\", \"signatories\": " \
                       "[\"head of jamoat\", \"engineer\"], \"act_no\": \"7\"}")

#define WISHED "{" HEAD HOUSEHOLD("\"preferences\": {\"movers\": 4}")
/* A site that was there before, and an offer there. */
#define SITE                                                                                       \
    "{" HEAD "\"plot_site\": {\"site_id\": \"zafarobod.4\", \"pcode\": \"3505203\", \"name\": "    \
    "\"Zafarobod 4\", \"capacity_total\": 1, \"hazard_checked\": \"ANSWER_YES\"}}\n"
#define OFFERED                                                                                    \
    "{" HEAD "\"plot_offer\": {\"offer_id\": \"" OFFER "\", \"household_id\": \"" HOME             \
    "\", \"action\": \"OFFER_ACTION_MAKE\", \"site_id\": \"zafarobod.4\", \"valid_until_us\": "    \
    "\"2099-01-01T00:00Z\", \"actor\": \"coes.ayni.office\", \"authority\": \"order 12\"}}\n"

static void say(const char *story)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/story", bus_dir(world.bus));
    write_text_file(path, story);
    run_program(&world.ran, "eocctl", "-c", world.conf[0], "publish", "--file", path, "--wait",
                "60", NULL);
    run_expect(&world.ran, 0, "stored");
}

static const char *one(const char *sql)
{
    return pgserver_text(bus_server(world.bus), sql);
}

static void an_incident_is_played_as_an_exercise(void **state)
{
    (void)state;
    say(SITE OPEN(REAL) OPEN(OTHER) MOVE(REAL, "OPENED") MOVE(REAL, "CONFIRMED")
            LISTED FOLLOWED WISHED OFFERED);
    assert_string_equal(one("SELECT state FROM bus.incident WHERE incident_id = '" REAL "'"),
                        "CONFIRMED");
    run_program(&world.ran, "eocctl", "-c", world.conf[1], "replay", "--incident", REAL, "--to",
                "coes.test.learner", "--speed", "1000000", "--wait", "60", NULL);
    run_expect(&world.ran, 0, "played 8, refused 0");
    /* Which ones, in which order, said by whom to whom. */
    assert_string_equal(
        one("SELECT string_agg(coalesce(d.doc->'played'->>'seq', '-'), ' ' ORDER BY d.seq)"
            " = (SELECT string_agg(x.seq::text, ' ' ORDER BY x.seq) FROM bus.document x"
            " WHERE x.status = 1 AND x.doc->'incident'->>'incident_id' IS DISTINCT FROM '" OTHER
            "') FROM bus.document d WHERE d.status = 2"),
        "t");
    assert_string_equal(one("SELECT DISTINCT concat_ws(' ', doc->>'sender', doc->'played'->>"
                            "'sender', doc->'to') FROM bus.document WHERE doc ? 'played'"),
                        "coes.test.control coes.ayni.office [\"coes.test.learner\"]");
    /* The same life in a world of its own, and nothing real moved. */
    assert_string_equal(
        one("SELECT string_agg(concat_ws(' ', status, state), ', ' ORDER BY status, state)"
            " FROM eoc.incident_now"),
        "ACTUAL CONFIRMED, ACTUAL REPORTED, EXERCISE CONFIRMED");
    assert_string_equal(
        one("SELECT string_agg(concat_ws(' ', h.status, h.state, i.status), ', ' ORDER BY h.status)"
            " FROM bus.household h JOIN bus.incident i USING (incident_id)"),
        "1 OFFERED 1, 2 OFFERED 2");
    assert_string_equal(one("SELECT count(*) FROM bus.moved WHERE entity = '" HOME "'"), "4");
}

static void each_play_is_a_world_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        run_program(&world.ran, "eocctl", "-c", world.conf[1], "replay", "--incident", REAL, "--to",
                    "coes.test.learner", "--speed", "1000000", "--wait", "60", NULL);
        run_expect(&world.ran, 0, "played 8, refused 0");
    }
    assert_string_equal(one("SELECT count(*) FROM bus.incident WHERE status = 2"), "3");
    assert_string_equal(one("SELECT count(*) || ' ' || sum(reserved) FROM bus.site"), "4 4");
}

static void what_cannot_be_played_is_said(void **state)
{
    (void)state;
    run_program(&world.ran, "eocctl", "-c", world.conf[1], "replay", "--incident", REAL,
                "--dry-run", NULL);
    run_expect(&world.ran, 0, "8 messages over");
    run_program(&world.ran, "eocctl", "-c", world.conf[1], "replay", "--incident", REAL, NULL);
    run_expect(&world.ran, 2, "--to");
    run_program(&world.ran, "eocctl", "-c", world.conf[1], "replay", "--incident", REAL, "--to",
                "coes.test.learner", "--speed", "0", NULL);
    run_expect(&world.ran, 2, "--speed");
    run_program(&world.ran, "eocctl", "-c", world.conf[1], "replay", "--incident", HOME, "--to",
                "coes.test.learner", NULL);
    run_expect(&world.ran, 1, "nothing that can be played");
    assert_string_equal(one("SELECT count(*) FROM bus.incident WHERE status = 2"), "3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_incident_is_played_as_an_exercise),
        cmocka_unit_test(each_play_is_a_world_of_its_own),
        cmocka_unit_test(what_cannot_be_played_is_said),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
