/* The door of the dispatchers' page: who comes in, for how long, and from where (OWASP's list, one
 * by one), against the real program beside a real bus. door_wire_test.c has the bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/browser.h"
#include "tests/lib/bus.h"
#include "tests/lib/page.h"
#include "tests/lib/patience.h"
#include "sql/sql_text.h"
#include "tests/lib/run.h"

#include "proto/base/banned.h"

enum { TEXT = 4096 };
#define DESK  "coes.test.desk"
#define GUEST "coes.test.guest"

static struct {
    struct bus *bus;
    struct page *page;
    char conf[128], dir[128];
    struct browser b, news;
    struct ran ran;
} world;

static const char message[] =
    "{\"message_id\":\"019a0301-33de-71ef-a41f-5351%08x\",\"status\":\"STATUS_ACTUAL\","
    "\"general_message\":{\"from_role\":\"desk\",\"subject\":\"door\",\"text\":\"said at the "
    "door\"}}";

/* --- the world -------------------------------------------------------------------------------- */

static int begin(void **state)
{
    (void)state;
    world.news.fd = -1;
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

static int open_page(void **state)
{
    (void)state;
    world.page = page_start(world.bus, world.conf, DESK, world.dir);
    return 0;
}

/* Its leaks are seen here. */
static int close_page(void **state)
{
    (void)state;
    browser_close(&world.news);
    page_end(world.page);
    world.page = NULL;
    return 0;
}

static void person(const char *what, const char *name, const char *password)
{
    if (password)
        run_type(password);
    run_program(&world.ran, "eocbus-console", "-c", page_conf(world.page), "person", what, name,
                NULL);
    run_expect(&world.ran, 0, NULL);
}

/* --- asking ----------------------------------------------------------------------------------- */

static int get(const char *path, const char *cookie, const char *headers)
{
    return browser_ask(&world.b, page_port(world.page),
                       "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nCookie: eocbus=%s\r\n"
                       "%s\r\n",
                       path, cookie, headers);
}

static int post(const char *path, const char *cookie, const char *headers, const char *body)
{
    return browser_ask(&world.b, page_port(world.page),
                       "POST %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nCookie: %s\r\n%s"
                       "Content-Length: %zu\r\n\r\n%s",
                       path, cookie, headers, strlen(body), body);
}

static int sign_in(const char *name, const char *password, const char *cookie, const char *headers)
{
    char form[400];

    snprintf(form, sizeof(form), "name=%s&password=%s", name, password);
    return post("/api/login", cookie, headers, form);
}

static int say(const char *cookie, const char *token, const char *more)
{
    static unsigned number;
    char body[400], headers[300], cookies[200];

    snprintf(body, sizeof(body), message, ++number);
    snprintf(headers, sizeof(headers), "X-Eocbus-Token: %s\r\n%s", token, more);
    snprintf(cookies, sizeof(cookies), "eocbus=%s", cookie);
    return post("/api/say", cookies, headers, body);
}

/* Value behind `name` in the last answer, up to one of `ends`. */
static const char *value_of(const char *name, const char *ends)
{
    static char values[4][200];
    static unsigned next;
    const char *at = strstr(world.b.said, name);
    char *out = values[next++ % 4];

    if (!at)
        fail_msg("no %s in: %s", name, world.b.said);
    at += strlen(name);
    snprintf(out, 200, "%.*s", (int)strcspn(at, ends), at);
    return out;
}

static void open_news(void)
{
    browser_open(&world.news, page_port(world.page));
    browser_say(&world.news, "GET /api/news HTTP/1.1\r\nHost: h\r\nCookie: eocbus=%s\r\n\r\n",
                page_cookie(world.page));
    assert_true(browser_hears(&world.news, "event: truth"));
}

/* --- rights by URL ---------------------------------------------------------------------------- */

static const char *const paths[] = {
    "/api/news",  "/api/view/queue", "/api/view/incidents", "/api/view/may?person=x",
    "/api/file/", "/api/say",        "/api/logout",         "/api/view/",
    "/api/",      "/api/nonsense",
};

static void nothing_is_told_or_taken_without_a_session(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        assert_int_equal(get(paths[i], "", ""), 401);
        assert_int_equal(get(paths[i], "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ""), 401);
        assert_int_equal(post(paths[i], "", "", "{}"), 401);
        assert_non_null(strstr(world.b.said, "Cache-Control: no-store"));
    }
    assert_int_equal(get("/api/me", "", ""), 200);
    assert_non_null(strstr(world.b.said, "{\"person\":null,"));
    assert_int_equal(get("/api/me", page_cookie(world.page), ""), 200);
    assert_non_null(strstr(world.b.said, DESK));
    assert_non_null(strstr(world.b.said, "Cache-Control: no-store"));
}

static void there_are_two_methods(void **state)
{
    static const char *const methods[] = {"PUT",   "DELETE",  "PATCH", "OPTIONS",
                                          "TRACE", "CONNECT", "GOT",   "post"};

    (void)state;
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
        static const char *const where[] = {"/", "/api/say", "/feed/alerts.atom"};

        for (size_t k = 0; k < sizeof(where) / sizeof(*where); k++) {
            int status =
                browser_ask(&world.b, page_port(world.page),
                            "%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: canary\r\n"
                            "Cookie: eocbus=%s\r\nX-Eocbus-Token: %s\r\n\r\n",
                            methods[i], where[k], page_cookie(world.page), page_token(world.page));

            assert_int_equal(status, 405);
            assert_null(strstr(world.b.said, "canary"));
        }
    }
}

/* The outbox knows the id and the digest what it was, whatever ends the program in between. */
static void what_was_said_under_an_id_is_known_after_a_restart(void **state)
{
    char body[400], headers[300], cookies[200];

    snprintf(body, sizeof(body), message, 0xffff0001U);
    for (unsigned run = 0; run < 2; run++) {
        snprintf(headers, sizeof(headers), "X-Eocbus-Token: %s\r\n", page_token(world.page));
        snprintf(cookies, sizeof(cookies), "eocbus=%s", page_cookie(world.page));
        assert_int_equal(post("/api/say", cookies, headers, body), 200);
        assert_non_null(strstr(world.b.said, run ? "\"before\":true" : "\"before\":false"));
        if (!run) {
            close_page(state);
            open_page(state);
        }
    }
    memcpy(strstr(body, "said at"), "done in", 7);
    assert_int_equal(post("/api/say", cookies, headers, body), 409);
    memcpy(strstr(body, "done in"), "said at", 7);
    assert_int_equal(post("/api/say", cookies, headers, body), 200);
}

/* A person whose principal has no rights sees nothing, and says nothing. */
static void a_person_without_rights_says_nothing(void **state)
{
    (void)state;
    person("add", GUEST, "the-guest-s-password");
    assert_int_equal(sign_in(GUEST, "the-guest-s-password", "", ""), 200);
    {
        const char *cookie = value_of("eocbus=", ";"), *token = value_of("\"token\":\"", "\"");

        assert_int_equal(say(cookie, token, ""), 403);
        assert_non_null(strstr(world.b.said, "\"rights\""));
        assert_int_equal(get("/api/view/may?person=" DESK "&type=receipt", cookie, ""), 404);
    }
    assert_int_equal(say(page_cookie(world.page), page_token(world.page), ""), 200);
}

/* --- sessions --------------------------------------------------------------------------------- */

static void a_session_is_never_the_one_that_was_there_before(void **state)
{
    static const char planted[] = "eocbus=PLANTEDPLANTEDPLANTEDPLANTEDPLANTEDPLANTED0";
    char former[200], now[200];

    (void)state;
    assert_int_equal(sign_in(DESK, page_password(), planted, ""), 200);
    assert_null(strstr(world.b.said, "PLANTED"));
    assert_non_null(strstr(world.b.said, "HttpOnly; SameSite=Strict"));
    snprintf(former, sizeof(former), "eocbus=%s", value_of("eocbus=", ";"));
    assert_int_equal(get("/api/view/queue", planted + 7, ""), 401);
    assert_int_equal(get("/api/view/queue", former + 7, ""), 200);
    assert_int_equal(sign_in(DESK, page_password(), former, ""), 200);
    snprintf(now, sizeof(now), "%s", value_of("eocbus=", ";"));
    assert_string_not_equal(former + 7, now);
    assert_int_equal(get("/api/news", former + 7, ""), 401);
    assert_int_equal(get("/api/view/queue", now, ""), 200);
}

static void only_our_own_page_says_something(void **state)
{
    static const char *const strange[] = {
        "Origin: http://evil.example\r\n", "Origin: null\r\n", "Origin: http://h.evil.example\r\n",
        "Origin: http://h:81\r\n",         "Origin: \r\n",     "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
    };
    char other[200];

    (void)state;
    for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
        assert_int_equal(say(page_cookie(world.page), page_token(world.page), strange[i]), 403);
        assert_int_equal(get("/api/view/queue", page_cookie(world.page), strange[i]), 403);
        assert_int_equal(sign_in(DESK, page_password(), "", strange[i]), 403);
    }
    assert_int_equal(sign_in(DESK, page_password(), "", ""), 200);
    snprintf(other, sizeof(other), "%s", value_of("\"token\":\"", "\""));
    assert_int_equal(say(page_cookie(world.page), other, ""), 403);
    assert_int_equal(say(page_cookie(world.page), "", ""), 403);
    for (size_t i = 0; i < strlen(page_token(world.page)); i += 7) { /* all of it counts */
        snprintf(other, sizeof(other), "%s", page_token(world.page));
        other[i] = other[i] == 'x' ? 'y' : 'x';
        assert_int_equal(say(page_cookie(world.page), other, ""), 403);
    }
    assert_int_equal(say(page_cookie(world.page), page_token(world.page),
                         "Origin: http://h\r\nSec-Fetch-Site: same-origin\r\n"),
                     200);
}

