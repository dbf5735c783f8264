/* options - what stands behind a command's name: options with two dashes, and the words left over.
 */
#ifndef EOCBUS_LINK_OPTIONS_H
#define EOCBUS_LINK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char * */
    OPTION_NUMBER, /* uint64_t */
    OPTION_WORDS,  /* struct option_words: may stand several times */
};

enum { OPTION_WORDS_MAX = 32 };
struct option_words {
    const char *items[OPTION_WORDS_MAX];
    unsigned count;
};

struct option_row {
    const char *name; /* "--json" */
    enum option_kind kind;
    void *into; /* keeps its value if the option is absent */
};

/* Takes the options out of argv ("--last 5", "--last=5"); what stays behind argv[0] are the
 * operands.
 * "--" ends the options. ST_INVALID: `err` is a sentence. Values are borrowed from argv. */
MUST_CHECK enum status options_take(const struct option_row *rows, size_t n, int *argc, char **argv,
                                    char *err, size_t err_size);

/* The name nearest to a mistyped word, or NULL if none is near. */
const char *options_nearest(const char *word, const char *const *names, size_t n);

#endif
