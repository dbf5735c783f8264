/* cap_read - CAP documents of others into a PublicAlert, element by element. */
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>

#include "agents/console/cap/cap.h"
#include "agents/console/cap/cap_words.h"

#include "proto/base/banned.h"

enum { DATA_MAX = 4096 };

struct reading {
    struct arena *arena;
    struct buf *dropped;
    char *err;
    size_t err_size;
    enum status st; /* the first trouble */
};

static void wrong(struct reading *r, const char *element, const char *why)
{
    if (r->st != ST_OK)
        return;
    snprintf(r->err, r->err_size, "%.60s: %s", element, why);
    r->st = ST_INVALID;
}

static void *room(struct reading *r, size_t bytes)
{
    void *p = arena_alloc(r->arena, bytes ? bytes : 1);

    if (p)
        memset(p, 0, bytes);
    else
        r->st = ST_NOMEM;
    return p;
}

static const char *name_of(const xmlNode *n)
{
    return (const char *)n->name;
}

static void drop(struct reading *r, const char *where, const char *what)
{
    buf_printf(r->dropped, "%s: %s\n", where, what);
}

/* --- texts --------------------------------------------------------------------------------------
 */

/* All text below the element, without blanks at its ends; "" without memory. */
static char *text_of(struct reading *r, xmlNode *n)
{
    xmlChar *all = xmlNodeGetContent(n);
    const char *from = all ? (const char *)all : "";
    size_t len;
    char *out;

    from += strspn(from, " \t\r\n");
    len = strlen(from);
    while (len && strchr(" \t\r\n", from[len - 1]))
        len--;
    out = room(r, len + 1);
    if (out)
        memcpy(out, from, len);
    xmlFree(all);
    return out ? out : (char *)(uintptr_t) "";
}

/* The next word of a list; quoted ones may hold blanks. NULL at its end. */
static char *next_word(struct reading *r, char **at)
{
    char *word, *end;
    bool quoted;

    *at += strspn(*at, " \t\r\n");
    if (!**at || r->st != ST_OK)
        return NULL;
    quoted = **at == '"' && strchr(*at + 1, '"');
    word = *at + quoted;
    end = word + strcspn(word, quoted ? "\"" : " \t\r\n");
    *at = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

/* Text of the first child called so; "" if there is none. Others of that name are dropped. */
static char *child_text(struct reading *r, xmlNode *parent, const char *name)
{
    char *found = NULL;

    for (xmlNode *n = parent->children; n; n = n->next)
        if (n->type == XML_ELEMENT_NODE && strcmp(name_of(n), name) == 0) {
            if (!found)
                found = text_of(r, n);
            else
                drop(r, name_of(parent), name);
        }
    return found ? found : (char *)(uintptr_t) "";
}

static char *wanted(struct reading *r, xmlNode *parent, const char *name)
{
    char *text = child_text(r, parent, name);

    if (!*text)
        wrong(r, name, "it is missing or empty");
    return text;
}

static size_t count(xmlNode *parent, const char *name)
{
    size_t n = 0;

    for (const xmlNode *c = parent->children; c; c = c->next)
        n += c->type == XML_ELEMENT_NODE && strcmp(name_of(c), name) == 0;
    return n;
}

static xmlNode *first(xmlNode *n, const char *name)
{
    while (n && (n->type != XML_ELEMENT_NODE || strcmp(name_of(n), name) != 0))
        n = n->next;
    return n;
}

/* A repeated element: *n of them, in a list of pointers; NULL entries stay for who fills it. */
static void *list_of(struct reading *r, xmlNode *parent, const char *name, size_t *n)
{
    *n = count(parent, name);
    return room(r, *n * sizeof(void *));
}

static int word_of(struct reading *r, const char *element, const char *text,
                   const ProtobufCEnumDescriptor *d, const char *prefix)
{
    int value = cap_value(d, prefix, text);

    if (!value)
        wrong(r, element, "there is no such word in CAP 1.2");
    return value;
}

static int64_t time_of(struct reading *r, xmlNode *parent, const char *name)
{
    const char *text = child_text(r, parent, name);
    int64_t us = 0;

    if (*text && !cap_read_time(&us, NULL, text))
        wrong(r, name, "it is no time with an offset");
    return us;
}

/* Children that have no field. */
static void drop_others(struct reading *r, xmlNode *parent, const char *const *known, size_t n)
{
    for (xmlNode *c = parent->children; c; c = c->next) {
        bool is_known = false;

        if (c->type != XML_ELEMENT_NODE)
            continue;
        for (size_t i = 0; i < n && !is_known; i++)
            is_known = strcmp(name_of(c), known[i]) == 0;
        if (!is_known)
            drop(r, name_of(parent), name_of(c));
    }
}

/* --- resource, area -----------------------------------------------------------------------------
 */

static int base64_of(char c)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(letters, c) : NULL;

    return at ? (int)(at - letters) : -1;
}

