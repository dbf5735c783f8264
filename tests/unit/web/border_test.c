/* border_test - what is refused before anybody sees it, each for itself: on a connection that stays
 * open, so that what would be cut off as a second request is heard. Whoever takes one of these
 * rules away finds the request handled here. */
#include "tests/unit/web/house.h"

/* How it is answered; 0: hung up on. What comes behind it is never handled. */
static int asked(struct house *h, const char *request)
{
    struct browser b;
    int status = 0;

    h->handled = 0;
    connect_to(&b, h);
    say(&b, request);
    UNTIL(h, hears(&b, "\r\n\r\n") || b.ended);
    (void)sscanf(b.said, "HTTP/1.1 %d", &status);
    close(b.fd);
    return status;
}

#define SECOND "GET /second HTTP/1.1\r\nHost: x\r\n\r\n"

static void test_where_a_request_ends_is_said_once(void **state)
{
    static const struct {
        const char *headers;
        int status;
    } heads[] = {
        {"Content-Length: 0\r\n", 200}, /* so that the others are known to be what is wrong */
        {"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", 400},
        {"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", 400},
        {"Transfer-Encoding: chunked\r\n", 411},
        {"Transfer-Encoding: gzip\r\n", 411},
        {"Content-Length: 0\r\nContent-Length: 0\r\n", 400},
        {"Content-Length: 0\r\nContent-Length: 36\r\n", 400},
        {"Content-Length: +0\r\n", 400},
        {"Content-Length: 0x0\r\n", 400},
        {"Content-Length: 0, 0\r\n", 400},
        {"Content-Length:\r\n", 400},
        {"Content-Length: 0\r\nContent-Length : 36\r\n", 400},
        {"Content-Length: 0\r\nX-Other : 36\r\n", 400},
        {"Content-Length: 0\r\nHost: y\r\n", 400},
        {"Content-Length: 1000000\r\n", 413},
    };
    struct house h;

    (void)state;
    open_house(&h);
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        char request[400];
        int status;

        snprintf(request, sizeof(request), "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n%s",
                 heads[i].headers, heads[i].status == 200 ? "" : SECOND);
        status = asked(&h, request);
        if (status != heads[i].status || h.handled != (status == 200))
            fail_msg("%s: %d, and %u handled", heads[i].headers, status, h.handled);
    }
    assert_int_equal(asked(&h, "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), 400);
    assert_int_equal(h.handled, 0);
    close_house(&h);
}

static void test_a_path_is_read_in_one_way_only(void **state)
{
    static const char *const strange[] = {
        "http://x/a", "*",     "a",      "//a",    "/a//b", "/a/./b",    "/a/../b", "/../a",
        "/./a",       "/a\\b", "/a%2fb", "/a%5cb", "/%2e",  "/%2e%2e/a", "/a%00",   "/a%25",
        "/a%",        "/a%4",  "/a%zz",  "/%61",   "/a#b",  "/a\x7f",    "/a\x01",
    };
    static const char *const plain[] = {"/",    "/a.js?x=%2e%2e/", "/a/b/", "/%D3%A3",
                                        "/..a", "/a..b/.c"};
    struct house h;
    char request[200];

    (void)state;
    open_house(&h);
    for (size_t i = 0; i < ARRAY_LEN(strange); i++) {
        int status;

        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", strange[i]);
        status = asked(&h, request);
        if ((status && status != 404 && status != 400) || h.handled)
            fail_msg("%s: %d, and %u handled", strange[i], status, h.handled);
    }
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", plain[i]);
        if (asked(&h, request) != 200 || h.handled != 1)
            fail_msg("%s is refused", plain[i]);
    }
    close_house(&h);
}

/* A value that is no UTF-8, or has a NUL in it, never comes as far as the database. */
static void test_a_value_that_is_no_text_is_not_there(void **state)
{
    static const char *const values[] = {"%ff",          "%c0%af", "a%00b", "%ed%a0%80",
                                         "%f4%90%80%80", "%e2%82", "\xff"};
    struct house h;
    char request[200];

    (void)state;
    open_house(&h);
    assert_int_equal(asked(&h, "GET /?q=%D3%A3 HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    assert_true(h.has_query);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        snprintf(request, sizeof(request), "GET /?q=%s HTTP/1.1\r\nHost: x\r\n\r\n", values[i]);
        if (asked(&h, request) == 200 && h.has_query)
            fail_msg("%s is taken as \"%s\"", values[i], h.query);
    }
    close_house(&h);
}

/* Past a proxy that speaks TLS a password would come in the clear. */
static void test_nobody_comes_past_a_proxy_that_speaks_tls(void **state)
{
    struct http_settings set = house_settings();
    struct house h;
    struct browser b;

    (void)state;
    set.proxy = "127.0.0.1";
    set.proxy_is_secure = true;
    open_house_as(&h, set);
    memset(&b, 0, sizeof(b));
    b.fd = connected_from(&h, 9);
    (void)!send(b.fd, SECOND, sizeof(SECOND) - 1, MSG_NOSIGNAL);
    UNTIL(&h, is_over(&b));
    assert_int_equal(b.len, 0);
    assert_int_equal(h.handled, 0);
    close(b.fd);
    connect_to(&b, &h); /* the proxy itself */
    say(&b, SECOND);
    UNTIL(&h, hears(&b, "\r\n\r\nwell"));
    close(b.fd);
    close_house(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_a_request_ends_is_said_once),
        cmocka_unit_test(test_a_path_is_read_in_one_way_only),
        cmocka_unit_test(test_a_value_that_is_no_text_is_not_there),
        cmocka_unit_test(test_nobody_comes_past_a_proxy_that_speaks_tls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
