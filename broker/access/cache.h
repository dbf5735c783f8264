/* cache - the principals as a broker keeps them on its disk, for a start while the database is
 * away. Pure: bytes in, bytes out; broker/keep.c has the file.
 *
 * The file is signed by the broker's own key, so that who can write into its folder can let nobody
 * in. keep.proto has the format. */
#ifndef EOCBUS_BROKER_ACCESS_CACHE_H
#define EOCBUS_BROKER_ACCESS_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "broker/access/access.h"
#include "proto/base/mem.h"
#include "proto/base/sign.h"

/* Head, room for the signature, and what is in force. ST_NOMEM. */
MUST_CHECK enum status cache_pack(struct buf *out, const struct access *a, const char *broker,
                                  int64_t as_of_us);
/* Fills in the signature. Takes no memory: may run beside the loop. */
void cache_seal(struct buf *file, const struct signer *s);

/* Puts what the file says in force, as kept (access.h). ST_INVALID: damaged, of another broker, or
 * of another version; `why` tells. ST_NOMEM. Nothing changed then. *as_of_us: when the database
 * said so. */
MUST_CHECK enum status cache_take(struct access *a, const struct buf *file,
                                  const uint8_t sign_key[KEY_BYTES], int64_t *as_of_us,
                                  const char **why);
/* Only remembers the revocations that stand in it: at every start, so that what the database forgot
 * meanwhile stays revoked. The same answers. */
MUST_CHECK enum status cache_remember(struct access *a, const struct buf *file,
                                      const uint8_t sign_key[KEY_BYTES], const char **why);

#endif