static void read_data(struct reading *r, ProtobufCBinaryData *out, const char *text)
{
    uint8_t *bytes = room(r, DATA_MAX);
    uint32_t bits = 0;
    size_t n = 0;
    int have = 0;

    if (!bytes)
        return;
    for (; *text; text++) {
        int v = base64_of(*text);

        if (v < 0)
            continue;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        if (n == DATA_MAX) {
            drop(r, "resource", "derefUri (more than 4096 bytes)");
            return;
        }
        bytes[n++] = (uint8_t)(bits >> have);
    }
    out->data = bytes;
    out->len = n;
}

static void read_digest(struct reading *r, ProtobufCBinaryData *out, const char *text)
{
    uint8_t *bytes = room(r, 20);
    unsigned v;

    if (!bytes || !*text)
        return;
    if (strlen(text) != 40 || strspn(text, "0123456789abcdefABCDEF") != 40) {
        drop(r, "resource", "digest (no SHA-1)");
        return;
    }
    for (size_t i = 0; i < 20 && sscanf(text + 2 * i, "%2x", &v) == 1; i++)
        bytes[i] = (uint8_t)v;
    out->data = bytes;
    out->len = 20;
}

static Eocbus__V1__AlertResource *read_resource(struct reading *r, xmlNode *n)
{
    static const char *const known[] = {"resourceDesc", "mimeType", "size",
                                        "uri",          "derefUri", "digest"};
    Eocbus__V1__AlertResource *out = room(r, sizeof(*out));
    const char *size = child_text(r, n, "size"), *end;
    int64_t bytes = 0;

    if (!out)
        return NULL;
    eocbus__v1__alert_resource__init(out);
    out->description = wanted(r, n, "resourceDesc");
    out->mime_type = child_text(r, n, "mimeType");
    if (*size && (!cap_read_number(&bytes, 0, size, &end) || bytes < 0))
        wrong(r, "size", "it is no number of bytes");
    out->size_bytes = (uint64_t)bytes;
    out->uri = child_text(r, n, "uri");
    read_data(r, &out->data, child_text(r, n, "derefUri"));
    read_digest(r, &out->sha1, child_text(r, n, "digest"));
    drop_others(r, n, known, ARRAY_LEN(known));
    return out;
}

/* "lat,lon" at *text, in 1e-7 degrees. */
static bool read_point(int32_t *lat, int32_t *lon, const char **text)
{
    int64_t a, o;

    *text += strspn(*text, " \t\r\n");
    if (!cap_read_number(&a, 7, *text, text) || **text != ',')
        return false;
    ++*text;
    if (!cap_read_number(&o, 7, *text, text) || a < -900000000 || a > 900000000 ||
        o < -1800000000 || o > 1800000000)
        return false;
    *lat = (int32_t)a;
    *lon = (int32_t)o;
    return true;
}

static Eocbus__V1__Polygon *read_polygon(struct reading *r, xmlNode *n)
{
    Eocbus__V1__Polygon *out = room(r, sizeof(*out));
    const char *text = text_of(r, n);
    size_t points = 0;

    for (const char *c = text; *c; c++)
        points += *c == ',';
    if (!out)
        return NULL;
    eocbus__v1__polygon__init(out);
    out->lats_e7 = room(r, points * sizeof(*out->lats_e7));
    out->lons_e7 = room(r, points * sizeof(*out->lons_e7));
    for (size_t i = 0; r->st == ST_OK && i < points; i++)
        if (!read_point(&out->lats_e7[i], &out->lons_e7[i], &text))
            wrong(r, "polygon", "it is no list of latitude,longitude");
    out->n_lats_e7 = out->n_lons_e7 = points;
    return out;
}

