/* http_test - the web server as a browser, a slow one and a rude one see it. */
#include "tests/unit/web/house.h"

/* --- the tests -------------------------------------------------------------------------------- */

static void test_a_request_is_heard_and_answered(void **state)
{
    struct house h;
    struct browser b;

    (void)state;
    open_house(&h);
    connect_to(&b, &h);
    say(&b, "POST /act/%D3%A3?q=a%26b HTTP/1.1\r\nHost: x\r\nCookie: session=s1\r\n"
            "Content-Length: 5\r\n\r\nhello");
    UNTIL(&h, hears(&b, "\r\n\r\nwell"));
    assert_string_equal(h.method, "POST");
    assert_string_equal(h.path, "/act/\xd3\xa3");
    assert_string_equal(h.query, "a&b");
    assert_string_equal(h.cookie, "s1");
    assert_string_equal(h.body, "hello");
    assert_non_null(strstr(b.said, "HTTP/1.1 200"));
    close(b.fd);
    close_house(&h);
}

static void test_every_answer_keeps_the_page_to_itself(void **state)
{
    static const char *const wanted[] = {
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src",
        "connect-src 'self';",
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n",
        "X-Content-Type-Options: nosniff",
        "X-Frame-Options: DENY",
        "Referrer-Policy: no-referrer",
        "Cross-Origin-Opener-Policy: same-origin",
        "Cross-Origin-Resource-Policy: same-origin",
        "Permissions-Policy: camera=(), microphone=(), geolocation=()",
        "Cache-Control: no-store",
    };
    struct house h;
    struct browser b;

    (void)state;
    open_house(&h);
    connect_to(&b, &h);
    say(&b, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(&h, hears(&b, "\r\n\r\nwell"));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (!strstr(b.said, wanted[i]))
            fail_msg("no %s in: %s", wanted[i], b.said);
    assert_null(strstr(b.said, "unsafe"));
    close(b.fd);
    close_house(&h);
}

static void test_an_answer_may_come_later(void **state)
{
    struct house h;
    struct browser b;

    (void)state;
    open_house(&h);
    h.waits = true;
    connect_to(&b, &h);
    say(&b, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(&h, h.open != NULL);
    assert_false(hears(&b, "well"));
    answer(h.open, NULL);
    UNTIL(&h, hears(&b, "\r\n\r\nwell"));
    UNTIL(&h, h.gone == 1);
    close(b.fd);
    close_house(&h);
}

static void test_what_the_browser_has_is_not_sent_again(void **state)
{
    struct house h;
    struct browser b;

    (void)state;
    open_house(&h);
    h.tag = "v1";
    connect_to(&b, &h);
    say(&b, "GET /app.js HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"v1\"\r\n\r\n");
    UNTIL(&h, hears(&b, "\r\n\r\n"));
    assert_non_null(strstr(b.said, "304"));
    assert_null(strstr(b.said, "well"));
    close(b.fd);
    close_house(&h);
}

static void test_a_body_without_end_is_refused(void **state)
{
    struct house h;
    struct browser b;
    char text[BODY_BYTES + 200];
    int len = snprintf(text, sizeof(text),
                       "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", BODY_BYTES + 1);

    (void)state;
    memset(text + len, 'x', BODY_BYTES + 1);
    text[len + BODY_BYTES + 1] = '\0';
    open_house(&h);
    connect_to(&b, &h);
    say(&b, text);
    UNTIL(&h, hears(&b, "at most 1000 bytes"));
    assert_non_null(strstr(b.said, "413"));
    assert_int_equal(h.handled, 0);
    close(b.fd);
    close_house(&h);
}

/* A byte now and then, a hundred a second: too few for a request to become too long. */
static void drip_until_over(struct house *h, struct browser *b)
{
    uint64_t next_us = 0;

    while (!is_over(b)) {
        if (loop_exact_us(h->loop) >= next_us) {
            (void)!send(b->fd, "y", 1, MSG_NOSIGNAL);
            next_us = loop_exact_us(h->loop) + 10000;
        }
        loop_turn(h->loop, 5);
    }
    assert_null(strstr(b->said, "431"));
}

/* The connection is never silent, and the request never comes in whole. */
static void test_a_request_that_drips_is_cut(void **state)
{
    struct house h;
    struct browser b;

    (void)state;
    open_house(&h);
    connect_to(&b, &h);
    say(&b, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
    drip_until_over(&h, &b);
    assert_int_equal(h.handled, 0);
    close(b.fd);
    close_house(&h);
}

static void test_a_body_that_drips_is_cut(void **state)
{
    struct house h;
    struct browser b;

    (void)state;
    open_house(&h);
    connect_to(&b, &h);
    say(&b, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n");
    drip_until_over(&h, &b);
    assert_int_equal(h.handled, 0);
    close(b.fd);
    close_house(&h);
}

static void ask_from(struct house *h, const char *headers, const char *peer)
{
    struct browser b;
    char text[400];

    snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
             headers);
    connect_to(&b, h);
    say(&b, text);
    UNTIL(h, is_over(&b));
    assert_string_equal(h->peer, peer);
    close(b.fd);
}

static void test_a_proxy_says_whom_it_saw_and_nobody_else_does(void **state)
{
    struct house h;

    (void)state;
    open_house_behind(&h, "127.0.0.1");
    ask_from(&h, "", "127.0.0.1");
    ask_from(&h, "X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7");
    ask_from(&h, "X-Forwarded-For: 10.0.0.1, 192.0.2.7 \r\n", "192.0.2.7");
    ask_from(&h, "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 192.0.2.8\r\n", "192.0.2.8");
    ask_from(&h, "X-Forwarded-For: 2001:DB8::7\r\n", "2001:db8::7");
    ask_from(&h, "X-Forwarded-For: ::ffff:192.0.2.9\r\n", "192.0.2.9");
    ask_from(&h, "X-Forwarded-For: unknown\r\n", "127.0.0.1");
    ask_from(&h, "X-Forwarded-For: 192.0.2.7, \r\n", "127.0.0.1");
    close_house(&h);
    open_house_behind(&h, "192.0.2.1"); /* another machine is the proxy */
    ask_from(&h, "X-Forwarded-For: 192.0.2.7\r\n", "127.0.0.1");
    close_house(&h);
}

/* The same after a first request that was well. */
static void test_a_second_request_that_drips_is_cut(void **state)
{
    struct house h;
    struct browser b;

    (void)state;
    open_house(&h);
    connect_to(&b, &h);
    say(&b, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(&h, hears(&b, "\r\n\r\nwell"));
    say(&b, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
    drip_until_over(&h, &b);
    assert_int_equal(h.handled, 1);
    close(b.fd);
    close_house(&h);
}

static bool is_cut(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* The house is full of people who read what they got; the one who has done so longest goes. */
static void test_who_is_idle_longest_makes_room(void **state)
{
    static struct browser full[CONNECTIONS];
    struct house h;
    struct browser b;
    int late;

    (void)state;
    open_house(&h);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        memset(&full[i], 0, sizeof(full[i]));
        full[i].fd = connected_from(&h, 2 + i % 8); /* five of each of eight addresses */
        answered(&h, &full[i]);
    }
    answered(&h, &full[0]); /* not idle for long any more */
    connect_to(&b, &h);
    answered(&h, &b);
    UNTIL(&h, is_cut(full[8].fd)); /* the next of the same address, which is as large as any */
    late = connected_from(&h, 3);
    UNTIL(&h, is_cut(full[1].fd));
    for (unsigned i = 0; i < CONNECTIONS; i++)
        assert_true(i == 1 || i == 8 || !is_cut(full[i].fd));
    for (unsigned i = 0; i < CONNECTIONS; i++)
        close(full[i].fd);
    close(late);
    close(b.fd);
    close_house(&h);
}

/* An office behind one address: as many as are at work, whatever they had open before. */
static void test_an_address_s_own_idle_connections_make_room_for_it(void **state)
{
    static struct browser office[CONNECTIONS_EACH + 1];
    struct house h;

    (void)state;
    open_house(&h);
    for (unsigned i = 0; i <= CONNECTIONS_EACH; i++) {
        memset(&office[i], 0, sizeof(office[i]));
        office[i].fd = connected_from(&h, 1);
        answered(&h, &office[i]);
    }
    UNTIL(&h, is_cut(office[0].fd));
    for (unsigned i = 1; i <= CONNECTIONS_EACH; i++)
        answered(&h, &office[i]);
    for (unsigned i = 0; i <= CONNECTIONS_EACH; i++)
        close(office[i].fd);
    close_house(&h);
}

/* Requests that do not come: who has most of them loses one. Who waits for an answer loses none. */
static void test_a_silent_crowd_makes_room_and_who_waits_does_not(void **state)
{
    int crowd[CONNECTIONS];
    struct house h;
    struct browser waits, b;

    (void)state;
    open_house(&h);
    h.waits = true;
    connect_to(&waits, &h);
    say(&waits, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(&h, h.open != NULL);
    h.waits = false;
    for (unsigned i = 1; i < CONNECTIONS; i++) {
        crowd[i] = connected_from(&h, 2 + i / CONNECTIONS_EACH);
        loop_turn(h.loop, 0);
    }
    memset(&b, 0, sizeof(b));
    b.fd = connected_from(&h, 77);
    answered(&h, &b);
    answer(h.open, NULL);
    UNTIL(&h, hears(&waits, "\r\n\r\nwell"));
    for (unsigned i = 1; i < CONNECTIONS; i++)
        close(crowd[i]);
    close(waits.fd);
    close(b.fd);
    close_house(&h);
}

/* Who has as many as anybody brings in no more at the cost of others. */
static void test_a_newcomer_of_a_large_crowd_puts_nobody_out(void **state)
{
    int crowd[CONNECTIONS], late;
    struct house h;

    (void)state;
    open_house(&h);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        crowd[i] = connected_from(&h, 2 + i / 5); /* five of each of eight addresses */
        loop_turn(h.loop, 0);
    }
    late = connected_from(&h, 2);
    UNTIL(&h, is_cut(late));
    assert_false(is_cut(crowd[0]));
    for (unsigned i = 0; i < CONNECTIONS; i++)
        close(crowd[i]);
    close(late);
    close_house(&h);
}

/* At its limit the library listens no more, until it is turned once after others left. */
static void test_after_a_silent_crowd_was_cut_the_next_is_answered(void **state)
{
    int crowd[CONNECTIONS];
    struct house h;
    struct browser b;

    (void)state;
    open_house(&h);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        crowd[i] = connected_from(&h, 2 + i / CONNECTIONS_EACH);
        loop_turn(h.loop, 0);
    }
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        UNTIL(&h, is_cut(crowd[i]));
        close(crowd[i]);
    }
    connect_to(&b, &h);
    say(&b, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(&h, hears(&b, "\r\n\r\nwell"));
    close(b.fd);
    close_house(&h);
}

static void test_who_waits_for_news_is_not_cut(void **state)
{
    struct house h;
    struct browser b;
    uint64_t quiet_us;

    (void)state;
    open_house(&h);
    h.streams = true;
    connect_to(&b, &h);
    say(&b, "GET /news HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(&h, h.stream != NULL);
    quiet_us = loop_exact_us(h.loop) + 3 * REQUEST_MS * UINT64_C(1000);
    while (loop_exact_us(h.loop) < quiet_us)
        loop_turn(h.loop, 100);
    assert_int_equal(stream_send(h.stream, "flash", "7", "{\"level\":4}"), ST_OK);
    UNTIL(&h, hears(&b, "id: 7\nevent: flash\ndata: {\"level\":4}\n\n"));
    assert_non_null(strstr(b.said, "text/event-stream"));
    assert_non_null(strstr(b.said, "Cache-Control: no-store"));
    assert_non_null(strstr(b.said, "frame-ancestors 'none'"));
    assert_int_equal(h.left, 0);
    close(b.fd);
    UNTIL(&h, !h.stream || (stream_send(h.stream, "x", NULL, "y"), false));
    assert_int_equal(h.left, 1);
    close_house(&h);
}

static void test_a_browser_that_does_not_read_is_let_go(void **state)
{
    static char data[2000];
    struct house h;
    struct browser b;
    unsigned sent = 0;

    (void)state;
    memset(data, 'x', sizeof(data) - 1);
    open_house(&h);
    h.streams = true;
    connect_to(&b, &h);
    say(&b, "GET /news HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(&h, h.stream != NULL);
    while (h.stream && stream_send(h.stream, "e", NULL, data) == ST_OK) {
        loop_turn(h.loop, 0);
        assert_true(++sent < 100000);
    }
    UNTIL(&h, h.left == 1);
    close(b.fd);
    close_house(&h);
}

static void test_a_stream_ends_when_the_house_says_so(void **state)
{
    struct house h;
    struct browser b;

    (void)state;
    open_house(&h);
    h.streams = true;
    connect_to(&b, &h);
    say(&b, "GET /news HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    UNTIL(&h, h.stream != NULL);
    stream_end(h.stream);
    UNTIL(&h, is_over(&b));
    assert_int_equal(h.left, 0);
    close(b.fd);
    close_house(&h);
}

static unsigned count_over(struct browser *many, size_t n)
{
    unsigned over = 0;

    for (size_t i = 0; i < n; i++)
        over += is_over(&many[i]);
    return over;
}

static void test_one_address_gets_so_many_connections(void **state)
{
    struct house h;
    struct browser many[14];

    (void)state;
    open_house(&h);
    h.waits = true;
    for (unsigned i = 0; i < ARRAY_LEN(many); i++) {
        connect_to(&many[i], &h);
        (void)!send(many[i].fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, MSG_NOSIGNAL);
    }
    UNTIL(&h, h.handled == 10);
    UNTIL(&h, count_over(many, ARRAY_LEN(many)) == ARRAY_LEN(many) - 10);
    for (unsigned i = 0; i < ARRAY_LEN(many); i++)
        close(many[i].fd);
    close_house(&h);
}

static void test_one_subscriber_of_ipv6_is_one_address(void **state)
{
    static const char *const pairs[][2] = {
        {"192.0.2.7", "192.0.2.7"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
        {"2001:db8::7", "2001:db8::"},
        {"2001:db8::1:0:0:7", "2001:db8::"},
        {"2001:db8:0:7::1", "2001:db8:0:7::"},
        {"::1", "::"},
        {"", ""},
    };
    char network[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        network_of(network, pairs[i][0]);
        assert_string_equal(network, pairs[i][1]);
    }
}

static void test_a_house_that_ends_keeps_nobody(void **state)
{
    struct house h;
    struct browser waits, news;

    (void)state;
    open_house(&h);
    h.waits = true;
    connect_to(&waits, &h);
    say(&waits, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(&h, h.open != NULL);
    h.streams = true;
    connect_to(&news, &h);
    say(&news, "GET /news HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(&h, h.stream != NULL);
    close_house(&h); /* the sanitizer tells what was forgotten */
    assert_int_equal(h.handled, 2);
    assert_int_equal(h.gone, 2);
    assert_int_equal(h.left, 0); /* its listener is going too */
    hear(&news);                 /* its headers */
    assert_true(is_over(&waits));
    assert_true(is_over(&news));
    close(waits.fd);
    close(news.fd);
}

static void test_a_wrong_address_is_said(void **state)
{
    static const char *const wrong[] = {"", "8480", "localhost", "127.0.0.1:http",
                                        "1.2.3.4:99999999"};
    struct house h;
    struct http_settings set = {.connections = 4, .connections_each = 4};
    char err[200];

    (void)state;
    open_house(&h);
    set.loop = h.loop;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct http *none = NULL;

        set.address = wrong[i];
        assert_int_equal(http_create(&none, &set, err, sizeof(err)), ST_INVALID);
        assert_non_null(strstr(err, "legal are"));
        assert_null(none);
    }
    close_house(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_heard_and_answered),
        cmocka_unit_test(test_every_answer_keeps_the_page_to_itself),
        cmocka_unit_test(test_an_answer_may_come_later),
        cmocka_unit_test(test_what_the_browser_has_is_not_sent_again),
        cmocka_unit_test(test_a_body_without_end_is_refused),
        cmocka_unit_test(test_a_request_that_drips_is_cut),
        cmocka_unit_test(test_a_body_that_drips_is_cut),
        cmocka_unit_test(test_a_proxy_says_whom_it_saw_and_nobody_else_does),
        cmocka_unit_test(test_a_second_request_that_drips_is_cut),
        cmocka_unit_test(test_who_is_idle_longest_makes_room),
        cmocka_unit_test(test_an_address_s_own_idle_connections_make_room_for_it),
        cmocka_unit_test(test_a_silent_crowd_makes_room_and_who_waits_does_not),
        cmocka_unit_test(test_a_newcomer_of_a_large_crowd_puts_nobody_out),
        cmocka_unit_test(test_after_a_silent_crowd_was_cut_the_next_is_answered),
        cmocka_unit_test(test_who_waits_for_news_is_not_cut),
        cmocka_unit_test(test_a_browser_that_does_not_read_is_let_go),
        cmocka_unit_test(test_a_stream_ends_when_the_house_says_so),
        cmocka_unit_test(test_one_address_gets_so_many_connections),
        cmocka_unit_test(test_one_subscriber_of_ipv6_is_one_address),
        cmocka_unit_test(test_a_house_that_ends_keeps_nobody),
        cmocka_unit_test(test_a_wrong_address_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
