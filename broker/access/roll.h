/* roll - the principals as they were read last: found by name and by key. Pure.
 *
 * Filled once, sealed, then only asked. A name may stand twice with two keys: that is how a key is
 * changed without a gap. */
#ifndef EOCBUS_BROKER_ACCESS_ROLL_H
#define EOCBUS_BROKER_ACCESS_ROLL_H

#include <stddef.h>
#include <stdint.h>

#include "broker/access/access.h"
#include "proto/base/status.h"

struct roll;

MUST_CHECK enum status roll_create(struct roll **out);
void roll_destroy(struct roll *r);
/* Copies. Only before roll_seal. */
MUST_CHECK enum status roll_add(struct roll *r, const struct principal *p);
void roll_seal(struct roll *r); /* needs no memory */
size_t roll_count(const struct roll *r);

/* NULL: none, or its time is over (not_after_us <= utc_us). Of two under one name the one that was
 * given first to roll_add and is still valid. */
const struct principal *roll_find(const struct roll *r, const char *name, int64_t utc_us);
const struct principal *roll_find_key(const struct roll *r, const uint8_t key[32], int64_t utc_us);
/* All of one name, valid or not, in the order of roll_add; answers how many. */
size_t roll_each_named(const struct roll *r, const char *name,
                       void (*each)(void *arg, const struct principal *p), void *arg);

#endif