static Eocbus__V1__Circle *read_circle(struct reading *r, xmlNode *n)
{
    Eocbus__V1__Circle *out = room(r, sizeof(*out));
    Eocbus__V1__Position *at = room(r, sizeof(*at));
    const char *text = text_of(r, n);
    int64_t radius = 0;

    if (!out || !at)
        return NULL;
    eocbus__v1__circle__init(out);
    eocbus__v1__position__init(at);
    out->centre = at;
    if (!read_point(&at->lat_e7, &at->lon_e7, &text)) {
        wrong(r, "circle", "it is no latitude,longitude radius");
        return out;
    }
    text += strspn(text, " \t\r\n");
    if (!cap_read_number(&radius, 3, text, &text) || radius < 0 || radius > INT32_MAX)
        wrong(r, "circle", "its radius is no number of kilometres");
    out->radius_m = (uint32_t)radius;
    return out;
}

static Eocbus__V1__NamedValue **read_values(struct reading *r, xmlNode *parent, const char *name,
                                            size_t *count_out)
{
    Eocbus__V1__NamedValue **out = list_of(r, parent, name, count_out);
    xmlNode *n = first(parent->children, name);

    for (size_t i = 0; out && i < *count_out; i++, n = first(n->next, name)) {
        out[i] = room(r, sizeof(**out));
        if (!out[i])
            break;
        eocbus__v1__named_value__init(out[i]);
        out[i]->name = wanted(r, n, "valueName");
        out[i]->value = child_text(r, n, "value");
    }
    return out;
}

/* Feet in centimetres; false: it is not there. */
static bool read_feet(struct reading *r, int32_t *cm, xmlNode *n, const char *name)
{
    const char *text = child_text(r, n, name), *end;
    int64_t hundredths;

    if (!*text)
        return false;
    if (!cap_read_number(&hundredths, 2, text, &end) || hundredths > INT64_C(30000000) ||
        hundredths < -INT64_C(30000000)) {
        wrong(r, name, "it is no height in feet");
        return false;
    }
    *cm = (int32_t)((hundredths * 3048 + (hundredths < 0 ? -5000 : 5000)) / 10000);
    return true;
}

static Eocbus__V1__AlertArea *read_area(struct reading *r, xmlNode *n)
{
    static const char *const known[] = {"areaDesc", "polygon",  "circle",
                                        "geocode",  "altitude", "ceiling"};
    Eocbus__V1__AlertArea *out = room(r, sizeof(*out));
    xmlNode *c;

    if (!out)
        return NULL;
    eocbus__v1__alert_area__init(out);
    out->description = wanted(r, n, "areaDesc");
    out->polygons = list_of(r, n, "polygon", &out->n_polygons);
    c = first(n->children, "polygon");
    for (size_t i = 0; r->st == ST_OK && i < out->n_polygons; i++, c = first(c->next, "polygon"))
        out->polygons[i] = read_polygon(r, c);
    out->circles = list_of(r, n, "circle", &out->n_circles);
    c = first(n->children, "circle");
    for (size_t i = 0; r->st == ST_OK && i < out->n_circles; i++, c = first(c->next, "circle"))
        out->circles[i] = read_circle(r, c);
    out->geocodes = read_values(r, n, "geocode", &out->n_geocodes);
    if (read_feet(r, &out->altitude_cm, n, "altitude"))
        out->_altitude_case = EOCBUS__V1__ALERT_AREA___ALTITUDE_ALTITUDE_CM;
    if (read_feet(r, &out->ceiling_cm, n, "ceiling"))
        out->_ceiling_case = EOCBUS__V1__ALERT_AREA___CEILING_CEILING_CM;
    drop_others(r, n, known, ARRAY_LEN(known));
    return out;
}

/* --- info ---------------------------------------------------------------------------------------
 */

static void *read_words(struct reading *r, xmlNode *parent, const char *name, size_t *n_out,
                        const ProtobufCEnumDescriptor *d, const char *prefix)
{
    int *out;
    xmlNode *n = first(parent->children, name);

    *n_out = count(parent, name);
    out = room(r, *n_out * sizeof(*out));
    for (size_t i = 0; out && i < *n_out; i++, n = first(n->next, name))
        out[i] = word_of(r, name, text_of(r, n), d, prefix);
    return out;
}

static void read_texts(struct reading *r, Eocbus__V1__AlertInfo *out, xmlNode *n)
{
    out->language = child_text(r, n, "language");
    out->event = wanted(r, n, "event");
    out->audience = child_text(r, n, "audience");
    out->sender_name = child_text(r, n, "senderName");
    out->headline = child_text(r, n, "headline");
    out->description = child_text(r, n, "description");
    out->instruction = child_text(r, n, "instruction");
    out->web = child_text(r, n, "web");
    out->contact = child_text(r, n, "contact");
}

