/* json - proto3 JSON to messages. jansson reads the text; this file walks its tree beside the
 * descriptors and fills a message in the arena. Printing is in json_print.c. */
#include "proto/wire/json.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/base/ids.h"
#include "proto/wire/limits.h"
#include "proto/wire/refuse.h"
#include "proto/wire/rules.h"

/* Indented text of the largest content, with room to spare. */
enum { JSON_BYTES_MAX = 16 * LIMIT_CONTENT_BYTES };

struct parser {
    struct arena *arena;
    char *err;
    size_t err_size;
};

static enum status parse_message(struct parser *ps, ProtobufCMessage **out,
                                 const ProtobufCMessageDescriptor *d, const struct plan *plan,
                                 json_t *object, const struct step *at);

static enum status complain(struct parser *ps, const struct step *at, const char *want)
{
    char path[160];

    step_path(path, sizeof(path), at);
    snprintf(ps->err, ps->err_size, "%s%s%s", path, *path ? ": " : "", want);
    return ST_INVALID;
}

static enum status no_memory(struct parser *ps, const struct step *at)
{
    complain(ps, at, "the message is too large");
    return ST_NOMEM;
}

static bool read_whole(json_t *j, int64_t *out)
{
    const char *s = json_string_value(j);
    char *end;

    if (json_is_integer(j)) {
        *out = json_integer_value(j);
        return true;
    }
    if (!s || !*s || !(*s == '-' || (*s >= '0' && *s <= '9')))
        return false;
    errno = 0;
    *out = strtoll(s, &end, 10);
    return errno == 0 && *end == '\0';
}

static enum status parse_signed(struct parser *ps, json_t *j, const struct rule *r, int64_t lo,
                                int64_t hi, int64_t *out, const struct step *at)
{
    if (r && (r->flags & RULE_TIME) && json_is_string(j) && time_parse(out, json_string_value(j)))
        return ST_OK;
    if (!read_whole(j, out))
        return complain(ps, at,
                        r && (r->flags & RULE_TIME)
                            ? "a time as ISO 8601, or microseconds since 1970, is wanted"
                            : "a whole number is wanted");
    return *out >= lo && *out <= hi ? ST_OK : complain(ps, at, "the number does not fit the field");
}

static enum status parse_unsigned(struct parser *ps, json_t *j, uint64_t hi, uint64_t *out,
                                  const struct step *at)
{
    const char *s = json_string_value(j);
    char *end;

    if (json_is_integer(j)) {
        if (json_integer_value(j) < 0)
            return complain(ps, at, "the number must not be negative");
        *out = (uint64_t)json_integer_value(j);
    } else {
        if (!s || *s < '0' || *s > '9')
            return complain(ps, at, "a whole number from 0 up is wanted");
        errno = 0;
        *out = strtoull(s, &end, 10);
        if (errno || *end)
            return complain(ps, at, "a whole number from 0 up is wanted");
    }
    return *out <= hi ? ST_OK : complain(ps, at, "the number does not fit the field");
}

static enum status parse_double(struct parser *ps, json_t *j, double *out, const struct step *at)
{
    const char *s = json_string_value(j);

    if (json_is_number(j))
        *out = json_number_value(j);
    else if (s && strcmp(s, "NaN") == 0)
        *out = (double)NAN;
    else if (s && strcmp(s, "Infinity") == 0)
        *out = (double)INFINITY;
    else if (s && strcmp(s, "-Infinity") == 0)
        *out = -(double)INFINITY;
    else
        return complain(ps, at, "a number is wanted");
    return ST_OK;
}

static enum status parse_enum(struct parser *ps, json_t *j, const ProtobufCFieldDescriptor *f,
                              int *out, const struct step *at)
{
    const ProtobufCEnumDescriptor *e = f->descriptor;
    const ProtobufCEnumValue *v;
    char want[200];
    int64_t n;

    if (json_is_string(j)) {
        v = protobuf_c_enum_descriptor_get_value_by_name(e, json_string_value(j));
        if (v) {
            *out = v->value;
            return ST_OK;
        }
    } else if (json_is_integer(j) && read_whole(j, &n) && n >= INT32_MIN && n <= INT32_MAX) {
        *out = (int)n;
        return ST_OK;
    }
    snprintf(want, sizeof(want), "a word of %s is wanted, such as \"%s\"", e->short_name,
             e->values[e->n_values > 1].name);
    return complain(ps, at, want);
}

