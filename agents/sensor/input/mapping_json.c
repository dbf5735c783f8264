/* mapping_json - JSON of devices, LoRaWAN network servers (ChirpStack 3 and 4, The Things Stack 3)
 * and SensorThings; see mapping.h. The only file of the gateway that knows jansson.
 *
 * A number is read as the shortest text that makes the same double again: with up to 15 digits that
 * is what the device wrote. */
#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/input/mapping.h"

#include "proto/base/banned.h"

enum { KEY_BYTES = 128, NUMBER_BYTES = 32 };

/* --- ways ------------------------------------------------------------------------------------- */

/* "a.b.0": names and places in lists; NULL: it is not there. */
static json_t *walk(json_t *v, const char *path)
{
    struct slice rest = slice_of(path), part;
    char key[KEY_BYTES];
    uint64_t n;

    while (v && slice_next(&rest, '.', &part)) {
        if (part.len >= sizeof(key))
            return NULL;
        snprintf(key, sizeof(key), "%.*s", (int)part.len, part.at);
        if (json_is_array(v))
            v = count_read(&n, part, 1000000) ? json_array_get(v, (size_t)n) : NULL;
        else
            v = json_object_get(v, key); /* NULL of what is no object */
    }
    return v;
}

static const char *text_at(json_t *v, const char *path)
{
    const char *text = json_string_value(walk(v, path));

    return text ? text : "";
}

/* What a number, a word or a truth value says, as text. False: it is none of them. */
static bool text_of(struct slice *out, char number[NUMBER_BYTES], const json_t *v)
{
    if (json_is_string(v)) {
        *out = (struct slice){json_string_value(v), json_string_length(v)};
        return true;
    }
    if (json_is_integer(v))
        snprintf(number, NUMBER_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_real(v))
        snprintf(number, NUMBER_BYTES, "%.15g", json_real_value(v));
    else if (json_is_boolean(v))
        snprintf(number, NUMBER_BYTES, "%d", json_is_true(v));
    else
        return false;
    *out = slice_of(number);
    return true;
}

static struct reading_at time_at(struct mapping *m, const struct device *d, json_t *v)
{
    char number[NUMBER_BYTES];
    struct slice text = {"", 0};
    bool there = v && text_of(&text, number, v);

    return mapping_at(m, d, text, there);
}

static void take_value(struct mapping *m, const struct device_field *f, struct reading_at at,
                       json_t *v)
{
    char number[NUMBER_BYTES];
    struct slice text = {"?", 1};

    if (json_is_null(v)) {
        mapping_value(m, f, at, text, true);
        return;
    }
    (void)text_of(&text, number, v);
    mapping_value(m, f, at, text, false);
}

/* True: at least one field was there. */
static bool take_fields(struct mapping *m, const struct device *d, struct reading_at at,
                        json_t *object, json_t *rssi)
{
    bool any = false;

    for (unsigned i = 0; i < d->count; i++) {
        bool is_rssi = strcmp(d->field[i].path, "@rssi") == 0;
        json_t *v = is_rssi ? rssi : walk(object, d->field[i].path);

        if (!v)
            continue;
        any = any || !is_rssi;
        take_value(m, &d->field[i], at, v);
    }
    return any;
}

/* --- a device's own JSON ---------------------------------------------------------------------- */

static void read_object(struct mapping *m, const struct device *d, json_t *v)
{
    struct reading_at at;
    bool any = false;

    for (unsigned i = 0; i < d->count && !any; i++)
        any = walk(v, d->field[i].path) != NULL;
    if (!any) {
        mapping_complain(m, "%s: no field of the settings is in this message", d->name);
        return;
    }
    at = time_at(m, d, *d->time ? walk(v, d->time) : NULL);
    (void)take_fields(m, d, at, v, NULL);
}

/* One object, or a list of them, oldest first. */
static void read_json(struct mapping *m, const struct device *d, json_t *v)
{
    if (!json_is_array(v)) {
        read_object(m, d, v);
        return;
    }
    for (size_t i = 0; i < json_array_size(v) && m->samples <= MAPPING_SAMPLES; i++)
        read_object(m, d, json_array_get(v, i));
}

/* --- LoRaWAN network servers ------------------------------------------------------------------ */