static void read_levels(struct reading *r, Eocbus__V1__AlertInfo *out, xmlNode *n)
{
    out->urgency = (Eocbus__V1__Urgency)word_of(r, "urgency", wanted(r, n, "urgency"),
                                                &eocbus__v1__urgency__descriptor, "URGENCY_");
    out->severity = (Eocbus__V1__Severity)word_of(r, "severity", wanted(r, n, "severity"),
                                                  &eocbus__v1__severity__descriptor, "SEVERITY_");
    out->certainty =
        (Eocbus__V1__Certainty)word_of(r, "certainty", wanted(r, n, "certainty"),
                                       &eocbus__v1__certainty__descriptor, "CERTAINTY_");
    out->effective_us = time_of(r, n, "effective");
    out->onset_us = time_of(r, n, "onset");
    out->expires_us = time_of(r, n, "expires");
}

static Eocbus__V1__AlertInfo *read_info(struct reading *r, xmlNode *n)
{
    static const char *const known[] = {
        "language",   "category", "event",       "responseType", "urgency", "severity",
        "certainty",  "audience", "eventCode",   "effective",    "onset",   "expires",
        "senderName", "headline", "description", "instruction",  "web",     "contact",
        "parameter",  "resource", "area"};
    Eocbus__V1__AlertInfo *out = room(r, sizeof(*out));
    xmlNode *c;

    if (!out)
        return NULL;
    eocbus__v1__alert_info__init(out);
    read_texts(r, out, n);
    read_levels(r, out, n);
    out->categories = read_words(r, n, "category", &out->n_categories,
                                 &eocbus__v1__cap_category__descriptor, "CAP_CATEGORY_");
    if (!out->n_categories)
        wrong(r, "category", "it is missing or empty");
    out->response_types =
        read_words(r, n, "responseType", &out->n_response_types,
                   &eocbus__v1__cap_response_type__descriptor, "CAP_RESPONSE_TYPE_");
    out->event_codes = read_values(r, n, "eventCode", &out->n_event_codes);
    out->parameters = read_values(r, n, "parameter", &out->n_parameters);
    out->resources = list_of(r, n, "resource", &out->n_resources);
    c = first(n->children, "resource");
    for (size_t i = 0; r->st == ST_OK && i < out->n_resources; i++, c = first(c->next, "resource"))
        out->resources[i] = read_resource(r, c);
    out->areas = list_of(r, n, "area", &out->n_areas);
    c = first(n->children, "area");
    for (size_t i = 0; r->st == ST_OK && i < out->n_areas; i++, c = first(c->next, "area"))
        out->areas[i] = read_area(r, c);
    drop_others(r, n, known, ARRAY_LEN(known));
    return out;
}

/* --- alert --------------------------------------------------------------------------------------
 */

static char **read_list(struct reading *r, xmlNode *n, const char *name, size_t *n_out)
{
    char *text = child_text(r, n, name), *word, **out;

    *n_out = 0;
    out = room(r, (strlen(text) / 2 + 1) * sizeof(*out));
    while (out && (word = next_word(r, &text)))
        if (*word)
            out[(*n_out)++] = word;
    return out;
}

static Eocbus__V1__CapReference *read_reference(struct reading *r, char *word)
{
    Eocbus__V1__CapReference *out = room(r, sizeof(*out));
    char *name = strchr(word, ','), *sent = name ? strrchr(name + 1, ',') : NULL;

    if (!out)
        return NULL;
    eocbus__v1__cap_reference__init(out);
    if (!sent || !cap_read_time(&out->sent_us, &out->sent_offset_min, sent + 1)) {
        wrong(r, "references", "each is sender,identifier,sent");
        return out;
    }
    *name = *sent = '\0';
    out->cap_sender = word;
    out->identifier = name + 1;
    return out;
}

static void read_references(struct reading *r, Eocbus__V1__PublicAlert *out, xmlNode *n)
{
    char **words = read_list(r, n, "references", &out->n_references);

    out->references = room(r, out->n_references * sizeof(void *));
    for (size_t i = 0; r->st == ST_OK && i < out->n_references; i++)
        out->references[i] = read_reference(r, words[i]);
}

