/* zport - ZeroMQ sockets on the loop.
 *
 * The hub. The descriptor of a ZeroMQ socket is edge-triggered and says only "look at ZMQ_EVENTS";
 * every send, receive and option may swallow the edge. So nothing is read when the descriptor
 * fires: it marks the socket dirty, and so does every use of it. Before each wait the hub re-reads
 * ZMQ_EVENTS of the dirty sockets and forbids the wait when one of them has work; after the wait it
 * calls the owners, each with a budget, and marks them dirty again. A socket is therefore never
 * left alone before it said "nothing" after its last use.
 *
 * A zport is a socket with its settings on the hub. A DEALER also watches its own monitor, because
 * nothing else tells that the handshake is done, or why it failed. A ROUTER learns from its monitor
 * which descriptors it accepted, for the guard (proto/base/guard.h) that cuts endless messages.
 *
 * What can go wrong on a send: the peer's queue is full (ST_FULL; a ROUTER cannot ask ZeroMQ which
 * peer has room again, POLLOUT is always set with ROUTER_MANDATORY, so `writable` comes from a
 * timer that backs off while sends go on failing), or the peer is gone (ST_NOTFOUND). */
#include "proto/base/zport.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "proto/base/guard.h"
#include "proto/base/list.h"
#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

/* Messages per turn. One CURVE message of 1 KiB costs about 5 us to take, so a turn stays below
 * half a millisecond and timers punctual. An order of magnitude. */
#define BUDGET_DEFAULT 64
/* Connections waiting for accept: every district office may come back in the same second. */
#define BACKLOG_DEFAULT 4096
/* For settings left 0, which ZeroMQ would take for "no limit" and "at once". */
#define HIGH_WATER_DEFAULT   1000
#define RECONNECT_DEFAULT_MS 250
/* A full peer drains at the pace of its line. Ask soon, then less often; 80 ms of silence is
 * nothing to one who is behind, 12 questions a second are nothing to us. */
#define RETRY_LEAST_MS 5
#define RETRY_MOST_MS  80
/* An honest session has at most a window (1 MiB) under way, and the guard looks often enough that
 * an endless message on a fast line gets little further (RELIABILITY: peak 44 MiB, cut after 80
 * ms). */
#define GUARD_LIMIT_BYTES 2097152
#define GUARD_MS          20

struct zctx {
    struct loop *loop; /* borrowed, outlives us */
    void *context;
    struct loop_hook *hook;
    struct list entries;
    bool is_calling;
    unsigned monitors; /* ever made; names them */
};

struct zhub_entry {
    struct list link;
    struct zctx *ctx; /* borrowed, outlives us */
    void *socket;     /* borrowed, outlives us; NULL = unwatched */
    struct loop_poll *poll;
    void (*ready)(void *arg);
    void (*room)(void *arg); /* POLLOUT, while wants_room */
    void *arg;
    bool is_dirty, is_muted, wants_room;
    bool can_read, can_write; /* as of the last look */
};

struct zport {
    struct zctx *ctx; /* borrowed, outlives us */
    void *socket;
    struct zhub_entry *entry;
    void *monitor_socket;
    struct zhub_entry *monitor;
    struct loop_timer *retry; /* ROUTER: when to say writable */
    struct guard *guard;      /* ROUTER */
    struct loop_timer *guard_timer;
    struct zport_events events;
    unsigned budget, retry_ms;
    bool is_router, is_linked, is_paused;
    bool is_blocked; /* a send answered ST_FULL and `writable` is owed */
    unsigned calls;  /* of ours that are under way; the block lives until the last returns */
    bool is_dead;
    char endpoint[256];
};

static enum status status_of_zmq(int error)
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

/* --- the hub -----------------------------------------------------------------------------------
 */

/* Reading ZMQ_EVENTS is what makes ZeroMQ look into its mailbox. */
static void look_at(struct zhub_entry *e)
{
    int events = 0;
    size_t size = sizeof(events);

    e->is_dirty = false;
    while (zmq_getsockopt(e->socket, ZMQ_EVENTS, &events, &size) != 0)
        if (errno != EINTR) {
            events = 0;
            break;
        }
    e->can_read = events & ZMQ_POLLIN;
    e->can_write = events & ZMQ_POLLOUT;
}

