/* A listener with a durable name, away while thousands of messages are stored, comes back to every
 * one of them: once, most urgent first, without the disk it had, through a broker that was killed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/base/log.h"
#include "tests/lib/crew.h"
#include "tests/lib/patience.h"

enum { EACH = 500, LANES = 4, FIRST = 40 }; /* lanes 2..5; FIRST: heard before it went away */
enum {
    GROUPS = 4
}; /* of lanes, each with a place of its own: PROTOCOL.md 6, "Most urgent first" */

static struct bus *bus;
static struct loop *loop;
static struct agent *sender, *listener;
static struct keys sender_keys, listener_keys;
static char dir[64], err[512], log_text[65536];
static struct crew crew;

static struct {
    unsigned settled, heard, doubled, lane_inversions, last_lane;
    uint64_t horizon;
    bool seen[6][2 * EACH];
} saw;

static void catch_line(void *arg, enum log_level level, const char *line)
{
    size_t used = strlen(log_text);

    (void)arg;
    (void)level;
    if (used + strlen(line) + 2 < sizeof(log_text))
        snprintf(log_text + used, sizeof(log_text) - used, "%s\n", line);
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    (void)arg;
    (void)tag;
    saw.settled += oc->stored;
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    (void)arg;
    (void)d;
    assert_true(m && m->lane < 6 && m->lane_seq < 2 * EACH);
    saw.doubled += saw.seen[m->lane][m->lane_seq];
    saw.seen[m->lane][m->lane_seq] = true;
    saw.lane_inversions += (unsigned)m->lane < saw.last_lane;
    saw.last_lane = (unsigned)m->lane;
    saw.heard++;
    return true;
}

static void on_horizon(void *arg, uint64_t horizon)
{
    (void)arg;
    saw.horizon = horizon;
}

static void listen_to_all(struct agent *a, const char *inbox_end)
{
    static const char *const patterns[] = {"actual.**", "test.*.activity_log_entry.**"};
    char inbox[128];
    struct agent_subscription sub = {.patterns = patterns,
                                     .pattern_count = 2,
                                     .inbox_path = inbox,
                                     .name = "desk",
                                     .durable_name = "desk",
                                     .urgent_first = true,
                                     .credit = 32,
                                     .message = on_message,
                                     .horizon = on_horizon};

    snprintf(inbox, sizeof(inbox), "%s/%s", dir, inbox_end);
    if (agent_subscribe(a, &sub, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static int begin(void **state)
{
    (void)state;
    memset(&saw, 0, sizeof(saw));
    log_text[0] = '\0';
    snprintf(dir, sizeof(dir), "/tmp/eocbus-listener-XXXXXX");
    if (!mkdtemp(dir) || loop_create(&loop) != ST_OK)
        return -1;
    log_set_sink(catch_line, NULL);
    bus = bus_create();
    crew = (struct crew){.bus = bus, .loop = loop, .dir = dir, .settled = on_settled};
    bus_enrol(bus, "office.ayni", &sender_keys);
    bus_enrol(bus, "centre.duty", &listener_keys);
    bus_start_broker(bus, NULL);
    sender = crew_start(&crew, "office.ayni", &sender_keys, ".out");
    listener = crew_start(&crew, "centre.duty", &listener_keys, NULL);
    listen_to_all(listener, "inbox");
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    agent_destroy(sender);
    agent_destroy(listener);
    listener = NULL;
    loop_destroy(loop);
    bus_destroy(bus);
    log_set_sink(NULL, NULL);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

#define WAIT_FOR(condition)                                                                        \
    WAIT_UNTIL(condition, 120, loop_turn(loop, 50), "settled %u heard %u\n%s", saw.settled,        \
               saw.heard, log_text)

/* Bulk first, so that order has to come from the lanes. */
static void put(unsigned each)
{
    crew_say(&crew, sender, "the bridge at Ayni is passable for lorries", each, LANES);
}

static bool places_are_at(uint64_t head)
{
    char sql[160];

    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM eoc.listener WHERE name = 'desk' AND seq = %llu",
             (unsigned long long)head);
    return pgserver_number(bus_server(bus), sql) == 5;
}

static void a_listener_comes_back_to_everything_most_urgent_first(void **state)
{
    (void)state;
    WAIT_FOR(saw.horizon ||
             pgserver_number(bus_server(bus), "SELECT count(*) FROM bus.cursor") == 5);
    put(FIRST / LANES);
    WAIT_FOR(saw.heard == FIRST);
    WAIT_FOR(places_are_at(FIRST));
    agent_destroy(listener);
    put(EACH);
    WAIT_FOR(saw.settled == FIRST + EACH * LANES);
    assert_int_equal(pgserver_number(bus_server(bus), "SELECT max(behind) FROM eoc.listener"),
                     EACH * LANES);
    bus_kill_broker(bus);
    bus_start_broker(bus, NULL);
    saw.last_lane = saw.lane_inversions = 0;
    listener = crew_start(&crew, "centre.duty", &listener_keys, NULL);
    listen_to_all(listener, "another-inbox"); /* the laptop is another one */
    WAIT_FOR(saw.heard >= FIRST + EACH * LANES / 2);
    bus_kill_broker(bus);
    bus_start_broker(bus, NULL);
    WAIT_FOR(saw.heard >= FIRST + EACH * LANES);
    WAIT_FOR(places_are_at(FIRST + EACH * LANES));
    assert_int_equal(saw.heard, FIRST + EACH * LANES);
    assert_int_equal(saw.doubled, 0);
    assert_int_equal(saw.lane_inversions, 0);
}

static unsigned times_logged(const char *words)
{
    unsigned n = 0;

    for (const char *at = log_text; (at = strstr(at, words)); at++)
        n++;
    return n;
}

static void the_newest_one_has_the_name_and_the_other_one_is_told(void **state)
{
    struct agent *newer;

    (void)state;
    WAIT_FOR(saw.horizon ||
             pgserver_number(bus_server(bus), "SELECT count(*) FROM bus.cursor") == 5);
    put(1);
    WAIT_FOR(saw.heard == LANES);
    WAIT_FOR(places_are_at(LANES));
    newer = crew_start(&crew, "centre.duty", &listener_keys, NULL);
    listen_to_all(newer, "newer-inbox");
    /* Each has asked once more, for each of the groups of lanes. Before the last of them is
     * decided, a message may come to both: it was heard and not yet acknowledged. */
    WAIT_FOR(times_logged("downlink.taken name") == GROUPS);
    put(1);
    WAIT_FOR(saw.heard == 2 * LANES);
    assert_int_equal(saw.doubled, 0);
    agent_destroy(newer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_listener_comes_back_to_everything_most_urgent_first,
                                        begin, end),
        cmocka_unit_test_setup_teardown(the_newest_one_has_the_name_and_the_other_one_is_told,
                                        begin, end),
    };

    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
