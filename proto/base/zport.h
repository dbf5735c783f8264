/* zport - ZeroMQ sockets on the loop: ROUTER with CURVE for a broker, DEALER with CURVE for an agent.
 *
 * A zctx owns the ZeroMQ context and the hub: one hook on the loop that re-reads ZMQ_EVENTS of every
 * socket that was touched (its descriptor became readable, or we sent, received or set an option)
 * and calls the owner with a budget. The descriptor of a ZeroMQ socket is edge-triggered; draining in
 * the poll callback alone loses wake-ups on quiet links (tests/unit/base/zport_test).
 *
 * Exactly one payload frame a message: anything else is counted, reported to `broken`, dropped. */
#ifndef EOCBUS_BASE_ZPORT_H
#define EOCBUS_BASE_ZPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

struct loop;
struct zctx;
struct zport;

MUST_CHECK enum status zctx_create(struct zctx **out, struct loop *l);
void zctx_destroy(struct zctx *z); /* every zport is destroyed before */
void *zctx_context(struct zctx *z); /* the ZeroMQ context, for broker/access/zap.c */

/* Lower door, for broker/access/zap.c: any ZeroMQ socket (void *) on the hub. `ready` is called while
 * the socket has something to read, until it reads ST_AGAIN. */
struct zhub_entry;
MUST_CHECK enum status zctx_watch(struct zhub_entry **out, struct zctx *z, void *socket,
                                  void (*ready)(void *arg), void *arg);
void zctx_touch(struct zhub_entry *e); /* after every send, receive or option on the socket */
void zctx_unwatch(struct zhub_entry *e);

enum { ZPORT_ID_MAX = 32 };
struct zport_id { /* the ROUTER's word for a connection */
    uint8_t len;
    uint8_t bytes[ZPORT_ID_MAX];
};

struct zport_message { /* borrowed for the call */
    struct zport_id from;   /* len 0 on a DEALER */
    const char *user_id;    /* authenticated name from ZAP, NULL on a DEALER or when there is none */
    const uint8_t *data;
    size_t len;
    int fd;                 /* of the connection, -1 = unknown */
    uint64_t connection;    /* its name among all there ever were; ROUTER, 0 = unknown */
};

struct zport_settings {
    bool bind;                    /* ROUTER that binds, or DEALER that connects */
    const char *endpoint;         /* tcp://127.0.0.1:5511; bind: port * picks one */
    const char *public_z85;       /* own key pair, 40 characters each */
    const char *secret_z85;
    const char *server_z85;       /* DEALER: pinned key of the broker */
    size_t max_frame_bytes;       /* passes; a little more may, 8 KiB more cuts the connection; 0 = no limit */
    int send_high_water, receive_high_water; /* whole messages; 0 = 1,000 */
    unsigned heartbeat_ms, heartbeat_timeout_ms; /* 0 = off */
    unsigned handshake_ms;        /* 30,000: with 3,000 an office on 2G never connects (measured) */
    unsigned connect_ms;          /* DEALER: TCP alone; then anew, with short pauses. 0 = the system's */
    unsigned reconnect_ms, reconnect_max_ms; /* doubling; 0 = 250, 0 = no doubling */
    /* Longest pause of TCP between two attempts, so that half a minute of darkness is not followed
     * by another; at least 1,000, 0 = the system's (120 s). Before Linux 6.15 only the first six
     * pauses are kept short. */
    unsigned rto_most_ms;
    unsigned connections_most;    /* ROUTER: beyond it silent ones are cut; 0 = no limit */
    unsigned budget;              /* messages read per turn; 0 = 64 */
    int backlog;                  /* 0 = 4096 on a ROUTER */
};

struct zport_events {
    void *arg;
    void (*message)(void *arg, const struct zport_message *m);
    void (*broken)(void *arg, const struct zport_message *m); /* more than one payload frame: data is the first, the rest is gone; may be NULL */
    void (*writable)(void *arg);  /* after a send answered ST_FULL; may be NULL */
    /* DEALER, may be NULL: the handshake is done, the link was lost, or an attempt failed; `why` is a
     * sentence. ZeroMQ tries again by itself, except after a refused key or a foreign protocol: then
     * the owner makes a new zport. */
    void (*linked)(void *arg, bool up, const char *why);
};

/* ST_EXISTS: address in use. ST_INVALID: bad endpoint or key. ST_DENIED: port not allowed. */
MUST_CHECK enum status zport_create(struct zport **out, struct zctx *z,
                                    const struct zport_settings *set,
                                    const struct zport_events *events);
void zport_destroy(struct zport *p); /* linger 0 */
const char *zport_endpoint(const struct zport *p); /* as bound, with the real port */

/* Copies data. `to` is NULL on a DEALER. ST_FULL: that peer's queue is full (a DEALER: or there is no
 * link, nothing is queued for one that may come), `writable` follows: on a DEALER when there is room,
 * on a ROUTER after 5 to 80 ms as an invitation to try again. ST_NOTFOUND: the peer is gone. */
MUST_CHECK enum status zport_send(struct zport *p, const struct zport_id *to, const void *data,
                                  size_t len);
/* ROUTER: ends a connection and throws away what is queued for the peer; nothing if it is another one by
 * now. `only_unread`: only if the peer has not taken all that was sent. True: it was
 * ended. */
bool zport_hang_up(struct zport *p, int fd, uint64_t connection, bool only_unread);
/* ROUTER: listens at one more address, with another key pair; who comes in there is a peer like all
 * others. As zport_create of the endpoint. */
MUST_CHECK enum status zport_listen_also(struct zport *p, const char *endpoint,
                                         const char *secret_z85);
/* Stop or go on reading; what the peers send waits in their outboxes. */
void zport_pause(struct zport *p, bool paused);

#endif
