/* form_text - how a person writes one value. Private to form. */
#ifndef EOCBUS_LINK_FORM_TEXT_H
#define EOCBUS_LINK_FORM_TEXT_H

#include <stdint.h>

#include "proto/base/mem.h"

union form_value {
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    float f;
    double d;
    protobuf_c_boolean b;
    char *s;
    ProtobufCBinaryData bytes;
};

/* A scalar field; rule_flags: enum rule_flag of the field. */
MUST_CHECK enum status form_text_value(union form_value *out, const ProtobufCFieldDescriptor *f,
                                       uint32_t rule_flags, const char *text, struct arena *arena,
                                       char *err, size_t err_size);
/* A message that has a compact spelling; fills `m`. */
MUST_CHECK enum status form_text_message(ProtobufCMessage *m, const char *text, struct arena *arena,
                                         char *err, size_t err_size);

#endif
