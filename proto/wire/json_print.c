/* json_print - messages to proto3 JSON, straight into a buffer: no tree, no format strings. The
 * broker prints every ledger message once. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/base/ids.h"
#include "proto/wire/gate.h"
#include "proto/wire/json.h"
#include "proto/wire/rules.h"

struct printer {
    struct buf *out;
    bool pretty;
    unsigned indent;
};

static void print_message(struct printer *pr, const ProtobufCMessage *m, const struct plan *plan);

static void put_char(struct printer *pr, char c)
{
    buf_put(pr->out, &c, 1);
}

static void new_line(struct printer *pr)
{
    static const char blanks[] = "                                                ";
    size_t width = 2 * (size_t)pr->indent;

    if (!pr->pretty)
        return;
    put_char(pr, '\n');
    buf_put(pr->out, blanks, width < sizeof(blanks) ? width : sizeof(blanks) - 1);
}

static void put_unsigned(struct printer *pr, uint64_t v)
{
    char digits[24];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + v % 10);
    while (v /= 10);
    buf_put(pr->out, digits + at, sizeof(digits) - at);
}

static void put_signed(struct printer *pr, int64_t v)
{
    if (v < 0)
        put_char(pr, '-');
    put_unsigned(pr, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

/* Shortest of two that reads back as the same number. NaN and infinity never pass the gate, but a
 * quarantined message is printed too. */
static void put_double(struct printer *pr, double v, int digits, int digits_exact)
{
    char text[40];

    if (!isfinite(v)) {
        buf_puts(pr->out, isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    snprintf(text, sizeof(text), "%.*g", digits, v);
    if (islessgreater(strtod(text, NULL), v))
        snprintf(text, sizeof(text), "%.*g", digits_exact, v);
    buf_puts(pr->out, text);
}

static void put_escaped(struct printer *pr, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[7] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15], 0};
    const char *named = strchr("\"\"\\\\\nn\rr\tt\bb\ff", c);

    if (c >= 0x80) {
        buf_puts(pr->out, "\\ufffd");
    } else if (c && named) {
        text[1] = named[1];
        buf_put(pr->out, text, 2);
    } else {
        buf_puts(pr->out, text);
    }
}

static void put_string(struct printer *pr, const char *s)
{
    size_t len = strlen(s), from = 0;
    bool broken = !gate_utf8_is_valid(s, len);

    put_char(pr, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c >= 0x20 && c != '"' && c != '\\' && !(broken && c >= 0x80))
            continue;
        buf_put(pr->out, s + from, i - from);
        put_escaped(pr, c);
        from = i + 1;
    }
    buf_put(pr->out, s + from, len - from);
    put_char(pr, '"');
}

static void put_base64(struct printer *pr, const uint8_t *p, size_t len)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t v =
            (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
        char four[4] = {set[v >> 18], set[v >> 12 & 63], n > 1 ? set[v >> 6 & 63] : '=',
                        n > 2 ? set[v & 63] : '='};

        buf_put(pr->out, four, 4);
    }
}

static void put_bytes(struct printer *pr, const struct rule *r, const ProtobufCBinaryData *b)
{
    char id[ID_TEXT];

    put_char(pr, '"');
    if (b->len == ID_BYTES && r && (r->flags & RULE_ID)) {
        id_format(id, b->data);
        buf_puts(pr->out, id);
    } else {
        put_base64(pr, b->data, b->len);
    }
    put_char(pr, '"');
}

static void put_enum(struct printer *pr, const ProtobufCFieldDescriptor *f, int v)
{
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(f->descriptor, v);

    if (!known) {
        put_signed(pr, v);
        return;
    }
    put_char(pr, '"');
    buf_puts(pr->out, known->name);
    put_char(pr, '"');
}

