/* scan - looks at raw protobuf bytes before anybody unpacks them.
 *
 * One pass, no recursion, no allocation: a stack of LIMIT_DEPTH levels, each with the end of its
 * bytes and a counter per field of its message. Everything protobuf-c would refuse is refused here
 * first, with a path; and some things it would take: NUL in strings (it would cut them there
 * silently), a field given twice, two members of a oneof, more elements than anyone sends. A
 * content that two readers could read differently must not be signed, so it is not accepted. */
#include <stdbool.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/limits.h"
#include "proto/wire/refuse.h"

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* Counters of all open levels. The widest message, Envelope, has about 80 fields and nothing of
 * ours nests deeper than six; a test proves that the whole contract fits. */
enum { SCAN_COUNTERS = 1024 };

struct level {
    const uint8_t *end;
    const ProtobufCMessageDescriptor *d;
    unsigned counters; /* index of its first one */
    struct step step;  /* the field of the level above that this is */
};

struct scan {
    const uint8_t *p;
    size_t fields, fields_max;
    unsigned depth; /* levels in use */
    unsigned counters_used;
    struct refusal *why;
    struct level level[LIMIT_DEPTH];
    uint16_t seen[SCAN_COUNTERS];
};

/* Value into *out; false if it runs past `end`, is longer than ten bytes or than 64 bits. */
static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    const uint8_t *p = *at;
    uint64_t v = 0;

    for (unsigned shift = 0; p < end && shift < 70; shift += 7) {
        uint8_t b = *p++;

        if (shift == 63 && b > 1)
            return false;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *at = p;
            *out = v;
            return true;
        }
    }
    return false;
}

/* Tags and lengths fit 32 bits in at most five bytes; protobuf-c reads no more. */
static bool read_short_varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    const uint8_t *from = *at;

    return read_varint(at, end, out) && *at - from <= 5 && *out <= UINT32_MAX;
}

static unsigned wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_32;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_BYTES;
    default:
        return WIRE_VARINT;
    }
}

static struct level *top(struct scan *s)
{
    return &s->level[s->depth - 1];
}

static enum status refuse_here(struct scan *s, const char *code, const char *field,
                               const char *text)
{
    struct step at = {&top(s)->step, field, -1};

    return refuse(s->why, code, &at, "%s", text);
}

static enum status enter(struct scan *s, const ProtobufCMessageDescriptor *d, const uint8_t *end,
                         const char *field, long index)
{
    struct step at = {s->depth ? &top(s)->step : NULL, field, index};
    struct level *l;

    if (s->depth == LIMIT_DEPTH || s->counters_used + d->n_fields > SCAN_COUNTERS)
        return refuse(s->why, CODE_DEPTH, &at, "messages nest deeper than %d levels", LIMIT_DEPTH);
    l = &s->level[s->depth];
    l->step = at;
    l->end = end;
    l->d = d;
    l->counters = s->counters_used;
    memset(&s->seen[l->counters], 0, d->n_fields * sizeof(s->seen[0]));
    s->counters_used += d->n_fields;
    s->depth++;
    return ST_OK;
}

static void leave(struct scan *s)
{
    s->depth--;
    s->counters_used = s->level[s->depth].counters;
}

/* Elements of a packed field; false if the bytes are no whole number of them. */
static bool count_packed(const ProtobufCFieldDescriptor *f, const uint8_t *p, const uint8_t *end,
                         size_t *elements)
{
    unsigned wire = wire_type_of(f->type);
    uint64_t ignored;

    if (wire != WIRE_VARINT) {
        size_t size = wire == WIRE_32 ? 4 : 8;

        *elements = (size_t)(end - p) / size;
        return (size_t)(end - p) % size == 0;
    }
    for (*elements = 0; p < end; ++*elements)
        if (!read_varint(&p, end, &ignored))
            return false;
    return true;
}

static enum status count_elements(struct scan *s, const ProtobufCFieldDescriptor *f, size_t more)
{
    uint16_t *seen = &s->seen[top(s)->counters + (unsigned)(f - top(s)->d->fields)];

    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        if (*seen + more > LIMIT_REPEATS) {
            struct step at = {&top(s)->step, f->name, -1};

            return refuse(s->why, CODE_REPEATS, &at, "more than %d elements", LIMIT_REPEATS);
        }
    } else if (*seen + more > 1) {
        return refuse_here(s, CODE_REPEATS, f->name, "given twice, but it is a single field");
    }
    *seen = (uint16_t)(*seen + more);
    return ST_OK;
}

static enum status check_oneof(struct scan *s, const ProtobufCFieldDescriptor *f)
{
    const struct level *l = top(s);

