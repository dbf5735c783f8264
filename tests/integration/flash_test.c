/* Warn first, over real sockets with a real PostgreSQL: an alarm is heard while the database is
 * away, stored when it is back, heard again with its number by those who ask for that, and acted on
 * once; what the database refuses in the end is withdrawn; and bulk does not hold an alarm up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agents/link/agent.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "tests/lib/bus.h"
#include "tests/lib/client.h"
#include "tests/lib/patience.h"

enum { BULK_SENDERS = 8, BULK_EACH = 20000, ALARMS = 200 };

struct ear { /* one listener's application */
    unsigned provisional, numbered, withdrawn;
    uint64_t seq;
    char withdrawn_code[32], withdrawn_of[65];
};

static struct {
    struct bus *bus;
    struct loop *loop;
    struct zctx *z;
    struct keys sender_keys, keys[2], bulk_keys[BULK_SENDERS];
    struct agent *sender, *agents[2];
    struct ear siren, archive;
    struct client bulk[BULK_SENDERS];
    unsigned bulk_count;
    unsigned settled, stored, refused;
    char dir[64];
} world;

static char err[512];
static uint64_t put_us[ALARMS], heard_us[ALARMS], stored_us[ALARMS];

#define WAIT_FOR(condition)                                                                        \
    WAIT_UNTIL(condition, 60, loop_turn(world.loop, 20), "settled %u, siren %u+%u, archive %u+%u", \
               world.settled, world.siren.provisional, world.siren.numbered,                       \
               world.archive.provisional, world.archive.numbered)

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    (void)arg;
    (void)tag;
    world.settled++;
    world.stored += oc->stored;
    world.refused += !oc->stored;
}

static void note_time(const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    uint64_t n = strtoull(m->general_message->text, NULL, 10);
    uint64_t *at = d->stamp->provisional ? heard_us : stored_us;

    if (n < ALARMS && !at[n])
        at[n] = loop_exact_us(world.loop);
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct ear *ear = arg;

    assert_non_null(m);
    if (m->lane != EOCBUS__V1__LANE__LANE_FLASH)
        return true;
    assert_int_equal(!d->stamp->seq, d->stamp->provisional);
    ear->provisional += d->stamp->provisional;
    ear->numbered += !d->stamp->provisional;
    ear->seq = d->stamp->seq;
    if (ear == &world.archive)
        note_time(d, m);
    return true;
}

static void on_withdrawn(void *arg, const Eocbus__V1__Withdrawn *w)
{
    struct ear *ear = arg;

    ear->withdrawn++;
    snprintf(ear->withdrawn_code, sizeof(ear->withdrawn_code), "%s", w->code);
    snprintf(ear->withdrawn_of, sizeof(ear->withdrawn_of), "%s", w->sender);
}

static struct agent *start_agent(const char *name, const struct keys *keys, bool speaks)
{
    const struct agent_events events = {.settled = on_settled};
    static char *endpoints[1];
    char key_file[128], outbox[128];
    struct agent_settings set = {.name = (char *)name,
                                 .key_file = key_file,
                                 .broker_key = (char *)bus_broker_key(world.bus),
                                 .outbox_path = speaks ? outbox : NULL,
                                 .link_profile = (char *)"fiber"};
    struct agent *a = NULL;

