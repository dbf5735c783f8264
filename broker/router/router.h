/* router - who wants it: patterns of the listeners in a trie, looked up by topic. Pure: no loop, no
 * I/O. */
#ifndef EOCBUS_BROKER_ROUTER_ROUTER_H
#define EOCBUS_BROKER_ROUTER_ROUTER_H

#include "broker/parcel.h"
#include "proto/wire/topic.h"

struct router;

MUST_CHECK enum status router_create(struct router **out);
void router_destroy(struct router *r);

/* A listener may add many patterns; the pair is unique (ST_EXISTS). ST_INVALID: bad pattern. */
MUST_CHECK enum status router_add(struct router *r, const char *pattern, void *listener);
void router_remove_listener(struct router *r, void *listener);

/* Calls `each` once for every listener with at least one pattern that matches at least one topic,
 * in the order in which they were added, whatever memory looks like. `each` may add and remove
 * listeners (one removed is not called any more, one added not yet), but not route. */
void router_route(struct router *r, const struct topics *t, void (*each)(void *arg, void *listener),
                  void *arg);
size_t router_patterns(const struct router *r);

#endif
