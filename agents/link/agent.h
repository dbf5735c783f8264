/* agent - the half of the bus that every agent shares: an outbox that loses nothing, an uplink that
 * empties it, a downlink that listens, on sessions that come back by themselves.
 *
 * On a good link (fiber, 4g, vsat) a session stands with every endpoint. One of them does the work;
 * when it falls, or is mute although something is due, another one does within a moment. FLASH is
 * said to all of them and heard from all of them, so that an alarm needs neither one certain broker
 * nor the database. The first endpoint is preferred: the agent comes back to it when it has stood
 * for half a minute. On a thin link (2g, radio) there is one broker at a time, the endpoints in
 * turn, with a second session there for urgent messages.
 *
 * Not thread-safe: everything happens on the loop. */
#ifndef EOCBUS_LINK_AGENT_H
#define EOCBUS_LINK_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/link/outbox.h"
#include "agents/link/trust.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/base/conf.h"
#include "proto/base/loop.h"

/* Settings every agent has; a program's own rows follow them in its table (AGENT_CONF_ROWS). */
struct agent_settings {
    char *name; /* principal */
    char *key_file;
    struct conf_list endpoints; /* broker.endpoint = tcp://host:port, several allowed */
    char *broker_key;           /* Z85 public key of the broker, pinned */
    char *broker_key_next; /* another one that it may have, while it changes; NULL, "" = none */
    char *officers_file;   /* NULL, "" = nobody is pinned */
    char *outbox_path;     /* "" = listens only */
    size_t outbox_budget;
    char *link_profile; /* fiber, 4g, 2g, vsat, radio */
    char *known_file;   /* "" = beside the outbox */
    char *orders_file;  /* NULL, "" = what is built in (approval.h) */
    bool lets_unsigned;
    char *log_level;
    bool exercises; /* orders that are EXERCISE are obeyed as well (trust.h); no row either */
    bool stays; /* a daemon: refused beside another one on this outbox. No row; the program says it
                 */
};

#define AGENT_CONF_ROWS(type, member)                                                              \
    {"name",                                                                                       \
     CONF_TEXT,                                                                                    \
     offsetof(type, member.name),                                                                  \
     NULL,                                                                                         \
     CONF_REQUIRED,                                                                                \
     "principal's name, as enrolled: agency.unit.node",                                            \
     0,                                                                                            \
     0},                                                                                           \
        {"key.file",                                                                               \
         CONF_PATH,                                                                                \
         offsetof(type, member.key_file),                                                          \
         NULL,                                                                                     \
         CONF_REQUIRED,                                                                            \
         "own key pair, made by eocctl keygen; mode 0600",                                         \
         0,                                                                                        \
         0},                                                                                       \
        {"broker.endpoint",                                                                        \
         CONF_LIST,                                                                                \
         offsetof(type, member.endpoints),                                                         \
         NULL,                                                                                     \
         CONF_REQUIRED,                                                                            \
         "where a broker listens: tcp://host:port; one line for each, the preferred one first",    \
         0,                                                                                        \
         0},                                                                                       \
        {"broker.key",                                                                             \
         CONF_TEXT,                                                                                \
         offsetof(type, member.broker_key),                                                        \
         NULL,                                                                                     \
         CONF_REQUIRED,                                                                            \
         "public key of the broker, 40 characters",                                                \
         0,                                                                                        \
         0},                                                                                       \
        {"broker.key.next",                                                                        \
         CONF_TEXT,                                                                                \
         offsetof(type, member.broker_key_next),                                                   \
         "",                                                                                       \
         0,                                                                                        \
         "another public key that a broker may have, while brokers change their key",              \
         0,                                                                                        \
         0},                                                                                       \
        {"trust.officers",                                                                         \
         CONF_PATH,                                                                                \
         offsetof(type, member.officers_file),                                                     \
         "",                                                                                       \
         0,                                                                                        \
         "file with the enrolment officers whose word counts, one \"NAME KEY\" a line; empty = "   \
         "none",                                                                                   \
         0,                                                                                        \
         0},                                                                                       \
        {"outbox.path",                                                                            \
         CONF_PATH,                                                                                \
         offsetof(type, member.outbox_path),                                                       \
         "",                                                                                       \
         0,                                                                                        \
         "file that keeps what was said until it is stored; empty = listens only",                 \
         0,                                                                                        \
         0},                                                                                       \
        {"outbox.budget",                                                                          \
         CONF_BYTES,                                                                               \
         offsetof(type, member.outbox_budget),                                                     \
         "1GiB",                                                                                   \
         0,                                                                                        \
         "most bytes the outbox may take on disk",                                                 \
         1048576,                                                                                  \
         1099511627776.0},                                                                         \
        {"link.profile",                                                                           \
         CONF_TEXT,                                                                                \
         offsetof(type, member.link_profile),                                                      \
         "4g",                                                                                     \
         0,                                                                                        \
         "fiber, 4g, 2g, vsat or radio: heartbeats, timeouts and bytes in flight",                 \
         0,                                                                                        \
         0},                                                                                       \
        {"trust.known",                                                                            \
         CONF_PATH,                                                                                \
         offsetof(type, member.known_file),                                                        \
         "",                                                                                       \
         0,                                                                                        \
         "file that keeps the senders' enrolment records; empty = outbox.path with .known",        \
         0,                                                                                        \
         0},                                                                                       \
        {"trust.orders",                                                                           \
         CONF_PATH,                                                                                \
         offsetof(type, member.orders_file),                                                       \
         "",                                                                                       \
         0,                                                                                        \
         "file with the rules of orders to machines that hold here whatever a broker says; empty " \
         "= built in",                                                                             \
         0,                                                                                        \
         0},                                                                                       \
        {"trust.unsigned",                                                                         \
         CONF_BOOL,                                                                                \
         offsetof(type, member.lets_unsigned),                                                     \
         "no",                                                                                     \
         0,                                                                                        \
         "show unsigned words of senders that sign, marked, while old programs are replaced",      \
         0,                                                                                        \
         0},                                                                                       \
    {                                                                                              \
        "log.level", CONF_TEXT, offsetof(type, member.log_level), "info", 0,                       \
            "debug, info, warn or error", 0, 0                                                     \
    }

