#include "proto/wire/gate.h"

#include <stdbool.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/edxl.h"
#include "proto/wire/limits.h"
#include "proto/wire/observations.h"
#include "proto/wire/refuse.h"
#include "proto/wire/sealed.h"
#include "proto/wire/types.h"

/* protobuf-c answers NULL for bad bytes and for no memory alike; this tells them apart. */
struct capped {
    ProtobufCAllocator allocator;
    struct arena *arena;
    bool full;
};

static void *capped_alloc(void *data, size_t size)
{
    struct capped *c = data;
    void *p = arena_alloc(c->arena, size);

    if (!p)
        c->full = true;
    return p;
}

static void capped_free(void *data, void *p)
{
    (void)data;
    (void)p;
}

static enum status unpack(ProtobufCMessage **out, const ProtobufCMessageDescriptor *d,
                          const uint8_t *bytes, size_t len, struct arena *arena,
                          struct refusal *why)
{
    struct capped c = {{capped_alloc, capped_free, &c}, arena, false};

    *out = protobuf_c_message_unpack(d, &c.allocator, len, bytes);
    if (*out)
        return ST_OK;
    if (c.full)
        return refuse(why, CODE_MEMORY, NULL, "takes too much memory when unpacked");
    return refuse(why, CODE_MALFORMED, NULL, "the bytes are no %s", d->short_name);
}

static enum status open_bytes(ProtobufCMessage **out, const ProtobufCMessageDescriptor *d,
                              const uint8_t *bytes, size_t len, size_t len_max, size_t fields_max,
                              struct arena *arena, struct refusal *why)
{
    enum status st;

    *out = NULL;
    if (len == 0)
        return refuse(why, CODE_SIZE, NULL, "empty");
    if (len > len_max)
        return refuse(why, CODE_SIZE, NULL, "%zu bytes; at most %zu are taken", len, len_max);
    st = gate_scan(bytes, len, d, fields_max, why);
    return st == ST_OK ? unpack(out, d, bytes, len, arena, why) : st;
}

/* A newer contract may add words, but not a lane: brokers keep a queue and an order for each of the
 * five, and a number out of range is an index nowhere. */
static enum status check_lane(const Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct step at = {NULL, "lane", -1};

    if (protobuf_c_enum_descriptor_get_value(&eocbus__v1__lane__descriptor, (int)m->lane))
        return ST_OK;
    return refuse(why, CODE_ENUM, &at, "%d is no lane; legal are 1 (FLASH) to 5 (BULK)",
                  (int)m->lane);
}

/* The rules that need two fields. */
static enum status check_together(const Eocbus__V1__Envelope *m, struct refusal *why)
{
    const struct type_info *t = type_by_number((unsigned)m->body_case);
    struct step at = {NULL, "not_after_us", -1};

    if (!t)
        return refuse(why, CODE_REQUIRED, NULL, "type %u is not known here",
                      (unsigned)m->body_case);
    if ((t->flags & TYPE_EXPIRES) && m->not_after_us == 0)
        return refuse(why, CODE_EXPIRY, &at, "%s has to say until when it is valid", t->name);
    at.field = "played";
    if (m->played && m->status != EOCBUS__V1__STATUS__STATUS_EXERCISE)
        return refuse(why, CODE_STATUS, &at, "what plays an old message is an exercise");
    at.field = "lane";
    if (m->lane == EOCBUS__V1__LANE__LANE_FLASH && !(t->flags & TYPE_FLASH))
        return refuse(why, CODE_FLASH, &at, "%s may not travel as FLASH; use LANE_IMMEDIATE",
                      t->name);
    return ST_OK;
}

/* Series that do not fit together would be stored and never be read; a request that EDXL-RM does
 * not know could be given to no other system. Of a newer major nobody reads anything. */
static enum status check_body(const Eocbus__V1__Envelope *m, struct refusal *why)
{
    if (m->schema / 1000 > SCHEMA_VERSION / 1000)
        return ST_OK;
    if (edxl_name((unsigned)m->body_case))
        return edxl_check(m, why);
    if (m->body_case != EOCBUS__V1__ENVELOPE__BODY_OBSERVATION_BATCH)
        return ST_OK;
    return observations_check(m->observation_batch, why);
}

enum status gate_content(Eocbus__V1__Envelope **out, const uint8_t *content, size_t len,
                         struct arena *arena, struct refusal *why)
{
    ProtobufCMessage *m;
    enum status st;

    st = open_bytes(&m, &eocbus__v1__envelope__descriptor, content, len, LIMIT_CONTENT_BYTES,
                    LIMIT_FIELDS, arena, why);
    *out = (Eocbus__V1__Envelope *)m;
    if (!m)
        return st;
    if (st == ST_OK)
        st = gate_check(m, why);
    if (st == ST_OK)
        st = check_lane(*out, why);
    if (st == ST_OK)
        st = check_together(*out, why);
    if (st == ST_OK)
        st = sealed_check_place(*out, why);
    return st == ST_OK ? check_body(*out, why) : st;
}

enum status gate_frame(Eocbus__V1__Frame **out, const uint8_t *frame, size_t len,
                       struct arena *arena, struct refusal *why)
{
    ProtobufCMessage *m;
    enum status st;

    st = open_bytes(&m, &eocbus__v1__frame__descriptor, frame, len, LIMIT_FRAME_BYTES,
                    LIMIT_FRAME_FIELDS, arena, why);
    *out = (Eocbus__V1__Frame *)m;
    return st == ST_OK ? gate_check(m, why) : st;
}

enum status gate_message(ProtobufCMessage **out, const ProtobufCMessageDescriptor *d,
                         const uint8_t *bytes, size_t len, size_t len_max, struct arena *arena,
                         struct refusal *why)
{
    enum status st = open_bytes(out, d, bytes, len, len_max, LIMIT_FIELDS, arena, why);

    return st == ST_OK ? gate_check(*out, why) : st;
}
