/* http - the server and its turns. See http.h. */
#include <errno.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agents/web/http_parts.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

enum { WATCH_MS = 1000, COMMENT_EVERY = 15, HEADER_BYTES = 32768, IDLE_S = 120 };
enum { LEAVING = 64 }; /* connections that were put out and are not closed yet */

static const char tls_priorities[] = "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA";

/* --- turns --------------------------------------------------------------------------------------
 */

static void plan_turn(struct http *h)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (MHD_get_timeout(h->daemon, &ms) == MHD_YES)
        loop_timer_start(h->due, ms > 60000 ? 60000 : (unsigned)ms, 0);
    else
        loop_timer_stop(h->due);
}

static void turn(struct http *h)
{
    MHD_run(h->daemon);
    plan_turn(h);
}

static void on_ready(void *arg, int events)
{
    (void)events;
    turn(arg);
}

static void on_due(void *arg)
{
    turn(arg);
}

void http_soon(struct http *h)
{
    if (!h->ending)
        loop_timer_start(h->due, 0, 0);
}

uint64_t caller_received(const struct caller *c)
{
    struct tcp_info about = {.tcpi_state = 0};
    socklen_t len = sizeof(about);

    return getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &about, &len) == 0 ? about.tcpi_bytes_received
                                                                       : 0;
}

/* Bytes that drip, either way, keep libmicrohttpd's own clock from ringing: the whole request has a
 * time, and so has the answer. */
static bool is_slow(const struct http *h, const struct caller *c, uint64_t now)
{
    return (c->since_us && now - c->since_us >= h->set.request_ms * UINT64_C(1000)) ||
           (c->answered_us && now - c->answered_us >= h->set.answer_ms * UINT64_C(1000));
}

static void cut_slow(struct http *h)
{
    uint64_t now = loop_now_us(h->set.loop);
    struct list *pos;

    list_each(pos, &h->callers) {
        struct caller *c = container_of(pos, struct caller, link);

        /* Nobody tells when the first byte of the next request comes. */
        if (!c->since_us && !c->busy && caller_received(c) > c->received)
            c->since_us = now;
        if (!is_slow(h, c, now))
            continue;
        c->since_us = c->answered_us = 0;
        shutdown(c->fd, SHUT_RDWR);
    }
}

static void on_watch(void *arg)
{
    struct http *h = arg;

    cut_slow(h);
    /* At the limit of connections libmicrohttpd leaves its listening socket alone; it takes it back
     * in a turn after others left, and asks for none. */
    http_soon(h);
    if (++h->watches % COMMENT_EVERY == 0)
        stream_comment_all(h);
}

/* --- who is connected ---------------------------------------------------------------------------
 */

static void on_connection(void *arg, struct MHD_Connection *connection, void **mine,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http *h = arg;
    struct caller *c = *mine;
    const union MHD_ConnectionInfo *info;
    char peer[64];

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (c)
            list_remove(&c->link);
        mem_free(c);
        *mine = NULL;
        return;
    }
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    c = mem_zalloc(sizeof(*c));
    if (!c || !info) {
        mem_free(c);
        return;
    }
    c->fd = info->connect_fd;
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    peer_text(peer, info ? info->client_addr : NULL);
    network_of(c->network, peer);
    c->since_us = loop_now_us(h->set.loop);
    list_add_tail(&h->callers, &c->link);
    *mine = c;
}

/* --- starting and ending ------------------------------------------------------------------------
 */

static void on_words(void *arg, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static void on_words(void *arg, const char *format, va_list args)
{
    char text[300];

    (void)arg;
    vsnprintf(text, sizeof(text), format, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("web.library", "says=\"%s\"", text);
}

/* "127.0.0.1:8480" -> "127.0.0.1", "8480"; "[::1]:8480" -> "::1", "8480" */
static bool split_address(const char *text, char host[64], char port[8])
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;

    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (!colon || !len || len >= 64 || strlen(colon + 1) >= 8)
        return false;
    snprintf(host, 64, "%.*s", (int)len, text);
    snprintf(port, 8, "%s", colon + 1);
    return true;
}

static int listen_at(const struct addrinfo *at)
{
    int on = 1, fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, 256) == 0)
        return fd;
    on = errno;
    close(fd);
    errno = on;
    return -1;
}

static unsigned port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at = {.v6 = {0}};
    socklen_t len = sizeof(at);

    if (getsockname(fd, &at.any, &len) != 0)
        return 0;
    return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

