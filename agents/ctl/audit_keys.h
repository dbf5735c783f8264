/* audit_keys - signing keys of principals, for looking at what they signed. */
#ifndef EOCBUS_CTL_AUDIT_KEYS_H
#define EOCBUS_CTL_AUDIT_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agents/ctl/db.h"
#include "proto/base/keys.h"

struct audit_key {
    char name[65];
    uint8_t key[KEY_BYTES]; /* Ed25519 */
};
/* Every key that the database has, revoked ones too: what they signed before stays. With a file of
 * officers (NULL, "" = none) only those in records that enough of them signed: then nobody who can
 * write into the database can put one in. `out`: struct audit_key, one behind the other; the
 * caller's to free. On failure `err` is a sentence. */
MUST_CHECK enum status audit_keys_load(struct buf *out, struct db *d, const char *officers_file,
                                       char *err, size_t err_size);

enum audit_word { WORD_GOOD, WORD_BAD, WORD_NOBODY }; /* NOBODY: no key of that name is known */
/* Is this signature (64 bytes) of one of the keys of `name`? */
enum audit_word audit_keys_judge(const struct buf *keys, const char *name, size_t name_len,
                                 const void *content, size_t len, const uint8_t *signature);

#endif
