/* formats - see formats.h. The columns are those of the files in deploy/demo/data and their README.
 */
#include "agents/sensor/input/formats.h"

#include <stdio.h>
#include <string.h>

#include "agents/sensor/station/station.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

#define FLAG(word) EOCBUS__V1__QUALITY__QUALITY_##word

static enum status fail(struct reader *r, const char *what, struct slice seen)
{
    char shown[41];
    size_t n = seen.len < sizeof(shown) - 1 ? seen.len : sizeof(shown) - 1;

    for (size_t i = 0; i < n; i++)
        shown[i] = seen.at[i] >= ' ' && seen.at[i] < 127 ? seen.at[i] : '?';
    shown[n] = '\0';
    snprintf(r->err, sizeof(r->err), "'%s' is no %s", shown, what);
    return ST_INVALID;
}

/* A reading as it stands; what is no number is kept as a place without a value. */
static void take_value(struct record_field *f, struct slice text)
{
    text = slice_trim(text);
    f->given = true;
    if (!text.len)
        f->flags |= FLAG(MISSING);
    else if (!decimal_read(&f->value, text))
        f->flags |= FLAG(MISSING) | FLAG(BAD);
}

static void take_columns(struct record *out, struct slice rest, char separator, unsigned from)
{
    struct slice word;

    for (unsigned i = 0; i < RECORD_FIELDS && slice_next(&rest, separator, &word); i++)
        if (i >= from)
            take_value(&out->field[i], word);
}

/* --- USGS ------------------------------------------------------------------------------------- */

/* "2015-12-18 00:00:00<TAB>11738<TAB>12.89<TAB>..." */
static enum status line_usgs_14d(struct reader *r, struct slice line, struct record *out)
{
    struct slice rest = line, word;

    if (!slice_next(&rest, '\t', &word) ||
        !civil_read(&out->time_us, "Y-M-D h:m:s", slice_trim(word)))
        return fail(r, "time like 2015-12-18 00:15:00", word);
    take_columns(out, line, '\t', 1);
    return ST_OK;
}

/* "2015 <TAB> 08 <TAB> 17 <TAB> 18 <TAB> 15 <TAB> 0.01": year month day hour minute inches */
static enum status line_usgs_rain(struct reader *r, struct slice line, struct record *out)
{
    struct slice rest = line, word;
    uint64_t part[5];

    for (size_t i = 0; i < ARRAY_LEN(part); i++)
        if (!slice_word(&rest, &word) || !count_read(&part[i], word, 9999))
            return fail(r, "year, month, day, hour or minute", word);
    if (!civil_us(&out->time_us, (int)part[0], (int)part[1], (int)part[2], (int)part[3],
                  (int)part[4], 0))
        return fail(r, "time", line);
    take_value(&out->field[5], rest);
    return ST_OK;
}

/* --- Environment Agency ----------------------------------------------------------------------- */

struct ea_code {
    const char *code;
    uint32_t flags;
};

/* The agency's own key stands in the header of each file. */
static const struct ea_code ea_codes[] = {
    {"G", 0},
    {"E", FLAG(ESTIMATED)},
    {"S", FLAG(SUSPECT)},
    {"U", FLAG(SUSPECT)}, /* unchecked: nobody said it is good */
    {"M", FLAG(MISSING)},
    {"C", 0},
    {"I", FLAG(SUSPECT)},
    {"Ed", 0},
    {"WR", 0},
    {"NR", FLAG(SUSPECT)},
    {"EX>", FLAG(ESTIMATED)}, /* beyond the rating: extrapolated */
    {"EX<", FLAG(ESTIMATED)},
    {"BL>", FLAG(ESTIMATED)},
    {"BL<", FLAG(ESTIMATED)},
    {"A", FLAG(ESTIMATED)}, /* apportioned or interpolated */
    {"SN", FLAG(ICED_OR_SNOWED)},
    {"D", 0},
    {"T", 0},
    {"RAS", 0},
    {"MH", 0}, /* how a weir was read: the value stands */
    {"NH", 0},
    {"EH", 0},
    {"MT", 0},
    {"NT", 0},
    {"ET", 0},
    {"MC", 0},
    {"NC", 0},
    {"EC", 0},
    {"-H", 0},
};

