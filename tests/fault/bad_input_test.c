/* Bad input through the real socket of a real broker, built with sanitizers: whatever comes in, the
 * broker stands, says why, keeps or counts what it refused, stays small, and an honest sender gets
 * all its receipts meanwhile. Run from the root of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include "eocbus/v1/session.pb-c.h"
#include "proto/base/mem.h"
#include "proto/wire/limits.h"
#include "proto/wire/types.h"
#include "tests/lib/attacker.h"
#include "tests/lib/bus.h"
#include "tests/lib/client.h"
#include "tests/lib/gen_message.h"
#include "tests/lib/patience.h"

#define CORPUS "tests/data/protobuf-fuzz"

enum {
    SPOILED = 100000,
    FOREIGN = 2000,
    SAME_PLACE = 3000,
    SPOILED_FRAMES = 20000,
    PORTION = 64, /* frames between two questions whether the broker is still there */
    CORPUS_MAX = 1000,
    STRANGERS = 60,
    RAW_EACH = 25,
    MULTIPARTS = 2000,
    PART_BYTES = 65536,
    ENDLESS_PARTS = 4096, /* 256 MiB: far more than may be kept */
    HONEST_PAUSE_US = 20000,
    /* The address sanitizer adds its red zones and, below, 16 MiB of freed memory. */
    GROWTH_KIB = 128 * 1024,
};

/* A principal for each kind of attack, so that each has a quota of its own. */
enum principal { CORPUS_SENDER, SPOILER, IMPERSONATOR, CONTRADICTOR, FRAMER, PRINCIPALS };
static const char *const names[PRINCIPALS] = {"office.corpus", "office.spoiler", "office.impostor",
                                              "office.twice", "office.framer"};

static struct {
    struct bus *bus;
    struct loop *loop;
    struct zctx *z;
    struct keys honest_keys, bad_keys[PRINCIPALS];
    struct client honest;
    struct attacker bad;
    struct arena *arena;
    struct gen gen;
    unsigned long idle_kib, most_kib;
    uint64_t honest_since_us, honest_worst_us;
    struct {
        uint8_t *bytes;
        size_t len;
    } corpus[CORPUS_MAX];
    unsigned corpus_count, next;
    uint64_t lane_seq;
    uint64_t kept, dropped, refused; /* before the test */
} world;

/* --- the broker, seen from outside ------------------------------------------------------------ */

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

static uint64_t count_kept(void)
{
    return (uint64_t)pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.quarantine");
}

static void note_counters(void)
{
    world.kept = count_kept();
    world.dropped = bus_status(world.bus, "quarantine_dropped");
    world.refused = bus_status(world.bus, "refused");
}

static uint64_t kept_now(void)
{
    return count_kept() - world.kept;
}

static uint64_t dropped_now(void)
{
    return bus_status(world.bus, "quarantine_dropped") - world.dropped;
}

static void check_broker(void)
{
    unsigned long now_kib = read_kib("VmRSS:");

    world.most_kib = read_kib("VmHWM:");
    print_message("measured: broker %lu KiB idle, %lu KiB now, %lu KiB at most\n", world.idle_kib,
                  now_kib, world.most_kib);
    assert_swift(world.most_kib < world.idle_kib + GROWTH_KIB);
    assert_int_equal(bus_log_lines(world.bus, "Sanitizer"), 0);
    assert_int_equal(bus_log_lines(world.bus, "runtime error"), 0);
}

/* Always something on the way, and nothing takes for ever. */
static void keep_honest_busy(void)
{
    uint64_t now_us = loop_exact_us(world.loop), took_us = now_us - world.honest_since_us;

    if (!client_is_settled(&world.honest) || took_us < HONEST_PAUSE_US)
        return;
    if (world.honest.count && took_us > world.honest_worst_us)
        world.honest_worst_us = took_us;
    world.honest_since_us = now_us;
    if (world.honest.count + 4 <= CLIENT_MESSAGES)
        client_publish(&world.honest, 4);
}

#define TURN_UNTIL(condition)                                                                      \
    WAIT_UNTIL(condition, 120, (loop_turn(world.loop, 10), keep_honest_busy()), "in vain")

