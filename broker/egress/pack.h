/* pack - Deliver frames put together by copying: the part of a Delivery that is the same for every
 * listener is packed once per message, and a listener adds the number before it. Pure.
 *
 * A Delivery's common part is its stamp, content, signature and wrapped keys (fields 1-3 and 7);
 * `previous` and two flags follow (4 to 6). Protobuf takes fields in any order. */
#ifndef EOCBUS_BROKER_EGRESS_PACK_H
#define EOCBUS_BROKER_EGRESS_PACK_H

#include "broker/parcel.h"
#include "proto/base/mem.h"

/* Cut frames here: 64 KiB is a good half second on a 1 Mbit/s line, and beyond it copying gains
 * nothing. */
enum { PACK_FRAME_BYTES = 65536 };

/* The common part, one block for mem_free. NULL when out of memory. */
uint8_t *pack_common(const struct parcel *p, size_t *len);
/* So much of its end are the wrapped keys: who may not open boxes gets it without. */
size_t pack_keys_bytes(const struct parcel *p);

/* A frame in the making. `data` has room for the head at its beginning. */
struct gather {
    struct buf data;
    unsigned count;
    uint64_t first_seq, last_seq;
    uint64_t previous_before; /* what `previous` was before the first one in here */
};

/* frame_bytes: at most PACK_FRAME_BYTES, less on a thin link. The first always fits. */
bool gather_fits(const struct gather *g, size_t common_len, size_t frame_bytes);
/* Bits of `flags`: Delivery.history and last_value. */
enum { PACK_HISTORY = 1, PACK_LAST_VALUE = 2 };
/* False: out of memory; nothing was added. */
bool gather_add(struct gather *g, const uint8_t *common, size_t len, uint64_t seq,
                uint64_t previous, unsigned flags);
/* Completes the frame in place: where it begins, and how long it is. Valid until gather_reset. */
const uint8_t *gather_frame(struct gather *g, uint32_t subscription, size_t *len);
size_t gather_bytes(const struct gather *g);
void gather_reset(struct gather *g); /* keeps the memory */

/* A Deliver with a horizon only. Answers its length. */
enum { HORIZON_FRAME_MAX = 32 };
size_t pack_horizon(uint8_t out[HORIZON_FRAME_MAX], uint32_t subscription, uint64_t horizon);

#endif
