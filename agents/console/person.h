/* person - what the commands about people share: person.c has who may sign in, person_key.c the
 * keys that they approve orders with. Each answers -1 to go on, else an exit code; what was wrong
 * was said. */
#ifndef EOCBUS_CONSOLE_PERSON_H
#define EOCBUS_CONSOLE_PERSON_H

#include "agents/console/console.h"
#include "agents/console/people/keyring.h"

/* One line from standard input, without showing it when that is a terminal. Never from the command
 * line or the environment, where others may read it. */
bool person_read_secret(char out[PASSWORD_MOST + 2], const char *prompt);
/* EXIT_DONE, or says `err`. */
int person_report(struct console *c, enum status st, const char *err);

/* person key: FILE NULL makes a new one. An exit code. */
int person_key(struct console *c, const char *name, const char *file);
/* Opens the key of this person, if there is one, with the password of before, which is asked for.
 * An empty one stands for a password that is forgotten, and makes *lost true: drop the key when the
 * new password is kept. */
int person_unlock(struct console *c, const char *name, struct keys *out, bool *lost);
/* Locks it again; nothing to do if person_unlock found none. */
int person_lock(struct console *c, const char *name, const struct keys *k, const char *password);
int person_drop_key(struct console *c, const char *name); /* EXIT_DONE also if there is none */

#endif
