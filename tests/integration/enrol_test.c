/* The life of a key on a real broker with officers pinned: asked for, signed by two, let in,
 * changed under load, and everything that opens no door. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agents/link/agent.h"
#include "proto/base/file.h"
#include "proto/base/log.h"
#include "tests/lib/bus.h"
#include "tests/lib/client.h"
#include "tests/lib/officers.h"
#include "tests/lib/patience.h"
#include "tests/lib/port.h"
#include "tests/lib/run.h"

/* AHEAD: so far an office writes before what it wrote is stored, however long that takes; all of it
 * together stays below LOAD_MOST. */
enum { KEYS = 1000, AT_ONCE = 50, LOAD_MOST = 60000, AHEAD = 4000 };

static struct world {
    struct bus *bus;
    struct loop *loop;
    struct zctx *z;
    struct test_officers desk;
    char dir[64], pins[128], conf[128], setting[160];
    struct ran ran;
} world;

/* --- helpers ---------------------------------------------------------------------------------- */

static const char *file_of(const char *name)
{
    static char path[16][200];
    static unsigned next;
    char *p = path[next++ % 16];

    snprintf(p, sizeof(path[0]), "%s/%s", world.dir, name);
    return p;
}

static void save_key(const struct keys *k, const char *path)
{
    char err[600];

    unlink(path);
    if (keys_save(k, path, "a test", err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static void submit(const struct record *r, int first, int second)
{
    struct buf b = enrolment_of(&world.desk, r, first, second);
    char *sql = enrolment_sql(r, &b);

    pgserver_exec(bus_server(world.bus), sql);
    free(sql);
    buf_free(&b);
}

static void enrol(const char *name, struct keys *k)
{
    struct record r;

    assert_int_equal(keys_generate(k), ST_OK);
    r = record_of(name, k);
    submit(&r, 0, 1);
}

struct status_wanted {
    const char *key;
    unsigned long long value;
};

static bool status_is(void *arg)
{
    const struct status_wanted *w = arg;

    return bus_status(world.bus, w->key) == w->value;
}

static void wait_status(const char *key, unsigned long long value)
{
    struct status_wanted w = {key, value};

    client_wait(world.loop, status_is, &w, key);
}

static bool is_welcome(void *arg)
{
    return ((struct client *)arg)->is_welcome;
}

static bool is_refused(void *arg)
{
    return ((struct client *)arg)->was_refused;
}

/* Stands a session with this key? The broker knows what is enrolled by now. */
static void expect_door(const struct keys *k, const char *name, const char *server, bool opens)
{
    struct client c;

    client_create(&c, world.loop, world.z, name, k, bus_endpoint(world.bus),
                  server ? server : bus_broker_key(world.bus));
    client_wait(world.loop, opens ? is_welcome : is_refused, &c, name);
    assert_int_equal(c.welcomes, opens);
    client_destroy(&c);
}

static int begin(void **state)
{
    const char *settings[] = {world.setting, NULL};
    char conf[200];

    (void)state;
    snprintf(world.dir, sizeof(world.dir), "/tmp/eocbus-enrol-XXXXXX");
    if (!mkdtemp(world.dir) || loop_create(&world.loop) != ST_OK ||
        zctx_create(&world.z, world.loop) != ST_OK)
        return -1;
    officers_open(&world.desk);
    snprintf(world.pins, sizeof(world.pins), "%s/officers", world.dir);
    snprintf(world.setting, sizeof(world.setting), "trust.officers=%s", world.pins);
    officers_write(&world.desk, world.pins);
    world.bus = bus_create();
    snprintf(conf, sizeof(conf), "%s/broker.conf", bus_dir(world.bus));
    write_text_file(conf, "log.level = info\n"); /* so that a reload has where to read from */
    bus_start_broker(world.bus, settings);
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    zctx_destroy(world.z);
    loop_destroy(world.loop);
    bus_destroy(world.bus);
    officers_close(&world.desk);
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command);
}

/* --- by hand ---------------------------------------------------------------------------------- */

static void write_conf(void)
{
    char text[1000];

    snprintf(world.conf, sizeof(world.conf), "%s/eocctl.conf", world.dir);
    snprintf(text, sizeof(text),
             "trust.officers = %s\ndatabase = host=%s dbname=eocbus user=bus_admin\n"
             "control.socket = %s/broker.sock\n",
             world.pins, pgserver_socket(bus_server(world.bus)), bus_dir(world.bus));
    write_text_file(world.conf, text);
    for (unsigned i = 0; i < TEST_OFFICERS; i++) {
        char name[32];

        snprintf(name, sizeof(name), "officer%u.key", i);
        save_key(&world.desk.keys[i], file_of(name));
    }
}

#define CTL(...) run_program(&world.ran, "eocctl", "-c", world.conf, __VA_ARGS__, NULL)

/* Nobody between the officers and the database knows the roles: the last step does. */
static void a_mistyped_role_changes_nothing(void)
{
    CTL("enrol", "sign", file_of("request"), "--officer-key", file_of("officer0.key"), "--agency",
        "coes", "--role", "distrct", "--until", "20d", "--out", file_of("typo.1"), "--yes");
    run_expect(&world.ran, 0, "another officer signs it");
    CTL("enrol", "sign", file_of("typo.1"), "--officer-key", file_of("officer1.key"), "--out",
        file_of("typo.2"), "--yes");
    run_expect(&world.ran, 0, "it can be submitted");
    CTL("enrol", "submit", file_of("typo.2"));
    run_expect(&world.ran, 1, "there is no role \"distrct\"; eocctl rights roles lists them");
}

/* Waiting to be said, or said: who did it, for which officers. */
static void expect_event(const char *what, const char *by)
{
    char sql[600];

    snprintf(sql, sizeof(sql),
             "SELECT string_agg(DISTINCT who, ', ' ORDER BY who) FROM (SELECT what, who FROM "
             "bus.audit_pending "
             "UNION ALL SELECT doc->'audit_event'->>'what', doc->'audit_event'->>'by' FROM "
             "bus.document WHERE type = 243) AS e WHERE what = '%s'",
             what);
    assert_string_equal(pgserver_text(bus_server(world.bus), sql), by);
}

static void two_officers_let_an_office_in(void **state)
{
    static const char name[] = "coes.ayni.office";
    static const char *const typed[] = {"", "\n", "yes\n", "coes.ayni\n"};
    struct keys k;
    char err[600], path[200], key[200];

    (void)state;
    snprintf(key, sizeof(key), "%s/office.key", world.dir);
    pgserver_record_events(bus_server(world.bus));
    write_conf();
    CTL("enrol", "request", name, "--key-file", key, "--out", file_of("request"));
    run_expect(&world.ran, 0, "fingerprint");
    assert_int_equal(keys_load(&k, key, err, sizeof(err)), ST_OK); /* made here, mode 0600 */
    expect_door(&k, name, NULL, false);
    for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
        run_type(typed[i]);
        CTL("enrol", "sign", file_of("request"), "--officer-key", file_of("officer0.key"),
            "--agency", "coes", "--role", "all", "--role", "district", "--place", "3505203",
            "--until", "20d", "--out", file_of("one"));
        run_expect(&world.ran, 1, "Type the name");
    }
    run_type("coes.ayni.office\n");
    CTL("enrol", "sign", file_of("request"), "--officer-key", file_of("officer0.key"), "--agency",
        "coes", "--role", "all", "--role", "district", "--place", "3505203", "--until", "20d",
        "--out", file_of("one"));
    run_expect(&world.ran, 0, "another officer signs it");
    CTL("enrol", "sign", file_of("request"), "--officer-key", file_of("officer0.key"), "--agency",
        "coes", "--role", "all", "--until", "20d", "--out", file_of("one"), "--yes");
    run_expect(&world.ran, 4, "is there already; give another name with --out");
    CTL("enrol", "sign", file_of("one"), "--officer-key", file_of("officer0.key"), "--yes");
    run_expect(&world.ran, 1, "another officer's");
    CTL("enrol", "sign", file_of("one"), "--officer-key", key, "--yes");
    run_expect(&world.ran, 1, "none of the officers");
    CTL("enrol", "submit", file_of("one"));
    run_expect(&world.ran, 1, "1 of the officers");
    CTL("enrol", "sign", file_of("one"), "--officer-key", file_of("officer2.key"), "--yes", "--out",
        file_of("two"));
    run_expect(&world.ran, 0, "3505203");
    CTL("enrol", "show", file_of("two"));
    run_expect(&world.ran, 0, "o.first, o.third of 2 needed");
    CTL("enrol", "submit", file_of("two"));
    run_expect(&world.ran, 0, "is enrolled with record 1");
    CTL("enrol", "submit", file_of("two"));
    run_expect(&world.ran, 0, "there already");
    wait_status("principals", 1);
    expect_door(&k, name, NULL, true);
    a_mistyped_role_changes_nothing();
    snprintf(path, sizeof(path), "\"name\":\"%s\",\"agency\":\"coes\",\"roles\":\"all district\"",
             name);
    CTL("principal", "list", "--json", "--expiring", "30d");
    run_expect(&world.ran, 0, path);
    run_expect(&world.ran, 0, "\"vouched\":\"yes\"");
    CTL("principal", "list", "--expiring", "10d");
    run_expect(&world.ran, 0, "no key ends so soon");
    CTL("principal", "revoke", name);
    run_expect(&world.ran, 2, "--officer-key");
    CTL("principal", "revoke", name, "--reason", "lost", "--officer-key", file_of("officer1.key"));
    run_expect(&world.ran, 0, "is revoked");
    expect_event("key_added", "bus_admin for o.first and o.third");
    expect_event("principal_changed", "bus_admin, bus_admin for o.second"); /* first its record */
    expect_event("key_changed", "bus_admin for o.second");
    wait_status("principals", 0);
    expect_door(&k, name, NULL, false);
    CTL("status");
    run_expect(&world.ran, 3, "`eocctl principal list` shows who is");
    CTL("enrol", "sign", file_of("request"), "--officer-key", file_of("officer0.key"), "--agency",
        "coes", "--role", "all", "--until", "20d", "--out", file_of("again"), "--yes");
    run_expect(&world.ran, 1, "choose another, for example coes.ayni.office2");
    keys_wipe(&k);
}

/* A superuser of PostgreSQL, who may write everything there. */
static void a_database_operator_lets_nobody_in(void **state)
{
    struct keys good, mine;
    uint8_t key[KEY_BYTES];
    char sql[1024], hex[2 * KEY_BYTES + 1];

    (void)state;
    enrol("coes.good", &good);
    wait_status("principals", 1);
    assert_int_equal(keys_generate(&mine), ST_OK);
    assert_int_equal(keys_z85_decode(key, mine.public_z85), ST_OK);
    for (unsigned i = 0; i < KEY_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", key[i]);
    /* A principal of no record. */
    snprintf(sql, sizeof(sql),
             "SELECT bus.principal_add('coes.made.up', 'coes', 'all', '', '\\x%s')", hex);
    pgserver_exec(bus_server(world.bus), sql);
    wait_status("distrusted", 1);
    expect_door(&mine, "coes.made.up", NULL, false);
    /* With somebody else's record; as a second key of somebody else. */
    snprintf(sql, sizeof(sql),
             "UPDATE bus.principal_key k SET serial = 7, enrolment = (SELECT enrolment FROM "
             "bus.principal_key WHERE enrolment IS NOT NULL) WHERE public_key = '\\x%s'",
             hex);
    pgserver_exec(bus_server(world.bus), sql);
    snprintf(sql, sizeof(sql),
             "UPDATE bus.principal_key k SET principal_id = (SELECT principal_id FROM "
             "bus.principal WHERE name = 'coes.good') WHERE public_key = '\\x%s'",
             hex);
    pgserver_exec(bus_server(world.bus), sql);
    pgserver_exec(bus_server(world.bus), "UPDATE bus.principal SET agency = 'other'");
    wait_status("principals", 1);
    wait_status("distrusted", 1);
    expect_door(&mine, "coes.good", NULL, false);
    expect_door(&mine, "coes.made.up", NULL, false);
    expect_door(&good, "coes.good", NULL, true);
}

static void enrol_unsigned(const char *name, struct keys *k)
{
    struct record r;

    assert_int_equal(keys_generate(k), ST_OK);
    r = record_of(name, k);
    r.has_sign_key = false; /* clients of these tests do not sign */
    submit(&r, 0, 1);
}

static void add_key_by_hand(const char *name, struct keys *k)
{
    uint8_t key[KEY_BYTES];
    char sql[200], hex[2 * KEY_BYTES + 1];

    assert_int_equal(keys_generate(k), ST_OK);
    assert_int_equal(keys_z85_decode(key, k->public_z85), ST_OK);
    for (unsigned i = 0; i < KEY_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", key[i]);
    snprintf(sql, sizeof(sql), "SELECT bus.principal_key_add('%s', '\\x%s')", name, hex);
    pgserver_exec(bus_server(world.bus), sql);
}

static struct beside {
    struct client good, mine, teller;
} beside;

static bool both_listen(void *arg)
{
    (void)arg;
    return beside.good.is_subscribed && beside.mine.is_subscribed;
}

static bool all_was_looked_at(void *arg)
{
    const uint64_t *said = arg;

    return beside.good.got == *said && beside.mine.horizon >= beside.good.last_seq;
}

/* An old installation, and a superuser who adds a key to an office that is enrolled. */
static void a_key_written_beside_a_record_has_nothing_of_it(void **state)
{
    const char *settings[] = {world.setting, "access.unsigned_enrolment=yes", NULL};
    struct keys good, mine, teller;
    uint64_t said = 5;

    (void)state;
    assert_int_equal(bus_end_broker(world.bus, NULL), 0);
    bus_start_broker(world.bus, settings);
    enrol_unsigned("coes.good", &good);
    enrol_unsigned("coes.teller", &teller);
    add_key_by_hand("coes.good", &mine);
    wait_status("principals", 3);
    assert_int_equal(bus_status(world.bus, "beside"), 1);
    assert_true(bus_log_lines(world.bus, "access.beside") > 0);
    client_create(&beside.good, world.loop, world.z, "coes.good", &good, bus_endpoint(world.bus),
                  bus_broker_key(world.bus));
    client_create(&beside.mine, world.loop, world.z, "coes.good", &mine, bus_endpoint(world.bus),
                  bus_broker_key(world.bus));
    client_create(&beside.teller, world.loop, world.z, "coes.teller", &teller,
                  bus_endpoint(world.bus), bus_broker_key(world.bus));
    client_listen(&beside.good);
    client_listen(&beside.mine);
    client_wait(world.loop, both_listen, NULL, "two subscriptions");
    client_publish(&beside.teller, said);
    client_wait(world.loop, all_was_looked_at, &said, "what the office hears");
    assert_int_equal(beside.mine.got, 0);
    write_conf();
    CTL("principal", "list");
    run_expect(&world.ran, 0, "unvouched");
    CTL("status");
    run_expect(&world.ran, 3, "access.beside");
    client_destroy(&beside.good);
    client_destroy(&beside.mine);
    client_destroy(&beside.teller);
}

static bool is_shut_again(void *arg)
{
    (void)arg;
    return bus_status(world.bus, "revocations_undone") == 1;
}

/* Her name is in the file when her act is: she signed no record in it. */
static bool is_kept(void *arg)
{
    struct buf file = {0};
    bool holds = file_read(arg, &file, 1 << 20) == ST_OK && file.len > 7 &&
                 memmem(file.data, file.len, "o.third", 7) != NULL;

    buf_free(&file);
    return holds;
}

static const char undo_revocations[] =
    "UPDATE bus.principal SET revoked_at = NULL, revocation = NULL; "
    "UPDATE bus.principal_key SET revoked_at = NULL, revocation = NULL";

/* A superuser takes the officer's revocation out again: while the broker runs, and while it does
 * not. */
static void a_database_operator_undoes_no_revocation(void **state)
{
    char cache[200];
    const char *settings[] = {world.setting, cache, NULL};
    struct keys k;

    (void)state;
    snprintf(cache, sizeof(cache), "access.cache_file=%s/rights", world.dir);
    assert_int_equal(bus_end_broker(world.bus, NULL), 0);
    bus_start_broker(world.bus, settings);
    write_conf();
    enrol("coes.lost", &k);
    wait_status("principals", 1);
    CTL("principal", "revoke", "coes.lost", "--reason", "lost", "--officer-key",
        file_of("officer2.key"));
    run_expect(&world.ran, 0, "is revoked");
    wait_status("principals", 0);
    wait_status("revocations_remembered", 1);
    client_wait(world.loop, is_kept, strchr(cache, '=') + 1, "the broker's own file");
    pgserver_exec(bus_server(world.bus), undo_revocations);
    client_wait(world.loop, is_shut_again, NULL, "a revocation that was taken out");
    assert_int_equal(bus_status(world.bus, "principals"), 0);
    assert_true(bus_log_lines(world.bus, "access.revocation.undone") > 0);
    expect_door(&k, "coes.lost", NULL, false);
    CTL("status");
    run_expect(&world.ran, 3, "access.revocation.undone");
    assert_int_equal(bus_end_broker(world.bus, NULL), 0);
    bus_start_broker(world.bus, settings);
    wait_status("revocations_undone", 1);
    expect_door(&k, "coes.lost", NULL, false);
    /* Without an officer's word it holds no longer than it is said. */
    enrol("coes.other", &k);
    wait_status("principals", 1);
    pgserver_exec(bus_server(world.bus), "SELECT bus.principal_revoke('coes.other')");
    wait_status("revocations_unsigned", 1);
    wait_status("principals", 0);
    expect_door(&k, "coes.other", NULL, false);
}

static bool is_from_the_file(void *arg)
{
    (void)arg;
    return bus_log_lines(world.bus, "broker.cache.taken") > 0;
}

/* The broker starts while the database is away: what it kept shuts the key. Somebody writes into
 * the database meanwhile, and when the broker has it again the key stays shut. */
static void a_revocation_holds_without_the_database_and_when_it_is_back(void **state)
{
    char cache[200];
    const char *settings[] = {world.setting, cache, NULL};
    struct keys lost, kept;
    struct client knocks;

    (void)state;
    snprintf(cache, sizeof(cache), "access.cache_file=%s/rights", world.dir);
    assert_int_equal(bus_end_broker(world.bus, NULL), 0);
    bus_start_broker(world.bus, settings);
    write_conf();
    enrol("coes.lost", &lost);
    enrol("coes.kept", &kept);
    wait_status("principals", 2);
    CTL("principal", "revoke", "coes.lost", "--reason", "lost", "--officer-key",
        file_of("officer2.key"));
    run_expect(&world.ran, 0, "is revoked");
    wait_status("principals", 1);
    client_wait(world.loop, is_kept, strchr(cache, '=') + 1, "the broker's own file");
    assert_int_equal(bus_end_broker(world.bus, NULL), 0);
    pgserver_exec(bus_server(world.bus), undo_revocations);
    pgserver_stop(bus_server(world.bus));
    bus_start_broker(world.bus, settings);
    client_create(&knocks, world.loop, world.z, "coes.lost", &lost, bus_endpoint(world.bus),
                  bus_broker_key(world.bus));
    client_wait(world.loop, is_from_the_file, NULL, "the list from the file");
    expect_door(&kept, "coes.kept", NULL, true);
    assert_int_equal(knocks.welcomes, 0);
    pgserver_start_again(bus_server(world.bus));
    wait_status("revocations_undone", 1);
    client_wait(world.loop, is_refused, &knocks, "the refusal of a key that was revoked");
    assert_int_equal(knocks.welcomes, 0);
    client_destroy(&knocks);
    expect_door(&kept, "coes.kept", NULL, true);
}

/* --- many ------------------------------------------------------------------------------------- */

static struct keys many[KEYS];

static void enrol_many(void)
{
    struct buf all = {0};
    char name[32];

    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(name, sizeof(name), "gateway.n%u", i);
        assert_int_equal(keys_generate(&many[i]), ST_OK);
        struct record r = record_of(name, &many[i]);
        struct buf b = enrolment_of(&world.desk, &r, (int)(i % 3), (int)((i + 1) % 3));
        char *sql = enrolment_sql(&r, &b);

        buf_puts(&all, sql);
        buf_puts(&all, ";\n");
        free(sql);
        buf_free(&b);
    }
    buf_put(&all, "", 1);
    assert_false(all.failed);
    pgserver_exec(bus_server(world.bus), (const char *)all.data);
    buf_free(&all);
}

static bool all_welcome(void *arg)
{
    struct client *c = arg;

    for (unsigned i = 0; i < AT_ONCE; i++)
        if (!c[i].is_welcome)
            return false;
    return true;
}

static void a_thousand_keys_open_the_door_and_no_other(void **state)
{
    static struct client c[AT_ONCE];
    struct keys stranger, old;
    struct record r;

    (void)state;
    enrol_many();
    wait_status("principals", KEYS);
    for (unsigned first = 0; first < KEYS; first += AT_ONCE) {
        for (unsigned i = 0; i < AT_ONCE; i++) {
            char name[32];

            snprintf(name, sizeof(name), "gateway.n%u", first + i);
            client_create(&c[i], world.loop, world.z, name, &many[first + i],
                          bus_endpoint(world.bus), bus_broker_key(world.bus));
        }
        client_wait(world.loop, all_welcome, c, "fifty sessions");
        for (unsigned i = 0; i < AT_ONCE; i++)
            client_destroy(&c[i]);
    }
    assert_int_equal(keys_generate(&stranger), ST_OK);
    expect_door(&stranger, "gateway.n1", NULL, false);
    assert_int_equal(keys_generate(&old), ST_OK);
    r = record_of("gateway.old", &old);
    r.not_after_us = r.valid_from_us + 1000000;
    submit(&r, 0, 1);
    expect_door(&old, "gateway.old", NULL, false);
    expect_door(&many[7], "gateway.n7", stranger.public_z85, false); /* wrong server key */
    assert_int_equal(bus_status(world.bus, "principals"), KEYS);
}

static void an_agent_refuses_a_key_that_others_could_read(void **state)
{
    char *endpoint = (char *)(uintptr_t)bus_endpoint(world.bus), err[600];
    const char *path = file_of("wide.key");
    struct agent_settings set = {.name = (char *)"coes.a",
                                 .key_file = (char *)(uintptr_t)path,
                                 .broker_key = (char *)(uintptr_t)bus_broker_key(world.bus)};
    struct agent *a = NULL;
    struct keys k;

    (void)state;
    set.endpoints.items = &endpoint;
    set.endpoints.count = 1;
    enrol("coes.a", &k);
    save_key(&k, path);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(agent_create(&a, world.loop, &set, "test", NULL, err, sizeof(err)), ST_DENIED);
    assert_non_null(strstr(err, "0644"));
    assert_null(a);
}

/* --- keys change under load ------------------------------------------------------------------- */

static struct load {
    struct agent *sender, *listener;
    struct loop_timer *timer;
    unsigned put, stored, refused, heard, doubled, per_tick;
    bool seen[LOAD_MOST];
    char next[64]; /* endpoint */
    struct keys next_key;
} load;

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    (void)arg;
    (void)tag;
    load.stored += oc->stored;
    load.refused += !oc->stored;
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    (void)arg;
    (void)d;
    assert_non_null(m);
    if (m->lane_seq < LOAD_MOST) {
        load.doubled += load.seen[m->lane_seq];
        load.seen[m->lane_seq] = true;
    }
    load.heard++;
    return true;
}

static void on_load(void *arg)
{
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    struct refusal why = {0};

    (void)arg;
    entry.position = (char *)"duty officer";
    entry.text = (char *)"The water at the bridge has risen by a hand's breadth.";
    for (unsigned i = 0;
         i < load.per_tick && load.put < LOAD_MOST - 1 && load.put < load.stored + AHEAD; i++) {
        Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;

        m.status = EOCBUS__V1__STATUS__STATUS_TEST;
        m.kind = EOCBUS__V1__KIND__KIND_REPORT;
        m.lane = EOCBUS__V1__LANE__LANE_ROUTINE;
        m.event_time_us = loop_utc_us(world.loop);
        m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
        m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
        m.activity_log_entry = &entry;
        if (agent_put(load.sender, &m, NULL, &why) != ST_OK)
            fail_msg("%s %s", why.path, why.text);
        load.put++;
    }
}

static bool has_come(void *arg)
{
    return load.stored >= *(unsigned *)arg;
}

/* Traffic goes on, and so many more of it are stored. */
static void let_through(unsigned n)
{
    unsigned goal = load.stored + n;

    client_wait(world.loop, has_come, &goal, "messages are stored");
}

static bool is_drained(void *arg)
{
    (void)arg;
    return load.stored + load.refused >= load.put && load.heard >= load.put;
}

static struct agent *start_agent(const char *name, const char *key_file, const char *outbox,
                                 bool knows_next)
{
    const struct agent_events events = {.settled = on_settled};
    char *endpoints[2] = {(char *)(uintptr_t)bus_endpoint(world.bus), load.next};
    char err[600];
    struct agent *a = NULL;
    struct agent_settings set = {.name = (char *)(uintptr_t)name,
                                 .key_file = (char *)(uintptr_t)key_file,
                                 .broker_key = (char *)(uintptr_t)bus_broker_key(world.bus),
                                 .outbox_path = (char *)(uintptr_t)outbox,
                                 .outbox_budget = 1u << 30,
                                 .link_profile = (char *)"fiber"};

    if (knows_next)
        set.broker_key_next = load.next_key.public_z85;
    set.endpoints.items = endpoints;
    set.endpoints.count = knows_next ? 2 : 1;
    if (agent_create(&a, world.loop, &set, "test", &events, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return a;
}

static void begin_load(const char *sender_key, const char *listener_key, const char *outbox,
                       const char *inbox)
{
    static const char *const patterns[] = {"**"};
    struct agent_subscription sub = {
        .patterns = patterns, .pattern_count = 1, .inbox_path = inbox, .message = on_message};
    char err[600];
    struct keys k;

    enrol("office.ayni", &k);
    save_key(&k, sender_key);
    enrol("centre.duty", &k);
    save_key(&k, listener_key);
    wait_status("principals", 2);
    load.sender = start_agent("office.ayni", sender_key, outbox, true);
    load.listener = start_agent("centre.duty", listener_key, NULL, true);
    if (agent_subscribe(load.listener, &sub, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    assert_int_equal(loop_timer_create(&load.timer, world.loop, on_load, NULL), ST_OK);
    load.per_tick = 16;
    loop_timer_start(load.timer, 10, 10);
}

/* The device makes a key, two officers sign, the record is submitted, the device is told. */
static void change_key(struct agent *a, const char *name, const char *path, uint64_t serial)
{
    struct keys k;
    char err[600];

    assert_int_equal(keys_generate(&k), ST_OK);
    struct record r = record_of(name, &k);
    r.serial = serial;
    submit(&r, (int)(serial % 3), (int)((serial + 1) % 3));
    wait_status("principals", 2 + serial - 1);
    save_key(&k, path);
    if (agent_rekey(a, path, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static bool stands_at_both(void *arg)
{
    struct agent_state s;

    agent_state(arg, &s);
    return s.sessions == 2;
}

static void change_broker_key(const char *new_key, char *answer, size_t size)
{
    const char *settings[] = {world.setting, NULL};
    char path[200], text[600];

    snprintf(path, sizeof(path), "%s/broker.conf", bus_dir(world.bus));
    snprintf(text, sizeof(text), "endpoint.next = %s\nkey.next = %s\n", load.next, new_key);
    write_text_file(path, text);
    bus_ask(world.bus, "reload", answer, size);
    assert_null(strstr(answer, "does not stand"));
    client_wait(world.loop, stands_at_both, load.sender, "a session with either key");
    let_through(1000);
    /* The new key becomes the key; agents still have both. */
    write_text_file(path, "log.level = info\n");
    snprintf(path, sizeof(path), "%s/broker.key", bus_dir(world.bus));
    save_key(&load.next_key, path);
    bus_end_broker(world.bus, NULL);
    bus_start_broker(world.bus, settings);
    let_through(1000);
}

static void keys_of_agents_and_broker_change_under_load_and_nothing_is_lost(void **state)
{
    char sender_key[200], listener_key[200], outbox[200], inbox[200], new_key[200], text[700];
    uint64_t began_us, load_us;
    unsigned during;
    int port;

    (void)state;
    memset(&load, 0, sizeof(load));
    snprintf(sender_key, sizeof(sender_key), "%s/sender.key", world.dir);
    snprintf(listener_key, sizeof(listener_key), "%s/listener.key", world.dir);
    snprintf(outbox, sizeof(outbox), "%s/outbox", world.dir);
    snprintf(inbox, sizeof(inbox), "%s/inbox", world.dir);
    snprintf(new_key, sizeof(new_key), "%s/next.key", world.dir);
    port = port_hold(load.next, sizeof(load.next));
    assert_int_equal(keys_generate(&load.next_key), ST_OK);
    save_key(&load.next_key, new_key);
    begin_load(sender_key, listener_key, outbox, inbox);
    let_through(500);
    began_us = loop_exact_us(world.loop);
    during = load.put;
    for (uint64_t serial = 2; serial <= 5; serial++) {
        change_key(load.sender, "office.ayni", sender_key, serial);
        let_through(500);
    }
    change_broker_key(new_key, text, sizeof(text));
    loop_timer_stop(load.timer);
    load_us = loop_exact_us(world.loop) - began_us;
    during = load.put - during;
    client_wait(world.loop, is_drained, NULL, "everything stored and heard");
    printf(
        "keys changed: 4 of the sender, 1 of the broker; %.0f messages/s for %.1f s; put %u stored "
        "%u refused %u heard %u lost %u duplicated %u\n",
        during * 1e6 / (double)load_us, (double)load_us / 1e6, load.put, load.stored, load.refused,
        load.heard, load.put - load.heard, load.doubled);
    assert_int_equal(load.refused, 0);
    assert_int_equal(load.stored, load.put);
    assert_int_equal(load.heard, load.put);
    assert_int_equal(load.doubled, 0);
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.message"),
                     load.put);
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.quarantine"),
                     0);
    loop_timer_destroy(load.timer);
    agent_destroy(load.sender);
    agent_destroy(load.listener);
    close(port);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_officers_let_an_office_in, begin, end),
        cmocka_unit_test_setup_teardown(a_database_operator_lets_nobody_in, begin, end),
        cmocka_unit_test_setup_teardown(a_key_written_beside_a_record_has_nothing_of_it, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_database_operator_undoes_no_revocation, begin, end),
        cmocka_unit_test_setup_teardown(a_revocation_holds_without_the_database_and_when_it_is_back,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_thousand_keys_open_the_door_and_no_other, begin, end),
        cmocka_unit_test_setup_teardown(an_agent_refuses_a_key_that_others_could_read, begin, end),
        cmocka_unit_test_setup_teardown(
            keys_of_agents_and_broker_change_under_load_and_nothing_is_lost, begin, end),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
