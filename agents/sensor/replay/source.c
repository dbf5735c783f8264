/* source - see source.h. */
#include "agents/sensor/replay/source.h"

#include <errno.h>
#include <string.h>

#include "agents/sensor/replay/labels.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

#define FLAG(word) EOCBUS__V1__QUALITY__QUALITY_##word
/* What the contract takes for a time: 2000-01-01 to 2100-01-01. */
#define TIME_MIN_US INT64_C(946684800000000)
#define TIME_MAX_US INT64_C(4102444800000000)
/* Of a spoiled file a person needs the first few lines, not all. */
#define BAD_LINES_LOGGED 3

/* --- the settings line ------------------------------------------------------------------------ */

/* "2007-06-25T18:30:00Z=2010-08-07T21:40:00+05:00" */
static bool read_shift(int64_t *out, struct slice text)
{
    struct slice from;
    int64_t a, b;
    bool zoned_a, zoned_b;

    if (!slice_next(&text, '=', &from) || !text.at)
        return false;
    if (!civil_any(&a, &zoned_a, from) || !zoned_a || !civil_any(&b, &zoned_b, text) || !zoned_b)
        return false;
    *out = b - a;
    return true;
}

static enum status read_options(struct source *s, struct setting *l)
{
    struct slice v;
    uint64_t n;

    if (words_option(l->words, l->count, "zone", &v) && !zone_read(&s->zone_us, v))
        return setting_complain(l, "zone= wants an offset like +05:00");
    if (words_option(l->words, l->count, "shift", &v) && !read_shift(&s->shift_us, v))
        return setting_complain(l, "shift= wants FROM=TO, as in "
                                   "shift=2007-06-25T18:30:00Z=2010-08-07T21:40:00+05:00");
    if (words_option(l->words, l->count, "samples", &v)) {
        if (!count_read(&n, v, BATCH_SAMPLES) || !n)
            return setting_complain(l, "samples= wants 1 to 256");
        s->samples = n;
    }
    return ST_OK;
}

/* "gusar.stage" or "5:gusar.rain" */
static enum status read_mapping(struct source *s, struct setting *l, struct slice word)
{
    struct slice rest = word, column;
    uint64_t n = s->format->value_column;
    int stream;

    if (slice_next(&rest, ':', &column) && rest.at) {
        if (!count_read(&n, column, RECORD_FIELDS - 1))
            return setting_complain(l, "a column is a number from 0 to 31");
        word = rest;
    }
    stream = station_find(s->station, word);
    if (stream < 0)
        return setting_complain(l, "a word behind the file is no datastream of these settings");
    for (unsigned i = 0; i < s->count; i++)
        if (s->stream[i] == (unsigned)stream)
            return setting_complain(l, "a datastream stands in the line twice");
    s->column[s->count] = (unsigned)n;
    s->stream[s->count++] = (unsigned)stream;
    return ST_OK;
}

/* Lines that name their datastream: all that the station has, unless some are picked. */
static void map_all(struct source *s)
{
    for (unsigned i = 0; i < s->station->stream_count; i++)
        s->stream[i] = i;
    s->count = s->station->stream_count;
    for (unsigned i = 0; i < s->count; i++)
        s->column[i] = s->format->value_column;
}

enum status source_read(struct source *out, const char *text, const struct station *station,
                        char *err, size_t err_size)
{
    struct setting l = {.row = "replay", .text = text, .err = err, .err_size = err_size};
    enum status st;

    memset(out, 0, sizeof(*out));
    out->station = station;
    l.count = words_split(l.words, SETTING_WORDS, text);
    out->format = l.count > 0 ? format_find(l.words[0]) : NULL;
    if (l.count > 0 && !out->format)
        return setting_complain(&l, "the first word is a format; eocbus-sensor formats lists them");
    if (l.count < 3 && !(l.count == 2 && out->format->names_streams))
        return setting_complain(&l, "legal is FORMAT PATH [COLUMN:]DATASTREAM...");
    if (l.words[1].len >= sizeof(out->path))
        return setting_complain(&l, "the path is too long");
    memcpy(out->path, l.words[1].at, l.words[1].len);
    st = read_options(out, &l);
    for (int i = 2; st == ST_OK && i < l.count; i++) {
        if (l.words[i].len && out->count == STATION_STREAMS)
            return setting_complain(&l, "at most 64 datastreams");
        if (l.words[i].len)
            st = read_mapping(out, &l, l.words[i]);
    }
    if (st == ST_OK && !out->count && out->format->names_streams)
        map_all(out);
    if (st == ST_OK && !out->count)
        return setting_complain(&l, "no datastream is named");
    out->step_us = out->format->step_s * INT64_C(1000000);
    return st;
}

/* --- the file --------------------------------------------------------------------------------- */

enum status source_open(struct source *s, char *err, size_t err_size)
{
    source_close(s);
    s->file = fopen(s->path, "rbe");
    if (!s->file) {
        snprintf(err, err_size, "%s: %s", s->path, strerror(errno));
        return ST_IO;
    }
    reader_begin(&s->reader, s->format);
    s->bad_lines = 0;
    source_next(s);
    return ST_OK;
}

void source_close(struct source *s)
{
    if (s->file)
        fclose(s->file);
    s->file = NULL;
    s->more = false;
}

/* A line without its end, cut at the buffer's size (which the reader refuses); -1 at the end. */
static long read_line(struct source *s)
{
    size_t len = 0;
    int c;

    while ((c = getc(s->file)) != EOF && c != '\n')
        if (len < sizeof(s->line))
            s->line[len++] = (char)c;
    return c == EOF && len == 0 ? -1 : (long)len;
}

static struct sample sample_of(const struct source *s, unsigned i, const struct record *rec)
{
    const struct datastream *d = &s->station->streams[s->stream[i]];
    const struct record_field *f = &rec->field[s->column[i]];
    struct decimal value = f->value;
    struct sample out = {s->time_us, 0, f->flags};

    if (!f->given)
        out.flags |= FLAG(MISSING);
    else if (!(f->flags & FLAG(MISSING)) && (!format_value(s->format, d->type, &value) ||
                                             !decimal_scale(&out.value, value, d->exponent)))
        out.flags |= FLAG(MISSING) | FLAG(BAD);
    return out;
}

static bool take_record(struct source *s, const struct record *rec)
{
    s->time_us = rec->time_us - (rec->zoned ? 0 : s->zone_us) + s->shift_us;
    /* Whole milliseconds, as batches count. */
    s->time_us -= s->time_us % 1000;
    if (s->time_us < TIME_MIN_US || s->time_us > TIME_MAX_US) {
        snprintf(s->reader.err, sizeof(s->reader.err), "its time is not between 2000 and 2100");
        return false;
    }
    for (unsigned i = 0; i < s->count; i++) {
        s->row[i] = sample_of(s, i, rec);
        s->given[i] = !s->format->names_streams ||
                      slice_is(rec->stream, s->station->streams[s->stream[i]].name);
    }
    return true;
}

static void note_bad_line(struct source *s)
{
    if (++s->bad_lines <= BAD_LINES_LOGGED)
        log_warn("sensor.file.line", "path=%s line=%u why=%s", s->path, s->reader.line_number,
                 s->reader.err);
}

void source_next(struct source *s)
{
    struct record rec;
    long len;

    s->more = false;
    while (!s->more && (len = read_line(s)) >= 0) {
        enum status st = reader_line(&s->reader, s->line, (size_t)len, &rec);

        if (st == ST_OK && take_record(s, &rec))
            s->more = true;
        else if (st != ST_NOTFOUND)
            note_bad_line(s);
    }
}
