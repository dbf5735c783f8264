/* conf - settings from a table of rows.
 *
 * Reading: the defaults first, through the same parser as the file (conf_value.c), then the file
 * line by line, then what the command line says. A value is parsed once, by the kind of its row.
 * Every error names where it was found, what stands there, and what would be legal; the value of a
 * secret is never repeated. */
#include "proto/base/conf_parts.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/mem.h"
#include "proto/base/banned.h"

#define LINE_BYTES 4096 /* a conninfo with certificates' paths has a few hundred */

static const struct conf_row *find_row(const struct conf_row *rows, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static unsigned least_of(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* How many single letters differ, are missing, too many, or swapped with their neighbour. */
static unsigned distance(const char *a, const char *b)
{
    enum { MOST = 64 };
    unsigned rows[3][MOST + 1];
    size_t a_len = strlen(a), b_len = strlen(b);

    if (a_len > MOST || b_len > MOST)
        return UINT_MAX;
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            now[j] =
                least_of(last[j - 1] + (a[i - 1] != b[j - 1]), least_of(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least_of(now[j], before[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

static enum status refuse_name(const struct conf_place *at, const struct conf_row *rows, size_t n,
                               const char *name)
{
    const char *nearest = NULL;
    unsigned least = 4; /* further away it is a guess, not a hint */

    for (size_t i = 0; i < n; i++) {
        unsigned d = distance(name, rows[i].name);

        if (d < least && d < strlen(rows[i].name)) {
            least = d;
            nearest = rows[i].name;
        }
    }
    if (nearest)
        return conf_complain(
            at,
            "unknown setting \"%.60s\"; did you mean \"%s\"? (%s --print-config lists "
            "all)",
            name, nearest, program_invocation_short_name);
    return conf_complain(at, "unknown setting \"%.60s\" (%s --print-config lists all)", name,
                         program_invocation_short_name);
}

static char *trim(char *s)
{
    size_t len;

    s += strspn(s, " \t");
    len = strlen(s);
    while (len && strchr(" \t\r\n", s[len - 1]))
        s[--len] = '\0';
    return s;
}

/* A '#' inside a word belongs to the word: passwords and channel names may hold one. */
static void cut_comment(char *line)
{
    for (char *p = line; *p; p++)
        if (*p == '#' && (p == line || p[-1] == ' ' || p[-1] == '\t')) {
            *p = '\0';
            return;
        }
}

/* The same for a line of the file and an assignment on the command line; cuts `text` up. */
static enum status split(const struct conf_place *at, char *text, char **name, char **value)
{
    char *equals = strchr(text, '=');

    *name = *value = text;
    if (!equals || equals == text)
        return conf_complain(at, "\"%.60s\" is no setting; \"name = value\" is expected", text);
    *equals = '\0';
    *name = trim(text);
    *value = trim(equals + 1);
    return ST_OK;
}

struct reader {
    const struct conf_row *rows;
    size_t n;
    void *into;
    unsigned *first_line; /* of each row, 0 = not seen */
    struct conf_place at;
};

static enum status take_line(struct reader *r, char *line)
{
    const struct conf_row *row;
    char *name, *value;
    enum status st;
    size_t i;

    cut_comment(line);
    line = trim(line);
    if (!*line)
        return ST_OK;
    st = split(&r->at, line, &name, &value);
    if (st != ST_OK)
        return st;
    row = find_row(r->rows, r->n, name);
    if (!row)
        return refuse_name(&r->at, r->rows, r->n, name);
    i = (size_t)(row - r->rows);
    if (r->first_line[i] && row->kind != CONF_LIST)
        return conf_complain(&r->at, "%s was set in line %u already; delete one of the two", name,
                             r->first_line[i]);
    if (row->kind == CONF_LIST && !r->first_line[i])
        conf_clear_list(conf_field(row, r->into)); /* what the file says replaces the default */
    if (!r->first_line[i])
        r->first_line[i] = r->at.line;
    return conf_set_value(&r->at, row, value, r->into);
}

static enum status check_line(const struct conf_place *at, const char *line, size_t len)
{
    if (strlen(line) != len)
        return conf_complain(at, "the line holds a NUL byte; settings are plain text");
    if (len >= LINE_BYTES)
        return conf_complain(at, "the line is longer than %d bytes", LINE_BYTES - 1);
    return ST_OK;
}

static enum status take_lines(struct reader *r, FILE *file)
{
    enum status st = ST_OK;
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    while (st == ST_OK && (len = getline(&line, &room, file)) >= 0) {
        char *text = line;

        r->at.line++;
        if (r->at.line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0)
            text += 3; /* a byte order mark, left by some editors */
        st = check_line(&r->at, line, (size_t)len);
        if (st == ST_OK)
            st = take_line(r, text);
    }
    if (st == ST_OK && ferror(file)) {
        r->at.line = 0;
        (void)conf_complain(&r->at, "cannot be read: %s", strerror(errno));
        st = ST_IO;
    }
    free(line);
    return st;
}

static enum status read_file(struct reader *r)
{
    FILE *file = fopen(r->at.path, "re");
    enum status st;

    if (!file) {
        int error = errno;

        (void)conf_complain(&r->at, "cannot be opened: %s (%s --print-config prints a sample)",
                            strerror(error), program_invocation_short_name);
        errno = error;
        return ST_IO;
    }
    st = take_lines(r, file);
    fclose(file);
    return st;
}

static void zero_fields(const struct conf_row *rows, size_t n, void *into)
{
    static const size_t sizes[] = {
        [CONF_TEXT] = sizeof(char *),    [CONF_PATH] = sizeof(char *),
        [CONF_COUNT] = sizeof(unsigned), [CONF_MS] = sizeof(unsigned),
        [CONF_BYTES] = sizeof(size_t),   [CONF_BOOL] = sizeof(bool),
        [CONF_REAL] = sizeof(double),    [CONF_LIST] = sizeof(struct conf_list),
    };

    for (size_t i = 0; i < n; i++)
        memset(conf_field(&rows[i], into), 0, sizes[rows[i].kind]);
}

enum status conf_load(const struct conf_row *rows, size_t n, const char *path, void *into,
                      char *err, size_t err_size)
{
    struct reader r = {.rows = rows, .n = n, .into = into};
    enum status st = ST_OK;

    r.at = (struct conf_place){.err = err, .err_size = err_size};
    zero_fields(rows, n, into);
    for (size_t i = 0; i < n && st == ST_OK; i++)
        if (rows[i].deflt)
            st = conf_set_value(&r.at, &rows[i], rows[i].deflt, into);
    if (st != ST_OK || !path)
        return st;
    r.at.path = path;
    r.first_line = mem_zalloc(n * sizeof(*r.first_line));
    if (!r.first_line)
        return conf_no_memory(&r.at);
    st = read_file(&r);
    mem_free(r.first_line);
    return st;
}

enum status conf_set(const struct conf_row *rows, size_t n, const char *assignment, void *into,
                     char *err, size_t err_size)
{
    struct conf_place at = {.err = err, .err_size = err_size};
    char text[LINE_BYTES], *name, *value;
    const struct conf_row *row;
    enum status st;

    if (strlen(assignment) >= sizeof(text))
        return conf_complain(&at, "the setting is longer than %d bytes", LINE_BYTES - 1);
    snprintf(text, sizeof(text), "%s", assignment);
    st = split(&at, text, &name, &value);
    if (st != ST_OK)
        return st;
    row = find_row(rows, n, name);
    if (!row)
        return refuse_name(&at, rows, n, name);
    return conf_set_value(&at, row, value, into);
}

void conf_clear(const struct conf_row *rows, size_t n, const char *assignment, void *into)
{
    size_t len = strcspn(assignment, "= \t");

    for (size_t i = 0; i < n; i++)
        if (rows[i].kind == CONF_LIST && strlen(rows[i].name) == len &&
            strncmp(rows[i].name, assignment, len) == 0)
            conf_clear_list(conf_field(&rows[i], into));
}

static bool is_set(const struct conf_row *row, const void *from)
{
    const void *value = conf_const_field(row, from);

    switch (row->kind) {
    case CONF_TEXT:
    case CONF_PATH:
        return *(char *const *)value && **(char *const *)value;
    case CONF_LIST:
        return ((const struct conf_list *)value)->count > 0;
    default:
        return true; /* a number or a switch always has a value; its range says which are legal */
    }
}

enum status conf_check(const struct conf_row *rows, size_t n, const char *path, const void *from,
                       char *err, size_t err_size)
{
    struct conf_place at = {.path = path, .err = err, .err_size = err_size};

    for (size_t i = 0; i < n; i++)
        if (rows[i].flags & CONF_REQUIRED && !is_set(&rows[i], from))
            return conf_complain(&at, "%s is not set; add a line \"%s = ...\" (%s)", rows[i].name,
                                 rows[i].name, rows[i].help);
    return ST_OK;
}

void conf_free(const struct conf_row *rows, size_t n, void *into)
{
    for (size_t i = 0; i < n; i++) {
        char **text = conf_field(&rows[i], into);

        if (rows[i].kind == CONF_LIST) {
            conf_clear_list(conf_field(&rows[i], into));
        } else if (rows[i].kind == CONF_TEXT || rows[i].kind == CONF_PATH) {
            if (*text && rows[i].flags & CONF_SECRET)
                explicit_bzero(*text, strlen(*text));
            mem_free(*text);
            *text = NULL;
        }
    }
}
