/* zport_parts - what zport.c, zhub.c, zoption.c and zmonitor.c share; nobody else includes it. */
#ifndef EOCBUS_BASE_ZPORT_PARTS_H
#define EOCBUS_BASE_ZPORT_PARTS_H

#include <zmq.h>

#include "proto/base/list.h"
#include "proto/base/zport.h"

struct guard;
struct loop_hook;
struct loop_poll;
struct loop_timer;

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
    unsigned crowded; /* connections cut for being too many, not told yet */
    uint64_t crowd_quiet_until_us;
    unsigned ended;        /* connections, since memory was given back */
    uint64_t give_back_us; /* not before */
    struct zport_events events;
    unsigned budget, retry_ms, rto_most_ms;
    bool is_router, is_linked, is_paused;
    bool is_blocked; /* a send answered ST_FULL and `writable` is owed */
    unsigned calls;  /* of ours that are under way; the block lives until the last returns */
    bool is_dead;
    char endpoint[256];
};

enum status zport_status(int zmq_error); /* errno after a call of ZeroMQ, in our words */
/* Around a call out: the zport may be destroyed in it, its block lives until zport_leave. */
void zport_enter(struct zport *p);
void zport_leave(struct zport *p);

/* Reading ZMQ_EVENTS is what makes ZeroMQ look into its mailbox. */
void zhub_look(struct zhub_entry *e);

/* False: errno says why. */
bool zoption_int(void *socket, int option, int value);
bool zoption_set(void *socket, const struct zport_settings *set);

MUST_CHECK enum status zmonitor_open(struct zport *p, int events);
void zmonitor_close(struct zport *p);

#endif
