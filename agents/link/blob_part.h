/* blob_part - a file that is not whole yet: pieces in any order and more than once, on disk as soon
 * as they are taken. */
#ifndef EOCBUS_LINK_BLOB_PART_H
#define EOCBUS_LINK_BLOB_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/digest.h"

struct blob_part;

/* Begins it, or goes on with what is there; pieces that a power cut left half written count as not
 * come. Of one `path` the total is always the same. ST_IO, ST_FULL, ST_NOMEM. */
MUST_CHECK enum status blob_part_open(struct blob_part **out, const char *path, uint64_t total);
void blob_part_close(struct blob_part *p); /* NULL is allowed */
/* ST_OK: on disk. ST_EXISTS: nothing new in it. ST_INVALID: outside of the whole, or one of so many
 * crumbs that keeping count of them would cost more than the file. ST_FULL, ST_IO: not taken, errno
 * tells. */
MUST_CHECK enum status blob_part_add(struct blob_part *p, uint64_t offset, const void *data,
                                     size_t len);
uint64_t blob_part_have(const struct blob_part *p); /* bytes */
bool blob_part_is_whole(const struct blob_part *p);
/* Does the whole fit its hash? ST_IO: it cannot be read. */
MUST_CHECK enum status blob_part_fits(const struct blob_part *p, const uint8_t hash[DIGEST_BYTES],
                                      bool *fits);
/* The whole becomes the file `to`. */
MUST_CHECK enum status blob_part_finish(struct blob_part *p, const char *to);

#endif
