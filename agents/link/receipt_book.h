/* receipt_book - what became of what an office sent, and what was sent to it: one line each in a
 * file beside its outbox, so that it can be looked up while there is no link.
 *
 *   heard TIME ID SENDER TYPE text ...
 *   receipt TIME ID LEVEL RECIPIENT BY CODE        "-" where there is nothing
 *   answered TIME ID LEVEL FOR                     what this office answered, to whoever asks twice
 *
 * A line that was heard again stands there twice; readers leave the second out. A book that has
 * grown large is made shorter by `run`, which hears; an answer that another program writes in that
 * moment may get lost, and can then be given again (the bus keeps the first). */
#ifndef EOCBUS_LINK_RECEIPT_BOOK_H
#define EOCBUS_LINK_RECEIPT_BOOK_H

#include <stdbool.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"
#include "proto/base/status.h"

enum { RECEIPT_BOOK_LARGE = 1 << 20, RECEIPT_BOOK_KEPT = 1 << 19 }; /* bytes */

/* The line of a message that was for us, without its end; text for people is on one line. */
void receipt_book_line(struct buf *out, const Eocbus__V1__Envelope *m, int64_t received_us);
/* The line of an answer that was given. */
void receipt_book_answer(struct buf *out, const Eocbus__V1__Receipt *r);
/* Appends it; on disk when it answers ST_OK. ST_IO: not there, try again. */
MUST_CHECK enum status receipt_book_add(const char *path, const struct buf *line);
/* Hands over each line once that begins with `kind`, oldest first, of the newest 512 KiB.
 * ST_NOTFOUND: there is no book yet. */
MUST_CHECK enum status receipt_book_read(const char *path, const char *kind,
                                         void (*each)(void *arg, const char *line), void *arg);
/* Above RECEIPT_BOOK_LARGE: keeps RECEIPT_BOOK_KEPT of it at most, first what is open (messages of
 * the last 31 days, and the newest receipt of each recipient that has not got to an end), then what
 * is of the last 14 days. A crash leaves the old book or the new one. ST_IO, ST_NOMEM: the old one
 * is there, or the new one not yet for certain. One writer at a time. */
MUST_CHECK enum status receipt_book_trim(const char *path);

#endif
