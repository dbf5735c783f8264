/* station - see station.h. */
#include "agents/sensor/station/station.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

enum { WORDS_MAX = 16 };

/* --- words --------------------------------------------------------------------------------------
 */

int words_split(struct slice *out, int max, const char *line)
{
    int n = 0;

    for (;;) {
        const char *end;

        line += strspn(line, " \t");
        if (!*line)
            return n;
        if (n == max)
            return -1;
        if (*line == '"') {
            end = strchr(++line, '"');
            if (!end)
                return -1;
            out[n++] = (struct slice){line, (size_t)(end - line)};
            line = end + 1;
            continue;
        }
        end = line + strcspn(line, " \t");
        out[n++] = (struct slice){line, (size_t)(end - line)};
        line = end;
    }
}

bool words_option(struct slice *words, int count, const char *key, struct slice *value)
{
    size_t len = strlen(key);

    for (int i = 0; i < count; i++) {
        struct slice *w = &words[i];

        if (w->len <= len || memcmp(w->at, key, len) != 0 || w->at[len] != '=')
            continue;
        *value = (struct slice){w->at + len + 1, w->len - len - 1};
        w->len = 0;
        return true;
    }
    return false;
}

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

/* --- the range a reader believes ----------------------------------------------------------------
 */

/* ObservationType in sensor.proto has the ranges; only in the unit named there. */
struct believed {
    Eocbus__V1__ObservationType type;
    Eocbus__V1__Unit unit;
    struct decimal low, high;
};

#define TYPE(word) EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_##word
#define UNIT(word) EOCBUS__V1__UNIT__UNIT_##word
static const struct believed believed[] = {
    {TYPE(RAIN_ACC), UNIT(MILLIMETRE), {0, 0}, {50, 0}}, /* per 10 min; see stretch_rain */
    {TYPE(RAIN_INT), UNIT(MILLIMETRE_PER_HOUR), {0, 0}, {400, 0}},
    {TYPE(STAGE), UNIT(METRE), {-1, 0}, {20, 0}},
    {TYPE(STAGE_RATE), UNIT(METRE_PER_MINUTE), {-5, 0}, {20, 0}},
    {TYPE(GV_RMS), UNIT(METRE_PER_SECOND), {0, 0}, {1, -1}},
    {TYPE(GV_PEAK), UNIT(METRE_PER_SECOND), {0, 0}, {1, -1}},
    {TYPE(GV_IMP), UNIT(PER_SECOND), {0, 0}, {250, 0}},
    {TYPE(INFRA_RMS_LF), UNIT(PASCAL), {0, 0}, {20, 0}},
    {TYPE(INFRA_RMS_HF), UNIT(PASCAL), {0, 0}, {20, 0}},
    {TYPE(SPEC_DOM), UNIT(HERTZ), {0, 0}, {125, 0}},
    {TYPE(TRIPWIRE), UNIT(ONE), {0, 0}, {1, 0}},
    {TYPE(SURF_VEL), UNIT(METRE_PER_SECOND), {0, 0}, {25, 0}},
    {TYPE(SOIL_VWC), UNIT(CUBIC_METRE_PER_CUBIC_METRE), {0, 0}, {7, -1}},
    {TYPE(PORE_P), UNIT(PASCAL), {-100, 3}, {500, 3}},
    {TYPE(TILT), UNIT(MILLIRADIAN), {-1500, 0}, {1500, 0}},
    {TYPE(DISCHARGE), UNIT(CUBIC_METRE_PER_SECOND), {0, 0}, {20000, 0}},
};

/* A gauge that counts for a quarter of an hour may hold more than one that counts ten minutes. */
static void stretch_rain(struct datastream *d)
{
    const int64_t ten_minutes_us = INT64_C(600000000);

    if (d->type == TYPE(RAIN_ACC) && d->step_us > ten_minutes_us && d->high < INT64_C(100000000))
        d->high = d->high * (d->step_us / 1000) / (ten_minutes_us / 1000);
}

