/* An office on 2G: the real broker with a real PostgreSQL at one end of the relay
 * (tests/lib/relay.h, profile 2g: 20 kbit/s up, 40 down, round trip 800 ± 600 ms, 3 % loss each
 * way), a real agent at the other, and a duty centre that listens beside the broker.
 *
 * The bars are those of the project; what is asserted holds with room to spare on a busy machine.
 * Needs root and /dev/net/tun; without them everything here is skipped, and says so. The broker is
 * the one without sanitizers, in BUILD (default: build). RELAY_SEED chooses another seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/link/agent.h"
#include "proto/base/log.h"
#include "proto/base/sign.h"
#include "tests/lib/bus.h"
#include "tests/lib/patience.h"
#include "tests/lib/relay.h"

enum {
    CONNECTS = 4,
    FLASHES = 20,
    FLASH_EVERY_MS = 2000,
    ALARMS = 8, /* the other way */
    WARM_UP_MS = 5000,
    QUIET_MS = 3000,
    WEIGHED = 3,
    BULK = 1500, /* more than the link carries while we look */
    BULK_LANE = EOCBUS__V1__LANE__LANE_BULK,
    FLASH_LANE = EOCBUS__V1__LANE__LANE_FLASH,
    UP_BYTES_PER_S = 2500,
    DOWN_BYTES_PER_S = 5000,
    DARK_MS = 30000,
    DARK_START_MS = 20000,
    P95 = (FLASHES * 95 + 99) / 100 - 1, /* nearest rank, from 0 */
    DEADLINE_MS = 90000,
};

static struct {
    struct relay *relay;
    struct relay_settings thin;
    struct bus *bus;
    struct loop *loop;
    struct keys office_keys, centre_keys;
    struct agent *office, *centre;
    char dir[64], err[512], why[256];

    unsigned links;
    uint64_t linked_us;
    unsigned settled, refused;
    uint64_t settled_bytes; /* of content, bulk */
    size_t bulk_bytes;      /* of one bulk message */
    unsigned heard, heard_flash, doubled;
    uint64_t heard_us; /* the last FLASH */
    bool seen_bulk[BULK + 1], seen_flash[FLASHES + 16];
    uint64_t put_us[FLASHES + 16], late_us[FLASHES + 16];
    unsigned flashes;
    bool is_over; /* the centre's ears: what follows is for the office */
    unsigned alarms, history;
    uint64_t alarm_put_us[ALARMS + 1], alarm_late_us[ALARMS + 1];
} world;

static uint64_t now_us(void)
{
    return loop_exact_us(world.loop);
}

#define WAIT_FOR(condition)                                                                        \
    WAIT_UNTIL(condition, 90, loop_turn(world.loop, 20), "settled %u heard %u", world.settled,     \
               world.heard)

static void turn_for(unsigned ms)
{
    uint64_t end = now_us() + ms * UINT64_C(1000);

    while (now_us() < end)
        loop_turn(world.loop, 20);
}

/* "measured: " lines are shown by tests/run.sh even when the test passes. */
static void tell(const char *what, double figure, double bar, bool most, const char *unit)
{
    bool met = most ? figure <= bar : figure >= bar;

    print_message("measured: %s %.2f %s (bar %s %.4g%s)\n", what, figure, unit,
                  most ? "<=" : ">=", bar, met ? "" : ": missed");
}

/* --- the agents ------------------------------------------------------------------------------- */

static void on_linked(void *arg, bool up, const char *why)
{
    (void)arg;
    (void)why;
    world.links += up;
    if (up)
        world.linked_us = now_us();
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    (void)arg;
    world.settled++;
    world.refused += !oc->stored;
    if (outbox_tag_lane(tag) == BULK_LANE)
        world.settled_bytes += world.bulk_bytes;
}

static void note(bool *seen)
{
    world.doubled += *seen;
    world.heard += !*seen;
    *seen = true;
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    (void)arg;
    assert_non_null(m);
    if (world.is_over)
        return true;
    if ((int)m->lane == BULK_LANE) {
        assert_in_range(m->lane_seq, 1, BULK);
        world.bulk_bytes = d->content.len;
        note(&world.seen_bulk[m->lane_seq]);
        return true;
    }
    assert_in_range(m->lane_seq, 1, FLASHES + 15);
    if (!world.seen_flash[m->lane_seq]) {
        world.heard_us = now_us();
        world.late_us[m->lane_seq] = world.heard_us - world.put_us[m->lane_seq];
        world.heard_flash++;
    }
    note(&world.seen_flash[m->lane_seq]);
    return true;
}