static void expect_honest_is_served(void)
{
    TURN_UNTIL(client_is_settled(&world.honest));
    assert_int_equal(world.honest.welcomes, 1);
}

/* --- set-up ----------------------------------------------------------------------------------- */

static void load_file(const char *path)
{
    uint8_t bytes[8192];
    FILE *f = fopen(path, "rb");
    size_t len;

    assert_non_null(f);
    assert_true(world.corpus_count < CORPUS_MAX);
    len = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    world.corpus[world.corpus_count].bytes = malloc(len + 1);
    assert_non_null(world.corpus[world.corpus_count].bytes);
    memcpy(world.corpus[world.corpus_count].bytes, bytes, len);
    world.corpus[world.corpus_count++].len = len;
}

static void load_corpus(void)
{
    char folder[] = "/tmp/eocbus-corpus-XXXXXX", path[600];
    struct dirent *entry;
    DIR *dir;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "tar -xzf " CORPUS "/nanopb_corpus_subset.tar.gz -C %s", folder);
    assert_int_equal(system(path), 0); /* NOLINT(cert-env33-c): no input from outside */
    snprintf(path, sizeof(path), "%s/protobuf-fuzz", folder);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        snprintf(path, sizeof(path), "%s/protobuf-fuzz/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            load_file(path);
    }
    closedir(dir);
    load_file(CORPUS "/sample1.pb");
    load_file(CORPUS "/sample2.pb");
    assert_int_equal(world.corpus_count, 926);
    snprintf(path, sizeof(path), "rm -r %s", folder);
    assert_int_equal(system(path), 0); /* NOLINT(cert-env33-c) */
}

static void drop_attacker(void)
{
    if (world.bad.port)
        attacker_destroy(&world.bad);
    world.bad.port = NULL;
}

static void connect_attacker(enum principal who)
{
    drop_attacker(); /* of a test that failed */
    attacker_create(&world.bad, world.loop, world.z, &world.bad_keys[who], bus_endpoint(world.bus),
                    bus_broker_key(world.bus));
    TURN_UNTIL(world.bad.is_welcome);
    note_counters();
}

static int begin(void **state)
{
    const char *options = getenv("ASAN_OPTIONS");
    char with[512];

    (void)state;
    /* What the sanitizer keeps of freed memory would hide what the broker keeps. */
    snprintf(with, sizeof(with), "%s:quarantine_size_mb=16", options ? options : "exitcode=99");
    setenv("ASAN_OPTIONS", with, 1);
    gen_seed(&world.gen, 20260514);
    world.bus = bus_create();
    bus_enrol(world.bus, "office.honest", &world.honest_keys);
    for (unsigned i = 0; i < PRINCIPALS; i++)
        bus_enrol(world.bus, names[i], &world.bad_keys[i]);
    bus_start_broker(world.bus, NULL);
    if (loop_create(&world.loop) != ST_OK || zctx_create(&world.z, world.loop) != ST_OK ||
        arena_create(&world.arena, LIMIT_ARENA_BYTES) != ST_OK)
        return -1;
    client_create(&world.honest, world.loop, world.z, "office.honest", &world.honest_keys,
                  bus_endpoint(world.bus), bus_broker_key(world.bus));
    load_corpus();
    client_publish(&world.honest, 100);
    world.honest_since_us = loop_exact_us(world.loop);
    expect_honest_is_served();
    world.honest_worst_us = 0;
    world.idle_kib = read_kib("VmRSS:");
    return 0;
}

static int end(void **state)
{
    (void)state;
    drop_attacker();
    client_destroy(&world.honest);
    zctx_destroy(world.z);
    loop_destroy(world.loop);
    arena_destroy(world.arena);
    for (unsigned i = 0; i < world.corpus_count; i++)
        free(world.corpus[i].bytes);
    bus_destroy(world.bus);
    return 0;
}

/* --- contents --------------------------------------------------------------------------------- */

