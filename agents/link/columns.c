/* columns - see columns.h. */
#include "agents/link/columns.h"

#include <string.h>

#include "agents/link/print.h"

#include "proto/base/banned.h"

void columns_put(struct columns *c, const char *text)
{
    size_t at = c->cells.len, wide;

    text = text && *text ? text : "-";
    print_escaped(&c->cells, text, strlen(text));
    buf_put(&c->cells, "", 1);
    if (c->cells.failed)
        return;
    wide = print_width((const char *)c->cells.data + at, c->cells.len - at - 1);
    if (wide > c->width[c->next])
        c->width[c->next] = wide;
    c->next = (c->next + 1) % c->count;
    c->rows += c->next == 0;
}

void columns_begin(struct columns *c, const char *const *headings, unsigned n)
{
    memset(c, 0, sizeof(*c));
    c->count = n < COLUMNS_MAX ? n : COLUMNS_MAX;
    for (unsigned i = 0; i < c->count; i++)
        columns_put(c, headings[i]);
}

static void put_row(const struct columns *c, struct buf *out, const char **cell)
{
    for (unsigned i = 0; i < c->count; i++) {
        bool is_last = i + 1 == c->count;
        size_t wide = print_width(*cell, strlen(*cell));

        buf_puts(out, *cell);
        for (; !is_last && wide < c->width[i] + 2; wide++)
            buf_puts(out, " ");
        *cell += strlen(*cell) + 1;
    }
    buf_puts(out, "\n");
}

void columns_end(struct columns *c, struct buf *out)
{
    const char *cell = (const char *)c->cells.data;

    out->failed |= c->cells.failed;
    if (!c->cells.failed && c->rows > 1)
        for (size_t i = 0; i < c->rows; i++)
            put_row(c, out, &cell);
    buf_free(&c->cells);
}