static bool has_work(const struct zhub_entry *e)
{
    return (e->can_read && !e->is_muted) || (e->can_write && e->wants_room);
}

static int look_before_wait(void *arg)
{
    struct zctx *z = arg;
    struct list *pos;
    int any = 0;

    list_each(pos, &z->entries) {
        struct zhub_entry *e = container_of(pos, struct zhub_entry, link);

        if (e->socket && e->is_dirty)
            look_at(e);
        if (e->socket && has_work(e))
            any = 1;
    }
    return any;
}

static void free_unwatched(struct zctx *z)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &z->entries) {
        struct zhub_entry *e = container_of(pos, struct zhub_entry, link);

        if (e->socket)
            continue;
        list_remove(&e->link);
        mem_free(e);
    }
}

static void serve(struct zhub_entry *e)
{
    if (e->is_dirty)
        look_at(e); /* spares a turn when the descriptor fired during this wait */
    if (!has_work(e))
        return;
    e->is_dirty = true;
    if (e->can_write && e->wants_room) {
        e->wants_room = false;
        e->room(e->arg);
    }
    if (e->socket && e->can_read && !e->is_muted)
        e->ready(e->arg);
}

static void serve_after_wait(void *arg)
{
    struct zctx *z = arg;
    struct list *pos;

    z->is_calling = true;
    list_each(pos, &z->entries) {
        struct zhub_entry *e = container_of(pos, struct zhub_entry, link);

        if (e->socket)
            serve(e);
    }
    z->is_calling = false;
    free_unwatched(z);
}

enum status zctx_create(struct zctx **out, struct loop *l)
{
    struct zctx *z = mem_zalloc(sizeof(*z));
    enum status st;

    if (!z)
        return ST_NOMEM;
    z->loop = l;
    list_init(&z->entries);
    z->context = zmq_ctx_new();
    if (!z->context) {
        st = ST_IO;
        goto fail_ctx;
    }
    zmq_ctx_set(z->context, ZMQ_BLOCKY, 0); /* sockets linger 0 unless they say otherwise */
    st = loop_hook_create(&z->hook, l, look_before_wait, serve_after_wait, z);
    if (st != ST_OK)
        goto fail_context;
    *out = z;
    return ST_OK;

fail_context:
    zmq_ctx_term(z->context);
fail_ctx:
    mem_free(z);
    return st;
}

void zctx_destroy(struct zctx *z)
{
    if (!z)
        return;
    assert(!z->is_calling);
    assert(list_empty(&z->entries));
    loop_hook_destroy(z->hook);
    while (zmq_ctx_term(z->context) != 0 && errno == EINTR)
        ;
    mem_free(z);
}

void *zctx_context(struct zctx *z)
{
    return z->context;
}

static void on_descriptor(void *arg, int events)
{
    struct zhub_entry *e = arg;

    (void)events;
    e->is_dirty = true;
}

enum status zctx_watch(struct zhub_entry **out, struct zctx *z, void *socket,
                       void (*ready)(void *arg), void *arg)
{
    struct zhub_entry *e;
    int fd = -1;
    size_t size = sizeof(fd);
    enum status st;

    if (zmq_getsockopt(socket, ZMQ_FD, &fd, &size) != 0)
        return status_of_zmq(errno);
    e = mem_zalloc(sizeof(*e));
    if (!e)
        return ST_NOMEM;
    e->ctx = z;
    e->socket = socket;
    e->ready = ready;
    e->arg = arg;
    e->is_dirty = true;
    st = loop_poll_create(&e->poll, z->loop, fd, on_descriptor, e);
    if (st != ST_OK) {
        mem_free(e);
        return st;
    }
    loop_poll_set(e->poll, LOOP_READ);
    list_add_tail(&z->entries, &e->link);
    *out = e;
    return ST_OK;
}

void zctx_touch(struct zhub_entry *e)
{
    e->is_dirty = true;
}