static size_t make_corpus_content(void *arg, uint8_t *out, size_t cap)
{
    unsigned i = world.next++;

    (void)arg;
    if (i >= world.corpus_count)
        return SIZE_MAX;
    assert_true(world.corpus[i].len <= cap);
    memcpy(out, world.corpus[i].bytes, world.corpus[i].len);
    return world.corpus[i].len;
}

/* A valid message of the i-th type, said by `sender`; its length. */
static size_t make_message(unsigned i, const char *sender, uint8_t *out, size_t cap)
{
    Eocbus__V1__Envelope *m;
    size_t len;

    arena_reset(world.arena);
    world.gen.percent = 1 + (unsigned)gen_below(&world.gen, 30);
    m = gen_envelope(&world.gen, type_at(i % type_count())->number, world.arena);
    assert_non_null(m);
    m->sender = (char *)(uintptr_t)sender;
    m->epoch = 1789400000000000;
    m->lane_seq = ++world.lane_seq;
    len = eocbus__v1__envelope__get_packed_size(m);
    assert_true(len <= cap);
    eocbus__v1__envelope__pack(m, out);
    return len;
}

/* A quarter each: cut, one bit flipped; the rest whatever gen_mutate thinks of. */
static size_t make_spoiled(void *arg, uint8_t *out, size_t cap)
{
    unsigned i = world.next++;
    size_t len;

    (void)arg;
    if (i >= SPOILED)
        return SIZE_MAX;
    len = make_message(i / 4, names[SPOILER], out, cap);
    if (i % 4 == 0)
        return gen_below(&world.gen, len);
    if (i % 4 > 1)
        return gen_mutate(&world.gen, out, len,
                          cap < LIMIT_CONTENT_BYTES + 9 ? cap : LIMIT_CONTENT_BYTES + 9);
    out[gen_below(&world.gen, len)] ^= (uint8_t)(1u << gen_below(&world.gen, 8));
    return len;
}

static size_t make_foreign(void *arg, uint8_t *out, size_t cap)
{
    unsigned i = world.next++;

    (void)arg;
    return i < FOREIGN ? make_message(i, "office.honest", out, cap) : SIZE_MAX;
}

static size_t make_same_place(void *arg, uint8_t *out, size_t cap)
{
    unsigned i = world.next++;
    Eocbus__V1__Envelope *m;

    (void)arg;
    (void)cap;
    if (i >= SAME_PLACE)
        return SIZE_MAX;
    arena_reset(world.arena);
    world.gen.percent = 1;
    m = gen_envelope(&world.gen, EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY, world.arena);
    assert_non_null(m);
    m->sender = (char *)(uintptr_t)names[CONTRADICTOR];
    m->epoch = 7;
    m->lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    m->lane_seq = 1;
    return eocbus__v1__envelope__pack(m, out);
}

/* Every content had one answer; every refusal lies in quarantine or was counted past the quota. */
static void offer_all(enum principal who, size_t (*make)(void *arg, uint8_t *out, size_t cap),
                      const char *what)
{
    struct attacker *a = &world.bad;
    uint64_t began_us = loop_exact_us(world.loop);

    world.next = 0;
    connect_attacker(who);
    attacker_offer(a, make, NULL);
    TURN_UNTIL(attacker_is_answered(a));
    assert_int_equal(a->links, 1);
    assert_int_equal(a->strange, 0);
    assert_int_equal(a->stored + a->refused, a->offered);
    print_message("measured: %llu %s in %.1f s: %llu stored, %llu refused, of those %llu in "
                  "quarantine and %llu counted\n",
                  (unsigned long long)a->offered, what,
                  (double)(loop_exact_us(world.loop) - began_us) / 1e6,
                  (unsigned long long)a->stored, (unsigned long long)a->refused,
                  (unsigned long long)kept_now(), (unsigned long long)dropped_now());
    assert_int_equal(kept_now() + dropped_now(), a->refused);
    expect_honest_is_served();
    check_broker();
}

static void contents_that_broke_other_readers_are_refused(void **state)
{
    (void)state;
    offer_all(CORPUS_SENDER, make_corpus_content, "contents of the corpus");
    assert_int_equal(world.bad.stored, 0);
    assert_int_equal(world.bad.offered, world.corpus_count);
    drop_attacker();
}

