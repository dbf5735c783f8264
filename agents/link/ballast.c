/* ballast - see ballast.h */
#include "agents/link/ballast.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool holds_already(const struct ballast *b)
{
    struct stat at;

    /* st_blocks, not st_size: a sparse copy (cp, rsync -S) of the file would hold nothing. */
    return fstat(b->fd, &at) == 0 && (size_t)at.st_blocks * 512 >= b->size_bytes;
}

bool ballast_take(struct ballast *b)
{
    if (b->held || b->fd < 0)
        return b->held;
    if (!holds_already(b) && posix_fallocate(b->fd, 0, (off_t)b->size_bytes) != 0) {
        /* What a failed attempt got hold of would be missing elsewhere. */
        if (ftruncate(b->fd, 0) != 0)
            return false;
        return false;
    }
    b->held = true;
    return true;
}

enum status ballast_open(struct ballast *b, const char *path, size_t size_bytes)
{
    *b = (struct ballast){.size_bytes = size_bytes};
    b->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (b->fd < 0)
        return errno == ENOSPC ? ST_FULL : ST_IO;
    return ballast_take(b) ? ST_OK : ST_FULL;
}

bool ballast_release(struct ballast *b)
{
    if (!b->held)
        return false;
    b->held = false;
    return ftruncate(b->fd, 0) == 0;
}

void ballast_close(struct ballast *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
}
