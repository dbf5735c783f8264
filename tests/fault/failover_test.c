/* A standby that commits did not wait for takes over and lacks what was acknowledged: the log sees
 * the new timeline and raises its epoch, the outbox offers again what is gone, and the listener
 * reads on where the logs part. One that commits waited for lacks nothing, and nothing is said or
 * read again; but for what was seen of a wait that was cut short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/base/log.h"
#include "tests/lib/crew.h"
#include "tests/lib/pgpair.h"

#include "proto/base/banned.h"
#include "tests/lib/patience.h"

enum { EACH = 200 };

static struct bus *bus;
static struct pgserver *standby;
static struct loop *loop;
static struct agent *sender, *other, *listener;
static char dir[64], err[512], database[300];
static struct crew crew;

static struct {
    unsigned settled, refused, repeated, heard, heard_again, out_of_order;
    uint64_t last_seq;
} saw;

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    (void)arg;
    (void)tag;
    saw.settled++;
    saw.refused += !oc->stored;
    saw.repeated += oc->repeated;
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    (void)arg;
    assert_non_null(m);
    if (d->stamp->seq && d->stamp->seq <= saw.last_seq) { /* what stood there is gone */
        saw.heard = (unsigned)d->stamp->seq - 1;
        saw.heard_again += (unsigned)(saw.last_seq - saw.heard);
        saw.last_seq = saw.heard;
    }
    saw.out_of_order += d->stamp->seq != saw.last_seq + 1;
    saw.last_seq = d->stamp->seq;
    saw.heard++;
    return true;
}

static void listen_to_all(void)
{
    static const char *const patterns[] = {"**"};
    const struct agent_subscription sub = {
        .patterns = patterns, .pattern_count = 1, .message = on_message};

    assert_int_equal(agent_subscribe(listener, &sub, err, sizeof(err)), ST_OK);
}

static void start_broker(void)
{
    /* A commit that a slow disk holds up is waited for: sent again, it would be told as repeated.
     */
    const char *const settings[] = {database, "store.commit_ms=30s", NULL};

    bus_start_broker(bus, settings);
}