static enum status parse_string(struct parser *ps, json_t *j, char **out, const struct step *at)
{
    size_t len = json_string_length(j);

    if (!json_is_string(j))
        return complain(ps, at, "text is wanted");
    if (memchr(json_string_value(j), '\0', len))
        return complain(ps, at, "text must not hold a NUL");
    *out = arena_alloc(ps->arena, len + 1);
    if (!*out)
        return no_memory(ps, at);
    memcpy(*out, json_string_value(j), len + 1);
    return ST_OK;
}

/* Value of a base64 digit, both alphabets; -1 if it is none. */
static int digit64(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/* Returns the number of bytes, or -1. `out` has room for 3/4 of the digits. */
static long decode64(uint8_t *out, const char *s, size_t len)
{
    uint32_t v = 0;
    unsigned bits = 0;
    long n = 0;

    while (len && s[len - 1] == '=')
        len--;
    if (len % 4 == 1)
        return -1;
    for (size_t i = 0; i < len; i++) {
        int d = digit64(s[i]);

        if (d < 0)
            return -1;
        v = v << 6 | (uint32_t)d;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (uint8_t)(v >> bits);
        }
    }
    return n;
}

static enum status parse_bytes(struct parser *ps, json_t *j, const struct rule *r,
                               ProtobufCBinaryData *out, const struct step *at)
{
    bool is_id = r && (r->flags & RULE_ID);
    size_t len = json_string_length(j);
    long n;

    if (!json_is_string(j))
        return complain(ps, at, is_id ? "a UUID is wanted" : "base64 text is wanted");
    out->data = arena_alloc(ps->arena, len + ID_BYTES);
    if (!out->data)
        return no_memory(ps, at);
    out->len = ID_BYTES;
    if (is_id && len == ID_TEXT - 1 && id_parse(out->data, json_string_value(j)))
        return ST_OK;
    n = decode64(out->data, json_string_value(j), len);
    if (n < 0)
        return complain(ps, at, is_id ? "a UUID is wanted" : "base64 text is wanted");
    out->len = (size_t)n;
    return ST_OK;
}

static enum status parse_32(struct parser *ps, json_t *j, const struct rule *r, int32_t *out,
                            const struct step *at)
{
    int64_t v = 0;
    enum status st = parse_signed(ps, j, r, INT32_MIN, INT32_MAX, &v, at);

    *out = (int32_t)v;
    return st;
}

static enum status parse_u32(struct parser *ps, json_t *j, uint32_t *out, const struct step *at)
{
    uint64_t v = 0;
    enum status st = parse_unsigned(ps, j, UINT32_MAX, &v, at);

    *out = (uint32_t)v;
    return st;
}

static enum status parse_float(struct parser *ps, json_t *j, float *out, const struct step *at)
{
    double v = 0;
    enum status st = parse_double(ps, j, &v, at);

    *out = (float)v;
    return st;
}

static enum status parse_value(struct parser *ps, json_t *j, const ProtobufCFieldDescriptor *f,
                               const struct rule *r, void *v, const struct step *at)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return parse_32(ps, j, r, v, at);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return parse_u32(ps, j, v, at);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return parse_signed(ps, j, r, INT64_MIN, INT64_MAX, v, at);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return parse_unsigned(ps, j, UINT64_MAX, v, at);
    case PROTOBUF_C_TYPE_FLOAT:
        return parse_float(ps, j, v, at);
    case PROTOBUF_C_TYPE_DOUBLE:
        return parse_double(ps, j, v, at);
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(j))
            return complain(ps, at, "true or false is wanted");
        *(protobuf_c_boolean *)v = json_is_true(j);
        return ST_OK;
    case PROTOBUF_C_TYPE_ENUM:
        return parse_enum(ps, j, f, v, at);
    case PROTOBUF_C_TYPE_STRING:
        return parse_string(ps, j, v, at);
    case PROTOBUF_C_TYPE_BYTES:
        return parse_bytes(ps, j, r, v, at);
    case PROTOBUF_C_TYPE_MESSAGE:
        return parse_message(ps, v, f->descriptor, r ? r->sub : NULL, j, at);
    }
    return ST_INVALID;
}

