/* Many gateways beside one broker and one PostgreSQL: real programs, five channels a second each,
 * and every sample is stored once.
 *
 * Twenty gateways for a short while, unless GATEWAYS says how many and GATEWAY_SECONDS how long:
 * GATEWAYS=150 GATEWAY_SECONDS=180 is the project's bar (each at most 16 MiB resident, all of them
 * together below one core of two); its processor time means something on a quiet machine only, and
 * is printed, never asserted. The programs are those without sanitizers, in BUILD (default: build).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/bus.h"
#include "tests/lib/patience.h"

enum { GATEWAYS_MOST = 400, CHANNELS = 5, RESIDENT_MOST_KIB = 16 * 1024 };

struct gateway {
    pid_t pid;
    int fd;
    unsigned taken; /* lines answered with ok */
    size_t rest;    /* bytes of an answer that is not whole yet */
    char answer[256];
    double began_cpu_s;
};

static struct {
    struct bus *bus;
    struct gateway gateway[GATEWAYS_MOST];
    unsigned gateways, seconds;
    char program[PATH_MAX];
    time_t first; /* time of the first samples */
} world;

static unsigned asked_for(const char *name, unsigned otherwise)
{
    const char *value = getenv(name);

    return value && atol(value) > 0 ? (unsigned)atol(value) : otherwise;
}

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void nap(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

    if (seconds > 0)
        nanosleep(&t, NULL);
}

/* --- the programs ----------------------------------------------------------------------------- */

static void write_conf(unsigned i)
{
    char err[400], name[64], path[PATH_MAX];
    struct keys keys;
    FILE *f;

    snprintf(name, sizeof(name), "coes.tj3505203.gw%03u", i);
    bus_enrol(world.bus, name, &keys);
    snprintf(path, sizeof(path), "%s/%s.key", bus_dir(world.bus), name);
    assert_int_equal(keys_save(&keys, path, name, err, sizeof(err)), ST_OK);
    snprintf(path, sizeof(path), "%s/%u.conf", bus_dir(world.bus), i);
    f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f,
            "name = %s\nkey.file = %s/%s.key\nbroker.endpoint = %s\nbroker.key = %s\n"
            "outbox.path = %s/%u.db\noutbox.budget = 16MiB\nlink.profile = 4g\nplace = 3505203\n"
            "listen = 127.0.0.1:0\nlog.level = info\nbatch.period = %s\n"
            "datastream = a.stage 1 stage metre -3 step=1s\n"
            "datastream = a.rain 2 rain_acc millimetre -1 step=1s\n"
            "datastream = a.geo 3 gv_imp per_second 0 step=1s\n"
            "datastream = a.wire 4 tripwire one 0 step=1s\n"
            "datastream = a.batt 5 batt_v volt -2 step=1s\n"
            "detector = stage.level 1 a.stage line=3.000\n"
            "detector = stage.rate 1 a.stage line=0.300\n"
            "detector = rain.caine1980 1 a.rain\n",
            name, bus_dir(world.bus), name, bus_endpoint(world.bus), bus_broker_key(world.bus),
            bus_dir(world.bus), i, getenv("GATEWAYS") ? "1m" : "4s");
    assert_int_equal(fclose(f), 0);
}

static void start_gateway(unsigned i)
{
    struct gateway *g = &world.gateway[i];
    char conf[PATH_MAX], log[PATH_MAX];
    int fd;

    snprintf(conf, sizeof(conf), "%s/%u.conf", bus_dir(world.bus), i);
    snprintf(log, sizeof(log), "%s/%u.log", bus_dir(world.bus), i);
    g->pid = fork();
    assert_true(g->pid >= 0);
    if (g->pid)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0)
        dup2(fd, STDERR_FILENO);
    execl(world.program, world.program, "-c", conf, "run", (char *)NULL);
    _exit(127);
}

