/* downlink - subscriptions: history first, then live, each message handed over once.
 *
 *   broker ── Deliver ──▶ message() ──▶ place moves ──▶ commit (once a turn) ──▶ Acknowledge,
 * Credit
 *
 * After a reconnect each subscription goes on behind its place. A hole in `previous`, or a program
 * that cannot take more for now, ends the subscription at the broker and begins it again behind the
 * place. */
#ifndef EOCBUS_LINK_DOWNLINK_H
#define EOCBUS_LINK_DOWNLINK_H

#include "agents/link/agent.h"
#include "agents/link/trust.h"
#include "proto/wire/log_past.h"

struct downlink;

enum { DOWNLINK_LINES = 8 };

struct downlink_settings {
    struct loop *loop; /* borrowed */
    void *arg;
    /* On the main line, and on any, from 0; as zport_send. */
    enum status (*send)(void *arg, const Eocbus__V1__Frame *f);
    enum status (*send_on)(void *arg, unsigned line, const Eocbus__V1__Frame *f);
    int64_t (*broker_utc_us)(void *arg); /* what the broker's clock shows now, as far as we know */
    struct trust *trust;                 /* borrowed; NULL = nothing is checked */
    /* Not its sender's: it is not handed over. `e` is what it says. May be NULL. */
    void (*forged)(void *arg, const Eocbus__V1__Delivery *m, const Eocbus__V1__Envelope *e,
                   const char *why);
};

MUST_CHECK enum status downlink_create(struct downlink **out, const struct downlink_settings *set);
void downlink_destroy(struct downlink *d);

/* How far each subscription has read, of those that have read anything. */
void downlink_places(const struct downlink *d,
                     void (*place)(void *arg, uint32_t log_epoch, uint64_t seq), void *arg);
/* Copies what it needs. ST_INVALID: a pattern; ST_FULL: too many subscriptions. */
MUST_CHECK enum status downlink_subscribe(struct downlink *d, const struct agent_subscription *sub,
                                          char *err, size_t err_size);
/* There is a main line, to a broker whose log has this epoch (0 = it has not seen it). */
void downlink_begin(struct downlink *d, uint32_t log_epoch, const struct log_past *past);
/* There is none any more; if its session stands, the subscriptions there are ended. */
void downlink_end(struct downlink *d);
bool downlink_is_owed(const struct downlink *d); /* an answer to a Subscribe is due */

/* A line that stands by: alarms are heard there too. */
void downlink_ear_begin(struct downlink *d, unsigned line);
void downlink_ear_end(struct downlink *d, unsigned line);
/* Deliver, and a Fault with a subscription's number. */
void downlink_ear_frame(struct downlink *d, unsigned line, const Eocbus__V1__Frame *f);

void downlink_on_subscribed(struct downlink *d, const Eocbus__V1__Subscribed *m);
void downlink_on_deliver(struct downlink *d, const Eocbus__V1__Deliver *m);
/* On any line. */
void downlink_on_known(struct downlink *d, const Eocbus__V1__Known *m);
/* Of the message that is being handed over; asked from inside `message`. */
enum proof downlink_proof(const struct downlink *d);
/* A Fault with a subscription's number. */
void downlink_on_fault(struct downlink *d, const Eocbus__V1__Fault *f);

/* Makes places durable, then acknowledges and gives credit. True if anything was sent. */
bool downlink_flush(struct downlink *d);

#endif
