/* listing - see listing.h. */
#include "agents/ctl/listing.h"

#include <ctype.h>
#include <string.h>

#include "agents/link/print.h"

#include "proto/base/banned.h"

enum { HEADING = 40 };

void listing_begin(struct columns *c, const char *const *columns, size_t n)
{
    char words[COLUMNS_MAX][HEADING];
    const char *headings[COLUMNS_MAX];

    n = n < COLUMNS_MAX ? n : COLUMNS_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t len = 0;

        for (const char *p = columns[i]; *p && len + 1 < HEADING; p++)
            words[i][len++] = *p == '_' ? ' ' : (char)toupper((unsigned char)*p);
        words[i][len] = '\0';
        headings[i] = words[i];
    }
    columns_begin(c, headings, (unsigned)n);
}

static void put_object(struct buf *out, const struct db_rows *r, unsigned row,
                       const char *const *columns, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%s\"%s\":", i ? "," : "{", columns[i]);
        print_json_text(out, db_cell(r, row, columns[i]));
    }
    buf_puts(out, "}\n");
}

void listing_put(struct buf *out, const struct db_rows *r, const char *const *columns, size_t n,
                 bool json)
{
    struct columns table;

    if (json) {
        for (unsigned row = 0; row < db_count(r); row++)
            put_object(out, r, row, columns, n);
        return;
    }
    listing_begin(&table, columns, n);
    for (unsigned row = 0; row < db_count(r); row++)
        for (size_t i = 0; i < n; i++)
            columns_put(&table, db_cell(r, row, columns[i]));
    columns_end(&table, out);
}
