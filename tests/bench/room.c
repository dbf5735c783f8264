/* room - see room.h. */
#include "tests/bench/room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/file.h"

#include "proto/base/banned.h"

#define DESK "coes.bench.desk"
enum {
    SETUP_S = 180,
    ALARM_US = 250000,
    WINDOW = 256,
    JUDGED_EVERY = 100,
    REST_S = 10,
    TEXT = 400
};

/* --- what it is doing, and for how long ---------------------------------------------------------
 */

static char giving_up[TEXT];

static void on_bound(int signum)
{
    (void)signum;
    /* The children end with us: each was started with a signal for that. */
    (void)!write(STDERR_FILENO, giving_up, strlen(giving_up));
    _exit(1);
}

void room_doing(unsigned bound_s, const char *what)
{
    static struct timespec began;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!began.tv_sec)
        began = now;
    snprintf(giving_up, sizeof(giving_up), "gave up: after %u s it still was at: %s\n", bound_s,
             what);
    signal(SIGALRM, on_bound);
    alarm(bound_s);
    printf("[%4ld s] %s\n", (long)(now.tv_sec - began.tv_sec), what);
    fflush(stdout);
}

/* --- setting up ---------------------------------------------------------------------------------
 */

static void run_script(struct room *r, const char *path)
{
    struct buf script = {0};

    assert_int_equal(file_read(path, &script, 1 << 20), ST_OK);
    buf_put(&script, "", 1);
    pgserver_exec(bus_server(r->bus), (const char *)script.data);
    buf_free(&script);
}

/* Before the broker starts: a key that it does not know yet fails for good on its socket. */
static void enrol(struct room *r, struct keys *load, struct keys *alarms, char *conf, size_t size)
{
    struct keys nobody;

    bus_enrol(r->bus, "coes.bench.s1", load);
    bus_enrol(r->bus, "coes.bench.a1", alarms);
    page_enrol(r->bus, DESK, conf, size);
    for (unsigned i = 0; i < r->set.persons; i++) {
        snprintf(r->names[i], sizeof(r->names[i]), "coes.bench.p%02u", i + 1);
        bus_enrol(r->bus, r->names[i], &nobody);
    }
    pgserver_exec(bus_server(r->bus),
                  "UPDATE bus.principal SET agency = 'coes', roles = CASE name WHEN '" DESK
                  "' THEN "
                  "'dispatcher desk' ELSE 'dispatcher' END WHERE name = '" DESK
                  "' OR name LIKE 'coes.bench.p%'");
}

static void start_page(struct room *r, const char *conf)
{
    char dir[200];

    snprintf(dir, sizeof(dir), "%s/page", bus_dir(r->bus));
    assert_int_equal(mkdir(dir, 0700), 0);
    r->page = page_start_with(r->bus, conf, DESK, dir, "connections.each = 300\n");
    for (unsigned i = 0; i < r->set.persons; i++) {
        page_add_person(r->page, r->names[i]);
        page_sign_in(r->page, r->names[i]);
        snprintf(r->cookies[i], sizeof(r->cookies[i]), "%s", page_cookie(r->page));
    }
}

static void start_senders(struct room *r, const struct keys *load, const struct keys *alarms)
{
    assert_int_equal(loop_create(&r->loop), ST_OK);
    assert_int_equal(zctx_create(&r->z, r->loop), ST_OK);
    load_create(&r->load, r->loop, r->z, "coes.bench.s1", load, bus_endpoint(r->bus),
                bus_broker_key(r->bus));
    client_create(&r->alarms, r->loop, r->z, "coes.bench.a1", alarms, bus_endpoint(r->bus),
                  bus_broker_key(r->bus));
    r->alarms.is_alarm = r->alarms.detects = true;
    while (!r->load.is_welcome || !r->alarms.is_welcome)
        loop_turn(r->loop, 20);
}

static bool all_have_seen(const struct room *r)
{
    for (unsigned i = 0; i < r->open; i++)
        if (r->tabs[i].asks || r->tabs[i].again)
            return false;
    return true;
}

