/* An enrolled sender that says nonsense: spoiled messages of every type, spoiled frames and noise,
 * over a real CURVE session. The broker keeps or counts each refusal, serves an honest sender
 * meanwhile, and ends clean (it is built with sanitizers in `make test`). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eocbus/v1/session.pb-c.h"
#include "proto/base/mem.h"
#include "proto/wire/limits.h"
#include "proto/wire/types.h"
#include "tests/lib/bus.h"
#include "tests/lib/client.h"
#include "tests/lib/gen_message.h"

enum { FRAMES = 6000, HONEST = 500, PONG_TOKEN = 77 };

static struct {
    struct bus *bus;
    struct loop *loop;
    struct zctx *z;
    struct client honest;
    struct zport *port; /* of the one who says nonsense */
    struct gen gen;
    struct arena *arena;
    uint64_t lane_seq;
    bool linked, welcome, pong;
    uint64_t refused, stored, busy;
} world;

static void say(const void *bytes, size_t len)
{
    while (zport_send(world.port, NULL, bytes, len) == ST_FULL)
        loop_turn(world.loop, 5);
    loop_turn(world.loop, 0);
}

static void say_frame(const Eocbus__V1__Frame *f)
{
    static uint8_t bytes[LIMIT_FRAME_BYTES];

    assert_true(eocbus__v1__frame__get_packed_size(f) <= sizeof(bytes));
    say(bytes, eocbus__v1__frame__pack(f, bytes));
}

static void say_hello(void)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Hello h = EOCBUS__V1__HELLO__INIT;

    h.protocol_min = h.protocol_max = 1;
    f.what_case = EOCBUS__V1__FRAME__WHAT_HELLO;
    f.hello = &h;
    say_frame(&f);
}

static void on_message(void *arg, const struct zport_message *m)
{
    Eocbus__V1__Frame *f = eocbus__v1__frame__unpack(NULL, m->len, m->data);

    (void)arg;
    assert_non_null(f);
    if (f->what_case == EOCBUS__V1__FRAME__WHAT_WELCOME)
        world.welcome = true;
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_PONG && f->pong->token == PONG_TOKEN)
        world.pong = true;
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_BUSY)
        world.busy += f->busy->n_tags;
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_RECEIPTS)
        for (size_t i = 0; i < f->receipts->n_settled; i++) {
            bool stored = f->receipts->settled[i]->outcome == EOCBUS__V1__OUTCOME__OUTCOME_STORED;

            world.stored += stored;
            world.refused += !stored;
        }
    eocbus__v1__frame__free_unpacked(f, NULL);
}

static void on_linked(void *arg, bool up, const char *why)
{
    (void)arg;
    (void)why;
    world.linked = up;
}

static bool is_linked(void *arg)
{
    (void)arg;
    return world.linked;
}

static bool is_welcome(void *arg)
{
    (void)arg;
    return world.welcome;
}

static bool honest_settled(void *arg)
{
    (void)arg;
    return client_is_settled(&world.honest);
}

/* --- nonsense --------------------------------------------------------------------------------- */

/* A message of the next type, half of them spoiled. */
static size_t make_content(uint8_t out[LIMIT_CONTENT_BYTES], unsigned n)
{
    Eocbus__V1__Envelope *m;
    char name[] = "office.bad";
    size_t len;

    arena_reset(world.arena);
    m = gen_envelope(&world.gen, type_at(n % type_count())->number, world.arena);
    assert_non_null(m);
    if (gen_below(&world.gen, 8))
        m->sender = name;
    m->epoch = 1;
    m->lane_seq = ++world.lane_seq;
    len = eocbus__v1__envelope__get_packed_size(m);
    if (len > LIMIT_CONTENT_BYTES)
        return 0;
    eocbus__v1__envelope__pack(m, out);
    return gen_below(&world.gen, 2) ? gen_mutate(&world.gen, out, len, LIMIT_CONTENT_BYTES) : len;
}

static void say_publish(unsigned n)
{
    static uint8_t contents[2][LIMIT_CONTENT_BYTES], frame[LIMIT_FRAME_BYTES];
    Eocbus__V1__Item items[2], *pointers[2];
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Publish p = EOCBUS__V1__PUBLISH__INIT;
    size_t len;

    for (unsigned i = 0; i < 2; i++) {
        eocbus__v1__item__init(&items[i]);
        items[i].tag = 2 * n + i + 1;
        items[i].content.data = contents[i];
        items[i].content.len = make_content(contents[i], 2 * n + i);
        pointers[i] = &items[i];
    }
    p.items = pointers;
    p.n_items = 2;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PUBLISH;
    f.publish = &p;
    len = eocbus__v1__frame__pack(&f, frame);
    if (gen_below(&world.gen, 4) == 0)
        len = gen_mutate(&world.gen, frame, len, sizeof(frame));
    say(frame, len);
}

