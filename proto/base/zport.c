/* zport - ZeroMQ sockets on the loop: reading, sending, life.
 *
 * A zport is a socket with its settings (zoption.c) on the hub (zhub.c), and its monitor
 * (zmonitor.c).
 *
 * What can go wrong on a send: the peer's queue is full (ST_FULL; a ROUTER cannot ask ZeroMQ which
 * peer has room again, POLLOUT is always set with ROUTER_MANDATORY, so `writable` comes from a
 * timer that backs off while sends go on failing), or the peer is gone (ST_NOTFOUND). */
#include "proto/base/zport_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/guard.h"
#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"
#include "proto/base/banned.h"

/* Messages per turn. One CURVE message of 1 KiB costs about 5 us to take, so a turn stays below
 * half a millisecond and timers punctual. An order of magnitude. */
#define BUDGET_DEFAULT 64
/* And whatever they cost: what is in a message is its sender's choice. Sixty-four Publish of seven
 * thousand items kept a turn for two seconds, and a commit that had long come was "late". */
#define TURN_US 5000
/* A full peer drains at the pace of its line. Ask soon, then less often; 80 ms of silence is
 * nothing to one who is behind, 12 questions a second are nothing to us. */
#define RETRY_LEAST_MS 5
#define RETRY_MOST_MS  80
/* An honest session has at most a window (1 MiB) under way, and the guard looks often enough that
 * an endless message on a fast line gets little further (RELIABILITY: peak 44 MiB, cut after 80
 * ms). */
#define GUARD_LIMIT_BYTES 2097152
#define GUARD_MS          20
#define CROWD_QUIET_US    10000000
/* Less than 64 connections left behind (4 MiB) is not worth a walk over the heap, some milliseconds
 * that nothing else is done in; so twice a second at most. */