static int begin(void **state)
{
    (void)state;
    memset(&saw, 0, sizeof(saw));
    log_set_level(LOG_ERROR + 1);
    snprintf(dir, sizeof(dir), "/tmp/eocbus-failover-XXXXXX");
    if (!mkdtemp(dir) || loop_create(&loop) != ST_OK)
        return -1;
    bus = bus_create();
    crew = (struct crew){.bus = bus, .loop = loop, .dir = dir, .settled = on_settled};
    standby = pgpair_standby(NULL, bus_server(bus));
    snprintf(database, sizeof(database), "database=%s", pgpair_conninfo(bus_server(bus), standby));
    start_broker();
    sender = crew_start(&crew, "office.ayni", NULL, ".out");
    other = crew_start(&crew, "office.vanj", NULL, ".out");
    listener = crew_start(&crew, "centre.duty", NULL, NULL);
    listen_to_all();
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    agent_destroy(sender);
    agent_destroy(other);
    agent_destroy(listener);
    loop_destroy(loop);
    bus_destroy(bus);
    pgserver_end(standby);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

#define WAIT_FOR(condition)                                                                        \
    WAIT_UNTIL(condition, 60, loop_turn(loop, 50), "settled %u heard %u last %llu", saw.settled,   \
               saw.heard, (unsigned long long)saw.last_seq)

static void put(struct agent *a, unsigned count)
{
    crew_say(&crew, a, "the bridge is passable", count, 1);
}

/* Half of what is acknowledged is on the primary alone. */
static void say_and_lose(void)
{
    put(sender, EACH);
    put(other, EACH);
    WAIT_FOR(saw.settled == 2 * EACH && saw.heard == 2 * EACH);
    while (pgserver_number(standby, "SELECT seq FROM bus.log_head") < 2 * EACH)
        loop_turn(loop, 20);
    pgserver_stop(standby);
    put(sender, EACH);
    put(other, EACH);
    WAIT_FOR(saw.settled == 4 * EACH && saw.heard == 4 * EACH);
}

static void fail_over(void)
{
    pgserver_kill(bus_server(bus));
    pgserver_start_again(standby);
    pgpair_promote(standby);
}

enum { PROMOTED = 32 }; /* the first epoch of timeline 2 */

static void assert_healed(unsigned count, int epoch)
{
    WAIT_FOR(pgserver_number(standby, "SELECT seq FROM bus.log_head") == count);
    WAIT_FOR(saw.heard == count && saw.last_seq == count);
    assert_int_equal(saw.out_of_order + saw.refused, 0);
    assert_int_equal(pgserver_number(standby, "SELECT count(*) FROM bus.message"), count);
    assert_int_equal(pgserver_number(standby, "SELECT log_epoch FROM bus.log_head"), epoch);
    assert_int_equal(pgserver_number(standby, "SELECT count(*) FROM bus.epoch"), 1);
    assert_int_equal(
        pgserver_number(standby, "SELECT count(*) FROM (SELECT lane_seq - lag(lane_seq, 1, 0::int8)"
                                 " OVER (PARTITION BY sender_id, epoch, lane ORDER BY seq) AS step"
                                 " FROM bus.message) x WHERE step <> 1"),
        0);
}

static void what_a_promotion_lost_is_offered_again_in_its_order(void **state)
{
    (void)state;
    say_and_lose();
    put(sender, EACH); /* on its way behind the loss */
    fail_over();
    assert_healed(5 * EACH, PROMOTED);
    assert_int_equal(saw.repeated, 0);
    assert_true(saw.heard_again <= 3 * EACH);
}

/* Every broker that knew is gone, and somebody who knew nothing is the first to say something. */
static void a_loss_that_no_broker_remembers_is_seen_by_the_log(void **state)
{
    (void)state;
    say_and_lose();
    bus_kill_broker(bus);
    fail_over();
    start_broker();
    assert_healed(4 * EACH, PROMOTED);
    assert_int_equal(bus_log_lines(bus, "store.promoted"), 1);
    assert_int_equal(bus_log_lines(bus, "store.claims") + bus_log_lines(bus, "store.short"), 0);
    assert_int_equal(pgserver_number(standby, "SELECT count(*) FROM bus.epoch WHERE head_then = 400"
                                              " AND because LIKE '%timeline 2%did not wait%'"),
                     1);
}

/* A log that came back without a new timeline: the broker knew, and was killed too; senders know.
 */
static void two_agents_that_know_more_than_the_log_have_its_epoch_raised(void **state)
{
    (void)state;
    say_and_lose();
    bus_kill_broker(bus);
    fail_over();
    pgserver_exec(standby, "UPDATE bus.log_head SET timeline = 2");
    start_broker();
    assert_healed(4 * EACH, 2);
    assert_int_equal(bus_log_lines(bus, "store.claims"), 1);
}

static void say_to_both_servers(void)
{
    pgpair_wait_for_standby(bus_server(bus), true);
    put(sender, EACH);
    put(other, EACH);
    WAIT_FOR(saw.settled == 2 * EACH && saw.heard == 2 * EACH);
}

/* Commits waited for it, so all that was acknowledged is there, whoever remembers. */
static void after_a_promotion_that_lost_nothing_nothing_is_said_again(void **state)
{
    (void)state;
    say_to_both_servers();
    bus_kill_broker(bus);
    pgserver_kill(bus_server(bus));
    pgpair_promote(standby);
    pgpair_wait_for_standby(standby, false);
    start_broker();
    put(sender, EACH);
    WAIT_FOR(saw.settled == 3 * EACH && saw.heard == 3 * EACH);
    assert_int_equal(saw.out_of_order + saw.refused + saw.repeated + saw.heard_again, 0);
    assert_int_equal(pgserver_number(standby, "SELECT log_epoch FROM bus.log_head"), PROMOTED);
    assert_int_equal(pgserver_number(standby, "SELECT same_upto FROM bus.epoch"), 2 * EACH);
    assert_int_equal(pgserver_number(standby, "SELECT timeline FROM bus.log_head"), 2);
    assert_int_equal(pgserver_number(standby, "SELECT waits_for_standby::int FROM bus.log_head"),
                     0);
}

/* A commit waits for a standby that is away, and the wait is cut short: the row is seen. */
static void be_heard_without_a_standby(void)
{
    pgserver_stop(standby);
    put(sender, 1);
    while (saw.heard == 2 * EACH) {
        (void)pgserver_number(bus_server(bus), "SELECT count(pg_cancel_backend(pid))"
                                               " FROM pg_stat_activity WHERE wait_event='SyncRep'");
        for (unsigned i = 0; i < 20; i++)
            loop_turn(loop, 10);
    }
    assert_int_equal(saw.settled, 2 * EACH);
}

static void
a_number_that_was_seen_and_never_replicated_is_heard_with_what_it_names_now(void **state)
{
    (void)state;
    say_to_both_servers();
    be_heard_without_a_standby();
    agent_destroy(sender);
    sender = NULL;
    bus_kill_broker(bus);
    fail_over();
    pgpair_wait_for_standby(standby, false);
    put(other, 1);
    start_broker();
    WAIT_FOR(saw.settled == 2 * EACH + 1 && saw.heard_again == 1 && saw.heard == 2 * EACH + 1);
    sender = crew_start(&crew, "office.ayni", NULL, ".out");
    assert_healed(2 * EACH + 2, PROMOTED);
    assert_int_equal(saw.repeated, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(what_a_promotion_lost_is_offered_again_in_its_order),
        T(a_loss_that_no_broker_remembers_is_seen_by_the_log),
        T(after_a_promotion_that_lost_nothing_nothing_is_said_again),
        T(a_number_that_was_seen_and_never_replicated_is_heard_with_what_it_names_now),
        T(two_agents_that_know_more_than_the_log_have_its_epoch_raised),
    };

    return cmocka_run_group_tests_name("a failover that loses", tests, NULL, NULL);
}
