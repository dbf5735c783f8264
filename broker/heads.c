/* heads - once a minute this broker says where the chain over the log stands (PROTOCOL.md, "The
 * record"), as a message of its own: signed with its key, stored and delivered like any other.
 * Whoever heard one can prove later that what was before it was changed or cut off.
 *
 * It needs a signing key and a principal whose key is the broker's own. Its outbox is this process:
 * an epoch of its start, a lane of its own. A head that is not stored is not said again; the next
 * one comes. */
#include "broker/hall.h"

#include <inttypes.h>
#include <string.h>

#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/sign.h"
#include "proto/wire/json.h"

#include "proto/base/banned.h"

enum { CONTENT_MOST = 512, SCHEMA = 1000 };

struct heads {
    struct broker *b; /* borrowed, outlives us */
    struct loop_timer *timer;
    uint64_t epoch, lane_seq;
    struct heads_counters n;
};

static const struct principal *find_self(const struct heads *h)
{
    const struct broker *b = h->b;

    return b->signer ? access_find_key(b->access, b->own_key) : NULL;
}

static void make_envelope(struct heads *h, Eocbus__V1__Envelope *e, const struct principal *self,
                          uint8_t id[ID_BYTES])
{
    int64_t now_us = loop_utc_us(h->b->loop);
    uint8_t random[10];

    loop_random(h->b->loop, random, sizeof(random));
    id_make(id, now_us, random);
    eocbus__v1__envelope__init(e);
    e->message_id = (ProtobufCBinaryData){ID_BYTES, id};
    e->schema = SCHEMA;
    e->sender = self->name;
    e->epoch = h->epoch;
    e->lane = EOCBUS__V1__LANE__LANE_ROUTINE;
    e->lane_seq = h->lane_seq + 1;
    e->status = EOCBUS__V1__STATUS__STATUS_SYSTEM;
    e->kind = EOCBUS__V1__KIND__KIND_REPORT;
    e->event_time_us = e->sent_time_us = now_us;
    e->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    e->body_case = EOCBUS__V1__ENVELOPE__BODY_LOG_HEAD;
}

/* A parcel as ingress makes them, of a message that nobody has to be answered for. */
static struct parcel *make_parcel(struct heads *h, const Eocbus__V1__Envelope *e,
                                  const struct principal *self)
{
    uint8_t content[CONTENT_MOST], signature[SIGN_BYTES];
    size_t len = eocbus__v1__envelope__get_packed_size(e);
    struct buf doc = {0};
    struct parcel *p;

    if (len > sizeof(content))
        return NULL;
    (void)eocbus__v1__envelope__pack(e, content);
    signer_sign(h->b->signer, signature, "", content, len);
    json_print(&doc, &e->base);
    buf_put(&doc, "", 1);
    p = doc.failed ? NULL : parcel_create(content, len, signature, sizeof(signature));
    if (!p) {
        buf_free(&doc);
        return NULL;
    }
    p->doc = (char *)doc.data;
    p->principal_id = self->principal_id;
    p->id = (struct parcel_identity){e->epoch, (uint32_t)e->lane, e->lane_seq};
    memcpy(p->message_id, e->message_id.data, ID_BYTES);
    p->type = (uint16_t)e->body_case;
    p->status = (uint8_t)e->status;
    p->label = (uint8_t)e->label;
    p->event_time_us = p->sent_time_us = p->received_time_us = e->event_time_us;
    return p;
}

static void on_chain(void *arg, uint32_t log_epoch, uint64_t seq, const uint8_t digest[32])
{
    struct heads *h = arg;
    const struct principal *self = find_self(h);
    Eocbus__V1__LogHead body = EOCBUS__V1__LOG_HEAD__INIT;
    Eocbus__V1__Envelope e;
    uint8_t id[ID_BYTES];
    struct parcel *p;

    if (!self || !seq)
        return;
    body.log_epoch = log_epoch;
    body.seq = seq;
    body.digest = (ProtobufCBinaryData){32, (uint8_t *)digest};
    make_envelope(h, &e, self, id);
    e.log_head = &body;
    p = make_parcel(h, &e, self);
    if (p && store_submit(h->b->store, &p) == ST_OK) {
        h->lane_seq++;
        h->n.said++;
    }
    if (p)
        parcel_drop(&p);
}

static void on_timer(void *arg)
{
    struct heads *h = arg;

    if (find_self(h) && store_is_here(h->b->store))
        store_chain(h->b->store, on_chain, h);
}

enum status heads_create(struct heads **out, struct broker *b)
{
    struct heads *h = mem_zalloc(sizeof(*h));
    enum status st;

    if (!h)
        return ST_NOMEM;
    h->b = b;
    h->epoch = (uint64_t)loop_utc_us(b->loop);
    st = loop_timer_create(&h->timer, b->loop, on_timer, h);
    if (st != ST_OK) {
        mem_free(h);
        return st;
    }
    if (b->config->audit_head_ms)
        loop_timer_start(h->timer, b->config->audit_head_ms, b->config->audit_head_ms);
    *out = h;
    return ST_OK;
}

void heads_destroy(struct heads *h)
{
    if (!h)
        return;
    loop_timer_destroy(h->timer);
    mem_free(h);
}

void heads_counters(const struct heads *h, struct heads_counters *out)
{
    *out = h->n;
    out->is_mute = !find_self(h) || !h->b->config->audit_head_ms;
}
