/* people - who may sign in at the pages: a small file, one person a line.
 *
 *   # eocbus people - who may sign in; written by eocbus-console person
 *   coes.dushanbe.nazarov tg $argon2id$v=19$m=65536,t=2,p=1$...
 *
 * NAME is the person's own principal: what this person may say and hear is asked of the bus's rules
 * under that name; of what the console itself may not hear, the pages show nothing. The file (mode
 * 0600) is read anew for each question, so that who is removed, or has another password, is signed
 * out with the next one.
 */
#ifndef EOCBUS_CONSOLE_PEOPLE_H
#define EOCBUS_CONSOLE_PEOPLE_H

#include "proto/base/mem.h"
#include "proto/base/password.h"

enum { PERSON_NAME = 128, PEOPLE_MOST = 500 };

struct person {
    char name[PERSON_NAME];
    char lang[3]; /* "tg", "ru", "en" */
    char hash[PASSWORD_HASH];
};

/* ST_NOTFOUND: no such person (or no file yet). ST_DENIED: others may read the file. ST_INVALID: a
 * line that is none. `err` is a sentence. */
MUST_CHECK enum status people_find(const char *path, const char *name, struct person *out,
                                   char *err, size_t err_size);
/* Each in turn. The same results; no file is no person. */
MUST_CHECK enum status people_each(const char *path,
                                   void (*each)(void *arg, const struct person *p), void *arg,
                                   char *err, size_t err_size);
/* Adds, or replaces who has this name. ST_FULL: PEOPLE_MOST. ST_IO. */
MUST_CHECK enum status people_put(const char *path, const struct person *p, char *err,
                                  size_t err_size);
MUST_CHECK enum status people_remove(const char *path, const char *name, char *err,
                                     size_t err_size);

#endif
