/* options - a table walk; every error names the word and the nearest legal one. */
#include "agents/link/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/banned.h"

enum { WORD_MAX = 63 };

/* Edit distance (Damerau-Levenshtein, neighbours only), for words up to WORD_MAX letters. */
static unsigned count_edits(const char *a, const char *b)
{
    unsigned row[3][WORD_MAX + 1];
    size_t la = strlen(a), lb = strlen(b);

    if (la > WORD_MAX || lb > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= lb; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned *now = row[i % 3], *up = row[(i + 2) % 3], *upper = row[(i + 1) % 3];

        now[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);

            if (up[j] + 1 < best)
                best = up[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                upper[j - 2] + 1 < best)
                best = upper[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[la % 3][lb];
}

const char *options_nearest(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    unsigned fewest = 3; /* two slips of the finger are a typo, three are another word */

    for (size_t i = 0; i < n; i++) {
        unsigned edits = count_edits(word, names[i]);

        if (edits < fewest && edits < strlen(word)) {
            fewest = edits;
            best = names[i];
        }
    }
    return best;
}

static const struct option_row *find_option(const struct option_row *rows, size_t n,
                                            const char *word, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(rows[i].name) == len && strncmp(rows[i].name, word, len) == 0)
            return &rows[i];
    return NULL;
}

static void explain_unknown(const struct option_row *rows, size_t n, const char *word, char *err,
                            size_t err_size)
{
    const char *names[32], *near;
    size_t count = 0;

    for (; count < n && count < 32; count++)
        names[count] = rows[count].name;
    near = options_nearest(word, names, count);
    if (near)
        snprintf(err, err_size, "there is no option %s; did you mean %s?", word, near);
    else
        snprintf(err, err_size, "there is no option %s; --help lists the options", word);
}

static enum status store_value(const struct option_row *row, const char *value, char *err,
                               size_t err_size)
{
    struct option_words *words = row->into;
    char *end;

    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)row->into = true;
        return ST_OK;
    case OPTION_TEXT:
        *(const char **)row->into = value;
        return ST_OK;
    case OPTION_NUMBER:
        errno = 0;
        *(uint64_t *)row->into = strtoull(value, &end, 10);
        if (errno == 0 && end != value && *end == '\0' && value[0] >= '0' && value[0] <= '9')
            return ST_OK;
        snprintf(err, err_size, "%s wants a whole number, not \"%s\"", row->name, value);
        return ST_INVALID;
    case OPTION_WORDS:
        if (words->count < OPTION_WORDS_MAX) {
            words->items[words->count++] = value;
            return ST_OK;
        }
        snprintf(err, err_size, "%s may stand at most %d times", row->name, OPTION_WORDS_MAX);
        return ST_INVALID;
    }
    return ST_INVALID;
}

static enum status take_one(const struct option_row *rows, size_t n, int argc, char **argv, int *at,
                            char *err, size_t err_size)
{
    const char *word = argv[*at], *equals = strchr(word, '='), *value = NULL;
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const struct option_row *row = find_option(rows, n, word, len);

    if (!row) {
        explain_unknown(rows, n, word, err, err_size);
        return ST_INVALID;
    }
    if (row->kind == OPTION_FLAG && equals) {
        snprintf(err, err_size, "%s takes no value", row->name);
        return ST_INVALID;
    }
    if (equals)
        value = equals + 1;
    else if (row->kind != OPTION_FLAG && *at + 1 < argc)
        value = argv[++*at];
    if (row->kind != OPTION_FLAG && !value) {
        snprintf(err, err_size, "%s wants a value behind it", row->name);
        return ST_INVALID;
    }
    return store_value(row, value, err, err_size);
}

enum status options_take(const struct option_row *rows, size_t n, int *argc, char **argv, char *err,
                         size_t err_size)
{
    int kept = 1;

    for (int i = 1; i < *argc; i++) {
        enum status st;

        if (strcmp(argv[i], "--") == 0) {
            while (++i < *argc)
                argv[kept++] = argv[i];
            break;
        }
        if (argv[i][0] != '-' || argv[i][1] == '\0') { /* "-" alone is standard input */
            argv[kept++] = argv[i];
            continue;
        }
        st = take_one(rows, n, *argc, argv, &i, err, err_size);
        if (st != ST_OK)
            return st;
    }
    *argc = kept;
    argv[kept] = NULL;
    return ST_OK;
}
