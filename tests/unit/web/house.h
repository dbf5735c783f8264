/* house - the web server for its tests, on a loop that they turn, and browsers that are sockets:
 * one answer for every request, at once, later or as a stream. */
#ifndef EOCBUS_TESTS_UNIT_WEB_HOUSE_H
#define EOCBUS_TESTS_UNIT_WEB_HOUSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agents/web/http.h"
#include "tests/lib/patience.h"

enum { BODY_BYTES = 1000, STREAM_BYTES = 64000, REQUEST_MS = 300, ANSWER_MS = 5000 };
enum { CONNECTIONS = 40, CONNECTIONS_EACH = 10 };

struct house {
    struct loop *loop;
    struct http *http;
    unsigned handled, gone, left;
    char peer[64], method[8], path[200], query[200], body[BODY_BYTES + 1], cookie[100];
    bool has_query, waits, streams;
    struct exchange *open;
    struct stream *stream;
    const char *tag;
};

static inline void on_left(void *arg, struct stream *s)
{
    struct house *h = arg;

    assert_ptr_equal(s, h->stream);
    h->stream = NULL;
    h->left++;
}

static inline void on_gone(void *arg, struct exchange *x)
{
    struct house *h = arg;

    if (h->open == x)
        h->open = NULL;
    h->gone++;
}

static inline void answer(struct exchange *x, const char *tag)
{
    http_answer(x, &(struct answer){.status = 200, .body = "well", .len = 4, .tag = tag});
}

static inline void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

static inline void on_request(void *arg, struct exchange *x)
{
    struct house *h = arg;
    size_t len;
    const char *body = exchange_body(x, &len);

    h->handled++;
    copy_text(h->peer, sizeof(h->peer), exchange_peer(x));
    copy_text(h->method, sizeof(h->method), exchange_method(x));
    copy_text(h->path, sizeof(h->path), exchange_path(x));
    copy_text(h->query, sizeof(h->query), exchange_query(x, "q"));
    copy_text(h->cookie, sizeof(h->cookie), exchange_cookie(x, "session"));
    h->has_query = exchange_query(x, "q") != NULL;
    snprintf(h->body, sizeof(h->body), "%.*s", (int)len, body ? body : "");
    if (h->streams)
        h->stream = http_stream(x, on_left, h);
    else if (h->waits)
        h->open = x;
    else
        answer(x, h->tag);
}

static inline struct http_settings house_settings(void)
{
    return (struct http_settings){.address = "127.0.0.1:0",
                                  .connections = CONNECTIONS,
                                  .connections_each = CONNECTIONS_EACH,
                                  .body_bytes = BODY_BYTES,
                                  .stream_bytes = STREAM_BYTES,
                                  .request_ms = REQUEST_MS,
                                  .answer_ms = ANSWER_MS,
                                  .handle = on_request,
                                  .gone = on_gone};
}

static inline void open_house_as(struct house *h, struct http_settings set)
{
    char err[200] = "";

    memset(h, 0, sizeof(*h));
    assert_int_equal(loop_create(&h->loop), ST_OK);
    set.loop = h->loop;
    set.arg = h;
    if (http_create(&h->http, &set, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
}

static inline void open_house_behind(struct house *h, const char *proxy)
{
    struct http_settings set = house_settings();

    set.proxy = proxy;
    open_house_as(h, set);
}

static inline void open_house(struct house *h)
{
    open_house_behind(h, NULL);
}

static inline void close_house(struct house *h)
{
    http_destroy(h->http);
    loop_destroy(h->loop);
}

/* --- a browser -------------------------------------------------------------------------------- */

struct browser {
    int fd;
    char said[300000];
    size_t len;
    bool ended;
};

/* From 127.0.0.`last`. */
static inline int connected_from(const struct house *h, unsigned last)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)http_port(h->http))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    from.sin_addr.s_addr = htonl((INADDR_LOOPBACK & ~0xffU) | last);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static inline void connect_to(struct browser *b, const struct house *h)
{
    memset(b, 0, sizeof(*b));
    b->fd = connected_from(h, 1);
}

static inline void say(struct browser *b, const char *text)
{
    assert_int_equal(send(b->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static inline void hear(struct browser *b)
{
    ssize_t n = recv(b->fd, b->said + b->len, sizeof(b->said) - 1 - b->len, MSG_DONTWAIT);

    if (n > 0)
        b->len += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        b->ended = true;
    b->said[b->len] = '\0';
}

/* Turns the loop until `condition`; 30 s at most. */
#define UNTIL(h, condition) WAIT_UNTIL(condition, 30, loop_turn((h)->loop, 10), "in vain")

static inline bool hears(struct browser *b, const char *text)
{
    hear(b);
    return strstr(b->said, text) != NULL;
}

static inline bool is_over(struct browser *b)
{
    hear(b);
    return b->ended;
}

static inline void answered(struct house *h, struct browser *b)
{
    b->len = 0;
    say(b, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(h, hears(b, "\r\n\r\nwell"));
}

#endif
