/* The last values of real streams through a real broker and a real database: the newest of each,
 * whether the projector has seen it or not, and then what is live; and the log from a time on, up
 * to a number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agents/link/agent.h"
#include "proto/base/log.h"
#include "proto/wire/limits.h"
#include "proto/wire/observations.h"
#include "tests/lib/bus.h"
#include "tests/lib/patience.h"

#include "proto/base/banned.h"

enum { STREAMS = 6 };

static struct {
    struct bus *bus;
    struct loop *loop;
    struct agent *sender, *listener;
    struct arena *arena;
    unsigned settled, heard, doubled;
    unsigned lasts[STREAMS + 1], live[STREAMS + 1], others;
    int64_t value[STREAMS + 1]; /* of the newest last value */
    uint64_t horizon, first, last_seq;
    bool is_over; /* nothing that is no last value may be before one */
    char dir[64];
} world;

static char err[600];

#define WAIT_FOR(condition)                                                                        \
    WAIT_UNTIL(condition, 60, loop_turn(world.loop, 20), "settled %u heard %u horizon %llu",       \
               world.settled, world.heard, (unsigned long long)world.horizon)

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    (void)arg;
    (void)tag;
    world.settled += oc->stored;
}

static void note_last(const Eocbus__V1__ObservationBatch *b)
{
    struct series_cursor c;
    struct sample s;

    assert_false(world.is_over);
    for (size_t i = 0; i < b->n_series; i++) {
        unsigned stream = b->series[i]->datastream_id;

        assert_in_range(stream, 1, STREAMS);
        world.lasts[stream]++;
        series_begin(&c, b, b->series[i]);
        while (series_next(&c, &s))
            world.value[stream] = s.value;
    }
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    (void)arg;
    assert_non_null(m);
    world.heard++;
    world.doubled += d->stamp->seq <= world.last_seq;
    world.last_seq = d->stamp->seq;
    world.first = world.first ? world.first : d->stamp->seq;
    if (d->last_value) {
        assert_true(d->history);
        note_last(m->observation_batch);
        return true;
    }
    world.is_over = true;
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_OBSERVATION_BATCH)
        world.live[m->observation_batch->series[0]->datastream_id]++;
    else
        world.others++;
    return true;
}

static void on_horizon(void *arg, uint64_t horizon)
{
    (void)arg;
    world.horizon = horizon;
    world.is_over = true;
}

static struct agent *start_agent(const char *name, bool speaks)
{
    const struct agent_events events = {.settled = on_settled};
    char key_file[128], outbox[128], *endpoint = (char *)(uintptr_t)bus_endpoint(world.bus);
    struct agent_settings set = {.name = (char *)(uintptr_t)name,
                                 .key_file = key_file,
                                 .endpoints = {.items = &endpoint, .count = 1},
                                 .broker_key = (char *)(uintptr_t)bus_broker_key(world.bus),
                                 .outbox_path = speaks ? outbox : NULL,
                                 .outbox_budget = 16 * 1024 * 1024,
                                 .link_profile = (char[]){"fiber"}};
    struct agent *a = NULL;
    struct keys keys;

