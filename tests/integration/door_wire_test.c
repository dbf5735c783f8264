/* The door of the dispatchers' page, byte by byte: requests that no browser sends, in the ways that
 * attackers and broken programs send them, against the real program. Every one has a clear answer
 * or none, nothing crashes, and the page works afterwards. door_test.c has who comes in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/browser.h"
#include "tests/lib/bus.h"
#include "tests/lib/page.h"
#include "tests/lib/patience.h"
#include "tests/lib/run.h"

#include "proto/base/banned.h"

enum { TEXT = 4096, MUTANTS = 1500 };
#define DESK "coes.test.desk"

static struct {
    struct bus *bus;
    struct page *page;
    struct browser b;
} world;

static int begin(void **state)
{
    char conf[200], dir[200];

    (void)state;
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

static void the_page_still_works(void)
{
    assert_int_equal(browser_ask(&world.b, page_port(world.page),
                                 "GET /api/me HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                                 "Cookie: eocbus=%s\r\n\r\n",
                                 page_cookie(world.page)),
                     200);
    assert_non_null(strstr(world.b.said, DESK));
}

/* --- paths ------------------------------------------------------------------------------------ */

static void a_path_that_can_be_read_in_two_ways_is_none(void **state)
{
    static const char *const targets[] = {
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/%252e%252e/etc/passwd",
        "/..%2fetc/passwd",
        "/..%5c..%5cetc/passwd",
        "/..\\..\\etc\\passwd",
        "/./app.js",
        "/words/../app.js",
        "//app.js",
        "/words//en.json",
        "/app.js%00.html",
        "/app%2ejs",
        "/%61pp.js",
        "/app.js%",
        "/app.js%4",
        "/app.js%zz",
        "http://h/app.js",
        "http://evil.example/app.js",
        "//evil.example/app.js",
        "*",
        "app.js",
        "/api%2fme",
        "/api/%6de",
        "/api//me",
        "/api/./me",
        "/api/view/../me",
        "/API/me",
        "/api/me/",
        "/api/view/..%2f..%2fme",
        "/api/view/queue%00",
        "/api/view/queue.sql",
        "/api/view/../../../../etc/passwd",
        "/leaflet/../../../../etc/passwd",
        "/app.js#x",
        "/\xc0\xae\xc0\xae/etc/passwd",
        "/app.js;x=y",
        "/.git/config",
        "/api/view/'; DROP TABLE bus.message; --",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
        int status = browser_ask(&world.b, page_port(world.page),
                                 "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                                 "Cookie: eocbus=%s\r\n\r\n",
                                 targets[i], page_cookie(world.page));

        if (status && (status < 400 || status > 499) &&
            !strstr(world.b.said, "<title>eocbus</title>"))
            fail_msg("%s: %s", targets[i], world.b.said);
        if (strstr(world.b.said, "root:") || strstr(world.b.said, "token"))
            fail_msg("%s: %s", targets[i], world.b.said);
    }
    the_page_still_works();
}

/* No header of an answer holds anything that was asked. */
static void nobody_writes_headers_of_an_answer(void **state)
{
    static const char *const targets[] = {
        "/%0d%0aX-Split: yes",
        "/?a=%0d%0aX-Split:%20yes",
        "/app.js?%0d%0aX-Split:yes",
        "/api/view/queue?lang=%0d%0aX-Split:%20yes",
        "/api/view/queue?lang=en%0d%0a%0d%0aX-Split: yes",
        "/\xe5\x98\x8a\xe5\x98\x8dX-Split:yes",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
        (void)browser_ask(&world.b, page_port(world.page),
                          "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                          "Cookie: eocbus=%s\r\n\r\n",
                          targets[i], page_cookie(world.page));
        if (strstr(world.b.said, "\nX-Split"))
            fail_msg("%s: %s", targets[i], world.b.said);
    }
    the_page_still_works();
}

