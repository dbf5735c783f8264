/* zap - ZeroMQ's question "who is this key", answered on the loop (RFC 27/ZAP 1.0).
 *
 * libzmq asks once per handshake at inproc://zeromq.zap.01 and waits for the answer. Every request
 * that names a request id is answered, also a broken one, with 400; what has no id is dropped. Only
 * CURVE is ever admitted.
 *
 * What cannot be decided yet is held until it can. A libzmq client (4.3.4) that hears 300 does not
 * come back at once: it hangs until its handshake interval is over, 30 s, which is how long every
 * restart of a broker would last for the agents that were quicker than the database. So 300 is only
 * said to the oldest of more than 4,096 that wait. */
#ifndef EOCBUS_BROKER_ACCESS_ZAP_H
#define EOCBUS_BROKER_ACCESS_ZAP_H

#include <stdint.h>

#include "proto/base/status.h"

struct zap;
struct zctx;

enum zap_verdict {
    ZAP_ADMIT = 200,  /* and *name is who it is */
    ZAP_LATER = 300,  /* cannot decide now: waits for zap_decide */
    ZAP_REFUSE = 400, /* a libzmq client gives up on this */
};

struct zap_door {
    void *arg;
    /* *name: the User-Id, at most 255 bytes, borrowed until the next call. `address` is the peer's,
     * for logs. */
    enum zap_verdict (*who)(void *arg, const uint8_t key[32], const char *address,
                            const char **name);
};

/* ST_EXISTS: the context has a handler already. Bind it before any other socket: without a handler
 * libzmq admits every key. */
MUST_CHECK enum status zap_create(struct zap **out, struct zctx *z, const struct zap_door *door);
void zap_destroy(struct zap *z);
/* Asks `who` again for all that are held. */
void zap_decide(struct zap *z);

#endif
