/* grid - see grid.h. */
#include "agents/link/grid.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "proto/base/banned.h"

struct cutter {
    struct arena *arena;
    const char *at, *end;
    char split;
    unsigned line;
    struct buf cell;
    const char *cells[GRID_COLUMNS_MAX];
    size_t count;
    unsigned first_line; /* of the row that was cut last */
};

/* From the opening quote to behind the closing one; "" inside is one quote. */
static void take_quoted(struct cutter *c)
{
    for (c->at++; c->at < c->end; c->at++) {
        if (*c->at == '"' && (c->at + 1 == c->end || c->at[1] != '"')) {
            c->at++;
            return;
        }
        if (*c->at == '"')
            c->at++;
        c->line += *c->at == '\n';
        buf_put(&c->cell, c->at, 1);
    }
}

static bool at_end_of_cell(const struct cutter *c)
{
    return c->at == c->end || *c->at == c->split || *c->at == '\n' || *c->at == '\r';
}

static const char *keep_cell(struct cutter *c)
{
    size_t from = 0, to = c->cell.len;
    const char *text = (const char *)c->cell.data;

    while (from < to && isspace((unsigned char)text[from]))
        from++;
    while (to > from && isspace((unsigned char)text[to - 1]))
        to--;
    return to == from ? "" : arena_printf(c->arena, "%.*s", (int)(to - from), text + from);
}

static enum status take_cell(struct cutter *c)
{
    buf_clear(&c->cell);
    while (c->at < c->end && *c->at == ' ')
        c->at++;
    if (c->at < c->end && *c->at == '"')
        take_quoted(c);
    while (!at_end_of_cell(c))
        buf_put(&c->cell, c->at++, 1);
    if (c->cell.failed)
        return ST_NOMEM;
    if (c->count == GRID_COLUMNS_MAX)
        return ST_FULL;
    c->cells[c->count] = keep_cell(c);
    return c->cells[c->count++] ? ST_OK : ST_NOMEM;
}

/* ST_NOTFOUND at the end of the text. */
static enum status take_row(struct cutter *c)
{
    c->count = 0;
    c->first_line = c->line;
    if (c->at == c->end)
        return ST_NOTFOUND;
    for (;;) {
        enum status st = take_cell(c);

        if (st != ST_OK)
            return st;
        if (c->at == c->end || *c->at != c->split)
            break;
        c->at++;
    }
    if (c->at < c->end && *c->at == '\r')
        c->at++;
    if (c->at < c->end && *c->at == '\n')
        c->at++;
    c->line++;
    return ST_OK;
}

static bool is_blank_row(const struct cutter *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (*c->cells[i])
            return false;
    return true;
}

static enum status grow(struct grid *g)
{
    size_t cap = g->cap ? g->cap * 2 : 64;
    const char *const **rows = mem_realloc(g->rows, cap * sizeof(*rows));
    size_t *widths;
    unsigned *lines;

    if (!rows)
        return ST_NOMEM;
    g->rows = rows;
    widths = mem_realloc(g->widths, cap * sizeof(*widths));
    if (!widths)
        return ST_NOMEM;
    g->widths = widths;
    lines = mem_realloc(g->lines, cap * sizeof(*lines));
    if (!lines)
        return ST_NOMEM;
    g->lines = lines;
    g->cap = cap;
    return ST_OK;
}

static enum status keep_row(struct grid *g, const struct cutter *c)
{
    const char **cells = arena_alloc(c->arena, (c->count + 1) * sizeof(*cells));

    if (!cells || (g->count == g->cap && grow(g) != ST_OK))
        return ST_NOMEM;
    memcpy(cells, c->cells, c->count * sizeof(*cells));
    g->rows[g->count] = cells;
    g->widths[g->count] = c->count;
    g->lines[g->count++] = c->first_line;
    return ST_OK;
}

static enum status cut_rows(struct grid *g, struct cutter *c)
{
    enum status st;

    do {
        st = take_row(c);
        if (st == ST_OK && !is_blank_row(c))
            st = keep_row(g, c);
    } while (st == ST_OK);
    return st == ST_NOTFOUND ? ST_OK : st;
}

enum status grid_cut(struct grid *g, struct arena *arena, const char *text, size_t len, char split)
{
    struct cutter c = {.arena = arena, .at = text, .end = text + len, .split = split, .line = 1};
    enum status st;

    g->count = 0;
    st = cut_rows(g, &c);
    g->last_line = c.line;
    buf_free(&c.cell);
    return st;
}

void grid_free(struct grid *g)
{
    mem_free((void *)g->rows);
    mem_free(g->widths);
    mem_free(g->lines);
    *g = (struct grid){0};
}
