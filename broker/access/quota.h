/* quota - how much of something a principal may use: token buckets, one per principal. Pure: the
 * time is handed in, from any clock that only goes forward.
 *
 * A bucket starts full, holds `capacity` tokens and fills from empty to full in one period. Whoever
 * used up an hour's worth gets single tokens back at once instead of waiting for the full hour. */
#ifndef EOCBUS_BROKER_ACCESS_QUOTA_H
#define EOCBUS_BROKER_ACCESS_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

#define QUOTA_HOUR_US 3600000000ull

struct quota {
    uint64_t level;     /* tokens times period_us: exact without fractions */
    uint64_t period_us; /* 1 .. QUOTA_HOUR_US */
    uint64_t touched_us;
    uint32_t capacity; /* 0 = never gives a token */
};

void quota_init(struct quota *q, uint32_t capacity, uint64_t period_us, uint64_t now_us);
/* Takes n tokens, or none and answers false. A clock that steps back adds nothing. */
bool quota_take(struct quota *q, uint32_t n, uint64_t now_us);
/* The same, but leaves `floor` tokens for those who may take them. */
bool quota_take_above(struct quota *q, uint32_t n, uint32_t floor, uint64_t now_us);
/* Until n tokens are there if nobody takes any; more than fit count as all. UINT64_MAX: never. */
uint64_t quota_wait_us(const struct quota *q, uint32_t n, uint64_t now_us);
bool quota_is_full(const struct quota *q, uint64_t now_us);

/* One bucket per principal, kept over reconnects: a new session does not buy a new quota. Holds at
 * most `principals_max` that are not full; a full bucket is the same as none, so it is forgotten
 * when its place is needed. */
struct quota_book;
MUST_CHECK enum status quota_book_create(struct quota_book **out, uint32_t capacity,
                                         uint64_t period_us, size_t principals_max);
void quota_book_destroy(struct quota_book *b);
/* False: past the quota; or no room or memory to count it, which is treated the same. */
bool quota_book_take(struct quota_book *b, int32_t principal_id, uint32_t n, uint64_t now_us);
/* Leaves `floor` tokens. */
bool quota_book_take_above(struct quota_book *b, int32_t principal_id, uint32_t n, uint32_t floor,
                           uint64_t now_us);
uint64_t quota_book_wait_us(const struct quota_book *b, int32_t principal_id, uint32_t n,
                            uint64_t now_us);
/* Gives back what was taken for something that then did not happen. */
void quota_book_give(struct quota_book *b, int32_t principal_id, uint32_t n);
/* New capacity for everybody; what was used stays used. For reload. */
void quota_book_set(struct quota_book *b, uint32_t capacity, uint64_t now_us);
size_t quota_book_count(const struct quota_book *b);

#endif
