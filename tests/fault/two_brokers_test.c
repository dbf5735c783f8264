/* Two brokers on one PostgreSQL. The one that does the work is killed -9, again and again, and
 * stopped; every agent goes on at the other one, and how long it was without a receipt is measured.
 * In the end nothing is lost, doubled or out of order, and a listener that moved with them has no
 * gap. An alarm crosses from broker to broker while PostgreSQL is stopped, and is heard once.
 *
 *   BROKER_KILLS=n   more of them */
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
#include <time.h>
#include <unistd.h>

#include "agents/link/agent.h"
#include "proto/base/log.h"
#include "tests/lib/bus.h"
#include "tests/lib/patience.h"

enum {
    PUBLISHERS = 4,
    LISTENER = PUBLISHERS,
    AGENTS,
    KILLS = 30,
    KILLS_MOST = 1000,
    STOPS = 2,
    PUT_MS = 10,
    ALARMS = 20,
    ALARM_MS = 400, /* apart, so that a machine that stands still meets fewer than half of them */
    DEADLINE_S = 120,
    LANES = 5,
    KILL_P99_MS = 1000, /* the bar, which is told */
    KILL_P90_MS =
        1000, /* what is asserted: a machine that stands still meets all agents at once, */
    KILL_MOST_MS = 10000, /* in one of the kills or two */
    STOP_MOST_MS = 10000, /* 2.0 to 2.5 s on an idle machine: asked after one, left after another */
};

struct shared { /* the killer and the agents see it */
    volatile bool publishers_end, all_end;
    volatile bool have_ended;           /* the agents have: what waits is all that will */
    volatile unsigned round;            /* the killer's; gaps are counted anew */
    volatile unsigned seen_round;       /* the agents' */
    volatile uint64_t gap_us[AGENTS];   /* longest between two receipts, in this round */
    volatile uint64_t told_us[AGENTS];  /* the last receipt */
    volatile unsigned sessions[AGENTS]; /* that stand */
    volatile bool is_at_second[AGENTS];
    volatile uint64_t waiting[AGENTS], put[AGENTS][LANES + 1];
    volatile uint64_t heard, heard_gaps;
};

static struct {
    struct bus *bus[2];
    struct shared *shared;
    struct keys keys[AGENTS];
    char dir[64];
    pid_t agents_pid;
} world;

static const char *const names[AGENTS] = {"office.ayni", "office.panj", "office.khujand",
                                          "office.kulob", "centre.duty"};
static char err[512];

static uint64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void rest_ms(unsigned ms)
{
    const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

/* --- agents ----------------------------------------------------------------------------------- */

/* order: which brokers it knows, the preferred one first: "12", "21", "1". */
static struct agent *start_agent(struct loop *loop, unsigned who, const char *order,
                                 const struct agent_events *events)
{
    char key_file[128], outbox[128];
    char *endpoints[2];
    struct agent_settings set = {.name = (char *)(uintptr_t)names[who],
                                 .key_file = key_file,
                                 .broker_key = (char *)(uintptr_t)bus_broker_key(world.bus[0]),
                                 .outbox_path = who == LISTENER ? NULL : outbox,
                                 .link_profile = (char *)(uintptr_t) "fiber"};
    struct agent *a;

    for (unsigned i = 0; order[i]; i++)
        endpoints[i] = (char *)(uintptr_t)bus_endpoint(world.bus[order[i] - '1']);
    set.endpoints.items = endpoints;
    set.endpoints.count = strlen(order);
    snprintf(key_file, sizeof(key_file), "%s/%u.key", world.dir, who);
    snprintf(outbox, sizeof(outbox), "%s/%u.out", world.dir, who);
    if (agent_create(&a, loop, &set, "two_brokers_test 0", events, err, sizeof(err)) != ST_OK) {
        fprintf(stderr, "two_brokers_test: %s\n", err);
        abort();
    }
    return a;
}

static void put(struct agent *a, Eocbus__V1__Lane lane, const char *text, int64_t utc_us)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__GeneralMessage body = EOCBUS__V1__GENERAL_MESSAGE__INIT;
    struct refusal why = {0};

    body.from_role = (char *)(uintptr_t) "duty officer";
    body.subject = (char *)(uintptr_t) "water";
    body.text = (char *)(uintptr_t)text;
    m.lane = lane;
    m.status = EOCBUS__V1__STATUS__STATUS_TEST;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = utc_us;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_GENERAL_MESSAGE;
    m.general_message = &body;
    if (agent_put(a, &m, NULL, &why) != ST_OK) {
        fprintf(stderr, "two_brokers_test: %s %s\n", why.path, why.text);
        abort();
    }
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    unsigned who = (unsigned)(uintptr_t)arg;
    struct shared *s = world.shared;
    uint64_t now = clock_us();

    (void)oc;
    if (outbox_tag_lane(tag) == EOCBUS__V1__LANE__LANE_FLASH)
        return; /* the other broker has its copy, and answers all the time */
    if (s->told_us[who] && now - s->told_us[who] > s->gap_us[who])
        s->gap_us[who] = now - s->told_us[who];
    s->told_us[who] = now;
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct shared *s = world.shared;

    (void)arg, (void)m;
    if (d->stamp->provisional)
        return true;
    s->heard_gaps += d->stamp->seq != s->heard + 1;
    s->heard = d->stamp->seq;
    return true;
}

