/* A key that is revoked is dead within a second: a thousand of them, one after the other, while two
 * brokers carry traffic to all of them. From the commit of the revocation to the last frame at its
 * client on each broker, in two sessions each. Then the same with the NOTIFY lost, the connection
 * that listens for it cut, and its server process stopped (five seconds); one key of two; a key
 * that runs out; and brokers that start while PostgreSQL is stopped.
 *
 *   REVOCATIONS=n   fewer of them
 *   STRICT_BARS=1   on a machine that has nothing else to do: not one of them late */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/bus.h"
#include "tests/lib/client.h"
#include "tests/lib/patience.h"

enum {
    BROKERS = 2,
    REVOCATIONS = 1000,
    AT_ONCE = 40, /* principals with two sessions each */
    PACE_MS = 8,  /* from one revocation to the next */
    SAY_MS = 40,  /* from one message to the next */
    SILENT_MS = 1000,
    LOST_MS = 5000,
    /* A machine that stands still for a moment makes all of that moment late, and one case of
     * three; what is wrong here makes some of every batch late, and each case. */
    LATE_BATCHES = 3,
    STANDS_STILL_MS = 5000,
    TRIES = 3,
    EXTRAS = 30,
};

struct victim {
    char name[32];
    struct keys keys;
    struct client client[BROKERS];
    uint64_t revoked_us, got[BROKERS];
};

static struct {
    struct bus *bus[BROKERS];
    struct loop *loop;
    struct zctx *z;
    struct client speaker;
    struct keys speaker_keys;
    struct keys all[REVOCATIONS + EXTRAS];
    struct victim victims[AT_ONCE];
    unsigned victim_count, next, revocations, late_batches;
    uint64_t say_us;
    double worst_ms[BROKERS], sum_ms;
} world;

static const char *const quick[] = {NULL};

/* --- traffic ---------------------------------------------------------------------------------- */

static void turn(unsigned wait_ms)
{
    uint64_t now_us = loop_exact_us(world.loop);

    if (now_us >= world.say_us && world.speaker.count < CLIENT_MESSAGES) {
        client_publish(&world.speaker, 1);
        world.say_us = now_us + SAY_MS * 1000;
    }
    loop_turn(world.loop, wait_ms);
}

/* As client_wait, and the speaker goes on. */
static void await(bool (*done)(void *arg), void *arg, const char *what)
{
    uint64_t end_us = loop_exact_us(world.loop) + PATIENCE * 60000000ull;

    while (!done(arg)) {
        if (loop_exact_us(world.loop) > end_us) {
            fprintf(stderr, "revoke_test: waited a minute for: %s\n", what);
            abort();
        }
        turn(5);
    }
}

static void go_on_for(unsigned ms)
{
    uint64_t end_us = loop_exact_us(world.loop) + ms * 1000ull;

    while (loop_exact_us(world.loop) < end_us)
        turn(5);
}

/* --- victims ---------------------------------------------------------------------------------- */

static void connect_at(struct client *c, const char *name, const struct keys *keys, unsigned broker)
{
    client_create(c, world.loop, world.z, name, keys, bus_endpoint(world.bus[broker]),
                  bus_broker_key(world.bus[broker]));
    client_listen(c);
}

static void name_of(char out[32], unsigned n)
{
    snprintf(out, 32, "gateway.n%u", n);
}

static struct victim *add_victim(void)
{
    struct victim *v = &world.victims[world.victim_count++];
    unsigned n = world.next++;

    memset(v, 0, sizeof(*v));
    name_of(v->name, n);
    v->keys = world.all[n];
    for (unsigned i = 0; i < BROKERS; i++)
        connect_at(&v->client[i], v->name, &v->keys, i);
    return v;
}

static void drop_victims(void)
{
    for (unsigned n = 0; n < world.victim_count; n++)
        for (unsigned i = 0; i < BROKERS; i++)
            client_destroy(&world.victims[n].client[i]);
    world.victim_count = 0;
}

/* The live stream has reached all of them. */
static bool all_hear(void *arg)
{
    uint64_t last = world.speaker.settled ? world.speaker.rows[world.speaker.settled].seq : 0;

    (void)arg;
    for (unsigned n = 0; n < world.victim_count; n++)
        for (unsigned i = 0; i < BROKERS; i++)
            if (!world.victims[n].client[i].got || world.victims[n].client[i].last_seq + 200 < last)
                return false;
    return last != 0;
}

