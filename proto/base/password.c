/* password - see password.h. */
#include "proto/base/password.h"

#include <sodium.h>
#include <string.h>

#include "proto/base/banned.h"

_Static_assert(PASSWORD_HASH >= crypto_pwhash_STRBYTES, "room for what libsodium writes");

enum status password_hash(char out[PASSWORD_HASH], const char *password)
{
    size_t len = strlen(password);

    if (len < PASSWORD_LEAST || len > PASSWORD_MOST)
        return ST_INVALID;
    if (sodium_init() < 0 ||
        crypto_pwhash_str_alg(out, password, len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                              crypto_pwhash_MEMLIMIT_INTERACTIVE,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        return ST_NOMEM;
    return ST_OK;
}

bool password_is(const char *hash, const char *password)
{
    size_t len = strlen(password);

    return len <= PASSWORD_MOST && sodium_init() >= 0 &&
           crypto_pwhash_str_verify(hash, password, len) == 0;
}

/* Of 32 random bytes that nobody kept; the costs are those of password_hash. */
const char *password_nobody(void)
{
    return "$argon2id$v=19$m=65536,t=2,p=1$xwEEk8AfGSEyWa1dnsGYhg$IpaqzZF6Gnnt+"
           "lh5SC15HWySA2FijllmKvM+ii4n5wk";
}

void password_wipe(char *text, size_t size)
{
    if (text)
        sodium_memzero(text, size);
}