static void a_hundred_thousand_spoiled_messages_of_every_type_are_judged(void **state)
{
    (void)state;
    offer_all(SPOILER, make_spoiled, "spoiled contents");
    assert_int_equal(world.bad.offered, SPOILED);
    assert_true(world.bad.refused > SPOILED / 4);
    for (unsigned i = 0; i < ATTACKER_CODES && world.bad.codes[i].times; i++)
        print_message("          %-10s %llu\n", world.bad.codes[i].code,
                      (unsigned long long)world.bad.codes[i].times);
    drop_attacker();
}

static void a_foreign_name_is_refused_every_time(void **state)
{
    (void)state;
    offer_all(IMPERSONATOR, make_foreign, "messages under a foreign name");
    assert_int_equal(attacker_times(&world.bad, "sender"), FOREIGN);
    assert_int_equal(pgserver_number(bus_server(world.bus),
                                     "SELECT count(*) FROM bus.message m JOIN bus.principal p ON "
                                     "p.principal_id = m.sender_id WHERE p.name = 'office.honest' "
                                     "AND m.epoch = 1789400000000000"),
                     0);
    drop_attacker();
}

static void other_contents_under_one_place_are_refused_all_but_the_first(void **state)
{
    (void)state;
    offer_all(CONTRADICTOR, make_same_place, "contents under one place");
    assert_int_equal(world.bad.stored - world.bad.repeated, 1);
    assert_int_equal(attacker_times(&world.bad, "conflict"), SAME_PLACE - world.bad.stored);
    drop_attacker();
}

/* --- frames ----------------------------------------------------------------------------------- */

static void say(const uint8_t *bytes, size_t len)
{
    TURN_UNTIL(attacker_say(&world.bad, bytes, len));
}

static bool is_heard_within_a_second(void)
{
    uint64_t end_us = loop_exact_us(world.loop) + 1000000;

    if (!attacker_ask(&world.bad))
        return false;
    while (!attacker_was_heard(&world.bad) && loop_exact_us(world.loop) < end_us)
        loop_turn(world.loop, 20);
    return attacker_was_heard(&world.bad);
}

/* A Pong for which a socket full of Faults has no room is not said. */
static void ask_whether_it_is_there(void)
{
    TURN_UNTIL(is_heard_within_a_second());
}

/* Refused frames have no receipt to count by, so the broker's own counter has to add up. */
static void expect_all_kept_or_counted(const char *what)
{
    uint64_t refused;

    ask_whether_it_is_there();
    TURN_UNTIL(bus_status(world.bus, "queued_rows") == 0 &&
               bus_status(world.bus, "refused") - world.refused == kept_now() + dropped_now());
    refused = bus_status(world.bus, "refused") - world.refused;
    print_message("measured: %s: %llu faults and %llu receipts of refusals; %llu in quarantine, "
                  "%llu counted\n",
                  what, (unsigned long long)world.bad.faults, (unsigned long long)world.bad.refused,
                  (unsigned long long)kept_now(), (unsigned long long)dropped_now());
    assert_true(refused > 0);
    assert_int_equal(world.bad.links, 1);
    expect_honest_is_served();
    check_broker();
}

static void frames_that_broke_other_readers_are_survived(void **state)
{
    (void)state;
    connect_attacker(FRAMER);
    for (unsigned i = 0; i < world.corpus_count; i++) {
        say(world.corpus[i].bytes, world.corpus[i].len);
        if (i % PORTION == 0)
            ask_whether_it_is_there();
    }
    expect_all_kept_or_counted("frames of the corpus");
    drop_attacker();
}