/* "G;Ed" */
static uint32_t ea_flags(struct slice codes)
{
    struct slice code;
    uint32_t flags = 0;

    while (slice_next(&codes, ';', &code)) {
        uint32_t more = FLAG(SUSPECT); /* a code we do not know */

        code = slice_trim(code);
        for (size_t i = 0; i < ARRAY_LEN(ea_codes); i++)
            if (slice_is(code, ea_codes[i].code))
                more = ea_codes[i].flags;
        flags |= code.len ? more : 0;
    }
    return flags;
}

static bool begins_with(struct slice s, const char *word)
{
    return s.len >= strlen(word) && memcmp(s.at, word, strlen(word)) == 0;
}

/* "25/06/2007 18:30:00,4.675,G;Ed,102,..." behind about twenty lines of metadata */
static enum status line_ea(struct reader *r, struct slice line, struct record *out)
{
    struct slice rest = line, time, value = {NULL, 0}, codes = {NULL, 0};

    if (!r->in_body) {
        r->in_body = begins_with(line, "Time stamp,");
        return ST_NOTFOUND;
    }
    if (!slice_next(&rest, ',', &time) ||
        !civil_read(&out->time_us, "D/M/Y h:m:s", slice_trim(time)))
        return fail(r, "time like 25/06/2007 18:30:00", time);
    (void)slice_next(&rest, ',', &value);
    (void)slice_next(&rest, ',', &codes);
    out->field[1].flags = ea_flags(codes);
    take_value(&out->field[1], value);
    return ST_OK;
}

/* --- others ----------------------------------------------------------------------------------- */

/* "2015-10-03 18:45:20,4.158": times as civil_any reads them; lines before the first are a header
 */
static enum status line_csv(struct reader *r, struct slice line, struct record *out)
{
    struct slice rest = line, time;

    if (!slice_next(&rest, ',', &time) || !civil_any(&out->time_us, &out->zoned, slice_trim(time)))
        return r->in_body ? fail(r, "time like 2015-10-03 18:45:20", time) : ST_NOTFOUND;
    r->in_body = true;
    take_columns(out, line, ',', 1);
    return ST_OK;
}

/* "06/26/24 14:04:20,1,": tips counted since the logger was set up */
static enum status line_tips(struct reader *r, struct slice line, struct record *out)
{
    struct slice rest = line, time, count = {NULL, 0};
    struct record_field *f = &out->field[1];
    uint64_t tips;

    if (!slice_next(&rest, ',', &time) ||
        !civil_read(&out->time_us, "M/D/y h:m:s", slice_trim(time)))
        return r->in_body ? fail(r, "time like 06/26/24 14:04:20", time) : ST_NOTFOUND;
    (void)slice_next(&rest, ',', &count);
    f->given = true;
    if (!count_read(&tips, slice_trim(count), INT32_MAX)) {
        f->flags = FLAG(MISSING) | FLAG(BAD);
        return ST_OK;
    }
    if (r->in_body && (int64_t)tips < r->tips) {
        f->flags = FLAG(SUSPECT); /* the logger began to count anew */
        r->tips = 0;
    }
    f->value.m = r->in_body ? (int64_t)tips - r->tips : 0;
    r->tips = (int64_t)tips;
    r->in_body = true;
    return ST_OK;
}

/* "022010072400003": station, year, month, day, hour, hundredths of an inch in that hour */
static enum status line_usgs_hourly(struct reader *r, struct slice line, struct record *out)
{
    uint64_t part[5];
    static const size_t width[] = {4, 2, 2, 2, 3};
    struct slice rest = slice_trim(line);

    if (rest.len != 15)
        return fail(r, "line of 15 digits: station, date, hour, hundredths of an inch", rest);
    rest.at += 2;
    for (size_t i = 0; i < ARRAY_LEN(width); i++) {
        if (!count_read(&part[i], (struct slice){rest.at, width[i]}, 9999))
            return fail(r, "number", (struct slice){rest.at, width[i]});
        rest.at += width[i];
    }
    if (!civil_us(&out->time_us, (int)part[0], (int)part[1], (int)part[2], (int)part[3], 0, 0))
        return fail(r, "time", line);
    out->field[1].given = true;
    out->field[1].value.m = (int64_t)part[4];
    return ST_OK;
}