static void believe(struct datastream *d)
{
    for (size_t i = 0; i < ARRAY_LEN(believed); i++) {
        const struct believed *b = &believed[i];

        if (d->raw || b->type != d->type || b->unit != d->unit)
            continue;
        d->bounded = decimal_scale(&d->low, b->low, d->exponent) &&
                     decimal_scale(&d->high, b->high, d->exponent);
        stretch_rain(d);
    }
}

uint32_t station_judge(const struct datastream *d, int64_t value)
{
    if (!d->bounded || (value >= d->low && value <= d->high))
        return 0;
    return EOCBUS__V1__QUALITY__QUALITY_OUT_OF_RANGE;
}

/* --- lines --------------------------------------------------------------------------------------
 */

struct line {
    const char *text, *row;
    struct slice words[WORDS_MAX];
    int count;
    struct arena *arena;
    char *err;
    size_t err_size;
};

static enum status complain(const struct line *l, const char *legal)
{
    snprintf(l->err, l->err_size, "%s = %s: %s", l->row, l->text, legal);
    return ST_INVALID;
}

static const char *keep(const struct line *l, struct slice s)
{
    return arena_printf(l->arena, "%.*s", (int)s.len, s.at);
}

static bool read_number(const struct line *l, int i, uint64_t least, uint64_t most, uint32_t *out)
{
    uint64_t v;

    if (i >= l->count || !count_read(&v, l->words[i], most) || v < least)
        return false;
    *out = (uint32_t)v;
    return true;
}

static bool read_scaled(const struct line *l, int i, int exponent, int64_t most, int32_t *out)
{
    struct decimal d;
    int64_t v;

    if (i >= l->count || !decimal_read(&d, l->words[i]) || !decimal_scale(&v, d, exponent) ||
        v > most || v < -most)
        return false;
    *out = (int32_t)v;
    return true;
}

static enum status read_thing(struct station *s, struct line *l)
{
    struct station_thing *t = &s->things[s->thing_count];

    if (l->count != 5 || !read_number(l, 0, 1, 65535, &t->id) ||
        !read_scaled(l, 1, -7, 900000000, &t->lat_e7) ||
        !read_scaled(l, 2, -7, 1800000000, &t->lon_e7) ||
        !read_scaled(l, 3, -2, 900000, &t->altitude_cm) || !l->words[4].len)
        return complain(l, "legal is ID LATITUDE LONGITUDE ALTITUDE_M NAME, as in "
                           "1 39.3936 68.5528 1740 \"Gusar bridge\"");
    t->name = keep(l, l->words[4]);
    s->thing_count++;
    return t->name ? ST_OK : ST_NOMEM;
}

static enum status read_sensor(struct station *s, struct line *l)
{
    struct station_sensor *e = &s->sensors[s->sensor_count];
    struct slice serial = {"", 0};

    (void)words_option(l->words, l->count, "serial", &serial);
    if (l->count < 3 || l->count > 4 || !read_number(l, 0, 1, 65535, &e->id) ||
        !read_number(l, 1, 1, 65535, &e->thing_id))
        return complain(l, "legal is ID THING MODEL [serial=TEXT]");
    e->model = keep(l, l->words[2]);
    e->serial = keep(l, serial);
    s->sensor_count++;
    return e->model && e->serial ? ST_OK : ST_NOMEM;
}

static enum status read_torrent(struct station *s, struct line *l)
{
    struct station_torrent *t = &s->torrents[s->torrent_count];

    if (l->count != 2 || !read_number(l, 0, 1, 1000000, &t->id) || !l->words[1].len)
        return complain(l, "legal is ID NAME");
    t->name = keep(l, l->words[1]);
    s->torrent_count++;
    return t->name ? ST_OK : ST_NOMEM;
}

/* "-0.5..4" in the stream's unit */
static bool read_range(struct datastream *d, struct slice text)
{
    struct decimal low, high;

    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.at[i] != '.' || text.at[i + 1] != '.')
            continue;
        d->bounded = decimal_read(&low, (struct slice){text.at, i}) &&
                     decimal_read(&high, (struct slice){text.at + i + 2, text.len - i - 2}) &&
                     decimal_scale(&d->low, low, d->exponent) &&
                     decimal_scale(&d->high, high, d->exponent) && d->low < d->high;
        return d->bounded;
    }
    return false;
}

