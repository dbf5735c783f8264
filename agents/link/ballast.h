/* ballast - a file that only takes room, to be given back when the disk is full.
 *
 * On a full disk SQLite can neither add nor delete: both write to the log first. Without a reserve
 * an outbox on a full disk would never drain. */
#ifndef EOCBUS_LINK_BALLAST_H
#define EOCBUS_LINK_BALLAST_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/status.h"

struct ballast {
    int fd; /* -1 = not open */
    size_t size_bytes;
    bool held; /* the room is ours on disk */
};

/* Opens (makes) `path` and takes the room. ST_FULL: open, but there is no room now; ballast_take
 * may be tried again. ST_IO: errno. */
MUST_CHECK enum status ballast_open(struct ballast *b, const char *path, size_t size_bytes);
/* True when the room is held: it was, or could be taken now. */
bool ballast_take(struct ballast *b);
/* True if there was something to give back. */
bool ballast_release(struct ballast *b);
void ballast_close(struct ballast *b); /* the file stays, and keeps the room for the next start */

#endif
