#include "broker/egress/pack.h"

#include <string.h>

#include "eocbus/v1/session.pb-c.h"
#include "proto/wire/limits.h"
#include "proto/wire/sealed.h"

#include "proto/base/banned.h"

/* Tags: field number << 3 | wire type (0 varint, 2 bytes). */
enum {
    TAG_FRAME_DELIVER = 10 << 3 | 2,
    TAG_DELIVER_SUBSCRIPTION = 1 << 3,
    TAG_DELIVER_DELIVERIES = 2 << 3 | 2,
    TAG_DELIVER_HORIZON = 3 << 3,
    TAG_DELIVERY_STAMP = 1 << 3 | 2,
    TAG_DELIVERY_CONTENT = 2 << 3 | 2,
    TAG_DELIVERY_SIGNATURE = 3 << 3 | 2,
    TAG_DELIVERY_PREVIOUS = 4 << 3,
    TAG_DELIVERY_HISTORY = 5 << 3,
    TAG_DELIVERY_LAST_VALUE = 6 << 3,
    TAG_DELIVERY_KEYS = 7 << 3 | 2,
    TAG_KEY_READER = 1 << 3 | 2,
    TAG_KEY_WRAPPED = 2 << 3 | 2,
};

enum {
    VARINT_MAX = 10,
    STAMP_MAX = 64, /* eight varints with tags: at most 47 */
    /* Frame tag and length, subscription tag and number. */
    HEAD_ROOM = 1 + VARINT_MAX + 1 + VARINT_MAX,
    /* Around the common part: tag and length, previous, two flags. */
    AROUND_MAX = 1 + VARINT_MAX + 1 + VARINT_MAX + 2 * 2,
};

static size_t put_varint(uint8_t *out, uint64_t v)
{
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        out[n++] = (uint8_t)(v | 0x80);
    out[n++] = (uint8_t)v;
    return n;
}

static size_t put_bytes(uint8_t *out, uint8_t tag, const void *data, size_t len)
{
    size_t n = 1;

    out[0] = tag;
    n += put_varint(out + n, len);
    memcpy(out + n, data, len);
    return n + len;
}

static size_t pack_stamp(uint8_t out[STAMP_MAX], const struct parcel *p)
{
    Eocbus__V1__Stamp stamp = EOCBUS__V1__STAMP__INIT;

    stamp.log_epoch = p->log_epoch;
    stamp.seq = p->seq;
    stamp.received_time_us = p->received_time_us;
    stamp.clock_offset_ms = p->clock_offset_ms;
    stamp.verdict = (Eocbus__V1__Verdict)p->verdict;
    stamp.provisional = !p->seq;
    stamp.clock_suspect = p->marks & PARCEL_CLOCK_SUSPECT;
    stamp.late = p->marks & PARCEL_LATE;
    return eocbus__v1__stamp__pack(&stamp, out);
}

/* Kept: the reader's id and the wrapped key; packed: two fields more. */
enum { KEY_PACKED = WRAPPED_BYTES + 2 * 2, KEY_PACKED_MOST = KEY_PACKED + 1 + VARINT_MAX };

static size_t put_keys(uint8_t *out, const struct parcel *p)
{
    size_t n = 0;

    for (size_t at = 0; at + WRAPPED_BYTES <= p->keys_len; at += WRAPPED_BYTES) {
        uint8_t key[KEY_PACKED];
        size_t len = put_bytes(key, TAG_KEY_READER, p->keys + at, WRAPPED_ID_BYTES);

        len += put_bytes(key + len, TAG_KEY_WRAPPED, p->keys + at + WRAPPED_ID_BYTES,
                         WRAPPED_BYTES - WRAPPED_ID_BYTES);
        n += put_bytes(out + n, TAG_DELIVERY_KEYS, key, len);
    }
    return n;
}

size_t pack_keys_bytes(const struct parcel *p)
{
    /* Tag and length of a WrappedKey, one byte each. */
    return p->keys_len / WRAPPED_BYTES * (2 + KEY_PACKED);
}