static void the_oldest_of_a_person_s_news_makes_room_for_the_newest(void **state)
{
    static struct browser more[24];

    (void)state;
    open_news();
    for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++) {
        browser_open(&more[i], page_port(world.page));
        browser_say(&more[i], "GET /api/news HTTP/1.1\r\nHost: h\r\nCookie: eocbus=%s\r\n\r\n",
                    page_cookie(world.page));
        assert_true(browser_hears(&more[i], "event: truth"));
    }
    browser_wait_for_end(&world.news);
    for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++) {
        assert_false(more[i].is_over);
        browser_close(&more[i]);
    }
}

static void news_end_when_the_person_signs_out(void **state)
{
    char headers[200], cookie[200];

    (void)state;
    open_news();
    snprintf(headers, sizeof(headers), "X-Eocbus-Token: %s\r\n", page_token(world.page));
    snprintf(cookie, sizeof(cookie), "eocbus=%s", page_cookie(world.page));
    assert_int_equal(post("/api/logout", cookie, headers, ""), 200);
    assert_non_null(strstr(world.b.said, "Set-Cookie: eocbus=; Path=/; HttpOnly; SameSite=Strict; "
                                         "Max-Age=0"));
    browser_wait_for_end(&world.news);
    assert_int_equal(get("/api/news", page_cookie(world.page), ""), 401);
}

