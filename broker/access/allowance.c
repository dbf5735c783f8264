#include "broker/access/allowance.h"

#include "broker/access/quota.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

#define SECOND_US     UINT64_C(1000000)
#define ON_LIST_US    (60 * SECOND_US)
#define NEVER_WAIT_US (3600 * SECOND_US)

enum { IMMEDIATE = 2, SHARE_KEPT = 8 };

struct allowance {
    struct allowance_limits limits;
    struct quota_book *items, *bytes, *alarms;
    struct allowance_over over[ALLOWANCE_LISTED]; /* last_us 0 = free */
};

static uint32_t items_saved(const struct allowance_limits *l)
{
    return l->items_per_second * ALLOWANCE_BURST_S;
}

static uint32_t bytes_saved(const struct allowance_limits *l)
{
    return l->bytes_per_second * ALLOWANCE_BURST_S;
}

static uint32_t alarms_saved(const struct allowance_limits *l)
{
    return l->alarms_per_minute < 2 ? 1 : l->alarms_per_minute / 2;
}

enum status allowance_create(struct allowance **out, const struct allowance_limits *limits,
                             size_t principals_max)
{
    struct allowance *a = mem_zalloc(sizeof(*a));
    enum status st;

    if (!a)
        return ST_NOMEM;
    a->limits = *limits;
    st = quota_book_create(&a->items, items_saved(limits), ALLOWANCE_BURST_S * SECOND_US,
                           principals_max);
    if (st == ST_OK)
        st = quota_book_create(&a->bytes, bytes_saved(limits), ALLOWANCE_BURST_S * SECOND_US,
                               principals_max);
    if (st == ST_OK)
        st = quota_book_create(&a->alarms, alarms_saved(limits),
                               ALLOWANCE_ALARM_BURST_S * SECOND_US, principals_max);
    if (st != ST_OK) {
        allowance_destroy(a);
        return st;
    }
    *out = a;
    return ST_OK;
}

void allowance_destroy(struct allowance *a)
{
    if (!a)
        return;
    quota_book_destroy(a->items);
    quota_book_destroy(a->bytes);
    quota_book_destroy(a->alarms);
    mem_free(a);
}

void allowance_set(struct allowance *a, const struct allowance_limits *limits, uint64_t now_us)
{
    a->limits = *limits;
    quota_book_set(a->items, items_saved(limits), now_us);
    quota_book_set(a->bytes, bytes_saved(limits), now_us);
    quota_book_set(a->alarms, alarms_saved(limits), now_us);
}

static uint32_t kept_of(uint32_t saved, unsigned lane)
{
    return lane <= IMMEDIATE ? 0 : saved / SHARE_KEPT;
}

static bool take_items(struct allowance *a, int32_t principal_id, unsigned lane, uint64_t now_us)
{
    const struct allowance_limits *l = &a->limits;

    return !l->items_per_second ||
           quota_book_take_above(a->items, principal_id, 1, kept_of(items_saved(l), lane), now_us);
}

static bool take_bytes(struct allowance *a, int32_t principal_id, unsigned lane, size_t bytes,
                       uint64_t now_us)
{
    const struct allowance_limits *l = &a->limits;

    return !l->bytes_per_second || quota_book_take_above(a->bytes, principal_id, (uint32_t)bytes,
                                                         kept_of(bytes_saved(l), lane), now_us);
}

bool allowance_take(struct allowance *a, int32_t principal_id, unsigned lane, size_t bytes,
                    uint64_t now_us)
{
    if (!take_items(a, principal_id, lane, now_us))
        return false;
    if (take_bytes(a, principal_id, lane, bytes, now_us))
        return true;
    if (a->limits.items_per_second)
        quota_book_give(a->items, principal_id, 1);
    return false;
}

void allowance_give(struct allowance *a, int32_t principal_id, size_t bytes)
{
    if (a->limits.items_per_second)
        quota_book_give(a->items, principal_id, 1);
    if (a->limits.bytes_per_second)
        quota_book_give(a->bytes, principal_id, (uint32_t)bytes);
}

bool allowance_take_alarm(struct allowance *a, int32_t principal_id, uint64_t now_us)
{
    return !a->limits.alarms_per_minute || quota_book_take(a->alarms, principal_id, 1, now_us);
}

/* Above what is left for the urgent, whoever asks: then it is enough for all lanes. */
static uint64_t wait_for(const struct quota_book *b, uint32_t saved, int32_t principal_id, size_t n,
                         uint64_t now_us)
{
    uint32_t most = n < saved / 2 ? (uint32_t)n : saved / 2;
    uint64_t wait_us;

    if (!n)
        return 0;
    wait_us = quota_book_wait_us(b, principal_id, saved / SHARE_KEPT + most, now_us);
    return wait_us < NEVER_WAIT_US ? wait_us : NEVER_WAIT_US;
}

uint64_t allowance_wait_us(const struct allowance *a, int32_t principal_id, uint32_t items,
                           size_t bytes, uint64_t now_us)
{
    const struct allowance_limits *l = &a->limits;
    uint64_t wait_us = 0, other_us = 0;

    if (l->items_per_second)
        wait_us = wait_for(a->items, items_saved(l), principal_id, items, now_us);
    if (l->bytes_per_second)
        other_us = wait_for(a->bytes, bytes_saved(l), principal_id, bytes, now_us);
    return other_us > wait_us ? other_us : wait_us;
}

/* --- for people ------------------------------------------------------------------------------- */

static bool is_listed(const struct allowance_over *o, uint64_t now_us)
{
    return o->last_us && now_us - o->last_us < ON_LIST_US;
}

/* Its own place, else the one that was quiet longest. */
static struct allowance_over *place_for(struct allowance *a, int32_t principal_id)
{
    struct allowance_over *oldest = &a->over[0];

    for (size_t i = 0; i < ALLOWANCE_LISTED; i++) {
        struct allowance_over *o = &a->over[i];

        if (o->last_us && o->principal_id == principal_id)
            return o;
        if (o->last_us < oldest->last_us)
            oldest = o;
    }
    return oldest;
}

bool allowance_note_over(struct allowance *a, int32_t principal_id, uint32_t items, uint32_t alarms,
                         uint64_t now_us)
{
    struct allowance_over *o = place_for(a, principal_id);
    bool is_news = o->principal_id != principal_id || !is_listed(o, now_us);

    if (is_news)
        *o = (struct allowance_over){.principal_id = principal_id, .since_us = now_us};
    o->last_us = now_us ? now_us : 1;
    o->items += items;
    o->alarms += alarms;
    return is_news;
}

size_t allowance_list_over(const struct allowance *a, struct allowance_over out[ALLOWANCE_LISTED],
                           uint64_t now_us)
{
    size_t n = 0;

    for (size_t i = 0; i < ALLOWANCE_LISTED; i++)
        if (is_listed(&a->over[i], now_us))
            out[n++] = a->over[i];
    return n;
}