/* Its log says at which port it listens; 0 = not yet. */
static unsigned port_of(unsigned i)
{
    char path[PATH_MAX], line[512];
    unsigned port = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%u.log", bus_dir(world.bus), i);
    f = fopen(path, "r");
    while (f && !port && fgets(line, sizeof(line), f)) {
        const char *at = strstr(line, "sensor.listen") ? strstr(line, "port=") : NULL;

        if (at)
            port = (unsigned)atol(at + strlen("port="));
    }
    if (f)
        fclose(f);
    return port;
}

static void connect_to(unsigned i)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    double end = seconds_now() + PATIENCE * 60;
    unsigned port;

    while (!(port = port_of(i)) && seconds_now() < end)
        nap(0.02);
    assert_true(port > 0);
    to.sin_port = htons((uint16_t)port);
    world.gateway[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(world.gateway[i].fd, (struct sockaddr *)&to, sizeof(to)), 0);
}

/* --- samples ---------------------------------------------------------------------------------- */

/* Quiet values that move now and then, as at a torrent between two rains. */
static void send_second(unsigned i, unsigned second)
{
    time_t at = world.first + (time_t)second;
    char text[512], when[32];
    struct tm tm;
    int n;

    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &tm));
    n = snprintf(text, sizeof(text),
                 "a.stage %s 0.4%u2\na.rain %s 0\na.geo %s %u\na.wire %s 1\na.batt %s 12.%u\n",
                 when, (i + second / 7) % 3, when, when, (i * 7 + second) % 23 == 0, when, when,
                 61 - second / 600);
    assert_int_equal(send(world.gateway[i].fd, text, (size_t)n, MSG_NOSIGNAL), n);
}

static void read_answers(struct gateway *g)
{
    for (;;) {
        ssize_t n = recv(g->fd, g->answer + g->rest, sizeof(g->answer) - 1 - g->rest, MSG_DONTWAIT);
        char *line = g->answer, *end;

        if (n <= 0)
            return;
        g->answer[g->rest + (size_t)n] = '\0';
        while ((end = strchr(line, '\n'))) {
            if (strncmp(line, "ok ", 3) != 0)
                fail_msg("a gateway answered: %.*s", (int)(end - line), line);
            g->taken = (unsigned)atol(line + 3);
            line = end + 1;
        }
        g->rest = strlen(line);
        memmove(g->answer, line, g->rest + 1);
    }
}

static void feed(void)
{
    double began = seconds_now();

    for (unsigned second = 0; second < world.seconds; second++)
        for (unsigned i = 0; i < world.gateways; i++) {
            nap(began + second + (double)i / world.gateways - seconds_now());
            send_second(i, second);
            read_answers(&world.gateway[i]);
        }
}

static void finish(struct gateway *g)
{
    double end = seconds_now() + PATIENCE * 60;

    assert_int_equal(send(g->fd, "flush\n", 6, MSG_NOSIGNAL), 6);
    while (g->taken < world.seconds * CHANNELS && seconds_now() < end) {
        read_answers(g);
        nap(0.005);
    }
    /* The line "flush" has a number too, and is answered or not. */
    assert_true(g->taken >= world.seconds * CHANNELS);
}

/* --- what they cost --------------------------------------------------------------------------- */

