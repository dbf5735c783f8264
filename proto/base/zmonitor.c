/* zmonitor - what ZeroMQ tells of a zport's connections.
 *
 * A DEALER watches its own monitor, because nothing else tells that the handshake is done, or why
 * it failed. A ROUTER learns from its monitor which descriptors it accepted, for the guard
 * (proto/base/guard.h) that cuts endless messages. */
#include "proto/base/zport_parts.h"

#include <errno.h>
#include <stdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/base/guard.h"
#include "proto/base/loop.h"
#include "proto/base/banned.h"

/* TCP_RTO_MAX_MS, Linux 6.15; Debian 12 headers do not have it, newer kernels do. */
#define OPTION_RTO_MAX_MS 44
/* Our own heartbeats decide when a peer is gone; TCP shall not decide earlier because its pauses
 * are short. */
#define GIVE_UP_PAUSES 30

/* TCP doubles its pause after each attempt that nobody answered: after 30 s of darkness the next
 * one may be 16 s away, after three minutes two minutes. The descriptor is ZeroMQ's and may be
 * closed by now; then this fails, or makes a stranger more patient. */
static void limit_pauses(int fd, unsigned rto_most_ms)
{
    int most = (int)rto_most_ms, on = 1, give_up = most * GIVE_UP_PAUSES;

    if (!rto_most_ms)
        return;
    if (setsockopt(fd, IPPROTO_TCP, OPTION_RTO_MAX_MS, &most, sizeof(most)) != 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &give_up, sizeof(give_up));
}

static void on_router_event(struct zport *p, unsigned event, unsigned value)
{
    if (event == ZMQ_EVENT_ACCEPTED)
        limit_pauses((int)value, p->rto_most_ms);
    if (event == ZMQ_EVENT_ACCEPTED)
        guard_add(p->guard, (int)value, loop_now_us(p->ctx->loop));
    else
        guard_remove(p->guard, (int)value);
}

static void tell_linked(struct zport *p, bool up, const char *why)
{
    p->is_linked = up;
    zctx_touch(p->entry);
    if (p->events.linked)
        p->events.linked(p->events.arg, up, why);
}

/* NULL: nothing to tell. */
static const char *explain_failure(unsigned event, unsigned value, char *text, size_t size)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        return "the broker closed the connection during the handshake: it is busy or starting, "
               "or the pinned key is not its key";
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        snprintf(text, size,
                 "the broker refused this key (ZAP status %u): the key is not enrolled, or revoked",
                 value);
        return text;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        snprintf(text, size,
                 "what answers at the endpoint does not speak our protocol (ZMTP error 0x%08x): "
                 "is it the broker?",
                 value);
        return text;
    default:
        return NULL;
    }
}

static void on_dealer_event(struct zport *p, unsigned event, unsigned value)
{
    char text[160];
    const char *why;

    if (event == ZMQ_EVENT_CONNECTED) {
        limit_pauses((int)value, p->rto_most_ms);
    } else if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        tell_linked(p, true, "the handshake is done");
    } else if (event == ZMQ_EVENT_DISCONNECTED) {
        if (p->is_linked)
            tell_linked(p, false, "the connection to the broker was lost");
    } else {
        why = explain_failure(event, value, text, sizeof(text));
        if (why)
            tell_linked(p, false, why);
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

    zport_enter(p);
    while (!p->is_dead && read_monitor(p, &event, &value))
        p->is_router ? on_router_event(p, event, value) : on_dealer_event(p, event, value);
    zport_leave(p);
}

/* The monitor writes from ZeroMQ's own thread and would stop it when the queue is full: no limit.
 */
enum status zmonitor_open(struct zport *p, int events)
{
    char name[64];

    snprintf(name, sizeof(name), "inproc://monitor-%u", p->ctx->monitors++);
    if (zmq_socket_monitor(p->socket, name, events) != 0)
        return zport_status(errno);
    p->monitor_socket = zmq_socket(p->ctx->context, ZMQ_PAIR);
    if (!p->monitor_socket)
        return zport_status(errno);
    if (!zoption_int(p->monitor_socket, ZMQ_LINGER, 0) ||
        !zoption_int(p->monitor_socket, ZMQ_RCVHWM, 0) || zmq_connect(p->monitor_socket, name) != 0)
        return zport_status(errno);
    return zctx_watch(&p->monitor, p->ctx, p->monitor_socket, on_monitor, p);
}

void zmonitor_close(struct zport *p)
{
    zctx_unwatch(p->monitor);
    p->monitor = NULL;
    if (!p->monitor_socket)
        return;
    zmq_socket_monitor(p->socket, NULL, 0);
    zmq_close(p->monitor_socket);
    p->monitor_socket = NULL;
}
