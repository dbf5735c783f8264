/* login - signing in and out, and who is signed in. At most one password is tried at a time. */
#ifndef EOCBUS_CONSOLE_LOGIN_H
#define EOCBUS_CONSOLE_LOGIN_H

#include "agents/console/console.h"
#include "proto/base/keys.h"

MUST_CHECK enum status logins_create(struct logins **out, struct console *c);
void logins_destroy(struct logins *l); /* NULL is allowed */
void login_begin(struct console *c, struct exchange *x);
void login_gone(struct console *c, struct exchange *x);
void logout(struct console *c, struct exchange *x, struct session *who);
void tell_me(struct console *c, struct exchange *x, const struct session *who); /* NULL: nobody */

/* The password of who is signed in, asked once more (`password=` in the body) under the same counts
 * as a sign-in's, then that person's own key (people/keyring.h). `done` is called once unless the
 * browser left, also from inside: with the key, which is wiped when it returns; or with NULL when
 * it was answered already. */
typedef void (*key_opened_fn)(struct exchange *x, const struct keys *k);
void key_ask(struct console *c, struct exchange *x, const char *person, key_opened_fn done);

#endif