static enum status read_stream_options(struct datastream *d, struct line *l)
{
    struct slice *words = l->words, v;
    uint64_t n;

    d->sensor_id = 1;
    if (words_option(words, l->count, "sensor", &v)) {
        if (!count_read(&n, v, 65535) || !n)
            return complain(l, "sensor= wants the number of a sensor line");
        d->sensor_id = (uint32_t)n;
    }
    if (words_option(words, l->count, "torrent", &v)) {
        if (!count_read(&n, v, 1000000))
            return complain(l, "torrent= wants the number of a torrent line");
        d->torrent_id = (uint32_t)n;
    }
    if (words_option(words, l->count, "step", &v) &&
        (!span_read_us(&d->step_us, v) || d->step_us > INT64_C(86400000000)))
        return complain(l, "step= wants a time like 15m, at most 1d");
    if (words_option(words, l->count, "normal", &v) &&
        (!span_read_us(&d->normal_us, v) || d->normal_us > INT64_C(3600000000)))
        return complain(l, "normal= wants a time like 10m, at most 1h");
    for (int i = 5; i < l->count; i++)
        if (slice_is(words[i], "raw")) {
            d->raw = true;
            words[i].len = 0;
        }
    believe(d);
    if (words_option(words, l->count, "range", &v) && !read_range(d, v))
        return complain(l, "range= wants MIN..MAX in the unit given, as in range=-0.5..4");
    for (int i = 5; i < l->count; i++)
        if (words[i].len)
            return complain(l,
                            "behind the exponent stand sensor=, step=, normal=, range=, torrent= "
                            "and raw");
    return ST_OK;
}

static enum status read_stream(struct station *s, struct line *l)
{
    struct datastream *d = &s->streams[s->stream_count];
    int type, unit;
    int32_t exponent;

    if (l->count < 5 || !read_number(l, 1, 1, 65535, &d->id) ||
        !read_scaled(l, 4, 0, 12, &exponent))
        return complain(l, "legal is NAME ID TYPE UNIT EXPONENT, as in "
                           "gusar.stage 3 stage metre -3");
    if (!enum_read(&type, &eocbus__v1__observation_type__descriptor, l->words[2]))
        return complain(l, "the third word is a type of sensor.proto: stage, rain_acc, soil_vwc, "
                           "batt_v ...");
    if (!enum_read(&unit, &eocbus__v1__unit__descriptor, l->words[3]))
        return complain(l, "the fourth word is a unit of sensor.proto: metre, millimetre, volt, "
                           "one ...");
    d->type = (Eocbus__V1__ObservationType)type;
    d->unit = (Eocbus__V1__Unit)unit;
    d->exponent = exponent;
    for (unsigned i = 0; i < s->stream_count; i++)
        if (s->streams[i].id == d->id || slice_is(l->words[0], s->streams[i].name))
            return complain(l, "another datastream has this name or number already");
    d->name = keep(l, l->words[0]);
    s->stream_count++;
    return d->name ? read_stream_options(d, l) : ST_NOMEM;
}

static enum status read_list(struct station *s, const char *row, const struct conf_list *list,
                             size_t max, enum status (*read)(struct station *, struct line *),
                             struct line *l)
{
    enum status st = ST_OK;

