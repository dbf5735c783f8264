/* shares - a secret of 32 bytes split among n officers, so that any m of them have it together and
 * m - 1 know nothing of it (Shamir's secret sharing, libgfshare).
 *
 * A share's file, mode 0600:
 *
 *   # eocbus share 2 of 5 (any 3 recover the key) - secret, keep mode 0600
 *   seal_public = <40 characters Z85>: of the key that is shared
 *   needed = 3
 *   number = 2
 *   share = <40 characters Z85>
 */
#ifndef EOCBUS_BASE_SHARES_H
#define EOCBUS_BASE_SHARES_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/keys.h"
#include "proto/base/status.h"

enum { SHARE_BYTES = 32, SHARES_MOST = 32 };

struct share {
    char key_z85[KEY_Z85]; /* public half of what is shared */
    unsigned needed, count, number;
    uint8_t bytes[SHARE_BYTES];
};

/* Fills in out[0..count-1]. ST_INVALID: not 2 <= needed <= count <= SHARES_MOST. Wipe them. */
MUST_CHECK enum status shares_make(struct share *out, unsigned count, unsigned needed,
                                   const uint8_t secret[SHARE_BYTES], const char key_z85[KEY_Z85]);
/* What these shares give together. ST_INVALID: too few, one twice, or of different keys; that they
 * are right is seen when the public half fits. */
MUST_CHECK enum status shares_join(uint8_t secret[SHARE_BYTES], const struct share *shares,
                                   unsigned count, char *err, size_t err_size);
MUST_CHECK enum status share_save(const struct share *s, const char *path, char *err,
                                  size_t err_size);
MUST_CHECK enum status share_load(struct share *out, const char *path, char *err, size_t err_size);

#endif