static int six_bits(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* ChirpStack 3 writes eight bytes as base64, everybody else as hexadecimal digits. */
static bool eui_of(char out[17], const char *text)
{
    uint32_t bits = 0;
    size_t n = 0;

    if (strlen(text) == 16) {
        for (size_t i = 0; i <= 16; i++)
            out[i] = (char)tolower((unsigned char)text[i]);
        return true;
    }
    if (strlen(text) != 12 || text[11] != '=')
        return false;
    for (size_t i = 0; i < 11; i++) {
        int six = six_bits(text[i]);

        if (six < 0)
            return false;
        bits = bits << 6 | (uint32_t)six;
        if (i % 4 == 3 || i == 10) {
            unsigned bytes = i == 10 ? 2 : 3;
            uint32_t whole = i == 10 ? bits >> 2 : bits;

            for (unsigned k = bytes; k--; n += 2)
                snprintf(out + n, 3, "%02x", (unsigned)(whole >> (8 * k)) & 0xff);
            bits = 0;
        }
    }
    return true;
}

static const struct device *find_device(const struct mapping *m, enum device_format format,
                                        const char *eui, const char *id)
{
    for (unsigned i = 0; i < m->count; i++) {
        const struct device *d = m->devices[i];

        if (d->format == format &&
            (!*d->eui || strcmp(d->eui, eui) == 0 || (*id && strcmp(d->name, id) == 0)))
            return d;
    }
    return NULL;
}

struct uplink {
    char eui[17];
    const char *id; /* its name at the network server */
    json_t *object; /* what the codec made of its bytes */
    json_t *time, *rssi;
    bool is_uplink; /* else a join, a status, an acknowledgement */
};

static void take_uplink(struct mapping *m, enum device_format format, struct uplink *u)
{
    const struct device *d = find_device(m, format, u->eui, u->id);

    if (!u->is_uplink)
        return;
    if (!d) {
        mapping_complain(m, "no device with eui=%s is in the settings", *u->eui ? u->eui : "?");
        return;
    }
    if (!json_is_object(u->object)) {
        mapping_complain(m, "%s: no decoded object; give its profile a codec in the network server",
                         d->name);
        return;
    }
    if (!take_fields(m, d, time_at(m, d, *d->time ? walk(u->object, d->time) : u->time), u->object,
                     u->rssi))
        mapping_complain(m, "%s: no field of the settings is in the decoded object", d->name);
}

static void read_chirpstack(struct mapping *m, json_t *v)
{
    struct uplink u = {.id = text_at(v, "deviceInfo.deviceName")};
    const char *eui = text_at(v, "deviceInfo.devEui"), *packed = text_at(v, "objectJSON");
    json_t *unpacked = NULL;

    if (!*eui)
        eui = text_at(v, "devEUI");
    if (!eui_of(u.eui, eui))
        u.eui[0] = '\0';
    if (!*u.id)
        u.id = text_at(v, "deviceName");
    u.object = walk(v, "object");
    if (!u.object && *packed)
        u.object = unpacked = json_loads(packed, 0, NULL);
    u.time = walk(v, "time");
    if (!u.time)
        u.time = walk(v, "rxInfo.0.time");
    if (!u.time)
        u.time = walk(v, "publishedAt");
    if (json_is_null(u.time))
        u.time = NULL;
    u.rssi = walk(v, "rxInfo.0.rssi");
    u.is_uplink = walk(v, "fCnt") || walk(v, "data") || u.object;
    take_uplink(m, DEVICE_CHIRPSTACK, &u);
    json_decref(unpacked);
}

static void read_ttn(struct mapping *m, json_t *v)
{
    struct uplink u = {.id = text_at(v, "end_device_ids.device_id")};
    json_t *up = walk(v, "uplink_message");

    if (!eui_of(u.eui, text_at(v, "end_device_ids.dev_eui")))
        u.eui[0] = '\0';
    u.object = walk(up, "decoded_payload");
    u.time = walk(up, "received_at");
    if (!u.time)
        u.time = walk(v, "received_at");
    u.rssi = walk(up, "rx_metadata.0.rssi");
    u.is_uplink = up != NULL;
    take_uplink(m, DEVICE_TTN, &u);
}

/* --- SensorThings ----------------------------------------------------------------------------- */

/* "v1.1/Datastreams(7)/Observations" */
static bool id_in_topic(char out[KEY_BYTES], const char *topic)
{
    const char *at = strstr(topic, "Datastreams("), *end = at ? strchr(at, ')') : NULL;

    if (!end || (size_t)(end - at) >= KEY_BYTES)
        return false;
    at += strlen("Datastreams(");
    snprintf(out, KEY_BYTES, "%.*s", (int)(end - at), at);
    return true;
}

static bool id_of(char out[KEY_BYTES], json_t *datastream)
{
    char number[NUMBER_BYTES];
    struct slice text;
    json_t *id = json_object_get(datastream, "@iot.id");

    if (!id)
        id = json_object_get(datastream, "id");
    if (!id || !text_of(&text, number, id) || text.len >= KEY_BYTES)
        return false;
    snprintf(out, KEY_BYTES, "%.*s", (int)text.len, text.at);
    return true;
}

/* A device of one datastream needs no id: its messages can only be of that. */
static const struct device_field *find_field(struct mapping *m, const struct device *d, json_t *v)
{
    char id[KEY_BYTES] = "";
    bool named = id_of(id, json_object_get(v, "Datastream")) || id_in_topic(id, m->topic);

    for (unsigned i = 0; i < d->count; i++)
        if (named ? strcmp(id, d->field[i].path) == 0 : d->count == 1)
            return &d->field[i];
    mapping_complain(m, "%s: no datastream %.40s of SensorThings is in the settings", d->name,
                     named ? id : "without an id");
    return NULL;
}

/* An interval is known at its end. */
static struct reading_at sta_time(struct mapping *m, const struct device *d, json_t *when)
{
    const char *text = json_string_value(when), *slash = text ? strchr(text, '/') : NULL;

    if (slash)
        return mapping_at(m, d, slice_of(slash + 1), true);
    return json_is_null(when) ? mapping_at(m, d, (struct slice){"", 0}, false)
                              : time_at(m, d, when);
}

static void read_observation(struct mapping *m, const struct device *d, json_t *v)
{
    const struct device_field *f;
    json_t *when = json_object_get(v, "phenomenonTime"), *result = json_object_get(v, "result");

    if (!result) {
        mapping_complain(m, "%s: an Observation without a result", d->name);
        return;
    }
    if (!when || json_is_null(when))
        when = json_object_get(v, "resultTime");
    f = find_field(m, d, v);
    if (f)
        take_value(m, f, sta_time(m, d, when), result);
}

static size_t component(json_t *names, const char *wanted)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));

        if (name && strcmp(name, wanted) == 0)
            return i;
    }
    return SIZE_MAX;
}

