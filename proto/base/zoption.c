/* zoption - the settings of a zport as ZeroMQ's options. */
#include "proto/base/zport_parts.h"

#include <errno.h>
#include <string.h>

#include "proto/base/banned.h"

/* Connections waiting for accept: every district office may come back in the same second. */
#define BACKLOG_DEFAULT 4096
/* For settings left 0, which ZeroMQ would take for "no limit" and "at once". */
#define HIGH_WATER_DEFAULT   1000
#define RECONNECT_DEFAULT_MS 250
/* ZMQ_MAXMSGSIZE counts what CURVE adds (33 bytes), and cuts the connection without a word. With
 * this room a whole frame passes, and one a little too large reaches its reader, who says so. */
#define MAXMSGSIZE_ROOM 4096

bool zoption_int(void *socket, int option, int value)
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
    int64_t max_frame = set->max_frame_bytes ? (int64_t)set->max_frame_bytes + MAXMSGSIZE_ROOM : -1;

    return zoption_int(s, ZMQ_LINGER, 0) &&
           zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max_frame, sizeof(max_frame)) == 0 &&
           zoption_int(s, ZMQ_SNDHWM, or_else(set->send_high_water, HIGH_WATER_DEFAULT)) &&
           zoption_int(s, ZMQ_RCVHWM, or_else(set->receive_high_water, HIGH_WATER_DEFAULT)) &&
           zoption_int(s, ZMQ_HANDSHAKE_IVL, (int)set->handshake_ms) &&
           zoption_int(s, ZMQ_HEARTBEAT_IVL, (int)set->heartbeat_ms) &&
           zoption_int(s, ZMQ_HEARTBEAT_TIMEOUT, (int)set->heartbeat_timeout_ms) &&
           zoption_int(s, ZMQ_HEARTBEAT_TTL, (int)set->heartbeat_timeout_ms) &&
           zoption_int(s, ZMQ_IPV6, wants_ipv6(set->endpoint)) &&
           set_key(s, ZMQ_CURVE_SECRETKEY, set->secret_z85);
}

static bool set_router(void *s, const struct zport_settings *set)
{
    return zoption_int(s, ZMQ_ROUTER_MANDATORY, 1) &&
           zoption_int(s, ZMQ_BACKLOG, or_else(set->backlog, BACKLOG_DEFAULT)) &&
           zoption_int(s, ZMQ_CURVE_SERVER, 1) &&
           zmq_setsockopt(s, ZMQ_ZAP_DOMAIN, "eocbus", strlen("eocbus")) == 0;
}

/* IMMEDIATE: nothing is queued for a broker we are not linked to, and what was queued when the link
 * broke is dropped. The outbox sends it again; a stale frame ahead of Hello would break the
 * session. */
static bool set_dealer(void *s, const struct zport_settings *set)
{
    return zoption_int(s, ZMQ_IMMEDIATE, 1) &&
           zoption_int(s, ZMQ_CONNECT_TIMEOUT, (int)set->connect_ms) &&
           zoption_int(s, ZMQ_RECONNECT_IVL,
                       or_else((int)set->reconnect_ms, RECONNECT_DEFAULT_MS)) &&
           zoption_int(s, ZMQ_RECONNECT_IVL_MAX, (int)set->reconnect_max_ms) &&
           set_key(s, ZMQ_CURVE_PUBLICKEY, set->public_z85) &&
           set_key(s, ZMQ_CURVE_SERVERKEY, set->server_z85);
}

bool zoption_set(void *socket, const struct zport_settings *set)
{
    return set_common(socket, set) &&
           (set->bind ? set_router(socket, set) : set_dealer(socket, set));
}
