/* wrap - a text in lines of a terminal, broken between its words. Pure.
 *
 * What a stranger wrote is made safe on the way; his line ends are blanks here. Only a word that is
 * longer than a line is broken. */
#ifndef EOCBUS_CTL_WRAP_H
#define EOCBUS_CTL_WRAP_H

#include <stddef.h>

#include "proto/base/mem.h"

enum { WRAP_COLUMNS = 80 };

/* Appends the text and a line end. The line has `at` columns already; further ones begin with
 * `indent` blanks. */
void wrap_put(struct buf *out, size_t at, size_t indent, const char *text);
/* Blanks from column `from` up to `to`. */
void wrap_pad(struct buf *out, size_t from, size_t to);

#endif
