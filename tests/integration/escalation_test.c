/* An alarm that nobody answers, through real brokers: who is on duty is asked, then the next, until
 * one takes it; each is asked once however many brokers there are, and a broker that dies takes no
 * timer with it. The ladder is a short one of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/link/agent.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "tests/lib/bus.h"
#include "tests/lib/crew.h"
#include "tests/lib/patience.h"

#include "proto/base/banned.h"

enum { GATEWAY, DUTY, DESK, PEOPLE, ALARMS = 5 };
static const char *const names[PEOPLE] = {"coes.ayni.gw", "coes.ayni.duty", "coes.khujand.desk"};
static const char *const roles[PEOPLE] = {NULL, "duty@3505203", "dispatcher@3505000"};

struct person {
    struct agent *agent;
    const char *role;
    unsigned asked, told;       /* in its own name; that somebody else has taken it */
    uint8_t question[ID_BYTES]; /* the last one */
};

static struct {
    struct bus *bus, *beside;
    struct loop *loop;
    struct person people[PEOPLE];
    char dir[64];
} world;

static char err[600];

#define WAIT_FOR(condition)                                                                        \
    WAIT_UNTIL(condition, 60, loop_turn(world.loop, 20), "duty %u %u, desk %u %u",                 \
               world.people[DUTY].asked, world.people[DUTY].told, world.people[DESK].asked,        \
               world.people[DESK].told)

/* Whoever has the duty is asked at once, the desk half a second later, and nobody after it. */
static const char ladder[] =
    "DELETE FROM bus.escalation_rule WHERE type = 101;"
    "INSERT INTO bus.escalation_rule"
    " (type, level, step, after, answer_within, role, at_place) VALUES"
    " (101, 'ALARM', 1, '0', '1 hour', 'duty', 'district'),"
    " (101, 'ALARM', 2, '500 ms', '1 hour', 'dispatcher', 'region');"
    "INSERT INTO bus.duty_roster SELECT n, '-infinity', 'infinity', 0, r, p"
    " FROM (VALUES (-1, 'duty', '3505203'), (-2, 'dispatcher', '3505000')) AS v(n, r, p);"
    "INSERT INTO bus.duty_shift SELECT n, '-infinity', 'infinity', 1, 1, w, '', '{}'"
    " FROM (VALUES (-1, 'coes.ayni.duty'), (-2, 'coes.khujand.desk')) AS v(n, w)";

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct person *p = arg;

    (void)d;
    if (!m || m->body_case != EOCBUS__V1__ENVELOPE__BODY_ESCALATION_EVENT)
        return true;
    assert_string_equal(m->sender, "bus");
    assert_int_equal(m->n_to, 1);
    assert_string_equal(m->to[0], p->role);
    if (m->escalation_event->outcome ==
        EOCBUS__V1__ESCALATION_OUTCOME__ESCALATION_OUTCOME_STARTED) {
        assert_string_equal(m->escalation_event->target_role, p->role);
        memcpy(p->question, m->message_id.data, ID_BYTES);
        p->asked++;
    } else {
        p->told++;
    }
    return true;
}