static bool on_history(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    (void)arg;
    (void)d;
    (void)m;
    world.history++;
    return true;
}

static bool on_alarm(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    (void)arg;
    (void)d;
    assert_in_range(m->lane_seq, 1, ALARMS);
    world.alarm_late_us[m->lane_seq] = now_us() - world.alarm_put_us[m->lane_seq];
    world.alarms++;
    return true;
}

static struct agent *start_agent(const char *name, const struct keys *keys, const char *profile,
                                 bool thin)
{
    static const struct agent_events office = {.linked = on_linked, .settled = on_settled};
    char key_file[128], outbox[128], *endpoints[1] = {(char *)bus_endpoint(world.bus)};
    struct agent_settings set = {.name = (char *)name,
                                 .key_file = key_file,
                                 .endpoints = {.items = endpoints, .count = 1},
                                 .broker_key = (char *)bus_broker_key(world.bus),
                                 .outbox_path = outbox,
                                 .link_profile = (char *)profile};
    struct agent *a = NULL;

    snprintf(key_file, sizeof(key_file), "%s/%s.key", world.dir, name);
    snprintf(outbox, sizeof(outbox), "%s/%s.out", world.dir, name);
    if (access(key_file, F_OK) != 0)
        assert_int_equal(keys_save(keys, key_file, name, world.err, sizeof(world.err)), ST_OK);
    relay_enter(world.relay, thin ? RELAY_B : RELAY_A);
    if (agent_create(&a, world.loop, &set, "thin_link_test 0", thin ? &office : NULL, world.err,
                     sizeof(world.err)) != ST_OK)
        fail_msg("%s", world.err);
    relay_enter(world.relay, RELAY_HOME);
    return a;
}

static void start_office(void)
{
    world.office = start_agent("office.ayni", &world.office_keys, "2g", true);
}

static void start_centre(void)
{
    static const char *const patterns[] = {"**"};
    const struct agent_subscription sub = {
        .patterns = patterns, .pattern_count = 1, .message = on_message, .credit = 4096};

    world.centre = start_agent("centre.duty", &world.centre_keys, "fiber", false);
    if (agent_subscribe(world.centre, &sub, world.err, sizeof(world.err)) != ST_OK)
        fail_msg("%s", world.err);
}

static int begin(void **state)
{
    const char *build = getenv("BUILD"), *seed = getenv("RELAY_SEED");

    (void)state;
    memset(&world, 0, sizeof(world));
    assert_true(relay_profile(&world.thin, "2g"));
    world.thin.seed = seed ? strtoull(seed, NULL, 10) : 2010;
    world.relay = relay_start(&world.thin, world.why, sizeof(world.why));
    if (!world.relay)
        return 0;
    print_message("relay: profile 2g, seed %llu\n", (unsigned long long)world.thin.seed);
    snprintf(world.dir, sizeof(world.dir), "/tmp/eocbus-thin-XXXXXX");
    if (!mkdtemp(world.dir) || loop_create(&world.loop) != ST_OK)
        return -1;
    world.bus = bus_create();
    bus_use_build(world.bus, build ? build : "build");
    bus_listen_at(world.bus, RELAY_ADDRESS_A);
    bus_enrol(world.bus, "office.ayni", &world.office_keys);
    bus_enrol(world.bus, "centre.duty", &world.centre_keys);
    relay_enter(world.relay, RELAY_A);
    bus_start_broker(world.bus, NULL);
    relay_enter(world.relay, RELAY_HOME);
    start_centre();
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    if (!world.relay)
        return 0;
    agent_destroy(world.office);
    agent_destroy(world.centre);
    loop_destroy(world.loop);
    bus_destroy(world.bus);
    relay_end(world.relay);
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command);
}

/* --- messages --------------------------------------------------------------------------------- */

static void fill(Eocbus__V1__Envelope *m, Eocbus__V1__Lane lane)
{
    eocbus__v1__envelope__init(m);
    m->lane = lane;
    m->status = EOCBUS__V1__STATUS__STATUS_EXERCISE;
    m->kind = EOCBUS__V1__KIND__KIND_REPORT;
    m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m->event_time_us = loop_utc_us(world.loop);
}

static void put(struct agent *from, Eocbus__V1__Envelope *m)
{
    struct refusal why = {0};

    if (agent_put(from, m, NULL, &why) != ST_OK)
        fail_msg("%s %s", why.path, why.text);
}

