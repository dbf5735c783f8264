/* form - see form.h. Walks protobuf-c's descriptors; what a field may hold is the gate's affair,
 * how it is written is decided here. form_text.c knows the compact spellings. */
#include "agents/link/form.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/link/form_text.h"
#include "agents/link/summary.h"
#include "proto/wire/rules.h"

#include "proto/base/banned.h"

enum { NAME_MAX_BYTES = 64, FORM_DEPTH = 16 };

void *form_new(const ProtobufCMessageDescriptor *d, struct arena *arena)
{
    ProtobufCMessage *m = arena_alloc(arena, d->sizeof_message);

    if (m)
        protobuf_c_message_init(d, m);
    return m;
}

/* --- words ------------------------------------------------------------------------------------ */

static bool is_blank_like(char c)
{
    return c == ' ' || c == '_' || c == '-';
}

static bool is_same_word(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b) &&
            !(is_blank_like(*a) && is_blank_like(*b)))
            return false;
    return !*a && !*b;
}

static bool is_nothing(const ProtobufCEnumDescriptor *d, const ProtobufCEnumValue *v)
{
    return v->value == 0 && d->n_values > 1 && strstr(v->name, "UNSPECIFIED") != NULL;
}

void form_words(struct buf *out, const ProtobufCEnumDescriptor *d)
{
    bool first = true;

    for (unsigned i = 0; i < d->n_values; i++) {
        if (is_nothing(d, &d->values[i]))
            continue;
        buf_puts(out, first ? "" : ", ");
        summary_word(out, d, d->values[i].value);
        first = false;
    }
}

enum status form_word(const ProtobufCEnumDescriptor *d, const char *word, int *value, char *err,
                      size_t err_size)
{
    struct buf b = {0};
    bool found = false;

    for (unsigned i = 0; i < d->n_values && !found; i++) {
        buf_clear(&b);
        summary_word(&b, d, d->values[i].value);
        buf_put(&b, "", 1);
        if (b.failed || is_nothing(d, &d->values[i]))
            continue;
        found = is_same_word(word, (const char *)b.data) || is_same_word(word, d->values[i].name);
        if (found)
            *value = d->values[i].value;
    }
    if (!found) {
        buf_clear(&b);
        form_words(&b, d);
        buf_put(&b, "", 1);
        snprintf(err, err_size, "\"%.40s\" is none of: %s", word,
                 b.failed ? "(out of memory)" : (const char *)b.data);
    }
    buf_free(&b);
    return found ? ST_OK : ST_INVALID;
}

/* --- the way ---------------------------------------------------------------------------------- */

struct step {
    const ProtobufCFieldDescriptor *field;
    long index;       /* -1: none was given */
    const char *rest; /* of the path; "" = this is the end */
};

static const ProtobufCFieldDescriptor *field_named(const ProtobufCMessageDescriptor *d,
                                                   const char *name, size_t len)
{
    char copy[NAME_MAX_BYTES];

    if (len >= sizeof(copy))
        return NULL;
    memcpy(copy, name, len);
    copy[len] = '\0';
    return protobuf_c_message_descriptor_get_field_by_name(d, copy);
}

static bool read_step(struct step *s, const ProtobufCMessageDescriptor *d, const char *path)
{
    size_t len = strcspn(path, ".[");
    char *end;

    s->field = field_named(d, path, len);
    s->index = -1;
    path += len;
    if (s->field && *path == '[') {
        s->index = strtol(path + 1, &end, 10);
        if (end == path + 1 || *end != ']' || s->index < 0 || s->index > 1000 ||
            s->field->label != PROTOBUF_C_LABEL_REPEATED)
            return false;
        path = end + 1;
    }
    s->rest = *path == '.' ? path + 1 : path;
    return s->field != NULL;
}

static void *member(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    return (uint8_t *)(uintptr_t)m + f->offset;
}

static size_t *count_of(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    return (size_t *)(void *)((uint8_t *)(uintptr_t)m + f->quantifier_offset);
}

static uint32_t *case_of(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    return (uint32_t *)(void *)((uint8_t *)(uintptr_t)m + f->quantifier_offset);
}

