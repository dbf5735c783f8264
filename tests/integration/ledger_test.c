/* Verdicts of the ledger through a real broker: what its sender hears of a move that is not legal,
 * of one that comes too early, and of what became of it. The life cycle is a tiny one of the test's
 * own: an incident is made and then confirmed, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agents/link/agent.h"
#include "agents/link/outbox.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "tests/lib/bus.h"
#include "tests/lib/patience.h"
#include "tests/lib/pgserver.h"

#include "proto/base/banned.h"

#define PSQL "/usr/lib/postgresql/15/bin/psql"
enum { DEADLINE_MS = 60000, VERDICTS_MAX = 16 };

static struct {
    struct bus *bus;
    struct loop *loop;
    struct agent *office, *chief;
    unsigned settled, decisions;
    bool stored[VERDICTS_MAX];
    uint32_t verdict[VERDICTS_MAX];
    char code[41], path[160], text[320];
    int ruling;
    uint8_t about[ID_BYTES];
    char dir[64];
} world;

static const char tiny_cycle[] =
    "DELETE FROM bus.transition; DELETE FROM bus.cycle_event; DELETE FROM bus.cycle_guard;"
    "DELETE FROM bus.cycle_state;"
    "INSERT INTO bus.cycle_state VALUES ('tiny', 'MADE', true, ''), ('tiny', 'SURE', false, '');"
    "INSERT INTO bus.cycle_event VALUES ('tiny', 'MAKE', 'fact', 'Incident'),"
    " ('tiny', 'CONFIRM', 'promise', 'IncidentTransition CONFIRMED');"
    "INSERT INTO bus.transition VALUES ('tiny', '', 'MAKE', 'MADE'),"
    " ('tiny', 'MADE', 'CONFIRM', 'SURE');"
    "CREATE TABLE bus.tiny (id uuid PRIMARY KEY, state text); ALTER TABLE bus.tiny OWNER TO "
    "bus_owner;"
    "CREATE OR REPLACE FUNCTION bus.judge_incident(m bus.said) RETURNS bus.judgement"
    " LANGUAGE plpgsql AS $$ DECLARE d bus.decision; thing uuid := (m.body->>'incident_id')::uuid;"
    " was text := coalesce((SELECT x.state FROM bus.tiny x WHERE x.id = thing), '');"
    " event text := CASE m.type WHEN 140 THEN 'MAKE' ELSE 'CONFIRM' END; BEGIN"
    " IF was = '' AND event = 'CONFIRM' THEN"
    "  RETURN bus.hold(thing, 'unknown', 'incident_transition.incident_id', 'It has not arrived.');"
    " END IF;"
    " d := bus.decide('tiny', was, event, '{}', m.forced);"
    " IF d.verdict = 1 THEN"
    "  INSERT INTO bus.tiny VALUES (thing, d.to_state)"
    "   ON CONFLICT (id) DO UPDATE SET state = d.to_state;"
    "  PERFORM bus.note_move(m, 'tiny', thing, 0, event, was, d.to_state);"
    "  PERFORM bus.wake(thing);"
    " END IF;"
    " RETURN bus.judgement_of(d, 'incident_transition.event', thing); END $$";

static char err[600];

#define WAIT_FOR(condition)                                                                        \
    WAIT_UNTIL(condition, 60, loop_turn(world.loop, 20), "%u settled, %u decisions, \"%s\"",       \
               world.settled, world.decisions, world.text)

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    (void)arg;
    (void)d;
    if (m && m->body_case == EOCBUS__V1__ENVELOPE__BODY_DECISION) {
        world.decisions++;
        world.ruling = (int)m->decision->ruling;
        memcpy(world.about, m->decision->message_id.data, ID_BYTES);
    }
    return true;
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    (void)arg;
    (void)tag;
    assert_true(world.settled < VERDICTS_MAX);
    world.stored[world.settled] = oc->stored;
    world.verdict[world.settled++] = oc->verdict;
    if (oc->stored)
        return;
    snprintf(world.code, sizeof(world.code), "%s", oc->code);
    snprintf(world.path, sizeof(world.path), "%s", oc->path);
    snprintf(world.text, sizeof(world.text), "%s", oc->text);
}

static struct agent *open_agent(const char *name)
{
    static const char *const patterns[] = {"**"};
    static const struct agent_events events = {.settled = on_settled};
    const struct agent_subscription sub = {
        .patterns = patterns, .pattern_count = 1, .to_me = true, .message = on_message};
    struct agent_settings set = {0};
    struct keys keys;
    char outbox[128], key_file[128], *endpoint = (char *)(uintptr_t)bus_endpoint(world.bus);
    struct agent *made = NULL;

    bus_enrol(world.bus, name, &keys);
    snprintf(outbox, sizeof(outbox), "%s/%s.outbox", world.dir, name);
    snprintf(key_file, sizeof(key_file), "%s/%s.key", world.dir, name);
    assert_int_equal(keys_save(&keys, key_file, name, err, sizeof(err)), ST_OK);
    set.name = (char *)(uintptr_t)name;
    set.key_file = key_file;
    set.endpoints.items = &endpoint;
    set.endpoints.count = 1;
    set.broker_key = (char *)(uintptr_t)bus_broker_key(world.bus);
    set.outbox_path = outbox;
    set.outbox_budget = 16 * 1024 * 1024;
    set.link_profile = (char[]){"fiber"};
    set.log_level = (char[]){"error"};
    if (agent_create(&made, world.loop, &set, "test 1", &events, err, sizeof(err)) != ST_OK ||
        agent_subscribe(made, &sub, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return made;
}

static int set_up(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    log_set_level(LOG_ERROR);
    snprintf(world.dir, sizeof(world.dir), "/tmp/ledger.XXXXXX");
    if (!mkdtemp(world.dir))
        return -1;
    world.bus = bus_create();
    pgserver_exec(bus_server(world.bus), tiny_cycle);
    bus_start_broker(world.bus, NULL);
    assert_int_equal(loop_create(&world.loop), ST_OK);
    world.office = open_agent("coes.ayni.office");
    return 0;
}

static int tear_down(void **state)
{
    char command[100];

    (void)state;
    agent_destroy(world.chief);
    agent_destroy(world.office);
    loop_destroy(world.loop);
    bus_destroy(world.bus);
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command);
}

static void put_by(struct agent *by, Eocbus__V1__Envelope *m)
{
    struct refusal why;
    uint64_t tag;

    m->lane = EOCBUS__V1__LANE__LANE_PRIORITY;
    m->status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m->kind = EOCBUS__V1__KIND__KIND_REPORT;
    m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m->event_time_us = loop_utc_us(world.loop);
    if (agent_put(by, m, &tag, &why) != ST_OK)
        fail_msg("%s %s", why.path, why.text);
}

static void put_incident(uint8_t id)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__Incident i = EOCBUS__V1__INCIDENT__INIT;
    uint8_t bytes[ID_BYTES] = {[0] = id};

    i.incident_id = (ProtobufCBinaryData){ID_BYTES, bytes};
    i.hazard = EOCBUS__V1__HAZARD__HAZARD_MUDFLOW;
    i.name = (char[]){"Gusar"};
    i.severity = EOCBUS__V1__SEVERITY__SEVERITY_SEVERE;
    i.urgency = EOCBUS__V1__URGENCY__URGENCY_IMMEDIATE;
    i.certainty = EOCBUS__V1__CERTAINTY__CERTAINTY_OBSERVED;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_INCIDENT;
    m.incident = &i;
    put_by(world.office, &m);
}

static void put_confirmed(uint8_t id)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__IncidentTransition t = EOCBUS__V1__INCIDENT_TRANSITION__INIT;
    uint8_t bytes[ID_BYTES] = {[0] = id};

    t.incident_id = (ProtobufCBinaryData){ID_BYTES, bytes};
    t.event = EOCBUS__V1__INCIDENT_EVENT__INCIDENT_EVENT_CONFIRMED;
    t.from_state = EOCBUS__V1__INCIDENT_STATE__INCIDENT_STATE_REPORTED;
    t.to_state = EOCBUS__V1__INCIDENT_STATE__INCIDENT_STATE_CONFIRMED;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_INCIDENT_TRANSITION;
    m.incident_transition = &t;
    put_by(world.office, &m);
}

static void put_decision(struct agent *by, const uint8_t about[ID_BYTES], Eocbus__V1__Ruling ruling)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__Decision d = EOCBUS__V1__DECISION__INIT;

    d.message_id = (ProtobufCBinaryData){ID_BYTES, (uint8_t *)(uintptr_t)about};
    d.ruling = ruling;
    d.decided_by = (char[]){"head of the district"};
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_DECISION;
    m.decision = &d;
    put_by(by, &m);
}

static void a_promise_that_cannot_be_kept_is_refused_with_what_would_be_legal(void **state)
{
    (void)state;
    put_incident(1);
    put_confirmed(1);
    put_confirmed(1);
    WAIT_FOR(world.settled == 3);
    assert_true(world.stored[0] && world.stored[1] && !world.stored[2]);
    assert_int_equal(world.verdict[1], EOCBUS__V1__VERDICT__VERDICT_APPLIED);
    assert_string_equal(world.code, "state");
    assert_string_equal(world.path, "incident_transition.event");
    assert_non_null(strstr(world.text, "The tiny is SURE; legal now: nothing"));
    assert_int_equal(pgserver_number(bus_server(world.bus),
                                     "SELECT count(*) FROM bus.quarantine WHERE code = 'state'"),
                     1);
    /* Its place in the lane stays empty, and the lane goes on. */
    put_incident(2);
    WAIT_FOR(world.settled == 4);
    assert_true(world.stored[3]);
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT seq FROM bus.log_head"), 3);
}