static void spoiled_frames_of_every_word_are_survived(void **state)
{
    static uint8_t bytes[LIMIT_FRAME_BYTES];

    (void)state;
    connect_attacker(FRAMER);
    for (unsigned i = 0; i < SPOILED_FRAMES; i++) {
        ProtobufCMessage *f;
        size_t len = sizeof(bytes);

        while (len > sizeof(bytes) / 4) { /* what CURVE adds, and what gen_mutate doubles */
            arena_reset(world.arena);
            world.gen.percent = 5 + (unsigned)gen_below(&world.gen, 60);
            f = gen_message(&world.gen, &eocbus__v1__frame__descriptor, world.arena);
            len = f ? protobuf_c_message_get_packed_size(f) : sizeof(bytes);
        }
        protobuf_c_message_pack(f, bytes);
        len = i % 4 ? gen_mutate(&world.gen, bytes, len, sizeof(bytes) / 2)
                    : gen_below(&world.gen, len + 1);
        say(bytes, len);
        if (i % PORTION == 0)
            ask_whether_it_is_there();
    }
    expect_all_kept_or_counted("spoiled frames");
    drop_attacker();
}

/* --- who does not even come in ---------------------------------------------------------------- */

static bool all_were_refused(const struct client *strangers)
{
    for (unsigned i = 0; i < STRANGERS; i++)
        if (!strangers[i].was_refused)
            return false;
    return true;
}

static void unknown_keys_get_nothing(void **state)
{
    static struct client strangers[STRANGERS];
    uint64_t before = bus_status(world.bus, "unknown_keys");

    (void)state;
    for (unsigned i = 0; i < STRANGERS; i++) {
        client_create(&strangers[i], world.loop, world.z, "office.honest", NULL,
                      bus_endpoint(world.bus), bus_broker_key(world.bus));
        client_publish(&strangers[i], 10);
    }
    TURN_UNTIL(all_were_refused(strangers));
    for (unsigned i = 0; i < STRANGERS; i++) {
        assert_int_equal(strangers[i].frames, 0);
        client_destroy(&strangers[i]);
    }
    assert_true(bus_status(world.bus, "unknown_keys") - before >= STRANGERS);
    expect_honest_is_served();
    check_broker();
}

static int open_tcp(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons((uint16_t)strtoul(strrchr(bus_endpoint(world.bus), ':') + 1, NULL, 10));
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* ZMTP 3.0 (rfc.zeromq.org/spec/23): signature, version, mechanism, as-server, filler. */
static size_t put_greeting(uint8_t *out, const char *mechanism)
{
    memset(out, 0, 64);
    out[0] = 0xff;
    out[8] = 1;
    out[9] = 0x7f;
    out[10] = 3;
    memcpy(out + 12, mechanism, strlen(mechanism));
    return 64;
}

static size_t put_ready(uint8_t *out)
{
    static const char ready[] = "\x04\x1b\x05READY\x0bSocket-Type\x00\x00\x00\x06"
                                "DEALER";

    memcpy(out, ready, sizeof(ready) - 1);
    return sizeof(ready) - 1;
}

static size_t put_plain_hello(uint8_t *out)
{
    static const char hello[] = "\x04\x14\x05HELLO\x05"
                                "admin\x06secret";

    memcpy(out, hello, sizeof(hello) - 1);
    return sizeof(hello) - 1;
}

static size_t put_noise(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)gen_u64(&world.gen);
    return len;
}

enum raw_kind { RAW_NULL, RAW_PLAIN, RAW_CURVE_NOISE, RAW_NOISE, RAW_HTTP, RAW_OLD, RAW_SILENT };
static const char *const raw_names[] = {"NULL", "PLAIN",  "CURVE and noise", "noise",
                                        "HTTP", "ZMTP 1", "silence"};

static size_t put_raw(enum raw_kind kind, uint8_t *out)
{
    static const char http[] = "GET / HTTP/1.1\r\nHost: eoc\r\n\r\n";
    size_t len = 0;

    switch (kind) {
    case RAW_NULL:
        len = put_greeting(out, "NULL");
        return len + put_ready(out + len);
    case RAW_PLAIN:
        len = put_greeting(out, "PLAIN");
        return len + put_plain_hello(out + len);
    case RAW_CURVE_NOISE:
        len = put_greeting(out, "CURVE");
        return len + put_noise(out + len, 700);
    case RAW_NOISE:
        return put_noise(out, 700);
    case RAW_HTTP:
        memcpy(out, http, sizeof(http) - 1);
        return sizeof(http) - 1;
    case RAW_OLD: /* an empty identity, then a message, without any greeting */
        memcpy(out, "\x01\x00\x05\x00test", 8);
        return 8;
    case RAW_SILENT:
        return 0;
    }
    return 0;
}