static void news_end_when_the_person_is_removed(void **state)
{
    (void)state;
    open_news();
    person("remove", DESK, NULL);
    browser_wait_for_end(&world.news);
    assert_int_equal(get("/api/view/queue", page_cookie(world.page), ""), 401);
}

static void news_end_when_the_password_is_another(void **state)
{
    (void)state;
    open_news();
    person("password", DESK, "another-good-password");
    browser_wait_for_end(&world.news);
    assert_int_equal(get("/api/view/queue", page_cookie(world.page), ""), 401);
}

/* --- guessing --------------------------------------------------------------------------------- */

static void who_guesses_waits_and_the_person_s_own_browser_does_not(void **state)
{
    char device[300];
    unsigned wait_s;

    (void)state;
    assert_int_equal(sign_in(DESK, page_password(), "", ""), 200);
    snprintf(device, sizeof(device), "eocbus-device=%s", value_of("eocbus-device=", ";"));
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(sign_in(DESK, "a-wrong-password", "", ""), 403);
    assert_int_equal(sign_in(DESK, page_password(), "", ""), 429);
    wait_s = (unsigned)strtoul(value_of("\"retry_s\":", "}"), NULL, 10);
    assert_in_range(wait_s, 1, 61);
    assert_non_null(strstr(world.b.said, "Retry-After: "));
    assert_int_equal(sign_in(DESK, page_password(), device, ""), 200);
    assert_int_equal(sign_in(GUEST, "whatever-it-may-be", "", ""), 403);
    assert_int_equal(sign_in(GUEST, "whatever-it-may-be", device, ""),
                     403); /* no friend of the name's */
    device[strlen(device) - 1] ^= 1;
    assert_int_equal(sign_in(DESK, page_password(), device, ""), 429);
}