void room_open(struct room *r, const struct room_settings *set)
{
    static const char *const settings[] = {"ingress.flash_per_minute=60000", NULL};
    struct keys load, alarms;
    char conf[200];

    memset(r, 0, sizeof(*r));
    r->set = *set;
    room_doing(SETUP_S, "PostgreSQL is started and the bus's tables are made");
    r->bus = bus_create();
    if (set->busy) {
        room_doing(SETUP_S, "ten years of history and 10,000 open things are put in");
        run_script(r, "sql/tests/ten_years.sql");
        run_script(r, "sql/tests/busy_hub.sql");
    }
    room_doing(SETUP_S, "broker and console are started, everybody signs in");
    enrol(r, &load, &alarms, conf, sizeof(conf));
    bus_start_broker(r->bus, settings);
    start_page(r, conf);
    start_senders(r, &load, &alarms);
    room_doing(SETUP_S, "everybody opens the queue");
    for (unsigned i = set->elsewhere; i < set->persons; i++)
        tab_open(&r->tabs[r->open++], page_port(r->page), r->cookies[i], &r->flash, &r->queue);
    while (!all_have_seen(r))
        room_turn(r, 5);
    r->queue.n = 0;
}

/* --- the run ------------------------------------------------------------------------------------
 */

static void keep_pace(struct room *r)
{
    uint64_t since_us = loop_exact_us(r->loop) - r->began_us;
    size_t due = (size_t)(since_us * r->set.rate / 1000000);

    if (since_us >= r->set.seconds * UINT64_C(1000000))
        return;
    if (due > r->load.allowed) {
        r->load.allowed = due < r->load.count ? due : r->load.count;
        load_go(&r->load);
    }
    if (since_us / ALARM_US > r->said_alarms) {
        client_publish(&r->alarms, 1);
        r->said_alarms++;
    }
}

void room_turn(struct room *r, unsigned wait_ms)
{
    loop_turn(r->loop, wait_ms);
    if (r->is_paced)
        keep_pace(r);
    for (unsigned i = 0; i < r->open; i++)
        tab_turn(&r->tabs[i], loop_exact_us(r->loop), loop_utc_us(r->loop));
    if (r->set.turn)
        r->set.turn(r->set.arg);
}

void room_measure(struct room *r)
{
    const uint64_t span_us = r->set.seconds * UINT64_C(1000000);
    char what[TEXT];

    snprintf(what, sizeof(what), "%u messages/s and 4 alarms/s for %u s", r->set.rate,
             r->set.seconds);
    room_doing(r->set.seconds + SETUP_S, what);
    r->load.judged_every = JUDGED_EVERY;
    load_make(&r->load, (size_t)r->set.rate * r->set.seconds + 1, WINDOW);
    r->load.allowed = 0;
    r->flash.n = r->queue.n = 0;
    r->began_us = loop_exact_us(r->loop);
    r->is_paced = true;
    while (loop_exact_us(r->loop) - r->began_us < span_us)
        room_turn(r, 1);
    r->is_paced = false;
    while (r->flash.n < r->said_alarms * r->open &&
           loop_exact_us(r->loop) - r->began_us < span_us + REST_S * UINT64_C(1000000))
        room_turn(r, 1);
}

void room_print(struct room *r)
{
    uint64_t bytes = 0;
    struct utsname u;

    for (unsigned i = 0; i < r->open; i++)
        bytes += r->tabs[i].bytes;
    uname(&u);
    printf("machine: %ld cores, %s %s; senders, broker, PostgreSQL, console and pages share them\n",
           sysconf(_SC_NPROCESSORS_ONLN), u.sysname, u.release);
    printf("settings: %u persons, %u of them with a page here; %u messages/s and 4 FLASH/s for %u "
           "s%s\n",
           r->set.persons, r->open, r->set.rate, r->set.seconds,
           r->set.busy ? "; ten years of history, 10,000 open things" : "");
    printf("%zu of %zu messages were stored meanwhile; %.2f MB/s of news, %.0f KB an answer of the "
           "queue\n",
           r->load.settled, r->load.sent, (double)bytes / 1e6 / r->set.seconds,
           (double)r->tabs[0].answer_bytes / 1e3);
    samples_print(&r->flash, "FLASH to a page's stream");
    samples_print(&r->queue, "answer of the queue");
    if (r->flash.n < r->said_alarms * r->open)
        printf("MISSING: %zu of %zu\n", (size_t)r->said_alarms * r->open - r->flash.n,
               (size_t)r->said_alarms * r->open);
}

void room_close(struct room *r)
{
    room_doing(SETUP_S, "everything is ended");
    for (unsigned i = 0; i < r->open; i++)
        tab_close(&r->tabs[i]);
    load_destroy(&r->load);
    client_destroy(&r->alarms);
    zctx_destroy(r->z);
    loop_destroy(r->loop);
    page_end(r->page);
    bus_destroy(r->bus);
    alarm(0);
}
