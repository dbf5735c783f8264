/* head_book - where brokers said that the record stands, as an office heard it: a file beside its
 * outbox, out of reach of whoever runs the database.
 *
 *   LOG_EPOCH SEQ DIGEST TIME BROKER CONTENT SIGNATURE       all bytes in hex
 *
 * The lines of `eocctl audit heads` (PROTOCOL.md, "The record"); `eocctl audit heads --check` holds
 * them against the chain. Each head proves all that was before it, so few are enough: one in ten
 * minutes, and of what is older than thirty days one a day. */
#ifndef EOCBUS_LINK_HEAD_BOOK_H
#define EOCBUS_LINK_HEAD_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/base/mem.h"
#include "proto/base/status.h"

enum { HEAD_BOOK_LARGE = 4 << 20 }; /* bytes: larger than ten years of one broker would make it */

struct head_book {
    const char *path; /* borrowed, outlives us */
    int64_t kept_us;  /* when the last one was received that is in it; 0 = none since the start */
};

/* Of a log_head: its line, with its end. */
void head_book_line(struct buf *out, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m);
/* Keeps this head if ten minutes have passed since the last. ST_IO, ST_NOMEM: it is not on disk;
 * the next one may be. */
MUST_CHECK enum status head_book_add(struct head_book *b, const Eocbus__V1__Delivery *d,
                                     const Eocbus__V1__Envelope *m);
/* What is kept of a book's text when it has grown large; lines in their order. Pure. */
void head_book_thin(struct buf *out, const char *text, size_t len);
/* The whole book onto `out`. ST_NOTFOUND: there is none yet. */
MUST_CHECK enum status head_book_read(struct buf *out, const char *path);

#endif