static bool is_cut(const struct victim *v)
{
    for (unsigned i = 0; i < BROKERS; i++)
        if (v->client[i].is_linked || !v->client[i].refusals)
            return false;
    return true;
}

/* Their connections were ended, and the handshakes of their next ones refused. */
static bool all_are_cut(void *arg)
{
    (void)arg;
    for (unsigned n = 0; n < world.victim_count; n++)
        if (world.victims[n].revoked_us && !is_cut(&world.victims[n]))
            return false;
    return true;
}

static void revoke_one(struct victim *v)
{
    char sql[128];

    snprintf(sql, sizeof(sql), "SELECT bus.principal_revoke('%s')", v->name);
    pgserver_exec(bus_server(world.bus[0]), sql);
    v->revoked_us = loop_exact_us(world.loop);
}

/* Milliseconds from the commit to the last frame; what came before it counts as 0. */
static double silence_ms(const struct victim *v, unsigned broker)
{
    uint64_t heard_us = v->client[broker].heard_us;

    return heard_us > v->revoked_us ? (double)(heard_us - v->revoked_us) / 1000 : 0;
}

static void note_silence(void)
{
    bool is_late = false;

    for (unsigned n = 0; n < world.victim_count; n++)
        for (unsigned i = 0; i < BROKERS; i++) {
            double ms = silence_ms(&world.victims[n], i);

            world.worst_ms[i] = ms > world.worst_ms[i] ? ms : world.worst_ms[i];
            world.sum_ms += ms;
            is_late = is_late || ms > PATIENCE * SILENT_MS;
            assert_int_equal(world.victims[n].client[i].previous_errors, 0);
        }
    world.late_batches += is_late;
}

static bool is_silent_within(unsigned limit_ms, const char *what)
{
    double worst_ms = 0;

    await(all_are_cut, NULL, what);
    for (unsigned n = 0; n < world.victim_count; n++)
        for (unsigned i = 0; i < BROKERS; i++)
            if (silence_ms(&world.victims[n], i) > worst_ms)
                worst_ms = silence_ms(&world.victims[n], i);
    print_message("measured: %s: silent after %.0f ms\n", what, worst_ms);
    return worst_ms <= PATIENCE * limit_ms;
}

/* --- the world -------------------------------------------------------------------------------- */

static int begin(void **state)
{
    const char *fewer = getenv("REVOCATIONS");
    char name[32];

    (void)state;
    world.revocations = fewer ? (unsigned)strtoul(fewer, NULL, 10) : REVOCATIONS;
    if (!world.revocations || world.revocations > REVOCATIONS)
        return -1;
    world.bus[0] = bus_create();
    world.bus[1] = bus_beside(world.bus[0]);
    bus_enrol(world.bus[0], "office.speaker", &world.speaker_keys);
    for (unsigned i = 0; i < world.revocations + EXTRAS; i++) {
        name_of(name, i);
        bus_enrol(world.bus[0], name, &world.all[i]);
    }
    assert_int_equal(loop_create(&world.loop), ST_OK);
    assert_int_equal(zctx_create(&world.z, world.loop), ST_OK);
    for (unsigned i = 0; i < BROKERS; i++)
        bus_start_broker(world.bus[i], quick);
    client_create(&world.speaker, world.loop, world.z, "office.speaker", &world.speaker_keys,
                  bus_endpoint(world.bus[0]), bus_broker_key(world.bus[0]));
    return 0;
}

static int end(void **state)
{
    (void)state;
    drop_victims();
    client_destroy(&world.speaker);
    zctx_destroy(world.z);
    loop_destroy(world.loop);
    bus_destroy(world.bus[1]);
    bus_destroy(world.bus[0]);
    return 0;
}

static int after_each(void **state)
{
    (void)state;
    drop_victims();
    return 0;
}

/* --- the bar ---------------------------------------------------------------------------------- */

static void revoke_some(unsigned count)
{
    while (count--)
        add_victim();
    await(all_hear, NULL, "traffic at everybody");
    for (unsigned n = 0; n < world.victim_count; n++) {
        revoke_one(&world.victims[n]);
        go_on_for(PACE_MS);
    }
    await(all_are_cut, NULL, "connections that end");
    note_silence();
    drop_victims();
}

