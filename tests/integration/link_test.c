/* Agents against the real broker and a real PostgreSQL: what an outbox accepted arrives once, in
 * order, whatever is killed in between. */
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

enum { EACH = 600 };

static struct bus *bus;
static struct loop *loop;
static struct agent *sender, *listener;
static char dir[64], err[512], log_text[65536];
static struct crew crew;

static struct {
    unsigned settled, stored, refused, heard, out_of_order, doubled;
    uint64_t last_seq;
    bool seen[8 * EACH];
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
    saw.settled++;
    saw.stored += oc->stored;
    saw.refused += !oc->stored;
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    (void)arg;
    assert_non_null(m);
    saw.out_of_order += d->stamp->seq <= saw.last_seq;
    saw.last_seq = d->stamp->seq;
    if (m->lane_seq < ARRAY_LEN(saw.seen)) {
        saw.doubled += saw.seen[m->lane_seq];
        saw.seen[m->lane_seq] = true;
    }
    saw.heard++;
    return true;
}

static void listen_to_all(void)
{
    static const char *const patterns[] = {"**"};
    char inbox[128];
    struct agent_subscription sub = {
        .patterns = patterns, .pattern_count = 1, .inbox_path = inbox, .message = on_message};

    snprintf(inbox, sizeof(inbox), "%s/inbox", dir);
    if (agent_subscribe(listener, &sub, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static struct keys sender_keys, listener_keys;

static int begin(void **state)
{
    (void)state;
    memset(&saw, 0, sizeof(saw));
    log_text[0] = '\0';
    snprintf(dir, sizeof(dir), "/tmp/eocbus-link-XXXXXX");
    if (!mkdtemp(dir) || loop_create(&loop) != ST_OK)
        return -1;
    bus = bus_create();
    crew = (struct crew){.bus = bus, .loop = loop, .dir = dir, .settled = on_settled};
    bus_enrol(bus, "office.ayni", &sender_keys);
    bus_enrol(bus, "centre.duty", &listener_keys);
    bus_start_broker(bus, NULL);
    sender = crew_start(&crew, "office.ayni", &sender_keys, ".out");
    listener = crew_start(&crew, "centre.duty", &listener_keys, NULL);
    listen_to_all();
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    agent_destroy(sender);
    agent_destroy(listener);
    loop_destroy(loop);
    bus_destroy(bus);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

#define WAIT_FOR(condition)                                                                        \
    WAIT_UNTIL(condition, 60, loop_turn(loop, 50), "settled %u heard %u\n%s", saw.settled,         \
               saw.heard, log_text)

static void put_some(unsigned count)
{
    crew_say(&crew, sender, "the bridge at Zarafshon is passable", count, 1);
}

static void check_exactly_once(unsigned count)
{
    struct outbox_counts c;

    assert_int_equal(saw.refused, 0);
    assert_int_equal(saw.heard, count);
    assert_int_equal(saw.out_of_order, 0);
    assert_int_equal(saw.doubled, 0);
    assert_int_equal(pgserver_number(bus_server(bus), "SELECT count(*) FROM bus.message"), count);
    assert_int_equal(outbox_counts(agent_outbox(sender), &c), ST_OK);
    assert_int_equal(c.stored, count);
    assert_int_equal(c.waiting[EOCBUS__V1__LANE__LANE_ROUTINE], 0);
}

static void everything_put_is_stored_and_heard_once(void **state)
{
    (void)state;
    put_some(EACH);
    WAIT_FOR(saw.settled == EACH && saw.heard == EACH);
    check_exactly_once(EACH);
}

static void a_broker_killed_in_the_middle_loses_and_doubles_nothing(void **state)
{
    (void)state;
    for (unsigned round = 1; round <= 3; round++) {
        unsigned before = saw.settled;

        put_some(EACH);
        WAIT_FOR(saw.settled > before);
        bus_kill_broker(bus);
        put_some(EACH); /* an office goes on writing */
        bus_start_broker(bus, NULL);
    }
    WAIT_FOR(saw.settled == 6 * EACH && saw.heard == 6 * EACH);
    check_exactly_once(6 * EACH);
}

static void a_database_killed_in_the_middle_loses_and_doubles_nothing(void **state)
{
    (void)state;
    put_some(EACH);
    WAIT_FOR(saw.settled > 0);
    pgserver_kill(bus_server(bus));
    put_some(EACH);
    pgserver_start_again(bus_server(bus));
    WAIT_FOR(saw.settled == 2 * EACH && saw.heard == 2 * EACH);
    check_exactly_once(2 * EACH);
}

/* As after a backup that lacks the last five of ten: with the sessions still standing. */
static void a_restored_log_is_made_whole_by_those_who_have_receipts(void **state)
{
    (void)state;
    put_some(10);
    WAIT_FOR(saw.settled == 10 && saw.heard == 10);
    pgserver_exec(bus_server(bus), "BEGIN; DELETE FROM bus.message WHERE seq > 5;"
                                   "DELETE FROM bus.chain WHERE last_seq > 5;"
                                   "DELETE FROM bus.document WHERE seq > 5;"
                                   "UPDATE bus.lane_run SET lane_last = 5, seq_last = 5;"
                                   "UPDATE bus.log_head SET seq = 5, log_epoch = 2; COMMIT");
    saw.last_seq = 0; /* everything is read again */
    WAIT_FOR(saw.settled == 20 && saw.heard == 20);
    assert_int_equal(saw.stored, 20);
    assert_int_equal(saw.out_of_order, 0);
    assert_int_equal(pgserver_number(bus_server(bus), "SELECT count(*) FROM bus.message"), 10);
}

static void agents_that_are_ended_and_started_go_on_where_they_were(void **state)
{
    (void)state;
    put_some(EACH);
    WAIT_FOR(saw.settled > 0);
    agent_destroy(sender);
    agent_destroy(listener);
    sender = crew_start(&crew, "office.ayni", &sender_keys, ".out");
    listener = crew_start(&crew, "centre.duty", &listener_keys, NULL);
    listen_to_all();
    put_some(EACH);
    WAIT_FOR(saw.heard == 2 * EACH);
    WAIT_FOR(pgserver_number(bus_server(bus), "SELECT count(*) FROM bus.message") == 2 * EACH);
    assert_int_equal(saw.doubled, 0);
    assert_int_equal(saw.out_of_order, 0);
}

/* A disk image that was copied to a second machine: both say the same places. */
static void a_cloned_outbox_harms_nobody(void **state)
{
    struct agent *clone;
    char command[256];

    (void)state;
    put_some(3);
    WAIT_FOR(saw.settled == 3);
    agent_destroy(sender);
    snprintf(command, sizeof(command), "cp %s/office.ayni.out %s/office.ayni.copy", dir, dir);
    assert_int_equal(system(command), 0);
    sender = crew_start(&crew, "office.ayni", &sender_keys, ".out");
    clone = crew_start(&crew, "office.ayni", &sender_keys, ".copy");
    crew_say(&crew, sender, "here", 1, 1);
    WAIT_FOR(saw.settled == 4);
    crew_say(&crew, clone, "there", 1, 1);
    WAIT_FOR(saw.settled == 5);
    assert_int_equal(saw.stored, 4);
    assert_int_equal(saw.refused, 1);
    crew_say(&crew, clone, "and there", 1, 1); /* a place of its own again: nothing is stuck */
    WAIT_FOR(saw.settled == 6);
    assert_int_equal(saw.stored, 5);
    assert_int_equal(pgserver_number(bus_server(bus), "SELECT count(*) FROM bus.message"), 5);
    assert_string_equal(pgserver_text(bus_server(bus), "SELECT code FROM bus.quarantine"),
                        "conflict");
    agent_destroy(clone);
}

static void an_unknown_key_is_told_what_to_do(void **state)
{
    struct keys keys;
    struct agent *late;
    struct agent_state st = {0};

    (void)state;
    assert_int_equal(keys_generate(&keys), ST_OK);
    late = crew_start(&crew, "office.late", &keys, NULL);
    WAIT_FOR(strstr(log_text, "agent.key.unknown"));
    assert_non_null(strstr(log_text, keys.public_z85));
    agent_state(late, &st);
    assert_false(st.linked);
    assert_non_null(strstr(st.trouble, "eocctl enrol"));
    agent_destroy(late);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(everything_put_is_stored_and_heard_once),
        T(a_broker_killed_in_the_middle_loses_and_doubles_nothing),
        T(a_database_killed_in_the_middle_loses_and_doubles_nothing),
        T(a_restored_log_is_made_whole_by_those_who_have_receipts),
        T(agents_that_are_ended_and_started_go_on_where_they_were),
        T(a_cloned_outbox_harms_nobody),
        T(an_unknown_key_is_told_what_to_do),
    };

    log_set_sink(catch_line, NULL);
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
