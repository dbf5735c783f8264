/* keyring - keys with which people at the pages approve orders to machines: a small file beside
 * that of people.h ("PEOPLE.keys", mode 0600), one person a line.
 *
 *   # eocbus keys - what people sign approvals with; written by eocbus-console person key
 *   coes.dushanbe.nazarov <40 characters Z85, the public half> locked-1:...
 *
 * Nobody opens one without that person's password (proto/base/locked.h), neither we nor who copies
 * the file; it is open for one signature at a time. Who may sign is not said here: the public half
 * is enrolled under that name as any other key. */
#ifndef EOCBUS_CONSOLE_KEYRING_H
#define EOCBUS_CONSOLE_KEYRING_H

#include "agents/console/people/people.h"
#include "proto/base/keys.h"
#include "proto/base/locked.h"

struct person_key {
    char name[PERSON_NAME];
    char sign_public_z85[KEY_Z85];
    char locked[LOCKED_TEXT];
};

/* The path of the keys of this people file. */
void keyring_path(char *out, size_t size, const char *people);
/* ST_NOTFOUND: this person has none (or there is no file yet). ST_DENIED: others may read the file.
 * ST_INVALID: this person's line is damaged. `err` is a sentence. */
MUST_CHECK enum status keyring_find(const char *path, const char *name, struct person_key *out,
                                    char *err, size_t err_size);
/* Adds, or takes the place of the one of this name. ST_FULL, ST_IO. */
MUST_CHECK enum status keyring_put(const char *path, const struct person_key *k, char *err,
                                   size_t err_size);
/* ST_NOTFOUND. */
MUST_CHECK enum status keyring_remove(const char *path, const char *name, char *err,
                                      size_t err_size);

/* The signing half of `k`, locked for this person. ST_NOTFOUND: it has none. A tenth of a second
 * each, as locked.h has it. */
MUST_CHECK enum status keyring_lock(struct person_key *out, const char *name, const struct keys *k,
                                    const char *password);
/* Only the signing pair, for signer_create; keys_wipe it. ST_DENIED: another password, another
 * person's line, or damage. */
MUST_CHECK enum status keyring_open(struct keys *out, const struct person_key *k,
                                    const char *password);

#endif