struct agent;

struct agent_events { /* any may be NULL */
    void *arg;
    /* A broker does our work, or none does any more; moving from one to the next says nothing. */
    void (*linked)(void *arg, bool up, const char *why);
    void (*settled)(void *arg, uint64_t tag,
                    const struct outbox_outcome *oc); /* after it is on disk */
    void (*drained)(void *arg);                       /* the outbox has nothing waiting */
    void (*fault)(void *arg, const Eocbus__V1__Fault *f);
};

/* `program` as in Hello: "eocbus-sensor 0.1.0". Settings are read during the call only. A second
 * agent on the same outbox (a command beside a daemon) may put, and sends when the first one ends;
 * a second one that stays is refused with ST_EXISTS. `err` is a sentence for the person who started
 * it. */
MUST_CHECK enum status agent_create(struct agent **out, struct loop *loop,
                                    const struct agent_settings *set, const char *program,
                                    const struct agent_events *events, char *err, size_t err_size);
void agent_destroy(struct agent *a);
/* Reads the key file again (SIGHUP). If it holds another key, that one is used from now on:
 * sessions begin anew, what waits stays, what was signed stays signed with the key of then. Both
 * keys have to be enrolled. On an error everything is as before; `err` is a sentence. */
MUST_CHECK enum status agent_rekey(struct agent *a, const char *key_file, char *err,
                                   size_t err_size);

/* Puts into the outbox; durable with this loop turn's commit (one fsync a turn), or at once with
 * agent_flush. What is not durable yet is lost with a power cut, so acknowledge upstream after
 * flush. */
MUST_CHECK enum status agent_put(struct agent *a, Eocbus__V1__Envelope *m, uint64_t *tag,
                                 struct refusal *why);
MUST_CHECK enum status agent_flush(struct agent *a);
struct outbox *agent_outbox(struct agent *a); /* NULL if it only listens */

/* A subscription; may be made at any time, survives reconnects. FLASH is handed over once, at its
 * first copy, which may be provisional (stamp->seq 0). `message` may be called again with the same
 * number after a reconnect only if its number was not acknowledged; with an inbox (path not NULL)
 * the place is kept on disk and each message is handed over once: agent commits the place after
 * `message` returned. */
