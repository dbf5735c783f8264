/* sign - Ed25519: a device's word for what it says, and whether a word is good.
 *
 * What is signed is `domain` followed by the bytes. A message's signature has the domain "": it is
 * over the content exactly (PROTOCOL.md 4). Everything else that is signed has a domain of its own,
 * which no Envelope begins with, so that one kind of signed thing can never be taken for another.
 */
#ifndef EOCBUS_BASE_SIGN_H
#define EOCBUS_BASE_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/keys.h"
#include "proto/base/status.h"

enum { SIGN_BYTES = 64 };

/* The secret half, in locked memory that no core dump holds. */
struct signer;

/* ST_NOTFOUND: the file has no signing pair. ST_NOMEM. `k` may be wiped afterwards. */
MUST_CHECK enum status signer_create(struct signer **out, const struct keys *k);
void signer_destroy(struct signer *s);                /* wipes; NULL is allowed */
const uint8_t *signer_public(const struct signer *s); /* KEY_BYTES */
/* Cannot fail with an empty domain, or with up to 4 KiB. Beyond that, without memory, `out` is all
 * zeros, which nobody believes. */
void signer_sign(const struct signer *s, uint8_t out[SIGN_BYTES], const char *domain,
                 const void *bytes, size_t len);

/* 50 us for a short message, 0.35 ms for 64 KiB; to sign costs 21 us and 0.5 ms (measured once, one
 * core of the machine this was written on). Keys of small order, for which one signature fits many
 * texts, are never good. */
bool sign_is_good(const uint8_t key[KEY_BYTES], const char *domain, const void *bytes, size_t len,
                  const uint8_t signature[SIGN_BYTES]);

#endif