static void put_bulk(unsigned count)
{
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;

    entry.position = (char *)"duty officer";
    entry.text = (char *)"19:40 bridge at Zarafshon passable for light vehicles only; stage at the "
                         "gauge 212 cm and rising 4 cm in ten minutes; two families moved uphill";
    for (unsigned i = 0; i < count; i++) {
        Eocbus__V1__Envelope m;

        fill(&m, EOCBUS__V1__LANE__LANE_BULK);
        m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
        m.activity_log_entry = &entry;
        put(world.office, &m);
    }
    assert_int_equal(agent_flush(world.office), ST_OK);
}

static size_t put_flash_from(struct agent *from)
{
    Eocbus__V1__FlashReport report = EOCBUS__V1__FLASH_REPORT__INIT;
    Eocbus__V1__Envelope m;
    Eocbus__V1__Area area = EOCBUS__V1__AREA__INIT;
    char *places[1] = {(char *)"3505203"};

    fill(&m, EOCBUS__V1__LANE__LANE_FLASH);
    report.hazard = EOCBUS__V1__HAZARD__HAZARD_FLASH_FLOOD;
    report.village = (char *)"Zarafshon";
    report._houses_case = EOCBUS__V1__FLASH_REPORT___HOUSES_HOUSES;
    report.houses = 12;
    report._to_evacuate_case = EOCBUS__V1__FLASH_REPORT___TO_EVACUATE_TO_EVACUATE;
    report.to_evacuate = 240;
    report.road_cut = EOCBUS__V1__ANSWER__ANSWER_YES;
    report.confidence = EOCBUS__V1__CONFIDENCE__CONFIDENCE_HIGH;
    report.reporter_role = EOCBUS__V1__REPORTER_ROLE__REPORTER_ROLE_DISTRICT_DUTY;
    report.text = (char *)"mud over the main road, people on the roofs by the school";
    area.pcodes = places;
    area.n_pcodes = 1;
    m.area = &area;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT;
    m.flash_report = &report;
    put(from, &m);
    return eocbus__v1__envelope__get_packed_size(&m);
}

