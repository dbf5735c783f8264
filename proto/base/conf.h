/* conf - settings: a table of rows is the whole truth. The file, --check-config, the sample file,
 * `show` and reload all come from the rows.
 *
 * A file has lines `name = value`; '#' at the beginning or after a blank begins a
 * comment; blank lines are ignored; a name given twice
 * is an error, except for CONF_LIST rows, which collect. Errors are one sentence: file, line, what
 * is wrong, what would be legal. */
#ifndef EOCBUS_BASE_CONF_H
#define EOCBUS_BASE_CONF_H

#include <stddef.h>
#include <stdio.h>

#include "proto/base/status.h"

enum conf_kind {
    CONF_TEXT,  /* char * */
    CONF_PATH,  /* char *; a leading "~/" is the home directory */
    CONF_COUNT, /* unsigned; range in the row */
    CONF_MS,    /* unsigned, milliseconds; "250", "250ms", "30s", "5m", "1h" */
    CONF_BYTES, /* size_t; "65536", "64KiB", "1MiB", "1GiB" */
    CONF_BOOL,  /* bool; yes/no, true/false, on/off */
    CONF_REAL,  /* double */
    CONF_LIST,  /* struct conf_list; the name may stand on several lines */
};

enum conf_flag { CONF_RELOAD = 1, CONF_REQUIRED = 2, CONF_SECRET = 4 };

struct conf_list {
    char **items;
    size_t count;
};

struct conf_row {
    const char *name;    /* "store.batch_rows" */
    enum conf_kind kind;
    size_t offset;       /* into the program's own settings struct */
    const char *deflt;   /* as it would stand in a file; NULL = none */
    unsigned flags;      /* enum conf_flag */
    const char *help;    /* one or two sentences, for the sample file */
    double least, most;  /* for numbers; both 0 = any */
};

/* Fills `into` with defaults, then from the file (NULL path: defaults only). On ST_INVALID or ST_IO
 * `err` holds the sentence. Whatever was allocated is freed by conf_free. */
MUST_CHECK enum status conf_load(const struct conf_row *rows, size_t n, const char *path, void *into,
                                 char *err, size_t err_size);
/* "name=value" from a command line (-o store.batch_rows=64), after conf_load. A CONF_LIST row collects
 * here too; conf_clear empties the list that an assignment names, other rows stay. */
MUST_CHECK enum status conf_set(const struct conf_row *rows, size_t n, const char *assignment,
                                void *into, char *err, size_t err_size);
void conf_clear(const struct conf_row *rows, size_t n, const char *assignment, void *into);
/* ST_INVALID when a CONF_REQUIRED row has no value; after the file and the command line. `path` is for
 * the sentence, may be NULL. */
MUST_CHECK enum status conf_check(const struct conf_row *rows, size_t n, const char *path,
                                  const void *from, char *err, size_t err_size);
void conf_free(const struct conf_row *rows, size_t n, void *into);
/* A commented sample file with every row and its default. */
void conf_print_sample(const struct conf_row *rows, size_t n, FILE *out);
/* The values in force; secrets as "(set)". */
void conf_print(const struct conf_row *rows, size_t n, const void *from, FILE *out);

#endif
