/* flood_test - three floods, second by second, at gateways as they stand in the field: real
 * programs with a siren each, the real broker and database, and somebody who listens.
 *
 * What lies before the rise comes as fast as it is taken, with its own time; from five seconds
 * before the lines are crossed one sample comes each second. Each flood meets gateways to which
 * nothing happens, whose link is cut, whose broker is dead, and whose disk is full: the siren
 * sounds at each of them, and the listener hears each alarm, at the latest when the fault is
 * mended.
 *
 * Asserted in the time of the samples: the alarm is at most ten seconds after the lines are
 * crossed. How long siren and listener took on the clock is printed; on a busy machine it means
 * little.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agents/link/agent.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "tests/lib/beside.h"
#include "tests/lib/bus.h"
#include "tests/lib/flood.h"
#include "tests/lib/mosquitto.h"
#include "tests/lib/patience.h"
#include "tests/lib/port.h"
#include "tests/lib/run.h"

#define DEADLINE_S 120
#define SECOND_US  INT64_C(1000000)
/* Samples before the crossing that come with the clock, and after it. */
enum { LIVE_BEFORE = 5, LIVE_AFTER = 15, GATEWAYS_MOST = 12 };
/* The rise is counted from a sample up to this share of the window younger than it. */
#define WINDOW_STEPS 60

enum fault { HEALTHY, LINK_CUT, BROKER_DEAD, DISK_FULL, FAULTS };
static const char *const fault_words[FAULTS] = {"nothing", "link cut", "broker dead", "disk full"};

struct gauge {
    struct flood flood;
    struct device_client *device;
    int64_t base_us;                               /* time of second 0 of the flood */
    int64_t sent_us[LIVE_AFTER + LIVE_BEFORE + 1]; /* clock, of the live samples */
};

struct gateway {
    const struct gauge *gauge;
    enum fault fault;
    char name[64], dir[160], disk[200];
    pid_t pid;
    int64_t sounded_us, heard_us; /* clock; 0 = not yet */
    int64_t alarm_mm;             /* how high the water stood in the sample that made the alarm */
};

static struct {
    struct bus *bus, *other; /* the other broker is the one that dies */
    struct loop *loop;
    struct agent *listener;
    unsigned count;
    struct mosquitto_server *mosquitto;
    pid_t proxy; /* leads a group of its own */
    int proxy_held;
    char program[PATH_MAX], proxy_endpoint[64];
    bool has_disk; /* a small file system could be mounted */
} world;

static struct gauge gauges[FLOODS];
static struct gateway gateways[GATEWAYS_MOST];
static char dir[64], err[600];

static int64_t clock_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

/* --- a link that can be cut ------------------------------------------------------------------- */