/* --- behind a proxy --------------------------------------------------------------------------- */

static int open_behind_proxy(void **state)
{
    (void)state;
    world.page = page_start_with(world.bus, world.conf, DESK, world.dir,
                                 "proxy.address = 127.0.0.1\nproxy.secure = yes\n"
                                 "proxy.origin = https://eoc.example.tj\nconnections.each = 4\n");
    return 0;
}

static int sign_in_from(const char *password, const char *forwarded)
{
    char header[300];

    snprintf(header, sizeof(header), "X-Forwarded-For: %s\r\n", forwarded);
    return sign_in(DESK, password, "", header);
}

static void behind_a_proxy_guesses_are_counted_for_each_browser(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(sign_in_from("a-wrong-password", "10.0.0.7, 192.0.2.1"), 403);
    assert_int_equal(sign_in_from(page_password(), "192.0.2.1"), 429);
    assert_int_equal(sign_in_from(page_password(), "192.0.2.9, 192.0.2.1"),
                     429); /* its own words */
    assert_int_equal(sign_in_from(page_password(), "192.0.2.1, 192.0.2.2"), 200);
    assert_non_null(strstr(world.b.said, "__Host-eocbus="));
    assert_non_null(strstr(world.b.said, "; Secure"));
    assert_non_null(strstr(world.b.said, "Strict-Transport-Security: "));
}

static void behind_a_proxy_one_browser_has_so_many_open_requests(void **state)
{
    static struct browser many[5];
    char cookie[200];

    (void)state;
    assert_int_equal(sign_in_from(page_password(), "192.0.2.2"), 200);
    snprintf(cookie, sizeof(cookie), "%s", value_of("__Host-eocbus=", ";"));
    for (unsigned i = 0; i < 5; i++) {
        browser_open(&many[i], page_port(world.page));
        browser_say(&many[i],
                    "GET /api/news HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.2\r\n"
                    "Cookie: __Host-eocbus=%s\r\n\r\n",
                    cookie);
        assert_true(browser_hears(&many[i], "\r\n\r\n"));
        assert_int_equal(browser_status(&many[i]), i < 4 ? 200 : 429);
    }
    assert_int_equal(sign_in_from(page_password(), "192.0.2.3"), 200);
    for (unsigned i = 0; i < 5; i++)
        browser_close(&many[i]);
}

/* --- TLS -------------------------------------------------------------------------------------- */

static void make_certificate(char settings[TEXT])
{
    char command[TEXT];

    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj "
             "/CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout %s/tls.key -out "
             "%s/tls.crt 2>/dev/null && chmod 600 %s/tls.key",
             world.dir, world.dir, world.dir);
    assert_int_equal(system(command), 0);
    snprintf(settings, TEXT, "tls.cert = %s/tls.crt\ntls.key = %s/tls.key\n", world.dir, world.dir);
}

static int open_with_tls(void **state)
{
    char settings[TEXT];

    (void)state;
    make_certificate(settings);
    world.page = page_start_with(world.bus, world.conf, DESK, world.dir, settings);
    return 0;
}

/* What openssl says and hears; its exit code. */
static int by_openssl(const char *options, const char *request)
{
    char command[TEXT];
    FILE *f;

    snprintf(command, sizeof(command),
             "printf '%s' | timeout 60 openssl s_client -quiet -ign_eof -connect 127.0.0.1:%u "
             "-CAfile %s/tls.crt -verify_return_error -verify_ip 127.0.0.1 %s 2>&1",
             request, page_port(world.page), world.dir, options);
    f = popen(command, "r");
    assert_non_null(f);
    world.b.len = fread(world.b.said, 1, sizeof(world.b.said) - 1, f);
    world.b.said[world.b.len] = '\0';
    return pclose(f);
}

static void a_certificate_of_its_own_is_spoken_with(void **state)
{
    static const char get_page[] = "GET / HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n";
    char login[400];

    (void)state;
    (void)by_openssl("-tls1_3", get_page);
    assert_non_null(strstr(world.b.said, "HTTP/1.1 200"));
    assert_non_null(strstr(world.b.said, "Strict-Transport-Security: max-age=31536000"));
    (void)by_openssl("-tls1_2", get_page);
    assert_non_null(strstr(world.b.said, "HTTP/1.1 200"));
    snprintf(login, sizeof(login),
             "POST /api/login HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\nContent-Length: "
             "%zu\\r\\n\\r\\nname=" DESK "&password=%s",
             strlen("name=" DESK "&password=") + strlen(page_password()), page_password());
    (void)by_openssl("", login);
    assert_non_null(strstr(world.b.said, "Set-Cookie: __Host-eocbus="));
    assert_non_null(strstr(world.b.said, "; Path=/; HttpOnly; SameSite=Strict; Secure"));
}

