/* seal - see seal.h */
#include "proto/base/seal.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

enum {
    BLOCK_BYTES = 512, /* a length says little of a family then */
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    FILE_BYTES = 1024,
};

static_assert(SEAL_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "XChaCha20-Poly1305");
static_assert(SEAL_KEY_BYTES == crypto_box_SECRETKEYBYTES, "X25519");
static_assert(SEAL_WRAPPED_BYTES == SEAL_KEY_BYTES + crypto_box_SEALBYTES, "a sealed key");
static_assert((int)SEAL_KEY_BYTES == (int)KEY_BYTES, "the keys of a key file");

struct seal_reader {
    unsigned char *secret; /* sodium_malloc: locked, between guard pages, left out of core dumps */
    uint8_t public[SEAL_KEY_BYTES], id[SEAL_ID_BYTES];
};

void seal_id_of(uint8_t id[SEAL_ID_BYTES], const uint8_t public_key[SEAL_KEY_BYTES])
{
    (void)crypto_generichash(id, SEAL_ID_BYTES, public_key, SEAL_KEY_BYTES, NULL, 0);
}

void seal_name_of(uint8_t name[SEAL_NAME_BYTES], const uint8_t key[SEAL_KEY_BYTES])
{
    (void)crypto_generichash(name, SEAL_NAME_BYTES, key, SEAL_KEY_BYTES, NULL, 0);
}

/* --- readers ---------------------------------------------------------------------------------- */

static enum status take_secret(struct seal_reader *r, const uint8_t secret[SEAL_KEY_BYTES])
{
    r->secret = sodium_malloc(SEAL_KEY_BYTES);
    if (!r->secret)
        return ST_NOMEM;
    memcpy(r->secret, secret, SEAL_KEY_BYTES);
    (void)sodium_mprotect_readonly(r->secret);
    if (crypto_scalarmult_base(r->public, r->secret) != 0)
        return ST_INVALID;
    seal_id_of(r->id, r->public);
    return ST_OK;
}

enum status seal_reader_of(struct seal_reader **out, const uint8_t secret[SEAL_KEY_BYTES])
{
    struct seal_reader *r;
    enum status st;

    if (sodium_init() < 0)
        return ST_IO;
    r = mem_zalloc(sizeof(*r));
    if (!r)
        return ST_NOMEM;
    st = take_secret(r, secret);
    if (st == ST_OK)
        *out = r;
    else
        seal_reader_destroy(r);
    return st;
}

enum status seal_reader_generate(struct seal_reader **out)
{
    uint8_t secret[SEAL_KEY_BYTES];
    enum status st;

    if (sodium_init() < 0)
        return ST_IO;
    randombytes_buf(secret, sizeof(secret));
    st = seal_reader_of(out, secret);
    sodium_memzero(secret, sizeof(secret));
    return st;
}

void seal_reader_destroy(struct seal_reader *r)
{
    if (!r)
        return;
    sodium_free(r->secret); /* wipes */
    mem_free(r);
}

const uint8_t *seal_reader_public(const struct seal_reader *r)
{
    return r->public;
}

const uint8_t *seal_reader_id(const struct seal_reader *r)
{
    return r->id;
}

void seal_reader_secret(const struct seal_reader *r, uint8_t out[SEAL_KEY_BYTES])
{
    memcpy(out, r->secret, SEAL_KEY_BYTES);
}

/* --- their files ------------------------------------------------------------------------------ */

enum status seal_reader_save(const struct seal_reader *r, const char *path, const char *name,
                             char *err, size_t err_size)
{
    char text[FILE_BYTES], public[KEY_Z85], secret[KEY_Z85], clean[65];
    enum status st;
    int n;

    keys_z85_encode(public, r->public);
    keys_z85_encode(secret, r->secret);
    keys_clean_name(clean, name);
    n = snprintf(text, sizeof(text),
                 "# eocbus seal key of %s - opens identities; secret, keep mode 0600\n"
                 "seal_public = %s\n"
                 "seal_secret = %s\n",
                 clean, public, secret);
    st = keys_write_file(path, text, (size_t)n, err, err_size);
    sodium_memzero(text, sizeof(text));
    sodium_memzero(secret, sizeof(secret));
    return st;
}

static enum status parse_pair(struct seal_reader **out, const char *text, const char *path,
                              char *err, size_t err_size)
{
    char public[KEY_Z85], secret_z85[KEY_Z85], derived[KEY_Z85];
    uint8_t secret[SEAL_KEY_BYTES];
    enum status st = ST_INVALID;

    if (!keys_find_value(public, text, "seal_public") ||
        !keys_find_value(secret_z85, text, "seal_secret") ||
        keys_z85_decode(secret, secret_z85) != ST_OK) {
        snprintf(err, err_size,
                 "%s is no seal key file: \"seal_public\" and \"seal_secret\" with 40 characters "
                 "Z85 each are expected; make one with: eocctl keygen --seal FILE",
                 path);
        return ST_INVALID;
    }
    st = seal_reader_of(out, secret);
    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(secret_z85, sizeof(secret_z85));
    if (st != ST_OK) {
        snprintf(err, err_size, "%s: no memory that can be locked", path);
        return st;
    }
    keys_z85_encode(derived, (*out)->public);
    if (strcmp(derived, public) == 0)
        return ST_OK;
    seal_reader_destroy(*out);
    *out = NULL;
    snprintf(err, err_size,
             "%s: the public and the secret half do not belong together; take the file from its "
             "backup, or recover the key from its shares with: eocctl escrow recover",
             path);
    return ST_INVALID;
}

