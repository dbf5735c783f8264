/* cap_write - a public alert as a CAP 1.2 document, elements in the order of its schema. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/console/cap/cap.h"
#include "agents/console/cap/cap_words.h"

#include "proto/base/banned.h"

/* What XML 1.0 cannot hold is left out: the gate lets no such letter in. */
static void put_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;

        if (c == '&')
            buf_puts(out, "&amp;");
        else if (c == '<')
            buf_puts(out, "&lt;");
        else if (c == '>')
            buf_puts(out, "&gt;");
        else if (c == '\r')
            buf_puts(out, "&#13;");
        else if (c >= 0x20 || c == '\n' || c == '\t')
            buf_put(out, text, 1);
    }
}

static void put(struct buf *out, int depth, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    buf_printf(out, "%*s<%s>", depth * 2, "", name);
    put_escaped(out, text);
    buf_printf(out, "</%s>\n", name);
}

static void put_time(struct buf *out, int depth, const char *name, int64_t us, int offset_min)
{
    char text[CAP_TIME];

    if (!us)
        return;
    cap_time(text, us, offset_min);
    put(out, depth, name, text);
}

static void put_word(struct buf *out, int depth, const char *name, const ProtobufCEnumDescriptor *d,
                     const char *prefix, int value)
{
    char word[CAP_WORD];

    cap_word(word, d, prefix, value);
    put(out, depth, name, word);
}

static void put_values(struct buf *out, int depth, const char *name, Eocbus__V1__NamedValue **v,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%*s<%s>\n", depth * 2, "", name);
        put(out, depth + 1, "valueName", v[i]->name);
        buf_printf(out, "%*s<value>", depth * 2 + 2, "");
        put_escaped(out, v[i]->value);
        buf_puts(out, "</value>\n");
        buf_printf(out, "%*s</%s>\n", depth * 2, "", name);
    }
}

/* --- resource, area --------------------------------------------------------------------------- */

static void put_base64(struct buf *out, const uint8_t *data, size_t len)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3) {
        const uint32_t v = (uint32_t)data[i] << 16 |
                           (i + 1 < len ? (uint32_t)data[i + 1] << 8 : 0) |
                           (i + 2 < len ? data[i + 2] : 0);
        const char four[4] = {letters[v >> 18], letters[v >> 12 & 63],
                              i + 1 < len ? letters[v >> 6 & 63] : '=',
                              i + 2 < len ? letters[v & 63] : '='};

        buf_put(out, four, 4);
    }
}

static void put_resource(struct buf *out, const Eocbus__V1__AlertResource *r)
{
    buf_puts(out, "    <resource>\n");
    put(out, 3, "resourceDesc", r->description);
    put(out, 3, "mimeType", *r->mime_type ? r->mime_type : "application/octet-stream");
    if (r->size_bytes)
        buf_printf(out, "      <size>%" PRIu64 "</size>\n", r->size_bytes);
    put(out, 3, "uri", r->uri);
    if (r->data.len) {
        buf_puts(out, "      <derefUri>");
        put_base64(out, r->data.data, r->data.len);
        buf_puts(out, "</derefUri>\n");
    }
    if (r->sha1.len) {
        buf_puts(out, "      <digest>");
        for (size_t i = 0; i < r->sha1.len; i++)
            buf_printf(out, "%02x", r->sha1.data[i]);
        buf_puts(out, "</digest>\n");
    }
    buf_puts(out, "    </resource>\n");
}

static void put_polygon(struct buf *out, const Eocbus__V1__Polygon *p)
{
    char lat[CAP_NUMBER], lon[CAP_NUMBER];

    buf_puts(out, "      <polygon>");
    for (size_t i = 0; i < p->n_lats_e7 && i < p->n_lons_e7; i++) {
        cap_number(lat, p->lats_e7[i], 7);
        cap_number(lon, p->lons_e7[i], 7);
        buf_printf(out, "%s%s,%s", i ? " " : "", lat, lon);
    }
    buf_puts(out, "</polygon>\n");
}

static void put_circle(struct buf *out, const Eocbus__V1__Circle *c)
{
    char lat[CAP_NUMBER], lon[CAP_NUMBER], km[CAP_NUMBER];

    cap_number(lat, c->centre ? c->centre->lat_e7 : 0, 7);
    cap_number(lon, c->centre ? c->centre->lon_e7 : 0, 7);
    cap_number(km, c->radius_m, 3);
    buf_printf(out, "      <circle>%s,%s %s</circle>\n", lat, lon, km);
}

/* Centimetres to feet, to a tenth of an inch. */
static void put_feet(struct buf *out, const char *name, int32_t cm)
{
    char feet[CAP_NUMBER];

    cap_number(feet, ((int64_t)cm * 10000 + (cm < 0 ? -1524 : 1524)) / 3048, 2);
    put(out, 3, name, feet);
}