static enum status parse_repeated(struct parser *ps, ProtobufCMessage *m,
                                  const ProtobufCFieldDescriptor *f, const struct rule *r,
                                  json_t *array, struct step *at)
{
    size_t n = json_array_size(array), step = rule_element_size(f->type);
    char *elements;

    if (!json_is_array(array))
        return complain(ps, at, "a list is wanted: [...]");
    if (n > LIMIT_REPEATS)
        return complain(ps, at, "too many elements");
    if (n == 0)
        return ST_OK;
    elements = arena_alloc(ps->arena, n * step);
    if (!elements)
        return no_memory(ps, at);
    for (size_t i = 0; i < n; i++) {
        enum status st;

        at->index = (long)i;
        st = parse_value(ps, json_array_get(array, i), f, r, elements + i * step, at);
        if (st != ST_OK)
            return st;
    }
    *(size_t *)((char *)m + f->quantifier_offset) = n;
    *(char **)((char *)m + f->offset) = elements;
    return ST_OK;
}

static enum status parse_field(struct parser *ps, ProtobufCMessage *m,
                               const ProtobufCFieldDescriptor *f, const struct rule *r, json_t *j,
                               const struct step *up)
{
    struct step at = {up, f->name, -1};
    uint32_t *which = (uint32_t *)((char *)m + f->quantifier_offset);

    if (json_is_null(j))
        return ST_OK;
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return parse_repeated(ps, m, f, r, j, &at);
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        if (*which)
            return complain(ps, &at, "another member of the same choice is set too");
        *which = f->id;
    }
    return parse_value(ps, j, f, r, (char *)m + f->offset, &at);
}

static enum status parse_message(struct parser *ps, ProtobufCMessage **out,
                                 const ProtobufCMessageDescriptor *d, const struct plan *plan,
                                 json_t *object, const struct step *at)
{
    ProtobufCMessage *m;
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return complain(ps, at, "an object is wanted: {...}");
    m = arena_alloc(ps->arena, d->sizeof_message);
    if (!m)
        return no_memory(ps, at);
    protobuf_c_message_init(d, m);
    json_object_foreach(object, key, value)
    {
        const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(d, key);
        char shown[SHOWN_BYTES];
        struct step here = {at, show_bytes(shown, key, strlen(key)), -1};
        enum status st;

        if (!f)
            return complain(ps, &here, "there is no such field");
        st = parse_field(ps, m, f, plan ? &plan->rules[f - d->fields] : NULL, value, at);
        if (st != ST_OK)
            return st;
    }
    *out = m;
    return ST_OK;
}

enum status json_parse(ProtobufCMessage **out, const ProtobufCMessageDescriptor *d,
                       const char *text, size_t len, struct arena *arena, char *err,
                       size_t err_size)
{
    struct parser ps = {arena, err, err_size};
    json_error_t fault;
    enum status st;
    json_t *tree;

    if (len > JSON_BYTES_MAX) {
        snprintf(err, err_size, "%zu bytes of JSON; at most %d are taken", len, JSON_BYTES_MAX);
        return ST_INVALID;
    }
    tree = json_loadb(text, len, JSON_REJECT_DUPLICATES, &fault);
    if (!tree) {
        snprintf(err, err_size, "line %d column %d: %s", fault.line, fault.column, fault.text);
        return ST_INVALID;
    }
    st = parse_message(&ps, out, d, plan_of(d), tree, NULL);
    json_decref(tree);
    return st;
}
