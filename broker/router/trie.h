/* trie - patterns as a tree of levels, found by topic. Pure; knows no listeners, only values.
 *
 * A pattern has levels split by '.', '*' is any one level, '**' at the end is one level or more.
 * The patterns were checked before (pattern_fault); a value may hang on many patterns and a pattern
 * may carry many values. */
#ifndef EOCBUS_BROKER_ROUTER_TRIE_H
#define EOCBUS_BROKER_ROUTER_TRIE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/status.h"

struct trie;
struct trie_node; /* where a pattern ends; stays while a value hangs on it */

MUST_CHECK enum status trie_create(struct trie **out);
void trie_destroy(struct trie *t);

/* *place is the same for the same pattern. ST_NOMEM leaves the trie as it was. */
MUST_CHECK enum status trie_add(struct trie *t, struct trie_node **place, const char *pattern,
                                void *value);
/* Where a pattern ends, NULL if nothing hangs on it. */
struct trie_node *trie_find(const struct trie *t, const char *pattern);
/* Takes the value off; nodes that lead nowhere go. `value` must hang there. */
void trie_remove(struct trie *t, struct trie_node *place, void *value);

/* Calls `hit` for each value on each pattern that matches: a value on several is hit several times,
 * in no promised order. `hit` must not change the trie. */
void trie_match(const struct trie *t, const char *topic, void (*hit)(void *arg, void *value),
                void *arg);

#endif
