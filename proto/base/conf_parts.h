/* conf_parts - what conf.c, conf_value.c and conf_print.c share; nobody else includes it. */
#ifndef EOCBUS_BASE_CONF_PARTS_H
#define EOCBUS_BASE_CONF_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/conf.h"

/* Where a value comes from, and where to complain. */
struct conf_place {
    const char *path; /* NULL: the command line or the table of defaults */
    unsigned line;
    char *err;
    size_t err_size;
};

struct conf_unit {
    const char *suffix;
    uint64_t factor;
};

/* The largest first; the last has no suffix, then comes a NULL. */
const struct conf_unit *conf_units(enum conf_kind kind);

static inline void *conf_field(const struct conf_row *row, void *into)
{
    return (char *)into + row->offset;
}

static inline const void *conf_const_field(const struct conf_row *row, const void *from)
{
    return (const char *)from + row->offset;
}

static inline bool conf_has_range(const struct conf_row *row)
{
    return row->least != 0 || row->most != 0;
}

/* Writes the sentence with its place; ST_INVALID. */
enum status conf_complain(const struct conf_place *at, const char *fmt, ...) PRINTF_LIKE(2, 3);
enum status conf_no_memory(const struct conf_place *at);
/* Parses the value into the row's field; a CONF_LIST collects. */
MUST_CHECK enum status conf_set_value(const struct conf_place *at, const struct conf_row *row,
                                      const char *value, void *into);
void conf_clear_list(struct conf_list *list);
/* The largest unit that leaves no rest, so that what is printed can be read back. */
void conf_print_number(char *out, size_t size, enum conf_kind kind, double number);

#endif
