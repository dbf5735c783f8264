/* devices - see devices.h. */
#include "agents/sensor/station/devices.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

enum { WORDS_MAX = DEVICE_FIELDS + 8 };

struct device_line {
    const char *text;
    const struct station *station;
    struct slice words[WORDS_MAX];
    int count;
    struct arena *arena;
    char *err;
    size_t err_size;
};

static const char *const format_words[] = {"lines",      "csv", "json",
                                           "chirpstack", "ttn", "sensorthings"};

static enum status complain(const struct device_line *l, const char *legal)
{
    snprintf(l->err, l->err_size, "device = %s: %s", l->text, legal);
    return ST_INVALID;
}

static const char *keep(const struct device_line *l, struct slice s)
{
    return arena_printf(l->arena, "%.*s", (int)s.len, s.at);
}

static bool read_format(struct device *d, struct slice word)
{
    for (unsigned i = 0; i < ARRAY_LEN(format_words); i++)
        if (slice_is(word, format_words[i])) {
            d->format = (enum device_format)i;
            return true;
        }
    return false;
}

/* "+05:00" */
static bool read_zone(int64_t *out, struct slice s)
{
    uint64_t hours, minutes;

    if (s.len != 6 || (s.at[0] != '+' && s.at[0] != '-') || s.at[3] != ':' ||
        !count_read(&hours, (struct slice){s.at + 1, 2}, 14) ||
        !count_read(&minutes, (struct slice){s.at + 4, 2}, 59))
        return false;
    *out = (int64_t)(hours * 60 + minutes) * 60000000 * (s.at[0] == '-' ? -1 : 1);
    return true;
}

static bool read_eui(struct device *d, const struct device_line *l, struct slice s)
{
    char hex[17];

    if (s.len != 16)
        return false;
    for (size_t i = 0; i < 16; i++) {
        if (!isxdigit((unsigned char)s.at[i]))
            return false;
        hex[i] = (char)tolower((unsigned char)s.at[i]);
    }
    hex[16] = '\0';
    d->eui = arena_printf(l->arena, "%s", hex);
    return d->eui != NULL;
}

static bool read_column(unsigned *out, struct slice s)
{
    uint64_t n;

    if (!count_read(&n, s, 256) || !n)
        return false;
    *out = (unsigned)n;
    return true;
}

static enum status read_options(struct device *d, struct device_line *l)
{
    struct slice v;

    d->eui = d->time = "";
    d->separator = ',';
    if (words_option(l->words, l->count, "eui", &v) && !read_eui(d, l, v))
        return complain(l, "eui= wants 16 hexadecimal digits");
    if (words_option(l->words, l->count, "time", &v)) {
        d->time = keep(l, v);
        if (d->format == DEVICE_CSV && !read_column(&d->time_column, v))
            return complain(l, "time= wants a column, 1 or more");
    }
    if (words_option(l->words, l->count, "zone", &v) && !read_zone(&d->zone_us, v))
        return complain(l, "zone= wants an offset like +05:00");
    if (words_option(l->words, l->count, "separator", &v)) {
        if (v.len != 1 && !slice_is(v, "tab"))
            return complain(l, "separator= wants one character, or tab");
        d->separator = v.len == 1 ? v.at[0] : '\t';
    }
    return d->time ? ST_OK : ST_NOMEM;
}

/* "level:gusar.stage*0.001" */
static enum status read_field(struct device *d, struct device_line *l, struct slice word)
{
    struct device_field *f = &d->field[d->count];
    struct slice stream, times;
    size_t at = word.len;
    int found;

    f->times = (struct decimal){1, 0};
    for (size_t i = 0; i < word.len; i++)
        if (word.at[i] == ':')
            at = i;
    if (d->count == DEVICE_FIELDS)
        return complain(l, "too many fields");
    if (!at || at >= word.len)
        return complain(l, "a field is FIELD:DATASTREAM, as in level:gusar.stage*0.001");
    stream = (struct slice){word.at + at + 1, word.len - at - 1};
    for (size_t i = 0; i < stream.len; i++)
        if (stream.at[i] == '*') {
            times = (struct slice){stream.at + i + 1, stream.len - i - 1};
            if (!decimal_read(&f->times, times) || !f->times.m)
                return complain(l, "behind * stands a number, as in *0.001");
            stream.len = i;
        }
    found = station_find(l->station, stream);
    if (found < 0)
        return complain(l, "there is no datastream of this name");
    f->stream = (unsigned)found;
    if (d->format == DEVICE_CSV && !read_column(&f->column, (struct slice){word.at, at}))
        return complain(l, "a field of csv is a column, 1 or more, as in 2:gusar.stage");
    f->path = keep(l, (struct slice){word.at, at});
    d->count++;
    return f->path ? ST_OK : ST_NOMEM;
}

static enum status read_device(struct devices *out, struct device_line *l)
{
    struct device *d = &out->device[out->count];
    enum status st;

    memset(d, 0, sizeof(*d));
    l->count = words_split(l->words, WORDS_MAX, l->text);
    if (l->count < 2 || !read_format(d, l->words[1]))
        return complain(l, "legal is NAME FORMAT FIELD:DATASTREAM..., FORMAT one of lines, csv, "
                           "json, chirpstack, ttn and sensorthings");
    if (devices_find(out, l->words[0]))
        return complain(l, "there is another device of this name");
    d->name = keep(l, l->words[0]);
    st = d->name ? read_options(d, l) : ST_NOMEM;
    for (int i = 2; st == ST_OK && i < l->count; i++)
        if (l->words[i].len)
            st = read_field(d, l, l->words[i]);
    if (st == ST_OK && !d->count && d->format != DEVICE_LINES)
        return complain(l, "no field is named; add FIELD:DATASTREAM");
    out->count++;
    return st;
}

enum status devices_read(struct devices *out, const struct station *station,
                         const struct conf_list *lines, struct arena *arena, char *err,
                         size_t err_size)
{
    struct device_line l = {.station = station, .arena = arena, .err = err, .err_size = err_size};
    enum status st = ST_OK;

    out->count = 0;
    for (size_t i = 0; st == ST_OK && i < lines->count; i++) {
        l.text = lines->items[i];
        st = out->count == DEVICES ? complain(&l, "more than 64 devices") : read_device(out, &l);
    }
    return st;
}

const struct device *devices_find(const struct devices *d, struct slice name)
{
    for (unsigned i = 0; i < d->count; i++)
        if (slice_is(name, d->device[i].name))
            return &d->device[i];
    return NULL;
}
