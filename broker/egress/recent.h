/* recent - what was routed last, ready packed, by number. Pure.
 *
 * Numbers in it are contiguous: a push that does not continue empties it first. Bounded by count
 * and bytes; the oldest go. Nothing is promised about how far back it reaches: who finds nothing
 * here reads the log. */
#ifndef EOCBUS_BROKER_EGRESS_RECENT_H
#define EOCBUS_BROKER_EGRESS_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/parcel.h"

enum { RECENT_ROWS = 4096 };           /* a power of two */
#define RECENT_BYTES ((size_t)8 << 20) /* two seconds at 4,000 messages/s of 1 KiB */

struct recent_entry {
    uint64_t seq;
    uint8_t *common; /* owned */
    size_t len, keys_len; /* keys_len: of len, at its end; see pack.h */
    uint16_t type;
    uint8_t status, lane;
    bool expired;
    uint8_t label;
    int64_t not_after_us; /* 0 = never */
    char *reach;          /* owned: names of those it is for; NULL = nobody in particular */
    char agency[AGENCY_TEXT];
    char places[PLACES_TEXT];
};

struct recent {
    uint64_t first, last; /* last < first: empty */
    size_t bytes;
    struct recent_entry *entries;
};

MUST_CHECK enum status recent_init(struct recent *r);
void recent_clear(struct recent *r);
void recent_free(struct recent *r);
/* Takes `common` (mem_alloc). Without memory for the rest it is empty afterwards. */
void recent_push(struct recent *r, const struct parcel *p, uint8_t *common, size_t len);
const struct recent_entry *recent_find(const struct recent *r, uint64_t seq); /* NULL: not here */

#endif
