/* said - see said.h. A ring of rows of 64 bytes; a row that a crash tore fails its check and is
 * free. */
#include "agents/console/say/said.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/digest.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

struct row {
    uint64_t number; /* 1, 2, 3 ... as they were said; 0 = free */
    uint8_t id[SAID_ID], digest[SAID_DIGEST];
    uint64_t check; /* of the others */
};
_Static_assert(sizeof(struct row) == 64, "rows stand in a file");

struct said {
    int fd; /* -1: no file */
    size_t most;
    uint64_t last;
    struct row rows[];
};

static uint64_t check_of(const struct row *r)
{
    uint8_t digest[DIGEST_BYTES];
    uint64_t check;

    digest_of(digest, r, offsetof(struct row, check));
    memcpy(&check, digest, sizeof(check));
    return check;
}

static enum status write_row(struct said *s, const struct row *r)
{
    const off_t at = (off_t)(r - s->rows) * (off_t)sizeof(*r);

    if (s->fd < 0 || pwrite(s->fd, r, sizeof(*r), at) != (ssize_t)sizeof(*r) ||
        fdatasync(s->fd) != 0)
        return ST_IO;
    return ST_OK;
}

static void read_rows(struct said *s)
{
    char *to = (char *)s->rows;
    size_t len = 0;
    ssize_t got;

    while (len < s->most * sizeof(*s->rows) &&
           (got = pread(s->fd, to + len, s->most * sizeof(*s->rows) - len, (off_t)len)) > 0)
        len += (size_t)got;
    for (size_t i = 0; i < s->most; i++) {
        struct row *r = &s->rows[i];

        if (r->number && r->check != check_of(r))
            *r = (struct row){0};
        s->last = r->number > s->last ? r->number : s->last;
    }
}

enum status said_create(struct said **out, const char *path, size_t most)
{
    struct said *s = mem_zalloc(sizeof(*s) + most * sizeof(*s->rows));

    if (!s)
        return ST_NOMEM;
    s->most = most;
    s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->fd >= 0)
        read_rows(s);
    *out = s;
    return s->fd >= 0 ? ST_OK : ST_IO;
}

void said_destroy(struct said *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    mem_free(s);
}

static size_t place_of(const struct said *s, const uint8_t id[SAID_ID])
{
    for (size_t i = 0; i < s->most; i++)
        if (s->rows[i].number && memcmp(s->rows[i].id, id, SAID_ID) == 0)
            return i;
    return s->most;
}

enum said_before said_find(const struct said *s, const uint8_t id[SAID_ID],
                           const uint8_t digest[SAID_DIGEST])
{
    const size_t at = place_of(s, id);

    if (at == s->most)
        return SAID_UNKNOWN;
    return memcmp(s->rows[at].digest, digest, SAID_DIGEST) == 0 ? SAID_SAME : SAID_OTHER;
}

enum status said_keep(struct said *s, const uint8_t id[SAID_ID], const uint8_t digest[SAID_DIGEST])
{
    const size_t known = place_of(s, id);
    struct row *r = &s->rows[known < s->most ? known : s->last % s->most];

    r->number = ++s->last;
    memcpy(r->id, id, SAID_ID);
    memcpy(r->digest, digest, SAID_DIGEST);
    r->check = check_of(r);
    return write_row(s, r);
}

void said_drop(struct said *s, const uint8_t id[SAID_ID])
{
    const size_t at = place_of(s, id);

    if (at == s->most)
        return;
    s->rows[at] = (struct row){0};
    (void)write_row(s, &s->rows[at]); /* on a disk that fails it stays, and harms nobody: the
                                         outbox does not know the id */
}
