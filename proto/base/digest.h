/* digest - BLAKE2b-256, which names large things (BlobChunk.blob_hash). */
#ifndef EOCBUS_BASE_DIGEST_H
#define EOCBUS_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX = 2 * DIGEST_BYTES + 1 };

void digest_of(uint8_t out[DIGEST_BYTES], const void *bytes, size_t len);
/* The first `size` bytes of an open file, wherever it stands. ST_IO: it cannot be read, or has
 * fewer (errno tells, 0 = fewer). */
MUST_CHECK enum status digest_of_file(uint8_t out[DIGEST_BYTES], int fd, uint64_t size);
void digest_hex(char out[DIGEST_HEX], const uint8_t digest[DIGEST_BYTES]);

#endif
