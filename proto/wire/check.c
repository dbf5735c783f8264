/* check - holds an unpacked message against the @ rules, field by field.
 *
 * The walk goes down the message and its plan (rules.h) together. Recursion ends because the types
 * do: the contract has no message that contains itself, and protobuf-c could not unpack one. */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/limits.h"
#include "proto/wire/refuse.h"
#include "proto/wire/rules.h"

struct check {
    bool new_enums; /* values we do not know are a newer sender's, not a fault */
    struct refusal *why;
};

static enum status check_message(const struct check *c, const ProtobufCMessage *m,
                                 const struct plan *plan, const struct step *at);

static enum status check_integer(const struct check *c, const struct rule *r, const struct step *at,
                                 int64_t v, bool too_big)
{
    if ((r->flags & RULE_RANGE) && (too_big || v < r->lo || v > r->hi)) {
        if (too_big)
            return refuse(c->why, CODE_RANGE, at, "%" PRIu64 " is outside %" PRId64 "..%" PRId64,
                          (uint64_t)v, r->lo, r->hi);
        return refuse(c->why, CODE_RANGE, at, "%" PRId64 " is outside %" PRId64 "..%" PRId64, v,
                      r->lo, r->hi);
    }
    if ((r->flags & RULE_TIME) && (v < RULE_TIME_MIN_US || v > RULE_TIME_MAX_US))
        return refuse(c->why, CODE_TIME, at,
                      "%" PRId64 " is no time between 2000-01-01 and 2100-01-01; "
                      "times are microseconds since 1970, UTC",
                      v);
    return ST_OK;
}

static enum status check_float(const struct check *c, const struct rule *r, const struct step *at,
                               double v)
{
    if (!isfinite(v))
        return refuse(c->why, CODE_NUMBER, at, "not a finite number");
    if ((r->flags & RULE_RANGE) && (v < (double)r->lo || v > (double)r->hi))
        return refuse(c->why, CODE_RANGE, at, "%g is outside %" PRId64 "..%" PRId64, v, r->lo,
                      r->hi);
    return ST_OK;
}

static enum status check_enum(const struct check *c, const ProtobufCFieldDescriptor *f,
                              const struct step *at, int v)
{
    const ProtobufCEnumDescriptor *e = f->descriptor;

    if (c->new_enums || protobuf_c_enum_descriptor_get_value(e, v))
        return ST_OK;
    return refuse(c->why, CODE_ENUM, at, "%d is no value of %s", v, e->short_name);
}

static enum status check_length(const struct check *c, const struct rule *r, const struct step *at,
                                size_t len)
{
    if (len >= r->len_lo && len <= r->len_hi)
        return ST_OK;
    if (r->len_lo == r->len_hi)
        return refuse(c->why, CODE_LENGTH, at, "%zu bytes; it has to be %u", len, r->len_lo);
    return refuse(c->why, CODE_LENGTH, at, "%zu bytes; legal are %u to %u", len, r->len_lo,
                  r->len_hi);
}

static enum status check_string(const struct check *c, const struct rule *r, const struct step *at,
                                const char *s)
{
    char shown[SHOWN_BYTES];
    size_t len = strlen(s);

    if (!gate_utf8_is_valid(s, len))
        return refuse(c->why, CODE_UTF8, at, "'%s' is not UTF-8", show_bytes(shown, s, len));
    if ((r->flags & RULE_PCODE) && !gate_pcode_is_valid(s))
        return refuse(
            c->why, CODE_PCODE, at,
            "'%s' is no P-code: 7 to 13 digits, or two capital letters and 2 to 13 digits",
            show_bytes(shown, s, len));
    if ((r->flags & RULE_NAME) && !gate_name_is_valid(s))
        return refuse(c->why, CODE_NAME, at,
                      "'%s' is no name: 1 to 4 parts of a-z, 0-9, '-' and '_' joined by '.', "
                      "at most %d bytes",
                      show_bytes(shown, s, len), LIMIT_NAME_BYTES);
    if ((r->flags & RULE_RECIPIENT) && !gate_recipient_is_valid(s))
        return refuse(c->why, CODE_NAME, at,
                      "'%s' is no recipient: a principal, an agency, or role@place",
                      show_bytes(shown, s, len));
    return check_length(c, r, at, len);
}

static enum status check_bytes(const struct check *c, const struct rule *r, const struct step *at,
                               size_t len)
{
    if ((r->flags & RULE_ID) && len != 16)
        return refuse(c->why, CODE_ID, at, "%zu bytes; an id has 16 (UUIDv7)", len);
    return check_length(c, r, at, len);
}

/* One value that was given: a set field or an element. `v` points to it as protobuf-c keeps it. */
static enum status check_value(const struct check *c, const ProtobufCFieldDescriptor *f,
                               const struct rule *r, const struct step *at, const void *v)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return check_integer(c, r, at, *(const int32_t *)v, false);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return check_integer(c, r, at, *(const uint32_t *)v, false);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return check_integer(c, r, at, *(const int64_t *)v, false);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return check_integer(c, r, at, *(const int64_t *)v, *(const uint64_t *)v > INT64_MAX);
    case PROTOBUF_C_TYPE_FLOAT:
        return check_float(c, r, at, (double)*(const float *)v);
    case PROTOBUF_C_TYPE_DOUBLE:
        return check_float(c, r, at, *(const double *)v);
    case PROTOBUF_C_TYPE_ENUM:
        return check_enum(c, f, at, *(const int *)v);
    case PROTOBUF_C_TYPE_STRING:
        return check_string(c, r, at, *(char *const *)v);
    case PROTOBUF_C_TYPE_BYTES:
        return check_bytes(c, r, at, ((const ProtobufCBinaryData *)v)->len);
    case PROTOBUF_C_TYPE_MESSAGE:
        return check_message(c, *(ProtobufCMessage *const *)v, r->sub, at);
    case PROTOBUF_C_TYPE_BOOL:
        break;
    }
    return ST_OK;
}