static void a_thousand_keys_are_dead_within_a_second_each(void **state)
{
    unsigned left = world.revocations;

    (void)state;
    while (left) {
        unsigned count = left < AT_ONCE ? left : AT_ONCE;

        revoke_some(count);
        left -= count;
    }
    print_message(
        "measured: %u revocations under traffic: last frame after at most %.0f ms at one "
        "broker, %.0f ms at the other, %.1f ms on average; %u of %u batches above %d ms\n",
        world.revocations, world.worst_ms[0], world.worst_ms[1],
        world.sum_ms / world.revocations / BROKERS, world.late_batches,
        (world.revocations + AT_ONCE - 1) / AT_ONCE, SILENT_MS);
    assert_true(world.late_batches <= (getenv("STRICT_BARS") ? 0 : LATE_BATCHES));
    for (unsigned i = 0; i < BROKERS; i++) {
        assert_true(world.worst_ms[i] <= PATIENCE * (SILENT_MS + STANDS_STILL_MS));
        assert_int_equal(bus_status(world.bus[i], "revoked"), world.revocations);
        assert_true(bus_status(world.bus[i], "unknown_keys") >= world.revocations);
    }
}

/* Until it is soon enough. */
static void try_some_times(void (*revoke)(void), unsigned limit_ms, const char *what)
{
    bool good = false;

    for (unsigned tries = 0; tries < TRIES && !good; tries++) {
        revoke();
        good = is_silent_within(limit_ms, what);
        drop_victims();
    }
    assert_true(good);
}

static void revoke_the_next(void)
{
    struct victim *v = add_victim();

    await(all_hear, NULL, "traffic");
    revoke_one(v);
}

/* --- when the notice is lost ------------------------------------------------------------------ */

static void without_a_notice_the_version_is_seen_all_the_same(void **state)
{
    struct pgserver *pg = bus_server(world.bus[0]);

    (void)state;
    pgserver_exec(pg, "CREATE FUNCTION public.mute() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                      "UPDATE bus.principal_version SET version = version + 1; RETURN NULL; END $$;"
                      "DROP TRIGGER changed ON bus.principal; DROP TRIGGER changed ON "
                      "bus.principal_key; CREATE TRIGGER changed AFTER UPDATE ON bus.principal FOR "
                      "EACH STATEMENT EXECUTE FUNCTION public.mute()");
    try_some_times(revoke_the_next, LOST_MS, "without a NOTIFY");
    pgserver_exec(pg,
                  "DROP TRIGGER changed ON bus.principal; CREATE TRIGGER changed AFTER INSERT "
                  "OR UPDATE OR DELETE OR TRUNCATE ON bus.principal FOR EACH STATEMENT EXECUTE "
                  "FUNCTION bus.principals_changed(); CREATE TRIGGER changed AFTER INSERT OR "
                  "UPDATE OR DELETE OR TRUNCATE ON bus.principal_key FOR EACH STATEMENT EXECUTE "
                  "FUNCTION bus.principals_changed()");
}

static void cut_and_revoke(void)
{
    struct victim *v = add_victim();

    await(all_hear, NULL, "traffic");
    pgserver_exec(bus_server(world.bus[0]),
                  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name "
                  "LIKE '%listen%'");
    revoke_one(v);
}

static void with_the_listening_connection_cut_it_is_seen_by_the_next(void **state)
{
    (void)state;
    try_some_times(cut_and_revoke, LOST_MS, "with the listening connection cut");
}

/* Server processes behind the brokers' connections of that name. */
static unsigned find_servers(const char *connection, int pids[4])
{
    char sql[200];
    unsigned n = 0;

    for (; n < 4; n++) {
        snprintf(
            sql, sizeof(sql),
            "SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%%%s%%' ORDER BY pid "
            "OFFSET %u LIMIT 1",
            connection, n);
        pids[n] = (int)pgserver_number(bus_server(world.bus[0]), sql);
        if (!pids[n])
            break;
    }
    return n;
}

static int stopped[4];

static bool have_servers(void *arg)
{
    return find_servers(arg, stopped) >= BROKERS;
}

/* It is there, takes what is sent and answers nothing. */
static void revoke_with_stopped(const char *connection, const char *what)
{
    char words[16];
    bool good = false;

    snprintf(words, sizeof(words), "%s", connection);
    for (unsigned tries = 0; tries < TRIES && !good; tries++) {
        struct victim *v = add_victim();
        unsigned n;

        await(all_hear, NULL, "traffic");
        await(have_servers, words, "connections of both brokers");
        n = find_servers(connection, stopped);
        for (unsigned i = 0; i < n; i++)
            kill(stopped[i], SIGSTOP);
        revoke_one(v);
        good = is_silent_within(LOST_MS, what);
        for (unsigned i = 0; i < n; i++)
            kill(stopped[i], SIGCONT);
        drop_victims();
    }
    assert_true(good);
}