static bool is_one_of(const ProtobufCFieldDescriptor *f)
{
    return (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

/* Another member of a oneof may stand in the same bytes. */
static void choose(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    if (!is_one_of(f) || *case_of(m, f) == f->id)
        return;
    *case_of(m, f) = f->id;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        *(ProtobufCMessage **)member(m, f) = NULL;
    else
        memset(member(m, f), 0, rule_element_size(f->type));
}

/* The element at `index`, or one more at the end; NULL: a hole, or no memory. Zeroed if new. */
static void *element(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, long index,
                     struct arena *arena)
{
    size_t size = rule_element_size(f->type), n = *count_of(m, f);
    uint8_t **array = member(m, f), *more;

    if (index >= 0 && (size_t)index < n)
        return *array + (size_t)index * size;
    if (index >= 0 && (size_t)index > n)
        return NULL;
    more = arena_alloc(arena, (n + 1) * size);
    if (!more)
        return NULL;
    if (n)
        memcpy(more, *array, n * size);
    memset(more + n * size, 0, size);
    *array = more;
    *count_of(m, f) = n + 1;
    return more + n * size;
}

static enum status complain(char *err, size_t err_size, const char *path, const char *what)
{
    snprintf(err, err_size, "%s: %s", path, what);
    return ST_INVALID;
}

/* Where the value of the step goes. */
static void *place_of(ProtobufCMessage *m, const struct step *s, struct arena *arena)
{
    choose(m, s->field);
    if (s->field->label == PROTOBUF_C_LABEL_REPEATED)
        return element(m, s->field, s->index, arena);
    return member(m, s->field);
}

static ProtobufCMessage *enter(ProtobufCMessage *m, const struct step *s, struct arena *arena)
{
    ProtobufCMessage **at = place_of(m, s, arena);

    if (at && !*at)
        *at = form_new(s->field->descriptor, arena);
    return at ? *at : NULL;
}

static uint32_t flags_of(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    const struct plan *plan = plan_of(m->descriptor);
    size_t i = (size_t)(f - m->descriptor->fields);

    return plan && i < plan->n_rules ? plan->rules[i].flags : 0;
}

/* --- values ----------------------------------------------------------------------------------- */

static bool takes_many(const ProtobufCMessage *m, const struct step *s)
{
    if (s->field->label != PROTOBUF_C_LABEL_REPEATED || s->index >= 0 ||
        s->field->type == PROTOBUF_C_TYPE_MESSAGE)
        return false;
    return s->field->type != PROTOBUF_C_TYPE_STRING ||
           (flags_of(m, s->field) & (RULE_PCODE | RULE_RECIPIENT | RULE_NAME));
}

static enum status set_message(ProtobufCMessage *m, const struct step *s, const char *text,
                               struct arena *arena, char *err, size_t err_size)
{
    ProtobufCMessage *sub = enter(m, s, arena);

    if (!sub)
        return complain(err, err_size, s->field->name, "there is no such place in the list");
    return form_text_message(sub, text, arena, err, err_size);
}

static enum status set_one(ProtobufCMessage *m, const struct step *s, const char *text,
                           struct arena *arena, char *err, size_t err_size)
{
    union form_value value = {0};
    enum status st;
    void *at;

    if (s->field->type == PROTOBUF_C_TYPE_MESSAGE)
        return set_message(m, s, text, arena, err, err_size);
    st = form_text_value(&value, s->field, flags_of(m, s->field), text, arena, err, err_size);
    if (st != ST_OK)
        return st;
    at = place_of(m, s, arena);
    if (!at)
        return complain(err, err_size, s->field->name, "there is no such place in the list");
    memcpy(at, &value, rule_element_size(s->field->type));
    return ST_OK;
}

static enum status set_many(ProtobufCMessage *m, const struct step *s, const char *text,
                            struct arena *arena, char *err, size_t err_size)
{
    enum status st = ST_OK;

    while (*text && st == ST_OK) {
        size_t len = strcspn(text, ",");
        char *part;

        while (len && *text == ' ') {
            text++;
            len--;
        }
        part = arena_printf(arena, "%.*s", (int)len, text);
        if (!part)
            return ST_NOMEM;
        while (len && part[len - 1] == ' ')
            part[--len] = '\0';
        text += strcspn(text, ",");
        text += *text == ',';
        if (len)
            st = set_one(m, s, part, arena, err, err_size);
    }
    return st;
}

enum status form_set(ProtobufCMessage *m, const char *path, const char *text, struct arena *arena,
                     char *err, size_t err_size)
{
    const char *whole = path;

    for (unsigned depth = 0; depth < FORM_DEPTH; depth++) {
        struct step s;

        if (!read_step(&s, m->descriptor, path))
            return complain(err, err_size, whole, "there is no such field");
        if (!*s.rest)
            return takes_many(m, &s) ? set_many(m, &s, text, arena, err, err_size)
                                     : set_one(m, &s, text, arena, err, err_size);
        if (s.field->type != PROTOBUF_C_TYPE_MESSAGE)
            return complain(err, err_size, whole, "there is no such field");
        m = enter(m, &s, arena);
        if (!m)
            return complain(err, err_size, whole, "there is no such place in the list");
        path = s.rest;
    }
    return complain(err, err_size, whole, "the path is too long");
}

enum status form_assign(ProtobufCMessage *m, const char *assignment, struct arena *arena, char *err,
                        size_t err_size)
{
    const char *equals = strchr(assignment, '=');
    char *path;

    if (!equals || equals == assignment)
        return complain(err, err_size, assignment, "PATH=VALUE is wanted");
    path = arena_printf(arena, "%.*s", (int)(equals - assignment), assignment);
    return path ? form_set(m, path, equals + 1, arena, err, err_size) : ST_NOMEM;
}

static bool is_default(const ProtobufCFieldDescriptor *f, const void *at)
{
    static const uint8_t zero[sizeof(ProtobufCBinaryData)];

    if (f->type == PROTOBUF_C_TYPE_STRING)
        return !*(char *const *)at || !**(char *const *)at;
    if (f->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)at)->len == 0;
    return memcmp(at, zero, rule_element_size(f->type)) == 0;
}

bool form_is_set(const ProtobufCMessage *m, const char *path)
{
    while (m) {
        struct step s;
        size_t index;

        if (!read_step(&s, m->descriptor, path))
            return false;
        if (is_one_of(s.field) && *case_of(m, s.field) != s.field->id)
            return false;
        index = s.index > 0 ? (size_t)s.index : 0;
        if (s.field->label == PROTOBUF_C_LABEL_REPEATED) {
            if (*count_of(m, s.field) <= index)
                return false;
            if (!*s.rest)
                return true;
            m = (*(ProtobufCMessage ***)member(m, s.field))[index];
        } else if (!*s.rest) {
            return is_one_of(s.field) || !is_default(s.field, member(m, s.field));
        } else {
            m = *(ProtobufCMessage **)member(m, s.field);
        }
        path = s.rest;
    }
    return false;
}

/* The field at the end of a path from the Envelope. */
static const ProtobufCFieldDescriptor *field_at(const char *path)
{
    const ProtobufCMessageDescriptor *d = &eocbus__v1__envelope__descriptor;

    while (d) {
        struct step s;

        if (!read_step(&s, d, path))
            return NULL;
        if (!*s.rest)
            return s.field;
        d = s.field->type == PROTOBUF_C_TYPE_MESSAGE ? s.field->descriptor : NULL;
        path = s.rest;
    }
    return NULL;
}

const ProtobufCEnumDescriptor *form_enum_of(const char *path)
{
    const ProtobufCFieldDescriptor *f = field_at(path);

    return f && f->type == PROTOBUF_C_TYPE_ENUM ? f->descriptor : NULL;
}

/* --- command lines ---------------------------------------------------------------------------- */

static enum status apply(ProtobufCMessage *m, const struct form_row *rows, size_t n,
                         const struct option_words *given, struct arena *arena, char *err,
                         size_t err_size)
{
    char why[1200];

    for (size_t i = 0; i < n; i++)
        for (unsigned k = 0; k < given[i].count; k++) {
            enum status st = ST_OK;

            why[0] = '\0';
            if (rows[i].path)
                st = form_set(m, rows[i].path, given[i].items[k], arena, why, sizeof(why));
            if (st != ST_OK) {
                snprintf(err, err_size, "%s: %s", rows[i].name, *why ? why : "out of memory");
                return st;
            }
        }
    return ST_OK;
}

enum status form_take(ProtobufCMessage *m, const struct form_row *rows, size_t n,
                      const struct option_row *own, size_t own_count, int *argc, char **argv,
                      struct arena *arena, char *err, size_t err_size)
{
    struct option_row *options = arena_alloc(arena, (n + own_count + 1) * sizeof(*options));
    struct option_words *given = arena_alloc(arena, (n + 1) * sizeof(*given));
    enum status st;

    if (!options || !given) {
        snprintf(err, err_size, "out of memory");
        return ST_NOMEM;
    }
    memset(given, 0, (n + 1) * sizeof(*given));
    for (size_t i = 0; i < n; i++)
        options[i] = (struct option_row){rows[i].name, OPTION_WORDS, &given[i]};
    for (size_t i = 0; i < own_count; i++)
        options[n + i] = own[i];
    st = options_take(options, n + own_count, argc, argv, err, err_size);
    return st == ST_OK ? apply(m, rows, n, given, arena, err, err_size) : st;
}

/* Of "flash_report.injured" and "area.pcodes[0]": "injured" and "pcodes"; of "lane":
 * "message.lane". */
static const char *say_row(const struct form_row *row, enum lang lang)
{
    const char *dot = row->path ? strrchr(row->path, '.') : NULL, *last = dot ? dot + 1 : row->path;
    const char *text = NULL;
    char name[64];

    if (last && lang != LANG_ENGLISH) {
        snprintf(name, sizeof(name), "%s%.*s", dot ? "" : "message.", (int)strcspn(last, "["),
                 last);
        text = lang_text(lang, "option", name);
    }
    return text ? text : row->help;
}

void form_help(struct buf *out, enum lang lang, const struct form_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const ProtobufCEnumDescriptor *d = rows[i].path ? form_enum_of(rows[i].path) : NULL;

        buf_printf(out, "  %-18s %s", rows[i].name, say_row(&rows[i], lang));
        if (d && d->n_values <= 20) {
            buf_printf(out, "\n                     %s ", lang_say(lang, SAY_OPTION_ONE_OF));
            form_words(out, d);
        }
        buf_puts(out, "\n");
    }
}