void zctx_unwatch(struct zhub_entry *e)
{
    struct zctx *z;

    if (!e)
        return;
    z = e->ctx;
    loop_poll_destroy(e->poll);
    e->socket = NULL;
    if (!z->is_calling)
        free_unwatched(z);
}

/* --- settings to options -----------------------------------------------------------------------
 */

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0;
}

static int or_else(int value, int if_zero)
{
    return value ? value : if_zero;
}

static bool set_key(void *socket, int option, const char *z85)
{
    if (z85 && strlen(z85) == 40)
        return zmq_setsockopt(socket, option, z85, 41) == 0;
    errno = EINVAL;
    return false;
}

/* Only where the endpoint asks for it: a name looked up with IPV6 on answers ::1 for "localhost",
 * where a broker on 127.0.0.1 does not listen. */
static bool wants_ipv6(const char *endpoint)
{
    return strchr(endpoint, '[') || strncmp(endpoint, "tcp://*:", 8) == 0;
}

static bool set_common(void *s, const struct zport_settings *set)
{
    int64_t max_frame = set->max_frame_bytes ? (int64_t)set->max_frame_bytes : -1;

    return set_int(s, ZMQ_LINGER, 0) &&
           zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max_frame, sizeof(max_frame)) == 0 &&
           set_int(s, ZMQ_SNDHWM, or_else(set->send_high_water, HIGH_WATER_DEFAULT)) &&
           set_int(s, ZMQ_RCVHWM, or_else(set->receive_high_water, HIGH_WATER_DEFAULT)) &&
           set_int(s, ZMQ_HANDSHAKE_IVL, (int)set->handshake_ms) &&
           set_int(s, ZMQ_HEARTBEAT_IVL, (int)set->heartbeat_ms) &&
           set_int(s, ZMQ_HEARTBEAT_TIMEOUT, (int)set->heartbeat_timeout_ms) &&
           set_int(s, ZMQ_HEARTBEAT_TTL, (int)set->heartbeat_timeout_ms) &&
           set_int(s, ZMQ_IPV6, wants_ipv6(set->endpoint)) &&
           set_key(s, ZMQ_CURVE_SECRETKEY, set->secret_z85);
}

static bool set_router(void *s, const struct zport_settings *set)
{
    return set_int(s, ZMQ_ROUTER_MANDATORY, 1) &&
           set_int(s, ZMQ_BACKLOG, or_else(set->backlog, BACKLOG_DEFAULT)) &&
           set_int(s, ZMQ_CURVE_SERVER, 1) &&
           zmq_setsockopt(s, ZMQ_ZAP_DOMAIN, "eocbus", strlen("eocbus")) == 0;
}

/* IMMEDIATE: nothing is queued for a broker we are not linked to, and what was queued when the link
 * broke is dropped. The outbox sends it again; a stale frame ahead of Hello would break the
 * session. */
static bool set_dealer(void *s, const struct zport_settings *set)
{
    return set_int(s, ZMQ_IMMEDIATE, 1) &&
           set_int(s, ZMQ_RECONNECT_IVL, or_else((int)set->reconnect_ms, RECONNECT_DEFAULT_MS)) &&
           set_int(s, ZMQ_RECONNECT_IVL_MAX, (int)set->reconnect_max_ms) &&
           set_key(s, ZMQ_CURVE_PUBLICKEY, set->public_z85) &&
           set_key(s, ZMQ_CURVE_SERVERKEY, set->server_z85);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static void enter(struct zport *p)
{
    p->calls++;
}

static void leave(struct zport *p)
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
    if (p->guard)
        guard_delivered(p->guard, m.fd, m.len, loop_now_us(p->ctx->loop));
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
    unsigned done = 0;

    enter(p);
    while (!p->is_dead && !p->is_paused && done++ < p->budget)
        if (!read_one(p))
            break;
    leave(p);
}

/* --- writable ----------------------------------------------------------------------------------
 */