static void with_the_listening_server_stopped_it_is_seen_by_the_next(void **state)
{
    (void)state;
    revoke_with_stopped("listen", "with the listening server process stopped");
}

static void with_the_reading_server_stopped_the_next_is_asked(void **state)
{
    (void)state;
    revoke_with_stopped("replay", "with the reading server process stopped");
}

/* --- one key, and time ------------------------------------------------------------------------ */

static void put_hex(char out[2 * KEY_BYTES + 1], const struct keys *k)
{
    uint8_t key[KEY_BYTES];

    assert_int_equal(keys_z85_decode(key, k->public_z85), ST_OK);
    for (unsigned i = 0; i < KEY_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", key[i]);
}

static struct client other; /* with the other key of one victim */

static bool hears_ten_more(void *arg)
{
    return ((struct client *)arg)->got >= 10;
}

static bool hears_more(void *arg)
{
    return ((struct client *)arg)->got > 0;
}

static void revoke_one_of_two(void)
{
    struct pgserver *pg = bus_server(world.bus[0]);
    char hex[2 * KEY_BYTES + 1], sql[256];
    struct keys second;
    struct victim *v = add_victim();

    assert_int_equal(keys_generate(&second), ST_OK);
    put_hex(hex, &second);
    snprintf(sql, sizeof(sql), "SELECT bus.principal_key_add('%s', '\\x%s')", v->name, hex);
    pgserver_exec(pg, sql);
    await(all_hear, NULL, "traffic");
    go_on_for(PATIENCE * 1000); /* the key is known by then */
    connect_at(&other, v->name, &second, 0);
    await(hears_more, &other, "traffic at the other key");
    put_hex(hex, &v->keys);
    snprintf(sql, sizeof(sql), "SELECT bus.principal_key_revoke('%s', '\\x%s')", v->name, hex);
    pgserver_exec(pg, sql);
    v->revoked_us = loop_exact_us(world.loop);
}

static void hear_the_other_go_on(void)
{
    other.got = 0;
    await(hears_ten_more, &other, "traffic that goes on");
    assert_int_equal(other.faults, 0);
    assert_int_equal(other.welcomes, 1);
    client_destroy(&other);
}

static void of_two_keys_the_other_one_goes_on(void **state)
{
    bool good = false;

    (void)state;
    for (unsigned tries = 0; tries < TRIES && !good; tries++) {
        revoke_one_of_two();
        good = is_silent_within(SILENT_MS, "one key of two");
        hear_the_other_go_on();
        drop_victims();
    }
    assert_true(good);
}

static bool are_put_out(void *arg)
{
    (void)arg;
    for (unsigned n = 0; n < world.victim_count; n++)
        for (unsigned i = 0; i < BROKERS; i++)
            if (strcmp(world.victims[n].client[i].fault, "principal") != 0)
                return false;
    return true;
}

static void let_run_out(void)
{
    struct victim *v = add_victim();
    char sql[160];

    await(all_hear, NULL, "traffic");
    snprintf(sql, sizeof(sql),
             "UPDATE bus.principal SET not_after = now() + interval '3 s' WHERE name = '%s'",
             v->name);
    pgserver_exec(bus_server(world.bus[0]), sql);
    v->revoked_us = loop_exact_us(world.loop) + 3000000;
    await(are_put_out, NULL, "to be told why");
}

static void a_key_that_runs_out_is_dead_within_a_second(void **state)
{
    (void)state;
    try_some_times(let_run_out, SILENT_MS, "after its time");
}

/* --- brokers that start without their database ------------------------------------------------ */

static bool is_welcome(void *arg)
{
    return ((struct client *)arg)->is_welcome;
}

static bool hears_alarm(void *arg)
{
    return ((struct client *)arg)->provisional != 0;
}

static bool is_closed(void *arg)
{
    return bus_status(arg, "rights_closed");
}

static bool has_caught_up(void *arg)
{
    return ((struct client *)arg)->got >= 1 && !bus_status(world.bus[0], "rights_kept");
}

static bool is_gone(void *arg)
{
    return !((struct client *)arg)->is_linked;
}

static bool has_refused_the_file(void *arg)
{
    return bus_log_lines(arg, "broker.cache.refused") > 0;
}

static void start_without_database(const char *const *settings)
{
    bus_end_broker(world.bus[0], NULL);
    bus_start_broker(world.bus[0], settings);
}

static void say_an_alarm(struct client *c)
{
    connect_at(c, "office.speaker", &world.speaker_keys, 0);
    c->is_alarm = true;
    client_wait(world.loop, is_welcome, c, "the session of the speaker");
}

static void flip_a_byte(const char *path)
{
    char byte;
    int fd = open(path, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, 200), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 200), 1);
    close(fd);
}