static void old_tls_and_no_tls_are_not_spoken_with(void **state)
{
    static const char get_page[] = "GET / HTTP/1.1\\r\\nHost: h\\r\\nConnection: close\\r\\n\\r\\n";

    (void)state;
    (void)by_openssl("-tls1_1 -cipher DEFAULT@SECLEVEL=0", get_page);
    assert_null(strstr(world.b.said, "HTTP/1.1"));
    (void)by_openssl("-tls1 -cipher DEFAULT@SECLEVEL=0", get_page);
    assert_null(strstr(world.b.said, "HTTP/1.1"));
    (void)by_openssl("-tls1_2 -cipher AES128-SHA@SECLEVEL=0",
                     get_page); /* without forward secrecy */
    assert_null(strstr(world.b.said, "HTTP/1.1"));
    assert_int_equal(get("/", "", ""), 0);
}

/* --- a start that would open it --------------------------------------------------------------- */

static void refused_at_start(const char *words, const char *one, const char *two, const char *three)
{
    run_program(&world.ran, "eocbus-console", "-c", page_conf(world.page), "-o", one, "-o", two,
                "-o", three, "run", NULL);
    run_expect(&world.ran, 2, words);
}

static void a_start_that_would_open_the_door_is_refused(void **state)
{
    char settings[TEXT], key[200], cert[200], command[300];

    (void)state;
    page_end(world.page);
    make_certificate(settings);
    snprintf(key, sizeof(key), "tls.key=%s/tls.key", world.dir);
    snprintf(cert, sizeof(cert), "tls.cert=%s/tls.crt", world.dir);
    refused_at_start("tls.cert and tls.key, or listen on 127.0.0.1", "listen=0.0.0.0:0",
                     "proxy.secure=no", "status=actual");
    refused_at_start("in the clear", "listen=[::]:0", "proxy.secure=yes", "status=actual");
    refused_at_start("both or none", "listen=127.0.0.1:0", cert, "status=actual");
    refused_at_start("legal is an address", "listen=127.0.0.1:0", "proxy.address=here",
                     "status=actual");
    snprintf(command, sizeof(command), "chmod 644 %s/tls.key", world.dir);
    assert_int_equal(system(command), 0);
    run_program(&world.ran, "eocbus-console", "-c", page_conf(world.page), "-o", cert, "-o", key,
                "run", NULL);
    run_expect(&world.ran, 4, "chmod 600");
    world.page = page_start(world.bus, world.conf, DESK, world.dir);
}

/* What waits for the database and who signs in when the program ends: the sanitizer tells. */
static void an_end_in_the_middle_of_everything_is_clean(void **state)
{
    static struct browser waits[3];

    (void)state;
    open_news();
    pgserver_freeze(bus_server(world.bus));
    for (unsigned i = 0; i < 3; i++) {
        char body[400], path[80];

        snprintf(body, sizeof(body), message, 0x77u + i);
        snprintf(path, sizeof(path), i == 2 ? "GET /api/view/queue" : "POST /api/say");
        browser_open(&waits[i], page_port(world.page));
        browser_say(&waits[i],
                    "%s HTTP/1.1\r\nHost: h\r\nCookie: eocbus=%s\r\nX-Eocbus-Token: %s\r\n"
                    "Content-Length: %zu\r\n\r\n%s",
                    path, page_cookie(world.page), page_token(world.page),
                    i == 2 ? (size_t)0 : strlen(body), i == 2 ? "" : body);
    }
    assert_int_equal(get("/api/me", page_cookie(world.page), ""), 200); /* they are all in */
    page_end(world.page);
    pgserver_thaw(bus_server(world.bus));
    for (unsigned i = 0; i < 3; i++) {
        browser_wait_for_end(&waits[i]);
        browser_close(&waits[i]);
    }
    world.page = page_start(world.bus, world.conf, DESK, world.dir);
}

/* --- who has no session and asks much --------------------------------------------------------- */