static void tell_writable(struct zport *p)
{
    if (!p->is_blocked)
        return;
    p->is_blocked = false;
    enter(p);
    p->events.writable(p->events.arg);
    if (!p->is_blocked)
        p->retry_ms = RETRY_LEAST_MS;
    leave(p);
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

/* --- the guard of a ROUTER ---------------------------------------------------------------------
 */

static void on_router_event(struct zport *p, unsigned event, unsigned value)
{
    if (event == ZMQ_EVENT_ACCEPTED)
        guard_add(p->guard, (int)value, loop_now_us(p->ctx->loop));
    else
        guard_remove(p->guard, (int)value);
}

/* Paused, nothing is delivered by our own choice: nobody is to blame. */
static void on_guard_timer(void *arg)
{
    struct zport *p = arg;
    unsigned cut;

    if (p->is_paused)
        return;
    look_at(p->entry);
    zctx_touch(p->entry);
    cut = guard_check(p->guard, loop_now_us(p->ctx->loop), !p->entry->can_read);
    if (cut)
        log_warn("zport.endless.cut", "connections=%u undelivered_bytes_above=%d", cut,
                 GUARD_LIMIT_BYTES);
}

/* --- the monitor of a DEALER -------------------------------------------------------------------
 */

static void tell_linked(struct zport *p, bool up, const char *why)
{
    p->is_linked = up;
    zctx_touch(p->entry);
    if (p->events.linked)
        p->events.linked(p->events.arg, up, why);
}

static void on_dealer_event(struct zport *p, unsigned event, unsigned value)
{
    char why[160];

    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        tell_linked(p, true, "the handshake is done");
        break;
    case ZMQ_EVENT_DISCONNECTED:
        if (p->is_linked)
            tell_linked(p, false, "the connection to the broker was lost");
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        tell_linked(
            p, false,
            "the broker closed the connection during the handshake: it is busy or starting, "
            "or the pinned key is not its key");
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        snprintf(why, sizeof(why),
                 "the broker refused this key (ZAP status %u): the key is not enrolled, or revoked",
                 value);
        tell_linked(p, false, why);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        snprintf(why, sizeof(why),
                 "what answers at the endpoint does not speak our protocol (ZMTP error 0x%08x): "
                 "is it the broker?",
                 value);
        tell_linked(p, false, why);
        break;
    default:
        break;
    }
}

/* Two frames: event (16 bits) and value (32 bits) in the machine's order; then the endpoint. */
static bool read_monitor(struct zport *p, unsigned *event, unsigned *value)
{
    uint16_t number = 0;
    uint32_t detail = 0;
    zmq_msg_t part;
    bool ok;

    zmq_msg_init(&part);
    do {
        ok = zmq_msg_recv(&part, p->monitor_socket, ZMQ_DONTWAIT) >= 0;
    } while (!ok && errno == EINTR);
    if (ok && zmq_msg_size(&part) >= sizeof(number) + sizeof(detail)) {
        memcpy(&number, zmq_msg_data(&part), sizeof(number));
        memcpy(&detail, (char *)zmq_msg_data(&part) + sizeof(number), sizeof(detail));
    }
    while (ok && zmq_msg_more(&part))
        if (zmq_msg_recv(&part, p->monitor_socket, ZMQ_DONTWAIT) < 0 && errno != EINTR)
            break;
    zmq_msg_close(&part);
    *event = number;
    *value = detail;
    return ok;
}

static void on_monitor(void *arg)
{
    struct zport *p = arg;
    unsigned event, value;

    enter(p);
    while (!p->is_dead && read_monitor(p, &event, &value))
        p->is_router ? on_router_event(p, event, value) : on_dealer_event(p, event, value);
    leave(p);
}

/* The monitor writes from ZeroMQ's own thread and would stop it when the queue is full: no limit.
 */
static enum status open_monitor(struct zport *p, int events)
{
    char name[64];