static size_t put_flash(void)
{
    world.put_us[++world.flashes] = now_us();
    return put_flash_from(world.office);
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static bool is_skipped(void)
{
    if (!world.relay)
        print_message("measured: skipped: %s\n", world.why);
    return !world.relay;
}

/* --- the tests -------------------------------------------------------------------------------- */

static void an_office_comes_back_within_seconds(void **state)
{
    uint64_t took_us[CONNECTS], began;

    (void)state;
    if (is_skipped())
        return;
    for (unsigned i = 0; i < CONNECTS; i++) {
        unsigned before = world.links;

        agent_destroy(world.office);
        began = now_us();
        start_office();
        WAIT_FOR(world.links > before);
        took_us[i] = world.linked_us - began;
    }
    qsort(took_us, CONNECTS, sizeof(*took_us), compare);
    tell("2g: connecting anew, median of 4", (double)took_us[CONNECTS / 2] / 1e6, 10, true, "s");
    tell("2g: connecting anew, longest of 4", (double)took_us[CONNECTS - 1] / 1e6, 10, true, "s");
    assert_swift(took_us[CONNECTS / 2] < 15000000);
}

/* TCP doubles its pause after each attempt that nobody answered, so who was switched on in the dark
 * must not wait as long again once there is light. */
static void an_office_that_was_switched_on_in_the_dark_is_there_soon_after(void **state)
{
    unsigned before = world.links;
    uint64_t began;

    (void)state;
    if (is_skipped())
        return;
    agent_destroy(world.office);
    relay_dark(world.relay, true);
    start_office();
    turn_for(DARK_START_MS);
    relay_dark(world.relay, false);
    began = now_us();
    WAIT_FOR(world.links > before);
    tell("2g: connecting after 20 s of darkness", (double)(world.linked_us - began) / 1e6, 10, true,
         "s");
    assert_swift(world.linked_us - began < 20000000);
}

static void wait_for_quiet(void)
{
    struct relay_count down, up;
    uint64_t bytes = 0, since = now_us(), began = since;

    while (now_us() < since + QUIET_MS * UINT64_C(1000) &&
           now_us() < began + PATIENCE * DEADLINE_MS * UINT64_C(1000)) {
        loop_turn(world.loop, 20);
        relay_count(world.relay, &down, &up);
        if (up.bytes + down.bytes != bytes)
            since = now_us();
        bytes = up.bytes + down.bytes;
    }
}

static size_t weigh_flash(uint64_t *up_bytes, uint64_t *all_bytes)
{
    struct relay_count down, up;
    unsigned heard = world.heard_flash, settled = world.settled;
    size_t body;

    wait_for_quiet();
    relay_forget(world.relay);
    body = put_flash();
    WAIT_FOR(world.heard_flash > heard && world.settled > settled);
    turn_for(1500); /* the last acknowledgement of TCP */
    relay_count(world.relay, &down, &up);
    *up_bytes = up.bytes;
    *all_bytes = up.bytes + down.bytes;
    return body;
}

/* Without loss, so that what is counted is what the protocols cost and not the luck of the day; the
 * median, because a heartbeat may fall into one of them. */
static void a_flash_report_costs_few_bytes(void **state)
{
    struct relay_settings calm = world.thin;
    uint64_t up[WEIGHED], all[WEIGHED];
    size_t body = 0;

    (void)state;
    if (is_skipped())
        return;
    calm.a_to_b.loss = calm.b_to_a.loss = 0;
    relay_set(world.relay, &calm);
    for (unsigned i = 0; i < WEIGHED; i++)
        body = weigh_flash(&up[i], &all[i]);
    relay_set(world.relay, &world.thin);
    qsort(up, WEIGHED, sizeof(*up), compare);
    qsort(all, WEIGHED, sizeof(*all), compare);
    tell("2g: a flash report, content", (double)body, 400, true, "bytes");
    tell("2g: a flash report, on the wire, up", (double)up[WEIGHED / 2], 700, true, "bytes");
    tell("2g: a flash report, on the wire, both ways", (double)all[WEIGHED / 2], 700, true,
         "bytes");
    assert_true(body <= 400);
    assert_true(up[WEIGHED / 2] <= 700);
}

static void measure_flashes_under_load(uint64_t *took_us, uint64_t *bytes)
{
    unsigned first = world.flashes + 1;
    uint64_t began, next;

    began = next = now_us();
    *bytes = world.settled_bytes;
    for (unsigned i = 0; i < FLASHES; i++, next += FLASH_EVERY_MS * UINT64_C(1000)) {
        if (next > now_us())
            turn_for((unsigned)((next - now_us()) / 1000));
        put_flash();
    }
    turn_for(FLASH_EVERY_MS);
    *took_us = now_us() - began;
    *bytes = world.settled_bytes - *bytes;
    WAIT_FOR(world.heard_flash == world.flashes);
    qsort(&world.late_us[first], FLASHES, sizeof(*world.late_us), compare);
    tell("2g, full bulk queue: FLASH from agent to listener, median",
         (double)world.late_us[first + FLASHES / 2] / 1e6, 6, true, "s");
    tell("2g, full bulk queue: FLASH from agent to listener, p95 of 20",
         (double)world.late_us[first + P95] / 1e6, 6, true, "s");
    tell("2g, full bulk queue: FLASH from agent to listener, longest",
         (double)world.late_us[first + FLASHES - 1] / 1e6, 6, true, "s");
    /* Half of them meet no lost packet; two lost in a row cost 4 to 8 s, by TCP's doubling pause,
     * whoever is in front of it. */
    assert_swift(world.late_us[first + FLASHES / 2] < 6000000);
    assert_swift(world.late_us[first + P95] < 15000000);
}

static void a_flash_overtakes_a_full_bulk_queue(void **state)
{
    struct relay_count down, up;
    uint64_t took_us, bytes;
    double share;

    (void)state;
    if (is_skipped())
        return;
    put_bulk(BULK);
    turn_for(WARM_UP_MS);
    relay_forget(world.relay);
    measure_flashes_under_load(&took_us, &bytes);
    relay_count(world.relay, &down, &up);
    print_message("measured: 2g: bulk messages of %zu bytes; on the wire up %llu bytes in %llu "
                  "packets, lost %llu, down %llu bytes in %llu packets\n",
                  world.bulk_bytes, (unsigned long long)up.bytes, (unsigned long long)up.packets,
                  (unsigned long long)up.lost, (unsigned long long)down.bytes,
                  (unsigned long long)down.packets);
    share = 100.0 * (double)bytes * 1e6 / (double)took_us / UP_BYTES_PER_S;
    print_message("measured: 2g: content of bulk that was stored, share of the link %.2f %%\n",
                  share);
    tell("2g: parcels of bulk that was stored (content and signature), share of the link",
         share * (double)(world.bulk_bytes + SIGN_BYTES) / (double)world.bulk_bytes, 65, false,
         "%");
    assert_swift((double)bytes * 1e6 / (double)took_us > UP_BYTES_PER_S * 0.45);
}

static void a_dark_half_minute_loses_nothing(void **state)
{
    struct relay_settings wide;
    struct outbox_counts c;
    unsigned settled;
    uint64_t began;

    (void)state;
    if (is_skipped())
        return;
    relay_dark(world.relay, true);
    turn_for(DARK_MS);
    relay_dark(world.relay, false);
    settled = world.settled;
    began = now_us();
    put_flash();
    WAIT_FOR(world.settled > settled);
    began = now_us() - began;
    tell("2g: first receipt after 30 s of darkness", (double)began / 1e6, 10, true, "s");
    assert_true(began < PATIENCE * UINT64_C(25000000));
    WAIT_FOR(world.heard_flash == world.flashes);
    assert_true(relay_profile(&wide, "fiber")); /* the rest of the backlog need not take minutes */
    relay_set(world.relay, &wide);
    WAIT_FOR(world.settled == BULK + world.flashes && world.heard == BULK + world.flashes);
    assert_int_equal(world.refused, 0);
    assert_int_equal(world.doubled, 0);
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.message"),
                     BULK + world.flashes);
    assert_int_equal(pgserver_number(bus_server(world.bus),
                                     "SELECT count(*) FROM (SELECT lane_seq < lag(lane_seq) OVER "
                                     "(PARTITION BY sender_id, epoch, lane ORDER BY seq) AS back "
                                     "FROM bus.message) AS step WHERE back"),
                     0);
    assert_int_equal(bus_status(world.bus, "silent"), 0); /* no false alarm */
    assert_int_equal(outbox_counts(agent_outbox(world.office), &c), ST_OK);
    assert_int_equal(c.waiting[BULK_LANE] + c.waiting[FLASH_LANE], 0);
}