static void what_comes_too_early_is_held_and_its_sender_hears_what_became_of_it(void **state)
{
    (void)state;
    put_confirmed(1);
    WAIT_FOR(world.settled == 1);
    assert_int_equal(world.verdict[0], EOCBUS__V1__VERDICT__VERDICT_HELD);
    put_incident(1);
    WAIT_FOR(world.settled == 2 && world.decisions == 1);
    assert_int_equal(world.verdict[1], EOCBUS__V1__VERDICT__VERDICT_APPLIED);
    assert_int_equal(world.ruling, EOCBUS__V1__RULING__RULING_APPLIED);
    assert_int_equal(
        pgserver_number(bus_server(world.bus),
                        "SELECT bus.verdict_now(seq, verdict) FROM bus.message WHERE seq = 1"),
        EOCBUS__V1__VERDICT__VERDICT_APPLIED);
    /* What it is about, nobody can decide once more. */
    put_decision(world.office, world.about, EOCBUS__V1__RULING__RULING_DISMISSED);
    WAIT_FOR(world.settled == 3);
    assert_false(world.stored[2]);
    assert_string_equal(world.code, "not_undecided");
}

static void a_contested_fact_is_stored_and_a_person_settles_it(void **state)
{
    uint8_t about[ID_BYTES];

    (void)state;
    put_incident(1);
    put_incident(1);
    WAIT_FOR(world.settled == 2);
    assert_true(world.stored[1]);
    assert_int_equal(world.verdict[1], EOCBUS__V1__VERDICT__VERDICT_CONTESTED);
    assert_true(id_parse(
        about, pgserver_text(bus_server(world.bus), "SELECT message_id FROM eoc.undecided")));
    /* Nobody settles what he said himself. */
    put_decision(world.office, about, EOCBUS__V1__RULING__RULING_APPLIED);
    WAIT_FOR(world.settled == 3);
    assert_string_equal(world.code, "own_message");
    world.chief = open_agent("eoc.chief");
    put_decision(world.chief, about, EOCBUS__V1__RULING__RULING_DISMISSED);
    WAIT_FOR(world.settled == 4);
    assert_int_equal(world.verdict[3], EOCBUS__V1__VERDICT__VERDICT_APPLIED);
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM eoc.undecided"),
                     0);
}

