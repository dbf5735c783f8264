/* officers - the enrolment officers whose keys are pinned, and the file they stand in.
 *
 *   # eocbus enrolment officers
 *   needed = 2
 *   coes.officer.karimov <40 characters Z85, sign_public of the officer's key file>
 *   mia.officer.rahimova <40 characters Z85>
 *
 * Every broker and agent has its own copy, carried there by people: whoever could change it from
 * afar could invent principals. So a file that others than its owner may write is refused. */
#ifndef EOCBUS_BASE_OFFICERS_H
#define EOCBUS_BASE_OFFICERS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/keys.h"
#include "proto/base/status.h"

enum { OFFICERS_MOST = 16, OFFICER_NAME = 65 };

struct officer {
    char name[OFFICER_NAME];
    uint8_t key[KEY_BYTES]; /* Ed25519 */
};

struct officers {
    unsigned count, needed; /* at least 2, at most count; count 0 = nobody is pinned */
    struct officer row[OFFICERS_MOST];
};

/* ST_NOTFOUND, ST_DENIED (others may write it), ST_INVALID (also fewer officers than needed, one
 * name or key twice); `err` is a sentence. */
MUST_CHECK enum status officers_load(struct officers *out, const char *path, char *err,
                                     size_t err_size);
/* The text of such a file; `where` is for the sentence. */
MUST_CHECK enum status officers_parse(struct officers *out, const char *text, const char *where,
                                      char *err, size_t err_size);
/* NULL: no officer of that name; of that key. */
const struct officer *officers_find(const struct officers *o, const char *name);
const struct officer *officers_find_key(const struct officers *o, const uint8_t key[KEY_BYTES]);

#endif