static double cpu_s(pid_t pid)
{
    unsigned long user = 0, system = 0;
    char path[64], text[1024] = "";
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    f = fopen(path, "r");
    if (f && fgets(text, sizeof(text), f) && strrchr(text, ')'))
        (void)sscanf(strrchr(text, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                     &user, &system);
    if (f)
        fclose(f);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static unsigned long resident_kib(pid_t pid)
{
    unsigned long size = 0, resident = 0;
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
    fclose(f);
    return resident * (unsigned long)(sysconf(_SC_PAGESIZE) / 1024);
}

static void measure(double took_s, double broker_s)
{
    unsigned long most = 0, sum = 0;
    double cpu = 0;

    for (unsigned i = 0; i < world.gateways; i++) {
        unsigned long kib = resident_kib(world.gateway[i].pid);

        most = kib > most ? kib : most;
        sum += kib;
        cpu += cpu_s(world.gateway[i].pid) - world.gateway[i].began_cpu_s;
    }
    print_message("measured: %u gateways, %d channels a second, %.0f s: largest %.1f MiB resident "
                  "(bar 16), mean %.1f; all of them %.2f of a core (bar 1), broker %.2f\n",
                  world.gateways, CHANNELS, took_s, (double)most / 1024,
                  (double)sum / world.gateways / 1024, cpu / took_s, broker_s / took_s);
    assert_swift(most <= RESIDENT_MOST_KIB);
}

/* --- the test --------------------------------------------------------------------------------- */

static void wait_for(const char *question, int64_t wanted)
{
    double end = seconds_now() + PATIENCE * 120;

    while (pgserver_number(bus_server(world.bus), question) < wanted && seconds_now() < end)
        nap(0.05);
    assert_int_equal(pgserver_number(bus_server(world.bus), question), wanted);
}

#define SAMPLES "SELECT count(*) FROM eoc.observation WHERE NOT is_missing"
#define DISTINCT_SAMPLES                                                                           \
    "SELECT count(*) FROM (SELECT DISTINCT sender_id, datastream_id, time FROM eoc.observation"    \
    " WHERE NOT is_missing) AS s"

static void no_sample_of_many_gateways_is_lost_and_none_is_large(void **state)
{
    int64_t wanted = (int64_t)world.gateways * CHANNELS * world.seconds;
    double began, broker_s;

    (void)state;
    for (unsigned i = 0; i < world.gateways; i++) {
        write_conf(i);
        start_gateway(i);
    }
    for (unsigned i = 0; i < world.gateways; i++) {
        connect_to(i);
        world.gateway[i].began_cpu_s = cpu_s(world.gateway[i].pid);
    }
    world.first = time(NULL);
    broker_s = cpu_s(bus_broker_pid(world.bus));
    began = seconds_now();
    feed();
    measure(seconds_now() - began, cpu_s(bus_broker_pid(world.bus)) - broker_s);
    for (unsigned i = 0; i < world.gateways; i++)
        finish(&world.gateway[i]);
    wait_for(SAMPLES, wanted);
    assert_int_equal(pgserver_number(bus_server(world.bus), DISTINCT_SAMPLES), wanted);
    assert_int_equal(pgserver_number(bus_server(world.bus), "SELECT count(*) FROM bus.quarantine"),
                     0);
}

static int open_world(void **state)
{
    const char *build = getenv("BUILD") ? getenv("BUILD") : "build";

    (void)state;
    world.gateways = asked_for("GATEWAYS", 20);
    world.seconds = asked_for("GATEWAY_SECONDS", 8);
    assert_true(world.gateways <= GATEWAYS_MOST);
    snprintf(world.program, sizeof(world.program), "%s/eocbus-sensor", build);
    world.bus = bus_create();
    if (access(world.program, X_OK) != 0 || !bus_use_build(world.bus, build)) {
        print_message("BUILD names no programs without sanitizers\n");
        return -1;
    }
    bus_start_broker(world.bus, NULL);
    return 0;
}

static int close_world(void **state)
{
    int code, unwell = 0;

    (void)state;
    for (unsigned i = 0; i < world.gateways; i++) {
        if (world.gateway[i].pid <= 0)
            continue;
        kill(world.gateway[i].pid, SIGTERM);
        if (world.gateway[i].fd > 0)
            close(world.gateway[i].fd);
    }
    for (unsigned i = 0; i < world.gateways; i++)
        if (world.gateway[i].pid > 0 && waitpid(world.gateway[i].pid, &code, 0) > 0)
            unwell += !WIFEXITED(code) || WEXITSTATUS(code) != 0;
    bus_destroy(world.bus);
    return unwell ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_sample_of_many_gateways_is_lost_and_none_is_large),
    };

    return cmocka_run_group_tests(tests, open_world, close_world);
}
