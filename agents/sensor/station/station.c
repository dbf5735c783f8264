/* station - see station.h. */
#include "agents/sensor/station/station.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/station/station_stream.h"

#include "proto/base/banned.h"

enum { WORDS_MAX = 16 };

/* "OBSERVATION_TYPE_RAIN_ACC": all names of an enum begin alike, and the value 0 ends in
 * UNSPECIFIED. */
static size_t enum_prefix(const ProtobufCEnumDescriptor *d)
{
    size_t len = strlen(d->values[0].name), tail = strlen("UNSPECIFIED");

    return len > tail ? len - tail : 0;
}

const char *enum_word(char out[64], const ProtobufCEnumDescriptor *d, int value)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);
    size_t i = 0;

    if (v)
        for (const char *c = v->name + enum_prefix(d); *c && i < 63; c++)
            out[i++] = (char)tolower((unsigned char)*c);
    out[i] = '\0';
    return out;
}

bool enum_read(int *out, const ProtobufCEnumDescriptor *d, struct slice word)
{
    char name[64];

    for (unsigned i = 0; i < d->n_values; i++) {
        if (d->values[i].value == 0 || !slice_is(word, enum_word(name, d, d->values[i].value)))
            continue;
        *out = d->values[i].value;
        return true;
    }
    return false;
}

/* --- lines ------------------------------------------------------------------------------------ */

static enum status read_thing(struct station *s, struct setting *l)
{
    struct station_thing *t = &s->things[s->thing_count];

    if (l->count != 5 || !setting_number(l, 0, 1, 65535, &t->id) ||
        !setting_scaled(l, 1, -7, 900000000, &t->lat_e7) ||
        !setting_scaled(l, 2, -7, 1800000000, &t->lon_e7) ||
        !setting_scaled(l, 3, -2, 900000, &t->altitude_cm) || !l->words[4].len)
        return setting_complain(l, "legal is ID LATITUDE LONGITUDE ALTITUDE_M NAME, as in "
                                   "1 39.3936 68.5528 1740 \"Gusar bridge\"");
    t->name = setting_keep(l, l->words[4]);
    s->thing_count++;
    return t->name ? ST_OK : ST_NOMEM;
}

/* "2010-04-01", midnight UTC */
static bool read_day(int64_t *out, struct slice v)
{
    return civil_read(out, "Y-M-D", v) && *out > 0;
}

static enum status read_sensor(struct station *s, struct setting *l)
{
    struct station_sensor *e = &s->sensors[s->sensor_count];
    struct slice serial = {"", 0}, certificate = {"", 0}, day;

    (void)words_option(l->words, l->count, "serial", &serial);
    (void)words_option(l->words, l->count, "certificate", &certificate);
    if (words_option(l->words, l->count, "calibrated", &day) && !read_day(&e->calibrated_us, day))
        return setting_complain(l, "calibrated= wants a day like 2010-04-01");
    for (int i = 3; i < l->count; i++)
        if (l->words[i].len)
            return setting_complain(l,
                                    "behind the model stand serial=, calibrated= and certificate=");
    if (l->count < 3 || !setting_number(l, 0, 1, 65535, &e->id) ||
        !setting_number(l, 1, 1, 65535, &e->thing_id))
        return setting_complain(l, "legal is ID THING MODEL [serial=TEXT]");
    e->model = setting_keep(l, l->words[2]);
    e->serial = setting_keep(l, serial);
    e->certificate = setting_keep(l, certificate);
    s->sensor_count++;
    return e->model && e->serial && e->certificate ? ST_OK : ST_NOMEM;
}

static enum status read_torrent(struct station *s, struct setting *l)
{
    struct station_torrent *t = &s->torrents[s->torrent_count];

    if (l->count != 2 || !setting_number(l, 0, 1, 1000000, &t->id) || !l->words[1].len)
        return setting_complain(l, "legal is ID NAME");
    t->name = setting_keep(l, l->words[1]);
    s->torrent_count++;
    return t->name ? ST_OK : ST_NOMEM;
}

static bool has_torrent(const struct station *s, uint32_t id)
{
    for (unsigned i = 0; i < s->torrent_count; i++)
        if (s->torrents[i].id == id)
            return true;
    return false;
}