static void say_noise(void)
{
    uint8_t bytes[512];
    size_t len = gen_below(&world.gen, sizeof(bytes));

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)gen_u64(&world.gen);
    say(bytes, len);
}

static void say_ping(void)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Ping ping = EOCBUS__V1__PING__INIT;

    ping.token = PONG_TOKEN;
    f.what_case = EOCBUS__V1__FRAME__WHAT_PING;
    f.ping = &ping;
    say_frame(&f);
}

/* Asked again now and then: a Pong for which a socket full of Faults has no room is not said. */
static bool has_pong(void *arg)
{
    unsigned *turns = arg;

    if (!world.pong && (*turns)++ % 50 == 0) {
        say_hello();
        say_ping();
    }
    return world.pong;
}

/* A busy machine may answer the whole storm with Busy, or owe its receipts to a session that a
 * Hello has ended since: a new one asks until it is told. */
static bool is_told_of_a_refusal(void *arg)
{
    (void)arg;
    if (!world.refused) {
        say_hello();
        say_publish(FRAMES);
    }
    return world.refused > 0;
}

/* How much of the storm was looked at and not answered with Busy is a matter of the machine. */
static bool are_some_only_counted(void *arg)
{
    static unsigned n = FRAMES;

    (void)arg;
    if (bus_status(world.bus, "quarantine_dropped"))
        return true;
    for (unsigned i = 0; i < 100; i++)
        say_publish(++n);
    say_hello();
    return false;
}

static void connect_both(void)
{
    const struct zport_events events = {.message = on_message, .linked = on_linked};
    struct zport_settings set = {.endpoint = bus_endpoint(world.bus),
                                 .server_z85 = bus_broker_key(world.bus),
                                 .max_frame_bytes = LIMIT_FRAME_BYTES,
                                 .handshake_ms = 30000};
    struct keys bad, good;

    bus_enrol(world.bus, "office.bad", &bad);
    bus_enrol(world.bus, "office.n00", &good);
    bus_start_broker(world.bus, NULL);
    set.public_z85 = bad.public_z85;
    set.secret_z85 = bad.secret_z85;
    assert_int_equal(zport_create(&world.port, world.z, &set, &events), ST_OK);
    client_create(&world.honest, world.loop, world.z, "office.n00", &good, bus_endpoint(world.bus),
                  bus_broker_key(world.bus));
    client_wait(world.loop, is_linked, NULL, "the link");
    say_hello();
    client_wait(world.loop, is_welcome, NULL, "Welcome");
}

static void nonsense_is_kept_or_counted_and_hurts_nobody(void **state)
{
    unsigned long long refused, dropped, kept;
    unsigned turns = 0;

    (void)state;
    connect_both();
    client_publish(&world.honest, HONEST);
    for (unsigned n = 0; n < FRAMES; n++) {
        if (n % 8 == 0)
            say_noise();
        else
            say_publish(n);
        if (n % 500 == 0)
            say_hello(); /* noise may have been a Hello with another version */
    }
    client_wait(world.loop, has_pong, &turns, "the answer to the last frame");
    client_wait(world.loop, honest_settled, NULL, "the honest sender's receipts");
    client_wait(world.loop, is_told_of_a_refusal, NULL, "a receipt that refuses");
    client_wait(world.loop, are_some_only_counted, NULL, "more than may be kept");
    refused = bus_status(world.bus, "refused");
    dropped = bus_status(world.bus, "quarantine_dropped");
    assert_int_equal(bus_end_broker(world.bus, NULL), 0);
    kept = (unsigned long long)pgserver_number(bus_server(world.bus),
                                               "SELECT count(*) FROM bus.quarantine");
    print_message("told: %llu stored, %llu refused, %llu busy; refused %llu, of them %llu only "
                  "counted; %llu rows in quarantine\n",
                  (unsigned long long)world.stored, (unsigned long long)world.refused,
                  (unsigned long long)world.busy, refused, dropped, kept);
    assert_true(dropped > 0);
    assert_true(kept >= refused - dropped); /* more: conflicts, which only the database sees */
}

static int begin(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    world.bus = bus_create();
    gen_seed(&world.gen, 20260514);
    return loop_create(&world.loop) == ST_OK && zctx_create(&world.z, world.loop) == ST_OK &&
                   arena_create(&world.arena, LIMIT_ARENA_BYTES) == ST_OK
               ? 0
               : -1;
}

static int end(void **state)
{
    (void)state;
    client_destroy(&world.honest);
    zport_destroy(world.port);
    arena_destroy(world.arena);
    zctx_destroy(world.z);
    loop_destroy(world.loop);
    bus_destroy(world.bus);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nonsense_is_kept_or_counted_and_hurts_nobody, begin, end),
    };

    return cmocka_run_group_tests_name("broker, input", tests, NULL, NULL);
}
