/* feed - the public alerts for everybody, without a session:
 *
 *   GET /feed/alerts.atom   Atom: alerts in force that are labelled PUBLIC, and cancellations until
 *                           their end; ETag and Last-Modified
 *   GET /feed/ID.xml        one of them as CAP 1.2, signed with cap.key
 *
 * A room of an exercise shows exercises only, and says so; any other room shows what is real. The
 * database is asked at most every two seconds for the list, and as often for each alert, one of
 * these questions at a time, whoever and however many ask us; an alert is signed once as long as it
 * stays the same. Of the 64 alerts asked for last the answers are kept. */
#ifndef EOCBUS_CONSOLE_FEED_H
#define EOCBUS_CONSOLE_FEED_H

#include "agents/console/console.h"

/* Reads cap.key and cap.cert; without them alerts are not signed (a warning in the log).
 * ST_INVALID, ST_NOTFOUND ...: `err` is a sentence. */
MUST_CHECK enum status feed_create(struct feed **out, struct console *c, char *err,
                                   size_t err_size);
void feed_destroy(struct feed *f); /* NULL is allowed; after the reader */
/* `path` behind "/feed/". */
void feed_ask(struct console *c, struct exchange *x, const char *path);
void feed_gone(struct feed *f, struct exchange *x);

#endif
