/* journal_frame - see journal_frame.h. */
#include "agents/sensor/input/journal_frame.h"

#include <string.h>

#include "agents/sensor/station/text.h"

#include "proto/base/banned.h"

static const char magic[4] = {'E', 'O', 'F', '1'};

/* --- numbers ---------------------------------------------------------------------------------- */

static void put_varint(struct buf *b, uint64_t v)
{
    uint8_t bytes[10];
    size_t n = 0;

    do {
        bytes[n++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        v >>= 7;
    } while (v);
    buf_put(b, bytes, n);
}

static void put_signed(struct buf *b, int64_t v)
{
    put_varint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

static bool get_varint(struct frame_cursor *c, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; c->at < c->end && shift < 64; shift += 7) {
        uint8_t byte = *c->at++;

        *v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool get_signed(struct frame_cursor *c, int64_t *v)
{
    uint64_t u;

    if (!get_varint(c, &u))
        return false;
    *v = (int64_t)((u >> 1) ^ (u & 1 ? UINT64_MAX : 0));
    return true;
}

static void put_fixed(uint8_t *out, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_fixed(const uint8_t *in, size_t bytes)
{
    uint64_t v = 0;

    for (size_t i = 0; i < bytes; i++)
        v |= (uint64_t)in[i] << (8 * i);
    return v;
}

/* --- frames ----------------------------------------------------------------------------------- */

static uint64_t sum_of(const uint8_t *head, const uint8_t *body, size_t len)
{
    return text_hash(text_hash(0, head, FRAME_HEAD_BYTES - 8), body, len);
}

void frame_head(uint8_t head[FRAME_HEAD_BYTES], const struct buf *body, uint64_t first,
                int64_t written_us)
{
    memcpy(head, magic, sizeof(magic));
    put_fixed(head + 4, body->len, 4);
    put_fixed(head + 8, first, 8);
    put_fixed(head + 16, (uint64_t)written_us, 8);
    put_fixed(head + 24, sum_of(head, body->data, body->len), 8);
}

bool frame_open(struct frame *out, const uint8_t *bytes, size_t len)
{
    size_t body_len;

    if (len < FRAME_HEAD_BYTES || memcmp(bytes, magic, sizeof(magic)) != 0)
        return false;
    body_len = (size_t)get_fixed(bytes + 4, 4);
    if (body_len > FRAME_BODY_MAX || body_len > len - FRAME_HEAD_BYTES)
        return false;
    *out = (struct frame){bytes + FRAME_HEAD_BYTES, body_len, get_fixed(bytes + 8, 8),
                          (int64_t)get_fixed(bytes + 16, 8)};
    return get_fixed(bytes + 24, 8) == sum_of(bytes, out->body, body_len);
}

/* --- entries ---------------------------------------------------------------------------------- */

static void put_sample(struct buf *b, struct frame_state *s, const struct journal_entry *e)
{
    int64_t time_ms = e->sample.time_us / 1000;

    put_varint(b, e->datastream);
    put_signed(b, e->exponent);
    put_signed(b, time_ms - s->time_ms);
    put_signed(b, e->sample.value - s->value);
    put_varint(b, e->sample.flags);
    s->time_ms = time_ms;
    s->value = e->sample.value;
}

void frame_put(struct buf *body, struct frame_state *s, const struct journal_entry *e)
{
    put_varint(body, e->kind);
    switch (e->kind) {
    case JOURNAL_SAMPLE:
        put_sample(body, s, e);
        break;
    case JOURNAL_MESSAGE:
    case JOURNAL_UNKNOWN:
        put_varint(body, e->number);
        put_varint(body, e->len);
        buf_put(body, e->bytes, e->len);
        break;
    case JOURNAL_HELD:
        put_varint(body, e->datastream);
        put_varint(body, e->number);
        break;
    default:
        put_varint(body, e->number);
        break;
    }
}

void frame_begin(struct frame_cursor *c, const struct frame *f)
{
    *c = (struct frame_cursor){.at = f->body, .end = f->body + f->len, .next = f->first};
}

static bool get_sample(struct frame_cursor *c, struct journal_entry *e)
{
    uint64_t id, flags;
    int64_t exponent, time_ms, value;

    if (!get_varint(c, &id) || !get_signed(c, &exponent) || !get_signed(c, &time_ms) ||
        !get_signed(c, &value) || !get_varint(c, &flags))
        return false;
    c->state.time_ms = (int64_t)((uint64_t)c->state.time_ms + (uint64_t)time_ms);
    c->state.value = (int64_t)((uint64_t)c->state.value + (uint64_t)value);
    e->datastream = (uint32_t)id;
    e->exponent = (int)exponent;
    e->sample = (struct sample){(int64_t)((uint64_t)c->state.time_ms * 1000), c->state.value,
                                (uint32_t)flags};
    e->number = c->next++;
    return true;
}

static bool get_bytes(struct frame_cursor *c, struct journal_entry *e)
{
    uint64_t len;

    if (!get_varint(c, &e->number) || !get_varint(c, &len) || len > (size_t)(c->end - c->at))
        return false;
    e->bytes = c->at;
    e->len = (size_t)len;
    c->at += len;
    return true;
}

bool frame_next(struct frame_cursor *c, struct journal_entry *out)
{
    uint64_t kind, id = 0;

    *out = (struct journal_entry){.number = 0};
    if (!get_varint(c, &kind))
        return false;
    out->kind = (enum journal_kind)kind;
    switch (kind) {
    case JOURNAL_SAMPLE:
        return get_sample(c, out);
    case JOURNAL_MESSAGE:
    case JOURNAL_UNKNOWN:
        return get_bytes(c, out);
    case JOURNAL_HELD:
        if (!get_varint(c, &id) || !get_varint(c, &out->number))
            return false;
        out->datastream = (uint32_t)id;
        return true;
    case JOURNAL_DONE:
    case JOURNAL_LEVEL:
    case JOURNAL_SEEN:
    case JOURNAL_FLOOR:
        return get_varint(c, &out->number);
    default:
        return false;
    }
}
