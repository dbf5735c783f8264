/* listing - rows of the database for whoever looks at them: a table with headings, or JSON. */
#ifndef EOCBUS_CTL_LISTING_H
#define EOCBUS_CTL_LISTING_H

#include <stdbool.h>
#include <stddef.h>

#include "agents/ctl/db.h"
#include "agents/link/columns.h"

/* Headings made of the names of columns: "level_at" is LEVEL AT. */
void listing_begin(struct columns *c, const char *const *columns, size_t n);
/* Appends all rows: below headings, or each as a JSON object on a line of its own. */
void listing_put(struct buf *out, const struct db_rows *r, const char *const *columns, size_t n,
                 bool json);

#endif
