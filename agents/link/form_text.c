/* form_text - see form_text.h. */
#include "agents/link/form_text.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agents/link/form.h"
#include "proto/base/ids.h"
#include "proto/wire/rules.h"

#include "proto/base/banned.h"

static enum status want(char *err, size_t err_size, const char *text, const char *what)
{
    snprintf(err, err_size, "\"%.60s\" is not %s", text, what);
    return ST_INVALID;
}

static bool read_whole(const char *text, int64_t lo, uint64_t hi, int64_t *out)
{
    char *end;

    errno = 0;
    if (*text == '-') {
        *out = strtoll(text, &end, 10);
        return errno == 0 && end != text + 1 && !*end && *out >= lo;
    }
    if (*text < '0' || *text > '9')
        return false;
    *out = (int64_t)strtoull(text, &end, 10);
    return errno == 0 && !*end && (uint64_t)*out <= hi;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

    return at ? (int)(at - digits) : -1;
}

static enum status read_bytes(union form_value *out, uint32_t flags, const char *text,
                              struct arena *arena, char *err, size_t err_size)
{
    size_t len = flags & RULE_ID ? ID_BYTES : strlen(text) / 2;
    uint8_t *bytes = arena_alloc(arena, len + 1);

    if (!bytes)
        return ST_NOMEM;
    if (flags & RULE_ID) {
        if (!id_parse(bytes, text))
            return want(err, err_size, text,
                        "an id: a UUID like 0129ab00-1c2d-7000-8000-000000000001");
    } else {
        for (size_t i = 0; i < len; i++) {
            int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

            if (high < 0 || low < 0 || strlen(text) % 2)
                return want(err, err_size, text, "hexadecimal");
            bytes[i] = (uint8_t)(high << 4 | low);
        }
    }
    out->bytes = (ProtobufCBinaryData){len, bytes};
    return ST_OK;
}

static bool read_bool(const char *text, bool *out)
{
    *out = !strcasecmp(text, "yes") || !strcasecmp(text, "true");
    return *out || !strcasecmp(text, "no") || !strcasecmp(text, "false");
}

static bool read_real(const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out);
}

static enum status read_text(union form_value *out, const char *text, struct arena *arena)
{
    out->s = arena_printf(arena, "%s", text);
    return out->s ? ST_OK : ST_NOMEM;
}

/* Numbers of 32 bits; `lo` below 0: with a sign. */
static enum status read_int32(union form_value *out, int64_t lo, uint64_t hi, const char *text,
                              char *err, size_t err_size)
{
    int64_t n;

    if (!read_whole(text, lo, hi, &n) || (lo == 0 && *text == '-'))
        return want(err, err_size, text, lo ? "a whole number" : "a whole number from 0 up");
    if (lo)
        out->i32 = (int32_t)n;
    else
        out->u32 = (uint32_t)n;
    return ST_OK;
}

static enum status read_int64(union form_value *out, uint32_t rule_flags, const char *text,
                              char *err, size_t err_size)
{
    if (rule_flags & RULE_TIME)
        return time_parse(&out->i64, text)
                   ? ST_OK
                   : want(err, err_size, text, "a time: 2010-08-08T02:10+05:00");
    if (read_whole(text, INT64_MIN, INT64_MAX, &out->i64))
        return ST_OK;
    return want(err, err_size, text, "a whole number");
}

enum status form_text_value(union form_value *out, const ProtobufCFieldDescriptor *f,
                            uint32_t rule_flags, const char *text, struct arena *arena, char *err,
                            size_t err_size)
{
    bool yes;
    int word;
    double real;

    switch (f->type) {
    case PROTOBUF_C_TYPE_ENUM:
        if (form_word(f->descriptor, text, &word, err, err_size) != ST_OK)
            return ST_INVALID;
        out->i32 = word;
        return ST_OK;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return read_int32(out, INT32_MIN, INT32_MAX, text, err, err_size);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return read_int32(out, 0, UINT32_MAX, text, err, err_size);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return read_int64(out, rule_flags, text, err, err_size);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        if (*text != '-' && read_whole(text, 0, UINT64_MAX, &out->i64))
            return ST_OK;
        return want(err, err_size, text, "a whole number from 0 up");
    case PROTOBUF_C_TYPE_BOOL:
        if (!read_bool(text, &yes))
            return want(err, err_size, text, "yes or no");
        out->b = yes;
        return ST_OK;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        if (!read_real(text, &real))
            return want(err, err_size, text, "a number");
        if (f->type == PROTOBUF_C_TYPE_FLOAT)
            out->f = (float)real;
        else
            out->d = real;
        return ST_OK;
    case PROTOBUF_C_TYPE_STRING:
        return read_text(out, text, arena);
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(out, rule_flags, text, arena, err, err_size);
    default:
        return want(err, err_size, text, "a value that can be written in words");
    }
}

/* --- messages --------------------------------------------------------------------------------- */

/* Digits with at most `places` behind a point (or comma) as a whole number and its scale; *rest
 * points behind it. */
static bool read_decimal(const char *text, unsigned places, int64_t *value, unsigned *scale,
                         const char **rest)
{
    bool minus = *text == '-', point = false;
    unsigned digits = 0;

    *value = 0;
    *scale = 0;
    for (text += minus; *text; text++) {
        if (!point && digits && (*text == '.' || *text == ',')) {
            point = true;
            continue;
        }
        if (*text < '0' || *text > '9')
            break;
        if (++digits > 15 || (point && ++*scale > places))
            return false;
        *value = *value * 10 + (*text - '0');
    }
    if (minus)
        *value = -*value;
    while (*text == ' ')
        text++;
    *rest = text;
    return digits > 0;
}

