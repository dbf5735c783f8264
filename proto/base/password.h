/* password - what is kept of a password: an Argon2id hash (RFC 9106) with its own salt and costs,
 * as libsodium writes it ("$argon2id$v=19$m=65536,t=2,p=1$..."). Takes 64 MiB and about a tenth of
 * a second by design: use loop_work. */
#ifndef EOCBUS_BASE_PASSWORD_H
#define EOCBUS_BASE_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/status.h"

enum { PASSWORD_HASH = 128, PASSWORD_LEAST = 10, PASSWORD_MOST = 200 };

/* ST_INVALID: too short or too long, in bytes. ST_NOMEM. */
MUST_CHECK enum status password_hash(char out[PASSWORD_HASH], const char *password);
/* False also for a hash that is none; takes as long for everybody, so that nobody learns from the
 * time which names there are: give password_nobody() as the hash of an unknown name. */
bool password_is(const char *hash, const char *password);
const char *password_nobody(void);
/* Wipes a text that held one; NULL is allowed. */
void password_wipe(char *text, size_t size);

#endif