/* Returns the size of the element it printed, so that repeated fields step by it. */
static size_t print_value(struct printer *pr, const ProtobufCFieldDescriptor *f,
                          const struct rule *r, const void *v)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        put_signed(pr, *(const int32_t *)v);
        return 4;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        put_unsigned(pr, *(const uint32_t *)v);
        return 4;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        put_char(pr, '"');
        put_signed(pr, *(const int64_t *)v);
        put_char(pr, '"');
        return 8;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        put_char(pr, '"');
        put_unsigned(pr, *(const uint64_t *)v);
        put_char(pr, '"');
        return 8;
    case PROTOBUF_C_TYPE_FLOAT:
        put_double(pr, (double)*(const float *)v, 7, 9);
        return 4;
    case PROTOBUF_C_TYPE_DOUBLE:
        put_double(pr, *(const double *)v, 15, 17);
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        buf_puts(pr->out, *(const protobuf_c_boolean *)v ? "true" : "false");
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_ENUM:
        put_enum(pr, f, *(const int *)v);
        return 4;
    case PROTOBUF_C_TYPE_STRING:
        put_string(pr, *(char *const *)v);
        return sizeof(char *);
    case PROTOBUF_C_TYPE_BYTES:
        put_bytes(pr, r, v);
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_MESSAGE:
        print_message(pr, *(ProtobufCMessage *const *)v, r ? r->sub : NULL);
        return sizeof(void *);
    }
    return 0;
}

/* Whether the field is given; of a repeated one, *n elements at *v. */
static bool is_given(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, size_t *n,
                     const char **v)
{
    static const char zero[8];
    const char *base = (const char *)m;
    const void *quantifier = base + f->quantifier_offset;

    *v = base + f->offset;
    *n = 1;
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        *n = *(const size_t *)quantifier;
        *v = *(const char *const *)*v;
        return *n > 0;
    }
    if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && *(const uint32_t *)quantifier != f->id)
        return false;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(void *const *)*v != NULL;
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return f->type != PROTOBUF_C_TYPE_STRING || *(char *const *)*v;
    switch (f->type) {
    case PROTOBUF_C_TYPE_STRING:
        return *(char *const *)*v && **(char *const *)*v;
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)*v)->len > 0;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return memcmp(*v, zero, 8) != 0;
    default:
        return memcmp(*v, zero, 4) != 0;
    }
}

static void print_field(struct printer *pr, const ProtobufCFieldDescriptor *f, const struct rule *r,
                        size_t n, const char *v)
{
    put_char(pr, '"');
    buf_puts(pr->out, f->name);
    buf_puts(pr->out, pr->pretty ? "\": " : "\":");
    if (f->label != PROTOBUF_C_LABEL_REPEATED) {
        print_value(pr, f, r, v);
        return;
    }
    put_char(pr, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_puts(pr->out, pr->pretty ? ", " : ",");
        v += print_value(pr, f, r, v);
    }
    put_char(pr, ']');
}

static void print_message(struct printer *pr, const ProtobufCMessage *m, const struct plan *plan)
{
    const ProtobufCMessageDescriptor *d = m->descriptor;
    bool any = false;

    put_char(pr, '{');
    pr->indent++;
    for (unsigned i = 0; i < d->n_fields; i++) {
        const char *v;
        size_t n;

        if (!is_given(m, &d->fields[i], &n, &v))
            continue;
        if (any)
            put_char(pr, ',');
        any = true;
        new_line(pr);
        print_field(pr, &d->fields[i], plan ? &plan->rules[i] : NULL, n, v);
    }
    pr->indent--;
    if (any)
        new_line(pr);
    put_char(pr, '}');
}

void json_print(struct buf *out, const ProtobufCMessage *m)
{
    struct printer pr = {out, false, 0};

    print_message(&pr, m, plan_of(m->descriptor));
}

void json_print_pretty(struct buf *out, const ProtobufCMessage *m)
{
    struct printer pr = {out, true, 0};

    print_message(&pr, m, plan_of(m->descriptor));
}
