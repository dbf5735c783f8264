/* A listener that stops reading for a minute, at 2,000 messages a second and with 200 agents
 * connected, costs the broker little memory and the others nothing; then it gets all it missed.
 *
 * Two such listeners: a process that is stopped (SIGSTOP: its kernel's buffers fill up), and one
 * that leaves its socket alone. Memory is measured, so the broker is the one without sanitizers, in
 * BUILD (default: build). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/bus.h"
#include "tests/lib/client.h"
#include "tests/lib/patience.h"

enum {
    AGENTS = 200,
    SPEAKERS = 10, /* of the agents; the others are only there */
    RATE = 2000,   /* messages a second, all speakers together */
    SECONDS = 60,
    SLICE_MS = 20,
    MORE_KIB = 64 * 1024,
};

/* What the stopped process saw, in memory that both see. */
struct shared {
    char endpoint[64], broker_key[KEY_Z85];
    struct keys keys;
    volatile uint64_t got, last_seq, errors;
    volatile bool is_subscribed;
};

static struct {
    struct bus *bus;
    struct loop *loop;
    struct zctx *z;
    struct client agents[AGENTS], quick, sleeper;
    struct shared *shared;
    pid_t stopped;
    uint64_t published, worst_us;
    unsigned long idle_kib, most_kib;
} world;

/* --- the process that will be stopped --------------------------------------------------------- */

static void listen_for_ever(int ready)
{
    static struct client c;
    struct shared *s = world.shared;
    struct loop *loop;
    struct zctx *z;
    char go;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(ready, &go, 1) != 1 || loop_create(&loop) != ST_OK || zctx_create(&z, loop) != ST_OK)
        _exit(1);
    client_create(&c, loop, z, "centre.stopped", &s->keys, s->endpoint, s->broker_key);
    client_listen(&c);
    for (;;) {
        loop_turn(loop, 20);
        s->is_subscribed = c.is_subscribed;
        s->errors = c.previous_errors;
        s->last_seq = c.last_seq;
        s->got = c.got;
    }
}

/* --- set-up ----------------------------------------------------------------------------------- */

static bool all_are_here(void *arg)
{
    bool yes =
        world.quick.is_subscribed && world.sleeper.is_subscribed && world.shared->is_subscribed;

    (void)arg;
    for (unsigned i = 0; i < AGENTS; i++)
        yes = yes && world.agents[i].is_welcome;
    return yes;
}

static void connect_listener(struct client *c, const char *name, const struct keys *keys)
{
    client_create(c, world.loop, world.z, name, keys, bus_endpoint(world.bus),
                  bus_broker_key(world.bus));
    client_listen(c);
}

static void connect_all(const struct keys *agent_keys, const struct keys *quick,
                        const struct keys *sleeper)
{
    char name[32];

    assert_int_equal(loop_create(&world.loop), ST_OK);
    assert_int_equal(zctx_create(&world.z, world.loop), ST_OK);
    for (unsigned i = 0; i < AGENTS; i++) {
        snprintf(name, sizeof(name), "office.n%03u", i);
        client_create(&world.agents[i], world.loop, world.z, name, &agent_keys[i],
                      bus_endpoint(world.bus), bus_broker_key(world.bus));
    }
    connect_listener(&world.quick, "centre.quick", quick);
    connect_listener(&world.sleeper, "centre.sleeper", sleeper);
    client_wait(world.loop, all_are_here, NULL, "200 sessions and three listeners");
}

