/* feed - the public alerts for everybody, without a session:
 *
 *   GET /feed/alerts.atom   Atom: alerts in force that are labelled PUBLIC, and cancellations until
 *                           their end; ETag and Last-Modified
 *   GET /feed/ID.xml        one of them as CAP 1.2, signed with cap.key
 *
 * A room of an exercise shows exercises only, and says so; any other room shows what is real. The
 * database is asked at most every two seconds for the feed, whoever asks us. */
#ifndef EOCBUS_CONSOLE_FEED_H
#define EOCBUS_CONSOLE_FEED_H

#include "agents/console/console.h"

/* Reads cap.key and cap.cert; without them alerts are not signed (a warning in the log).
 * ST_INVALID, ST_NOTFOUND ...: `err` is a sentence. */
MUST_CHECK enum status feed_create(struct feed **out, struct console *c, char *err,
                                   size_t err_size);
void feed_destroy(struct feed *f); /* NULL is allowed */
/* `path` behind "/feed/". */
void feed_ask(struct console *c, struct exchange *x, const char *path);

#endif