static void tell_state(struct agent *const *agents)
{
    struct shared *s = world.shared;

    if (s->seen_round != s->round) {
        for (unsigned i = 0; i < AGENTS; i++)
            s->gap_us[i] = 0;
        s->seen_round = s->round;
    }
    for (unsigned i = 0; i < AGENTS; i++) {
        struct agent_state st;

        agent_state(agents[i], &st);
        s->sessions[i] = st.linked ? st.sessions : 0;
        s->is_at_second[i] = strcmp(st.endpoint, bus_endpoint(world.bus[1])) == 0;
        s->waiting[i] = st.waiting;
    }
}

/* The process of all agents: each publisher says something every PUT_MS. */
static void run_agents(void)
{
    static const char *const all[] = {"**"};
    const struct agent_subscription sub = {
        .patterns = all, .pattern_count = 1, .numbered_copies = true, .message = on_message};
    struct agent *agents[AGENTS];
    struct loop *loop;
    uint64_t next_us = 0, n = 0;

    if (loop_create(&loop) != ST_OK)
        abort();
    for (unsigned i = 0; i < AGENTS; i++) {
        struct agent_events events = {.arg = (void *)(uintptr_t)i, .settled = on_settled};

        agents[i] = start_agent(loop, i, "12", &events);
    }
    if (agent_subscribe(agents[LISTENER], &sub, err, sizeof(err)) != ST_OK)
        abort();
    for (; !world.shared->all_end; loop_turn(loop, PUT_MS)) {
        bool are_over = world.shared->publishers_end;

        tell_state(agents);
        world.shared->have_ended = are_over;
        if (are_over || clock_us() < next_us)
            continue;
        next_us = clock_us() + PUT_MS * 1000;
        for (unsigned i = 0; i < PUBLISHERS; i++) {
            unsigned lane = 1 + (unsigned)(++n / PUBLISHERS % LANES);

            put(agents[i], (Eocbus__V1__Lane)lane, "water level 412 mm", loop_utc_us(loop));
            world.shared->put[i][lane]++;
        }
    }
    for (unsigned i = 0; i < AGENTS; i++)
        agent_destroy(agents[i]);
    loop_destroy(loop);
    fflush(NULL);
    exit(0);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static bool stand_by(unsigned sessions)
{
    for (unsigned i = 0; i < AGENTS; i++)
        if (world.shared->sessions[i] < sessions)
            return false;
    return true;
}

static bool are_told_since(uint64_t us)
{
    for (unsigned i = 0; i < PUBLISHERS; i++)
        if (world.shared->told_us[i] < us)
            return false;
    return true;
}

static void watch_agents(void)
{
    if (waitpid(world.agents_pid, NULL, WNOHANG) != 0)
        fail_msg("the agents ended by themselves");
    rest_ms(5);
}

#define WAIT_FOR(condition) WAIT_UNTIL(condition, DEADLINE_S, watch_agents(), "in vain")

static void begin_round(void)
{
    /* One that has just come back and has not found the database yet would be a second fault. */
    for (unsigned i = 0; i < 2; i++)
        WAIT_FOR(bus_status(world.bus[i], "store_here"));
    WAIT_FOR(stand_by(2));
    WAIT_FOR(are_told_since(clock_us() - 1000000));
    world.shared->round++;
    WAIT_FOR(world.shared->seen_round == world.shared->round);
}

/* Where most of them are. */
static struct bus *busy_broker(void)
{
    unsigned at_second = 0;

    for (unsigned i = 0; i < PUBLISHERS; i++)
        at_second += world.shared->is_at_second[i];
    return world.bus[at_second * 2 > PUBLISHERS];
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void tell(const char *what, uint64_t *gaps, size_t count)
{
    qsort(gaps, count, sizeof(*gaps), by_size);
    print_message("measured: longest gap without a receipt around %s: median %.3f s, p99 %.3f s, "
                  "longest %.3f s (%zu gaps)\n",
                  what, (double)gaps[count / 2] / 1e6, (double)gaps[(count * 99 - 1) / 100] / 1e6,
                  (double)gaps[count - 1] / 1e6, count);
}

/* --- kills and stops -------------------------------------------------------------------------- */

static void kill_the_busy_one(uint64_t *gaps)
{
    uint64_t killed;
    struct bus *b;

    begin_round();
    b = busy_broker();
    bus_kill_broker(b);
    killed = clock_us();
    /* What it still had in the line is heard within a turn or two: later than that it is the other
     * one who answers. */
    WAIT_FOR(are_told_since(killed + 100000));
    for (unsigned i = 0; i < PUBLISHERS; i++)
        gaps[i] = world.shared->gap_us[i];
    bus_start_broker(b, NULL);
}

static void stop_the_busy_one(uint64_t *gaps)
{
    uint64_t began;
    struct bus *b;

    begin_round();
    b = busy_broker();
    began = clock_us();
    kill(bus_broker_pid(b), SIGSTOP);
    WAIT_FOR(are_told_since(began + 1000000));
    for (unsigned i = 0; i < PUBLISHERS; i++)
        gaps[i] = world.shared->gap_us[i];
    kill(bus_broker_pid(b), SIGCONT);
}

static int64_t ask(const char *sql)
{
    return pgserver_number(bus_server(world.bus[0]), sql);
}

static void compare_with_the_log(void)
{
    char sql[256];
    uint64_t all = 0;

    for (unsigned i = 0; i < PUBLISHERS; i++)
        for (unsigned lane = 1; lane <= LANES; lane++) {
            snprintf(sql, sizeof(sql),
                     "SELECT count(DISTINCT lane_seq) FROM bus.message m JOIN bus.principal p ON "
                     "p.principal_id = m.sender_id WHERE p.name = '%s' AND lane = %u",
                     names[i], lane);
            assert_int_equal(ask(sql), world.shared->put[i][lane]);
            all += world.shared->put[i][lane];
        }
    assert_int_equal(ask("SELECT count(*) FROM bus.message"), all);
    assert_int_equal(ask("SELECT seq FROM bus.log_head"), all);
    assert_int_equal(ask("SELECT count(*) FROM (SELECT lane_seq - lag(lane_seq) OVER (PARTITION BY "
                         "sender_id, lane ORDER BY seq) AS step FROM bus.message) AS x WHERE step "
                         "<> 1"),
                     0);
    assert_int_equal(world.shared->heard, all);
    assert_int_equal(world.shared->heard_gaps, 0);
    print_message("measured: %llu messages, every one stored once and in order, and heard without "
                  "a gap\n",
                  (unsigned long long)all);
}

static bool are_empty(void)
{
    for (unsigned i = 0; i < PUBLISHERS; i++)
        if (world.shared->waiting[i])
            return false;
    return true;
}

static void agents_go_on_at_the_other_broker_within_a_second(void **state)
{
    static uint64_t gaps[KILLS_MOST * PUBLISHERS];
    const char *text = getenv("BROKER_KILLS");
    unsigned kills = text ? (unsigned)strtoul(text, NULL, 10) : KILLS;
    uint64_t stops[STOPS * PUBLISHERS];
    size_t count = (size_t)kills * PUBLISHERS;
    int status;

    (void)state;
    assert_in_range(kills, 1, KILLS_MOST);
    for (unsigned i = 0; i < kills; i++)
        kill_the_busy_one(gaps + (size_t)i * PUBLISHERS);
    for (unsigned i = 0; i < STOPS; i++)
        stop_the_busy_one(stops + (size_t)i * PUBLISHERS);
    world.shared->publishers_end = true;
    WAIT_FOR(world.shared->have_ended && are_empty());
    WAIT_FOR(world.shared->heard == (uint64_t)ask("SELECT seq FROM bus.log_head"));
    compare_with_the_log();
    tell("kill -9 of the broker", gaps, count);
    tell("a stopped broker", stops, (size_t)STOPS * PUBLISHERS);
    if (gaps[(count * 99 - 1) / 100] >= KILL_P99_MS * 1000)
        print_message("measured: bar of %d ms for the p99 of kills: missed\n", KILL_P99_MS);
    assert_swift(gaps[(count * 90 - 1) / 100] < KILL_P90_MS * 1000);
    assert_swift(gaps[count - 1] < KILL_MOST_MS * UINT64_C(1000));
    assert_swift(stops[STOPS * PUBLISHERS - 1] < STOP_MOST_MS * 1000);
    world.shared->all_end = true;
    assert_int_equal(waitpid(world.agents_pid, &status, 0), world.agents_pid);
    world.agents_pid = 0;
    assert_int_equal(status, 0);
}

/* --- alarms ----------------------------------------------------------------------------------- */

static struct {
    unsigned alarms, numbered;
    uint64_t put_us[ALARMS + 1], heard_us[ALARMS + 1];
} siren;

static bool on_alarm(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    unsigned n;

    (void)arg;
    if (!m || m->lane != EOCBUS__V1__LANE__LANE_FLASH || d->history)
        return true;
    n = (unsigned)strtoul(m->general_message->text, NULL, 10);
    siren.alarms++;
    siren.numbered += !d->stamp->provisional;
    if (n <= ALARMS)
        siren.heard_us[n] = clock_us();
    return true;
}

#define TURN_UNTIL(condition)                                                                      \
    WAIT_UNTIL(condition, DEADLINE_S, loop_turn(loop, 10), "%u alarms heard", siren.alarms)

static unsigned sessions_of(struct agent *a)
{
    struct agent_state st;

    agent_state(a, &st);
    return st.linked ? st.sessions : 0;
}

static uint64_t waiting_of(struct agent *a)
{
    struct agent_state st;

    agent_state(a, &st);
    return st.waiting;
}

/* The sender knows the first broker only; the listener does its work at the second one. */
static void an_alarm_crosses_brokers_while_the_database_is_stopped(void **state)
{
    static const char *const all[] = {"**"};
    const struct agent_subscription sub = {
        .patterns = all, .pattern_count = 1, .from_now = true, .message = on_alarm};
    const struct agent_events none = {0};
    struct agent *sender, *listener;
    struct loop *loop;
    uint64_t late_us[ALARMS];
    char text[32];

    (void)state;
    assert_int_equal(loop_create(&loop), ST_OK);
    sender = start_agent(loop, 0, "1", &none);
    listener = start_agent(loop, LISTENER, "21", &none);
    assert_int_equal(agent_subscribe(listener, &sub, err, sizeof(err)), ST_OK);
    TURN_UNTIL(sessions_of(sender) == 1 && sessions_of(listener) == 2);
    put(sender, EOCBUS__V1__LANE__LANE_FLASH, "0", loop_utc_us(loop));
    TURN_UNTIL(siren.alarms == 1 && !waiting_of(sender));
    pgserver_stop(bus_server(world.bus[0]));
    for (unsigned i = 1; i <= ALARMS; i++) {
        snprintf(text, sizeof(text), "%u", i);
        siren.put_us[i] = clock_us();
        put(sender, EOCBUS__V1__LANE__LANE_FLASH, text, loop_utc_us(loop));
        for (uint64_t until = clock_us() + ALARM_MS * 1000; clock_us() < until;)
            loop_turn(loop, 10);
    }
    TURN_UNTIL(siren.alarms == ALARMS + 1);
    for (unsigned i = 0; i < ALARMS; i++)
        late_us[i] = siren.heard_us[i + 1] - siren.put_us[i + 1];
    qsort(late_us, ALARMS, sizeof(*late_us), by_size);
    print_message("measured: %d alarms said to one broker and heard through another, PostgreSQL "
                  "stopped: median %.3f s, slowest %.3f s\n",
                  ALARMS, (double)late_us[ALARMS / 2] / 1e6, (double)late_us[ALARMS - 1] / 1e6);
    /* Before, each waited for a retry after a second. The median, since a machine that stands still
     * for a moment makes one of them late, not half of them. */
    assert_swift(late_us[ALARMS / 2] < 900000);
    pgserver_start_again(bus_server(world.bus[0]));
    TURN_UNTIL(!waiting_of(sender));
    for (uint64_t until = clock_us() + 1500000; clock_us() < until;) /* time to hear it twice */
        loop_turn(loop, 10);
    assert_int_equal(siren.alarms, ALARMS + 1);
    agent_destroy(sender);
    agent_destroy(listener);
    loop_destroy(loop);
}

/* --- the world -------------------------------------------------------------------------------- */

static int begin(void **state)
{
    char path[128];

    (void)state;
    snprintf(world.dir, sizeof(world.dir), "/tmp/eocbus-two-XXXXXX");
    world.shared = mmap(NULL, sizeof(*world.shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!mkdtemp(world.dir) || world.shared == MAP_FAILED)
        return -1;
    world.bus[0] = bus_create();
    world.bus[1] = bus_beside(world.bus[0]);
    for (unsigned i = 0; i < AGENTS; i++) {
        bus_enrol(world.bus[0], names[i], &world.keys[i]);
        snprintf(path, sizeof(path), "%s/%u.key", world.dir, i);
        if (keys_save(&world.keys[i], path, names[i], err, sizeof(err)) != ST_OK)
            return -1;
    }
    bus_start_broker(world.bus[0], NULL);
    bus_start_broker(world.bus[1], NULL);
    return 0;
}

static int begin_with_agents(void **state)
{
    pid_t parent = getpid();

    if (begin(state) != 0)
        return -1;
    fflush(NULL);
    world.agents_pid = fork();
    if (world.agents_pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(126);
        log_set_level(LOG_ERROR + 1);
        run_agents();
    }
    return world.agents_pid > 0 ? 0 : -1;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    if (world.agents_pid > 0) {
        kill(world.agents_pid, SIGKILL);
        waitpid(world.agents_pid, NULL, 0);
        world.agents_pid = 0;
    }
    for (unsigned i = 2; i-- > 0;) {
        pid_t broker = bus_broker_pid(world.bus[i]);

        if (broker > 0)
            kill(broker, SIGCONT);
        bus_destroy(world.bus[i]);
    }
    munmap(world.shared, sizeof(*world.shared));
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command); /* NOLINT(cert-env33-c): a name made here */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_alarm_crosses_brokers_while_the_database_is_stopped,
                                        begin, end),
        cmocka_unit_test_setup_teardown(agents_go_on_at_the_other_broker_within_a_second,
                                        begin_with_agents, end),
    };

    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests_name("two_brokers", tests, NULL, NULL);
}
