/* urgent - on thin links, a second connection for FLASH and IMMEDIATE.
 *
 * Bulk that was handed to a connection cannot be overtaken in it: what TCP holds goes first, and
 * one lost packet holds up all that is behind it for a retransmission, seconds on 2G. A second
 * connection waits for neither; it shares only what the link itself holds. It is a session like any
 * other to the broker, opened when the first one stands and closed with it. While it is down the
 * urgent lanes take the first connection. */
#ifndef EOCBUS_LINK_URGENT_H
#define EOCBUS_LINK_URGENT_H

#include <stdbool.h>

#include "agents/link/profile.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/base/status.h"
#include "proto/base/zport.h"

struct loop;
struct urgent;

struct urgent_settings {
    struct loop *loop; /* borrowed, outlives us */
    const struct link_profile *profile;
    void *arg;
    /* As the first connection's socket, with these events. */
    enum status (*dial)(void *arg, struct zport **out, const struct zport_events *events);
    void (*greet)(void *arg, Eocbus__V1__Hello *m); /* fills it in */
    void (*stands)(void *arg, bool up);
    /* Receipts and Busy; everything else is dealt with here. */
    void (*frame)(void *arg, const Eocbus__V1__Frame *f);
};

MUST_CHECK enum status urgent_create(struct urgent **out, const struct urgent_settings *set);
void urgent_destroy(struct urgent *u); /* NULL is allowed; `stands` is not called */
void urgent_open(struct urgent *u);    /* keeps it open by itself until urgent_close */
void urgent_close(struct urgent *u);   /* `stands` is called if it stood */
/* As zport_send; ST_CLOSED when it does not stand. */
MUST_CHECK enum status urgent_send(struct urgent *u, const Eocbus__V1__Frame *f);

#endif