/* What a judge may run into when it did not reckon with a message: a number twice, several rows
 * where it wanted one, something it raises itself. */
static const char broken_judge[] =
    "ALTER FUNCTION bus.judge_incident(bus.said) RENAME TO judge_tiny;"
    "CREATE FUNCTION bus.judge_incident(m bus.said) RETURNS bus.judgement LANGUAGE plpgsql AS $$"
    "DECLARE thing uuid := m.body->>'incident_id'; BEGIN"
    " CASE left(thing::text, 2)"
    " WHEN '07' THEN INSERT INTO bus.tiny VALUES (thing, 'A'), (thing, 'A');"
    " WHEN '08' THEN PERFORM (SELECT g FROM generate_series(1, 2) AS g);"
    " WHEN '09' THEN RAISE EXCEPTION 'broken';"
    " WHEN '0a' THEN RAISE EXCEPTION 'broken' USING ERRCODE = 'case_not_found';"
    " WHEN '0b' THEN RAISE EXCEPTION 'broken' USING ERRCODE = '2F005';"
    " WHEN '0c' THEN RAISE EXCEPTION 'broken' USING ERRCODE = '38000';"
    " WHEN '0d' THEN RAISE EXCEPTION 'broken' USING ERRCODE = '39000';"
    " WHEN '0e' THEN RAISE EXCEPTION 'broken' USING ERRCODE = 'XX000';"
    " ELSE NULL; END CASE;"
    " RETURN bus.judge_tiny(m); END $$";