static enum status refuse_missing(const struct check *c, const struct rule *r,
                                  const struct step *at)
{
    return refuse(c->why, CODE_REQUIRED, at, "%s has to be given: %s", r->field, r->text);
}

static bool any_value_will_do(const ProtobufCFieldDescriptor *f, const struct rule *r)
{
    bool is_integer = f->type <= PROTOBUF_C_TYPE_FIXED64;

    return is_integer && !(r->flags & (RULE_RANGE | RULE_TIME));
}

static enum status check_repeated(const struct check *c, const ProtobufCFieldDescriptor *f,
                                  const struct rule *r, struct step *at, size_t n,
                                  const char *elements)
{
    size_t size = rule_element_size(f->type);

    if (n == 0)
        return r->flags & RULE_REQUIRED ? refuse_missing(c, r, at) : ST_OK;
    if (n < r->count_lo || n > r->count_hi)
        return refuse(c->why, CODE_REPEATS, at, "%zu elements; legal are %u to %u", n, r->count_lo,
                      r->count_hi);
    if (any_value_will_do(f, r))
        return ST_OK; /* long series of deltas pass here */
    for (size_t i = 0; i < n; i++) {
        enum status st;

        at->index = (long)i;
        st = check_value(c, f, r, at, elements + i * size);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static enum status check_field(const struct check *c, const ProtobufCMessage *m,
                               const ProtobufCFieldDescriptor *f, const struct rule *r,
                               const struct step *up)
{
    const char *base = (const char *)m, *v = base + f->offset;
    struct step at = {up, f->name, -1};

    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return check_repeated(c, f, r, &at, *(const size_t *)(base + f->quantifier_offset),
                              *(const char *const *)v);
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        if (*(const uint32_t *)(base + f->quantifier_offset) != f->id)
            return ST_OK;
        if (rule_is_default(f, v) && ((r->flags & RULE_REQUIRED) || r->sub))
            return refuse_missing(c, r, &at);
        /* Said on purpose, even if it is 0: the rule counts. Empty text has nothing to hold to it.
         */
        if (rule_is_default(f, v) &&
            (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_BYTES))
            return ST_OK;
        return check_value(c, f, r, &at, v);
    }
    if (rule_is_default(f, v))
        return r->flags & RULE_REQUIRED ? refuse_missing(c, r, &at) : ST_OK;
    return check_value(c, f, r, &at, v);
}

static enum status check_oneofs(const struct check *c, const ProtobufCMessage *m,
                                const struct plan *plan, const struct step *up)
{
    for (unsigned i = 0; i < plan->n_oneofs; i++) {
        const struct oneof_rule *o = &plan->oneofs[i];
        unsigned offset = m->descriptor->fields[o->first].quantifier_offset;
        struct step at = {up, o->name, -1};

        if (*(const uint32_t *)((const char *)m + offset))
            continue;
        if (m->n_unknown_fields)
            return refuse(c->why, CODE_REQUIRED, &at,
                          "none of the %s members known here is set; field %u is not known yet",
                          o->name, m->unknown_fields[0].tag);
        return refuse(c->why, CODE_REQUIRED, &at, "one member of %s has to be set", o->name);
    }
    return ST_OK;
}

static enum status check_message(const struct check *c, const ProtobufCMessage *m,
                                 const struct plan *plan, const struct step *at)
{
    const ProtobufCMessageDescriptor *d = m->descriptor;

    assert(plan); /* every message of the schema has one */
    for (unsigned i = 0; i < d->n_fields; i++) {
        enum status st = check_field(c, m, &d->fields[i], &plan->rules[i], at);

        if (st != ST_OK)
            return st;
    }
    return check_oneofs(c, m, plan, at);
}

/* Session words are agreed on by protocol version, and a reader treats a word it does not know as
 * unspecified; an Envelope says itself whether it is newer than we are. */
static bool allows_new_enums(const ProtobufCMessage *m)
{
    if (m->descriptor == &eocbus__v1__frame__descriptor)
        return true;
    return m->descriptor == &eocbus__v1__envelope__descriptor &&
           ((const Eocbus__V1__Envelope *)m)->schema > SCHEMA_VERSION;
}

enum status gate_check(const ProtobufCMessage *m, struct refusal *why)
{
    const struct plan *plan = plan_of(m->descriptor);
    struct check c = {allows_new_enums(m), why};

    if (!plan)
        return refuse(why, CODE_MALFORMED, NULL, "%s is no message of this contract",
                      m->descriptor->name);
    return check_message(&c, m, plan, NULL);
}

const char *gate_rule_text(const ProtobufCMessageDescriptor *d, const char *field)
{
    const struct plan *plan = plan_of(d);

    for (unsigned i = 0; plan && i < plan->n_rules; i++)
        if (strcmp(plan->rules[i].field, field) == 0)
            return plan->rules[i].text;
    return NULL;
}
