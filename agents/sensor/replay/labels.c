/* labels - see labels.h. */
#include "agents/sensor/replay/labels.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/ids.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

#define DAY_US (INT64_C(86400) * 1000000)

enum { LINE_BYTES = 512 };

bool zone_read(int64_t *out_us, struct slice text)
{
    char with_date[48];
    int64_t there, utc = 0;

    if (text.len != 6)
        return false;
    snprintf(with_date, sizeof(with_date), "2000-01-01T00:00:00%.*s", (int)text.len, text.at);
    if (!time_parse(&there, with_date) || !time_parse(&utc, "2000-01-01T00:00:00Z"))
        return false;
    *out_us = utc - there;
    return true;
}

struct reading {
    struct labels *out;
    const char *path;
    const char *day; /* the pattern of a day */
    int64_t zone_us;
    unsigned line;
    char *err;
    size_t err_size;
};

static enum status complain(const struct reading *r, const char *what)
{
    snprintf(r->err, r->err_size, "%s line %u: %s", r->path, r->line, what);
    return ST_INVALID;
}

static bool read_instant(const struct reading *r, int64_t *out, struct slice text)
{
    bool zoned;

    if (!civil_any(out, &zoned, slice_trim(text)))
        return false;
    *out -= zoned ? 0 : r->zone_us;
    return true;
}

static bool read_day(const struct reading *r, int64_t *out, struct slice text)
{
    char pattern[16], copy[40];

    text = slice_trim(text);
    if (text.len != 10)
        return false;
    snprintf(pattern, sizeof(pattern), "%s h:m:s", r->day);
    snprintf(copy, sizeof(copy), "%.*s 00:00:00", (int)text.len, text.at);
    if (!civil_read(out, pattern, slice_of(copy)))
        return false;
    *out -= r->zone_us;
    return true;
}

static enum status add(struct reading *r, const struct label *l)
{
    struct labels *out = r->out;
    struct label *items;

    if (out->count == LABELS_MAX)
        return complain(r, "more than 1024 events");
    items = mem_realloc(out->items, (out->count + 1) * sizeof(*items));
    if (!items)
        return ST_NOMEM;
    out->items = items;
    items[out->count++] = *l;
    return ST_OK;
}

static enum status read_line(struct reading *r, struct slice line)
{
    struct label l = {.whole_day = false};
    struct slice rest = line, from, to;

    line = slice_trim(line);
    if (!line.len || line.at[0] == '#')
        return ST_OK;
    (void)slice_next(&rest, ',', &from);
    if (read_day(r, &l.from_us, from)) {
        l.whole_day = true;
        l.to_us = l.from_us + DAY_US - 1;
    } else if (!read_instant(r, &l.from_us, from)) {
        return r->line == 1 ? ST_OK
                            : complain(r, "legal are FROM,TO,NAME with times like "
                                          "2015-10-03 19:00:00, and DAY,NAME with days like "
                                          "2010-12-09");
    } else if (!slice_next(&rest, ',', &to) || !read_instant(r, &l.to_us, to)) {
        return complain(r, "the second column is no time like 2015-10-03 19:00:00");
    }
    if (l.to_us < l.from_us)
        return complain(r, "the event ends before it begins");
    rest = slice_trim(rest);
    snprintf(l.name, sizeof(l.name), "%.*s", (int)rest.len, rest.at ? rest.at : "");
    return add(r, &l);
}

static int by_time(const void *a, const void *b)
{
    const struct label *x = a, *y = b;

    return x->from_us < y->from_us ? -1 : x->from_us > y->from_us;
}

enum status labels_read(struct labels *out, const char *path, int64_t zone_us, char *err,
                        size_t err_size)
{
    bool mdy = strncmp(path, "mdy:", 4) == 0;
    struct reading r = {.out = out,
                        .path = mdy ? path + 4 : path,
                        .day = mdy ? "M/D/Y" : "Y-M-D",
                        .zone_us = zone_us,
                        .err = err,
                        .err_size = err_size};
    enum status st = ST_OK;
    char line[LINE_BYTES];
    FILE *f;

    *out = (struct labels){.items = NULL};
    f = fopen(r.path, "re");
    if (!f) {
        snprintf(err, err_size, "%s: %s", r.path, strerror(errno));
        return ST_IO;
    }
    while (st == ST_OK && fgets(line, sizeof(line), f)) {
        size_t len = strlen(line);
        bool bom = r.line == 0 && len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0;

        r.line++;
        if (len == sizeof(line) - 1 && line[len - 1] != '\n')
            st = complain(&r, "a line is longer than 510 bytes");
        else
            st = read_line(&r, slice_of(bom ? line + 3 : line));
    }
    fclose(f);
    if (out->count)
        qsort(out->items, out->count, sizeof(*out->items), by_time);
    return st;
}

void labels_free(struct labels *l)
{
    mem_free(l->items);
    *l = (struct labels){.items = NULL};
}
