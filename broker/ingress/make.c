/* A parcel from what was offered and what the gate and the broker know of it. */
#include "broker/ingress/room.h"

#include <assert.h>
#include <string.h>

#include "proto/wire/json.h"
#include "proto/wire/sealed.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

void fill_identity(struct parcel *p, const Eocbus__V1__Envelope *m)
{
    p->id.epoch = m->epoch;
    p->id.lane = (uint32_t)m->lane;
    p->id.lane_seq = m->lane_seq;
    if (m->message_id.len == ID_BYTES)
        memcpy(p->message_id, m->message_id.data, ID_BYTES);
}

/* What the broker knows of the sender's clock, against what the message says of it. */
static void judge_time(struct parcel *p, const struct publishing *b, const Eocbus__V1__Envelope *m)
{
    const struct clock_claim claim = {(uint32_t)m->clock_source, m->clock_err_ms};
    const struct clock_estimate *clock = &b->s->clock;

    if (clock_is_suspect(clock, &claim))
        p->marks |= PARCEL_CLOCK_SUSPECT;
    if (clock_is_late(clock, m->sent_time_us, p->received_time_us))
        p->marks |= PARCEL_LATE;
    p->not_after_us = clock_not_after(clock, &claim, m->not_after_us);
    p->expired = p->not_after_us && p->not_after_us < p->received_time_us;
}

void fill_content(struct parcel *p, const struct publishing *b, const Eocbus__V1__Envelope *m)
{
    fill_identity(p, m);
    p->type = (uint16_t)m->body_case;
    /* A newer sender's word becomes "unknown", never by its low bits one of ours. */
    p->status = (unsigned)m->status <= UINT8_MAX ? (uint8_t)m->status : 0;
    places_of(p->places, m);
    parcel_peek(p);
    p->event_time_us = m->event_time_us;
    p->sent_time_us = m->sent_time_us;
    judge_time(p, b, m);
}

/* PostgreSQL keeps a readable copy of what has a life cycle. */
static bool fill_doc(struct parcel *p, const Eocbus__V1__Envelope *m)
{
    const struct type_info *type = type_by_number(p->type);
    struct buf text = {0};

    if (!type || !(type->flags & TYPE_LEDGER))
        return true;
    json_print(&text, &m->base);
    buf_put(&text, "", 1);
    if (text.failed) {
        buf_free(&text);
        return false;
    }
    p->doc = (char *)text.data;
    return true;
}

/* Thirty-two names of 64 bytes at most; the grammar of recipients has no blanks. */
bool fill_to(struct parcel *p, const Eocbus__V1__Envelope *m)
{
    struct buf text = {0};

    if (!m->n_to)
        return true;
    for (size_t i = 0; i < m->n_to; i++) {
        if (i)
            buf_puts(&text, " ");
        buf_puts(&text, m->to[i]);
    }
    buf_put(&text, "", 1);
    if (text.failed) {
        buf_free(&text);
        return false;
    }
    p->to = (char *)text.data;
    return true;
}

static bool fill_keys(struct parcel *p, const Eocbus__V1__Item *item)
{
    if (!item->n_keys)
        return true;
    p->keys = mem_alloc(item->n_keys * WRAPPED_BYTES);
    if (!p->keys)
        return false;
    p->keys_len = item->n_keys * WRAPPED_BYTES;
    sealed_put_keys(p->keys, item->keys, item->n_keys);
    return true;
}

static bool fill_refusal(struct parcel *p, const struct refusal *why)
{
    p->refused = mem_alloc(sizeof(*p->refused));
    if (p->refused)
        *p->refused = *why;
    return p->refused;
}

struct parcel *begin_parcel(const struct publishing *b, const Eocbus__V1__Item *item)
{
    size_t kept = item->content.len < LIMIT_CONTENT_BYTES ? item->content.len : LIMIT_CONTENT_BYTES;
    struct parcel *p =
        parcel_create(item->content.data, kept, item->signature.data, item->signature.len);

    if (!p)
        return NULL;
    p->session = b->s ? b->s->number : 0;
    p->tag = item->tag;
    p->principal_id = b->principal->principal_id;
    if (b->author && b->author->principal_id != p->principal_id) {
        p->carrier_id = p->principal_id;
        p->principal_id = b->author->principal_id;
    }
    p->received_time_us = b->received_us;
    p->clock_offset_ms = b->s ? clock_offset_ms(&b->s->clock) : 0;
    return p;
}

struct parcel *make_parcel(const struct publishing *b, const Eocbus__V1__Item *item,
                           const Eocbus__V1__Envelope *m, const struct refusal *why)
{
    struct parcel *p = begin_parcel(b, item);

    assert(m || why); /* what passed the gate is there; what did not has a reason */
    if (!p)
        return NULL;
    if (!why)
        fill_content(p, b, m);
    else if (m)
        fill_identity(p, m);
    if (why ? fill_refusal(p, why) : fill_doc(p, m) && fill_to(p, m) && fill_keys(p, item))
        return p;
    parcel_drop(&p);
    return NULL;
}
