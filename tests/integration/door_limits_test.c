/* The limits at the door of the dispatchers' page, each for itself: how often a password may be
 * guessed, by whom and how many at once, and how long a session lasts. The proxy before it says
 * which address somebody has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/lib/browser.h"
#include "tests/lib/bus.h"
#include "tests/lib/page.h"
#include "tests/lib/run.h"

#include "proto/base/banned.h"

#define DESK  "coes.test.desk"
#define OTHER "coes.test.other"

static struct {
    struct bus *bus;
    struct page *page;
    char conf[128], dir[128];
    struct browser b;
    struct ran ran;
} world;

static int begin(void **state)
{
    (void)state;
    world.bus = bus_create();
    snprintf(world.dir, sizeof(world.dir), "%s/page", bus_dir(world.bus));
    assert_int_equal(mkdir(world.dir, 0700), 0);
    page_enrol(world.bus, DESK, world.conf, sizeof(world.conf));
    bus_start_broker(world.bus, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    bus_destroy(world.bus);
    return 0;
}

/* Nobody has guessed yet. */
static int open_page(void **state)
{
    (void)state;
    world.page = page_start_with(world.bus, world.conf, DESK, world.dir,
                                 "proxy.address = 127.0.0.1\nproxy.secure = yes\n"
                                 "proxy.origin = https://eoc.example.tj\n");
    return 0;
}

static int close_page(void **state)
{
    (void)state;
    page_end(world.page);
    world.page = NULL;
    return 0;
}

/* --- signing in ------------------------------------------------------------------------------- */

static void send_login(struct browser *b, const char *name, const char *password, unsigned address,
                       const char *device)
{
    char form[400];

    snprintf(form, sizeof(form), "name=%s&password=%s", name, password);
    browser_open(b, page_port(world.page));
    browser_say(b,
                "POST /api/login HTTP/1.1\r\nHost: h\r\nConnection: close\r\nCookie: %s\r\n"
                "X-Forwarded-For: 192.0.2.%u\r\nContent-Length: %zu\r\n\r\n%s",
                device, address, strlen(form), form);
}

static int sign_in(const char *name, const char *password, unsigned address, const char *device)
{
    send_login(&world.b, name, password, address, device);
    browser_wait_for_end(&world.b);
    browser_close(&world.b);
    return browser_status(&world.b);
}

/* What the last answer set as this cookie, as a browser says it. */
static void keep_cookie(char out[300], const char *name)
{
    const char *at = strstr(world.b.said, name);

    assert_non_null(at);
    snprintf(out, 300, "%.*s", (int)strcspn(at, ";"), at);
}

static const char *numbered(const char *name, unsigned n)
{
    static char text[64];

    snprintf(text, sizeof(text), "%s%u", name, n);
    return text;
}

/* --- how often -------------------------------------------------------------------------------- */

static const char *desk(unsigned n)
{
    (void)n;
    return DESK;
}

static const char *nobody(unsigned n)
{
    return numbered("coes.nobody", n);
}

/* Guesses until somebody has to wait, from a new address after `each`. A slow machine takes minutes
 * for it, and one guess is forgotten in each. */
static void guess_until_told_to_wait(const char *(*name)(unsigned n), unsigned each, unsigned free,
                                     const char *device)
{
    unsigned n = 0;

    while (sign_in(name(n), "a-wrong-password", 10 + n / each, device) == 403)
        assert_true(++n < free + 15);
    assert_int_equal(browser_status(&world.b), 429);
    assert_true(n >= free);
}

static void one_address_tries_so_many_names(void **state)
{
    (void)state;
    guess_until_told_to_wait(nobody, 100, 20, "");
    assert_int_equal(sign_in(DESK, page_password(), 10, ""), 429);
    assert_int_equal(sign_in(DESK, page_password(), 8, ""), 200);
}

static void one_name_is_tried_so_often_from_everywhere_but_its_own_browser(void **state)
{
    char device[300];

    (void)state;
    assert_int_equal(sign_in(DESK, page_password(), 1, ""), 200);
    keep_cookie(device, "__Host-eocbus-device=");
    guess_until_told_to_wait(desk, 4, 60, "");
    assert_int_equal(sign_in(DESK, page_password(), 99, ""), 429);
    assert_int_equal(sign_in(DESK, page_password(), 99, device), 200);
}

static void a_browser_of_its_own_guesses_no_more_than_others(void **state)
{
    char device[300];

    (void)state;
    assert_int_equal(sign_in(DESK, page_password(), 1, ""), 200);
    keep_cookie(device, "__Host-eocbus-device=");
    guess_until_told_to_wait(desk, 1, 5, device);
    assert_int_equal(sign_in(DESK, page_password(), 9, device), 429);
    assert_int_equal(sign_in(DESK, page_password(), 9, ""), 200);
}

/* Who stands in the line when others guessed too often is judged once more. */
static void guesses_that_come_at_once_are_counted_too(void **state)
{
    static struct browser many[9];
    unsigned tried = 0;

    (void)state;
    for (unsigned i = 0; i < 9; i++)
        send_login(&many[i], DESK, "a-wrong-password", 7, "");
    for (unsigned i = 0; i < 9; i++) {
        browser_wait_for_end(&many[i]);
        tried += browser_status(&many[i]) == 403;
        browser_close(&many[i]);
    }
    assert_in_range(tried, 1, 5);
}

/* --- how many at once ------------------------------------------------------------------------- */

