/* Every attack that RELIABILITY lists against a broker, one after the other, each by a process that
 * does nothing else: the broker stays within 256 MiB, and an honest sender gets all its receipts.
 * Prints a table. Memory is measured, so the broker is the one without sanitizers, in BUILD
 * (default: build). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/wire/limits.h"
#include "tests/lib/attacker.h"
#include "tests/lib/bus.h"
#include "tests/lib/client.h"
#include "tests/lib/patience.h"
#include "tests/lib/storm.h"

enum {
    MOST_KIB = 256 * 1024,
    ATTACK_MS = 4000,
    CALM_MS = 1500,
    ROUND_ITEMS = 4, /* of the honest sender, every ROUND_MS */
    ROUND_MS = 20,
    ROUNDS_MOST = 1000,
    SEED_ITEMS = 3000, /* of 4 KiB: what listeners get from the log */
    WAIT_S = 60,
    FEW_FILES = 400,
};

static const struct attack {
    const char *name;
    void (*run)(struct storm_target *t);
} attacks[] = {
    {"none", NULL},
    {"endless multipart", storm_endless_multipart},
    {"4,000 silent connections", storm_silent_connections},
    {"handshakes of noise", storm_garbage_handshakes},
    {"3,000 connections, no word", storm_mute_sessions},
    {"3,000 connections, no hello", storm_strangers},
    {"1,024 subscriptions, unread", storm_subscriptions},
    {"connections that do not read", storm_unread_connections},
    {"16 frozen listeners", storm_frozen_listener},
    {"oversized frames", storm_oversized_frames},
    {"patterns come and go", storm_patterns},
    {"hello without end", storm_hellos},
    {"FLASH, and conflicts", storm_flash},
    {"publish, no receipt read", storm_publishes},
    {"publish at any cost", storm_busy},
    /* Last, against a broker that may open 400 files. */
    {"out of files", storm_silent_connections},
};
enum { ATTACKS = sizeof(attacks) / sizeof(attacks[0]) };

static struct {
    struct bus *bus;
    struct loop *loop;
    struct zctx *z;
    struct storm_target *target;
    struct storm storms[ATTACKS];
    struct client honest;
    struct keys honest_keys, seeder_keys;
    uint64_t rounds[ROUNDS_MOST];
    unsigned round_count;
    uint64_t seeded;
} world;

/* --- the broker from outside ------------------------------------------------------------------ */

static unsigned long read_kib(const char *field)
{
    char path[64], line[256];
    unsigned long kib = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)bus_broker_pid(world.bus));
    f = fopen(path, "r");
    assert_non_null(f); /* it lives */
    while (fgets(line, sizeof(line), f))
        if (strncmp(line, field, strlen(field)) == 0)
            kib = strtoul(line + strlen(field), NULL, 10);
    fclose(f);
    return kib;
}

/* The high water mark begins anew (proc(5), clear_refs). */
static void forget_peak(void)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)bus_broker_pid(world.bus));
    f = fopen(path, "w");
    if (!f)
        return; /* then it is the most so far */
    fputs("5", f);
    fclose(f);
}

static double processor_seconds(void)
{
    char path[64], text[512], *after;
    unsigned long user = 0, system = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)bus_broker_pid(world.bus));
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    fclose(f);
    after = strrchr(text, ')');
    assert_int_equal(
        sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system),
        2);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* --- the honest sender ------------------------------------------------------------------------ */

/* Turns until all receipts are there, and notes how long that took. */
static void one_round(void)
{
    uint64_t begin_us = loop_exact_us(world.loop);

    if (world.honest.count + ROUND_ITEMS > CLIENT_MESSAGES)
        return;
    client_publish(&world.honest, ROUND_ITEMS);
    while (!client_is_settled(&world.honest)) {
        assert_true(loop_exact_us(world.loop) < begin_us + PATIENCE * WAIT_S * UINT64_C(1000000));
        loop_turn(world.loop, 5);
    }
    if (world.round_count < ROUNDS_MOST)
        world.rounds[world.round_count++] = loop_exact_us(world.loop) - begin_us;
    while (loop_exact_us(world.loop) < begin_us + ROUND_MS * 1000)
        loop_turn(world.loop, 5);
}

static void rounds_for(unsigned ms)
{
    uint64_t end_us = loop_exact_us(world.loop) + ms * UINT64_C(1000);

    while (loop_exact_us(world.loop) < end_us)
        one_round();
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static double percentile_ms(unsigned percent)
{
    qsort(world.rounds, world.round_count, sizeof(world.rounds[0]), by_size);
    return world.round_count ? (double)world.rounds[(world.round_count - 1) * percent / 100] / 1000
                             : 0;
}

/* --- the world -------------------------------------------------------------------------------- */

static size_t make_piece(void *arg, uint8_t *out, size_t cap)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__BlobChunk body = EOCBUS__V1__BLOB_CHUNK__INIT;
    static uint8_t hash[32], data[4096];
    uint8_t id[16] = {1, 2, 3, 4, 5, 6, 0x70, 8, 0x80};
    char name[] = "office.seeder";

    (void)arg, (void)cap;
    if (world.seeded == SEED_ITEMS)
        return SIZE_MAX;
    memset(data, (int)world.seeded, sizeof(data));
    memcpy(id + 9, &world.seeded, 7);
    m.message_id.data = id;
    m.message_id.len = sizeof(id);
    m.schema = SCHEMA_VERSION;
    m.sender = name;
    m.epoch = 1789400000000000;
    m.lane = EOCBUS__V1__LANE__LANE_BULK;
    m.lane_seq = ++world.seeded;
    m.status = EOCBUS__V1__STATUS__STATUS_EXERCISE;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.event_time_us = m.sent_time_us = 1789400000000000;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    body.blob_hash.data = hash;
    body.blob_hash.len = sizeof(hash);
    body.total = 1 << 20;
    body.data.data = data;
    body.data.len = sizeof(data);
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_BLOB_CHUNK;
    m.blob_chunk = &body;
    return eocbus__v1__envelope__pack(&m, out);
}

