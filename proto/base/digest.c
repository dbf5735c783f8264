/* digest - see digest.h */
#include "proto/base/digest.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "proto/base/banned.h"

enum { PIECE = 65536 };

void digest_of(uint8_t out[DIGEST_BYTES], const void *bytes, size_t len)
{
    /* Fails only for lengths that are not ours. */
    (void)crypto_generichash(out, DIGEST_BYTES, bytes, len, NULL, 0);
}

void digest_keyed(uint8_t out[DIGEST_BYTES], const void *key, size_t key_len, const void *bytes,
                  size_t len)
{
    (void)crypto_generichash(out, DIGEST_BYTES, bytes, len, key, key_len);
}

enum status digest_of_file(uint8_t out[DIGEST_BYTES], int fd, uint64_t size)
{
    crypto_generichash_state state;
    unsigned char piece[PIECE];

    (void)crypto_generichash_init(&state, NULL, 0, DIGEST_BYTES);
    for (uint64_t at = 0; at < size;) {
        size_t want = size - at < PIECE ? (size_t)(size - at) : PIECE;
        ssize_t got = pread(fd, piece, want, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = 0;
        if (got <= 0)
            return ST_IO;
        (void)crypto_generichash_update(&state, piece, (unsigned long long)got);
        at += (uint64_t)got;
    }
    (void)crypto_generichash_final(&state, out, DIGEST_BYTES);
    return ST_OK;
}

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct sha256), "it has room there");

static crypto_hash_sha256_state *state_of(struct sha256 *s)
{
    return (crypto_hash_sha256_state *)(void *)s->state;
}

void sha256_begin(struct sha256 *s)
{
    (void)crypto_hash_sha256_init(state_of(s));
}

void sha256_add(struct sha256 *s, const void *bytes, size_t len)
{
    (void)crypto_hash_sha256_update(state_of(s), bytes, (unsigned long long)len);
}

void sha256_end(struct sha256 *s, uint8_t out[DIGEST_BYTES])
{
    (void)crypto_hash_sha256_final(state_of(s), out);
}

void digest_hex(char out[DIGEST_HEX], const uint8_t digest[DIGEST_BYTES])
{
    for (unsigned i = 0; i < DIGEST_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}