static enum status read_quantity(Eocbus__V1__Quantity *q, const char *text, struct arena *arena,
                                 char *err, size_t err_size)
{
    const char *unit;

    if (!read_decimal(text, 6, &q->value, &q->scale, &unit))
        return want(err, err_size, text, "an amount: 14, 2.5 KGM, 3 tent");
    if (*unit)
        q->unit = arena_printf(arena, "%s", unit);
    return q->unit ? ST_OK : ST_NOMEM;
}

static enum status read_money(Eocbus__V1__Money *m, const char *text, struct arena *arena,
                              char *err, size_t err_size)
{
    const char *currency;
    unsigned scale;

    if (!read_decimal(text, 2, &m->minor_units, &scale, &currency))
        return want(err, err_size, text, "a sum: 1200.50 TJS");
    for (; scale < 2; scale++)
        m->minor_units *= 10;
    m->currency = arena_printf(arena, "%s", *currency ? currency : "TJS");
    return m->currency ? ST_OK : ST_NOMEM;
}

static enum status read_position(Eocbus__V1__Position *p, const char *text, char *err,
                                 size_t err_size)
{
    char *end;
    double lat = strtod(text, &end), lon;

    if (end == text || *end != ',')
        return want(err, err_size, text, "a point: 39.394,68.539");
    text = end + 1;
    lon = strtod(text, &end);
    if (end == text || *end || !(fabs(lat) <= 90) || !(fabs(lon) <= 180))
        return want(err, err_size, text, "a point: 39.394,68.539");
    p->lat_e7 = (int32_t)lround(lat * 1e7);
    p->lon_e7 = (int32_t)lround(lon * 1e7);
    return ST_OK;
}

/* What stands between the slashes. */
static const struct spelling {
    const ProtobufCMessageDescriptor *of;
    const char *parts[7]; /* NULL-terminated */
    const char *example;
} spellings[] = {
    {&eocbus__v1__period__descriptor, {"from_us", "to_us"}, "FROM/TO"},
    {&eocbus__v1__contact__descriptor,
     {"role", "name", "agency", "radio"},
     "ROLE/OFFICE AND NAME/AGENCY[/RADIO]"},
    {&eocbus__v1__asset_loss__descriptor,
     {"asset", "damage", "quantity", "species", "lost_pct"},
     "ASSET/DAMAGE/HOW MUCH[/SPECIES[/PERCENT LOST]]"},
    {&eocbus__v1__casualty_count__descriptor,
     {"kind", "persons", "sex", "age"},
     "KIND/PERSONS[/SEX[/AGE]]"},
    {&eocbus__v1__need__descriptor,
     {"category", "item", "quantity", "horizon", "people"},
     "CATEGORY/ITEM/HOW MUCH/HORIZON[/PEOPLE]"},
    {&eocbus__v1__resource_total__descriptor,
     {"kind", "unit", "on_scene", "en_route", "needed"},
     "KIND/UNIT/ON SCENE/EN ROUTE/NEEDED"},
    {&eocbus__v1__capacity__descriptor, {"kind", "total", "available"}, "KIND/TOTAL/FREE"},
    {&eocbus__v1__stock_item__descriptor,
     {"item", "quantity", "committed"},
     "ITEM/HOW MUCH[/PROMISED]"},
    {&eocbus__v1__schedule__descriptor,
     {"type", "time_us", "location.place_name"},
     "TYPE/TIME[/PLACE]"},
    {&eocbus__v1__funding__descriptor, {"code", "text"}, "CODE/TEXT"},
    {&eocbus__v1__herd__descriptor, {"species", "head"}, "SPECIES/HEAD"},
    {&eocbus__v1__support_item__descriptor, {"item", "quantity"}, "ITEM/HOW MUCH"},
    {&eocbus__v1__plot__descriptor, {"plot_id", "area_m2", "state"}, "PLOT/SQUARE METRES/STATE"},
    {&eocbus__v1__alias__descriptor, {"name", "lang"}, "NAME[/LANGUAGE]"},
};

static enum status read_parts(ProtobufCMessage *m, const struct spelling *s, const char *text,
                              struct arena *arena, char *err, size_t err_size)
{
    char why[1000] = "";

    for (size_t i = 0; *text; i++) {
        size_t len = strcspn(text, "/");
        char *part = arena_printf(arena, "%.*s", (int)len, text);
        enum status st = ST_OK;

        if (!part)
            return ST_NOMEM;
        if (i >= ARRAY_LEN(s->parts) || !s->parts[i]) {
            snprintf(err, err_size, "too many slashes; written as %s", s->example);
            return ST_INVALID;
        }
        if (len)
            st = form_set(m, s->parts[i], part, arena, why, sizeof(why));
        if (st != ST_OK) {
            snprintf(err, err_size, "%s (written as %s)", why, s->example);
            return st;
        }
        text += len;
        text += *text == '/';
    }
    return ST_OK;
}

enum status form_text_message(ProtobufCMessage *m, const char *text, struct arena *arena, char *err,
                              size_t err_size)
{
    if (m->descriptor == &eocbus__v1__quantity__descriptor)
        return read_quantity((Eocbus__V1__Quantity *)m, text, arena, err, err_size);
    if (m->descriptor == &eocbus__v1__money__descriptor)
        return read_money((Eocbus__V1__Money *)m, text, arena, err, err_size);
    if (m->descriptor == &eocbus__v1__position__descriptor)
        return read_position((Eocbus__V1__Position *)m, text, err, err_size);
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++)
        if (spellings[i].of == m->descriptor)
            return read_parts(m, &spellings[i], text, arena, err, err_size);
    snprintf(err, err_size, "a %s cannot be written in one line; set its fields, or use --file",
             m->descriptor->short_name);
    return ST_INVALID;
}
