/* login - signing in and out, and who is signed in. At most one password is tried at a time. */
#ifndef EOCBUS_CONSOLE_LOGIN_H
#define EOCBUS_CONSOLE_LOGIN_H

#include "agents/console/console.h"

MUST_CHECK enum status logins_create(struct logins **out, struct console *c);
void logins_destroy(struct logins *l); /* NULL is allowed */
void login_begin(struct console *c, struct exchange *x);
void login_gone(struct console *c, struct exchange *x);
void logout(struct console *c, struct exchange *x, struct session *who);
void tell_me(struct console *c, struct exchange *x, const struct session *who); /* NULL: nobody */

#endif
