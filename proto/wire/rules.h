/* rules - the @ rules of the .proto comments as tables, one row per field, made by proto/rules.awk.
 *
 * Rows stand in the order of protobuf-c's descriptor (by field number) and point to the plan of the
 * message a field holds: whoever walks a message walks its plan beside it and looks nothing up. For
 * proto/wire (gate, json) and for tests that make messages; rooms ask the gate. */
#ifndef EOCBUS_WIRE_RULES_H
#define EOCBUS_WIRE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

enum rule_flag {
    RULE_REQUIRED = 1, /* not the default value; repeated: not empty */
    RULE_RANGE = 2,    /* lo..hi */
    RULE_LEN = 4,      /* len_lo..len_hi was written, not the default */
    RULE_COUNT = 8,    /* count_lo..count_hi was written */
    RULE_PCODE = 16,
    RULE_TIME = 32,      /* UTC us */
    RULE_ID = 64,        /* 16 bytes */
    RULE_NAME = 128,     /* a principal */
    RULE_RECIPIENT = 256 /* principal, agency or role@place */
};

/* @time: 2000-01-01 to 2100-01-01, UTC. */
#define RULE_TIME_MIN_US INT64_C(946684800000000)
#define RULE_TIME_MAX_US INT64_C(4102444800000000)

struct rule {
    const char *field;
    unsigned flags; /* enum rule_flag */
    int64_t lo, hi;
    uint32_t len_lo, len_hi;     /* bytes; always valid, default 0..4000, bytes 0..content */
    uint32_t count_lo, count_hi; /* elements; always valid */
    const struct plan *sub;      /* of a message field */
    const char *text;            /* the comment of the field, rules included */
};

/* A oneof of which one member has to be set. */
struct oneof_rule {
    const char *name;
    unsigned first; /* index of its first member in the descriptor */
};

struct plan {
    const ProtobufCMessageDescriptor *descriptor;
    unsigned n_rules; /* == descriptor->n_fields */
    const struct rule *rules;
    unsigned n_oneofs;
    const struct oneof_rule *oneofs;
};

/* NULL if the message is none of ours. */
const struct plan *plan_of(const ProtobufCMessageDescriptor *d);
unsigned plan_count(void);
const struct plan *plan_at(unsigned i);

/* Bytes that one value of this type takes in a protobuf-c message or array. */
size_t rule_element_size(ProtobufCType type);

/* Whether a single value (where protobuf-c keeps it) is the default, which proto3 does not tell
 * from "not given". */
bool rule_is_default(const ProtobufCFieldDescriptor *f, const void *v);
/* Whether the message holds this field: a value that is not the default, a member that was chosen,
 * a list that is not empty. */
bool rule_is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f);

#endif
