/* keys - a device's key pairs and the file they live in: CURVE, which opens the door, and Ed25519,
 * which signs what it says (sign.h).
 *
 * A key file is text, mode 0600 and owned by the reader; anything wider is refused, because a key
 * that others could read is not a key:
 *
 *   # eocbus key of coes.ayni.office - secret, keep mode 0600
 *   public = <40 characters Z85>
 *   secret = <40 characters Z85>
 *   sign_public = <40 characters Z85>
 *   sign_secret = <40 characters Z85>: the seed, 32 bytes
 *
 * A file without the last two lines is legal: it is of a device that does not sign. */
#ifndef EOCBUS_BASE_KEYS_H
#define EOCBUS_BASE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

enum { KEY_Z85 = 41, KEY_BYTES = 32 };

struct keys {
    char public_z85[KEY_Z85];
    char secret_z85[KEY_Z85];
    char sign_public_z85[KEY_Z85]; /* "" = the device does not sign; then both are */
    char sign_secret_z85[KEY_Z85];
};

/* Both pairs. */
MUST_CHECK enum status keys_generate(struct keys *out);
/* Written to a temporary file, synced, renamed. ST_EXISTS: never overwrites. `err` is a sentence.
 */
MUST_CHECK enum status keys_save(const struct keys *k, const char *path, const char *name,
                                 char *err, size_t err_size);
/* ST_NOTFOUND, ST_DENIED (mode or owner), ST_INVALID; `err` says what to do next. */
MUST_CHECK enum status keys_load(struct keys *out, const char *path, char *err, size_t err_size);
/* For one that is kept: never written to swap. Forgotten with keys_wipe. Best effort: a process may
 * lock a few pages only. */
void keys_hold(struct keys *k);
void keys_wipe(struct keys *k);
bool keys_z85_is_valid(const char *z85);
MUST_CHECK enum status keys_z85_decode(uint8_t out[KEY_BYTES], const char *z85);
void keys_z85_encode(char out[KEY_Z85], const uint8_t key[KEY_BYTES]);

/* For other files with secrets in them (seal.h, shares.h), under the same rules. */
MUST_CHECK enum status keys_write_file(const char *path, const char *text, size_t len, char *err,
                                       size_t err_size);
/* NUL-terminated; wipe it. ST_INVALID: it does not fit, so it is another file. */
MUST_CHECK enum status keys_read_file(char *text, size_t size, const char *path, char *err,
                                      size_t err_size);
/* What stands behind "name =" on a line of its own, up to whatever comes; NULL: no such line. */
const char *keys_value(const char *text, const char *name);
/* The same, if it is a key. */
bool keys_find_value(char out[KEY_Z85], const char *text, const char *name);
/* A name is for people; a newline in it would be a line of its own in the file. */
enum { KEYS_NAME = 65 };
void keys_clean_name(char out[KEYS_NAME], const char *name);

#endif
