/* locked - a secret of 32 bytes that only a password opens, as a word that may stand in a file.
 *
 *   locked-1:<salt, 32 hexadecimal digits>:<box, 144>
 *
 * The password becomes a key by Argon2id (RFC 9106, 64 MiB, two passes, as password.h has it: who
 * has both files guesses no faster with this one); the box is XChaCha20-Poly1305, a nonce of 24
 * bytes first, bound to `about`, so that it opens nobody else's. Takes a tenth of a second by
 * design: use loop_work. */
#ifndef EOCBUS_BASE_LOCKED_H
#define EOCBUS_BASE_LOCKED_H

#include <stdint.h>

#include "proto/base/status.h"

enum { LOCKED_BYTES = 32, LOCKED_TEXT = 200 };

/* ST_NOMEM; ST_IO: no random numbers. */
MUST_CHECK enum status locked_make(char out[LOCKED_TEXT], const uint8_t secret[LOCKED_BYTES],
                                   const char *password, const char *about);
/* ST_DENIED: another password, another `about`, or damage inside the box, which nobody can tell
 * apart. ST_INVALID: no such word. ST_NOMEM. The secret is the caller's to wipe. */
MUST_CHECK enum status locked_open(uint8_t secret[LOCKED_BYTES], const char *text,
                                   const char *password, const char *about);

#endif
