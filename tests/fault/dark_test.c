/* A week in the dark: an office has said 200,000 things in seven days (600,000 by hand), and its
 * link comes back. All of it must drain, most urgent first, every lane in its order, nothing lost,
 * nothing doubled.
 *
 * The outbox is filled here on a clock of its own and drained by the programs as they ship (BUILD,
 * default: build): eocctl, a broker and PostgreSQL, through a door that counts bytes.
 *
 *   DARK_MESSAGES=600000   the whole week: two minutes on a busy machine */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agents/link/outbox.h"
#include "proto/base/keys.h"
#include "tests/lib/bus.h"

enum {
    MESSAGES = 200000,
    LANES = 6,
    DAYS = 7,
    DRAIN_S = 240,
    PAIRS = 8,
    /* What a lane may have sent before a more urgent one was done: what was in flight then. */
    IN_FLIGHT = 20000,
    /* Of a packet on Ethernet, for the share on the wire. */
    PACKET = 1448,
    HEADERS = 52,
};

static struct {
    struct bus *bus;
    struct keys keys;
    char dir[64], outbox[96], key_file[96], build[256], endpoint[64];
    uint64_t count, said[LANES];
    int64_t now_us, step_us;
    volatile uint64_t *carried; /* bytes: up, down */
    pid_t door;
} world;