/* Who was revoked before stays so; the others come in, and alarms are heard. */
static void without_its_database_a_broker_knows_whom_to_let_in(void **state)
{
    static const char *const old[] = {"access.cache_age=1s", NULL};
    struct client revoked, listener, speaker;
    char name[32], path[128];

    (void)state;
    name_of(name, world.next);
    pgserver_stop(bus_server(world.bus[0]));
    start_without_database(quick);
    connect_at(&revoked, "gateway.n0", &world.all[0], 0);
    connect_at(&listener, name, &world.all[world.next], 0);
    client_wait(world.loop, is_welcome, &listener, "a session without the database");
    assert_int_equal(bus_status(world.bus[0], "rights_kept"), 1);
    say_an_alarm(&speaker);
    client_publish(&speaker, 1);
    client_wait(world.loop, hears_alarm, &listener, "an alarm");
    assert_int_equal(revoked.frames, 0);
    assert_int_equal(revoked.welcomes, 0);

    /* Older than allowed: alarms, and nothing else. */
    start_without_database(old);
    listener.is_welcome = speaker.is_welcome = false; /* they have yet to notice */
    client_wait(world.loop, is_closed, world.bus[0], "rights that are too old");
    client_wait(world.loop, is_welcome, &listener, "a session with old rights");
    listener.provisional = 0;
    client_wait(world.loop, is_welcome, &speaker, "the session of the speaker");
    client_publish(&speaker, 1);
    client_wait(world.loop, hears_alarm, &listener, "an alarm with old rights");
    assert_int_equal(revoked.frames, 0);
    assert_true(bus_log_lines(world.bus[0], "broker.rights.old"));

    /* The database is back: what was said is there. */
    pgserver_start_again(bus_server(world.bus[0]));
    client_wait(world.loop, has_caught_up, &listener, "the log");
    assert_int_equal(bus_status(world.bus[0], "rights_closed"), 0);
    assert_int_equal(listener.previous_errors, 0);

    /* A file that somebody changed lets nobody in. */
    pgserver_stop(bus_server(world.bus[0]));
    bus_end_broker(world.bus[0], NULL);
    snprintf(path, sizeof(path), "%s/broker.rights", bus_dir(world.bus[0]));
    flip_a_byte(path);
    client_wait(world.loop, is_gone, &listener, "the end of its session");
    for (unsigned i = 0; i < 10; i++) /* what the old broker said last */
        loop_turn(world.loop, 20);
    listener.frames = 0;
    bus_start_broker(world.bus[0], quick);
    client_wait(world.loop, has_refused_the_file, world.bus[0], "the word about the file");
    assert_int_equal(bus_status(world.bus[0], "principals"), 0);
    assert_int_equal(listener.frames, 0);
    pgserver_start_again(bus_server(world.bus[0]));
    client_wait(world.loop, is_welcome, &listener, "a session, the database being back");
    assert_int_equal(revoked.welcomes, 0);
    client_destroy(&speaker);
    client_destroy(&listener);
    client_destroy(&revoked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_thousand_keys_are_dead_within_a_second_each, after_each),
        cmocka_unit_test_teardown(without_a_notice_the_version_is_seen_all_the_same, after_each),
        cmocka_unit_test_teardown(with_the_listening_connection_cut_it_is_seen_by_the_next,
                                  after_each),
        cmocka_unit_test_teardown(with_the_listening_server_stopped_it_is_seen_by_the_next,
                                  after_each),
        cmocka_unit_test_teardown(with_the_reading_server_stopped_the_next_is_asked, after_each),
        cmocka_unit_test_teardown(of_two_keys_the_other_one_goes_on, after_each),
        cmocka_unit_test_teardown(a_key_that_runs_out_is_dead_within_a_second, after_each),
        cmocka_unit_test_teardown(without_its_database_a_broker_knows_whom_to_let_in, after_each),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