static int begin(void **state)
{
    static struct keys agent_keys[AGENTS];
    const char *build = getenv("BUILD");
    struct keys quick, sleeper;
    int ready[2];
    char name[32];

    (void)state;
    world.shared = mmap(NULL, sizeof(*world.shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (world.shared == MAP_FAILED || pipe(ready) != 0)
        return -1;
    world.stopped = fork(); /* before this process has threads */
    if (world.stopped == 0)
        listen_for_ever(ready[0]);
    world.bus = bus_create();
    if (!bus_use_build(world.bus, build ? build : "build")) {
        print_error("no broker without sanitizers in %s: make programs first\n",
                    build ? build : "build");
        return -1;
    }
    for (unsigned i = 0; i < AGENTS; i++) {
        snprintf(name, sizeof(name), "office.n%03u", i);
        bus_enrol(world.bus, name, &agent_keys[i]);
    }
    bus_enrol(world.bus, "centre.quick", &quick);
    bus_enrol(world.bus, "centre.sleeper", &sleeper);
    bus_enrol(world.bus, "centre.stopped", &world.shared->keys);
    snprintf(world.shared->endpoint, sizeof(world.shared->endpoint), "%s", bus_endpoint(world.bus));
    snprintf(world.shared->broker_key, sizeof(world.shared->broker_key), "%s",
             bus_broker_key(world.bus));
    bus_start_broker(world.bus, NULL);
    if (write(ready[1], "", 1) != 1)
        return -1;
    connect_all(agent_keys, &quick, &sleeper);
    return 0;
}

static int end(void **state)
{
    (void)state;
    kill(world.stopped, SIGKILL);
    waitpid(world.stopped, NULL, 0);
    for (unsigned i = 0; i < AGENTS; i++)
        client_destroy(&world.agents[i]);
    client_destroy(&world.quick);
    client_destroy(&world.sleeper);
    zctx_destroy(world.z);
    loop_destroy(world.loop);
    bus_destroy(world.bus);
    munmap(world.shared, sizeof(*world.shared));
    return 0;
}

/* --- the minute ------------------------------------------------------------------------------- */

static bool all_settled(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < SPEAKERS; i++)
        if (!client_is_settled(&world.agents[i]))
            return false;
    return true;
}

static bool quick_has_all(void *arg)
{
    return all_settled(arg) && world.quick.got >= world.published;
}

static bool sleepers_have_all(void *arg)
{
    (void)arg;
    return world.sleeper.got >= world.published && world.shared->got >= world.published;
}

static void publish(uint64_t n)
{
    for (; n; n--)
        client_publish(&world.agents[world.published++ % SPEAKERS], 1);
}

static void look_at_memory(void)
{
    unsigned long now_kib = bus_broker_resident_kib(world.bus);

    if (now_kib > world.most_kib)
        world.most_kib = now_kib;
}

/* What stands longest without a receipt: the time since nothing was open. */
static void look_at_receipts(uint64_t *open_since_us, uint64_t *settled)
{
    uint64_t now_us = loop_exact_us(world.loop), n = 0;

    for (unsigned i = 0; i < SPEAKERS; i++)
        n += world.agents[i].settled;
    if (n > *settled || n == world.published)
        *open_since_us = now_us;
    *settled = n;
    if (now_us - *open_since_us > world.worst_us)
        world.worst_us = now_us - *open_since_us;
}

static void speak_for_a_minute(void)
{
    uint64_t began_us = loop_exact_us(world.loop), open_since_us = began_us, settled = 0;
    uint64_t base = world.published, now_us;

    while ((now_us = loop_exact_us(world.loop)) < began_us + SECONDS * UINT64_C(1000000)) {
        uint64_t due = base + (now_us - began_us) * RATE / 1000000;

        if (due > world.published)
            publish(due - world.published);
        loop_turn(world.loop, SLICE_MS);
        look_at_receipts(&open_since_us, &settled);
        look_at_memory();
    }
}

static void who_stops_reading_costs_others_nothing_and_gets_all_of_it_later(void **state)
{
    uint64_t began_us;

    (void)state;
    world.idle_kib = bus_broker_resident_kib(world.bus);
    publish(RATE);
    client_wait(world.loop, quick_has_all, NULL, "a first second");
    client_wait(world.loop, sleepers_have_all, NULL, "a first second, for the others");
    assert_int_equal(kill(world.stopped, SIGSTOP), 0);
    zport_pause(world.sleeper.port, true);
    speak_for_a_minute();
    client_wait(world.loop, quick_has_all, NULL, "the last receipts and deliveries");
    look_at_memory();
    print_message(
        "measured: %d agents, %d messages/s for %d s, two listeners not reading: resident "
        "%lu KiB idle, at most %lu KiB more; longest without any receipt %.0f ms\n",
        AGENTS, RATE, SECONDS, world.idle_kib, world.most_kib - world.idle_kib,
        (double)world.worst_us / 1e3);
    assert_swift(world.most_kib < world.idle_kib + MORE_KIB);
    /* One who holds the others up does so as long as it does not read; a machine that stands still
     * for a moment is another matter. */
    assert_swift(world.worst_us < 10000000);
    assert_true(world.published > (uint64_t)RATE * SECONDS * 3 / 4);
    assert_true(world.sleeper.got < world.published / 2 && world.shared->got < world.published / 2);

    began_us = loop_exact_us(world.loop);
    kill(world.stopped, SIGCONT);
    zport_pause(world.sleeper.port, false);
    client_wait(world.loop, sleepers_have_all, NULL, "what they missed");
    look_at_memory();
    print_message("measured: both got the %llu messages they missed in %.1f s; at most %lu KiB "
                  "more\n",
                  (unsigned long long)world.published - RATE,
                  (double)(loop_exact_us(world.loop) - began_us) / 1e6,
                  world.most_kib - world.idle_kib);
    assert_swift(world.most_kib < world.idle_kib + MORE_KIB);
}

static void nothing_was_missed_or_came_twice_or_out_of_order(void **state)
{
    (void)state;
    assert_int_equal(world.quick.got, world.published);
    assert_int_equal(world.sleeper.got, world.published);
    assert_int_equal(world.shared->got, world.published);
    assert_int_equal(world.quick.last_seq, world.published);
    assert_int_equal(world.sleeper.last_seq, world.published);
    assert_int_equal(world.shared->last_seq, world.published);
    assert_int_equal(world.quick.previous_errors, 0);
    assert_int_equal(world.sleeper.previous_errors, 0);
    assert_int_equal(world.shared->errors, 0);
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.message"),
                     world.published);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_stops_reading_costs_others_nothing_and_gets_all_of_it_later),
        cmocka_unit_test(nothing_was_missed_or_came_twice_or_out_of_order),
    };

    return cmocka_run_group_tests_name("slow listener", tests, begin, end);
}