static enum status read_exposed(struct station *s, struct setting *l)
{
    struct station_exposed *e = &s->exposed[s->exposed_count];

    if (l->count != 7 || !setting_number(l, 0, 1, 1000000, &e->torrent_id) ||
        !setting_number(l, 1, 1, 1000000, &e->point_id) ||
        !setting_scaled(l, 2, -7, 900000000, &e->lat_e7) ||
        !setting_scaled(l, 3, -7, 1800000000, &e->lon_e7) ||
        !setting_number(l, 4, 0, 200000, &e->distance_m) ||
        !setting_number(l, 5, 0, 1000000, &e->people) || !l->words[6].len)
        return setting_complain(
            l, "legal is TORRENT POINT LATITUDE LONGITUDE DISTANCE_M PEOPLE NAME, as in "
               "17 1 39.39 68.55 1400 120 \"first house\"");
    if (!has_torrent(s, e->torrent_id))
        return setting_complain(l,
                                "there is no torrent of this number; add a line torrent = ID NAME");
    e->name = setting_keep(l, l->words[6]);
    s->exposed_count++;
    return e->name ? ST_OK : ST_NOMEM;
}

static enum status read_list(struct station *s, const char *row, const struct conf_list *list,
                             size_t max, enum status (*read)(struct station *, struct setting *),
                             struct setting *l)
{
    enum status st = ST_OK;

    l->row = row;
    for (size_t i = 0; st == ST_OK && i < list->count; i++) {
        l->text = list->items[i];
        s->hash = text_hash(s->hash, l->text, strlen(l->text) + 1);
        if (i == max)
            return setting_complain(l, "there are more such lines than a gateway can have");
        l->count = words_split(l->words, WORDS_MAX, l->text);
        st = l->count < 0 ? setting_complain(l, "too many words, or an open quote") : read(s, l);
    }
    return st;
}

/* A station nobody described still has one place and one instrument: the registry wants them. */
static void add_defaults(struct station *s)
{
    if (!s->thing_count)
        s->things[s->thing_count++] = (struct station_thing){.id = 1, .name = "not described"};
    if (!s->sensor_count)
        s->sensors[s->sensor_count++] =
            (struct station_sensor){1, s->things[0].id, "not described", "", "", 0};
}

static bool has_sensor(const struct station *s, uint32_t id)
{
    for (unsigned i = 0; i < s->sensor_count; i++)
        if (s->sensors[i].id == id)
            return true;
    return false;
}

enum status station_read(struct station *out, const struct station_lines *lines,
                         struct arena *arena, char *err, size_t err_size)
{
    struct setting l = {.arena = arena, .err = err, .err_size = err_size};
    enum status st;

    memset(out, 0, sizeof(*out));
    st = read_list(out, "thing", lines->things, STATION_THINGS, read_thing, &l);
    if (st == ST_OK)
        st = read_list(out, "sensor", lines->sensors, STATION_THINGS, read_sensor, &l);
    if (st == ST_OK)
        st = read_list(out, "torrent", lines->torrents, 32, read_torrent, &l);
    if (st == ST_OK && lines->exposed)
        st = read_list(out, "exposed", lines->exposed, STATION_EXPOSED, read_exposed, &l);
    if (st == ST_OK)
        st = read_list(out, "datastream", lines->datastreams, STATION_STREAMS, station_read_stream,
                       &l);
    if (st != ST_OK)
        return st;
    add_defaults(out);
    for (unsigned i = 0; i < out->stream_count; i++) {
        if (has_sensor(out, out->streams[i].sensor_id))
            continue;
        snprintf(err, err_size, "datastream %s: there is no sensor %u; add a line sensor = %u ...",
                 out->streams[i].name, out->streams[i].sensor_id, out->streams[i].sensor_id);
        return ST_INVALID;
    }
    return ST_OK;
}

int station_find(const struct station *s, struct slice name)
{
    for (unsigned i = 0; i < s->stream_count; i++)
        if (slice_is(name, s->streams[i].name))
            return (int)i;
    return -1;
}
