/* cells - see cells.h. A column at a time: columns are no parts of each other. */
#include "agents/ctl/cells.h"

#include <stdbool.h>

#include "proto/base/banned.h"

struct hidden {
    size_t rows;
    uint64_t sum;
};

static void hide(uint32_t *cell, struct hidden *h)
{
    h->rows++;
    h->sum += *cell;
    *cell = 0;
}

static uint32_t *smallest_told(uint32_t *first, size_t rows, size_t columns)
{
    uint32_t *found = NULL;

    for (size_t i = 0; i < rows; i++) {
        uint32_t *cell = first + i * columns;

        if (*cell && (!found || *cell < *found))
            found = cell;
    }
    return found;
}

static bool is_given_away(const struct hidden *h, uint32_t least)
{
    return h->rows > 0 && (h->rows < 2 || h->sum < least);
}

void cells_suppress(uint32_t *count, size_t rows, size_t columns, uint32_t *total, uint32_t least)
{
    for (size_t c = 0; c < columns; c++) {
        struct hidden h = {0};
        uint32_t *next;

        for (size_t i = 0; i < rows; i++)
            if (count[i * columns + c] < least)
                hide(&count[i * columns + c], &h);
        while (is_given_away(&h, least) && (next = smallest_told(count + c, rows, columns)))
            hide(next, &h);
        if (total[c] < least || is_given_away(&h, least))
            total[c] = 0;
    }
}
