/* locked - see locked.h. */
#include "proto/base/locked.h"

#include <assert.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

enum {
    SALT_BYTES = crypto_pwhash_SALTBYTES,
    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    BOX_BYTES = NONCE_BYTES + LOCKED_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
    WRAP_BYTES = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
};

static const char head[] = "locked-1:";

static_assert(sizeof(head) + 2 * SALT_BYTES + 1 + 2 * BOX_BYTES <= LOCKED_TEXT, "room for it");

static enum status wrap_key(uint8_t out[WRAP_BYTES], const char *password,
                            const uint8_t salt[SALT_BYTES])
{
    return crypto_pwhash(out, WRAP_BYTES, password, strlen(password), salt,
                         crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE,
                         crypto_pwhash_ALG_ARGON2ID13) == 0
               ? ST_OK
               : ST_NOMEM;
}

static void put_word(char out[LOCKED_TEXT], const uint8_t salt[SALT_BYTES],
                     const uint8_t box[BOX_BYTES])
{
    char salt_hex[2 * SALT_BYTES + 1], box_hex[2 * BOX_BYTES + 1];

    (void)sodium_bin2hex(salt_hex, sizeof(salt_hex), salt, SALT_BYTES);
    (void)sodium_bin2hex(box_hex, sizeof(box_hex), box, BOX_BYTES);
    snprintf(out, LOCKED_TEXT, "%s%s:%s", head, salt_hex, box_hex);
}

enum status locked_make(char out[LOCKED_TEXT], const uint8_t secret[LOCKED_BYTES],
                        const char *password, const char *about)
{
    uint8_t salt[SALT_BYTES], wrap[WRAP_BYTES], box[BOX_BYTES];
    enum status st;

    if (sodium_init() < 0)
        return ST_IO;
    randombytes_buf(salt, sizeof(salt));
    randombytes_buf(box, NONCE_BYTES);
    st = wrap_key(wrap, password, salt);
    if (st != ST_OK)
        return st;
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(box + NONCE_BYTES, NULL, secret, LOCKED_BYTES,
                                                     (const unsigned char *)about, strlen(about),
                                                     NULL, box, wrap); /* cannot fail */
    sodium_memzero(wrap, sizeof(wrap));
    put_word(out, salt, box);
    return ST_OK;
}

static bool take_hex(const char **text, uint8_t *out, size_t len)
{
    size_t got;
    const char *end;

    if (strlen(*text) < 2 * len ||
        sodium_hex2bin(out, len, *text, 2 * len, NULL, &got, &end) != 0 || got != len)
        return false;
    *text = end;
    return true;
}

static bool take_word(const char *text, uint8_t salt[SALT_BYTES], uint8_t box[BOX_BYTES])
{
    if (strncmp(text, head, strlen(head)) != 0)
        return false;
    text += strlen(head);
    return take_hex(&text, salt, SALT_BYTES) && *text++ == ':' && take_hex(&text, box, BOX_BYTES) &&
           !*text;
}

enum status locked_open(uint8_t secret[LOCKED_BYTES], const char *text, const char *password,
                        const char *about)
{
    uint8_t salt[SALT_BYTES], wrap[WRAP_BYTES], box[BOX_BYTES];
    enum status st;

    if (sodium_init() < 0)
        return ST_IO;
    if (!take_word(text, salt, box))
        return ST_INVALID;
    st = wrap_key(wrap, password, salt);
    if (st == ST_OK && crypto_aead_xchacha20poly1305_ietf_decrypt(
                           secret, NULL, NULL, box + NONCE_BYTES, BOX_BYTES - NONCE_BYTES,
                           (const unsigned char *)about, strlen(about), box, wrap) != 0)
        st = ST_DENIED;
    sodium_memzero(wrap, sizeof(wrap));
    return st;
}