static void open_person(unsigned i, struct bus *at)
{
    static const char *const patterns[] = {"**"};
    struct person *p = &world.people[i];
    const struct crew crew = {.bus = at, .loop = world.loop, .dir = world.dir};
    const struct agent_subscription sub = {
        .patterns = patterns, .pattern_count = 1, .to_me = true, .arg = p, .message = on_message};

    p->role = roles[i];
    p->agent = crew_start(&crew, names[i], NULL, ".outbox");
    if (agent_subscribe(p->agent, &sub, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static int set_up(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    log_set_level(LOG_ERROR);
    snprintf(world.dir, sizeof(world.dir), "/tmp/escalation.XXXXXX");
    if (!mkdtemp(world.dir))
        return -1;
    world.bus = bus_create();
    pgserver_exec(bus_server(world.bus), ladder);
    bus_start_broker(world.bus, NULL);
    world.beside = bus_beside(world.bus);
    bus_start_broker(world.beside, NULL);
    assert_int_equal(loop_create(&world.loop), ST_OK);
    open_person(GATEWAY, world.bus);
    open_person(DUTY, world.beside);
    open_person(DESK, world.bus);
    return 0;
}

static int tear_down(void **state)
{
    char command[100];

    (void)state;
    for (unsigned i = 0; i < PEOPLE; i++)
        agent_destroy(world.people[i].agent);
    loop_destroy(world.loop);
    bus_destroy(world.beside);
    bus_destroy(world.bus);
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command);
}

static void put(unsigned from, Eocbus__V1__Envelope *m)
{
    struct refusal why;
    uint64_t tag;

    m->status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m->event_time_us = loop_utc_us(world.loop);
    if (agent_put(world.people[from].agent, m, &tag, &why) != ST_OK)
        fail_msg("%s %s", why.path, why.text);
}

/* Of its own torrent each, so that none repeats another one. */
static void put_alarm(unsigned torrent)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__SensorDetection d = EOCBUS__V1__SENSOR_DETECTION__INIT;
    Eocbus__V1__Area area = EOCBUS__V1__AREA__INIT;
    char *pcode = (char[]){"3505203"};

    d.profile = (char[]){"wire.any"};
    d.profile_version = 1;
    d.level = EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_ALARM;
    d.hazard = EOCBUS__V1__HAZARD__HAZARD_MUDFLOW;
    d.torrent_id = torrent;
    area.pcodes = &pcode;
    area.n_pcodes = 1;
    m.area = &area;
    m.lane = EOCBUS__V1__LANE__LANE_FLASH;
    m.kind = EOCBUS__V1__KIND__KIND_SENSOR_DETECTION;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION;
    m.sensor_detection = &d;
    put(GATEWAY, &m);
}

static void accept_last(unsigned from)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__Receipt r = EOCBUS__V1__RECEIPT__INIT;

    r.message_id = (ProtobufCBinaryData){ID_BYTES, world.people[from].question};
    r.level = EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED;
    r.by = (char *)(uintptr_t)names[from];
    r.time_us = loop_utc_us(world.loop);
    m.lane = EOCBUS__V1__LANE__LANE_IMMEDIATE;
    m.kind = EOCBUS__V1__KIND__KIND_ACK;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_RECEIPT;
    m.receipt = &r;
    put(from, &m);
}

static int64_t ask(const char *sql)
{
    return pgserver_number(bus_server(world.bus), sql);
}

static void an_alarm_that_nobody_answers_goes_on_to_the_next_until_one_takes_it(void **state)
{
    (void)state;
    put_alarm(1);
    WAIT_FOR(world.people[DUTY].asked >= 1);
    WAIT_FOR(world.people[DESK].asked >= 1);
    assert_int_equal(ask("SELECT count(*) FROM eoc.alert_open WHERE state = 'ESCALATED'"), 1);
    accept_last(DESK);
    WAIT_FOR(world.people[DUTY].told >= 1); /* said after the answer was judged */
    assert_int_equal(ask("SELECT count(*) FROM bus.alert WHERE state = 'ACKNOWLEDGED'"), 1);
    assert_int_equal(ask("SELECT count(*) FROM bus.timer"), 0);
    assert_int_equal(ask("SELECT count(*) FROM eoc.alert_open"), 0);
    assert_int_equal(ask("SELECT count(*) FROM bus.message WHERE type = 182"), 3);
    assert_int_equal(world.people[DESK].told, 0);
}

static void two_brokers_ask_each_of_them_once(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= ALARMS; i++)
        put_alarm(i);
    WAIT_FOR(world.people[DUTY].asked >= ALARMS && world.people[DESK].asked >= ALARMS);
    assert_int_equal(ask("SELECT count(*) FROM bus.message WHERE type = 182"), 2 * ALARMS);
    assert_int_equal(ask("SELECT count(DISTINCT (doc->'escalation_event'->>'alert_id',"
                         " doc->'escalation_event'->>'step'))"
                         " FROM bus.document WHERE type = 182"),
                     2 * ALARMS);
}

static void brokers_that_die_take_no_timer_with_them(void **state)
{
    (void)state;
    pgserver_exec(bus_server(world.bus),
                  "UPDATE bus.escalation_rule SET after = '1 hour' WHERE type = 101 AND step = 2");
    put_alarm(1);
    WAIT_FOR(world.people[DUTY].asked >= 1);
    bus_kill_broker(world.bus);
    bus_kill_broker(world.beside);
    /* The hour is over while nobody is there. */
    pgserver_exec(bus_server(world.bus), "UPDATE bus.timer SET due_at = now()");
    bus_start_broker(world.beside, NULL);
    bus_start_broker(world.bus, NULL);
    WAIT_FOR(world.people[DESK].asked >= 1);
    assert_int_equal(ask("SELECT count(*) FROM bus.message WHERE type = 182"), 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(an_alarm_that_nobody_answers_goes_on_to_the_next_until_one_takes_it),
        T(two_brokers_ask_each_of_them_once),
        T(brokers_that_die_take_no_timer_with_them),
    };

    return cmocka_run_group_tests_name("escalation", tests, NULL, NULL);
}
