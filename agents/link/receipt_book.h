/* receipt_book - what became of what an office sent, and what was sent to it: one line each in a
 * file beside its outbox, so that it can be looked up while there is no link.
 *
 *   heard TIME ID SENDER TYPE text ...
 *   receipt TIME ID LEVEL RECIPIENT BY CODE        "-" where there is nothing
 *
 * A line that was heard again stands there twice; readers leave the second out. */
#ifndef EOCBUS_LINK_RECEIPT_BOOK_H
#define EOCBUS_LINK_RECEIPT_BOOK_H

#include <stdbool.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"
#include "proto/base/status.h"

/* The line of a message that was for us, without its end; text for people is on one line. */
void receipt_book_line(struct buf *out, const Eocbus__V1__Envelope *m, int64_t received_us);
/* Appends it; on disk when it answers ST_OK. ST_IO: not there, try again. */
MUST_CHECK enum status receipt_book_add(const char *path, const struct buf *line);
/* Hands over each line once that begins with `kind`, oldest first, of the newest 512 KiB.
 * ST_NOTFOUND: there is no book yet. */
MUST_CHECK enum status receipt_book_read(const char *path, const char *kind,
                                         void (*each)(void *arg, const char *line), void *arg);

#endif
