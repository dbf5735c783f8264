#include "proto/wire/rules.h"

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
