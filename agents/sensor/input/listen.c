/* listen - see listen.h.
 *
 * One commit answers everybody: the batch is the gateway's, not a connection's. It happens when a
 * message was made in this read, when a connection asks (flush) or has 256 lines waiting, and when
 * batch.period has passed since the first line that waits. */
#include "agents/sensor/input/listen.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agents/sensor/input/address.h"
#include "proto/base/list.h"

#include "proto/base/banned.h"

enum { READ_BYTES = 4096, WAITING_LINES = 256 };

struct listener {
    struct loop *loop;
    struct intake *intake;
    struct intake_waiter waiter;
    struct sources *from;
    int fd;
    struct loop_poll *poll;
    struct loop_timer *timer;
    struct list peers;
    unsigned count, most, period_ms, port;
    bool armed; /* the timer runs */
};

struct peer {
    struct list link;
    struct listener *listener;
    int fd;
    struct loop_poll *poll;
    char line[SAMPLE_LINE_BYTES + 2];
    size_t len;
    bool too_long; /* skipping to the end of a line */
    uint64_t lines, waiting[WAITING_LINES];
    size_t waiting_count;
    struct buf out;
    bool ended;  /* the other side said all it will say */
    bool doomed; /* goes with the next sweep: never freed while somebody walks the list */
};

/* --- answers ---------------------------------------------------------------------------------- */

static void destroy_peer(struct peer *p)
{
    loop_poll_destroy(p->poll);
    close(p->fd);
    list_remove(&p->link);
    p->listener->count--;
    buf_free(&p->out);
    mem_free(p);
}

static void sweep(struct listener *l)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &l->peers) {
        struct peer *p = container_of(pos, struct peer, link);

        if (p->doomed)
            destroy_peer(p);
    }
}

