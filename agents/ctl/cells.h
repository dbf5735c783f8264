/* cells - a table of counts in which nobody can be found. Pure.
 *
 * Rows are places, columns are what is counted. A number below `least` is not told. Where a
 * column's total is told, what is not told must not follow from it: at least two numbers are held
 * back, and together they are no less than `least`; for that the smallest of the others is held
 * back too, and in the end the total. */
#ifndef EOCBUS_CTL_CELLS_H
#define EOCBUS_CTL_CELLS_H

#include <stddef.h>
#include <stdint.h>

/* count[row * columns + column], total[column]; what is not to be told becomes 0. */
void cells_suppress(uint32_t *count, size_t rows, size_t columns, uint32_t *total, uint32_t least);

#endif
