/* json_input - see json_input.h. */
#include "agents/link/json_input.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proto/wire/json.h"

#include "proto/base/banned.h"

#define INPUT_MAX_BYTES (256u << 20) /* a typing mistake must not eat the machine */

static enum status read_all(struct buf *out, FILE *f, const char *path, char *err, size_t err_size)
{
    char chunk[16384];
    size_t n;

    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0 && out->len <= INPUT_MAX_BYTES)
        buf_put(out, chunk, n);
    if (ferror(f)) {
        snprintf(err, err_size, "%s cannot be read: %s", path, strerror(errno));
        return ST_IO;
    }
    if (out->len > INPUT_MAX_BYTES) {
        snprintf(err, err_size, "%s is larger than 256 MiB; split it", path);
        return ST_FULL;
    }
    buf_put(out, "", 1);
    if (out->failed) {
        snprintf(err, err_size, "out of memory while reading %s", path);
        return ST_NOMEM;
    }
    out->len--;
    return ST_OK;
}

enum status input_read(struct buf *out, const char *path, char *err, size_t err_size)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *f = is_stdin ? stdin : fopen(path, "re");
    enum status st;

    if (!f) {
        snprintf(err, err_size, "%s cannot be opened: %s", path, strerror(errno));
        return ST_IO;
    }
    st = read_all(out, f, is_stdin ? "standard input" : path, err, err_size);
    if (!is_stdin)
        fclose(f);
    return st;
}

static const char *end_of_line(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));

    return newline ? newline : end;
}

static bool is_blank(const char *at, const char *end)
{
    while (at < end && isspace((unsigned char)*at))
        at++;
    return at == end;
}

bool input_is_lines(const char *text, size_t len, struct arena *scratch)
{
    const char *end = text + len, *stop;
    ProtobufCMessage *m;
    char err[64];

    while (text < end && is_blank(text, end_of_line(text, end)))
        text = end_of_line(text, end) + 1;
    if (text >= end)
        return true;
    stop = end_of_line(text, end);
    while (stop > text && isspace((unsigned char)stop[-1]))
        stop--;
    if (is_blank(stop, end))
        return true;
    /* The first line is a whole object, right or wrong: then so are the others. */
    if (json_parse(&m, &eocbus__v1__envelope__descriptor, text, (size_t)(stop - text), scratch, err,
                   sizeof(err)) == ST_OK)
        return true;
    return *text == '{' && stop[-1] == '}' && stop - text > 2;
}

enum status input_next(Eocbus__V1__Envelope **m, const char **at, const char *end, bool lines,
                       unsigned *number, struct arena *arena, char *err, size_t err_size)
{
    const char *stop = end;
    ProtobufCMessage *parsed;
    char why[400];
    enum status st;

    do {
        if (*at >= end)
            return ST_NOTFOUND;
        stop = lines ? end_of_line(*at, end) : end;
        ++*number;
        if (!is_blank(*at, stop))
            break;
        *at = stop < end ? stop + 1 : end;
    } while (true);
    st = json_parse(&parsed, &eocbus__v1__envelope__descriptor, *at, (size_t)(stop - *at), arena,
                    why, sizeof(why));
    *at = stop < end ? stop + 1 : end;
    if (st == ST_OK)
        *m = (Eocbus__V1__Envelope *)parsed;
    else if (lines)
        snprintf(err, err_size, "line %u: %s", *number, why);
    else
        snprintf(err, err_size, "%s", why);
    return st;
}
