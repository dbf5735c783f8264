#include "broker/egress/recent.h"

#include <string.h>

#include "broker/egress/pack.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

static struct recent_entry *entry_of(const struct recent *r, uint64_t seq)
{
    return &r->entries[seq & (RECENT_ROWS - 1)];
}

enum status recent_init(struct recent *r)
{
    memset(r, 0, sizeof(*r));
    r->first = 1;
    r->entries = mem_zalloc(RECENT_ROWS * sizeof(*r->entries));
    return r->entries ? ST_OK : ST_NOMEM;
}

static void drop_first(struct recent *r)
{
    struct recent_entry *old = entry_of(r, r->first++);

    r->bytes -= old->len;
    mem_free(old->common);
    mem_free(old->reach);
    old->common = NULL;
    old->reach = NULL;
}

void recent_clear(struct recent *r)
{
    while (r->first <= r->last)
        drop_first(r);
}

void recent_free(struct recent *r)
{
    if (r->entries)
        recent_clear(r);
    mem_free(r->entries);
    r->entries = NULL;
}

void recent_push(struct recent *r, const struct parcel *p, uint8_t *common, size_t len)
{
    struct recent_entry *e;

    if (p->seq != r->last + 1) {
        recent_clear(r);
        r->first = p->seq;
    }
    while (r->first < p->seq && (p->seq - r->first >= RECENT_ROWS || r->bytes + len > RECENT_BYTES))
        drop_first(r);
    e = entry_of(r, p->seq);
    e->seq = r->last = p->seq;
    e->common = common;
    e->len = len;
    e->keys_len = pack_keys_bytes(p);
    e->type = p->type;
    e->status = p->status;
    e->lane = (uint8_t)p->id.lane;
    e->expired = p->expired;
    e->not_after_us = p->not_after_us;
    e->label = p->label;
    memcpy(e->agency, p->agency, sizeof(e->agency));
    memcpy(e->places, p->places, sizeof(e->places));
    r->bytes += len;
    e->reach = p->reach ? mem_strdup(p->reach) : NULL;
    if (!e->reach && p->reach)
        recent_clear(r); /* who wants it reads the log */
}

const struct recent_entry *recent_find(const struct recent *r, uint64_t seq)
{
    return seq >= r->first && seq <= r->last ? entry_of(r, seq) : NULL;
}