static void fill_log(void)
{
    static struct attacker seeder;
    uint64_t end_us = loop_exact_us(world.loop) + PATIENCE * WAIT_S * UINT64_C(1000000);

    attacker_create(&seeder, world.loop, world.z, &world.seeder_keys, bus_endpoint(world.bus),
                    bus_broker_key(world.bus));
    attacker_offer(&seeder, make_piece, NULL);
    while (!attacker_is_answered(&seeder)) {
        assert_true(loop_exact_us(world.loop) < end_us);
        loop_turn(world.loop, 10);
    }
    assert_int_equal(seeder.stored, SEED_ITEMS);
    attacker_destroy(&seeder);
}

static void tell_target(void)
{
    snprintf(world.target->endpoint, sizeof(world.target->endpoint), "%s", bus_endpoint(world.bus));
    snprintf(world.target->broker_key, sizeof(world.target->broker_key), "%s",
             bus_broker_key(world.bus));
}

static int begin(void **state)
{
    const char *build = getenv("BUILD");
    char name[32];

    (void)state;
    world.target = mmap(NULL, sizeof(*world.target), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (world.target == MAP_FAILED)
        return -1;
    for (unsigned i = 0; i < ATTACKS; i++)
        if (attacks[i].run)
            storm_fork(&world.storms[i], world.target, attacks[i].run);
    world.bus = bus_create();
    if (!bus_use_build(world.bus, build ? build : "build")) {
        print_error("no broker without sanitizers in %s: make programs first\n",
                    build ? build : "build");
        return -1;
    }
    for (unsigned i = 0; i < STORM_KEYS; i++) {
        snprintf(name, sizeof(name), "storm.n%u", i);
        bus_enrol(world.bus, name, &world.target->keys[i]);
    }
    bus_enrol(world.bus, "office.honest", &world.honest_keys);
    bus_enrol(world.bus, "office.seeder", &world.seeder_keys);
    bus_start_broker(world.bus, NULL);
    tell_target();
    assert_int_equal(loop_create(&world.loop), ST_OK);
    assert_int_equal(zctx_create(&world.z, world.loop), ST_OK);
    fill_log();
    client_create(&world.honest, world.loop, world.z, "office.honest", &world.honest_keys,
                  bus_endpoint(world.bus), bus_broker_key(world.bus));
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ATTACKS; i++)
        storm_end(&world.storms[i]);
    client_destroy(&world.honest);
    zctx_destroy(world.z);
    loop_destroy(world.loop);
    bus_destroy(world.bus);
    munmap(world.target, sizeof(*world.target));
    return 0;
}

/* --- the attacks ------------------------------------------------------------------------------ */

static void attack(unsigned i)
{
    unsigned long most_kib;

    one_round(); /* a session stands */
    world.round_count = 0;
    world.target->said = 0;
    forget_peak();
    if (attacks[i].run)
        storm_begin(&world.storms[i]);
    rounds_for(ATTACK_MS);
    most_kib = read_kib("VmHWM:");
    print_message("measured: %-30s %8llu  %4lu MiB  honest: %3u rounds, p50 %6.1f p99 %7.1f ms\n",
                  attacks[i].name, (unsigned long long)world.target->said, most_kib / 1024,
                  world.round_count, percentile_ms(50), percentile_ms(99));
    storm_end(&world.storms[i]);
    assert_swift(most_kib <= MOST_KIB);
    assert_true(world.round_count > 0);
    if (attacks[i].run)
        assert_true(world.target->said > 0);
    rounds_for(CALM_MS); /* what it left behind shall not be the next one's */
}

static void no_attack_takes_more_memory_than_there_is_or_stops_an_honest_sender(void **state)
{
    (void)state;
    for (unsigned i = 0; i + 1 < ATTACKS; i++)
        attack(i);
    assert_int_equal(bus_log_lines(world.bus, "error store"), 0);
}

static void out_of_files_the_broker_goes_on_and_its_processor_rests_afterwards(void **state)
{
    const struct rlimit few = {FEW_FILES, FEW_FILES}; /* for ourselves too: there is no way back */
    double seconds;

    (void)state;
    assert_int_equal(bus_end_broker(world.bus, NULL), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    bus_start_broker(world.bus, NULL);
    tell_target();
    rounds_for(500);
    attack(ATTACKS - 1);
    seconds = processor_seconds();
    for (uint64_t end_us = loop_exact_us(world.loop) + 2000000; loop_exact_us(world.loop) < end_us;)
        loop_turn(world.loop, 50);
    seconds = processor_seconds() - seconds;
    print_message("measured: after it, %.2f s of processor in 2 s\n", seconds);
    assert_swift(seconds < 1.0);
}

static void the_honest_sender_lost_nothing(void **state)
{
    (void)state;
    assert_int_equal(pgserver_number(bus_server(world.bus),
                                     "SELECT count(*) FROM bus.message m JOIN bus.principal p ON "
                                     "p.principal_id = m.sender_id WHERE p.name = "
                                     "'office.honest'"),
                     world.honest.count);
    assert_int_equal(bus_end_broker(world.bus, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_attack_takes_more_memory_than_there_is_or_stops_an_honest_sender),
        cmocka_unit_test(out_of_files_the_broker_goes_on_and_its_processor_rests_afterwards),
        cmocka_unit_test(the_honest_sender_lost_nothing),
    };

    return cmocka_run_group_tests_name("attacks", tests, begin, end);
}
