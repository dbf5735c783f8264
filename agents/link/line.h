/* line - one session with one broker over one socket, that comes back by itself.
 *
 *   DOWN --back-off--> DIALLING --link up--> GREETING --Welcome--> STANDS
 *
 * and from each back to DOWN: nobody answers, the link lost, three intervals of silence, a Fault. A
 * lost line always gets a new socket: what waited in the old one's queues is gone with it, and the
 * outbox offers it again. A broker that was restarted under a standing link says Fault `hello`:
 * back to GREETING on the same socket. What a line carries while it stands is its owner's business
 * (lines_role.c). */
#ifndef EOCBUS_LINK_LINE_H
#define EOCBUS_LINK_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "agents/link/profile.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/base/status.h"
#include "proto/base/zport.h"

struct line;
struct loop;

enum line_end_cause {
    LINE_LOST,        /* the link, or an attempt to have one */
    LINE_UNKNOWN_KEY, /* the broker does not know our key (yet) */
    LINE_TURNED_AWAY, /* a Fault that ends the session */
    LINE_FORGOTTEN    /* Fault hello: the link stands, a new hello is on its way */
};

struct line_end {
    enum line_end_cause cause;
    bool stood;                     /* a session ended; else an attempt */
    const char *why;                /* a sentence, borrowed */
    const Eocbus__V1__Fault *fault; /* NULL if there was none */
    unsigned retry_ms;              /* when it tries again by itself */
};

struct line_settings {
    struct loop *loop; /* borrowed, outlives us */
    const struct link_profile *profile;
    /* Give an attempt up when there is no link after the profile's connect_ms; else ZeroMQ goes on
     * trying on the same socket. */
    bool gives_up;
    unsigned number; /* the owner's */
    void *arg;
    /* A socket to where the line is to go now, with these events. */
    enum status (*dial)(void *arg, unsigned number, struct zport **out,
                        const struct zport_events *events);
    void (*greet)(void *arg, Eocbus__V1__Hello *m); /* fills it in */
    void (*stands)(void *arg, unsigned number, const Eocbus__V1__Welcome *w);
    /* May call line_close. */
    void (*ended)(void *arg, unsigned number, const struct line_end *end);
    /* While it stands; Welcome, Ping, Pong and a session's end are dealt with here. */
    void (*frame)(void *arg, unsigned number, const Eocbus__V1__Frame *f);
    void (*pong)(void *arg, unsigned number, const Eocbus__V1__Pong *m);
    void (*writable)(void *arg, unsigned number);
    bool (*is_busy)(void *arg, unsigned number); /* answers are due: no need to ask for one */
};

MUST_CHECK enum status line_create(struct line **out, const struct line_settings *set);
void line_destroy(struct line *l); /* NULL is allowed; nothing is called */

/* From wait_ms on it keeps itself open, until line_close. */
void line_open(struct line *l, unsigned wait_ms);
void line_close(struct line *l); /* `ended` is not called */
/* Gives the socket up and comes back after wait_ms (0 = the back-off); `ended` is called. */
void line_cut(struct line *l, const char *why, unsigned wait_ms);
/* It has just ended: the next attempt comes only after wait_ms. */
void line_rest(struct line *l, unsigned wait_ms);
bool line_is_open(const struct line *l);
bool line_stands(const struct line *l);
bool line_has_failed(const struct line *l);          /* the last attempt or session ended */
uint64_t line_stands_since_us(const struct line *l); /* 0 = it does not stand */
uint64_t line_heard_us(const struct line *l);        /* the last frame */

/* As zport_send; ST_CLOSED when it does not stand. */
MUST_CHECK enum status line_send(struct line *l, const Eocbus__V1__Frame *f);
void line_ask(struct line *l);            /* a Ping now, if it stands */
bool line_is_asked(const struct line *l); /* and nothing was heard since */

#endif
