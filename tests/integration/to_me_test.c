/* Through a real broker: who listens for what is to it hears that and nothing else, live and from
 * the log, and a sender hears what became of what it sent, also when the broker died in between. */
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

#include "proto/base/banned.h"
#include "tests/lib/patience.h"

enum { SENDER, AYNI, PENJIKENT, PEOPLE };
static const char *const names[PEOPLE] = {"coes.ayni", "rcst.ayni", "rcst.penjikent"};

struct person {
    struct agent *agent;
    unsigned heard, receipts;
    char levels[200]; /* of receipts: "UNDELIVERABLE:moes " */
    uint8_t last_id[ID_BYTES];
};

static struct {
    struct bus *bus;
    struct loop *loop;
    struct person people[PEOPLE];
    char dir[64];
} world;

static char err[600];

#define WAIT_FOR(condition)                                                                        \
    WAIT_UNTIL(condition, 60, loop_turn(world.loop, 20), "%u %u %u, \"%s\"",                       \
               world.people[0].heard, world.people[1].heard, world.people[2].heard,                \
               world.people[0].levels)

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct person *p = arg;
    size_t used = strlen(p->levels);

    (void)d;
    assert_non_null(m);
    if (m->body_case != EOCBUS__V1__ENVELOPE__BODY_RECEIPT) {
        p->heard++;
        memcpy(p->last_id, m->message_id.data, ID_BYTES);
        return true;
    }
    p->receipts++;
    snprintf(p->levels + used, sizeof(p->levels) - used, "%d:%s:%s ", (int)m->receipt->level,
             m->receipt->recipient, m->sender);
    return true;
}

static void open_person(unsigned i)
{
    static const char *const patterns[] = {"**"};
    struct person *p = &world.people[i];
    struct agent_settings set = {0};
    struct keys keys;
    char outbox[128], key_file[128], *endpoint = (char *)(uintptr_t)bus_endpoint(world.bus);
    const struct agent_subscription sub = {
        .patterns = patterns, .pattern_count = 1, .to_me = true, .arg = p, .message = on_message};

    bus_enrol(world.bus, names[i], &keys);
    snprintf(outbox, sizeof(outbox), "%s/%s.outbox", world.dir, names[i]);
    snprintf(key_file, sizeof(key_file), "%s/%s.key", world.dir, names[i]);
    assert_int_equal(keys_save(&keys, key_file, names[i], err, sizeof(err)), ST_OK);
    set.name = (char *)(uintptr_t)names[i];
    set.key_file = key_file;
    set.endpoints.items = &endpoint;
    set.endpoints.count = 1;
    set.broker_key = (char *)(uintptr_t)bus_broker_key(world.bus);
    set.outbox_path = outbox;
    set.outbox_budget = 16 * 1024 * 1024;
    set.link_profile = (char[]){"fiber"};
    set.log_level = (char[]){"error"};
    if (agent_create(&p->agent, world.loop, &set, "test 1", NULL, err, sizeof(err)) != ST_OK ||
        agent_subscribe(p->agent, &sub, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static void put_note(unsigned from, const char *to)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__GeneralMessage note = EOCBUS__V1__GENERAL_MESSAGE__INIT;
    struct refusal why;
    uint64_t tag;

    note.from_role = note.subject = note.text = (char[]){"bridge"};
    m.lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = loop_utc_us(world.loop);
    m.to = (char **)(uintptr_t)&to;
    m.n_to = to ? 1 : 0;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
    m.general_message = &note;
    if (agent_put(world.people[from].agent, &m, &tag, &why) != ST_OK)
        fail_msg("%s %s", why.path, why.text);
}

static void put_receipt(unsigned from, const uint8_t id[ID_BYTES], int level)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__Receipt r = EOCBUS__V1__RECEIPT__INIT;
    struct refusal why;
    uint64_t tag;

    r.message_id = (ProtobufCBinaryData){ID_BYTES, (uint8_t *)(uintptr_t)id};
    r.level = (Eocbus__V1__ReceiptLevel)level;
    r.by = (char *)(uintptr_t)names[from];
    r.time_us = loop_utc_us(world.loop);
    m.lane = EOCBUS__V1__LANE__LANE_PRIORITY;
    m.status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    m.kind = EOCBUS__V1__KIND__KIND_ACK;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = loop_utc_us(world.loop);
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_RECEIPT;
    m.receipt = &r;
    if (agent_put(world.people[from].agent, &m, &tag, &why) != ST_OK)
        fail_msg("%s %s", why.path, why.text);
}

static int set_up(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    log_set_level(LOG_ERROR);
    snprintf(world.dir, sizeof(world.dir), "/tmp/to_me.XXXXXX");
    if (!mkdtemp(world.dir))
        return -1;
    world.bus = bus_create();
    bus_start_broker(world.bus, NULL);
    assert_int_equal(loop_create(&world.loop), ST_OK);
    for (unsigned i = 0; i < PEOPLE; i++)
        open_person(i);
    return 0;
}

static int tear_down(void **state)
{
    char command[100];

    (void)state;
    for (unsigned i = 0; i < PEOPLE; i++)
        agent_destroy(world.people[i].agent);
    loop_destroy(world.loop);
    bus_destroy(world.bus);
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command);
}

static void everybody_hears_what_is_to_him(void **state)
{
    struct person *sender = &world.people[SENDER], *ayni = &world.people[AYNI],
                  *penjikent = &world.people[PENJIKENT];

    (void)state;
    put_note(SENDER, NULL); /* for whoever subscribes: not to anybody */
    put_note(SENDER, "moes");
    put_note(SENDER, "rcst");
    put_note(AYNI, "rcst.penjikent");
    put_note(SENDER, "rcst.ayni");
    WAIT_FOR(ayni->heard == 2 && penjikent->heard == 2 && sender->receipts == 1);
    assert_string_equal(sender->levels, "7:moes:bus ");
    /* The answer of a person goes the same way, without naming whom it is for. */
    put_receipt(AYNI, ayni->last_id, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED);
    WAIT_FOR(sender->receipts == 2);
    assert_string_equal(sender->levels, "7:moes:bus 4::rcst.ayni ");
    assert_int_equal(sender->heard, 0);
    assert_int_equal(ayni->heard, 2);
    assert_int_equal(pgserver_number(bus_server(world.bus),
                                     "SELECT count(*) FROM eoc.recipient WHERE level = 'ACCEPTED'"
                                     " AND by = 'rcst.ayni' AND recipient = 'rcst.ayni'"),
                     1);
}

static void a_killed_broker_takes_no_receipt_with_it(void **state)
{
    struct person *sender = &world.people[SENDER];
    enum { NOTES = 40 };

    (void)state;
    for (unsigned i = 0; i < NOTES; i++)
        put_note(SENDER, i % 2 ? "moes" : "rcst.ayni");
    WAIT_FOR(sender->receipts > 2);
    bus_kill_broker(world.bus);
    bus_start_broker(world.bus, NULL);
    WAIT_FOR(sender->receipts >= NOTES / 2 && world.people[AYNI].heard >= NOTES / 2);
    put_note(SENDER, "rcst.penjikent");
    WAIT_FOR(world.people[PENJIKENT].heard == 1);
    assert_int_equal(pgserver_number(bus_server(world.bus),
                                     "SELECT count(*) FROM eoc.receipt WHERE sender = 'bus'"),
                     NOTES / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everybody_hears_what_is_to_him, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_killed_broker_takes_no_receipt_with_it, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("to_me", tests, NULL, NULL);
}