static void listen_at_the_office(void)
{
    static const char *const past[] = {"exercise.*.activity_log_entry.**"};
    static const char *const alarms[] = {"exercise.*.flash_report.**"};
    const struct agent_subscription subs[] = {
        {.patterns = past, .pattern_count = 1, .message = on_history},
        {.patterns = alarms, .pattern_count = 1, .from_now = true, .message = on_alarm}};

    for (unsigned i = 0; i < 2; i++)
        if (agent_subscribe(world.office, &subs[i], world.err, sizeof(world.err)) != ST_OK)
            fail_msg("%s", world.err);
}

/* The other way: the office reads a week of history, and the centre orders an evacuation. */
static void an_alarm_reaches_an_office_that_is_catching_up(void **state)
{
    uint64_t began;
    unsigned before;

    (void)state;
    if (is_skipped())
        return;
    world.is_over = true;
    relay_set(world.relay, &world.thin);
    listen_at_the_office();
    WAIT_FOR(world.history > 10);
    turn_for(WARM_UP_MS);
    began = now_us();
    before = world.history;
    for (unsigned i = 1; i <= ALARMS; i++) {
        world.alarm_put_us[i] = now_us();
        put_flash_from(world.centre);
        turn_for(FLASH_EVERY_MS);
    }
    assert_true(world.history < BULK); /* it was busy all the time */
    tell("2g, catching up: content of history, share of the link",
         100.0 * (world.history - before) * (double)world.bulk_bytes * 1e6 /
             (double)(now_us() - began) / DOWN_BYTES_PER_S,
         65, false, "%");
    WAIT_FOR(world.alarms == ALARMS);
    qsort(world.alarm_late_us + 1, ALARMS, sizeof(*world.alarm_late_us), compare);
    tell("2g, catching up: FLASH from the centre to the office, median",
         (double)world.alarm_late_us[1 + ALARMS / 2] / 1e6, 6, true, "s");
    tell("2g, catching up: FLASH from the centre to the office, longest of 8",
         (double)world.alarm_late_us[ALARMS] / 1e6, 6, true, "s");
    assert_swift(world.alarm_late_us[1 + ALARMS / 2] < 6000000);
}

static void drop_line(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    if (getenv("RELAY_SEED"))
        print_message("%s\n", line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_office_comes_back_within_seconds),
        cmocka_unit_test(an_office_that_was_switched_on_in_the_dark_is_there_soon_after),
        cmocka_unit_test(a_flash_report_costs_few_bytes),
        cmocka_unit_test(a_flash_overtakes_a_full_bulk_queue),
        cmocka_unit_test(a_dark_half_minute_loses_nothing),
        cmocka_unit_test(an_alarm_reaches_an_office_that_is_catching_up),
    };

    log_set_sink(drop_line, NULL);
    return cmocka_run_group_tests_name("thin link", tests, begin, end);
}