/* What the broker said, in bytes; *is_closed when it hung up. */
static size_t read_all(int fd, bool *is_closed)
{
    uint8_t bytes[4096];
    size_t len = 0;
    ssize_t n;

    while ((n = read(fd, bytes, sizeof(bytes))) > 0)
        len += (size_t)n;
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        *is_closed = true;
    return len;
}

static void try_raw(enum raw_kind kind)
{
    int fds[RAW_EACH];
    bool is_closed[RAW_EACH] = {false};
    bool is_hopeless = kind == RAW_NULL || kind == RAW_PLAIN || kind == RAW_CURVE_NOISE;
    unsigned closed = 0, turns = is_hopeless ? PATIENCE * 6000 : 100; /* of 10 ms */
    uint8_t bytes[1024];
    size_t heard = 0;

    for (unsigned i = 0; i < RAW_EACH; i++) {
        size_t len = put_raw(kind, bytes);

        fds[i] = open_tcp();
        assert_int_equal(write(fds[i], bytes, len), len);
    }
    /* Silence is allowed to last (thin links); noise may look like the begin of something long. */
    for (unsigned turn = 0; turn < turns && closed < RAW_EACH; turn++) {
        closed = 0;
        loop_turn(world.loop, 10);
        keep_honest_busy();
        for (unsigned i = 0; i < RAW_EACH; i++) {
            if (!is_closed[i])
                heard += read_all(fds[i], &is_closed[i]);
            closed += is_closed[i];
        }
    }
    print_message("measured: raw %s: %u of %u hung up on, %zu bytes of answer each\n",
                  raw_names[kind], closed, RAW_EACH, heard / RAW_EACH);
    if (is_hopeless)
        assert_int_equal(closed, RAW_EACH);
    assert_true(heard <= 64 * RAW_EACH); /* a greeting, never a READY or WELCOME */
    for (unsigned i = 0; i < RAW_EACH; i++)
        close(fds[i]);
}

static void other_mechanisms_and_noise_on_the_port_get_a_greeting_at_most(void **state)
{
    uint64_t admitted = bus_status(world.bus, "admitted");

    (void)state;
    for (enum raw_kind kind = RAW_NULL; kind <= RAW_SILENT; kind++)
        try_raw(kind);
    assert_int_equal(bus_status(world.bus, "admitted"), admitted);
    assert_int_equal(bus_status(world.bus, "unauthenticated"), 0);
    expect_honest_is_served();
    check_broker();
}

/* --- several frames in a message -------------------------------------------------------------- */

static void *open_rough_socket(void *context)
{
    void *s = zmq_socket(context, ZMQ_DEALER);
    int zero = 0, few = 100;

    assert_non_null(s);
    zmq_setsockopt(s, ZMQ_LINGER, &zero, sizeof(zero));
    zmq_setsockopt(s, ZMQ_SNDHWM, &few, sizeof(few));
    zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, bus_broker_key(world.bus), KEY_Z85);
    zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, world.bad_keys[FRAMER].public_z85, KEY_Z85);
    zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, world.bad_keys[FRAMER].secret_z85, KEY_Z85);
    assert_int_equal(zmq_connect(s, bus_endpoint(world.bus)), 0);
    return s;
}

static void send_part(void *s, const uint8_t *bytes, size_t len, int more)
{
    while (zmq_send(s, bytes, len, more | ZMQ_DONTWAIT) < 0) {
        char answer[512];

        assert_int_equal(errno, EAGAIN);
        while (zmq_recv(s, answer, sizeof(answer), ZMQ_DONTWAIT) >= 0)
            ; /* faults */
        loop_turn(world.loop, 2);
        keep_honest_busy();
    }
}