static enum status open_door(struct http *h, int *fd, char *err, size_t err_size)
{
    const struct addrinfo want = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                  .ai_socktype = SOCK_STREAM};
    struct addrinfo *at = NULL;
    char host[64], port[8];

    if (!split_address(h->set.address, host, port) || getaddrinfo(host, port, &want, &at) != 0) {
        snprintf(err, err_size, "%s is no address; legal are 127.0.0.1:8480 and [::1]:8480",
                 h->set.address);
        return ST_INVALID;
    }
    *fd = listen_at(at);
    freeaddrinfo(at);
    if (*fd >= 0) {
        h->port = port_of(*fd);
        return ST_OK;
    }
    snprintf(err, err_size, "cannot listen at %s: %s", h->set.address, strerror(errno));
    return errno == EADDRINUSE ? ST_EXISTS : ST_IO;
}

static enum status start_daemon(struct http *h, int fd, char *err, size_t err_size)
{
    const bool tls = h->set.cert_pem && h->set.key_pem;
    const unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0);
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)h->set.connections + LEAVING, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADER_BYTES, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, (void *)(uintptr_t)h->set.cert_pem},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)h->set.key_pem},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_priorities},
        {MHD_OPTION_END, 0, NULL},
    };

    h->daemon = MHD_start_daemon(
        flags, 0, border_accept, h, exchange_step, h, MHD_OPTION_EXTERNAL_LOGGER, on_words, h,
        MHD_OPTION_URI_LOG_CALLBACK, exchange_begun, h, MHD_OPTION_NOTIFY_COMPLETED, exchange_ended,
        h, MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_ARRAY, options,
        MHD_OPTION_END);
    if (h->daemon)
        return ST_OK;
    close(fd);
    snprintf(err, err_size, "%s",
             tls ? "the web server does not start: the certificate or its key does not hold"
                 : "the web server does not start");
    return tls ? ST_INVALID : ST_IO;
}

static enum status watch_daemon(struct http *h)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    enum status st = info ? ST_OK : ST_IO;

    if (st == ST_OK)
        st = loop_timer_create(&h->due, h->set.loop, on_due, h);
    if (st == ST_OK)
        st = loop_timer_create(&h->watch, h->set.loop, on_watch, h);
    if (st == ST_OK)
        st = loop_poll_create(&h->poll, h->set.loop, info->epoll_fd, on_ready, h);
    if (st != ST_OK)
        return st;
    loop_poll_set(h->poll, LOOP_READ);
    loop_timer_start(h->watch, WATCH_MS, WATCH_MS);
    plan_turn(h);
    return ST_OK;
}

enum status http_create(struct http **out, const struct http_settings *set, char *err,
                        size_t err_size)
{
    struct http *h = mem_zalloc(sizeof(*h));
    enum status st;
    int fd = -1;

    snprintf(err, err_size, "out of memory");
    if (!h)
        return ST_NOMEM;
    h->set = *set;
    list_init(&h->exchanges);
    list_init(&h->streams);
    list_init(&h->callers);
    st = open_door(h, &fd, err, err_size);
    if (st == ST_OK)
        st = start_daemon(h, fd, err, err_size);
    if (st == ST_OK)
        st = watch_daemon(h);
    if (st != ST_OK) {
        http_destroy(h);
        return st;
    }
    *out = h;
    return ST_OK;
}

/* libmicrohttpd wants everybody awake before it ends. */
static void wake_all(struct http *h)
{
    struct list *pos;

    list_each(pos, &h->exchanges) {
        struct exchange *x = container_of(pos, struct exchange, link);

        if (x->asleep)
            MHD_resume_connection(x->connection);
        x->asleep = false;
    }
    list_each(pos, &h->streams) {
        struct stream *s = container_of(pos, struct stream, link);

        s->over = true;
        if (s->asleep)
            MHD_resume_connection(s->x->connection);
        s->asleep = false;
    }
}

void http_destroy(struct http *h)
{
    if (!h)
        return;
    h->ending = true;
    loop_poll_destroy(h->poll);
    loop_timer_destroy(h->due);
    loop_timer_destroy(h->watch);
    if (h->daemon) {
        wake_all(h);
        MHD_run(h->daemon);
        MHD_stop_daemon(h->daemon);
    }
    mem_free(h);
}

unsigned http_port(const struct http *h)
{
    return h->port;
}
