/* roll - the principals as they were read last: found by name and by key. Pure.
 *
 * Filled once, sealed, then only asked. A name may stand twice with two keys: that is how a key is
 * changed without a gap. The vouched record with the highest serial then tells agency, roles and
 * places of both, also when its own key is shut or its time is over: what was taken away by a
 * record does not come back with an older key. A key under such a name that nobody vouches for is
 * `beside` it: whoever wrote it into the database gave it the role `unvouched`, and no more. */
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
struct grants;
/* Once it is sealed: gives each its rights, which live as long as `g`. ST_NOMEM. */
MUST_CHECK enum status roll_grant(struct roll *r, struct grants *g);
size_t roll_count(const struct roll *r);
size_t roll_open(const struct roll *r); /* those that are not shut */
/* Those that open the door beside a record; *first is the name of one, borrowed. */
size_t roll_beside(const struct roll *r, const char **first);
void roll_each(const struct roll *r, void (*each)(void *arg, const struct principal *p), void *arg);

/* NULL: none, or its time is over (not_after_us <= utc_us). Of two under one name the one with the
 * highest serial that is still valid; of the same serial, the one that was given first. */
const struct principal *roll_find(const struct roll *r, const char *name, int64_t utc_us);
const struct principal *roll_find_key(const struct roll *r, const uint8_t key[32], int64_t utc_us);
/* Valid or not, shut or not. */
const struct principal *roll_find_any(const struct roll *r, const uint8_t key[32]);
/* All of one name but those that are shut, also after their time, the highest serial first; answers
 * how many. */
size_t roll_each_named(const struct roll *r, const char *name,
                       void (*each)(void *arg, const struct principal *p), void *arg);
/* The one of that name that has this key. */
const struct principal *roll_find_both(const struct roll *r, const char *name,
                                       const uint8_t key[32], int64_t utc_us);
/* The first not_after_us after utc_us; INT64_MAX: none. Looks at all. */
int64_t roll_next_end(const struct roll *r, int64_t utc_us);

#endif
