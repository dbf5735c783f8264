#include "proto/wire/peek.h"

#include <string.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

/* Numbers of Envelope's fields, fixed for ever. */
enum {
    F_SENDER = 3,
    F_EPOCH = 4,
    F_LANE = 5,
    F_LANE_SEQ = 6,
    F_TO = 7,
    F_SENT_TIME = 11,
    F_CLOCK_SOURCE = 12,
    F_CLOCK_ERR = 13,
    F_NOT_AFTER = 14,
    F_LABEL = 19,
    F_FLAGS = 21,
};
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5, LANE_MOST = 5 };

static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t b = *(*at)++;

        *out |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return true;
    }
    return false;
}

static bool skip(const uint8_t **at, const uint8_t *end, uint64_t len)
{
    if (len > (uint64_t)(end - *at))
        return false;
    *at += len;
    return true;
}

static void keep(struct peek *out, uint64_t field, uint64_t value)
{
    switch (field) {
    case F_EPOCH:
        out->epoch = value;
        break;
    case F_LANE:
        out->lane = value <= LANE_MOST ? (unsigned)value : 0;
        break;
    case F_LANE_SEQ:
        out->lane_seq = value;
        break;
    case F_SENT_TIME:
        out->sent_time_us = (int64_t)value;
        break;
    case F_CLOCK_SOURCE:
        out->clock_source = (uint32_t)value;
        break;
    case F_CLOCK_ERR:
        out->clock_err_ms = (uint32_t)value;
        break;
    case F_NOT_AFTER:
        out->not_after_us = (int64_t)value;
        break;
    case F_LABEL:
        out->label = value <= UINT8_MAX ? (unsigned)value : UINT8_MAX;
        break;
    case F_FLAGS:
        out->flags = (uint32_t)value;
        break;
    default:
        break;
    }
}

static void keep_bytes(struct peek *out, uint64_t field, const uint8_t *bytes, uint64_t len)
{
    if (field != F_SENDER)
        return;
    out->sender = (const char *)bytes;
    out->sender_len = (size_t)len;
}

static bool read_field(struct peek *out, const uint8_t **at, const uint8_t *end)
{
    uint64_t tag, value;

    if (!read_varint(at, end, &tag))
        return false;
    switch (tag & 7) {
    case WIRE_VARINT:
        if (!read_varint(at, end, &value))
            return false;
        keep(out, tag >> 3, value);
        return true;
    case WIRE_64:
        return skip(at, end, 8);
    case WIRE_32:
        return skip(at, end, 4);
    case WIRE_BYTES:
        if (!read_varint(at, end, &value) || value > (uint64_t)(end - *at))
            return false;
        keep_bytes(out, tag >> 3, *at, value);
        return skip(at, end, value);
    default:
        return false;
    }
}

bool peek_content(struct peek *out, const uint8_t *content, size_t len)
{
    const uint8_t *at = content, *end = content + len;
    bool good = true;

    memset(out, 0, sizeof(*out));
    while (good && at < end)
        good = read_field(out, &at, end);
    if (good && out->lane && out->epoch && out->lane_seq && out->epoch <= INT64_MAX &&
        out->lane_seq <= INT64_MAX)
        return true;
    memset(out, 0, sizeof(*out));
    return false;
}

void peek_to(struct buf *out, const uint8_t *content, size_t len)
{
    const uint8_t *at = content, *end = content + len;
    size_t before = out->len;

    while (at < end) {
        const uint8_t *field = at;
        struct peek none;
        uint64_t tag, n;

        if (!read_field(&none, &at, end)) {
            out->len = before;
            return;
        }
        if (!read_varint(&field, end, &tag) || tag != (F_TO << 3 | WIRE_BYTES) ||
            !read_varint(&field, end, &n))
            continue;
        buf_puts(out, out->len > before ? " " : "");
        buf_put(out, field, (size_t)n);
    }
}