static void a_judge_that_fails_stops_one_message_and_no_other(void **state)
{
    (void)state;
    pgserver_exec(bus_server(world.bus), broken_judge);
    put_incident(1);
    for (uint8_t id = 7; id <= 14; id++)
        put_incident(id);
    put_incident(2);
    WAIT_FOR(world.settled == 10);
    assert_true(world.stored[0] && world.stored[9]);
    for (unsigned i = 1; i <= 8; i++)
        assert_false(world.stored[i]);
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.quarantine"),
                     8);
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.tiny"), 2);
}

/* --- timers ----------------------------------------------------------------------------------- */

/* What a timer says is a note with the timer's subject. */
static const char ring_note[] =
    "CREATE FUNCTION bus.ring_note(t bus.timer) RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
    " PERFORM bus.say_later(4::int2, 1::int2, 1, 200::int2, NULL, NULL, '\\x',"
    "  jsonb_build_object('general_message', jsonb_build_object('subject', t.subject))); END $$";
static const char notes[] = "SELECT count(*) FROM bus.document WHERE type = 200";

static void a_timer_rings_once_though_two_brokers_tick(void **state)
{
    struct bus *beside = bus_beside(world.bus);
    struct pgserver *s = bus_server(world.bus);

    (void)state;
    bus_start_broker(beside, NULL);
    pgserver_exec(s, ring_note);
    pgserver_exec(s, "SELECT bus.set_timer('note', gen_random_uuid(), clock_timestamp()"
                     " + n * interval '5 ms') FROM generate_series(1, 600) AS n");
    WAIT_FOR(pgserver_number(s, "SELECT (SELECT count(*) FROM bus.timer)"
                                " + (SELECT count(*) FROM bus.to_say)") == 0);
    assert_int_equal(pgserver_number(s, notes), 600);
    assert_int_equal(pgserver_number(s, "SELECT count(DISTINCT doc->'general_message'->>'subject')"
                                        " FROM bus.document WHERE type = 200"),
                     600);
    bus_destroy(beside);
}

static int set_up_server(void **state)
{
    *state = pgserver_start();
    return 0;
}

static int tear_down_server(void **state)
{
    pgserver_end(*state);
    return 0;
}

static FILE *open_session(struct pgserver *s)
{
    char command[256];
    FILE *session;

    snprintf(command, sizeof(command), PSQL " -X -q -h %s -U postgres -d eocbus -o /dev/null",
             pgserver_socket(s));
    session = popen(command, "w");
    assert_non_null(session);
    return session;
}

static void wait_for_session(struct pgserver *s, const char *question)
{
    time_t end = time(NULL) + PATIENCE * DEADLINE_MS / 1000;

    while (!pgserver_number(s, question))
        if (time(NULL) > end)
            fail_msg("%s", question);
}

/* The first tick has rung the timer, and its transaction is still open when the second begins. */
static void a_timer_rings_once_though_two_ticks_meet(void **state)
{
    struct pgserver *s = *state;
    FILE *first = open_session(s), *second = open_session(s);

    pgserver_exec(s, ring_note);
    pgserver_exec(s, "SELECT bus.set_timer('note', gen_random_uuid(), clock_timestamp())");
    fputs("BEGIN; SELECT bus.tick(100); SET application_name = 'rang';\n", first);
    fflush(first);
    wait_for_session(s, "SELECT count(*) FROM pg_stat_activity"
                        " WHERE application_name = 'rang' AND state = 'idle in transaction'");
    fputs("SELECT bus.tick(100); SET application_name = 'also'; SELECT bus.tick(100);\n", second);
    fflush(second);
    wait_for_session(s, "SELECT count(*) FROM pg_stat_activity"
                        " WHERE application_name = 'also' OR wait_event_type = 'Lock'");
    fputs("COMMIT;\n", first);
    assert_int_equal(pclose(first), 0);
    assert_int_equal(pclose(second), 0);
    pgserver_exec(s, "SELECT bus.tick(100)");
    assert_int_equal(pgserver_number(s, notes), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_promise_that_cannot_be_kept_is_refused_with_what_would_be_legal),
        T(what_comes_too_early_is_held_and_its_sender_hears_what_became_of_it),
        T(a_contested_fact_is_stored_and_a_person_settles_it),
        T(a_judge_that_fails_stops_one_message_and_no_other),
        T(a_timer_rings_once_though_two_brokers_tick),
        cmocka_unit_test_setup_teardown(a_timer_rings_once_though_two_ticks_meet, set_up_server,
                                        tear_down_server),
    };

    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