#define CROWD_ENDED  64
#define GIVE_BACK_US 500000
#define DEALER_EVENTS                                                                              \
    (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |                \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |                      \
     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
#define ROUTER_EVENTS (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED)

enum status zport_status(int error)
{
    switch (error) {
    case EAGAIN:
        return ST_FULL;
    case EHOSTUNREACH:
        return ST_NOTFOUND;
    case EADDRINUSE:
        return ST_EXISTS;
    case EACCES:
        return ST_DENIED;
    case ENOMEM:
        return ST_NOMEM;
    case EINVAL:
    case ENODEV: /* the address is none of this machine's */
    case EADDRNOTAVAIL:
    case EPROTONOSUPPORT:
    case ENOCOMPATPROTO:
        return ST_INVALID;
    case ETERM:
    case ENOTSOCK:
        return ST_CLOSED;
    default:
        return ST_IO;
    }
}

void zport_enter(struct zport *p)
{
    p->calls++;
}

void zport_leave(struct zport *p)
{
    if (--p->calls == 0 && p->is_dead)
        mem_free(p);
}

static bool receive(struct zport *p, zmq_msg_t *part)
{
    int got;

    do {
        got = zmq_msg_recv(part, p->socket, ZMQ_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    return got >= 0;
}

/* What follows the first payload frame. A message is complete when it reaches us, so this ends. */
static void drain(struct zport *p)
{
    zmq_msg_t part;
    bool more = true;

    while (more) {
        zmq_msg_init(&part);
        more = receive(p, &part) && zmq_msg_more(&part);
        zmq_msg_close(&part);
    }
}

/* The name of the peer: ZMQ_ROUTING_ID frames longer than ours do not occur, agents set none. */
static bool receive_from(struct zport *p, struct zport_id *from)
{
    zmq_msg_t id;
    bool ok;

    from->len = 0;
    if (!p->is_router)
        return true;
    zmq_msg_init(&id);
    ok = receive(p, &id);
    if (ok && zmq_msg_size(&id) <= ZPORT_ID_MAX) {
        from->len = (uint8_t)zmq_msg_size(&id);
        memcpy(from->bytes, zmq_msg_data(&id), from->len);
    }
    zmq_msg_close(&id);
    return ok;
}

/* An authenticated name travels as metadata of the payload frame (4.3.4 loses it on the id frame).
 */
static void deliver(struct zport *p, const struct zport_id *from, zmq_msg_t *payload)
{
    bool is_broken = zmq_msg_more(payload) || (p->is_router && !from->len);
    struct zport_message m = {.from = *from, .fd = -1};

    m.user_id = p->is_router ? zmq_msg_gets(payload, "User-Id") : NULL;
    m.fd = zmq_msg_get(payload, ZMQ_SRCFD);
    m.data = zmq_msg_data(payload);
    m.len = zmq_msg_size(payload);
    if (p->guard) {
        guard_delivered(p->guard, m.fd, m.len, loop_now_us(p->ctx->loop));
        m.connection = guard_name(p->guard, m.fd);
    }
    if (zmq_msg_more(payload))
        drain(p);
    if (is_broken && p->events.broken)
        p->events.broken(p->events.arg, &m);
    else if (!is_broken)
        p->events.message(p->events.arg, &m);
}

static bool read_one(struct zport *p)
{
    struct zport_id from;
    zmq_msg_t payload;
    bool ok;

    if (!receive_from(p, &from))
        return false;
    zmq_msg_init(&payload);
    ok = receive(p, &payload);
    if (ok)
        deliver(p, &from, &payload);
    zmq_msg_close(&payload);
    return ok;
}

static void on_readable(void *arg)
{
    struct zport *p = arg;
    struct loop *l = p->ctx->loop;
    uint64_t end_us = loop_exact_us(l) + TURN_US;
    unsigned done = 0;

    zport_enter(p);
    while (!p->is_dead && !p->is_paused && done++ < p->budget)
        if (!read_one(p) || loop_exact_us(l) >= end_us)
            break;
    zport_leave(p);
}

static void tell_writable(struct zport *p)
{
    if (!p->is_blocked)
        return;
    p->is_blocked = false;
    zport_enter(p);
    p->events.writable(p->events.arg);
    if (!p->is_blocked)
        p->retry_ms = RETRY_LEAST_MS;
    zport_leave(p);
}

static void on_room(void *arg)
{
    tell_writable(arg);
}

static void on_retry(void *arg)
{
    tell_writable(arg);
}

static void await_room(struct zport *p)
{
    if (p->is_blocked || !p->events.writable)
        return;
    p->is_blocked = true;
    if (!p->is_router) {
        p->entry->wants_room = true;
        return;
    }
    loop_timer_start(p->retry, p->retry_ms, 0);
    if (p->retry_ms < RETRY_MOST_MS)
        p->retry_ms *= 2;
}

/* Thousands a second may come; a line in ten seconds says it. */
static void tell_crowd(struct zport *p)
{
    uint64_t now_us = loop_now_us(p->ctx->loop);

    p->crowded += guard_crowded(p->guard);
    if (!p->crowded || now_us < p->crowd_quiet_until_us)
        return;
    log_warn("zport.crowd.cut", "connections=%u next=\"silent ones go first\"", p->crowded);
    p->crowded = 0;
    p->crowd_quiet_until_us = now_us + CROWD_QUIET_US;
}

/* A crowd that left took up to 60 KiB each, in pieces all over the heap: without this the next
 * crowd came on top of it (measured: 285 MiB after three of them, see tests/fault/attack_test). */
static void give_back_memory(struct zport *p)
{
    uint64_t now_us = loop_now_us(p->ctx->loop);

    p->ended += guard_ended(p->guard);
    if (p->ended < CROWD_ENDED || now_us < p->give_back_us)
        return;
    p->ended = 0;
    p->give_back_us = now_us + GIVE_BACK_US;
    mem_give_back();
}

/* Paused, nothing is delivered by our own choice: nobody is to blame. */
static void on_guard_timer(void *arg)
{
    struct zport *p = arg;
    unsigned cut;

    tell_crowd(p);
    give_back_memory(p);
    if (p->is_paused)
        return;
    zhub_look(p->entry);
    zctx_touch(p->entry);
    cut = guard_check(p->guard, loop_now_us(p->ctx->loop), !p->entry->can_read);
    if (cut)
        log_warn("zport.endless.cut", "connections=%u undelivered_bytes_above=%d", cut,
                 GUARD_LIMIT_BYTES);
}

static enum status open_endpoint(struct zport *p, const struct zport_settings *set)
{
    size_t size = sizeof(p->endpoint);

    if (set->bind ? zmq_bind(p->socket, set->endpoint) : zmq_connect(p->socket, set->endpoint))
        return zport_status(errno);
    if (!set->bind)
        snprintf(p->endpoint, sizeof(p->endpoint), "%s", set->endpoint);
    else if (zmq_getsockopt(p->socket, ZMQ_LAST_ENDPOINT, p->endpoint, &size) != 0)
        return zport_status(errno);
    return ST_OK;
}

static enum status open_socket(struct zport *p, const struct zport_settings *set)
{
    p->socket = zmq_socket(p->ctx->context, set->bind ? ZMQ_ROUTER : ZMQ_DEALER);
    if (!p->socket)
        return zport_status(errno);
    if (!zoption_set(p->socket, set))
        return zport_status(errno);
    return ST_OK;
}

/* Whatever was made so far, in reverse; p itself stays. */
static void close_all(struct zport *p)
{
    loop_timer_destroy(p->retry);
    loop_timer_destroy(p->guard_timer);
    guard_destroy(p->guard);
    p->retry = p->guard_timer = NULL;
    p->guard = NULL;
    if (p->socket)
        zmonitor_close(p);
    zctx_unwatch(p->entry);
    p->entry = NULL;
    if (p->socket)
        zmq_close(p->socket);
    p->socket = NULL;
}

static enum status equip_router(struct zport *p, const struct zport_settings *set)
{
    enum status st = loop_timer_create(&p->retry, p->ctx->loop, on_retry, p);

    if (st == ST_OK)
        st = guard_create(&p->guard, GUARD_LIMIT_BYTES, set->connections_most);
    if (st == ST_OK)
        st = loop_timer_create(&p->guard_timer, p->ctx->loop, on_guard_timer, p);
    if (st == ST_OK)
        st = zmonitor_open(p, ROUTER_EVENTS);
    if (st == ST_OK)
        loop_timer_start(p->guard_timer, GUARD_MS, GUARD_MS);
    return st;
}

static enum status open_all(struct zport *p, const struct zport_settings *set)
{
    enum status st = open_socket(p, set);

    if (st == ST_OK)
        st = zctx_watch(&p->entry, p->ctx, p->socket, on_readable, p);
    if (st == ST_OK)
        st = p->is_router ? equip_router(p, set) : zmonitor_open(p, DEALER_EVENTS);
    if (st == ST_OK)
        st = open_endpoint(p, set);
    return st;
}

enum status zport_create(struct zport **out, struct zctx *z, const struct zport_settings *set,
                         const struct zport_events *events)
{
    struct zport *p = mem_zalloc(sizeof(*p));
    enum status st;

    if (!p)
        return ST_NOMEM;
    p->ctx = z;
    p->events = *events;
    p->is_router = set->bind;
    p->budget = set->budget ? set->budget : BUDGET_DEFAULT;
    p->retry_ms = RETRY_LEAST_MS;
    p->rto_most_ms = set->rto_most_ms;
    st = open_all(p, set);
    if (st != ST_OK) {
        int error = errno;

        close_all(p);
        mem_free(p);
        errno = error;
        return st;
    }
    p->entry->room = on_room;
    *out = p;
    return ST_OK;
}

void zport_destroy(struct zport *p)
{
    if (!p)
        return;
    close_all(p);
    p->is_dead = true;
    if (!p->calls)
        mem_free(p);
}

const char *zport_endpoint(const struct zport *p)
{
    return p->endpoint;
}

bool zport_hang_up(struct zport *p, int fd, uint64_t connection, bool only_unread)
{
    return p->guard && guard_hang_up(p->guard, fd, connection, only_unread);
}

/* Options hold for what is bound after them (zmq_setsockopt(3)): the first listener keeps its key.
 */
enum status zport_listen_also(struct zport *p, const char *endpoint, const char *secret_z85)
{
    if (strlen(secret_z85) != 40 ||
        zmq_setsockopt(p->socket, ZMQ_CURVE_SECRETKEY, secret_z85, 41) != 0)
        return ST_INVALID;
    return zmq_bind(p->socket, endpoint) == 0 ? ST_OK : zport_status(errno);
}

void zport_pause(struct zport *p, bool paused)
{
    p->is_paused = paused;
    p->entry->is_muted = paused;
    zctx_touch(p->entry);
}

static bool send_part(struct zport *p, zmq_msg_t *part, int flags)
{
    int sent;

    do {
        sent = zmq_msg_send(part, p->socket, flags | ZMQ_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

/* ZeroMQ looks into its mailbox at most once a millisecond while it sends, so EAGAIN may be old
 * news: a peer that just read, a link that just came up. Look, then try once more. */
static bool send_first(struct zport *p, zmq_msg_t *part, int flags)
{
    if (send_part(p, part, flags))
        return true;
    if (errno != EAGAIN)
        return false;
    zhub_look(p->entry);
    return send_part(p, part, flags);
}

static enum status send_frames(struct zport *p, const struct zport_id *to, zmq_msg_t *payload)
{
    zmq_msg_t id;
    bool ok;

    if (!p->is_router)
        return send_first(p, payload, 0) ? ST_OK : zport_status(errno);
    if (zmq_msg_init_size(&id, to->len) != 0)
        return ST_NOMEM;
    memcpy(zmq_msg_data(&id), to->bytes, to->len);
    ok = send_first(p, &id, ZMQ_SNDMORE);
    if (!ok) {
        int error = errno;

        zmq_msg_close(&id);
        return zport_status(error);
    }
    /* The id frame went through, so this one does: a peer that vanished meanwhile swallows it. */
    return send_part(p, payload, 0) ? ST_OK : zport_status(errno);
}

enum status zport_send(struct zport *p, const struct zport_id *to, const void *data, size_t len)
{
    zmq_msg_t payload;
    enum status st;

    if (zmq_msg_init_size(&payload, len) != 0)
        return ST_NOMEM;
    if (len)
        memcpy(zmq_msg_data(&payload), data, len);
    st = send_frames(p, to, &payload);
    if (st != ST_OK)
        zmq_msg_close(&payload);
    if (st == ST_FULL)
        await_room(p);
    zctx_touch(p->entry);
    return st;
}