static void wait_for_a_held_question(void)
{
    const time_t until = time(NULL) + 60 * PATIENCE;

    while (pgserver_number(bus_server(world.bus),
                           "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = "
                           "'bus.alert_ended'::regclass") == 0)
        assert_true(time(NULL) < until);
}

static void strangers_at_the_feed_leave_the_database_to_the_dispatchers(void **state)
{
    enum { STRANGERS = 12 };
    static struct browser strangers[STRANGERS];

    (void)state;
    assert_int_equal(get("/feed/alerts.atom", "", ""), 200);
    assert_int_equal(get("/feed/019a0301-33de-71ef-a41f-535100000000.xml", "", ""), 404);
    pgserver_exec(bus_server(world.bus), "BEGIN");
    pgserver_exec(bus_server(world.bus), "LOCK TABLE bus.alert_ended IN ACCESS EXCLUSIVE MODE");
    for (unsigned i = 0; i < STRANGERS; i++) {
        browser_open(&strangers[i], page_port(world.page));
        browser_say(&strangers[i],
                    "GET /feed/019a0301-33de-71ef-a41f-5351%08x.xml HTTP/1.1\r\nHost: h\r\n"
                    "Connection: close\r\n\r\n",
                    0x100 + i);
    }
    wait_for_a_held_question();
    assert_int_equal(get("/api/view/moves", page_cookie(world.page), ""), 200);
    pgserver_exec(bus_server(world.bus), "COMMIT");
    for (unsigned i = 0; i < STRANGERS; i++) {
        browser_wait_for_end(&strangers[i]);
        assert_int_not_equal(browser_status(&strangers[i]), 0);
        browser_close(&strangers[i]);
    }
}

/* Each says so in its first line; who adds one need not tell anybody else. */
static void what_the_program_asks_no_page_asks(void **state)
{
    static const char folder[] = "queries/page_", words[] = "Asked by the program, not by pages.\n";
    char path[200];
    unsigned n = 0;

    (void)state;
    for (const struct sql_text *t = sql_texts; t->name; t++) {
        if (!sql_is_in(t, folder) || !strstr(t->text, words))
            continue;
        snprintf(path, sizeof(path), "/api/view/%s", t->name + strlen(folder));
        assert_int_equal(get(path, page_cookie(world.page), ""), 404);
        n++;
    }
    assert_true(n >= 6);
    assert_int_equal(get("/api/view/csv_harm", page_cookie(world.page), ""), 404);
    assert_int_equal(get("/api/view/moves", page_cookie(world.page), ""), 200);
}

#define WITH_PAGE(test)  cmocka_unit_test_setup_teardown(test, open_page, close_page)
#define WITH_PROXY(test) cmocka_unit_test_setup_teardown(test, open_behind_proxy, close_page)
#define WITH_TLS(test)   cmocka_unit_test_setup_teardown(test, open_with_tls, close_page)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PAGE(nothing_is_told_or_taken_without_a_session),
        WITH_PAGE(there_are_two_methods),
        WITH_PAGE(what_was_said_under_an_id_is_known_after_a_restart),
        WITH_PAGE(a_person_without_rights_says_nothing),
        WITH_PAGE(a_session_is_never_the_one_that_was_there_before),
        WITH_PAGE(only_our_own_page_says_something),
        WITH_PAGE(the_oldest_of_a_person_s_news_makes_room_for_the_newest),
        WITH_PAGE(news_end_when_the_person_signs_out),
        WITH_PAGE(news_end_when_the_person_is_removed),
        WITH_PAGE(news_end_when_the_password_is_another),
        WITH_PAGE(strangers_at_the_feed_leave_the_database_to_the_dispatchers),
        WITH_PAGE(what_the_program_asks_no_page_asks),
        WITH_PAGE(who_guesses_waits_and_the_person_s_own_browser_does_not),
        WITH_PROXY(behind_a_proxy_guesses_are_counted_for_each_browser),
        WITH_PROXY(behind_a_proxy_one_browser_has_so_many_open_requests),
        WITH_TLS(a_certificate_of_its_own_is_spoken_with),
        WITH_TLS(old_tls_and_no_tls_are_not_spoken_with),
        WITH_PAGE(a_start_that_would_open_the_door_is_refused),
        WITH_PAGE(an_end_in_the_middle_of_everything_is_clean),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
