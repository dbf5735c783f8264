/* A bucket keeps tokens times period, so that refilling is one multiplication without rounding:
 * each microsecond adds `capacity`, each token costs `period_us`. The largest product, 2^32 tokens
 * times an hour, is 1.5e19 and fits in 64 bits. */
#include "broker/access/quota.h"

#include <string.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

struct entry {
    int32_t principal_id;
    struct quota quota;
};

struct quota_book {
    uint32_t capacity;
    uint64_t period_us;
    size_t max, count, room;
    struct entry *entries; /* sorted by principal_id */
};

static uint64_t full_level(const struct quota *q)
{
    return (uint64_t)q->capacity * q->period_us;
}

void quota_init(struct quota *q, uint32_t capacity, uint64_t period_us, uint64_t now_us)
{
    q->capacity = capacity;
    q->period_us = period_us;
    q->touched_us = now_us;
    q->level = full_level(q);
}

static uint64_t level_at(const struct quota *q, uint64_t now_us)
{
    uint64_t passed_us = now_us > q->touched_us ? now_us - q->touched_us : 0;

    if (passed_us >= q->period_us)
        return full_level(q);
    uint64_t missing = full_level(q) - q->level;
    uint64_t gained = passed_us * q->capacity;
    return gained >= missing ? full_level(q) : q->level + gained;
}

static void refill(struct quota *q, uint64_t now_us)
{
    q->level = level_at(q, now_us);
    if (now_us > q->touched_us)
        q->touched_us = now_us;
}

bool quota_take_above(struct quota *q, uint32_t n, uint32_t floor, uint64_t now_us)
{
    uint64_t cost = n * q->period_us, kept = floor * q->period_us;

    refill(q, now_us);
    if (kept > q->level || cost > q->level - kept)
        return false;
    q->level -= cost;
    return true;
}

bool quota_take(struct quota *q, uint32_t n, uint64_t now_us)
{
    return quota_take_above(q, n, 0, now_us);
}

uint64_t quota_wait_us(const struct quota *q, uint32_t n, uint64_t now_us)
{
    uint64_t level = level_at(q, now_us);
    uint64_t cost = (n < q->capacity ? n : q->capacity) * q->period_us;

    if (!q->capacity)
        return UINT64_MAX;
    return cost > level ? (cost - level + q->capacity - 1) / q->capacity : 0;
}

bool quota_is_full(const struct quota *q, uint64_t now_us)
{
    return level_at(q, now_us) == full_level(q);
}

enum status quota_book_create(struct quota_book **out, uint32_t capacity, uint64_t period_us,
                              size_t principals_max)
{
    struct quota_book *b = mem_zalloc(sizeof(*b));

    if (!b)
        return ST_NOMEM;
    b->capacity = capacity;
    b->period_us = period_us;
    b->max = principals_max;
    *out = b;
    return ST_OK;
}

void quota_book_destroy(struct quota_book *b)
{
    if (!b)
        return;
    mem_free(b->entries);
    mem_free(b);
}

/* Index of the principal, or where it would stand. */
static size_t find_place(const struct quota_book *b, int32_t principal_id)
{
    size_t low = 0, high = b->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (b->entries[mid].principal_id < principal_id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void forget_full(struct quota_book *b, uint64_t now_us)
{
    size_t kept = 0;

    for (size_t i = 0; i < b->count; i++)
        if (!quota_is_full(&b->entries[i].quota, now_us))
            b->entries[kept++] = b->entries[i];
    b->count = kept;
}

static bool make_room(struct quota_book *b, uint64_t now_us)
{
    if (b->count < b->room)
        return true;
    forget_full(b, now_us);
    if (b->count >= b->max)
        return false;
    if (b->count < b->room)
        return true;
    size_t room = b->room ? b->room * 2 : 16;
    struct entry *grown = mem_realloc(b->entries, room * sizeof(*grown));
    if (!grown)
        return false;
    b->entries = grown;
    b->room = room;
    return true;
}

bool quota_book_take_above(struct quota_book *b, int32_t principal_id, uint32_t n, uint32_t floor,
                           uint64_t now_us)
{
    size_t i = find_place(b, principal_id);

    if (i == b->count || b->entries[i].principal_id != principal_id) {
        if (!make_room(b, now_us))
            return false;
        i = find_place(b, principal_id); /* making room may have moved it */
        memmove(&b->entries[i + 1], &b->entries[i], (b->count - i) * sizeof(*b->entries));
        b->entries[i].principal_id = principal_id;
        quota_init(&b->entries[i].quota, b->capacity, b->period_us, now_us);
        b->count++;
    }
    return quota_take_above(&b->entries[i].quota, n, floor, now_us);
}

bool quota_book_take(struct quota_book *b, int32_t principal_id, uint32_t n, uint64_t now_us)
{
    return quota_book_take_above(b, principal_id, n, 0, now_us);
}

uint64_t quota_book_wait_us(const struct quota_book *b, int32_t principal_id, uint32_t n,
                            uint64_t now_us)
{
    size_t i = find_place(b, principal_id);

    if (i < b->count && b->entries[i].principal_id == principal_id)
        return quota_wait_us(&b->entries[i].quota, n, now_us);
    return b->capacity ? 0 : UINT64_MAX;
}

void quota_book_give(struct quota_book *b, int32_t principal_id, uint32_t n)
{
    size_t i = find_place(b, principal_id);
    struct quota *q;

    if (i == b->count || b->entries[i].principal_id != principal_id)
        return; /* its bucket was full and is forgotten */
    q = &b->entries[i].quota;
    if (full_level(q) - q->level > n * q->period_us)
        q->level += n * q->period_us;
    else
        q->level = full_level(q);
}

void quota_book_set(struct quota_book *b, uint32_t capacity, uint64_t now_us)
{
    for (size_t i = 0; i < b->count; i++) {
        struct quota *q = &b->entries[i].quota;

        refill(q, now_us);
        uint64_t used = full_level(q) - q->level;
        q->capacity = capacity;
        q->level = full_level(q) > used ? full_level(q) - used : 0;
    }
    b->capacity = capacity;
}

size_t quota_book_count(const struct quota_book *b)
{
    return b->count;
}
