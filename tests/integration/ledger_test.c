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

#include "agents/link/agent.h"
#include "agents/link/outbox.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "tests/lib/bus.h"
#include "tests/lib/patience.h"

#include "proto/base/banned.h"

enum { DEADLINE_MS = 60000, VERDICTS_MAX = 8 };
static const char sender_name[] = "coes.ayni.office";

static struct {
    struct bus *bus;
    struct loop *loop;
    struct agent *agent;
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
    do {                                                                                           \
        uint64_t end_ = loop_exact_us(world.loop) + PATIENCE * DEADLINE_MS * UINT64_C(1000);       \
        while (!(condition) && loop_exact_us(world.loop) < end_)                                   \
            loop_turn(world.loop, 20);                                                             \
        if (!(condition))                                                                          \
            fail_msg("%s: %u settled, %u decisions, \"%s\"", #condition, world.settled,            \
                     world.decisions, world.text);                                                 \
    } while (0)

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

static void open_office(void)
{
    static const char *const patterns[] = {"**"};
    static const struct agent_events events = {.settled = on_settled};
    const struct agent_subscription sub = {
        .patterns = patterns, .pattern_count = 1, .to_me = true, .message = on_message};
    struct agent_settings set = {0};
    struct keys keys;
    char outbox[128], key_file[128], *endpoint = (char *)(uintptr_t)bus_endpoint(world.bus);

    bus_enrol(world.bus, sender_name, &keys);
    snprintf(outbox, sizeof(outbox), "%s/outbox", world.dir);
    snprintf(key_file, sizeof(key_file), "%s/key", world.dir);
    assert_int_equal(keys_save(&keys, key_file, sender_name, err, sizeof(err)), ST_OK);
    set.name = (char *)(uintptr_t)sender_name;
    set.key_file = key_file;
    set.endpoints.items = &endpoint;
    set.endpoints.count = 1;
    set.broker_key = (char *)(uintptr_t)bus_broker_key(world.bus);
    set.outbox_path = outbox;
    set.outbox_budget = 16 * 1024 * 1024;
    set.link_profile = (char[]){"fiber"};
    set.log_level = (char[]){"error"};
    if (agent_create(&world.agent, world.loop, &set, "test 1", &events, err, sizeof(err)) !=
            ST_OK ||
        agent_subscribe(world.agent, &sub, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
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
    open_office();
    return 0;
}

static int tear_down(void **state)
{
    char command[100];

    (void)state;
    agent_destroy(world.agent);
    loop_destroy(world.loop);
    bus_destroy(world.bus);
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command);
}

static void put(Eocbus__V1__Envelope *m)
{
    struct refusal why;
    uint64_t tag;

    m->lane = EOCBUS__V1__LANE__LANE_PRIORITY;
    m->status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m->kind = EOCBUS__V1__KIND__KIND_REPORT;
    m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m->event_time_us = loop_utc_us(world.loop);
    if (agent_put(world.agent, m, &tag, &why) != ST_OK)
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
    put(&m);
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
    put(&m);
}

static void put_decision(const uint8_t about[ID_BYTES], Eocbus__V1__Ruling ruling)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__Decision d = EOCBUS__V1__DECISION__INIT;

    d.message_id = (ProtobufCBinaryData){ID_BYTES, (uint8_t *)(uintptr_t)about};
    d.ruling = ruling;
    d.decided_by = (char[]){"head of the district"};
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_DECISION;
    m.decision = &d;
    put(&m);
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
        pgserver_number(bus_server(world.bus), "SELECT verdict FROM bus.message WHERE seq = 1"),
        EOCBUS__V1__VERDICT__VERDICT_APPLIED);
    /* What it is about, nobody can decide once more. */
    put_decision(world.about, EOCBUS__V1__RULING__RULING_DISMISSED);
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
    put_decision(about, EOCBUS__V1__RULING__RULING_DISMISSED);
    WAIT_FOR(world.settled == 3);
    assert_int_equal(world.verdict[2], EOCBUS__V1__VERDICT__VERDICT_APPLIED);
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
    " ELSE NULL; END CASE;"
    " RETURN bus.judge_tiny(m); END $$";

static void a_judge_that_fails_stops_one_message_and_no_other(void **state)
{
    (void)state;
    pgserver_exec(bus_server(world.bus), broken_judge);
    put_incident(1);
    put_incident(7);
    put_incident(8);
    put_incident(9);
    put_incident(2);
    WAIT_FOR(world.settled == 5);
    assert_int_equal(
        world.stored[0] + world.stored[1] + world.stored[2] + world.stored[3] + world.stored[4], 2);
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.quarantine"),
                     3);
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.tiny"), 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_promise_that_cannot_be_kept_is_refused_with_what_would_be_legal),
        T(what_comes_too_early_is_held_and_its_sender_hears_what_became_of_it),
        T(a_contested_fact_is_stored_and_a_person_settles_it),
        T(a_judge_that_fails_stops_one_message_and_no_other),
    };

    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
