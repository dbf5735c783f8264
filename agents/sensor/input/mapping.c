/* mapping - see mapping.h. CSV and lines are read here, JSON in mapping_json.c. */
#include "agents/sensor/input/mapping.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/input/sample_line.h"

#include "proto/base/banned.h"

#define FLAG(word) EOCBUS__V1__QUALITY__QUALITY_##word

void mapping_complain(struct mapping *m, const char *fmt, ...)
{
    char why[MAPPING_WHY];
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    m->unknown(m->arg, why);
}

static void give(struct mapping *m, unsigned stream, const struct sample *s)
{
    if (m->samples++ < MAPPING_SAMPLES)
        m->sample(m->arg, stream, s);
    else if (m->samples == MAPPING_SAMPLES + 1)
        mapping_complain(m, "more than %d samples in one message: the rest was left out",
                         MAPPING_SAMPLES);
}

/* --- times and values ------------------------------------------------------------------------- */

static bool number_time(int64_t *out, struct slice text)
{
    struct decimal d;

    if (!decimal_read(&d, text) || d.m <= 0)
        return false;
    /* 2000 to 2100 are 9.5e8 to 4.2e9 s: the size tells seconds from milli- and microseconds. */
    if (decimal_compare(d, (struct decimal){1, 14}) > 0)
        d.e -= 6;
    else if (decimal_compare(d, (struct decimal){1, 11}) > 0)
        d.e -= 3;
    if (decimal_compare(d, (struct decimal){41, 8}) > 0)
        return false;
    d.e += 6;
    while (d.e < 0) {
        d.m /= 10;
        d.e++;
    }
    while (d.e > 0) {
        d.m *= 10;
        d.e--;
    }
    *out = d.m;
    return true;
}

bool mapping_time(int64_t *out, const struct device *d, struct slice text)
{
    bool zoned;

    text = slice_trim(text);
    if (!text.len || memchr(text.at, '\0', text.len))
        return false;
    if (!number_time(out, text)) {
        if (!civil_any(out, &zoned, text))
            return false;
        if (!zoned)
            *out -= d->zone_us;
    }
    *out -= *out % 1000;
    return sample_time_is_sane(*out);
}

struct reading_at mapping_at(struct mapping *m, const struct device *d, struct slice time,
                             bool is_there)
{
    struct reading_at at = {m->now_us - m->now_us % 1000, true};

    if (!is_there && !*d->time)
        return at;
    at.time_ok = is_there && mapping_time(&at.time_us, d, time);
    if (!at.time_ok) {
        at.time_us = m->now_us - m->now_us % 1000;
        mapping_complain(m, "%s: a time that cannot be read; taken as now, and flagged", d->name);
    }
    return at;
}

void mapping_value(struct mapping *m, const struct device_field *f, struct reading_at at,
                   struct slice text, bool is_missing)
{
    const struct datastream *d = &m->station->streams[f->stream];
    struct sample s = {at.time_us, 0, at.time_ok ? 0 : FLAG(CLOCK_SUSPECT)};
    struct decimal v;

    text = slice_trim(text);
    if (is_missing || !text.len) {
        s.flags |= FLAG(MISSING);
    } else if (!decimal_read(&v, text) || !decimal_times(&v, f->times) ||
               !decimal_scale(&s.value, v, d->exponent)) {
        s.value = 0;
        s.flags |= FLAG(MISSING) | FLAG(BAD);
        mapping_complain(m, "%s: a value that is no number, or too large", d->name);
    }
    give(m, f->stream, &s);
}

/* --- lines and CSV ---------------------------------------------------------------------------- */

static void read_sample_line(struct mapping *m, struct slice line)
{
    char why[SAMPLE_ANSWER_BYTES];
    struct sample s;
    unsigned stream;

    switch (sample_line_read(m->station, line.at, line.len, m->now_us, &stream, &s, why)) {
    case LINE_SAMPLE:
        give(m, stream, &s);
        break;
    case LINE_BAD:
        mapping_complain(m, "%s", why);
        break;
    default:
        break;
    }
}

/* Column n, the first is 1; false: there is none. */
static bool column_of(struct slice *out, struct slice line, char separator, unsigned n)
{
    while (slice_next(&line, separator, out))
        if (--n == 0)
            return true;
    return false;
}

/* A line of words before the first number is a header. */
static bool is_header(const struct device *d, struct slice line)
{
    struct slice text;
    struct decimal v;

    for (unsigned i = 0; i < d->count; i++)
        if (column_of(&text, line, d->separator, d->field[i].column) &&
            decimal_read(&v, slice_trim(text)))
            return false;
    return true;
}

static void read_csv_line(struct mapping *m, const struct device *d, struct slice line, bool first)
{
    struct slice text = {"", 0};
    struct reading_at at;
    bool has_time = d->time_column && column_of(&text, line, d->separator, d->time_column);
    int64_t time_us;

    if (first && is_header(d, line) && (!has_time || !mapping_time(&time_us, d, text)))
        return;
    at = mapping_at(m, d, text, has_time);
    for (unsigned i = 0; i < d->count; i++)
        if (column_of(&text, line, d->separator, d->field[i].column))
            mapping_value(m, &d->field[i], at, text, false);
}

static void read_lines(struct mapping *m, const struct device *d, struct slice all)
{
    struct slice line;
    bool first = true;

    while (m->samples <= MAPPING_SAMPLES && slice_next(&all, '\n', &line)) {
        if (!slice_trim(line).len)
            continue;
        while (line.len && line.at[line.len - 1] == '\r')
            line.len--;
        if (d->format == DEVICE_LINES)
            read_sample_line(m, line);
        else
            read_csv_line(m, d, line, first);
        first = false;
    }
}

void mapping_read(struct mapping *m, const void *bytes, size_t len)
{
    const struct device *d = m->count ? m->devices[0] : NULL;

    m->samples = 0;
    if (!d) {
        mapping_complain(m, "no device is known here");
    } else if (len > MAPPING_BYTES) {
        mapping_complain(m, "a message of %zu bytes; at most %d are read", len, MAPPING_BYTES);
    } else if (d->format == DEVICE_LINES || d->format == DEVICE_CSV) {
        read_lines(m, d, (struct slice){bytes, len});
    } else {
        mapping_json(m, d, bytes, len);
    }
}