    snprintf(name, sizeof(name), "inproc://monitor-%u", p->ctx->monitors++);
    if (zmq_socket_monitor(p->socket, name, events) != 0)
        return status_of_zmq(errno);
    p->monitor_socket = zmq_socket(p->ctx->context, ZMQ_PAIR);
    if (!p->monitor_socket)
        return status_of_zmq(errno);
    if (!set_int(p->monitor_socket, ZMQ_LINGER, 0) || !set_int(p->monitor_socket, ZMQ_RCVHWM, 0) ||
        zmq_connect(p->monitor_socket, name) != 0)
        return status_of_zmq(errno);
    return zctx_watch(&p->monitor, p->ctx, p->monitor_socket, on_monitor, p);
}

static void close_monitor(struct zport *p)
{
    zctx_unwatch(p->monitor);
    p->monitor = NULL;
    if (!p->monitor_socket)
        return;
    zmq_socket_monitor(p->socket, NULL, 0);
    zmq_close(p->monitor_socket);
    p->monitor_socket = NULL;
}

/* --- life --------------------------------------------------------------------------------------
 */

static enum status open_endpoint(struct zport *p, const struct zport_settings *set)
{
    size_t size = sizeof(p->endpoint);

    if (set->bind ? zmq_bind(p->socket, set->endpoint) : zmq_connect(p->socket, set->endpoint))
        return status_of_zmq(errno);
    if (!set->bind)
        snprintf(p->endpoint, sizeof(p->endpoint), "%s", set->endpoint);
    else if (zmq_getsockopt(p->socket, ZMQ_LAST_ENDPOINT, p->endpoint, &size) != 0)
        return status_of_zmq(errno);
    return ST_OK;
}

static enum status open_socket(struct zport *p, const struct zport_settings *set)
{
    p->socket = zmq_socket(p->ctx->context, set->bind ? ZMQ_ROUTER : ZMQ_DEALER);
    if (!p->socket)
        return status_of_zmq(errno);
    if (!set_common(p->socket, set) ||
        !(set->bind ? set_router(p->socket, set) : set_dealer(p->socket, set)))
        return status_of_zmq(errno);
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
        close_monitor(p);
    zctx_unwatch(p->entry);
    p->entry = NULL;
    if (p->socket)
        zmq_close(p->socket);
    p->socket = NULL;
}

static enum status equip_dealer(struct zport *p)
{
    return open_monitor(p, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
}

static enum status equip_router(struct zport *p)
{
    enum status st = loop_timer_create(&p->retry, p->ctx->loop, on_retry, p);

    if (st == ST_OK)
        st = guard_create(&p->guard, GUARD_LIMIT_BYTES);
    if (st == ST_OK)
        st = loop_timer_create(&p->guard_timer, p->ctx->loop, on_guard_timer, p);
    if (st == ST_OK)
        st = open_monitor(p, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED);
    if (st == ST_OK)
        loop_timer_start(p->guard_timer, GUARD_MS, GUARD_MS);
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
    st = open_socket(p, set);
    if (st == ST_OK)
        st = zctx_watch(&p->entry, z, p->socket, on_readable, p);
    if (st == ST_OK)
        st = p->is_router ? equip_router(p) : equip_dealer(p);
    if (st == ST_OK)
        st = open_endpoint(p, set);
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

void zport_pause(struct zport *p, bool paused)
{
    p->is_paused = paused;
    p->entry->is_muted = paused;
    zctx_touch(p->entry);
}

/* --- sending -----------------------------------------------------------------------------------
 */

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
    look_at(p->entry);
    return send_part(p, part, flags);
}

static enum status send_frames(struct zport *p, const struct zport_id *to, zmq_msg_t *payload)
{
    zmq_msg_t id;
    bool ok;

    if (!p->is_router)
        return send_first(p, payload, 0) ? ST_OK : status_of_zmq(errno);
    if (zmq_msg_init_size(&id, to->len) != 0)
        return ST_NOMEM;
    memcpy(zmq_msg_data(&id), to->bytes, to->len);
    ok = send_first(p, &id, ZMQ_SNDMORE);
    if (!ok) {
        int error = errno;

        zmq_msg_close(&id);
        return status_of_zmq(error);
    }
    /* The id frame went through, so this one does: a peer that vanished meanwhile swallows it. */
    return send_part(p, payload, 0) ? ST_OK : status_of_zmq(errno);
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
