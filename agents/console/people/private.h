/* private - small files about people that nobody else may read (mode 0600). */
#ifndef EOCBUS_CONSOLE_PRIVATE_H
#define EOCBUS_CONSOLE_PRIVATE_H

#include "proto/base/mem.h"

/* Fills `err` with "path: what" and returns st. */
enum status private_fail(char *err, size_t err_size, enum status st, const char *path,
                         const char *what);
/* The whole file, ended by NUL, into `out`, which the caller frees whatever comes back. ST_NOTFOUND
 * without a sentence: there is none. ST_DENIED: others may read it. ST_INVALID: more than that, or
 * no file. ST_IO, ST_NOMEM. */
MUST_CHECK enum status private_read(const char *path, struct buf *out, size_t most_bytes, char *err,
                                    size_t err_size);

#endif
