#include "proto/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/banned.h"

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* Closes fd in any case; errno is that of the first thing that failed. */
static bool sync_and_close(int fd, bool ok)
{
    int why;

    ok = ok && fsync(fd) == 0;
    why = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        why = errno;
    }
    errno = why;
    return ok;
}

static bool sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int fd;

    snprintf(folder, sizeof(folder), "%.*s",
             slash == path ? 1
             : slash       ? (int)(slash - path)
                           : 1,
             slash ? path : ".");
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && sync_and_close(fd, true);
}

enum status file_replace(const char *path, const void *bytes, size_t len)
{
    char fresh[PATH_MAX];
    int fd, n = snprintf(fresh, sizeof(fresh), "%s.new", path);

    if (n < 0 || (size_t)n >= sizeof(fresh)) {
        errno = ENAMETOOLONG;
        return ST_IO;
    }
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return ST_IO;
    if (!sync_and_close(fd, write_all(fd, bytes, len)) || rename(fresh, path) != 0) {
        int why = errno;

        unlink(fresh);
        errno = why;
        return ST_IO;
    }
    return sync_folder(path) ? ST_OK : ST_IO;
}

static enum status read_all(int fd, struct buf *out, size_t most)
{
    struct stat file;
    ssize_t n;

    if (fstat(fd, &file) != 0)
        return ST_IO;
    if (!S_ISREG(file.st_mode) || file.st_size < 0 || (size_t)file.st_size > most)
        return ST_INVALID;
    mem_free(out->data);
    *out = (struct buf){.data = mem_alloc((size_t)file.st_size + 1)};
    if (!out->data)
        return ST_NOMEM;
    out->cap = (size_t)file.st_size + 1;
    while (out->len < out->cap) {
        n = read(fd, out->data + out->len, out->cap - out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? ST_IO : ST_OK;
        out->len += (size_t)n;
    }
    return ST_INVALID; /* it grew meanwhile */
}

enum status file_read(const char *path, struct buf *out, size_t most)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    enum status st;

    if (fd < 0)
        return errno == ENOENT ? ST_NOTFOUND : ST_IO;
    st = read_all(fd, out, most);
    close(fd);
    return st;
}