static void send_answers(struct peer *p)
{
    ssize_t n = 0;

    if (p->out.len)
        n = send(p->fd, p->out.data, p->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        n = 0;
    if (n < 0 || p->out.failed) {
        p->doomed = true;
        return;
    }
    if (n > 0) {
        memmove(p->out.data, p->out.data + n, p->out.len - (size_t)n);
        p->out.len -= (size_t)n;
    }
    if (p->ended && !p->out.len && !p->waiting_count)
        p->doomed = true;
    /* Who does not read its answers is not read from: what one read can answer is the bound. */
    loop_poll_set(p->poll, p->out.len ? LOOP_WRITE : p->ended ? 0 : LOOP_READ);
}

static void answer_waiting(struct peer *p, const char *why)
{
    for (size_t i = 0; i < p->waiting_count; i++) {
        if (!why)
            buf_printf(&p->out, "ok %" PRIu64 "\n", p->waiting[i]);
        else
            buf_printf(&p->out, "error %" PRIu64 ": %s\n", p->waiting[i], why);
    }
    p->waiting_count = 0;
}

static void on_settled(void *arg, const char *why)
{
    struct listener *l = arg;
    struct list *pos;

    loop_timer_stop(l->timer);
    l->armed = false;
    list_each(pos, &l->peers) {
        struct peer *p = container_of(pos, struct peer, link);

        answer_waiting(p, why);
        send_answers(p);
    }
}

static void commit(struct listener *l)
{
    char why[INTAKE_ANSWER_BYTES];

    /* on_settled answers, whatever came of it. */
    (void)!intake_commit(l->intake, why);
}

static void on_period(void *arg)
{
    commit(arg);
    sweep(arg);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void take_line(struct peer *p)
{
    struct intake *intake = p->listener->intake;
    int64_t now_us = loop_utc_us(p->listener->loop);
    char why[SAMPLE_ANSWER_BYTES];
    enum sample_line answer;
    struct sample s;
    unsigned stream;

    p->lines++;
    if (p->too_long) {
        buf_printf(&p->out, "error %" PRIu64 ": a line has at most %d bytes\n", p->lines,
                   SAMPLE_LINE_BYTES);
        return;
    }
    answer = sample_line_read(intake_station(intake), p->line, p->len, now_us, &stream, &s, why);
    if (answer == LINE_BAD)
        buf_printf(&p->out, "error %" PRIu64 ": %s\n", p->lines, why);
    if (answer == LINE_SAMPLE) {
        intake_sample(intake, stream, &s, now_us);
        p->waiting[p->waiting_count++] = p->lines;
    }
    if (answer == LINE_FLUSH)
        intake_flush(intake, now_us); /* asked for: on the bus soon, too */
    else if (p->waiting_count == WAITING_LINES)
        commit(p->listener);
}

static void take_bytes(struct peer *p, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n && !p->doomed; i++) {
        if (bytes[i] != '\n') {
            if (p->len == sizeof(p->line))
                p->too_long = true;
            else
                p->line[p->len++] = bytes[i];
            continue;
        }
        take_line(p);
        p->len = 0;
        p->too_long = false;
    }
}

static void read_bytes(struct peer *p)
{
    char bytes[READ_BYTES];
    ssize_t n = recv(p->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (n > 0) {
        take_bytes(p, bytes, (size_t)n);
    } else if (n == 0) {
        /* A line without its end may be half a number: it is not taken. */
        p->ended = true;
        if (p->waiting_count)
            commit(p->listener);
    } else if (errno != EAGAIN && errno != EINTR) {
        p->doomed = true;
    }
}

static void on_peer(void *arg, int events)
{
    struct peer *p = arg;
    struct listener *l = p->listener;

    if (events & LOOP_READ)
        read_bytes(p);
    if (intake_is_due(l->intake))
        commit(l);
    else if (intake_pending(l->intake) && !l->armed)
        loop_timer_start(l->timer, l->period_ms, 0);
    l->armed = intake_pending(l->intake) > 0;
    if (!p->doomed)
        send_answers(p);
    sweep(l);
}

/* --- connections ------------------------------------------------------------------------------ */

static void refuse_peer(int fd, const char *why)
{
    (void)!send(fd, why, strlen(why), MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static enum status add_peer(struct listener *l, int fd)
{
    struct peer *p = mem_zalloc(sizeof(*p));

    if (!p)
        return ST_NOMEM;
    if (loop_poll_create(&p->poll, l->loop, fd, on_peer, p) != ST_OK) {
        mem_free(p);
        return ST_NOMEM;
    }
    p->listener = l;
    p->fd = fd;
    list_add_tail(&l->peers, &p->link);
    l->count++;
    loop_poll_set(p->poll, LOOP_READ);
    return ST_OK;
}

/* A logger whose power failed says no goodbye: without this its place would be taken for ever. */
static void notice_death(int fd)
{
    const int on = 1, idle_s = 60, between_s = 10, tries = 3;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between_s, sizeof(between_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof(tries));
}

static void on_accept(void *arg, int events)
{
    struct listener *l = arg;
    struct sockaddr_storage from;
    socklen_t from_len = sizeof(from);
    int fd = accept4(l->fd, (struct sockaddr *)&from, &from_len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd < 0)
        return;
    notice_death(fd);
    if (l->from && !sources_allow(l->from, &from, loop_utc_us(l->loop)))
        refuse_peer(fd, "error 0: the setting listen.from does not name your address\n");
    else if (l->count >= l->most || add_peer(l, fd) != ST_OK)
        refuse_peer(fd, "error 0: too many connections, try again later\n");
}

/* --- the door --------------------------------------------------------------------------------- */

enum status listener_create(struct listener **out, const struct listener_settings *set, char *err,
                            size_t err_size)
{
    struct listener *l = mem_zalloc(sizeof(*l));
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!l)
        return ST_NOMEM;
    l->loop = set->loop;
    l->intake = set->intake;
    l->from = set->from;
    l->most = set->connections;
    l->period_ms = set->period_ms;
    l->fd = -1;
    list_init(&l->peers);
    st = loop_timer_create(&l->timer, l->loop, on_period, l);
    if (st == ST_OK)
        st = address_bind(&l->fd, &l->port, SOCK_STREAM, "listen", set->address, err, err_size);
    if (st == ST_OK)
        st = loop_poll_create(&l->poll, l->loop, l->fd, on_accept, l);
    if (st != ST_OK) {
        listener_destroy(l);
        return st;
    }
    l->waiter = (struct intake_waiter){.settled = on_settled, .arg = l};
    intake_wait(l->intake, &l->waiter);
    loop_poll_set(l->poll, LOOP_READ);
    *out = l;
    return ST_OK;
}

void listener_destroy(struct listener *l)
{
    struct list *pos, *next;

    if (!l)
        return;
    if (l->waiter.settled && intake_pending(l->intake))
        commit(l);
    list_each_safe(pos, next, &l->peers)
        destroy_peer(container_of(pos, struct peer, link));
    if (l->waiter.settled)
        intake_unwait(&l->waiter);
    loop_poll_destroy(l->poll);
    loop_timer_destroy(l->timer);
    if (l->fd >= 0)
        close(l->fd);
    mem_free(l);
}

unsigned listener_port(const struct listener *l)
{
    return l->port;
}