/* The dataArray extension: many observations of one datastream as rows. */
static void read_data_array(struct mapping *m, const struct device *d, json_t *v)
{
    json_t *names = json_object_get(v, "components"), *rows = json_object_get(v, "dataArray");
    size_t result = component(names, "result"), when = component(names, "phenomenonTime");
    const struct device_field *f = find_field(m, d, v);

    if (result == SIZE_MAX) {
        mapping_complain(m, "%s: a dataArray without a result", d->name);
        return;
    }
    if (when == SIZE_MAX)
        when = component(names, "resultTime");
    for (size_t i = 0; f && i < json_array_size(rows) && m->samples <= MAPPING_SAMPLES; i++) {
        json_t *row = json_array_get(rows, i), *value = json_array_get(row, result);

        if (value)
            take_value(m, f, sta_time(m, d, json_array_get(row, when)), value);
        else
            mapping_complain(m, "%s: a row without a result", d->name);
    }
}

static void read_sensorthings(struct mapping *m, const struct device *d, json_t *v)
{
    if (json_object_get(v, "dataArray"))
        read_data_array(m, d, v);
    else
        read_observation(m, d, v);
}

/* --- the door --------------------------------------------------------------------------------- */

static void read_value(struct mapping *m, const struct device *d, json_t *v)
{
    switch (d->format) {
    case DEVICE_CHIRPSTACK:
        read_chirpstack(m, v);
        break;
    case DEVICE_TTN:
        read_ttn(m, v);
        break;
    case DEVICE_SENSORTHINGS:
        for (size_t i = 0; i < json_array_size(v) && m->samples <= MAPPING_SAMPLES; i++)
            read_sensorthings(m, d, json_array_get(v, i));
        if (!json_is_array(v))
            read_sensorthings(m, d, v);
        break;
    default:
        read_json(m, d, v);
        break;
    }
}

void mapping_json(struct mapping *m, const struct device *d, const char *text, size_t len)
{
    json_error_t error;
    json_t *v = json_loadb(text, len, JSON_DECODE_ANY, &error);

    if (!v) {
        mapping_complain(m, "%s: no JSON at byte %d", d->name, error.position);
        return;
    }
    /* A bare number is a device's only reading. */
    if (!json_is_object(v) && !json_is_array(v) && d->format == DEVICE_JSON && d->count == 1 &&
        strcmp(d->field[0].path, "-") == 0)
        take_value(m, &d->field[0], mapping_at(m, d, (struct slice){"", 0}, false), v);
    else if (!json_is_object(v) && !json_is_array(v))
        mapping_complain(m, "%s: neither an object nor a list", d->name);
    else
        read_value(m, d, v);
    json_decref(v);
}