    snprintf(key_file, sizeof(key_file), "%s/%s.key", world.dir, name);
    snprintf(outbox, sizeof(outbox), "%s/%s.out", world.dir, name);
    bus_enrol(world.bus, name, &keys);
    assert_int_equal(keys_save(&keys, key_file, name, err, sizeof(err)), ST_OK);
    if (agent_create(&a, world.loop, &set, "test 1", &events, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    return a;
}

static void subscribe(const struct agent_subscription *with)
{
    static const char *const patterns[] = {"actual.**"};
    struct agent_subscription sub = *with;

    sub.patterns = patterns;
    sub.pattern_count = 1;
    sub.message = on_message;
    sub.horizon = on_horizon;
    world.listener = start_agent("centre.duty", false);
    if (agent_subscribe(world.listener, &sub, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static void put(Eocbus__V1__Envelope *e, Eocbus__V1__Status status)
{
    struct refusal why;

    e->lane = EOCBUS__V1__LANE__LANE_BULK;
    e->status = status;
    e->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    e->event_time_us = loop_utc_us(world.loop);
    if (agent_put(world.sender, e, NULL, &why) != ST_OK)
        fail_msg("%s: %s", why.path, why.text);
}

/* One sample of one stream, so many seconds ago. */
static void put_reading(unsigned stream, int64_t value, int64_t ago_s, Eocbus__V1__Status status)
{
    Eocbus__V1__Envelope e = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__ObservationBatch b;
    struct sample sample = {loop_utc_us(world.loop) - ago_s * 1000000, value, 1};
    struct channel c = {.datastream_id = stream,
                        .type = EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_STAGE,
                        .unit = EOCBUS__V1__UNIT__UNIT_METRE,
                        .exponent = -3,
                        .samples = &sample,
                        .count = 1};
    struct refusal why;

    assert_int_equal(observations_encode(&b, 1, &c, 1, world.arena, &why), ST_OK);
    e.kind = EOCBUS__V1__KIND__KIND_REPORT;
    e.body_case = EOCBUS__V1__ENVELOPE__BODY_OBSERVATION_BATCH;
    e.observation_batch = &b;
    put(&e, status);
    arena_reset(world.arena);
}

static void put_entry(void)
{
    Eocbus__V1__Envelope e = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;

    entry.position = entry.text = (char[]){"duty"};
    e.kind = EOCBUS__V1__KIND__KIND_REPORT;
    e.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    e.activity_log_entry = &entry;
    put(&e, EOCBUS__V1__STATUS__STATUS_ACTUAL);
}

static int64_t number(const char *sql)
{
    return pgserver_number(bus_server(world.bus), sql);
}

static int begin(void **state)
{
    (void)state;
    memset(&world, 0, sizeof(world));
    snprintf(world.dir, sizeof(world.dir), "/tmp/eocbus-last-XXXXXX");
    if (!mkdtemp(world.dir) || loop_create(&world.loop) != ST_OK ||
        arena_create(&world.arena, LIMIT_ARENA_BYTES) != ST_OK)
        return -1;
    world.bus = bus_create();
    bus_start_broker(world.bus, NULL);
    world.sender = start_agent("sensor.varzob", true);
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    agent_destroy(world.listener);
    agent_destroy(world.sender);
    arena_destroy(world.arena);
    loop_destroy(world.loop);
    bus_destroy(world.bus);
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command);
}

static void the_newest_of_each_stream_comes_at_once_and_then_what_is_live(void **state)
{
    const Eocbus__V1__Status actual = EOCBUS__V1__STATUS__STATUS_ACTUAL;

    (void)state;
    for (unsigned i = 1; i <= STREAMS; i++)
        for (int k = 0; k < 20; k++)
            put_reading(i, 1000 * (int64_t)i + k, 3600 - k, actual);
    put_reading(1, 7, 7200, actual);                           /* a backlog: older than the last */
    put_reading(2, 7, 0, EOCBUS__V1__STATUS__STATUS_EXERCISE); /* somebody plays */
    put_reading(3, 3333, -86400, actual);                      /* a clock that runs ahead */
    put_entry();
    WAIT_FOR(world.settled == STREAMS * 20 + 4);
    WAIT_FOR(number("SELECT seq FROM bus.projection WHERE name = 'sensor'") == STREAMS * 20 + 4);
    put_reading(3, 3334, 0, actual); /* which has not the last word for ever */
    WAIT_FOR(world.settled == STREAMS * 20 + 5);
    WAIT_FOR(number("SELECT seq FROM bus.projection WHERE name = 'sensor'") == STREAMS * 20 + 5);
    subscribe(&(struct agent_subscription){.from_now = true, .last_values = true, .credit = 4});
    WAIT_FOR(world.horizon);
    for (unsigned i = 1; i <= STREAMS; i++)
        assert_int_equal(world.lasts[i], 1);
    assert_int_equal(world.value[1], 1019);
    assert_int_equal(world.value[2], 2019);
    assert_int_equal(world.value[3], 3334);
    put_reading(4, 1, 0, actual);
    WAIT_FOR(world.live[4] == 1);
    assert_int_equal(world.heard, STREAMS + 1);
    assert_int_equal(world.doubled, 0);
}

/* As the table stands before the projector has looked. */
static void what_the_projector_has_not_seen_is_among_them(void **state)
{
    (void)state;
    put_reading(5, 55, 1, EOCBUS__V1__STATUS__STATUS_ACTUAL);
    put_reading(5, 56, 0, EOCBUS__V1__STATUS__STATUS_ACTUAL);
    WAIT_FOR(world.settled == 2);
    WAIT_FOR(number("SELECT seq FROM bus.projection WHERE name = 'sensor'") == 2);
    assert_int_equal(number("SELECT count(*) FROM bus.last_values(0, 2, 1000000, 100)"), 1);
    assert_int_equal(number("BEGIN; DELETE FROM bus.last_value; UPDATE bus.projection SET seq = 0;"
                            "SELECT count(*) FROM bus.last_values(0, 2, 1000000, 100)"),
                     2);
    assert_int_equal(number("SELECT count(*) FROM bus.last_values(1, 2, 1000000, 100)"), 1);
    assert_int_equal(number("SELECT count(*) FROM bus.last_values(0, 2, 1000000, 1)"), 1);
    pgserver_exec(bus_server(world.bus), "ROLLBACK");
}

static void the_log_is_replayed_from_a_time_up_to_a_number(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 30; i++)
        put_entry();
    WAIT_FOR(world.settled == 30);
    /* As if the first twenty had come an hour ago, and one of them had waited in a broker. */
    pgserver_exec(bus_server(world.bus),
                  "UPDATE bus.message SET received_at = received_at - interval '1 hour'"
                  " WHERE seq <= 20 OR seq = 25");
    assert_int_equal(number("SELECT bus.seq_at(now() - interval '30 minutes')"), 20);
    subscribe(&(struct agent_subscription){
        .after_time_us = loop_utc_us(world.loop) - INT64_C(1800000000), .upto = 28});
    WAIT_FOR(world.horizon == 28);
    put_entry();
    WAIT_FOR(world.settled == 31);
    assert_int_equal(world.first, 21);
    assert_int_equal(world.heard, 8);
    assert_int_equal(world.last_seq, 28);
    assert_int_equal(number("SELECT bus.seq_at(now() + interval '1 day')"), 31);
    assert_int_equal(number("SELECT bus.seq_at('-infinity')"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_newest_of_each_stream_comes_at_once_and_then_what_is_live, begin, end),
        cmocka_unit_test_setup_teardown(what_the_projector_has_not_seen_is_among_them, begin, end),
        cmocka_unit_test_setup_teardown(the_log_is_replayed_from_a_time_up_to_a_number, begin, end),
    };

    return cmocka_run_group_tests_name("last_value", tests, NULL, NULL);
}
