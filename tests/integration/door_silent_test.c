/* Pages that listen and never read: the real console keeps little for them, lets them go, and tells
 * everybody else the news meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/browser.h"
#include "tests/lib/bus.h"
#include "tests/lib/page.h"
#include "tests/lib/patience.h"

#include "proto/base/banned.h"

/* A MiB may wait for each of them (daemon.c); what the kernel holds is not the console's. */
enum { SILENT = 12, WORDS = 3900, MOST_NEWS = 1200, GROWTH_KIB = SILENT * 2048 + 48 * 1024 };
#define DESK "coes.test.desk"

static struct {
    struct bus *bus;
    struct page *page;
    struct browser reads;
    struct browser silent[SILENT];
} world;

static int begin(void **state)
{
    const char *options = getenv("ASAN_OPTIONS");
    char conf[200], dir[200], with[512];

    (void)state;
    /* What the sanitizer keeps of freed memory would hide what the console keeps. */
    snprintf(with, sizeof(with), "%s:quarantine_size_mb=4", options ? options : "exitcode=99");
    setenv("ASAN_OPTIONS", with, 1);
    world.bus = bus_create();
    snprintf(dir, sizeof(dir), "%s/page", bus_dir(world.bus));
    assert_int_equal(mkdir(dir, 0700), 0);
    page_enrol(world.bus, DESK, conf, sizeof(conf));
    bus_start_broker(world.bus, NULL);
    world.page = page_start(world.bus, conf, DESK, dir);
    return 0;
}

static int end(void **state)
{
    (void)state;
    page_end(world.page);
    bus_destroy(world.bus);
    return 0;
}

static unsigned long console_kib(void)
{
    char path[64], line[200];
    unsigned long kib = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)page_process(world.page));
    f = fopen(path, "r");
    assert_non_null(f);
    while (!kib && fgets(line, sizeof(line), f))
        (void)sscanf(line, "VmRSS: %lu", &kib);
    fclose(f);
    return kib;
}

static void listen_to(struct browser *b)
{
    browser_open(b, page_port(world.page));
    browser_say(b, "GET /api/news HTTP/1.1\r\nHost: h\r\nCookie: eocbus=%s\r\n\r\n",
                page_cookie(world.page));
    assert_true(browser_hears(b, "event: truth"));
}

/* A letter that JSON writes with six. */
static void say_much(unsigned n)
{
    static char words[6 * WORDS + 1], body[6 * WORDS + 600], answer[2000];

    for (unsigned i = 0; i < WORDS; i++)
        memcpy(words + (size_t)6 * i, "\\u0001", 6);
    snprintf(body, sizeof(body),
             "{\"message_id\":\"019a0301-33de-71ef-a41f-5351%08x\",\"status\":\"STATUS_ACTUAL\","
             "\"lane\":\"LANE_IMMEDIATE\",\"general_message\":{\"from_role\":\"desk\",\"subject\":"
             "\"much\",\"text\":\"%s\"}}",
             n, words);
    if (page_ask(world.page, "/api/say", body, answer, sizeof(answer)) != 200)
        fail_msg("%s", answer);
}

/* The one that reads hears of each, in order. */
static void hear_of(unsigned n)
{
    char id[64];

    snprintf(id, sizeof(id), "a41f-5351%08x\"", n);
    assert_true(browser_hears(&world.reads, id));
    world.reads.len = 0;
    world.reads.said[0] = '\0';
}

/* Descriptors of the console: one for each connection. */
static unsigned count_open(void)
{
    char path[64];
    unsigned n = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)page_process(world.page));
    dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void pages_that_never_read_cost_little_and_hold_up_nobody(void **state)
{
    unsigned long before, most = 0;
    unsigned n = 0, open;

    (void)state;
    listen_to(&world.reads);
    open = count_open();
    for (unsigned i = 0; i < SILENT; i++)
        listen_to(&world.silent[i]);
    before = console_kib();
    while (count_open() >= open + SILENT / 2) { /* most of them are still there */
        unsigned long now;

        assert_true(n < MOST_NEWS);
        say_much(++n);
        hear_of(n);
        now = console_kib();
        most = now > most ? now : most;
    }
    print_message("measured: %lu KiB before, %lu KiB at most, let go after %u news of 24 KB\n",
                  before, most, n);
    assert_swift(most < before + GROWTH_KIB);
    for (unsigned i = 0; i < SILENT; i++)
        browser_close(&world.silent[i]);
    say_much(++n);
    hear_of(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_that_never_read_cost_little_and_hold_up_nobody),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