enum status seal_reader_load(struct seal_reader **out, const char *path, char *err, size_t err_size)
{
    char text[FILE_BYTES];
    enum status st = keys_read_file(text, sizeof(text), path, err, err_size);

    if (st == ST_OK)
        st = parse_pair(out, text, path, err, err_size);
    sodium_memzero(text, sizeof(text));
    return st;
}

/* --- boxes ------------------------------------------------------------------------------------ */

/* Room for `len` bytes more, without leaving a copy of what stands there in freed memory. */
static unsigned char *make_room(struct buf *b, size_t len)
{
    unsigned char *data;

    if (b->len + len <= b->cap && b->data)
        return b->data + b->len;
    data = mem_alloc(b->len + len);
    if (!data)
        return NULL;
    if (b->data) {
        memcpy(data, b->data, b->len);
        sodium_memzero(b->data, b->cap);
    }
    mem_free(b->data);
    b->data = data;
    b->cap = b->len + len;
    return b->data + b->len;
}

static size_t padded_len(size_t len)
{
    return (len / BLOCK_BYTES + 1) * BLOCK_BYTES;
}

enum status seal_box(struct buf *out, uint8_t key[SEAL_KEY_BYTES], const void *clear, size_t len,
                     const void *about, size_t about_len)
{
    size_t padded = padded_len(len), sealed;
    unsigned char *at, *text;

    if (sodium_init() < 0)
        return ST_IO;
    at = make_room(out, NONCE_BYTES + padded + TAG_BYTES);
    if (!at)
        return ST_NOMEM;
    /* Encrypted where it stands, so that there is no second copy to wipe. */
    text = at + NONCE_BYTES;
    if (len)
        memcpy(text, clear, len);
    if (sodium_pad(&sealed, text, len, BLOCK_BYTES, padded) != 0)
        return ST_INVALID;
    randombytes_buf(key, SEAL_KEY_BYTES);
    randombytes_buf(at, NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(text, NULL, text, padded, about, about_len,
                                                     NULL, at, key);
    out->len += NONCE_BYTES + padded + TAG_BYTES;
    return ST_OK;
}

enum status seal_open(struct buf *out, const uint8_t key[SEAL_KEY_BYTES], const void *box,
                      size_t len, const void *about, size_t about_len)
{
    const unsigned char *from = box;
    unsigned long long got;
    unsigned char *at;
    size_t clear;

    if (sodium_init() < 0)
        return ST_IO;
    if (len < NONCE_BYTES + TAG_BYTES + BLOCK_BYTES)
        return ST_INVALID;
    at = make_room(out, len);
    if (!at)
        return ST_NOMEM;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(at, &got, NULL, from + NONCE_BYTES,
                                                   len - NONCE_BYTES, about, about_len, from,
                                                   key) != 0 ||
        sodium_unpad(&clear, at, (size_t)got, BLOCK_BYTES) != 0) {
        sodium_memzero(at, len);
        return ST_INVALID;
    }
    out->len += clear;
    return ST_OK;
}

enum status seal_wrap(uint8_t out[SEAL_WRAPPED_BYTES], const uint8_t public_key[SEAL_KEY_BYTES],
                      const uint8_t key[SEAL_KEY_BYTES])
{
    if (sodium_init() < 0)
        return ST_IO;
    return crypto_box_seal(out, key, SEAL_KEY_BYTES, public_key) == 0 ? ST_OK : ST_INVALID;
}

enum status seal_unwrap(uint8_t key[SEAL_KEY_BYTES], const struct seal_reader *r,
                        const uint8_t wrapped[SEAL_WRAPPED_BYTES])
{
    return crypto_box_seal_open(key, wrapped, SEAL_WRAPPED_BYTES, r->public, r->secret) == 0
               ? ST_OK
               : ST_INVALID;
}

void seal_mark(uint8_t mark[SEAL_NAME_BYTES], const struct seal_reader *r, const void *bytes,
               size_t len)
{
    (void)crypto_generichash(mark, SEAL_NAME_BYTES, bytes, len, r->secret, SEAL_KEY_BYTES);
}

void seal_wipe(struct buf *b)
{
    if (b->data)
        sodium_memzero(b->data, b->cap);
    buf_free(b);
}