/* --- where a request ends --------------------------------------------------------------------- */

#define SMUGGLED "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

static void a_request_that_two_readers_cut_in_two_places_is_refused(void **state)
{
    static const char *const heads[] = {
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 40\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 40\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: five\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length : 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
        "Host: other\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        int status =
            browser_ask(&world.b, page_port(world.page),
                        "POST /api/login HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n"
                        "0\r\n\r\n" SMUGGLED,
                        heads[i]);

        if ((status != 0 && (status < 400 || status > 499)) ||
            strstr(world.b.said, "HTTP/1.1 200") || strstr(world.b.said, "HTTP/1.1 404"))
            fail_msg("%s: %s", heads[i], world.b.said);
    }
    assert_int_equal(
        browser_ask(&world.b, page_port(world.page), "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
        400); /* whose page? */
    the_page_still_works();
}

static void what_is_no_http_gets_no_page(void **state)
{
    static const char *const texts[] = {
        "\r\n\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: h\r\n\r\n",
        "GET  /  HTTP/1.1 \r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost\r\n\r\n",
        "\x16\x03\x01\x02\x01\x01\xfc\x03\x03 a hello of TLS\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "EHLO mail\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        browser_open(&world.b, page_port(world.page));
        browser_say(&world.b, "%s", texts[i]);
        assert_int_equal(shutdown(world.b.fd, SHUT_WR), 0);
        browser_wait_for_end(&world.b);
        browser_close(&world.b);
        if (strstr(world.b.said, "HTTP/1.1 200"))
            fail_msg("%s: %s", texts[i], world.b.said);
    }
    the_page_still_works();
}

/* --- too much --------------------------------------------------------------------------------- */

static const char *many(char c, size_t n)
{
    static char text[1 << 16];

    memset(text, c, n);
    text[n] = '\0';
    return text;
}

static void what_is_too_long_is_refused_before_it_is_there(void **state)
{
    unsigned port = page_port(world.page);
    int status;

    (void)state;
    status = browser_ask(&world.b, port, "GET /%s HTTP/1.1\r\nHost: h\r\n\r\n", many('a', 60000));
    assert_true(status == 0 || status == 414 || status == 431);
    status =
        browser_ask(&world.b, port, "GET / HTTP/1.1\r\nHost: h\r\nX: %s\r\n\r\n", many('a', 60000));
    assert_true(status == 0 || status == 431);
    status = browser_ask(&world.b, port, "GET / HTTP/1.1\r\nHost: h\r\nCookie: eocbus=%s\r\n\r\n",
                         many('=', 60000));
    assert_true(status == 0 || status == 431);
    assert_int_equal(browser_ask(&world.b, port,
                                 "POST /api/say HTTP/1.1\r\nHost: h\r\nContent-Length: "
                                 "10000000000\r\n\r\n"),
                     413);
    status = browser_ask(&world.b, port,
                         "GET /api/view/queue?lang=%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                         "Cookie: eocbus=%s\r\n\r\n",
                         many('x', 2000), page_cookie(world.page));
    assert_int_equal(status, 400);
    the_page_still_works();
}

static unsigned count_closed(struct browser *crowd, unsigned n)
{
    unsigned closed = 0;
    char byte;

    for (unsigned i = 0; i < n; i++)
        closed += recv(crowd[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno == ECONNRESET;
    return closed;
}

/* Whoever fills the door with connections keeps out nobody who is in, and nobody afterwards. */
static void connections_of_one_address_are_bounded(void **state)
{
    static struct browser crowd[80];
    const time_t end = time(NULL) + 60 * PATIENCE;

    (void)state;
    for (unsigned i = 0; i < 80; i++) {
        browser_open(&crowd[i], page_port(world.page));
        browser_say(&crowd[i], "GET / HTTP/1.1\r\nHost: h\r\n"); /* not idle: it goes on */
    }
    while (count_closed(crowd, 80) != 20 && time(NULL) < end)
        poll(NULL, 0, 10);
    assert_int_equal(count_closed(crowd, 80), 20);
    for (unsigned i = 0; i < 60; i++) {
        browser_say(&crowd[i], "\r\n");
        assert_true(browser_hears(&crowd[i], "\r\n\r\n"));
    }
    /* They are idle now: who comes has the place of one. */
    assert_int_equal(browser_ask(&world.b, page_port(world.page),
                                 "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
                     200);
    for (unsigned i = 0; i < 80; i++)
        browser_close(&crowd[i]);
    the_page_still_works();
}

/* --- /api/say and its JSON -------------------------------------------------------------------- */

static int say_bytes(const void *json, size_t len)
{
    browser_open(&world.b, page_port(world.page));
    browser_say(&world.b,
                "POST /api/say HTTP/1.1\r\nHost: h\r\nConnection: close\r\nCookie: eocbus=%s\r\n"
                "X-Eocbus-Token: %s\r\nContent-Length: %zu\r\n\r\n",
                page_cookie(world.page), page_token(world.page), len);
    browser_send(&world.b, json, len);
    browser_wait_for_end(&world.b);
    browser_close(&world.b);
    return browser_status(&world.b);
}

static void refused(const char *json)
{
    int status = say_bytes(json, strlen(json));

    if ((status != 422 && status != 403) || !strstr(world.b.said, "\"text\":\""))
        fail_msg("%.200s: %s", json, world.b.said);
}

#define ID "\"message_id\":\"019a0301-33de-71ef-a41f-535100000001\""

static void json_that_is_none_or_too_much_is_said_so(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "null",
        "true",
        "7",
        "\"x\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{}",
        "{\"a\"}",
        "{\"a\":}",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"a\":NaN}",
        "{\"a\":1}{\"a\":1}",
        "{" ID "," ID ",\"general_message\":{\"text\":\"x\"}}",
        "{" ID ",\"general_message\":{\"text\":\"x\",\"text\":\"y\"}}",
        "{" ID ",\"general_message\":{\"text\":\"x\"},\"receipt\":{}}",
        "{" ID ",\"general_message\":{\"reply_by_us\":1e400}}",
        "{" ID ",\"general_message\":{\"reply_by_us\":99999999999999999999999}}",
        "{" ID ",\"general_message\":{\"reply_by_us\":\"99999999999999999999999\"}}",
        "{" ID ",\"general_message\":{\"reply_by_us\":-1.5}}",
        "{" ID ",\"general_message\":{\"text\":\"\\ud800\"}}",
        "{" ID ",\"general_message\":{\"text\":\"\\u0000\"}}",
        "{" ID ",\"general_message\":{\"text\":\"\xff\xfe\"}}",
        "{" ID ",\"general_message\":{\"text\":\"\xc0\xaf\"}}",
        "{" ID ",\"general_message\":[]}",
        "{" ID ",\"general_message\":null}",
        "{" ID ",\"__proto__\":{}}",
        "{" ID ",\"lane\":99,\"general_message\":{}}",
        "{" ID ",\"lane_seq\":1,\"general_message\":{}}",
        "{" ID ",\"author\":\"coes.other\",\"general_message\":{}}",
        "{\"message_id\":\"x\",\"general_message\":{}}",
        "{\"message_id\":{},\"general_message\":{}}",
    };
    char deep[40000];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        refused(texts[i]);
    memset(deep, '[', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    refused(deep);
    for (size_t i = 0; i + 5 < sizeof(deep) - 1; i += 5)
        memcpy(deep + i, "{\"a\":", 5);
    refused(deep);
    assert_int_equal(say_bytes("{\0}", 3), 422);
    the_page_still_works();
}

static uint64_t seed = 20100807;
static size_t any(size_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed % below);
}

static size_t mutate(char *out, size_t len)
{
    static const char *const pieces[] = {"\"", "{",       "}",    "[",     "]",   ",",
                                         ":",  "\\u0000", "null", "1e999", "\xff"};

    if (any(2)) { /* most of these are still JSON */
        for (size_t n = 1 + any(3); n; n--)
            out[any(len)] = (char)(' ' + any(95));
        return len;
    }
    for (size_t n = 1 + any(4); n; n--) {
        size_t at = any(len), more = 1 + any(8);
        const char *piece = pieces[any(sizeof(pieces) / sizeof(*pieces))];

        switch (any(4)) {
        case 0:
            out[at] = (char)any(256);
            break;
        case 1:
            memmove(out + at, out + at + (at + more < len ? more : 0),
                    len - at - (at + more < len ? more : 0));
            len -= at + more < len ? more : 0;
            break;
        case 2:
            memcpy(out + at, piece, strlen(piece) < len - at ? strlen(piece) : len - at);
            break;
        default:
            len = at + 1;
        }
    }
    return len;
}

/* One of each kind that a page says, as it says them. */
static const char *const wholes[] = {
    "{" ID ",\"status\":\"STATUS_ACTUAL\",\"area\":{\"pcodes\":[\"3505203\"]},"
    "\"incident_ids\":[\"019a0301-33de-71ef-a41f-535100000002\"],\"event_time_us\":"
    "\"2026-08-07T20:03:11Z\",\"general_message\":{\"from_role\":\"desk\",\"subject\":\"door\","
    "\"text\":\"сел\",\"reply_by_us\":\"1800000000000000\"}}",
    "{" ID ",\"status\":\"STATUS_ACTUAL\",\"lane\":\"LANE_PRIORITY\",\"kind\":\"KIND_REPORT\","
    "\"area\":{\"pcodes\":[\"3505203\"]},\"incident_ids\":[\"019a0301-33de-71ef-a41f-"
    "535100000002\"],"
    "\"incident\":{\"incident_id\":\"019a0301-33de-71ef-a41f-535100000002\",\"hazard\":"
    "\"HAZARD_MUDFLOW\",\"name\":\"Ayni\",\"severity\":\"SEVERITY_SEVERE\",\"text\":\"x\"}}",
    "{" ID ",\"status\":\"STATUS_ACTUAL\",\"receipt\":{\"message_id\":"
    "\"019a0301-33de-71ef-a41f-535100000001\",\"level\":\"RECEIPT_LEVEL_ACCEPTED\",\"text\":\"x\"}"
    "}",
    "{" ID ",\"status\":\"STATUS_ACTUAL\",\"area\":{\"pcodes\":[\"3505203\"]},\"public_alert\":{"
    "\"status\":\"CAP_STATUS_DRAFT\",\"msg_type\":\"CAP_MSG_TYPE_ALERT\",\"infos\":[{\"language\":"
    "\"ru\",\"headline\":\"Сель\",\"expires_us\":\"1800000000000000\",\"areas\":[{\"description\":"
    "\"x\",\"geocodes\":[{\"name\":\"PCODE\",\"value\":\"3505203\"}]}]}]}}",
    "{" ID
    ",\"status\":\"STATUS_ACTUAL\",\"kind\":\"KIND_REQUEST\",\"request_resource\":{\"lines\":"
    "[{\"line_id\":1,\"resource\":{\"kind\":\"tent\",\"type\":\"family\"},\"assignment\":"
    "{\"quantity\":{\"value\":12,\"unit\":\"H87\"}}}]}}",
};

/* DOOR_MUTANTS=n: so many, and not the short form; DOOR_SEED=n: others. */
static unsigned long mutants_wanted(void)
{
    const char *wanted = getenv("DOOR_MUTANTS"), *start = getenv("DOOR_SEED");

    seed = start ? strtoull(start, NULL, 10) | 1 : seed;
    return wanted ? strtoul(wanted, NULL, 10) : MUTANTS;
}

static void mutants_of_what_a_page_says_crash_nothing(void **state)
{
    unsigned long mutants = mutants_wanted(), kinds[6] = {0};

    (void)state;
    if (say_bytes(wholes[0], strlen(wholes[0])) != 200)
        fail_msg("%s", world.b.said);
    for (unsigned long i = 0; i < mutants; i++) {
        const char *whole = wholes[any(sizeof(wholes) / sizeof(*wholes))];
        char text[1024], number[16];
        size_t len = strlen(whole);
        int status;

        memcpy(text, whole, len + 1);
        snprintf(number, sizeof(number), "%08lx", 0x53000000 + i);
        memcpy(strstr(text, "53510000") + 4, number, 8); /* its own message_id */
        len = mutate(text, len);
        status = say_bytes(text, len);
        if (status != 200 && status != 403 && status != 409 && status != 422)
            fail_msg("mutant %lu: %d %s after %.*s", i, status, world.b.said, (int)len, text);
        kinds[status / 100]++;
    }
    printf("%lu mutants: %lu refused, %lu taken\n", mutants, kinds[4], kinds[2]);
    the_page_still_works();
}

/* Whole requests, spoiled anywhere: an answer that is no fault of ours, or none. */
static void mutants_of_whole_requests_crash_nothing(void **state)
{
    unsigned long mutants = mutants_wanted() / 3, kinds[6] = {0};

    (void)state;
    for (unsigned long i = 0; i < mutants; i++) {
        static const char *const lines[] = {
            "GET /api/view/incident?lang=ru&id=019a0301-33de-71ef-a41f-535100000002",
            "GET /api/view/search?lang=tg&text=%D3%A3%D0%B1",
            "GET /api/csv/incidents?lang=en&status=ACTUAL",
            "GET /feed/alerts.atom?lang=ru",
            "POST /api/approve?draft=019a0301-33de-71ef-a41f-535100000001&id=x",
            "POST /api/login?name=x",
            "GET /incident/019a0301-33de-71ef-a41f-535100000002",
        };
        char text[1024];
        size_t len;

        snprintf(text, sizeof(text) - 16, "%s HTTP/1.1\r\nHost: h\r\nCookie: eocbus=%s",
                 lines[any(sizeof(lines) / sizeof(*lines))], page_cookie(world.page));
        len = mutate(text, strlen(text));
        browser_open(&world.b, page_port(world.page));
        browser_send(&world.b, text, len);
        browser_say(&world.b,
                    "\r\nX-Eocbus-Token: %s\r\nConnection: close\r\nContent-Length: 17\r\n\r\n"
                    "name=a&password=b",
                    page_token(world.page));
        browser_wait_for_end(&world.b);
        browser_close(&world.b);
        if (browser_status(&world.b) >= 500 && browser_status(&world.b) != 505)
            fail_msg("mutant %lu: %.300s after %.*s", i, world.b.said, (int)len, text);
        kinds[browser_status(&world.b) / 100]++;
    }
    printf("%lu mutants: %lu without an answer, %lu answered, %lu refused\n", mutants, kinds[0],
           kinds[2] + kinds[3], kinds[4]);
    the_page_still_works();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_that_can_be_read_in_two_ways_is_none),
        cmocka_unit_test(nobody_writes_headers_of_an_answer),
        cmocka_unit_test(a_request_that_two_readers_cut_in_two_places_is_refused),
        cmocka_unit_test(what_is_no_http_gets_no_page),
        cmocka_unit_test(what_is_too_long_is_refused_before_it_is_there),
        cmocka_unit_test(connections_of_one_address_are_bounded),
        cmocka_unit_test(json_that_is_none_or_too_much_is_said_so),
        cmocka_unit_test(mutants_of_what_a_page_says_crash_nothing),
        cmocka_unit_test(mutants_of_whole_requests_crash_nothing),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
