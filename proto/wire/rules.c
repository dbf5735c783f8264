#include "proto/wire/rules.h"

#include <math.h>
#include <stddef.h>

#include "proto/wire/limits.h"
#include "rules.inc"

const struct plan *plan_of(const ProtobufCMessageDescriptor *d)
{
    for (unsigned i = 0; i < PLANS; i++)
        if (plans[i].descriptor == d)
            return &plans[i];
    return NULL;
}

unsigned plan_count(void)
{
    return PLANS;
}

const struct plan *plan_at(unsigned i)
{
    return i < PLANS ? &plans[i] : NULL;
}

size_t rule_element_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}

bool rule_is_default(const ProtobufCFieldDescriptor *f, const void *v)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return *(const uint64_t *)v == 0;
    case PROTOBUF_C_TYPE_DOUBLE:
        return !(*(const double *)v < 0 || *(const double *)v > 0) && !isnan(*(const double *)v);
    case PROTOBUF_C_TYPE_FLOAT:
        return !(*(const float *)v < 0 || *(const float *)v > 0) && !isnan(*(const float *)v);
    case PROTOBUF_C_TYPE_BOOL:
        return !*(const protobuf_c_boolean *)v;
    case PROTOBUF_C_TYPE_STRING:
        return !*(char *const *)v || !**(char *const *)v;
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)v)->len == 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return !*(ProtobufCMessage *const *)v;
    default:
        return *(const uint32_t *)v == 0;
    }
}

bool rule_is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    const char *base = (const char *)m;

    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)(base + f->quantifier_offset) > 0;
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)(base + f->quantifier_offset) == f->id;
    return !rule_is_default(f, base + f->offset);
}
