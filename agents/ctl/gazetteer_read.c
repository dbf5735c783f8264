/* gazetteer_read - see gazetteer.h. */
#include <stdio.h>
#include <string.h>

#include "agents/ctl/gazetteer.h"
#include "agents/link/grid.h"
#include "agents/link/print.h"
#include "proto/wire/gate.h"

#include "proto/base/banned.h"

enum { MEMORY_BYTES = 128 << 20 };

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

static bool is_text(const char *bytes, size_t len)
{
    return gate_utf8_is_valid(bytes, len) && !memchr(bytes, '\0', len);
}

/* The first line that is too long, or holds what is no UTF-8; 0: none. */
static unsigned find_bad_line(const char *text, size_t len, bool *is_long)
{
    unsigned line = 1;

    for (const char *end = text + len; text < end; line++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((stop ? stop : end) - text);

        *is_long = n > GAZETTEER_LINE_BYTES;
        if (*is_long || !is_text(text, n))
            return line;
        text += n + 1;
    }
    return 0;
}

static enum status put_row(struct buf *out, const struct grid *g, size_t row, char *err,
                           size_t err_size)
{
    if (g->widths[row] > g->widths[0]) {
        snprintf(err, err_size, "line %u has %zu cells, and the heading has %zu", g->lines[row],
                 g->widths[row], g->widths[0]);
        return ST_INVALID;
    }
    buf_printf(out, "%s{\"line\":%u", row > 1 ? "," : "", g->lines[row]);
    for (size_t i = 0; i < g->widths[row]; i++) {
        if (strlen(g->rows[row][i]) > GAZETTEER_CELL_BYTES) {
            snprintf(err, err_size,
                     "line %u has a cell of more than %d bytes; was a quote left open?",
                     g->lines[row], GAZETTEER_CELL_BYTES);
            return ST_INVALID;
        }
        buf_puts(out, ",");
        print_json_text(out, g->rows[0][i]);
        buf_puts(out, ":");
        print_json_text(out, g->rows[row][i]);
    }
    buf_puts(out, "}");
    return ST_OK;
}

static enum status put_rows(struct buf *out, const struct grid *g, char *err, size_t err_size)
{
    enum status st = ST_OK;

    buf_puts(out, "[");
    for (size_t row = 1; row < g->count && st == ST_OK; row++)
        st = put_row(out, g, row, err, err_size);
    buf_puts(out, "]");
    return st;
}

static enum status read_csv(struct buf *out, const char *text, size_t len, char *err,
                            size_t err_size)
{
    struct grid g = {0};
    struct arena *arena;
    enum status st = arena_create(&arena, MEMORY_BYTES);

    if (st != ST_OK)
        return st;
    st = grid_cut(&g, arena, text, len, ',');
    if (st == ST_FULL)
        snprintf(err, err_size, "line %u has more than %d cells", g.last_line, GRID_COLUMNS_MAX);
    else if (st != ST_OK)
        snprintf(err, err_size, "it is larger than its memory");
    else if (g.count == 0)
        snprintf(err, err_size, "it is empty");
    if (st == ST_OK && g.count > 0)
        st = put_rows(out, &g, err, err_size);
    else
        st = ST_INVALID;
    grid_free(&g);
    arena_destroy(arena);
    return st;
}

enum status gazetteer_read(struct buf *out, const char *name, const char *text, size_t len,
                           char *err, size_t err_size)
{
    bool is_csv = ends_with(name, ".csv"), is_long = false;
    unsigned bad;

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    bad = find_bad_line(text, len, &is_long);
    if (bad && is_long && is_csv) {
        snprintf(err, err_size, "line %u is longer than %d bytes; is this a table?", bad,
                 GAZETTEER_LINE_BYTES);
        return ST_INVALID;
    }
    if (!is_text(text, len)) {
        snprintf(err, err_size, "line %u is no UTF-8 or holds a NUL; save the table as UTF-8", bad);
        return ST_INVALID;
    }
    if (is_csv)
        return read_csv(out, text, len, err, err_size);
    buf_put(out, text, len);
    return out->failed ? ST_NOMEM : ST_OK;
}
