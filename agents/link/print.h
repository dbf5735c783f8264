/* print - texts from outside on their way to a terminal, a file or JSON. Pure. */
#ifndef EOCBUS_LINK_PRINT_H
#define EOCBUS_LINK_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/mem.h"

/* Control characters (C0, C1, DEL), line and paragraph separators, the marks that turn the direction of
 * writing and characters that nobody sees are shown as \xNN or \u{NNNN}; bytes that are no UTF-8 as \xNN. */
void print_escaped(struct buf *out, const char *text, size_t len);
/* The same for a whole JSON document, which stays one: \uNNNN. Newlines between its parts stay. */
void print_escaped_json(struct buf *out, const char *text, size_t len);
/* Columns that such a text takes in a terminal: marks above a letter take none, signs of East Asia and
 * pictures two. */
size_t print_width(const char *text, size_t len);
/* A JSON string with its quotes; NULL prints null. */
void print_json_text(struct buf *out, const char *text);
/* To standard output, and empties it. False if nobody reads any more. */
bool print_flush(struct buf *b);

enum print_paint { PAINT_NONE, PAINT_RED, PAINT_YELLOW, PAINT_GREEN, PAINT_DIM, PAINT_BOLD };
/* Only if `colour`. */
void print_paint(struct buf *out, bool colour, enum print_paint paint);

#endif
