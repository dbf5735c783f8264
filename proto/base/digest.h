/* digest - BLAKE2b-256, which names large things (BlobChunk.blob_hash), and SHA-256, which chains
 * the log: PostgreSQL computes it there. */
#ifndef EOCBUS_BASE_DIGEST_H
#define EOCBUS_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX = 2 * DIGEST_BYTES + 1 };

void digest_of(uint8_t out[DIGEST_BYTES], const void *bytes, size_t len);
/* The same with a key (16..64 bytes): only who has it can make it. */
void digest_keyed(uint8_t out[DIGEST_BYTES], const void *key, size_t key_len, const void *bytes,
                  size_t len);
/* The first `size` bytes of an open file, wherever it stands. ST_IO: it cannot be read, or has
 * fewer (errno tells, 0 = fewer). */
MUST_CHECK enum status digest_of_file(uint8_t out[DIGEST_BYTES], int fd, uint64_t size);
/* SHA-256, as the bytes come. */
struct sha256 {
    _Alignas(16) unsigned char state[128];
};
void sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *bytes, size_t len);
void sha256_end(struct sha256 *s, uint8_t out[DIGEST_BYTES]);

void digest_hex(char out[DIGEST_HEX], const uint8_t digest[DIGEST_BYTES]);

#endif