static int64_t week_us(void *arg)
{
    (void)arg;
    return world.now_us;
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- the door --------------------------------------------------------------------------------- */

struct pair {
    int fd[2]; /* office, broker */
};

static int reach(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* False: this end is over. */
static bool carry(int from, int to, volatile uint64_t *count)
{
    static char bytes[65536];
    ssize_t n = read(from, bytes, sizeof(bytes));

    for (ssize_t at = 0; at < n;) {
        ssize_t done = write(to, bytes + at, (size_t)(n - at));

        if (done <= 0)
            return false;
        at += done;
    }
    if (n > 0)
        *count += (uint64_t)n;
    return n > 0;
}

static void stand_in_the_door(int listener, uint16_t port)
{
    struct pair pairs[PAIRS];
    unsigned count = 0;

    for (;;) {
        struct pollfd wait[1 + 2 * PAIRS] = {{.fd = listener, .events = POLLIN}};

        for (unsigned i = 0; i < 2 * count; i++)
            wait[1 + i] = (struct pollfd){.fd = pairs[i / 2].fd[i % 2], .events = POLLIN};
        if (poll(wait, 1 + 2 * count, -1) < 0)
            _exit(1);
        for (unsigned i = 2 * count; i-- > 0;)
            if (wait[1 + i].revents &&
                !carry(pairs[i / 2].fd[i % 2], pairs[i / 2].fd[!(i % 2)], &world.carried[i % 2])) {
                close(pairs[i / 2].fd[0]);
                close(pairs[i / 2].fd[1]);
                pairs[i / 2] = pairs[--count];
                break; /* the list has changed: look again */
            }
        if ((wait[0].revents & POLLIN) && count < PAIRS) {
            int office = accept(listener, NULL, NULL), broker = reach(port);

            if (broker >= 0)
                pairs[count++] = (struct pair){{office, broker}};
            else
                close(office);
        }
    }
}

static void open_door(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint16_t port = (uint16_t)strtoul(strrchr(bus_endpoint(world.bus), ':') + 1, NULL, 10);
    pid_t parent = getpid();

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(listener, PAIRS), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    snprintf(world.endpoint, sizeof(world.endpoint), "tcp://127.0.0.1:%u", ntohs(at.sin_port));
    world.carried = mmap(NULL, 2 * sizeof(*world.carried), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true((void *)(uintptr_t)world.carried != MAP_FAILED);
    world.door = fork();
    if (world.door == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        if (getppid() == parent)
            stand_in_the_door(listener, port);
        _exit(1);
    }
    close(listener);
}

/* --- the week --------------------------------------------------------------------------------- */

/* Mostly readings; a few reports; now and then something urgent; hundreds of alarms, many times
 * what one sender may sound (ingress.flash_per_minute): those wait for nothing but their commit. */
static unsigned lane_of(uint64_t n)
{
    if (n % 1000 == 999)
        return 1;
    if (n % 200 == 77)
        return 2;
    if (n % 20 == 7)
        return 3;
    return n % 5 == 3 ? 4 : 5;
}

static enum status put_flash(struct outbox *o, Eocbus__V1__Envelope *m, struct refusal *why)
{
    Eocbus__V1__FlashReport report = EOCBUS__V1__FLASH_REPORT__INIT;

    report.hazard = EOCBUS__V1__HAZARD__HAZARD_FLASH_FLOOD;
    report.village = (char *)(uintptr_t) "Zarafshon";
    report._houses_case = EOCBUS__V1__FLASH_REPORT___HOUSES_HOUSES;
    report.houses = 12;
    report.road_cut = EOCBUS__V1__ANSWER__ANSWER_YES;
    report.confidence = EOCBUS__V1__CONFIDENCE__CONFIDENCE_HIGH;
    report.reporter_role = EOCBUS__V1__REPORTER_ROLE__REPORTER_ROLE_DISTRICT_DUTY;
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_FLASH_REPORT;
    m->flash_report = &report;
    return outbox_put(o, m, NULL, why);
}

static void put_nth(struct outbox *o, uint64_t n)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__ActivityLogEntry entry = EOCBUS__V1__ACTIVITY_LOG_ENTRY__INIT;
    Eocbus__V1__Area area = EOCBUS__V1__AREA__INIT;
    char *places[1] = {(char *)(uintptr_t) "3505203"}, text[200];
    unsigned lane = lane_of(n);
    struct refusal why = {0};
    enum status st;

    snprintf(text, sizeof(text),
             "entry %llu: stage at the gauge %llu cm, the bridge at Zarafshon passable for light "
             "vehicles only",
             (unsigned long long)n, (unsigned long long)(180 + n % 90));
    area.pcodes = places;
    area.n_pcodes = 1;
    m.area = &area;
    m.lane = (Eocbus__V1__Lane)lane;
    m.status = EOCBUS__V1__STATUS__STATUS_EXERCISE;
    m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.event_time_us = world.now_us;
    entry.position = (char *)(uintptr_t) "duty officer";
    entry.text = text;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
    m.activity_log_entry = &entry;
    st = lane == 1 ? put_flash(o, &m, &why) : outbox_put(o, &m, NULL, &why);
    if (st != ST_OK)
        fail_msg("%s %s %s", why.code, why.path, why.text);
    world.said[lane]++;
    world.now_us += world.step_us;
}

static void live_a_week(void)
{
    struct outbox_settings set = {.path = world.outbox,
                                  .sender = "office.ayni",
                                  .budget_bytes = (size_t)4 << 30,
                                  .utc_us = week_us};
    struct outbox_counts c;
    struct outbox *o = NULL;
    struct timespec now;
    char err[512];
    double began = seconds();

    clock_gettime(CLOCK_REALTIME, &now);
    world.step_us = INT64_C(1000000) * DAYS * 86400 / (int64_t)world.count;
    world.now_us = (int64_t)now.tv_sec * 1000000 - INT64_C(1000000) * DAYS * 86400;
    if (outbox_open(&o, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    for (uint64_t n = 0; n < world.count; n++)
        put_nth(o, n);
    assert_int_equal(outbox_commit(o), ST_OK);
    assert_int_equal(outbox_counts(o, &c), ST_OK);
    assert_int_equal(c.put, world.count);
    print_message("measured: %llu messages of %d days put with sanitizers at %.0f/s, %.0f bytes of "
                  "file each\n",
                  (unsigned long long)world.count, DAYS, (double)world.count / (seconds() - began),
                  (double)c.bytes / (double)world.count);
    outbox_close(o);
}

static int begin(void **state)
{
    const char *build = getenv("BUILD"), *count = getenv("DARK_MESSAGES");
    char err[256];

    (void)state;
    memset(&world, 0, sizeof(world));
    world.count = count ? strtoull(count, NULL, 10) : MESSAGES;
    snprintf(world.build, sizeof(world.build), "%s", build ? build : "build");
    snprintf(world.dir, sizeof(world.dir), "/tmp/eocbus-dark-XXXXXX");
    if (!mkdtemp(world.dir))
        return -1;
    snprintf(world.outbox, sizeof(world.outbox), "%s/out", world.dir);
    snprintf(world.key_file, sizeof(world.key_file), "%s/key", world.dir);
    world.bus = bus_create();
    if (!bus_use_build(world.bus, world.build))
        print_message("measured: the programs of %s are not built: with sanitizers\n", world.build);
    bus_enrol(world.bus, "office.ayni", &world.keys);
    if (keys_save(&world.keys, world.key_file, "office.ayni", err, sizeof(err)) != ST_OK)
        return -1;
    bus_start_broker(world.bus, NULL);
    open_door();
    return 0;
}

static int end(void **state)
{
    char command[128];

    (void)state;
    kill(world.door, SIGKILL);
    waitpid(world.door, NULL, 0);
    bus_destroy(world.bus);
    munmap((void *)(uintptr_t)world.carried, 2 * sizeof(*world.carried));
    snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    return system(command);
}

/* --- the light -------------------------------------------------------------------------------- */

static void exec_drain(void)
{
    char program[400], wait[16], text[5][160];
    const char *argv[24] = {program, "publish", "--drain", "--wait", wait};
    const char *names[5] = {"name=office.ayni", text[0], text[1], text[2], text[3]};
    size_t n = 5;

    snprintf(program, sizeof(program), "%s/eocctl", world.build);
    snprintf(wait, sizeof(wait), "%d", DRAIN_S);
    snprintf(text[0], sizeof(text[0]), "key.file=%s", world.key_file);
    snprintf(text[1], sizeof(text[1]), "broker.endpoint=%s", world.endpoint);
    snprintf(text[2], sizeof(text[2]), "broker.key=%s", bus_broker_key(world.bus));
    snprintf(text[3], sizeof(text[3]), "outbox.path=%s", world.outbox);
    for (size_t i = 0; i < 5; i++) {
        argv[n++] = "-o";
        argv[n++] = names[i];
    }
    argv[n++] = "-o";
    argv[n++] = "outbox.budget=4GiB";
    argv[n++] = "-o";
    argv[n++] = "link.profile=fiber";
    execv(program, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static double drain(void)
{
    double began = seconds();
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        exec_drain();
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg(
            "eocctl publish --drain ended with %d, stored %lld", status,
            (long long)pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.message"));
    return seconds() - began;
}

static int64_t ask(const char *fmt, ...)
{
    char sql[600];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(sql, sizeof(sql), fmt, ap);
    va_end(ap);
    return pgserver_number(bus_server(world.bus), sql);
}

static void every_lane_is_whole_and_in_order(void)
{
    for (unsigned lane = 1; lane < LANES; lane++) {
        assert_int_equal(ask("SELECT count(*) FROM bus.message WHERE lane=%u", lane),
                         world.said[lane]);
        assert_int_equal(
            ask("SELECT count(DISTINCT lane_seq) FROM bus.message WHERE lane=%u", lane),
            world.said[lane]);
        assert_int_equal(ask("SELECT count(*) FROM (SELECT lane_seq, lag(lane_seq) OVER (ORDER BY "
                             "seq) AS before FROM bus.message WHERE lane=%u) m WHERE lane_seq <> "
                             "coalesce(before, 0) + 1",
                             lane),
                         0);
    }
}

static void urgent_lanes_came_first(void)
{
    int64_t most = 0;

    for (unsigned lane = 1; lane + 1 < LANES; lane++) {
        int64_t before = ask("SELECT count(*) FROM bus.message WHERE lane > %u AND seq < (SELECT "
                             "max(seq) FROM bus.message WHERE lane=%u)",
                             lane, lane);

        if (before > most)
            most = before;
    }
    print_message("measured: at most %lld less urgent messages before the last of a more urgent "
                  "lane\n",
                  (long long)most);
    assert_true(most <= IN_FLIGHT);
}

static void after_a_week_everything_drains_most_urgent_first(void **state)
{
    double took, wire, content, share;

    (void)state;
    live_a_week();
    took = drain();
    every_lane_is_whole_and_in_order();
    urgent_lanes_came_first();
    assert_int_equal(ask("SELECT count(*) FROM bus.message"), world.count);
    /* A parcel is a content and its signature. */
    content = (double)ask("SELECT sum(octet_length(content) + coalesce(octet_length(signature), 0))"
                          " FROM bus.message");
    wire = (double)world.carried[0] * (1 + (double)HEADERS / PACKET);
    share = content / wire;
    print_message("measured: dark week drained at %.0f/s: %.1f s (bar > 10000/s%s)\n",
                  (double)world.count / took, took,
                  (double)world.count / took > 10000 ? "" : ": missed");
    print_message("measured: parcel bytes %.1f %% of what went up the wire (bar >= 65 %%%s), %.0f "
                  "bytes a message; %.1f bytes a message came down\n",
                  100 * share, share >= 0.65 ? "" : ": missed", content / (double)world.count,
                  (double)world.carried[1] / (double)world.count);
    assert_true(share >= 0.65);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(after_a_week_everything_drains_most_urgent_first, begin,
                                        end),
    };

    return cmocka_run_group_tests_name("dark week", tests, NULL, NULL);
}