static void a_flood_of_multipart_messages_is_counted_and_dropped(void **state)
{
    void *context = zmq_ctx_new(), *s = open_rough_socket(context);
    uint64_t before = bus_status(world.bus, "broken");
    uint8_t bytes[200];

    (void)state;
    for (unsigned i = 0; i < MULTIPARTS; i++) {
        unsigned parts = 2 + (unsigned)gen_below(&world.gen, 60);

        for (unsigned part = 0; part < parts; part++)
            send_part(s, bytes, put_noise(bytes, gen_below(&world.gen, sizeof(bytes))),
                      part + 1 < parts ? ZMQ_SNDMORE : 0);
    }
    TURN_UNTIL(bus_status(world.bus, "broken") - before >= MULTIPARTS);
    assert_int_equal(bus_status(world.bus, "broken") - before, MULTIPARTS);
    zmq_close(s);
    zmq_ctx_term(context);
    expect_honest_is_served();
    check_broker();
}

static void *watch_for_the_end_of(void *context, void *s)
{
    void *watch = zmq_socket(context, ZMQ_PAIR);

    assert_int_equal(zmq_socket_monitor(s, "inproc://watch", ZMQ_EVENT_DISCONNECTED), 0);
    assert_int_equal(zmq_connect(watch, "inproc://watch"), 0);
    return watch;
}

/* libzmq sends a multipart message only when its last part is there, so it is a long one. */
static void a_multipart_message_without_end_is_cut_off(void **state)
{
    static uint8_t part[PART_BYTES];
    void *context = zmq_ctx_new(), *s = open_rough_socket(context);
    void *watch = watch_for_the_end_of(context, s);

    (void)state;
    for (unsigned i = 0; i < ENDLESS_PARTS; i++)
        send_part(s, part, sizeof(part), i + 1 < ENDLESS_PARTS ? ZMQ_SNDMORE : 0);
    TURN_UNTIL(zmq_recv(watch, part, sizeof(part), ZMQ_DONTWAIT) >= 0); /* disconnected */
    TURN_UNTIL(bus_log_lines(world.bus, "zport.endless.cut") > 0);
    zmq_close(watch);
    zmq_close(s);
    zmq_ctx_term(context);
    expect_honest_is_served();
    check_broker();
}

/* --- the end ---------------------------------------------------------------------------------- */

static void the_broker_is_still_whole_and_the_honest_sender_missed_nothing(void **state)
{
    (void)state;
    expect_honest_is_served();
    assert_true(world.honest_worst_us < PATIENCE * UINT64_C(30000000));
    print_message("measured: honest sender: %llu messages, slowest four in %.0f ms\n",
                  (unsigned long long)world.honest.count, (double)world.honest_worst_us / 1e3);
    assert_int_equal(pgserver_number(bus_server(world.bus),
                                     "SELECT count(*) FROM bus.message m JOIN bus.principal p ON "
                                     "p.principal_id = m.sender_id WHERE p.name = "
                                     "'office.honest'"),
                     world.honest.count);
    assert_int_equal(bus_end_broker(world.bus, NULL), 0); /* no leaks either */
    assert_int_equal(bus_log_lines(world.bus, "Sanitizer"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents_that_broke_other_readers_are_refused),
        cmocka_unit_test(a_foreign_name_is_refused_every_time),
        cmocka_unit_test(other_contents_under_one_place_are_refused_all_but_the_first),
        cmocka_unit_test(a_hundred_thousand_spoiled_messages_of_every_type_are_judged),
        cmocka_unit_test(frames_that_broke_other_readers_are_survived),
        cmocka_unit_test(spoiled_frames_of_every_word_are_survived),
        cmocka_unit_test(unknown_keys_get_nothing),
        cmocka_unit_test(other_mechanisms_and_noise_on_the_port_get_a_greeting_at_most),
        cmocka_unit_test(a_flood_of_multipart_messages_is_counted_and_dropped),
        cmocka_unit_test(a_multipart_message_without_end_is_cut_off),
        cmocka_unit_test(the_broker_is_still_whole_and_the_honest_sender_missed_nothing),
    };

    return cmocka_run_group_tests_name("bad input", tests, begin, end);
}
