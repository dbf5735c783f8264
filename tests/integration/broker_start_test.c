/* How the broker starts when something is missing: each has a sentence and an exit code; and what
 * it waits for instead of giving up. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/bus.h"
#include "tests/lib/client.h"
#include "tests/lib/patience.h"

static struct bus *bus;
static char text[8192];

static int begin(void **state)
{
    (void)state;
    bus = bus_create();
    return 0;
}

static int end(void **state)
{
    (void)state;
    bus_destroy(bus);
    return 0;
}

static void says(const char *words)
{
    if (!strstr(text, words))
        print_error("it said: %s\n", text);
    assert_non_null(strstr(text, words));
}

static void a_port_in_use_ends_with_4_and_a_hint(void **state)
{
    char socket[128];
    const char *settings[] = {socket, NULL};

    (void)state;
    snprintf(socket, sizeof(socket), "control.socket=%s/other.sock", bus_dir(bus));
    bus_start_broker(bus, NULL);
    assert_int_equal(bus_run_broker(bus, settings, text, sizeof(text)), 4);
    says("is in use; is another broker running? See: eocctl status");
}

static void a_missing_key_ends_with_4_and_names_the_file(void **state)
{
    static const char *const settings[] = {"key.file=/nowhere/broker.key", NULL};

    (void)state;
    assert_int_equal(bus_run_broker(bus, settings, text, sizeof(text)), 4);
    says("/nowhere/broker.key");
}

static void no_database_string_ends_with_2(void **state)
{
    static const char *const settings[] = {"database=", NULL};

    (void)state;
    assert_int_equal(bus_run_broker(bus, settings, text, sizeof(text)), 2);
    says("database is empty");
}

static void settings_that_contradict_end_with_2(void **state)
{
    static const char *const settings[] = {"heartbeat=60s", "heartbeat.timeout=10s", NULL};

    (void)state;
    assert_int_equal(bus_run_broker(bus, settings, text, sizeof(text)), 2);
    says("heartbeat.timeout");
}

static void an_endpoint_that_is_none_ends_with_2(void **state)
{
    static const char *const settings[] = {"endpoint=tcp://192.0.2.7:5511", NULL};

    (void)state;
    assert_int_equal(bus_run_broker(bus, settings, text, sizeof(text)), 2);
    says("cannot listen on endpoint tcp://192.0.2.7:5511");
}

/* --- what it waits for ------------------------------------------------------------------------ */

static struct {
    struct loop *loop;
    struct zctx *z;
    struct client client;
} world;

static void connect_client(const struct keys *keys)
{
    assert_int_equal(loop_create(&world.loop), ST_OK);
    assert_int_equal(zctx_create(&world.z, world.loop), ST_OK);
    client_create(&world.client, world.loop, world.z, "office.n00", keys, bus_endpoint(bus),
                  bus_broker_key(bus));
}

static void disconnect_client(void)
{
    client_destroy(&world.client);
    zctx_destroy(world.z);
    loop_destroy(world.loop);
}

static bool is_settled(void *arg)
{
    (void)arg;
    return world.client.welcomes && client_is_settled(&world.client);
}

static void turn_for_half_a_second(void)
{
    uint64_t end_us = loop_exact_us(world.loop) + 500000;

    while (loop_exact_us(world.loop) < end_us)
        loop_turn(world.loop, 20);
}

static void a_database_that_is_away_at_the_start_is_waited_for(void **state)
{
    struct keys keys;

    (void)state;
    bus_enrol(bus, "office.n00", &keys);
    pgserver_stop(bus_server(bus));
    bus_start_broker(bus, NULL);
    connect_client(&keys);
    client_publish(&world.client, 5);
    turn_for_half_a_second();
    assert_int_equal(world.client.welcomes, 0); /* nobody knows yet who this is */
    assert_false(world.client.was_refused);
    pgserver_start_again(bus_server(bus));
    client_wait(world.loop, is_settled, NULL, "receipts after the database came");
    disconnect_client();
}

static bool has_named_the_schema(void *arg)
{
    (void)arg;
    return bus_log_lines(bus, "run: eocctl migrate") > 0;
}

static void an_old_schema_is_named_and_waited_for(void **state)
{
    struct keys keys;

    (void)state;
    bus_enrol(bus, "office.n00", &keys);
    pgserver_exec(bus_server(bus), "CREATE TABLE kept AS SELECT * FROM bus.migration; "
                                   "DELETE FROM bus.migration WHERE version = "
                                   "(SELECT max(version) FROM bus.migration)");
    bus_start_broker(bus, NULL);
    connect_client(&keys);
    client_publish(&world.client, 5);
    client_wait(world.loop, has_named_the_schema, NULL, "what to do");
    turn_for_half_a_second();
    assert_int_equal(world.client.welcomes, 0);
    pgserver_exec(bus_server(bus), "DELETE FROM bus.migration; "
                                   "INSERT INTO bus.migration SELECT * FROM kept");
    client_wait(world.loop, is_settled, NULL, "receipts after the migration");
    disconnect_client();
}

static bool has_reloaded(void *arg)
{
    (void)arg;
    return bus_log_lines(bus, "broker.reload") > 0;
}

static void sighup_reads_the_settings_again_and_nobody_notices(void **state)
{
    struct keys keys;

    (void)state;
    bus_enrol(bus, "office.n00", &keys);
    bus_start_broker(bus, NULL);
    connect_client(&keys);
    client_publish(&world.client, 5);
    client_wait(world.loop, is_settled, NULL, "receipts");
    assert_int_equal(kill(bus_broker_pid(bus), SIGHUP), 0);
    client_wait(world.loop, has_reloaded, NULL, "the reload");
    client_publish(&world.client, 5);
    client_wait(world.loop, is_settled, NULL, "receipts");
    assert_int_equal(world.client.welcomes, 1);
    disconnect_client();
}

static void asked_to_end_while_the_database_is_away_it_ends(void **state)
{
    unsigned took_ms;

    (void)state;
    pgserver_stop(bus_server(bus));
    bus_start_broker(bus, NULL);
    assert_int_equal(bus_end_broker(bus, &took_ms), 0);
    /* Two seconds and what the machine adds; it waits as long for a database that is away as it is
     * away. */
    assert_true(took_ms < PATIENCE * 15000);
    pgserver_start_again(bus_server(bus));
}

#define WITH_BUS(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BUS(a_port_in_use_ends_with_4_and_a_hint),
        WITH_BUS(a_missing_key_ends_with_4_and_names_the_file),
        WITH_BUS(no_database_string_ends_with_2),
        WITH_BUS(settings_that_contradict_end_with_2),
        WITH_BUS(an_endpoint_that_is_none_ends_with_2),
        WITH_BUS(a_database_that_is_away_at_the_start_is_waited_for),
        WITH_BUS(an_old_schema_is_named_and_waited_for),
        WITH_BUS(sighup_reads_the_settings_again_and_nobody_notices),
        WITH_BUS(asked_to_end_while_the_database_is_away_it_ends),
    };

    return cmocka_run_group_tests_name("broker, start", tests, NULL, NULL);
}