static void put_area(struct buf *out, const Eocbus__V1__AlertArea *a)
{
    buf_puts(out, "    <area>\n");
    put(out, 3, "areaDesc", a->description);
    for (size_t i = 0; i < a->n_polygons; i++)
        put_polygon(out, a->polygons[i]);
    for (size_t i = 0; i < a->n_circles; i++)
        put_circle(out, a->circles[i]);
    put_values(out, 3, "geocode", a->geocodes, a->n_geocodes);
    if (a->_altitude_case == EOCBUS__V1__ALERT_AREA___ALTITUDE_ALTITUDE_CM)
        put_feet(out, "altitude", a->altitude_cm);
    if (a->_ceiling_case == EOCBUS__V1__ALERT_AREA___CEILING_CEILING_CM)
        put_feet(out, "ceiling", a->ceiling_cm);
    buf_puts(out, "    </area>\n");
}

/* --- info, alert ------------------------------------------------------------------------------ */

static void put_texts(struct buf *out, const Eocbus__V1__AlertInfo *i)
{
    put(out, 2, "senderName", i->sender_name);
    put(out, 2, "headline", i->headline);
    put(out, 2, "description", i->description);
    put(out, 2, "instruction", i->instruction);
    put(out, 2, "web", i->web);
    put(out, 2, "contact", i->contact);
}

static void put_info(struct buf *out, const Eocbus__V1__AlertInfo *i, int offset_min)
{
    buf_puts(out, "  <info>\n");
    put(out, 2, "language", i->language);
    for (size_t n = 0; n < i->n_categories; n++)
        put_word(out, 2, "category", &eocbus__v1__cap_category__descriptor, "CAP_CATEGORY_",
                 (int)i->categories[n]);
    put(out, 2, "event", i->event);
    for (size_t n = 0; n < i->n_response_types; n++)
        put_word(out, 2, "responseType", &eocbus__v1__cap_response_type__descriptor,
                 "CAP_RESPONSE_TYPE_", (int)i->response_types[n]);
    put_word(out, 2, "urgency", &eocbus__v1__urgency__descriptor, "URGENCY_", (int)i->urgency);
    put_word(out, 2, "severity", &eocbus__v1__severity__descriptor, "SEVERITY_", (int)i->severity);
    put_word(out, 2, "certainty", &eocbus__v1__certainty__descriptor, "CERTAINTY_",
             (int)i->certainty);
    put(out, 2, "audience", i->audience);
    put_values(out, 2, "eventCode", i->event_codes, i->n_event_codes);
    put_time(out, 2, "effective", i->effective_us, offset_min);
    put_time(out, 2, "onset", i->onset_us, offset_min);
    put_time(out, 2, "expires", i->expires_us, offset_min);
    put_texts(out, i);
    put_values(out, 2, "parameter", i->parameters, i->n_parameters);
    for (size_t n = 0; n < i->n_resources; n++)
        put_resource(out, i->resources[n]);
    for (size_t n = 0; n < i->n_areas; n++)
        put_area(out, i->areas[n]);
    buf_puts(out, "  </info>\n");
}

/* Words split by blanks; one with a blank in it is quoted (section 3.2.1). */
static void put_list(struct buf *out, const char *name, char *const *words, size_t n)
{
    if (!n)
        return;
    buf_printf(out, "  <%s>", name);
    for (size_t i = 0; i < n; i++) {
        const char *quote = strpbrk(words[i], " \t\n") ? "\"" : "";

        buf_printf(out, "%s%s", i ? " " : "", quote);
        put_escaped(out, words[i]);
        buf_puts(out, quote);
    }
    buf_printf(out, "</%s>\n", name);
}

static void put_references(struct buf *out, const Eocbus__V1__PublicAlert *a)
{
    char sent[CAP_TIME];

    if (!a->n_references)
        return;
    buf_puts(out, "  <references>");
    for (size_t i = 0; i < a->n_references; i++) {
        const Eocbus__V1__CapReference *r = a->references[i];

        cap_time(sent, r->sent_us, r->sent_offset_min);
        buf_puts(out, i ? " " : "");
        put_escaped(out, r->cap_sender);
        buf_puts(out, ",");
        put_escaped(out, r->identifier);
        buf_printf(out, ",%s", sent);
    }
    buf_puts(out, "</references>\n");
}

void cap_write(struct buf *out, const Eocbus__V1__PublicAlert *a)
{
    buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<alert xmlns=\"" CAP_NS_12 "\">\n");
    put(out, 1, "identifier", a->identifier);
    put(out, 1, "sender", a->cap_sender);
    put_time(out, 1, "sent", a->sent_us, a->sent_offset_min);
    put_word(out, 1, "status", &eocbus__v1__cap_status__descriptor, "CAP_STATUS_", (int)a->status);
    put_word(out, 1, "msgType", &eocbus__v1__cap_msg_type__descriptor, "CAP_MSG_TYPE_",
             (int)a->msg_type);
    put(out, 1, "source", a->source);
    put_word(out, 1, "scope", &eocbus__v1__cap_scope__descriptor, "CAP_SCOPE_", (int)a->scope);
    put(out, 1, "restriction", a->restriction);
    put_list(out, "addresses", a->addresses, a->n_addresses);
    for (size_t i = 0; i < a->n_codes; i++)
        put(out, 1, "code", a->codes[i]);
    put(out, 1, "note", a->note);
    put_references(out, a);
    put_list(out, "incidents", a->incidents, a->n_incidents);
    for (size_t i = 0; i < a->n_infos; i++)
        put_info(out, a->infos[i], a->sent_offset_min);
    buf_puts(out, "</alert>\n");
}
