/* columns - a listing for people: headings, and below them rows whose cells stand under each other.
 *
 * Cells are made safe for a terminal here. Nothing is printed before the widest cell is known, so a
 * listing is kept in memory until columns_end. */
#ifndef EOCBUS_LINK_COLUMNS_H
#define EOCBUS_LINK_COLUMNS_H

#include "proto/base/mem.h"

enum { COLUMNS_MAX = 16 };

struct columns {
    struct buf cells; /* texts, each with its NUL */
    unsigned count, next;
    size_t rows, width[COLUMNS_MAX]; /* columns of the terminal */
};

/* n headings, at most COLUMNS_MAX. */
void columns_begin(struct columns *c, const char *const *headings, unsigned n);
/* The next cell; NULL and "" show as "-". */
void columns_put(struct columns *c, const char *text);
/* Appends the headings and all rows to `out`, nothing if there is no row; frees c. */
void columns_end(struct columns *c, struct buf *out);

#endif