    l->row = row;
    for (size_t i = 0; st == ST_OK && i < list->count; i++) {
        l->text = list->items[i];
        s->hash = text_hash(s->hash, l->text, strlen(l->text) + 1);
        if (i == max)
            return complain(l, "there are more such lines than a gateway can have");
        l->count = words_split(l->words, WORDS_MAX, l->text);
        st = l->count < 0 ? complain(l, "too many words, or an open quote") : read(s, l);
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
            (struct station_sensor){1, s->things[0].id, "not described", ""};
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
    struct line l = {.arena = arena, .err = err, .err_size = err_size};
    enum status st;

    memset(out, 0, sizeof(*out));
    st = read_list(out, "thing", lines->things, STATION_THINGS, read_thing, &l);
    if (st == ST_OK)
        st = read_list(out, "sensor", lines->sensors, STATION_THINGS, read_sensor, &l);
    if (st == ST_OK)
        st = read_list(out, "torrent", lines->torrents, 32, read_torrent, &l);
    if (st == ST_OK)
        st = read_list(out, "datastream", lines->datastreams, STATION_STREAMS, read_stream, &l);
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

/* --- the registry -------------------------------------------------------------------------------
 */

/* An array of `count` new messages of one kind, each filled in by `fill`. */
static void *make_list(struct arena *a, const struct station *s, unsigned count, size_t size,
                       void (*fill)(const struct station *s, unsigned i, void *m, struct arena *a))
{
    void **list = arena_alloc(a, (count ? count : 1) * sizeof(*list));

    for (unsigned i = 0; list && i < count; i++) {
        list[i] = arena_alloc(a, size);
        if (!list[i])
            return NULL;
        fill(s, i, list[i], a);
    }
    return list;
}

static void fill_thing(const struct station *s, unsigned i, void *m, struct arena *a)
{
    Eocbus__V1__Thing *t = m;
    Eocbus__V1__Position *p = arena_alloc(a, sizeof(*p));

    eocbus__v1__thing__init(t);
    t->thing_id = s->things[i].id;
    t->name = (char *)s->things[i].name;
    t->altitude_cm = s->things[i].altitude_cm;
    if (!p)
        return; /* the gate refuses a thing without a place */
    eocbus__v1__position__init(p);
    p->lat_e7 = s->things[i].lat_e7;
    p->lon_e7 = s->things[i].lon_e7;
    t->position = p;
}

static void fill_sensor(const struct station *s, unsigned i, void *m, struct arena *a)
{
    Eocbus__V1__Sensor *e = m;

    (void)a;
    eocbus__v1__sensor__init(e);
    e->sensor_id = s->sensors[i].id;
    e->thing_id = s->sensors[i].thing_id;
    e->model = (char *)s->sensors[i].model;
    e->serial = (char *)s->sensors[i].serial;
}

static void fill_stream(const struct station *s, unsigned i, void *m, struct arena *a)
{
    const struct datastream *from = &s->streams[i];
    Eocbus__V1__Datastream *d = m;

    (void)a;
    eocbus__v1__datastream__init(d);
    d->datastream_id = from->id;
    d->sensor_id = from->sensor_id;
    d->type = from->type;
    d->unit = from->unit;
    d->exponent = from->exponent;
    d->raw = from->raw;
    d->valid_min = from->bounded ? from->low : 0;
    d->valid_max = from->bounded ? from->high : 0;
    d->dt_ms = (uint32_t)((from->normal_us ? from->normal_us : from->step_us) / 1000);
    d->torrent_id = from->torrent_id;
}

static void fill_torrent(const struct station *s, unsigned i, void *m, struct arena *a)
{
    Eocbus__V1__Torrent *t = m;

    (void)a;
    eocbus__v1__torrent__init(t);
    t->torrent_id = s->torrents[i].id;
    t->name = (char *)s->torrents[i].name;
}

Eocbus__V1__SensorRegistry *station_registry(const struct station *s, const char *gateway,
                                             uint32_t version, const char *pcode, struct arena *a)
{
    Eocbus__V1__SensorRegistry *r = arena_alloc(a, sizeof(*r));

    if (!r)
        return NULL;
    eocbus__v1__sensor_registry__init(r);
    r->version = version;
    r->gateway = (char *)gateway;
    r->n_things = s->thing_count;
    r->n_sensors = s->sensor_count;
    r->n_datastreams = s->stream_count;
    r->n_torrents = s->torrent_count;
    r->things = make_list(a, s, s->thing_count, sizeof(**r->things), fill_thing);
    r->sensors = make_list(a, s, s->sensor_count, sizeof(**r->sensors), fill_sensor);
    r->datastreams = make_list(a, s, s->stream_count, sizeof(**r->datastreams), fill_stream);
    r->torrents = make_list(a, s, s->torrent_count, sizeof(**r->torrents), fill_torrent);
    if (!r->things || !r->sensors || !r->datastreams || !r->torrents)
        return NULL;
    for (size_t i = 0; i < r->n_things && pcode; i++)
        r->things[i]->pcode = (char *)pcode;
    return r;
}
