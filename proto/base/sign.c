/* sign - see sign.h */
#include "proto/base/sign.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum { SHORT_BYTES = 4096 };

struct signer {
    unsigned char *secret; /* sodium_malloc: locked, between guard pages, left out of core dumps */
    uint8_t public[KEY_BYTES];
};

static_assert((int)SIGN_BYTES == (int)crypto_sign_BYTES, "a signature of Ed25519");
static_assert((int)KEY_BYTES == (int)crypto_sign_SEEDBYTES, "its seed");
static_assert((int)KEY_BYTES == (int)crypto_sign_PUBLICKEYBYTES, "its public half");

/* The block is written once and can only be read afterwards. */
static enum status take_secret(struct signer *s, const uint8_t seed[KEY_BYTES])
{
    if (sodium_init() < 0)
        return ST_IO;
    s->secret = sodium_malloc(crypto_sign_SECRETKEYBYTES);
    if (!s->secret)
        return ST_NOMEM;
    (void)crypto_sign_seed_keypair(s->public, s->secret, seed); /* cannot fail */
    (void)sodium_mprotect_readonly(s->secret);
    return ST_OK;
}

enum status signer_create(struct signer **out, const struct keys *k)
{
    uint8_t seed[KEY_BYTES];
    struct signer *s;
    enum status st;

    if (keys_z85_decode(seed, k->sign_secret_z85) != ST_OK)
        return ST_NOTFOUND;
    s = mem_zalloc(sizeof(*s));
    st = s ? take_secret(s, seed) : ST_NOMEM;
    sodium_memzero(seed, sizeof(seed));
    if (st == ST_OK)
        *out = s;
    else
        mem_free(s);
    return st;
}

void signer_destroy(struct signer *s)
{
    if (!s)
        return;
    sodium_free(s->secret); /* wipes */
    mem_free(s);
}

const uint8_t *signer_public(const struct signer *s)
{
    return s->public;
}

/* Domain and bytes as one text; Ed25519 reads it twice, so it has to stand somewhere. NULL without
 * memory. */
static const uint8_t *join(uint8_t in_place[SHORT_BYTES], const char *domain, const void *bytes,
                           size_t len)
{
    size_t head = strlen(domain);
    uint8_t *text;

    if (!head)
        return len ? bytes : in_place;
    text = head + len <= SHORT_BYTES ? in_place : mem_alloc(head + len);
    if (!text)
        return NULL;
    for (size_t i = 0; i < head; i++)
        text[i] = (uint8_t)domain[i];
    if (len)
        memcpy(text + head, bytes, len);
    return text;
}

void signer_sign(const struct signer *s, uint8_t out[SIGN_BYTES], const char *domain,
                 const void *bytes, size_t len)
{
    uint8_t in_place[SHORT_BYTES];
    const uint8_t *text = join(in_place, domain, bytes, len);

    memset(out, 0, SIGN_BYTES);
    if (text)
        (void)crypto_sign_detached(out, NULL, text, strlen(domain) + len, s->secret);
    if (text != in_place && text != bytes)
        mem_free((void *)text);
}

bool sign_is_good(const uint8_t key[KEY_BYTES], const char *domain, const void *bytes, size_t len,
                  const uint8_t signature[SIGN_BYTES])
{
    uint8_t in_place[SHORT_BYTES];
    const uint8_t *text = join(in_place, domain, bytes, len);
    bool good = false;

    if (text)
        good = crypto_sign_verify_detached(signature, text, strlen(domain) + len, key) == 0;
    if (text != in_place && text != bytes)
        mem_free((void *)text);
    return good;
}
