/* seal - boxes that only chosen readers open: what is inside is encrypted under a key of the box's
 * own, and that key is wrapped once for each reader.
 *
 * A reader's seal key file is text like a device's key file, of its own, mode 0600; the header says
 * what it is:
 *
 *   # eocbus seal key of coes.ayni.registry - opens identities; secret, keep mode 0600
 *   seal_public = <40 characters Z85>
 *   seal_secret = <40 characters Z85>
 *
 * Box: XChaCha20-Poly1305, nonce of 24 bytes first, the clear text padded to a multiple of 512
 * bytes (ISO 7816-4). Wrapped key: libsodium's crypto_box_seal of the 32 bytes. */
#ifndef EOCBUS_BASE_SEAL_H
#define EOCBUS_BASE_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/keys.h"
#include "proto/base/mem.h"
#include "proto/base/status.h"

enum {
    SEAL_KEY_BYTES = 32,     /* of a box, and either half of a reader's pair */
    SEAL_ID_BYTES = 32,      /* names a reader's key: BLAKE2b-256 of its public half */
    SEAL_NAME_BYTES = 16,    /* names the key of a box */
    SEAL_WRAPPED_BYTES = 80, /* the key of a box, for one reader */
};

/* One reader's pair, the secret half in locked memory that no core dump holds. */
struct seal_reader;

MUST_CHECK enum status seal_reader_generate(struct seal_reader **out);
/* The pair that belongs to a secret, from wherever that came. */
MUST_CHECK enum status seal_reader_of(struct seal_reader **out,
                                      const uint8_t secret[SEAL_KEY_BYTES]);
/* ST_NOTFOUND, ST_DENIED (mode or owner), ST_INVALID; `err` says what to do next. */
MUST_CHECK enum status seal_reader_load(struct seal_reader **out, const char *path, char *err,
                                        size_t err_size);
/* ST_EXISTS: never overwrites. */
MUST_CHECK enum status seal_reader_save(const struct seal_reader *r, const char *path,
                                        const char *name, char *err, size_t err_size);
void seal_reader_destroy(struct seal_reader *r); /* wipes; NULL is allowed */
const uint8_t *seal_reader_public(const struct seal_reader *r);
const uint8_t *seal_reader_id(const struct seal_reader *r); /* SEAL_ID_BYTES */
/* For splitting it among officers; wipe it. */
void seal_reader_secret(const struct seal_reader *r, uint8_t out[SEAL_KEY_BYTES]);

void seal_id_of(uint8_t id[SEAL_ID_BYTES], const uint8_t public_key[SEAL_KEY_BYTES]);
void seal_name_of(uint8_t name[SEAL_NAME_BYTES], const uint8_t key[SEAL_KEY_BYTES]);

/* Seals `clear` under a fresh key, bound to `about` (who it is about; must be the same to open it).
 * Appends the box to *out. The key is the caller's to wrap and to wipe. */
MUST_CHECK enum status seal_box(struct buf *out, uint8_t key[SEAL_KEY_BYTES], const void *clear,
                                size_t len, const void *about, size_t about_len);
/* Appends what is inside to *out, which is the caller's to wipe (seal_wipe). ST_INVALID: another
 * key, another `about`, or damage. */
MUST_CHECK enum status seal_open(struct buf *out, const uint8_t key[SEAL_KEY_BYTES],
                                 const void *box, size_t len, const void *about, size_t about_len);
/* ST_INVALID: a public key that is none. */
MUST_CHECK enum status seal_wrap(uint8_t out[SEAL_WRAPPED_BYTES],
                                 const uint8_t public_key[SEAL_KEY_BYTES],
                                 const uint8_t key[SEAL_KEY_BYTES]);
/* ST_INVALID: it was wrapped for somebody else, or damaged. */
MUST_CHECK enum status seal_unwrap(uint8_t key[SEAL_KEY_BYTES], const struct seal_reader *r,
                                   const uint8_t wrapped[SEAL_WRAPPED_BYTES]);
/* A mark that only this reader can make of these bytes: the same again, and telling nothing of them
 * to who has not the secret. */
void seal_mark(uint8_t mark[SEAL_NAME_BYTES], const struct seal_reader *r, const void *bytes,
               size_t len);
/* Wipes and frees a buffer that held what is inside a box. */
void seal_wipe(struct buf *b);

#endif
