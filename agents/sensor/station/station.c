/* station - see station.h. */
#include "agents/sensor/station/station.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

enum { WORDS_MAX = 16 };

/* --- words ------------------------------------------------------------------------------------ */

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

/* --- the range a reader believes -------------------------------------------------------------- */

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

/* --- lines ------------------------------------------------------------------------------------ */

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

/* "2010-04-01", midnight UTC */
static bool read_day(int64_t *out, struct slice v)
{
    return civil_read(out, "Y-M-D", v) && *out > 0;
}

static enum status read_sensor(struct station *s, struct line *l)
{
    struct station_sensor *e = &s->sensors[s->sensor_count];
    struct slice serial = {"", 0}, certificate = {"", 0}, day;

    (void)words_option(l->words, l->count, "serial", &serial);
    (void)words_option(l->words, l->count, "certificate", &certificate);
    if (words_option(l->words, l->count, "calibrated", &day) && !read_day(&e->calibrated_us, day))
        return complain(l, "calibrated= wants a day like 2010-04-01");
    for (int i = 3; i < l->count; i++)
        if (l->words[i].len)
            return complain(l, "behind the model stand serial=, calibrated= and certificate=");
    if (l->count < 3 || !read_number(l, 0, 1, 65535, &e->id) ||
        !read_number(l, 1, 1, 65535, &e->thing_id))
        return complain(l, "legal is ID THING MODEL [serial=TEXT]");
    e->model = keep(l, l->words[2]);
    e->serial = keep(l, serial);
    e->certificate = keep(l, certificate);
    s->sensor_count++;
    return e->model && e->serial && e->certificate ? ST_OK : ST_NOMEM;
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

static bool has_torrent(const struct station *s, uint32_t id)
{
    for (unsigned i = 0; i < s->torrent_count; i++)
        if (s->torrents[i].id == id)
            return true;
    return false;
}

static enum status read_exposed(struct station *s, struct line *l)
{
    struct station_exposed *e = &s->exposed[s->exposed_count];

    if (l->count != 7 || !read_number(l, 0, 1, 1000000, &e->torrent_id) ||
        !read_number(l, 1, 1, 1000000, &e->point_id) ||
        !read_scaled(l, 2, -7, 900000000, &e->lat_e7) ||
        !read_scaled(l, 3, -7, 1800000000, &e->lon_e7) ||
        !read_number(l, 4, 0, 200000, &e->distance_m) ||
        !read_number(l, 5, 0, 1000000, &e->people) || !l->words[6].len)
        return complain(l,
                        "legal is TORRENT POINT LATITUDE LONGITUDE DISTANCE_M PEOPLE NAME, as in "
                        "17 1 39.39 68.55 1400 120 \"first house\"");
    if (!has_torrent(s, e->torrent_id))
        return complain(l, "there is no torrent of this number; add a line torrent = ID NAME");
    e->name = keep(l, l->words[6]);
    s->exposed_count++;
    return e->name ? ST_OK : ST_NOMEM;
}

/* --- datastreams ------------------------------------------------------------------------------ */

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

/* A number with up to so many decimals, from 0 on. */
static bool read_amount(uint32_t *out, struct slice v, int exponent, int64_t most)
{
    struct decimal d;
    int64_t n;

    if (!decimal_read(&d, v) || !decimal_scale(&n, d, exponent) || n < 0 || n > most)
        return false;
    *out = (uint32_t)n;
    return true;
}

/* An offset or a gain with more digits than the registry has would be applied here and not there.
 */
static bool is_exact(struct slice v, int64_t scaled, int exponent)
{
    struct decimal d;

    return decimal_read(&d, v) && decimal_compare(d, (struct decimal){scaled, exponent}) == 0;
}

static enum status read_calibration(struct datastream *d, struct line *l)
{
    struct decimal n;
    struct slice v;

    if (words_option(l->words, l->count, "offset", &v) &&
        (!decimal_read(&n, v) || !decimal_scale(&d->offset, n, d->exponent) ||
         !is_exact(v, d->offset, d->exponent)))
        return complain(l, "offset= wants a number in the unit given, with no more decimals than "
                           "the exponent has");
    if (words_option(l->words, l->count, "gain", &v) &&
        (!read_amount(&d->gain_ppm, v, -6, 1000000000) || !d->gain_ppm ||
         !is_exact(v, d->gain_ppm, -6)))
        return complain(l, "gain= wants a number like 1.0025, with at most six decimals");
    return ST_OK;
}

/* "5..10" Hz */
static bool read_band(struct datastream *d, struct slice text)
{
    for (size_t i = 0; i + 1 < text.len; i++)
        if (text.at[i] == '.' && text.at[i + 1] == '.')
            return read_amount(&d->band_low_dhz, (struct slice){text.at, i}, -1, 10000) &&
                   read_amount(&d->band_high_dhz, (struct slice){text.at + i + 2, text.len - i - 2},
                               -1, 10000) &&
                   d->band_low_dhz < d->band_high_dhz;
    return false;
}

static enum status read_mounting(struct datastream *d, struct line *l)
{
    struct decimal n;
    struct slice v;
    int64_t mm;

    if (words_option(l->words, l->count, "height", &v)) {
        if (!decimal_read(&n, v) || !decimal_scale(&mm, n, -3) || mm < -1000000 || mm > 9000000)
            return complain(l, "height= wants metres, -1000 to 9000");
        d->height_mm = (int32_t)mm;
    }
    if (words_option(l->words, l->count, "wire", &v) && !read_amount(&d->wire, v, 0, 64))
        return complain(l, "wire= wants a number from the bed up, 1 to 64");
    if (words_option(l->words, l->count, "threshold", &v) &&
        !read_amount(&d->threshold_um_s, v, 0, 100000))
        return complain(l, "threshold= wants micrometres a second, at most 100000");
    if (words_option(l->words, l->count, "band", &v) && !read_band(d, v))
        return complain(l, "band= wants LOW..HIGH in hertz, as in band=5..10");
    return ST_OK;
}

/* What was read is empty by now. */
static enum status check_all_read(struct line *l)
{
    for (int i = 5; i < l->count; i++)
        if (l->words[i].len)
            return complain(l, "behind the exponent stand sensor=, step=, normal=, range=, "
                               "torrent=, offset=, gain=, height=, wire=, threshold=, band= and "
                               "raw");
    return ST_OK;
}

static enum status read_stream_options(struct datastream *d, struct line *l)
{
    struct slice *words = l->words, v;
    enum status st;
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
    st = read_calibration(d, l);
    if (st == ST_OK)
        st = read_mounting(d, l);
    return st == ST_OK ? check_all_read(l) : st;
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
    struct line l = {.arena = arena, .err = err, .err_size = err_size};
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
