/* record_columns - the columns of bus.message that only say again what the content says: PostgreSQL
 * and the router ask them, and whoever changed one would hide a message from its listeners. */
#include <endian.h>
#include <string.h>

#include "agents/ctl/record.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

/* Numbers of Envelope's fields, fixed for ever; the body's are from 100 on. */
enum {
    F_MESSAGE_ID = 1,
    F_SENDER = 3,
    F_EPOCH = 4,
    F_LANE = 5,
    F_LANE_SEQ = 6,
    F_STATUS = 8,
    F_EVENT_TIME = 10,
    F_AREA = 18,
    F_BODY = 100,
    AREA_PCODES = 1,
};
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5, ID_LEN = 16 };
/* PostgreSQL counts from 2000-01-01. */
#define PG_EPOCH_US INT64_C(946684800000000)

struct said {
    uint64_t epoch, lane_seq, lane, status, type;
    int64_t event_time_us;
    const uint8_t *id, *area, *sender;
    size_t id_len, area_len, sender_len;
};

struct field {
    uint64_t number, value;
    const uint8_t *bytes; /* of a length-delimited one */
};

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

static bool read_field(struct field *f, const uint8_t **at, const uint8_t *end)
{
    uint64_t tag, len;

    if (!read_varint(at, end, &tag))
        return false;
    f->number = tag >> 3;
    f->bytes = NULL;
    if ((tag & 7) == WIRE_VARINT)
        return read_varint(at, end, &f->value);
    if ((tag & 7) == WIRE_BYTES && !read_varint(at, end, &len))
        return false;
    if ((tag & 7) != WIRE_BYTES)
        len = (tag & 7) == WIRE_64 ? 8 : (tag & 7) == WIRE_32 ? 4 : UINT64_MAX;
    if (len > (uint64_t)(end - *at))
        return false;
    f->bytes = *at;
    f->value = len;
    *at += len;
    return true;
}

static void keep(struct said *s, const struct field *f)
{
    if (f->number >= F_BODY)
        s->type = f->number;
    else if (f->number == F_MESSAGE_ID && f->bytes)
        s->id = f->bytes, s->id_len = f->value;
    else if (f->number == F_AREA && f->bytes)
        s->area = f->bytes, s->area_len = f->value;
    else if (f->number == F_SENDER && f->bytes)
        s->sender = f->bytes, s->sender_len = f->value;
    else if (f->number == F_EPOCH)
        s->epoch = f->value;
    else if (f->number == F_LANE)
        s->lane = f->value;
    else if (f->number == F_LANE_SEQ)
        s->lane_seq = f->value;
    else if (f->number == F_STATUS)
        s->status = f->value;
    else if (f->number == F_EVENT_TIME)
        s->event_time_us = (int64_t)f->value;
}

/* P-codes of the area joined by blanks, at most eight of them. */
static bool places_are(const struct said *s, const char *places, size_t len)
{
    const uint8_t *at = s->area, *end = s->area ? s->area + s->area_len : NULL;
    struct field f;
    size_t used = 0;

    for (unsigned n = 0; at < end && n < LIMIT_TOPICS;) {
        if (!read_field(&f, &at, end))
            return false;
        if (f.number != AREA_PCODES || !f.bytes)
            continue;
        if (n++ && (used >= len || places[used++] != ' '))
            return false;
        if (f.value > len - used || memcmp(places + used, f.bytes, f.value) != 0)
            return false;
        used += f.value;
    }
    return used == len;
}

static bool time_is(const uint8_t *pg, int64_t utc_us)
{
    uint64_t be;

    memcpy(&be, pg, sizeof(be));
    return (int64_t)be64toh(be) + PG_EPOCH_US == utc_us;
}

const char *record_column_fault(const struct record_row *m)
{
    const uint8_t *at = m->content, *end = m->content + m->content_len;
    struct said s = {0};
    struct field f;

    while (at < end)
        if (read_field(&f, &at, end))
            keep(&s, &f);
        else
            return NULL; /* no protobuf: the digest alone says whether it is as it was */
    if (s.id_len != ID_LEN || memcmp(s.id, m->message_id, ID_LEN) != 0)
        return "message_id";
    if (s.sender_len != m->sender_len || !s.sender ||
        memcmp(s.sender, m->sender, m->sender_len) != 0)
        return "sender_id";
    if (s.epoch != m->epoch || s.lane != m->lane || s.lane_seq != m->lane_seq)
        return s.epoch != m->epoch ? "epoch" : s.lane != m->lane ? "lane" : "lane_seq";
    if (s.type != m->type)
        return "type";
    if (s.status != m->status && s.status <= 4)
        return "status";
    if (!time_is(m->event_at, s.event_time_us))
        return "event_at";
    return places_are(&s, m->places, m->places_len) ? NULL : "places";
}
