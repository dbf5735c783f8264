/* obeyed - see obeyed.h. The file is a row of 40 bytes each: digest of sender and id, and until when,
 * as this machine writes numbers; nobody else reads it. */
#include "agents/link/obeyed.h"

#include <errno.h>
#include <string.h>

#include "proto/base/digest.h"
#include "proto/base/file.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

#define DAY_US INT64_C(86400000000)

struct row {
    uint8_t key[DIGEST_BYTES];
    int64_t until_us;
};

struct obeyed {
    char *path;
    struct row rows[OBEYED_MOST];
    size_t count;
};

static void read_rows(struct obeyed *o)
{
    struct buf file = {0};
    enum status st = file_read(o->path, &file, sizeof(o->rows));

    if (st == ST_OK && file.len % sizeof(struct row) == 0) {
        o->count = file.len / sizeof(struct row);
        memcpy(o->rows, file.data, file.len);
    } else if (st != ST_NOTFOUND) {
        log_warn("agent.obeyed.unread", "path=%s status=%s next=\"begun anew\"", o->path,
                 status_name(st));
    }
    buf_free(&file);
}

enum status obeyed_open(struct obeyed **out, const char *path)
{
    struct obeyed *o = mem_zalloc(sizeof(*o));

    if (!o)
        return ST_NOMEM;
    o->path = path ? mem_strdup(path) : NULL;
    if (path && !o->path) {
        mem_free(o);
        return ST_NOMEM;
    }
    if (path)
        read_rows(o);
    *out = o;
    return ST_OK;
}

void obeyed_close(struct obeyed *o)
{
    if (!o)
        return;
    mem_free(o->path);
    mem_free(o);
}

/* Those whose time is over go, and the oldest if there is no room. */
static void make_room(struct obeyed *o, int64_t utc_us)
{
    size_t kept = 0;

    for (size_t i = 0; i < o->count; i++)
        if (o->rows[i].until_us > utc_us)
            o->rows[kept++] = o->rows[i];
    o->count = kept;
    if (o->count == OBEYED_MOST)
        memmove(&o->rows[0], &o->rows[1], --o->count * sizeof(o->rows[0]));
}

enum status obeyed_take(struct obeyed *o, const char *sender, const uint8_t id[16],
                        int64_t until_us, int64_t utc_us)
{
    struct row row = {.until_us = until_us ? until_us : utc_us + DAY_US};
    struct sha256 hash;

    sha256_begin(&hash);
    sha256_add(&hash, id, 16);
    sha256_add(&hash, sender, strlen(sender));
    sha256_end(&hash, row.key);

    for (size_t i = 0; i < o->count; i++)
        if (memcmp(o->rows[i].key, row.key, sizeof(row.key)) == 0)
            return ST_EXISTS;
    make_room(o, utc_us);
    o->rows[o->count++] = row;
    if (o->path && file_replace(o->path, o->rows, o->count * sizeof(row)) != ST_OK)
        log_error("agent.obeyed.unsaved", "path=%s errno=%s next=\"kept in memory only\"", o->path,
                  strerror(errno));
    return ST_OK;
}