    snprintf(key_file, sizeof(key_file), "%s/%s.key", world.dir, name);
    snprintf(outbox, sizeof(outbox), "%s/%s.out", world.dir, name);
    if (access(key_file, F_OK) != 0)
        assert_int_equal(keys_save(keys, key_file, name, err, sizeof(err)), ST_OK);
    endpoints[0] = (char *)bus_endpoint(world.bus);
    set.endpoints.items = endpoints;
    set.endpoints.count = 1;
    if (agent_create(&a, world.loop, &set, "flash_test 0", &events, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return a;
}

static void listen_with(struct agent *a, struct ear *ear, bool numbered_copies)
{
    static const char *const patterns[] = {"*.office.general_message.**"};
    char inbox[128];
    const struct agent_subscription sub = {.patterns = patterns,
                                           .pattern_count = 1,
                                           .inbox_path = inbox,
                                           .numbered_copies = numbered_copies,
                                           .arg = ear,
                                           .message = on_message,
                                           .withdrawn = on_withdrawn};

    snprintf(inbox, sizeof(inbox), "%s/inbox%d", world.dir, numbered_copies);
    if (agent_subscribe(a, &sub, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

/* --- the world -------------------------------------------------------------------------------- */

static int begin(void **state)
{
    /* More alarms than anybody may sound: speed is measured, not the quota. */
    static const char *const settings[] = {"ingress.flash_per_minute=60000", NULL};
    static const char *const names[] = {"coes.ayni.siren", "coes.ayni.archive"};
    char name[32];

    (void)state;
    memset(&world, 0, sizeof(world));
    memset(heard_us, 0, sizeof(heard_us));
    memset(stored_us, 0, sizeof(stored_us));
    snprintf(world.dir, sizeof(world.dir), "/tmp/eocbus-flash-XXXXXX");
    if (!mkdtemp(world.dir) || loop_create(&world.loop) != ST_OK ||
        zctx_create(&world.z, world.loop) != ST_OK)
        return -1;
    world.bus = bus_create();
    bus_enrol(world.bus, "coes.ayni.office", &world.sender_keys);
    for (unsigned i = 0; i < 2; i++)
        bus_enrol(world.bus, names[i], &world.keys[i]);
    for (unsigned i = 0; i < BULK_SENDERS; i++) {
        snprintf(name, sizeof(name), "office.n%02u", i);
        bus_enrol(world.bus, name, &world.bulk_keys[i]);
    }
    if (*state && !bus_use_build(world.bus, *state)) {
        print_error("no broker without sanitizers in %s: make programs first\n",
                    (const char *)*state);
        return -1;
    }
    bus_start_broker(world.bus, settings);
    world.sender = start_agent("coes.ayni.office", &world.sender_keys, true);
    for (unsigned i = 0; i < 2; i++)
        world.agents[i] = start_agent(names[i], &world.keys[i], i == 1);
    listen_with(world.agents[0], &world.siren, false);
    listen_with(world.agents[1], &world.archive, true);
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    agent_destroy(world.sender);
    for (unsigned i = 0; i < 2; i++)
        agent_destroy(world.agents[i]);
    while (world.bulk_count)
        client_destroy(&world.bulk[--world.bulk_count]);
    zctx_destroy(world.z);
    loop_destroy(world.loop);
    bus_destroy(world.bus);
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command);
}

static void put_alarm_under(struct agent *sender, unsigned n, const uint8_t *id)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__GeneralMessage alarm = EOCBUS__V1__GENERAL_MESSAGE__INIT;
    struct refusal why = {0};
    char text[64];

    snprintf(text, sizeof(text), "%u: mudflow above Veshist", n);
    alarm.from_role = (char *)"duty officer";
    alarm.subject = (char *)"mudflow";
    alarm.text = text;
    m.lane = EOCBUS__V1__LANE__LANE_FLASH;
    m.status = EOCBUS__V1__STATUS__STATUS_TEST;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = loop_utc_us(world.loop);
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
    m.general_message = &alarm;
    if (n < ALARMS)
        put_us[n] = loop_exact_us(world.loop);
    if (id) {
        m.message_id.data = (uint8_t *)id; /* only read */
        m.message_id.len = ID_BYTES;
    }
    if (agent_put(sender, &m, NULL, &why) != ST_OK)
        fail_msg("%s %s", why.path, why.text);
    assert_int_equal(agent_flush(sender), ST_OK);
}

static void put_alarm(unsigned n)
{
    put_alarm_under(world.sender, n, NULL);
}

/* Sessions and subscriptions stand: one alarm has gone all the way. */
static void warm_up(void)
{
    put_alarm(ALARMS);
    WAIT_FOR(world.settled == 1 && world.archive.numbered == 1);
    WAIT_FOR(world.siren.provisional + world.siren.numbered == 1);
    world.siren = world.archive = (struct ear){0};
    world.settled = world.stored = 0;
}

/* Said at once, to those who were there: what is said again to who came back is counted apart. */
static unsigned long long warned_at_once(void)
{
    unsigned long long all = bus_status(world.bus, "provisional");

    return all - bus_status(world.bus, "provisional_late");
}

/* --- the database is away --------------------------------------------------------------------- */

static void heard_without_the_database_and_stored_when_it_is_back(void **state)
{
    unsigned long long busy, warned;
    uint64_t put_at_us;

    (void)state;
    WAIT_FOR(bus_status(world.bus, "listeners") == 2);
    warm_up();
    pgserver_stop(bus_server(world.bus));
    WAIT_FOR(bus_status(world.bus, "store_here") == 0);
    busy = bus_status(world.bus, "busy");
    warned = warned_at_once();
    put_at_us = loop_exact_us(world.loop);
    put_alarm(0);
    WAIT_FOR(world.siren.provisional == 1 && world.archive.provisional == 1);
    print_message("measured: database stopped: alarm heard %.1f ms after it was put\n",
                  (double)(loop_exact_us(world.loop) - put_at_us) / 1e3);
    put_alarm(1); /* behind one that was not taken */
    WAIT_FOR(world.siren.provisional == 2 && world.archive.provisional == 2);
    WAIT_FOR(bus_status(world.bus, "busy") >= busy + 4); /* offered again, and again */
    assert_true(warned_at_once() <= warned + 4);
    assert_int_equal(world.settled, 0); /* the outbox keeps them */
    pgserver_start_again(bus_server(world.bus));
    WAIT_FOR(world.stored == 2 && world.archive.numbered == 2);
    assert_int_equal(
        pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.message WHERE lane = 1"),
        3);
    assert_int_equal(world.archive.seq, 3);
    assert_int_equal(world.siren.provisional, 2); /* it sounded once for each */
    assert_int_equal(world.siren.numbered, 0);
    assert_int_equal(world.siren.withdrawn + world.archive.withdrawn, 0);
    assert_true(warned_at_once() <= warned + 4); /* nobody was warned twice */
}

static void twenty_alarms_without_the_database_are_all_heard_soon(void **state)
{
    uint64_t slowest_us = 0;
    unsigned late = 0;

    (void)state;
    warm_up();
    pgserver_stop(bus_server(world.bus));
    WAIT_FOR(bus_status(world.bus, "store_here") == 0);
    for (unsigned n = 0; n < 20; n++) { /* more than may be unacknowledged */
        uint64_t put_at_us = loop_exact_us(world.loop), took_us;

        put_alarm(n);
        WAIT_FOR(world.siren.provisional == n + 1);
        took_us = loop_exact_us(world.loop) - put_at_us;
        slowest_us = took_us > slowest_us ? took_us : slowest_us;
        late += took_us >= PATIENCE * UINT64_C(3000000);
    }
    print_message("measured: database stopped: slowest of 20 alarms heard after %.1f ms\n",
                  (double)slowest_us / 1e3);
    /* At most until its outbox asks again, after a second; a machine that stands still makes one of
     * them late. */
    assert_true(late <= 2);
    pgserver_start_again(bus_server(world.bus));
    WAIT_FOR(world.stored == 20 && world.archive.numbered == 20);
    assert_int_equal(world.siren.provisional + world.siren.numbered, 20);
}

/* It was away when the alarm was said, and the database is when it comes back. What it heard before
 * it does not sound for again. */
static void a_siren_that_comes_later_hears_what_still_stands(void **state)
{
    (void)state;
    warm_up();
    pgserver_stop(bus_server(world.bus));
    WAIT_FOR(bus_status(world.bus, "store_here") == 0);
    put_alarm(0);
    WAIT_FOR(world.siren.provisional == 1 && world.archive.provisional == 1);
    agent_destroy(world.agents[0]);
    world.agents[0] = NULL;
    put_alarm(1);
    WAIT_FOR(world.archive.provisional == 2);
    world.agents[0] = start_agent("coes.ayni.siren", &world.keys[0], false);
    listen_with(world.agents[0], &world.siren, false);
    WAIT_FOR(world.siren.provisional == 2);
    assert_int_equal(bus_status(world.bus, "store_here"), 0);
    assert_true(bus_status(world.bus, "provisional_late") >= 2);
    pgserver_start_again(bus_server(world.bus));
    WAIT_FOR(world.stored == 2 && world.archive.numbered == 2);
    WAIT_FOR(bus_status(world.bus, "listeners") == 2);
    put_alarm(2); /* behind whatever came of the first two */
    WAIT_FOR(world.siren.provisional + world.siren.numbered == 3);
    WAIT_FOR(world.archive.numbered == 3);
    assert_true(world.archive.provisional <= 3); /* each once at most; the last with its number */
}

/* --- the database says no --------------------------------------------------------------------- */

static void what_the_database_refuses_is_withdrawn(void **state)
{
    (void)state;
    warm_up();
    pgserver_exec(bus_server(world.bus), "ALTER TABLE bus.message ADD CONSTRAINT no_more CHECK "
                                         "(lane <> 1) NOT VALID");
    put_alarm(0);
    WAIT_FOR(world.refused == 1 && world.siren.withdrawn == 1 && world.archive.withdrawn == 1);
    assert_int_equal(world.siren.provisional, 1);
    assert_string_equal(world.siren.withdrawn_code, "database");
    assert_int_equal(bus_status(world.bus, "withdrawn"), 2);
    WAIT_FOR(bus_log_lines(world.bus, "ingress.withdrawn") == 1);
}

/* Somebody else says an alarm under the id of the office's, first; and it is refused in the end. */
static void anothers_alarm_of_the_same_id_silences_none(void **state)
{
    static const uint8_t id[ID_BYTES] = {1, 2, 3, 4, 5, 6, 0x70, 7, 0x80};
    struct pgserver *pg = bus_server(world.bus);
    char sql[160];

    (void)state;
    warm_up();
    snprintf(sql, sizeof(sql),
             "ALTER TABLE bus.message ADD CONSTRAINT no_rival CHECK (lane <> 1 OR sender_id <> "
             "%lld) NOT VALID",
             (long long)pgserver_number(
                 pg, "SELECT principal_id FROM bus.principal WHERE name = 'coes.ayni.archive'"));
    pgserver_exec(pg, sql);
    pgserver_stop(pg);
    WAIT_FOR(bus_status(world.bus, "store_here") == 0);
    put_alarm_under(world.agents[1], 0, id);
    WAIT_FOR(world.siren.provisional == 1);
    put_alarm_under(world.sender, 1, id);
    WAIT_FOR(world.siren.provisional == 2 && world.archive.provisional == 2);
    pgserver_start_again(pg);
    WAIT_FOR(world.stored == 1 && world.refused == 1 && world.archive.numbered == 1);
    WAIT_FOR(world.siren.withdrawn == 1 && world.archive.withdrawn == 1);
    assert_string_equal(world.siren.withdrawn_of, "coes.ayni.archive");
    put_alarm(2); /* behind whatever came of the first two */
    WAIT_FOR(world.siren.provisional == 3);
    assert_int_equal(world.siren.withdrawn, 1);
    assert_int_equal(world.siren.numbered, 0); /* the office's is still known */
}

/* --- under load ------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static double percentile_ms(const uint64_t *at, unsigned percent)
{
    uint64_t took[ALARMS];

    for (unsigned n = 0; n < ALARMS; n++)
        took[n] = (at[n] ? at[n] : stored_us[n]) - put_us[n];
    qsort(took, ALARMS, sizeof(took[0]), compare);
    return (double)took[(ALARMS - 1) * percent / 100] / 1e3;
}

static uint64_t bulk_settled(void)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < BULK_SENDERS; i++)
        n += world.bulk[i].settled;
    return n;
}

static bool bulk_goes_on(void)
{
    for (unsigned i = 0; i < BULK_SENDERS; i++)
        if (client_is_settled(&world.bulk[i]))
            return false;
    return true;
}

/* False: there was not bulk all the time. */
static bool send_alarms_under_bulk(void)
{
    uint64_t before = bulk_settled(), began_us = loop_exact_us(world.loop);

    for (unsigned n = 0; n < ALARMS; n++) {
        uint64_t next_us = loop_exact_us(world.loop) + 8000;

        put_alarm(n);
        while (loop_exact_us(world.loop) < next_us)
            loop_turn(world.loop, 2);
    }
    print_message("measured: bulk stored meanwhile: %.0f messages/s\n",
                  (double)(bulk_settled() - before) * 1e6 /
                      (double)(loop_exact_us(world.loop) - began_us));
    return bulk_goes_on();
}

/* All are heard, and nearly all within a second, before they have a number or, by who has no room
 * for so many at once, with it. */
static bool alarms_pass_the_bulk(void)
{
    bool was_there;

    world.siren = world.archive = (struct ear){0};
    memset(heard_us, 0, sizeof(heard_us));
    memset(stored_us, 0, sizeof(stored_us));
    was_there = send_alarms_under_bulk();
    WAIT_FOR(world.archive.numbered == ALARMS &&
             world.siren.provisional + world.siren.numbered == ALARMS);
    print_message(
        "measured: %d alarms under bulk: provisional p50 %.1f ms p99 %.1f ms, with number "
        "p50 %.1f ms p99 %.1f ms; %u as provisional\n",
        ALARMS, percentile_ms(heard_us, 50), percentile_ms(heard_us, 99),
        percentile_ms(stored_us, 50), percentile_ms(stored_us, 99), world.archive.provisional);
    return was_there && world.archive.provisional > ALARMS / 2 &&
           percentile_ms(heard_us, 99) < 1000;
}

/* A machine that stands still for a moment spoils one round of alarms, not each. */
static void bulk_that_saturates_the_store_does_not_hold_an_alarm_up(void **state)
{
    bool pass = false;
    char name[32];

    (void)state;
    warm_up();
    for (unsigned i = 0; i < BULK_SENDERS; i++) {
        snprintf(name, sizeof(name), "office.n%02u", i);
        client_create(&world.bulk[i], world.loop, world.z, name, &world.bulk_keys[i],
                      bus_endpoint(world.bus), bus_broker_key(world.bus));
        world.bulk_count++;
        client_publish(&world.bulk[i], BULK_EACH);
    }
    WAIT_FOR(bulk_settled() > 500);
    for (unsigned tries = 0; tries < 3 && !pass && bulk_goes_on(); tries++)
        pass = alarms_pass_the_bulk();
    assert_swift(pass);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

static void keep_quiet(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

int main(void)
{
    const char *build = getenv("BUILD");
    struct CMUnitTest tests[] = {
        T(heard_without_the_database_and_stored_when_it_is_back),
        T(twenty_alarms_without_the_database_are_all_heard_soon),
        T(a_siren_that_comes_later_hears_what_still_stands),
        T(what_the_database_refuses_is_withdrawn),
        T(anothers_alarm_of_the_same_id_silences_none),
        T(bulk_that_saturates_the_store_does_not_hold_an_alarm_up),
    };

    tests[5].initial_state = (void *)(build ? build : "build");
    log_set_sink(keep_quiet, NULL);
    return cmocka_run_group_tests_name("flash", tests, NULL, NULL);
}
