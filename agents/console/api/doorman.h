/* doorman - who may not stay hears nothing more.
 *
 * A session that is over ends its streams of news too, within two seconds: after logging out, when
 * the person was removed or has another password, and when it became too old. Who is revoked in the
 * record, or whose time there is over, is signed out as soon; when it is the desk itself,
 * everybody. */
#ifndef EOCBUS_CONSOLE_DOORMAN_H
#define EOCBUS_CONSOLE_DOORMAN_H

#include "agents/console/console.h"

MUST_CHECK enum status doorman_create(struct doorman **out, struct console *c);
void doorman_destroy(struct doorman *d); /* NULL is allowed */
void doorman_look(struct doorman *d);    /* now, and not with the next turn */
/* The people file still has this person with this password. A file that cannot be read keeps those
 * in who are in. */
bool person_may_stay(const struct console *c, const struct session *who);

#endif