/* How many of `n` at once, `each` of one address, are told that too many sign in. */
static unsigned turned_away(unsigned n, unsigned each)
{
    static struct browser many[60];
    unsigned away = 0;

    for (unsigned i = 0; i < n; i++)
        send_login(&many[i], numbered("coes.nobody", i), "a-wrong-password", 20 + i / each, "");
    for (unsigned i = 0; i < n; i++) {
        browser_wait_for_end(&many[i]);
        away += browser_status(&many[i]) == 503;
        browser_close(&many[i]);
    }
    return away;
}

/* One is judged, eight wait; each that is judged meanwhile makes room for one. */
static void one_address_does_not_fill_the_line(void **state)
{
    (void)state;
    assert_in_range(turned_away(18, 18), 1, 9);
    assert_int_equal(sign_in(DESK, page_password(), 90, ""), 200);
}

static void many_addresses_do_not_make_the_line_long(void **state)
{
    (void)state;
    assert_in_range(turned_away(60, 6), 1, 27);
    assert_int_equal(sign_in(DESK, page_password(), 90, ""), 200);
}

/* Nobody learns from how long it takes which names there are. */
static void a_name_that_is_none_takes_as_long_as_one_that_is(void **state)
{
    uint64_t least[2] = {UINT64_MAX, UINT64_MAX};

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct timespec begun, now;
        uint64_t us;

        clock_gettime(CLOCK_MONOTONIC, &begun);
        assert_int_equal(sign_in(i % 2 ? DESK : OTHER, "a-wrong-password", 30, ""), 403);
        clock_gettime(CLOCK_MONOTONIC, &now);
        us = (uint64_t)(now.tv_sec - begun.tv_sec) * 1000000 + (uint64_t)(now.tv_nsec / 1000) -
             (uint64_t)(begun.tv_nsec / 1000);
        least[i % 2] = us < least[i % 2] ? us : least[i % 2];
    }
    if (least[0] * 3 < least[1])
        fail_msg("a name that is none: %" PRIu64 " us, one that is: %" PRIu64, least[0], least[1]);
}

/* --- from where ------------------------------------------------------------------------------- */

static void behind_a_proxy_the_page_s_origin_is_what_browsers_see(void **state)
{
    static const char *const strange[] = {
        "https://evil.example",        "https://h", "http://h", "http://eoc.example.tj",
        "https://eoc.example.tj.evil", "null"};

    (void)state;
    for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++)
        assert_int_equal(browser_ask(&world.b, page_port(world.page),
                                     "GET /api/me HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                                     "Origin: %s\r\n\r\n",
                                     strange[i]),
                         403);
    assert_int_equal(browser_ask(&world.b, page_port(world.page),
                                 "GET /api/me HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                                 "Origin: https://eoc.example.tj\r\n\r\n"),
                     200);
}

/* --- how long --------------------------------------------------------------------------------- */

/* The people of before: who is added once more has another password, as far as sessions see. */
static void keep_people(const char *from, const char *to)
{
    char command[400];

    snprintf(command, sizeof(command), "cp -p %s/%s %s/%s", world.dir, from, world.dir, to);
    assert_int_equal(system(command), 0);
}

/* Starts the program anew with a session that began and was last seen so many hours ago. */
static int asked_after(void **state, int64_t began_h, int64_t seen_h)
{
    char cookie[300], path[300], text[2000] = "", sha[65], token[44], person[128], lang[3],
                                 hash[20];
    int64_t began, seen;
    FILE *f;

    assert_int_equal(sign_in(DESK, page_password(), 5, ""), 200);
    keep_cookie(cookie, "__Host-eocbus=");
    close_page(state);
    keep_people("people", "people.kept");
    snprintf(path, sizeof(path), "%s/people.sessions", world.dir);
    f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(text, sizeof(text), f))
        ; /* the newest stands last */
    fclose(f);
    assert_int_equal(sscanf(text, "%64s %43s %127s %2s %" SCNd64 " %" SCNd64 " %19s", sha, token,
                            person, lang, &began, &seen, hash),
                     7);
    snprintf(text, sizeof(text), "%s %s %s %s %" PRId64 " %" PRId64 " %s\n", sha, token, person,
             lang, began - began_h * INT64_C(3600000000), seen - seen_h * INT64_C(3600000000),
             hash);
    write_text_file(path, text);
    open_page(state);
    keep_people("people.kept", "people");
    return browser_ask(&world.b, page_port(world.page),
                       "GET /api/view/moves HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                       "Cookie: %s\r\n\r\n",
                       cookie);
}

static void a_session_ends_after_twelve_idle_hours_and_after_a_week(void **state)
{
    assert_int_equal(asked_after(state, 0, 0), 200);
    assert_int_equal(asked_after(state, 11, 11), 200);
    assert_int_equal(asked_after(state, 13, 13), 401);
    assert_int_equal(asked_after(state, 7 * 24 - 1, 0), 200);
    assert_int_equal(asked_after(state, 7 * 24 + 1, 0), 401);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, open_page, close_page)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_address_tries_so_many_names),
        TEST(one_name_is_tried_so_often_from_everywhere_but_its_own_browser),
        TEST(a_browser_of_its_own_guesses_no_more_than_others),
        TEST(guesses_that_come_at_once_are_counted_too),
        TEST(one_address_does_not_fill_the_line),
        TEST(many_addresses_do_not_make_the_line_long),
        TEST(a_name_that_is_none_takes_as_long_as_one_that_is),
        TEST(behind_a_proxy_the_page_s_origin_is_what_browsers_see),
        TEST(a_session_ends_after_twelve_idle_hours_and_after_a_week),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