    for (unsigned i = 0; i < l->d->n_fields; i++) {
        const ProtobufCFieldDescriptor *g = &l->d->fields[i];

        if (s->seen[l->counters + i] && g != f && g->quantifier_offset == f->quantifier_offset &&
            (g->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)) {
            struct step at = {&l->step, f->name, -1};

            return refuse(s->why, CODE_REPEATS, &at, "%s is set too, and only one of them may be",
                          g->name);
        }
    }
    return ST_OK;
}

/* A known field with `len` bytes at s->p. Steps over it, or into it if it is a message. */
static enum status take_bytes(struct scan *s, const ProtobufCFieldDescriptor *f, size_t len)
{
    const uint8_t *from = s->p;
    size_t elements = 1;
    enum status st;

    if (wire_type_of(f->type) != WIRE_BYTES) {
        if (f->label != PROTOBUF_C_LABEL_REPEATED)
            return refuse_here(s, CODE_MALFORMED, f->name, "bytes where a number belongs");
        if (!count_packed(f, from, from + len, &elements))
            return refuse_here(s, CODE_MALFORMED, f->name, "packed elements are cut off");
    }
    st = count_elements(s, f, elements);
    if (st != ST_OK)
        return st;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        bool repeated = f->label == PROTOBUF_C_LABEL_REPEATED;
        long index = s->seen[top(s)->counters + (unsigned)(f - top(s)->d->fields)] - 1;

        return enter(s, f->descriptor, from + len, f->name, repeated ? index : -1);
    }
    if (f->type == PROTOBUF_C_TYPE_STRING && memchr(from, '\0', len))
        return refuse_here(s, CODE_UTF8, f->name, "text holds a NUL byte");
    s->p += len;
    return ST_OK;
}

static enum status take_number(struct scan *s, const ProtobufCFieldDescriptor *f, unsigned wire)
{
    if (!f)
        return ST_OK;
    if (wire_type_of(f->type) != wire)
        return refuse_here(s, CODE_MALFORMED, f->name, "wire type does not suit the field");
    return count_elements(s, f, 1);
}

/* What follows a tag. `f` is NULL for a field we do not know. */
static enum status take_value(struct scan *s, const ProtobufCFieldDescriptor *f, unsigned wire)
{
    const char *name = f ? f->name : NULL;
    const uint8_t *end = top(s)->end;
    uint64_t v;

    switch (wire) {
    case WIRE_VARINT:
        if (!read_varint(&s->p, end, &v))
            return refuse_here(s, CODE_MALFORMED, name, "a varint is cut off or too long");
        return take_number(s, f, wire);
    case WIRE_64:
    case WIRE_32:
        v = wire == WIRE_64 ? 8 : 4;
        if ((uint64_t)(end - s->p) < v)
            return refuse_here(s, CODE_MALFORMED, name, "a fixed number is cut off");
        s->p += v;
        return take_number(s, f, wire);
    case WIRE_BYTES:
        if (!read_short_varint(&s->p, end, &v) || v > (uint64_t)(end - s->p))
            return refuse_here(s, CODE_MALFORMED, name, "a length points past the end");
        if (f)
            return take_bytes(s, f, (size_t)v);
        s->p += v;
        return ST_OK;
    default:
        return refuse_here(s, CODE_MALFORMED, name, "groups and wire types 6 and 7 are not taken");
    }
}

static enum status take_field(struct scan *s)
{
    const struct level *l = top(s);
    const ProtobufCFieldDescriptor *f;
    uint64_t tag;
    enum status st;

    if (++s->fields > s->fields_max) {
        struct step at = {&l->step, NULL, -1};

        return refuse(s->why, CODE_REPEATS, &at, "more than %zu fields", s->fields_max);
    }
    if (!read_short_varint(&s->p, l->end, &tag) || tag >> 3 == 0)
        return refuse_here(s, CODE_MALFORMED, NULL, "no field number where one belongs");
    f = protobuf_c_message_descriptor_get_field(l->d, (unsigned)(tag >> 3));
    if (f && (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)) {
        st = check_oneof(s, f);
        if (st != ST_OK)
            return st;
    }
    return take_value(s, f, (unsigned)(tag & 7));
}

enum status gate_scan(const uint8_t *bytes, size_t len,
                      const ProtobufCMessageDescriptor *descriptor, size_t fields_max,
                      struct refusal *why)
{
    struct scan s; /* not zeroed: counters are cleared level by level */
    enum status st;

    s.p = bytes;
    s.fields = 0;
    s.fields_max = fields_max;
    s.depth = 0;
    s.counters_used = 0;
    s.why = why;
    st = enter(&s, descriptor, bytes + len, NULL, -1);
    while (st == ST_OK && s.depth) {
        if (s.p == top(&s)->end)
            leave(&s);
        else
            st = take_field(&s);
    }
    return st;
}