static void pump(int a, int b)
{
    struct pollfd ends[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
    char bytes[16384];

    while (poll(ends, 2, -1) > 0)
        for (int i = 0; i < 2; i++) {
            ssize_t n = ends[i].revents ? read(ends[i].fd, bytes, sizeof(bytes)) : 1;

            if (n <= 0)
                return;
            if (ends[i].revents && send(ends[1 - i].fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
                return;
        }
}

static int open_socket(const char *endpoint, bool listens)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port =
                                 htons((uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    if (listens && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
                    bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 16) != 0))
        _exit(1);
    if (!listens && connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        _exit(0);
    return fd;
}

/* Stopped and continued as a whole: what is under way waits in it. */
static void start_proxy(void)
{
    int door;

    world.proxy_held = port_hold(world.proxy_endpoint, sizeof(world.proxy_endpoint));
    world.proxy = fork();
    assert_true(world.proxy >= 0);
    if (world.proxy) {
        (void)setpgid(world.proxy, world.proxy);
        return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setpgid(0, 0);
    signal(SIGCHLD, SIG_IGN);
    door = open_socket(world.proxy_endpoint, true);
    for (int fd; (fd = accept(door, NULL, NULL)) >= 0; close(fd)) {
        if (fork() != 0)
            continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pump(fd, open_socket(bus_endpoint(world.bus), false));
        _exit(0);
    }
    _exit(0);
}

/* --- gauges ----------------------------------------------------------------------------------- */

static void start_mosquitto(void)
{
    char more[300];

    snprintf(more, sizeof(more),
             "allow_anonymous true\nautosave_on_changes false\nlog_dest file %s/mosquitto.log\n"
             "log_type subscribe",
             dir);
    world.mosquitto = mosquitto_server_start(more);
}

/* So many gateways asked for their gauge's topic, and mosquitto knows it. */
static unsigned subscribed(void)
{
    char path[128], line[512];
    unsigned n = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/mosquitto.log", dir);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f))
        n += strstr(line, " flood/") != NULL;
    if (f)
        fclose(f);
    return n;
}

/* As a gauge says it: the broker of the devices has it, or the test fails. */
static void measure(struct gauge *g, unsigned second)
{
    char at[TIME_TEXT], topic[64], line[128];

    time_format(at, g->base_us + (int64_t)second * SECOND_US);
    snprintf(topic, sizeof(topic), "flood/%s", g->flood.name);
    snprintf(line, sizeof(line), "%s.stage %s %.3f", g->flood.name, at,
             g->flood.mm[second] / 1000.0);
    assert_true(device_client_publish(g->device, topic, line, 1));
}

/* --- gateways --------------------------------------------------------------------------------- */

static void write_siren(const struct gateway *g)
{
    char path[256], text[600];

    snprintf(path, sizeof(path), "%s/siren", g->dir);
    snprintf(text, sizeof(text), "#!/bin/sh\necho \"$(date +%%s%%N) $*\" >> %s/sounded\n", g->dir);
    write_text_file(path, text);
    assert_int_equal(chmod(path, 0755), 0);
}

static void write_conf(const struct gateway *g)
{
    const struct flood *f = &g->gauge->flood;
    const char *endpoint = g->fault == LINK_CUT      ? world.proxy_endpoint
                           : g->fault == BROKER_DEAD ? bus_endpoint(world.other)
                                                     : bus_endpoint(world.bus);
    char text[2400], path[256];

    snprintf(text, sizeof(text),
             "name = %s\nkey.file = %s/key\nbroker.endpoint = %s\nbroker.key = %s\n"
             "outbox.path = %s/gw.db\noutbox.budget = 16MiB\njournal.budget = 8MiB\n"
             "link.profile = fiber\nplace = 3505203\nhazard = mudflow\n"
             "device = gauge lines\nmqtt.broker = mqtt://127.0.0.1:%u\n"
             "mqtt.topic = flood/%s gauge\n"
             "log.level = info\nsiren = command %s/siren\nsiren.timeout = 20s\n"
             "datastream = %s.stage 1 stage metre -3 step=1s\n"
             "detector = stage.level 1 %s.stage line=%.3f\n"
             "detector = stage.rate 1 %s.stage line=%.4f window=%us\n",
             g->name, g->dir, endpoint, bus_broker_key(world.bus), g->disk,
             mosquitto_server_port(world.mosquitto), f->name, g->dir, f->name, f->name, f->level_m,
             f->name, f->rise_m_min, f->window_s);
    snprintf(path, sizeof(path), "%s/conf", g->dir);
    write_text_file(path, text);
}

static void make_disk(struct gateway *g)
{
    memcpy(g->disk, g->dir, sizeof(g->dir));
    if (g->fault != DISK_FULL)
        return;
    strncat(g->disk, "/disk", sizeof(g->disk) - strlen(g->disk) - 1);
    assert_int_equal(mkdir(g->disk, 0700), 0);
    assert_int_equal(mount("none", g->disk, "tmpfs", 0, "size=48m"), 0);
}

static void make_gateway(const struct gauge *gauge, enum fault fault)
{
    struct gateway *g = &gateways[world.count];
    struct keys keys;
    char path[256];

    g->gauge = gauge;
    g->fault = fault;
    snprintf(g->name, sizeof(g->name), "coes.tj3505203.gw%02u", world.count);
    snprintf(g->dir, sizeof(g->dir), "%s/gw%02u", dir, world.count++);
    assert_int_equal(mkdir(g->dir, 0700), 0);
    make_disk(g);
    bus_enrol(world.bus, g->name, &keys);
    snprintf(path, sizeof(path), "%s/key", g->dir);
    assert_int_equal(keys_save(&keys, path, g->name, err, sizeof(err)), ST_OK);
    write_siren(g);
    write_conf(g);
}

static void start_gateway(struct gateway *g)
{
    char conf[256], log[256];

    snprintf(conf, sizeof(conf), "%s/conf", g->dir);
    snprintf(log, sizeof(log), "%s/log", g->dir);
    g->pid = fork();
    assert_true(g->pid >= 0);
    if (g->pid)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (freopen(log, "a", stderr))
        execl(world.program, world.program, "-c", conf, "run", (char *)NULL);
    _exit(127);
}

static bool has_logged(const struct gateway *g, const char *id)
{
    char path[256], line[1024];
    bool found = false;
    FILE *f;

    snprintf(path, sizeof(path), "%s/log", g->dir);
    f = fopen(path, "re");
    while (f && !found && fgets(line, sizeof(line), f))
        found = strstr(line, id) != NULL;
    if (f)
        fclose(f);
    return found;
}

/* --- somebody listens ------------------------------------------------------------------------- */

static int64_t stage_in(const Eocbus__V1__SensorDetection *d)
{
    for (size_t i = 0; i < d->n_evidence; i++)
        if (d->evidence[i]->type == EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_STAGE)
            return d->evidence[i]->value;
    return INT64_MAX;
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    (void)arg;
    (void)d;
    if (!m || m->lane != EOCBUS__V1__LANE__LANE_FLASH ||
        m->body_case != EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION)
        return true;
    for (unsigned i = 0; i < world.count; i++) {
        struct gateway *g = &gateways[i];

        if (strcmp(m->sender, g->name) != 0 || g->heard_us ||
            m->sensor_detection->level != EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_ALARM)
            continue;
        g->heard_us = clock_us();
        g->alarm_mm = stage_in(m->sensor_detection);
    }
    return true;
}

static void start_listener(void)
{
    static const char *const patterns[] = {"*.sensor.sensor_detection.**"};
    static const char name[] = "coes.ayni.listener";
    char key_file[128], inbox[128];
    const struct agent_events none = {.arg = NULL};
    const struct agent_subscription sub = {
        .patterns = patterns, .pattern_count = 1, .inbox_path = inbox, .message = on_message};
    char *endpoints[] = {(char *)(uintptr_t)bus_endpoint(world.bus)};
    struct agent_settings set = {.name = (char *)(uintptr_t)name,
                                 .key_file = key_file,
                                 .broker_key = (char *)(uintptr_t)bus_broker_key(world.bus),
                                 .endpoints = {endpoints, 1},
                                 .link_profile = (char *)"fiber"};
    struct keys keys;

    snprintf(key_file, sizeof(key_file), "%s/listener.key", dir);
    snprintf(inbox, sizeof(inbox), "%s/inbox", dir);
    bus_enrol(world.bus, name, &keys);
    assert_int_equal(keys_save(&keys, key_file, name, err, sizeof(err)), ST_OK);
    if (agent_create(&world.listener, world.loop, &set, "flood_test 0", &none, err, sizeof(err)) !=
            ST_OK ||
        agent_subscribe(world.listener, &sub, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void look_at_siren(struct gateway *g)
{
    char path[256], line[200];
    FILE *f;

    snprintf(path, sizeof(path), "%s/sounded", g->dir);
    f = g->sounded_us ? NULL : fopen(path, "re");
    while (f && fgets(line, sizeof(line), f))
        if (strstr(line, " on evacuate") && !g->sounded_us)
            g->sounded_us = strtoll(line, NULL, 10) / 1000;
    if (f)
        fclose(f);
}

static void turn(void)
{
    loop_turn(world.loop, 20);
    for (unsigned i = 0; i < world.count; i++)
        look_at_siren(&gateways[i]);
}

static bool is_linked(struct gateway *g)
{
    return has_logged(g, "sensor.link.up");
}

/* What one of them waits for, all do. */
static bool is_subscribed(struct gateway *g)
{
    (void)g;
    return subscribed() >= world.count;
}

static bool has_sounded(struct gateway *g)
{
    return g->sounded_us != 0;
}

static bool is_heard(struct gateway *g)
{
    return g->heard_us != 0;
}

static void wait_for(bool (*done)(struct gateway *g), const char *what, bool healthy_only)
{
    int64_t end = clock_us() + DEADLINE_S * PATIENCE * SECOND_US;
    unsigned left;

    do {
        left = 0;
        turn();
        for (unsigned i = 0; i < world.count; i++)
            left += (!healthy_only || gateways[i].fault == HEALTHY) && !done(&gateways[i]);
    } while (left && clock_us() < end);
    for (unsigned i = 0; i < world.count && left; i++)
        if (!done(&gateways[i]) && (!healthy_only || gateways[i].fault == HEALTHY))
            print_message("%s, %s: not %s\n", gateways[i].gauge->flood.name,
                          fault_words[gateways[i].fault], what);
    assert_int_equal(left, 0);
}

/* --- faults ----------------------------------------------------------------------------------- */

static void fill_disk(const struct gateway *g, bool full)
{
    static const char zeros[65536];
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "%s/filler", g->disk);
    if (!full) {
        assert_int_equal(unlink(path), 0);
        return;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    for (size_t step = sizeof(zeros); step; step /= 2)
        while (write(fd, zeros, step) == (ssize_t)step)
            ;
    assert_true(write(fd, zeros, 1) < 0 && errno == ENOSPC);
    close(fd);
}

static void break_things(bool broken)
{
    assert_int_equal(kill(-world.proxy, broken ? SIGSTOP : SIGCONT), 0);
    if (broken)
        bus_kill_broker(world.other);
    else
        bus_start_broker(world.other, NULL);
    for (unsigned i = 0; i < world.count; i++)
        if (gateways[i].fault == DISK_FULL)
            fill_disk(&gateways[i], broken);
}

/* --- the play --------------------------------------------------------------------------------- */

/* So that the crossing falls on the clock a few seconds from now, and a window lies before it. */
static void send_history(void)
{
    int64_t now = clock_us() / SECOND_US * SECOND_US;

    for (unsigned i = 0; i < FLOODS; i++) {
        struct gauge *g = &gauges[i];
        unsigned first = g->flood.crossing - g->flood.window_s - 120;

        g->base_us = now + (LIVE_BEFORE + 3 - (int64_t)g->flood.crossing) * SECOND_US;
        for (unsigned s = first; s < g->flood.crossing - LIVE_BEFORE; s++)
            measure(g, s);
    }
}

static bool all_have_sounded(void)
{
    for (unsigned i = 0; i < world.count; i++)
        if (!gateways[i].sounded_us)
            return false;
    return true;
}

static void send_live(void)
{
    for (unsigned step = 0; step <= LIVE_BEFORE + LIVE_AFTER && !all_have_sounded(); step++)
        for (unsigned i = 0; i < FLOODS; i++) {
            struct gauge *g = &gauges[i];
            unsigned second = g->flood.crossing - LIVE_BEFORE + step;

            while (clock_us() < g->base_us + (int64_t)second * SECOND_US)
                turn();
            g->sent_us[step] = clock_us();
            measure(g, second);
        }
}

/* The water only rises here: how high it stood tells which second it was, whatever the clock said
 * when the sample was looked at. (The Don rises a millimetre in some seconds: the first of them.)
 */
static unsigned second_of(const struct flood *f, int64_t mm)
{
    unsigned s = f->crossing - f->window_s;

    while (s + 1 < FLOOD_SECONDS && f->mm[s] < mm)
        s++;
    return s;
}

static void show(const struct gateway *g)
{
    const struct gauge *from = g->gauge;
    int after = (int)(second_of(&from->flood, g->alarm_mm) - from->flood.crossing);
    int step = after + LIVE_BEFORE;
    int64_t sent_us = step >= 0 && step <= LIVE_BEFORE + LIVE_AFTER ? from->sent_us[step] : 0;

    print_message("measured: %-9s %-11s alarm %+d s after the lines were crossed (bar 10)",
                  from->flood.name, fault_words[g->fault], after);
    if (sent_us)
        print_message(", siren %.2f s after that sample (bar 2), heard %.2f s after it",
                      (double)(g->sounded_us - sent_us) / 1e6,
                      (double)(g->heard_us - sent_us) / 1e6);
    print_message("\n");
}

static void every_flood_sounds_its_siren_and_is_heard_whatever_is_broken(void **state)
{
    (void)state;
    for (unsigned i = 0; i < world.count; i++)
        start_gateway(&gateways[i]);
    wait_for(is_linked, "linked", false);
    wait_for(is_subscribed, "subscribed", false);
    send_history();
    break_things(true);
    send_live();
    wait_for(has_sounded, "sounded", false);
    wait_for(is_heard, "heard", true);
    for (unsigned i = 0; i < world.count; i++)
        if (gateways[i].fault == LINK_CUT || gateways[i].fault == BROKER_DEAD)
            assert_int_equal(gateways[i].heard_us, 0);
    break_things(false);
    wait_for(is_heard, "heard", false);
    for (unsigned i = 0; i < world.count; i++) {
        const struct gateway *g = &gateways[i];
        const struct flood *f = &g->gauge->flood;

        show(g);
        /* Not before the water came, however long the gateway took to look at what lay before. */
        assert_true(g->gauge->sent_us[0] && g->sounded_us >= g->gauge->sent_us[0]);
        assert_true(g->alarm_mm <= f->mm[f->crossing + 10]);
        assert_true(g->alarm_mm >= f->mm[f->crossing - f->window_s / WINDOW_STEPS - 2]);
    }
}

/* --- the world -------------------------------------------------------------------------------- */

static int open_world(void **state)
{
    (void)state;
    world.has_disk = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
                     mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    if (!world.has_disk)
        print_message("no file system can be mounted here: no disk is full\n");
    snprintf(dir, sizeof(dir), "/tmp/eocbus-flood-XXXXXX");
    if (!mkdtemp(dir) || loop_create(&world.loop) != ST_OK)
        return -1;
    log_set_level(LOG_ERROR);
    find_beside(world.program, sizeof(world.program), "eocbus-sensor");
    world.bus = bus_create();
    world.other = bus_beside(world.bus);
    start_proxy();
    start_mosquitto();
    bus_start_broker(world.bus, NULL);
    bus_start_broker(world.other, NULL);
    for (unsigned f = 0; f < FLOODS; f++) {
        flood_make(&gauges[f].flood, f);
        gauges[f].device = device_client_create(mosquitto_server_port(world.mosquitto));
        for (int fault = HEALTHY; fault < FAULTS; fault++)
            if (fault != DISK_FULL || world.has_disk)
                make_gateway(&gauges[f], (enum fault)fault);
    }
    start_listener();
    return 0;
}

/* True if it ended well (it was told to): its leaks are seen then. */
static bool end_gateway(struct gateway *g)
{
    int status = -1;

    if (g->pid > 0)
        (void)waitpid(g->pid, &status, 0);
    if (g->fault == DISK_FULL)
        (void)umount2(g->disk, MNT_DETACH);
    if (status != 0)
        print_message("%s, %s: the gateway ended with status %d\n", g->gauge->flood.name,
                      fault_words[g->fault], status);
    return status == 0;
}

static int close_world(void **state)
{
    char command[128];
    int status, bad = 0;

    (void)state;
    for (unsigned i = 0; i < world.count; i++)
        if (gateways[i].pid > 0)
            (void)kill(gateways[i].pid, SIGTERM);
    for (unsigned i = 0; i < world.count; i++)
        bad += !end_gateway(&gateways[i]);
    for (unsigned i = 0; i < FLOODS; i++)
        device_client_destroy(gauges[i].device);
    mosquitto_server_stop(world.mosquitto);
    agent_destroy(world.listener);
    (void)kill(-world.proxy, SIGKILL);
    (void)waitpid(world.proxy, &status, 0);
    close(world.proxy_held);
    bus_destroy(world.other);
    bus_destroy(world.bus);
    loop_destroy(world.loop);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command) | bad;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flood_sounds_its_siren_and_is_heard_whatever_is_broken),
    };

    return cmocka_run_group_tests(tests, open_world, close_world);
}
