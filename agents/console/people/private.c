/* private - see private.h. */
#include "agents/console/people/private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/base/file.h"

#include "proto/base/banned.h"

enum status private_fail(char *err, size_t err_size, enum status st, const char *path,
                         const char *what)
{
    snprintf(err, err_size, "%s: %s", path, what);
    return st;
}

enum status private_read(const char *path, struct buf *out, size_t most_bytes, char *err,
                         size_t err_size)
{
    struct stat about;
    enum status st;

    if (stat(path, &about) != 0)
        return errno == ENOENT ? ST_NOTFOUND
                               : private_fail(err, err_size, ST_IO, path, strerror(errno));
    if (about.st_mode & 077)
        return private_fail(err, err_size, ST_DENIED, path,
                            "others may read it; say chmod 600 of it");
    st = file_read(path, out, most_bytes);
    if (st == ST_OK)
        buf_put(out, "", 1);
    if (st == ST_OK && out->failed)
        st = ST_NOMEM;
    return st == ST_OK ? st : private_fail(err, err_size, st, path, "cannot be read");
}
