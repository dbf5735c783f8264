/* Two hash tables of rings with the links inside the sessions: one by address, one by number. Their
 * size is fixed when the table is made (the maximum is known), so that nothing is ever rehashed in
 * the middle of a rush of connections. */
#include "broker/ingress/session.h"

#include <string.h>

#include "proto/base/banned.h"

struct sessions {
    unsigned max, count;
    size_t mask; /* buckets - 1 */
    uint64_t last_number;
    struct list heard; /* least recently heard first */
    struct list *by_address, *by_number;
    struct senders senders;
};

bool lane_gate_lets(struct lane_gate *g, uint64_t epoch, uint64_t lane_seq, uint64_t now_us)
{
    if (!g->first || g->epoch != epoch)
        return true;
    if (now_us - g->closed_us >= LANE_GATE_US) {
        g->first = 0;
        return true;
    }
    if (lane_seq > g->first && lane_seq > g->again) {
        g->last = lane_seq > g->last ? lane_seq : g->last;
        g->again = lane_seq;
        g->closed_us = now_us;
        return false;
    }
    if (lane_seq >= g->first) {
        g->first = lane_seq < g->last ? lane_seq + 1 : 0;
        g->again = 0;
        g->closed_us = now_us;
    }
    return true;
}

void lane_gate_close(struct lane_gate *g, uint64_t epoch, uint64_t lane_seq, uint64_t now_us)
{
    bool is_open = !g->first || g->epoch != epoch;

    if (is_open || lane_seq <= g->first) {
        g->epoch = epoch;
        g->first = lane_seq;
        g->again = 0;
        g->closed_us = now_us;
    }
    if (is_open || lane_seq > g->last)
        g->last = lane_seq;
}

static struct list *create_buckets(size_t n)
{
    struct list *buckets = mem_alloc(n * sizeof(*buckets));

    for (size_t i = 0; buckets && i < n; i++)
        list_init(&buckets[i]);
    return buckets;
}

enum status sessions_create(struct sessions **out, unsigned max)
{
    struct sessions *t = mem_zalloc(sizeof(*t));
    size_t buckets = 64;

    if (!t)
        return ST_NOMEM;
    while (buckets < max)
        buckets *= 2;
    t->max = max;
    t->mask = buckets - 1;
    list_init(&t->heard);
    t->by_address = create_buckets(buckets);
    if (!t->by_address)
        goto fail_table;
    t->by_number = create_buckets(buckets);
    if (!t->by_number)
        goto fail_address;
    if (senders_init(&t->senders, buckets) != ST_OK)
        goto fail_number;
    *out = t;
    return ST_OK;

fail_number:
    mem_free(t->by_number);
fail_address:
    mem_free(t->by_address);
fail_table:
    mem_free(t);
    return ST_NOMEM;
}

void sessions_destroy(struct sessions *t)
{
    if (!t)
        return;
    while (!list_empty(&t->heard))
        sessions_close(t, container_of(t->heard.next, struct session, heard));
    senders_free(&t->senders);
    mem_free(t->by_number);
    mem_free(t->by_address);
    mem_free(t);
}

unsigned sessions_count(const struct sessions *t)
{
    return t->count;
}

/* FNV-1a. The id is ZeroMQ's own (five random bytes), not the peer's choice. */
static size_t hash_address(const struct zport_id *id)
{
    uint64_t h = 14695981039346656037ull;

    for (unsigned i = 0; i < id->len; i++)
        h = (h ^ id->bytes[i]) * 1099511628211ull;
    return (size_t)(h ^ h >> 32);
}

enum status sessions_open(struct session **out, struct sessions *t, const struct zport_id *address,
                          const char *principal, int32_t principal_id, uint64_t now_us)
{
    struct session *s;

    if (t->count >= t->max)
        return ST_FULL;
    s = mem_zalloc(sizeof(*s));
    if (!s)
        return ST_NOMEM;
    s->sender = senders_make(&t->senders, principal_id);
    if (!s->sender) {
        mem_free(s);
        return ST_NOMEM;
    }
    s->sender->sessions++;
    list_add_tail(&s->sender->own, &s->own);
    s->number = ++t->last_number;
    s->address = *address;
    s->fd = -1;
    s->principal_id = principal_id;
    s->link = link_limits_by_name(NULL);
    s->heard_us = s->since_us = now_us;
    memcpy(s->principal, principal, strnlen(principal, LIMIT_NAME_BYTES));
    list_init(&s->owing);
    list_add_tail(&t->heard, &s->heard);
    list_add_tail(&t->by_address[hash_address(address) & t->mask], &s->by_address);
    list_add_tail(&t->by_number[s->number & t->mask], &s->by_number);
    t->count++;
    *out = s;
    return ST_OK;
}

void sessions_close(struct sessions *t, struct session *s)
{
    list_remove(&s->owing);
    list_remove(&s->heard);
    list_remove(&s->by_address);
    list_remove(&s->by_number);
    list_remove(&s->own);
    s->sender->sessions--;
    sender_release(s->sender);
    buf_free(&s->turned_away);
    buf_free(&s->receipts);
    mem_free(s);
    t->count--;
}

void sessions_heard(struct sessions *t, struct session *s, uint64_t now_us)
{
    s->heard_us = now_us;
    list_remove(&s->heard);
    list_add_tail(&t->heard, &s->heard);
    list_remove(&s->own);
    list_add_tail(&s->sender->own, &s->own);
}

struct sender *sessions_sender(const struct sessions *t, int32_t principal_id)
{
    return senders_find(&t->senders, principal_id);
}

struct session *sessions_oldest(const struct sessions *t, int32_t principal_id)
{
    const struct sender *sender = senders_find(&t->senders, principal_id);

    return sender && sender->sessions ? container_of(sender->own.next, struct session, own) : NULL;
}

struct session *sessions_at(const struct sessions *t, const struct zport_id *address)
{
    struct list *bucket = &t->by_address[hash_address(address) & t->mask];
    struct list *link;

    list_each(link, bucket) {
        struct session *s = container_of(link, struct session, by_address);

        if (s->address.len == address->len &&
            memcmp(s->address.bytes, address->bytes, address->len) == 0)
            return s;
    }
    return NULL;
}

struct session *sessions_number(const struct sessions *t, uint64_t number)
{
    struct list *bucket = &t->by_number[number & t->mask];
    struct list *link;

    list_each(link, bucket) {
        struct session *s = container_of(link, struct session, by_number);

        if (s->number == number)
            return s;
    }
    return NULL;
}

struct session *sessions_next(const struct sessions *t, const struct session *after)
{
    const struct list *next = after ? after->heard.next : t->heard.next;

    return next == &t->heard ? NULL : container_of(next, struct session, heard);
}
