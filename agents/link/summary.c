/* summary - a table of small functions, one per type that has something to say. */
#include "agents/link/summary.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "agents/link/places.h"
#include "agents/link/summary_bodies.h"
#include "proto/base/ids.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

/* protobuf-c names an enum value in full; what all values have in common is the enum's name. */
static size_t common_prefix(const ProtobufCEnumDescriptor *d)
{
    const char *first = d->values[0].name;
    size_t len = strlen(first), cut = 0;

    for (unsigned i = 1; i < d->n_values; i++) {
        size_t same = 0;

        while (same < len && d->values[i].name[same] == first[same])
            same++;
        len = same;
    }
    for (size_t i = 0; i < len; i++)
        if (first[i] == '_')
            cut = i + 1;
    return cut;
}

void summary_word(struct buf *out, const ProtobufCEnumDescriptor *d, int value)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);

    if (!v) {
        buf_printf(out, "%d", value);
        return;
    }
    for (const char *p = v->name + common_prefix(d); *p; p++) {
        char c = *p == '_' ? ' ' : (char)tolower((unsigned char)*p);

        buf_put(out, &c, 1);
    }
}

void say_text(struct buf *b, const char *before, const char *text)
{
    if (text && *text)
        buf_printf(b, "%s%s", before, text);
}

void say_count(struct buf *b, uint64_t n, const char *one, const char *many)
{
    if (n)
        buf_printf(b, "%s%" PRIu64 " %s", b->len && b->data[b->len - 1] == ' ' ? "" : ", ", n,
                   n == 1 ? one : many);
}

void say_scaled(struct buf *b, int64_t value, int exponent)
{
    uint64_t whole = value < 0 ? 0 - (uint64_t)value : (uint64_t)value, power = 1;

    for (int i = exponent; i < 0 && i > -18; i++)
        power *= 10;
    buf_printf(b, "%s%" PRIu64, value < 0 ? "-" : "", whole / power);
    if (exponent < 0 && exponent > -18)
        buf_printf(b, ".%0*" PRIu64, -exponent, whole % power);
    for (int i = 0; i < exponent && i < 18 && value; i++)
        buf_puts(b, "0");
}

void say_quantity(struct buf *b, const Eocbus__V1__Quantity *q)
{
    if (!q)
        return;
    say_scaled(b, q->value, -(int)q->scale);
    if (q->unit && *q->unit && strcmp(q->unit, "H87") != 0)
        buf_printf(b, " %s", q->unit);
}

void say_money(struct buf *b, const Eocbus__V1__Money *m)
{
    if (!m)
        return;
    say_scaled(b, m->minor_units, -2);
    buf_printf(b, " %s", m->currency);
}

void say_id(struct buf *b, ProtobufCBinaryData id)
{
    if (id.len >= 8) /* the end of a UUIDv7 is the random part */
        buf_printf(b, "%02x%02x%02x..", id.data[id.len - 3], id.data[id.len - 2],
                   id.data[id.len - 1]);
}

void say_time(struct buf *b, const char *before, int64_t utc_us)
{
    char text[TIME_TEXT];

    if (utc_us <= 0)
        return;
    time_format(text, utc_us);
    buf_printf(b, "%s%.10s %.5s", before, text, text + 11);
}

void say_date(struct buf *b, const char *before, int64_t utc_us)
{
    char text[TIME_TEXT];

    if (utc_us <= 0)
        return;
    time_format(text, utc_us);
    buf_printf(b, "%s%.10s", before, text);
}

void say_place(struct buf *b, const char *before, const Eocbus__V1__Envelope *m)
{
    if (m->area && m->area->place_name && *m->area->place_name) {
        say_text(b, before, m->area->place_name);
    } else if (m->area && m->area->n_pcodes) {
        buf_puts(b, before);
        place_put(b, LANG_ENGLISH, m->area->pcodes[0]); /* the sentence around it is English */
    }
}

void say_long(struct buf *b, const char *before, const char *text, size_t most)
{
    size_t len = text ? strlen(text) : 0;

    if (len == 0)
        return;
    if (len <= most) {
        buf_printf(b, "%s%s", before, text);
        return;
    }
    while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80) /* never cut a character */
        most--;
    buf_printf(b, "%s%.*s...", before, (int)most, text);
}

void summary_put(struct buf *out, const Eocbus__V1__Envelope *m)
{
    const struct type_info *type;
    struct buf b = {0};
    bool said;

    if (!m) {
        buf_puts(out, "a message of a newer version; this program cannot read it");
        return;
    }
    type = type_by_number((unsigned)m->body_case);
    said = say_field_body(&b, m) || say_office_body(&b, m) || say_resource_body(&b, m) ||
           say_relocation_body(&b, m);
    if (!said || b.len == 0)
        buf_puts(&b, type ? type->name : "empty message");
    out->failed |= b.failed;
    buf_put(out, b.data, b.len);
    buf_free(&b);
}
