/* tagset - a set of row names (tags), for what is in flight. Sorted array: a few hundred members
 * that come mostly in order, so adding is an append and asking a binary search. */
#ifndef EOCBUS_LINK_TAGSET_H
#define EOCBUS_LINK_TAGSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

struct tagset { /* zeroed = empty */
    uint64_t *tags;
    size_t count, cap;
};

MUST_CHECK enum status tagset_add(struct tagset *s, uint64_t tag); /* adding twice is harmless */
void tagset_remove(struct tagset *s, uint64_t tag);                /* so is removing twice */
bool tagset_has(const struct tagset *s, uint64_t tag);
void tagset_clear(struct tagset *s); /* keeps the memory */
void tagset_free(struct tagset *s);

#endif