/* "gusar.stage 2010-08-07T20:10:00+05:00 1.284 suspect": what the line door takes, and torrent
 * writes */
static enum status line_lines(struct reader *r, struct slice line, struct record *out)
{
    struct slice rest = line, time, value, word;
    struct record_field *f = &out->field[1];
    int flag;

    if (slice_trim(line).at[0] == '#')
        return ST_NOTFOUND;
    if (!slice_word(&rest, &out->stream) || !slice_word(&rest, &time) || !slice_word(&rest, &value))
        return fail(r, "line like gusar.stage 2010-08-07T20:10:00+05:00 1.284", line);
    if (!civil_any(&out->time_us, &out->zoned, time))
        return fail(r, "time like 2010-08-07T20:10:00+05:00", time);
    if (slice_is(value, "-"))
        value.len = 0;
    take_value(f, value);
    while (slice_word(&rest, &word)) {
        if (!enum_read(&flag, &eocbus__v1__quality__descriptor, word))
            return fail(r, "flag of quality", word);
        f->flags |= (uint32_t)flag;
    }
    return ST_OK;
}

static const struct format formats[] = {
    {"usgs-14d",
     "USGS 15-minute table: time, record, battery, then per station; rain in tips of 0.01 inch",
     2,
     900,
     {254, -3},
     false,
     line_usgs_14d},
    {"usgs-rain",
     "USGS rain: year month day hour minute inches",
     5,
     900,
     {254, -1},
     false,
     line_usgs_rain},
    {"usgs-hourly",
     "USGS hourly rain: SSYYYYMMDDHHPPP, station, date, hour, hundredths of an inch",
     1,
     3600,
     {254, -3},
     false,
     line_usgs_hourly},
    {"ea-stage",
     "Environment Agency stage: dd/mm/yyyy, metres, quality codes",
     1,
     900,
     {0, 0},
     false,
     line_ea},
    {"ea-flow",
     "Environment Agency flow: dd/mm/yyyy, cubic metres a second, quality codes",
     1,
     900,
     {0, 0},
     false,
     line_ea},
    {"csv", "time,value[,value...] with or without a header", 1, 0, {0, 0}, false, line_csv},
    {"tips",
     "tipping bucket: mm/dd/yy time, tips counted; 0.2 mm each",
     1,
     0,
     {2, -1},
     false,
     line_tips},
    {"lines", "DATASTREAM TIME VALUE [FLAG...] as on TCP", 1, 0, {0, 0}, true, line_lines},
};

const struct format *format_find(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (slice_is(name, formats[i].name))
            return &formats[i];
    return NULL;
}

const struct format *format_at(size_t i)
{
    return i < ARRAY_LEN(formats) ? &formats[i] : NULL;
}

void reader_begin(struct reader *r, const struct format *f)
{
    *r = (struct reader){.format = f};
}

enum status reader_line(struct reader *r, const char *line, size_t len, struct record *out)
{
    struct slice s = {line, len};

    r->line_number++;
    r->err[0] = '\0';
    memset(out, 0, sizeof(*out));
    if (r->line_number == 1 && begins_with(s, "\xef\xbb\xbf")) {
        s.at += 3;
        s.len -= 3;
    }
    while (s.len && (s.at[s.len - 1] == '\r' || s.at[s.len - 1] == '\n'))
        s.len--;
    if (!slice_trim(s).len)
        return ST_NOTFOUND;
    if (s.len > FORMAT_LINE_BYTES) {
        snprintf(r->err, sizeof(r->err), "a line of %zu bytes; legal are %d", s.len,
                 FORMAT_LINE_BYTES);
        return ST_INVALID;
    }
    return r->format->line(r, s, out);
}

bool format_value(const struct format *f, Eocbus__V1__ObservationType type, struct decimal *value)
{
    if (type != EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_RAIN_ACC || !f->rain_unit.m)
        return true;
    return decimal_times(value, f->rain_unit);
}
