/* conf_value - one value of one setting, parsed by the kind of its row. */
#include "proto/base/conf_parts.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/mem.h"
#include "proto/base/banned.h"

const struct conf_unit *conf_units(enum conf_kind kind)
{
    static const struct conf_unit ms[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000},
                                          {"ms", 1},      {"", 1},      {NULL, 0}};
    static const struct conf_unit bytes[] = {
        {"GiB", 1073741824}, {"MiB", 1048576}, {"KiB", 1024}, {"B", 1}, {"", 1}, {NULL, 0}};
    static const struct conf_unit none[] = {{"", 1}, {NULL, 0}};

    return kind == CONF_MS ? ms : kind == CONF_BYTES ? bytes : none;
}

enum status conf_complain(const struct conf_place *at, const char *fmt, ...)
{
    va_list args;
    int len = 0;

    if (!at->err_size)
        return ST_INVALID;
    if (at->path && at->line)
        len = snprintf(at->err, at->err_size, "%s:%u: ", at->path, at->line);
    else if (at->path)
        len = snprintf(at->err, at->err_size, "%s: ", at->path);
    if (len < 0 || (size_t)len >= at->err_size)
        return ST_INVALID;
    va_start(args, fmt);
    vsnprintf(at->err + len, at->err_size - (size_t)len, fmt, args);
    va_end(args);
    return ST_INVALID;
}

enum status conf_no_memory(const struct conf_place *at)
{
    (void)conf_complain(at, "no memory for the settings");
    return ST_NOMEM;
}

static const char *expected(enum conf_kind kind)
{
    static const char *const words[] = {
        [CONF_COUNT] = "a whole number",
        [CONF_MS] = "a time such as 250ms, 30s, 5m or 1h",
        [CONF_BYTES] = "a size such as 65536, 64KiB, 1MiB or 1GiB",
        [CONF_BOOL] = "yes or no",
        [CONF_REAL] = "a number such as 0.5",
    };

    return words[kind];
}

static enum status refuse(const struct conf_place *at, const struct conf_row *row,
                          const char *value)
{
    if (row->flags & CONF_SECRET)
        return conf_complain(at, "the value of %s is not %s", row->name, expected(row->kind));
    return conf_complain(at, "%s is \"%.60s\"; %s is expected", row->name, value,
                         expected(row->kind));
}

static enum status check_range(const struct conf_place *at, const struct conf_row *row,
                               double number, const char *value)
{
    char least[40], most[40];

    if (!conf_has_range(row) || (number >= row->least && number <= row->most))
        return ST_OK;
    conf_print_number(least, sizeof(least), row->kind, row->least);
    conf_print_number(most, sizeof(most), row->kind, row->most);
    return conf_complain(at, "%s is %.60s; from %s to %s is possible", row->name,
                         row->flags & CONF_SECRET ? "out of range" : value, least, most);
}

/* Digits and a unit, no sign, no blank between; false past `most`. */
static bool parse_whole(const char *value, const struct conf_unit *units, uint64_t most,
                        uint64_t *out)
{
    uint64_t number = 0;
    const char *p = value;

    for (; *p >= '0' && *p <= '9'; p++) {
        unsigned digit = (unsigned)(*p - '0');

        if (number > (most - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    if (p == value)
        return false;
    while (units->suffix && strcmp(units->suffix, p) != 0)
        units++;
    if (!units->suffix || number > most / units->factor)
        return false;
    *out = number * units->factor;
    return true;
}

static enum status set_whole(const struct conf_place *at, const struct conf_row *row,
                             const char *value, void *into)
{
    const struct conf_unit *units = conf_units(row->kind);
    uint64_t most = row->kind == CONF_BYTES ? SIZE_MAX : UINT_MAX, number;
    enum status st;

    if (!parse_whole(value, units, most, &number))
        return refuse(at, row, value);
    st = check_range(at, row, (double)number, value);
    if (st != ST_OK)
        return st;
    if (row->kind == CONF_BYTES)
        *(size_t *)conf_field(row, into) = (size_t)number;
    else
        *(unsigned *)conf_field(row, into) = (unsigned)number;
    return ST_OK;
}

static enum status set_real(const struct conf_place *at, const struct conf_row *row,
                            const char *value, void *into)
{
    char *end;
    double number;
    enum status st;

    errno = 0;
    number = strtod(value, &end);
    if (end == value || *end || !isfinite(number) || strpbrk(value, "xX"))
        return refuse(at, row, value);
    st = check_range(at, row, number, value);
    if (st == ST_OK)
        *(double *)conf_field(row, into) = number;
    return st;
}

static enum status set_bool(const struct conf_place *at, const struct conf_row *row,
                            const char *value, void *into)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

    for (unsigned i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(value, words[i]) == 0) {
            *(bool *)conf_field(row, into) = i % 2;
            return ST_OK;
        }
    return refuse(at, row, value);
}

static enum status set_text(const struct conf_place *at, const struct conf_row *row,
                            const char *value, void *into)
{
    char **slot = conf_field(row, into);
    char *copy = mem_strdup(value);

    if (!copy)
        return conf_no_memory(at);
    mem_free(*slot);
    *slot = copy;
    return ST_OK;
}

static enum status set_path(const struct conf_place *at, const struct conf_row *row,
                            const char *value, void *into)
{
    char path[PATH_MAX];
    const char *home = getenv("HOME");
    int len;

    if (strncmp(value, "~/", 2) != 0)
        return set_text(at, row, value, into);
    if (!home)
        return conf_complain(at, "%s begins with ~/, but HOME is not set; write the whole path",
                             row->name);
    len = snprintf(path, sizeof(path), "%s/%s", home, value + 2);
    if (len < 0 || (size_t)len >= sizeof(path))
        return conf_complain(at, "%s is longer than a path can be", row->name);
    return set_text(at, row, path, into);
}

static enum status add_item(const struct conf_place *at, const struct conf_row *row,
                            const char *value, void *into)
{
    struct conf_list *list = conf_field(row, into);
    char **items, *copy = mem_strdup(value);

    if (!copy)
        return conf_no_memory(at);
    items = mem_realloc(list->items, (list->count + 1) * sizeof(*items));
    if (!items) {
        mem_free(copy);
        return conf_no_memory(at);
    }
    items[list->count++] = copy;
    list->items = items;
    return ST_OK;
}

void conf_clear_list(struct conf_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        mem_free(list->items[i]);
    mem_free(list->items);
    list->items = NULL;
    list->count = 0;
}

enum status conf_set_value(const struct conf_place *at, const struct conf_row *row,
                           const char *value, void *into)
{
    switch (row->kind) {
    case CONF_TEXT:
        return set_text(at, row, value, into);
    case CONF_PATH:
        return set_path(at, row, value, into);
    case CONF_BOOL:
        return set_bool(at, row, value, into);
    case CONF_REAL:
        return set_real(at, row, value, into);
    case CONF_LIST:
        return add_item(at, row, value, into);
    case CONF_COUNT:
    case CONF_MS:
    case CONF_BYTES:
        break;
    }
    return set_whole(at, row, value, into);
}
