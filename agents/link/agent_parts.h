/* agent_parts - what agent.c and connection.c share: the agent's inside, and the door between them.
 * Nobody else includes it. */
#ifndef EOCBUS_LINK_AGENT_PARTS_H
#define EOCBUS_LINK_AGENT_PARTS_H

#include "agents/link/agent.h"
#include "agents/link/downlink.h"
#include "agents/link/profile.h"
#include "agents/link/uplink.h"
#include "agents/link/urgent.h"
#include "proto/base/keys.h"
#include "proto/base/zport.h"

enum agent_link_state {
    AGENT_DOWN,
    AGENT_CONNECTING,
    AGENT_GREETING,
    AGENT_IN_SESSION,
    AGENT_STATES
};

struct agent {
    uint32_t known_log_epoch; /* the highest number we were told or delivered; 0 = none */
    uint64_t known_seq;
    struct loop *loop; /* borrowed, outlives us */
    struct agent_events events;
    const struct link_profile *profile;
    char *program, *broker_key;
    char **endpoints;
    unsigned endpoint_count, endpoint; /* the one in use */
    struct keys keys;

    struct loop_hook *hook;
    struct loop_timer *tick, *link_timer, *ping_timer;
    struct zctx *zctx;
    struct zport *port;
    struct arena *arena; /* of incoming frames */
    struct buf frame;    /* outgoing */

    struct outbox *outbox; /* NULL if it only listens */
    struct uplink *uplink; /* NULL with it */
    struct downlink *downlink;
    struct urgent *urgent; /* NULL: one connection for all */

    enum agent_link_state state;
    unsigned failures; /* since the last Welcome */
    unsigned silent;   /* ping intervals without a frame */
    bool heard;        /* a frame, in this interval */
    bool told_up;
    bool sends; /* the outbox lock is ours */
    bool want_pump, want_commit, drained;
    bool outbox_trouble_told;
    unsigned ticks;
    struct agent_state seen; /* what the broker said */
    char trouble[256];
};

/* connection.c: the socket and the session. */
void connection_open(struct agent *a); /* from AGENT_DOWN */
/* Gives the socket up and comes back after wait_ms with a new one, on the next endpoint. */
void connection_cut(struct agent *a, const char *why, unsigned wait_ms);
/* As zport_send; ST_CLOSED when no link stands. arg is the agent. */
MUST_CHECK enum status connection_send(void *arg, const Eocbus__V1__Frame *f);
enum status connection_send_urgent(void *arg, const Eocbus__V1__Frame *f);
MUST_CHECK enum status connection_create_urgent(struct agent *a);
void connection_on_link_timer(void *arg);
void connection_on_ping_timer(void *arg);

/* agent.c */
uint64_t agent_waiting(struct agent *a); /* rows that wait in the outbox */
void agent_note_trouble(struct agent *a, const char *why);

#endif
