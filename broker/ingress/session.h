/* session - who is connected: one entry per connection that said hello, found by the ROUTER's word
 * for the connection and by its own number. Pure: time is handed in, nothing is sent from here.
 *
 * The table is bounded. Sessions stand in the order in which they were last heard, so that
 * forgetting the silent ones costs only those. */
#ifndef EOCBUS_BROKER_INGRESS_SESSION_H
#define EOCBUS_BROKER_INGRESS_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/ingress/clock.h"
#include "broker/ingress/sender.h"
#include "proto/base/keys.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/base/status.h"
#include "proto/base/zport.h"
#include "proto/wire/limits.h"
#include "proto/wire/link.h"

/* Order within a lane: when a message is answered Busy, those behind it in its lane are answered
 * Busy too until it came again, else they would be stored before it. Then the next is waited for,
 * up to the last one that was turned away: the sender may say more before it hears of that
 * (tests/model/lane.pml, GATE_FORGETS). A message that was
 * settled, refused or thinned before, or goes by the sender's other session, never comes: then the
 * first of those behind it comes a second time, and since a sender offers a lane in its order,
 * nothing before it is to come (tests/sim, seed 104). For one who says no more the gate opens by
 * itself after LANE_GATE_US: longer than a frame may be under way on a connection that lives
 * (heartbeat.timeout, 60 s), because what was said before the Busy was heard may still arrive (seed
 * 49). */
#define LANE_GATE_US 90000000ull
enum { LANES = 5 };
struct lane_gate {
    uint64_t epoch, first; /* waits for this one; 0 = open */
    uint64_t last;         /* the last one that was turned away */
    uint64_t again;        /* turned away last, since `first` was set; 0 = none */
    uint64_t closed_us;
};
bool lane_gate_lets(struct lane_gate *g, uint64_t epoch, uint64_t lane_seq, uint64_t now_us);
void lane_gate_close(struct lane_gate *g, uint64_t epoch, uint64_t lane_seq, uint64_t now_us);

struct session {
    struct list by_address, by_number, heard; /* in struct sessions */
    struct list own;                          /* in its sender */
    struct sender *sender;                    /* never NULL; lives as long */
    struct list owing;                        /* in ingress: answers wait to be sent */
    uint64_t number;
    struct zport_id address;
    int fd;              /* of its connection, -1 = unknown */
    uint64_t connection; /* likewise, 0 = unknown (proto/base/zport.h) */
    char principal[LIMIT_NAME_BYTES + 1];
    int32_t principal_id;
    uint8_t key[KEY_BYTES]; /* it came in with */
    uint32_t log_epoch;     /* that its Welcome named; 0 = the log was not seen yet */
    uint64_t heard_us;
    uint64_t since_us;              /* its agent is here, short breaks left out */
    unsigned unsettled_items;       /* without a receipt that was sent */
    size_t unsettled_bytes;         /* without a known fate */
    const struct link_limits *link; /* never NULL */
    struct clock_estimate clock;
    uint64_t backlog;                  /* as its Hello said */
    struct lane_gate gates[LANES + 1]; /* by lane, 1..5 */
    struct buf turned_away;            /* tags (uint64_t) whose Busy waits to be sent */
    struct buf receipts;               /* packed Settled, each with tag and length */
    size_t receipts_sent;              /* bytes of them that left */
};

struct sessions;
MUST_CHECK enum status sessions_create(struct sessions **out, unsigned max);
void sessions_destroy(struct sessions *t);
unsigned sessions_count(const struct sessions *t);

/* A new session with the next number. ST_FULL: the table is full. ST_NOMEM. */
MUST_CHECK enum status sessions_open(struct session **out, struct sessions *t,
                                     const struct zport_id *address, const char *principal,
                                     int32_t principal_id, uint64_t now_us);
void sessions_close(struct sessions *t, struct session *s);
void sessions_heard(struct sessions *t, struct session *s, uint64_t now_us);

/* The principal's; NULL if it has no session and no message without a fate. */
struct sender *sessions_sender(const struct sessions *t, int32_t principal_id);
/* Its longest silent session; NULL if it has none. */
struct session *sessions_oldest(const struct sessions *t, int32_t principal_id);
struct session *sessions_at(const struct sessions *t, const struct zport_id *address);
struct session *sessions_number(const struct sessions *t, uint64_t number);
/* Least recently heard first; NULL after the last. `after` NULL begins. */
struct session *sessions_next(const struct sessions *t, const struct session *after);

#endif