struct agent_subscription {
    const char *const *patterns;
    unsigned pattern_count;
    bool from_now; /* else after `after` */
    uint64_t after;
    /* Not 0: instead of after a number from the first message received then or later, UTC us; it
     * may be some seconds early. */
    int64_t after_time_us;
    uint64_t upto; /* the last number wanted, after which `horizon` says it; 0 = no end */
    /* First the newest observations of each stream that matches, with Delivery.last_value; again
     * when the link fell before all of them were here, and after a start of the program. */
    bool last_values;
    Eocbus__V1__Lane lanes[5]; /* only these; lane_count 0 = all. Not with urgent_first */
    unsigned lane_count;
    bool to_me;             /* only what has this principal among its recipients */
    const char *inbox_path; /* NULL = no memory */
    const char *name;       /* of the place in the inbox; NULL = the patterns */
    /* NULL = none. The place is kept in the database as well, under this name of our principal: the
     * centre sees how far we are, and a machine whose inbox was lost goes on there. Who subscribes
     * with it last has it: one that another program takes over stays silent until it is started
     * again. At most 64 bytes. */
    const char *durable_name;
    /* What was missed comes most urgent first: FLASH and IMMEDIATE, then PRIORITY, ROUTINE, BULK,
     * each with a place of its own. Takes four of the sixteen subscriptions of a session. What is
     * live and urgent always passes; what is live and less urgent waits until what is more urgent
     * is done. Order is kept within a lane, as everywhere. */
    bool urgent_first;
    bool numbered_copies; /* hand FLASH over again when it has its number; for archives, not for
                             sirens */
    unsigned credit;      /* 0 = 256 */
    void *arg;
    /* m is unpacked and checked, borrowed; NULL m: bytes that this program cannot read (a newer
     * major). Answers false to stop acknowledging (a full disk): it is delivered again later. */
    bool (*message)(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m);
    void (*horizon)(void *arg,
                    uint64_t horizon); /* may be NULL: nothing that matches is missing up to it */
    /* May be NULL. What was handed over as provisional will not be stored: undo what was done for
     * it. Once for each message, and only for those that were handed over; borrowed. */
    void (*withdrawn)(void *arg, const Eocbus__V1__Withdrawn *w);
};
MUST_CHECK enum status agent_subscribe(struct agent *a, const struct agent_subscription *sub,
                                       char *err, size_t err_size);

/* Of the message that is being handed over: asked from inside agent_subscription.message. What is
 * PROOF_BAD is never handed over; it is logged, counted, and said to the bus if there is an outbox.
 * Orders to machines are handed over only as PROOF_GOOD, or with PROOF_OFF: that is enough to show
 * one, and not to carry it out. */
enum proof agent_proof(const struct agent *a);

/* What a machine asks before it carries an order out, from inside agent_subscription.message; `own`
 * is the principal that the order has to name. ST_OK: do it, this once. It was signed and approved
 * as our own rules say, and the broker's as well, by people who may do so at the place of `own`;
 * all their keys are good now; it is ACTUAL, its time is not over, and it was not taken before.
 * Else ST_DENIED fills `why`: a sentence for people, never a reason to do it all the same. */
MUST_CHECK enum status agent_take_order(struct agent *a, const char *own,
                                        const Eocbus__V1__Delivery *d, Eocbus__V1__Envelope *m,
                                        struct refusal *why);

struct agent_state {
    bool linked, store_away;
    bool sends;           /* the outbox is ours to send from; false: another process has it */
    const char *trouble;  /* last error of the link or the outbox, a sentence; "" = none */
    const char *endpoint; /* of the session that does the work */
    unsigned sessions;    /* that stand, with those that stand by */
    uint32_t log_epoch;
    uint64_t waiting, refused;
    uint64_t forged;         /* messages that were not their sender's, since the start */
    int64_t clock_offset_ms; /* ours minus the broker's */
    bool clock_known;
    uint32_t round_trip_ms;
};
void agent_state(struct agent *a, struct agent_state *out);

#endif
