/* file - a small file that is there whole or not at all, whatever happens to the machine. Blocks:
 * for the start, or beside the loop (loop_work). */
#ifndef EOCBUS_BASE_FILE_H
#define EOCBUS_BASE_FILE_H

#include <stddef.h>

#include "proto/base/mem.h"
#include "proto/base/status.h"

/* Writes "PATH.new" (mode 0600), syncs it, renames it over `path`, syncs the folder. ST_IO: errno
 * tells; what stood there before still does, unless it was the folder that could not be synced. */
MUST_CHECK enum status file_replace(const char *path, const void *bytes, size_t len);
/* ST_NOTFOUND; ST_INVALID: more than `most` bytes, or no file; ST_IO: errno; ST_NOMEM. */
MUST_CHECK enum status file_read(const char *path, struct buf *out, size_t most);

#endif
