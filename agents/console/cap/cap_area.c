/* cap_area - areas and resources of a CAP document, and its named values. See cap_parts.h. */
#include <stdio.h>
#include <string.h>

#include "agents/console/cap/cap_parts.h"

#include "proto/base/banned.h"

enum { DATA_MAX = 4096 };

/* --- resource --------------------------------------------------------------------------------- */

static int base64_of(char c)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(letters, c) : NULL;

    return at ? (int)(at - letters) : -1;
}

static void read_data(struct cap_reading *r, ProtobufCBinaryData *out, const char *text)
{
    uint8_t *bytes = cap_room(r, DATA_MAX);
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
            cap_drop(r, "resource", "derefUri (more than 4096 bytes)");
            return;
        }
        bytes[n++] = (uint8_t)(bits >> have);
    }
    out->data = bytes;
    out->len = n;
}

static void read_digest(struct cap_reading *r, ProtobufCBinaryData *out, const char *text)
{
    uint8_t *bytes = cap_room(r, 20);
    unsigned v;

    if (!bytes || !*text)
        return;
    if (strlen(text) != 40 || strspn(text, "0123456789abcdefABCDEF") != 40) {
        cap_drop(r, "resource", "digest (no SHA-1)");
        return;
    }
    for (size_t i = 0; i < 20 && sscanf(text + 2 * i, "%2x", &v) == 1; i++)
        bytes[i] = (uint8_t)v;
    out->data = bytes;
    out->len = 20;
}

void *cap_read_resource(struct cap_reading *r, xmlNode *n)
{
    static const char *const known[] = {"resourceDesc", "mimeType", "size",
                                        "uri",          "derefUri", "digest"};
    Eocbus__V1__AlertResource *out = cap_room(r, sizeof(*out));
    const char *size = cap_child_text(r, n, "size"), *end;
    int64_t bytes = 0;

    if (!out)
        return NULL;
    eocbus__v1__alert_resource__init(out);
    out->description = cap_wanted(r, n, "resourceDesc");
    out->mime_type = cap_child_text(r, n, "mimeType");
    if (*size && (!cap_read_number(&bytes, 0, size, &end) || bytes < 0))
        cap_wrong(r, "size", "it is no number of bytes");
    out->size_bytes = (uint64_t)bytes;
    out->uri = cap_child_text(r, n, "uri");
    read_data(r, &out->data, cap_child_text(r, n, "derefUri"));
    read_digest(r, &out->sha1, cap_child_text(r, n, "digest"));
    cap_drop_others(r, n, known, ARRAY_LEN(known));
    return out;
}

/* --- area ------------------------------------------------------------------------------------- */

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

static bool is_end(const char *text)
{
    return !text[strspn(text, " \t\r\n")];
}

static void *read_polygon(struct cap_reading *r, xmlNode *n)
{
    Eocbus__V1__Polygon *out = cap_room(r, sizeof(*out));
    const char *text = cap_text(r, n);
    size_t points = 0;

    for (const char *c = text; *c; c++)
        points += *c == ',';
    if (!out)
        return NULL;
    eocbus__v1__polygon__init(out);
    out->lats_e7 = cap_room(r, points * sizeof(*out->lats_e7));
    out->lons_e7 = cap_room(r, points * sizeof(*out->lons_e7));
    for (size_t i = 0; r->st == ST_OK && i < points; i++)
        if (!read_point(&out->lats_e7[i], &out->lons_e7[i], &text))
            cap_wrong(r, "polygon", "it is no list of latitude,longitude");
    if (!is_end(text))
        cap_wrong(r, "polygon", "it is no list of latitude,longitude");
    out->n_lats_e7 = out->n_lons_e7 = points;
    return out;
}

static void *read_circle(struct cap_reading *r, xmlNode *n)
{
    Eocbus__V1__Circle *out = cap_room(r, sizeof(*out));
    Eocbus__V1__Position *at = cap_room(r, sizeof(*at));
    const char *text = cap_text(r, n);
    int64_t radius = 0;

    if (!out || !at)
        return NULL;
    eocbus__v1__circle__init(out);
    eocbus__v1__position__init(at);
    out->centre = at;
    if (!read_point(&at->lat_e7, &at->lon_e7, &text)) {
        cap_wrong(r, "circle", "it is no latitude,longitude radius");
        return out;
    }
    text += strspn(text, " \t\r\n");
    if (!cap_read_number(&radius, 3, text, &text) || !is_end(text) || radius < 0 ||
        radius > INT32_MAX)
        cap_wrong(r, "circle", "its radius is no number of kilometres");
    out->radius_m = (uint32_t)radius;
    return out;
}

void *cap_read_value(struct cap_reading *r, xmlNode *n)
{
    Eocbus__V1__NamedValue *out = cap_room(r, sizeof(*out));

    if (!out)
        return NULL;
    eocbus__v1__named_value__init(out);
    out->name = cap_wanted(r, n, "valueName");
    out->value = cap_child_text(r, n, "value");
    return out;
}

/* Feet in centimetres; false: it is not there. */
static bool read_feet(struct cap_reading *r, int32_t *cm, xmlNode *n, const char *name)
{
    const char *text = cap_child_text(r, n, name), *end;
    int64_t hundredths;

    if (!*text)
        return false;
    if (!cap_read_number(&hundredths, 2, text, &end) || hundredths > INT64_C(30000000) ||
        hundredths < -INT64_C(30000000)) {
        cap_wrong(r, name, "it is no height in feet");
        return false;
    }
    *cm = (int32_t)((hundredths * 3048 + (hundredths < 0 ? -5000 : 5000)) / 10000);
    return true;
}

void *cap_read_area(struct cap_reading *r, xmlNode *n)
{
    static const char *const known[] = {"areaDesc", "polygon",  "circle",
                                        "geocode",  "altitude", "ceiling"};
    Eocbus__V1__AlertArea *out = cap_room(r, sizeof(*out));

    if (!out)
        return NULL;
    eocbus__v1__alert_area__init(out);
    out->description = cap_wanted(r, n, "areaDesc");
    out->polygons = cap_each(r, n, "polygon", &out->n_polygons, read_polygon);
    out->circles = cap_each(r, n, "circle", &out->n_circles, read_circle);
    out->geocodes = cap_each(r, n, "geocode", &out->n_geocodes, cap_read_value);
    if (read_feet(r, &out->altitude_cm, n, "altitude"))
        out->_altitude_case = EOCBUS__V1__ALERT_AREA___ALTITUDE_ALTITUDE_CM;
    if (read_feet(r, &out->ceiling_cm, n, "ceiling"))
        out->_ceiling_case = EOCBUS__V1__ALERT_AREA___CEILING_CEILING_CM;
    cap_drop_others(r, n, known, ARRAY_LEN(known));
    return out;
}
