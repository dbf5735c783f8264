/* blob_part - see blob_part.h
 *
 * One file: the whole's bytes, sparse, and behind them a record for each piece: where it begins,
 * how long it is, and a sum over that and its bytes. So one sync makes a piece and its record
 * durable in whatever order the disk writes them: a record whose sum does not fit what stands there
 * is none. */
#include "agents/link/blob_part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/link/rowsum.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum { RECORD = 24, PIECE_MOST = 65536 };
/* Records a file may have: a piece of its own for every 128 bytes, and some more. */
#define RECORD_SHARE 128u
#define RECORD_LEAST 1024u

struct range {
    uint64_t from, end;
};

struct blob_part {
    int fd;
    char *path;
    uint64_t total, have;
    uint64_t records;
    struct range *ranges; /* in order, not touching */
    size_t count, cap;
};

static uint64_t sum_of(uint64_t from, const void *data, size_t len)
{
    return rowsum_bytes(rowsum_number(rowsum_number(0, from), len), data, len);
}

static void put_number(uint8_t *to, uint64_t n)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(n >> 8 * i);
}

static uint64_t get_number(const uint8_t *from)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < 8; i++)
        n |= (uint64_t)from[i] << 8 * i;
    return n;
}

/* --- what is there ---------------------------------------------------------------------------- */

/* The first range that ends at or behind `at`. */
static size_t find_range(const struct blob_part *p, uint64_t at)
{
    size_t low = 0, high = p->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (p->ranges[middle].end < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool covers(const struct blob_part *p, uint64_t from, uint64_t end)
{
    size_t i = find_range(p, end);

    return i < p->count && p->ranges[i].from <= from;
}

static enum status make_room(struct blob_part *p)
{
    size_t cap = p->cap ? p->cap * 2 : 16;
    struct range *more;

    if (p->count < p->cap)
        return ST_OK;
    more = mem_realloc(p->ranges, cap * sizeof(*more));
    if (!more)
        return ST_NOMEM;
    p->ranges = more;
    p->cap = cap;
    return ST_OK;
}

/* Joins it with the ranges that it touches. There is room for one more. */
static void note_range(struct blob_part *p, uint64_t from, uint64_t end)
{
    size_t first = find_range(p, from), last = first;

    for (; last < p->count && p->ranges[last].from <= end; last++) {
        if (p->ranges[last].from < from)
            from = p->ranges[last].from;
        if (p->ranges[last].end > end)
            end = p->ranges[last].end;
        p->have -= p->ranges[last].end - p->ranges[last].from;
    }
    memmove(p->ranges + first + 1, p->ranges + last, (p->count - last) * sizeof(*p->ranges));
    p->ranges[first] = (struct range){from, end};
    p->count = p->count - (last - first) + 1;
    p->have += end - from;
}

/* --- the file --------------------------------------------------------------------------------- */

/* pread and pwrite of the whole. */
static bool read_all(int fd, void *data, size_t len, uint64_t at)
{
    ssize_t n;

    do
        n = pread(fd, data, len, (off_t)at);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)len;
}

static bool write_all(int fd, const void *data, size_t len, uint64_t at)
{
    const uint8_t *from = data;

    while (len > 0) {
        ssize_t n = pwrite(fd, from, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        from += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

static enum status read_record(struct blob_part *p, uint64_t n, uint8_t *piece)
{
    uint8_t record[RECORD];
    uint64_t from, len;

    if (!read_all(p->fd, record, RECORD, p->total + n * RECORD))
        return ST_IO;
    from = get_number(record);
    len = get_number(record + 8);
    if (len == 0 || len > PIECE_MOST || from > p->total || len > p->total - from ||
        !read_all(p->fd, piece, len, from) || sum_of(from, piece, len) != get_number(record + 16))
        return ST_OK; /* it did not come */
    if (make_room(p) != ST_OK)
        return ST_NOMEM;
    note_range(p, from, from + len);
    return ST_OK;
}

static enum status read_records(struct blob_part *p)
{
    struct stat at;
    uint8_t *piece = mem_alloc(PIECE_MOST);
    enum status st = piece ? ST_OK : ST_NOMEM;

    if (st == ST_OK && fstat(p->fd, &at) != 0)
        st = ST_IO;
    /* A torn last record is written over by the next one. */
    if (st == ST_OK && (uint64_t)at.st_size > p->total)
        p->records = ((uint64_t)at.st_size - p->total) / RECORD;
    for (uint64_t i = 0; i < p->records && st == ST_OK; i++)
        st = read_record(p, i, piece);
    mem_free(piece);
    return st;
}

enum status blob_part_open(struct blob_part **out, const char *path, uint64_t total)
{
    struct blob_part *p = mem_zalloc(sizeof(*p));
    enum status st = ST_OK;

    if (!p)
        return ST_NOMEM;
    p->total = total;
    p->path = mem_strdup(path);
    p->fd = p->path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (!p->path)
        st = ST_NOMEM;
    else if (p->fd < 0)
        st = errno == ENOSPC ? ST_FULL : ST_IO;
    if (st == ST_OK)
        st = read_records(p);
    if (st != ST_OK) {
        blob_part_close(p);
        return st;
    }
    *out = p;
    return ST_OK;
}

void blob_part_close(struct blob_part *p)
{
    if (!p)
        return;
    if (p->fd >= 0)
        close(p->fd);
    mem_free(p->ranges);
    mem_free(p->path);
    mem_free(p);
}

enum status blob_part_add(struct blob_part *p, uint64_t offset, const void *data, size_t len)
{
    uint8_t record[RECORD];

    if (len == 0 || len > PIECE_MOST || offset > p->total || len > p->total - offset)
        return ST_INVALID;
    if (covers(p, offset, offset + len))
        return ST_EXISTS;
    if (p->records >= p->total / RECORD_SHARE + RECORD_LEAST)
        return ST_INVALID;
    if (make_room(p) != ST_OK)
        return ST_NOMEM;
    put_number(record, offset);
    put_number(record + 8, len);
    put_number(record + 16, sum_of(offset, data, len));
    if (!write_all(p->fd, data, len, offset) ||
        !write_all(p->fd, record, RECORD, p->total + p->records * RECORD) || fdatasync(p->fd) != 0)
        return errno == ENOSPC || errno == EDQUOT ? ST_FULL : ST_IO;
    p->records++;
    note_range(p, offset, offset + len);
    return ST_OK;
}

uint64_t blob_part_have(const struct blob_part *p)
{
    return p->have;
}

bool blob_part_is_whole(const struct blob_part *p)
{
    return p->have == p->total;
}

enum status blob_part_fits(const struct blob_part *p, const uint8_t hash[DIGEST_BYTES], bool *fits)
{
    uint8_t found[DIGEST_BYTES];
    enum status st = digest_of_file(found, p->fd, p->total);

    *fits = st == ST_OK && memcmp(found, hash, DIGEST_BYTES) == 0;
    return st;
}

/* First the name: a file that is already cut short has lost the count of its pieces. */
enum status blob_part_finish(struct blob_part *p, const char *to)
{
    if (rename(p->path, to) != 0 || ftruncate(p->fd, (off_t)p->total) != 0 || fsync(p->fd) != 0)
        return ST_IO;
    return ST_OK;
}
