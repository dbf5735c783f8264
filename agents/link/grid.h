/* grid - a table as text (CSV, tabs, semicolons) cut into rows and cells.
 *
 * A cell in quotes may hold the splitting character, line ends, and "" for a quote; blanks around a
 * cell are taken away, blank rows left out. What the cells mean is for others to say. */
#ifndef EOCBUS_LINK_GRID_H
#define EOCBUS_LINK_GRID_H

#include <stddef.h>

#include "proto/base/mem.h"

enum { GRID_COLUMNS_MAX = 256 };

struct grid {
    const char *const **rows; /* [row][column]: in the arena */
    size_t *widths;           /* cells of each row */
    unsigned *lines;          /* of the text, where each row begins; 1 is the first */
    size_t count, cap;
    unsigned last_line; /* how far it was cut */
};

/* Fills `g` (zeroed, or cut before) from UTF-8 without NUL. ST_FULL: a row has more than
 * GRID_COLUMNS_MAX cells, at last_line; ST_NOMEM: the arena is full. */
MUST_CHECK enum status grid_cut(struct grid *g, struct arena *arena, const char *text, size_t len,
                                char split);
void grid_free(struct grid *g); /* the cells stay until the arena is reset */

#endif
