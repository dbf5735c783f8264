/* view - what a page shows (GET /api/view) and what leaves as a file (GET /api/csv). */
#ifndef EOCBUS_CONSOLE_VIEW_H
#define EOCBUS_CONSOLE_VIEW_H

#include "agents/console/console.h"

/* A parameter `person` of a view is who is signed in. */
void view_ask(struct console *c, struct exchange *x, const struct session *who, const char *name);
void file_ask(struct console *c, struct exchange *x, const struct session *who, const char *name);

#endif