static void read_head(struct reading *r, Eocbus__V1__PublicAlert *out, xmlNode *n)
{
    const char *sent = wanted(r, n, "sent");

    out->identifier = wanted(r, n, "identifier");
    out->cap_sender = wanted(r, n, "sender");
    if (!cap_read_time(&out->sent_us, &out->sent_offset_min, sent))
        wrong(r, "sent", "it is no time with an offset");
    out->status = (Eocbus__V1__CapStatus)word_of(
        r, "status", wanted(r, n, "status"), &eocbus__v1__cap_status__descriptor, "CAP_STATUS_");
    out->msg_type =
        (Eocbus__V1__CapMsgType)word_of(r, "msgType", wanted(r, n, "msgType"),
                                        &eocbus__v1__cap_msg_type__descriptor, "CAP_MSG_TYPE_");
    out->scope = (Eocbus__V1__CapScope)word_of(r, "scope", wanted(r, n, "scope"),
                                               &eocbus__v1__cap_scope__descriptor, "CAP_SCOPE_");
}

static Eocbus__V1__PublicAlert *read_alert(struct reading *r, xmlNode *n)
{
    static const char *const known[] = {
        "identifier",  "sender",    "sent", "status", "msgType",    "source",    "scope",
        "restriction", "addresses", "code", "note",   "references", "incidents", "info"};
    Eocbus__V1__PublicAlert *out = room(r, sizeof(*out));
    xmlNode *c;

    if (!out)
        return NULL;
    eocbus__v1__public_alert__init(out);
    read_head(r, out, n);
    out->source = child_text(r, n, "source");
    out->restriction = child_text(r, n, "restriction");
    out->addresses = read_list(r, n, "addresses", &out->n_addresses);
    out->codes = list_of(r, n, "code", &out->n_codes);
    c = first(n->children, "code");
    for (size_t i = 0; r->st == ST_OK && i < out->n_codes; i++, c = first(c->next, "code"))
        out->codes[i] = text_of(r, c);
    out->note = child_text(r, n, "note");
    read_references(r, out, n);
    out->incidents = read_list(r, n, "incidents", &out->n_incidents);
    out->infos = list_of(r, n, "info", &out->n_infos);
    c = first(n->children, "info");
    for (size_t i = 0; r->st == ST_OK && i < out->n_infos; i++, c = first(c->next, "info"))
        out->infos[i] = read_info(r, c);
    drop_others(r, n, known, ARRAY_LEN(known));
    return out;
}

/* --- the document -------------------------------------------------------------------------------
 */

/* With a DOCTYPE come entities, which grow or fetch: reading ends before the first of them. */
static void on_doctype(void *arg, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system)
{
    xmlParserCtxt *parser = arg;

    (void)name;
    (void)external;
    (void)system;
    *(bool *)parser->_private = true;
    xmlStopParser(parser);
}

static xmlDoc *parse(struct reading *r, const void *bytes, size_t len)
{
    xmlParserCtxt *parser = xmlNewParserCtxt();
    bool has_doctype = false;
    xmlDoc *doc;

    if (!parser) {
        r->st = ST_NOMEM;
        return NULL;
    }
    parser->_private = &has_doctype;
    parser->sax->internalSubset = on_doctype;
    doc = xmlCtxtReadMemory(parser, bytes, (int)len, "cap.xml", NULL,
                            XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                                XML_PARSE_NOCDATA | XML_PARSE_COMPACT);
    if (has_doctype)
        wrong(r, "document", "it has a DOCTYPE, which CAP has no use for");
    else if (!doc)
        wrong(r, "document", "it is no XML");
    xmlFreeParserCtxt(parser);
    return doc;
}

static bool is_cap(const xmlNode *root)
{
    const char *ns = root && root->ns && root->ns->href ? (const char *)root->ns->href : "";

    return root && strcmp(name_of(root), "alert") == 0 &&
           (strcmp(ns, CAP_NS_12) == 0 || strcmp(ns, CAP_NS_11) == 0);
}

enum status cap_read(Eocbus__V1__PublicAlert **out, struct buf *dropped, const void *bytes,
                     size_t len, struct arena *arena, char *err, size_t err_size)
{
    struct reading r = {.arena = arena, .dropped = dropped, .err = err, .err_size = err_size};
    xmlDoc *doc = NULL;

    if (len > CAP_BYTES_MAX)
        wrong(&r, "document", "it has more than 1 MiB");
    else
        doc = parse(&r, bytes, len);
    if (r.st == ST_OK && !is_cap(xmlDocGetRootElement(doc)))
        wrong(&r, "document", "it is no alert of CAP 1.1 or 1.2");
    if (r.st == ST_OK)
        *out = read_alert(&r, xmlDocGetRootElement(doc));
    xmlFreeDoc(doc);
    return r.st == ST_OK && dropped->failed ? ST_NOMEM : r.st;
}