uint8_t *pack_common(const struct parcel *p, size_t *len)
{
    uint8_t stamp[STAMP_MAX];
    size_t stamp_len = pack_stamp(stamp, p), n;
    uint8_t *out = mem_alloc(stamp_len + p->content_len + p->signature_len + 3 * (1 + VARINT_MAX) +
                             p->keys_len / WRAPPED_BYTES * KEY_PACKED_MOST);

    if (!out)
        return NULL;
    n = put_bytes(out, TAG_DELIVERY_STAMP, stamp, stamp_len);
    n += put_bytes(out + n, TAG_DELIVERY_CONTENT, p->content, p->content_len);
    if (p->signature_len)
        n += put_bytes(out + n, TAG_DELIVERY_SIGNATURE, p->signature, p->signature_len);
    n += put_keys(out + n, p);
    *len = n;
    return out;
}

size_t gather_bytes(const struct gather *g)
{
    return g->count ? g->data.len - HEAD_ROOM : 0;
}

bool gather_fits(const struct gather *g, size_t common_len, size_t frame_bytes)
{
    return !g->count ||
           (g->count < LIMIT_ITEMS && gather_bytes(g) + common_len + AROUND_MAX <= frame_bytes);
}

bool gather_add(struct gather *g, const uint8_t *common, size_t len, uint64_t seq,
                uint64_t previous, unsigned flags)
{
    static const uint8_t head_room[HEAD_ROOM];
    uint8_t before[1 + VARINT_MAX] = {TAG_DELIVER_DELIVERIES};
    uint8_t after[1 + VARINT_MAX + 2 * 2] = {TAG_DELIVERY_PREVIOUS};
    size_t was = g->count ? g->data.len : 0, after_len = 1 + put_varint(after + 1, previous);

    if (flags & PACK_HISTORY) {
        after[after_len++] = TAG_DELIVERY_HISTORY;
        after[after_len++] = 1;
    }
    if (flags & PACK_LAST_VALUE) {
        after[after_len++] = TAG_DELIVERY_LAST_VALUE;
        after[after_len++] = 1;
    }
    if (!g->count) {
        buf_clear(&g->data);
        buf_put(&g->data, head_room, sizeof(head_room));
    }
    buf_put(&g->data, before, 1 + put_varint(before + 1, len + after_len));
    buf_put(&g->data, common, len);
    buf_put(&g->data, after, after_len);
    if (g->data.failed) {
        g->data.failed = 0;
        g->data.len = was;
        return false;
    }
    if (!g->count++) {
        g->first_seq = seq;
        g->previous_before = previous;
    }
    g->last_seq = seq;
    return true;
}

const uint8_t *gather_frame(struct gather *g, uint32_t subscription, size_t *len)
{
    uint8_t head[HEAD_ROOM] = {TAG_FRAME_DELIVER}, sub[1 + VARINT_MAX] = {TAG_DELIVER_SUBSCRIPTION};
    size_t sub_len = 1 + put_varint(sub + 1, subscription);
    size_t n = 1 + put_varint(head + 1, sub_len + gather_bytes(g));
    uint8_t *begin;

    memcpy(head + n, sub, sub_len);
    n += sub_len;
    begin = g->data.data + HEAD_ROOM - n;
    memcpy(begin, head, n);
    *len = n + gather_bytes(g);
    return begin;
}

void gather_reset(struct gather *g)
{
    g->count = 0;
    buf_clear(&g->data);
}

size_t pack_horizon(uint8_t out[HORIZON_FRAME_MAX], uint32_t subscription, uint64_t horizon)
{
    uint8_t body[2 * (1 + VARINT_MAX)] = {TAG_DELIVER_SUBSCRIPTION};
    size_t n = 1 + put_varint(body + 1, subscription);

    body[n++] = TAG_DELIVER_HORIZON;
    n += put_varint(body + n, horizon);
    return put_bytes(out, TAG_FRAME_DELIVER, body, n);
}
