/* conf - settings from a table of rows.
 *
 * Reading: the defaults first, through the same parser as the file, then the file line by line,
 * then what the command line says. A value is parsed once, by the kind of its row. Every error
 * names where it was found, what stands there, and what would be legal; the value of a secret is
 * never repeated. */
#include "proto/base/conf.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

#define LINE_BYTES 4096 /* a conninfo with certificates' paths has a few hundred */

/* Where a value comes from, and where to complain. */
struct place {
    const char *path; /* NULL: the command line or the table of defaults */
    unsigned line;
    char *err;
    size_t err_size;
};

struct unit {
    const char *suffix;
    uint64_t factor;
};

static const struct unit ms_units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000},
                                       {"ms", 1},      {"", 1},      {NULL, 0}};
static const struct unit byte_units[] = {
    {"GiB", 1073741824}, {"MiB", 1048576}, {"KiB", 1024}, {"B", 1}, {"", 1}, {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

static enum status complain(const struct place *at, const char *fmt, ...) PRINTF_LIKE(2, 3);

static enum status complain(const struct place *at, const char *fmt, ...)
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

static enum status no_memory(const struct place *at)
{
    (void)complain(at, "no memory for the settings");
    return ST_NOMEM;
}

static void *field(const struct conf_row *row, void *into)
{
    return (char *)into + row->offset;
}

static const void *const_field(const struct conf_row *row, const void *from)
{
    return (const char *)from + row->offset;
}

/* --- values ------------------------------------------------------------------------------------
 */

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

static enum status refuse(const struct place *at, const struct conf_row *row, const char *value)
{
    if (row->flags & CONF_SECRET)
        return complain(at, "the value of %s is not %s", row->name, expected(row->kind));
    return complain(at, "%s is \"%.60s\"; %s is expected", row->name, value, expected(row->kind));
}

static void print_number(char *out, size_t size, enum conf_kind kind, double number);

static bool has_range(const struct conf_row *row)
{
    return row->least != 0 || row->most != 0;
}

static enum status check_range(const struct place *at, const struct conf_row *row, double number,
                               const char *value)
{
    char least[40], most[40];

    if (!has_range(row) || (number >= row->least && number <= row->most))
        return ST_OK;
    print_number(least, sizeof(least), row->kind, row->least);
    print_number(most, sizeof(most), row->kind, row->most);
    return complain(at, "%s is %.60s; from %s to %s is possible", row->name,
                    row->flags & CONF_SECRET ? "out of range" : value, least, most);
}

/* Digits and a unit, no sign, no blank between; false past `most`. */
static bool parse_whole(const char *value, const struct unit *units, uint64_t most, uint64_t *out)
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

static enum status set_whole(const struct place *at, const struct conf_row *row, const char *value,
                             void *into)
{
    const struct unit *units = row->kind == CONF_MS      ? ms_units
                               : row->kind == CONF_BYTES ? byte_units
                                                         : no_units;
    uint64_t most = row->kind == CONF_BYTES ? SIZE_MAX : UINT_MAX, number;
    enum status st;

    if (!parse_whole(value, units, most, &number))
        return refuse(at, row, value);
    st = check_range(at, row, (double)number, value);
    if (st != ST_OK)
        return st;
    if (row->kind == CONF_BYTES)
        *(size_t *)field(row, into) = (size_t)number;
    else
        *(unsigned *)field(row, into) = (unsigned)number;
    return ST_OK;
}

static enum status set_real(const struct place *at, const struct conf_row *row, const char *value,
                            void *into)
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
        *(double *)field(row, into) = number;
    return st;
}

static enum status set_bool(const struct place *at, const struct conf_row *row, const char *value,
                            void *into)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

    for (unsigned i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(value, words[i]) == 0) {
            *(bool *)field(row, into) = i % 2;
            return ST_OK;
        }
    return refuse(at, row, value);
}

static enum status set_text(const struct place *at, const struct conf_row *row, const char *value,
                            void *into)
{
    char **slot = field(row, into);
    char *copy = mem_strdup(value);

    if (!copy)
        return no_memory(at);
    mem_free(*slot);
    *slot = copy;
    return ST_OK;
}

static enum status set_path(const struct place *at, const struct conf_row *row, const char *value,
                            void *into)
{
    char path[PATH_MAX];
    const char *home = getenv("HOME");
    int len;

    if (strncmp(value, "~/", 2) != 0)
        return set_text(at, row, value, into);
    if (!home)
        return complain(at, "%s begins with ~/, but HOME is not set; write the whole path",
                        row->name);
    len = snprintf(path, sizeof(path), "%s/%s", home, value + 2);
    if (len < 0 || (size_t)len >= sizeof(path))
        return complain(at, "%s is longer than a path can be", row->name);
    return set_text(at, row, path, into);
}

static enum status add_item(const struct place *at, const struct conf_row *row, const char *value,
                            void *into)
{
    struct conf_list *list = field(row, into);
    char **items, *copy = mem_strdup(value);

    if (!copy)
        return no_memory(at);
    items = mem_realloc(list->items, (list->count + 1) * sizeof(*items));
    if (!items) {
        mem_free(copy);
        return no_memory(at);
    }
    items[list->count++] = copy;
    list->items = items;
    return ST_OK;
}

static void clear_list(struct conf_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        mem_free(list->items[i]);
    mem_free(list->items);
    list->items = NULL;
    list->count = 0;
}

static enum status set_value(const struct place *at, const struct conf_row *row, const char *value,
                             void *into)
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

/* --- names -------------------------------------------------------------------------------------
 */

static const struct conf_row *find_row(const struct conf_row *rows, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
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
            unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);

            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[a_len % 3][b_len];
}

static enum status refuse_name(const struct place *at, const struct conf_row *rows, size_t n,
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
        return complain(at,
                        "unknown setting \"%.60s\"; did you mean \"%s\"? (%s --print-config lists "
                        "all)",
                        name, nearest, program_invocation_short_name);
    return complain(at, "unknown setting \"%.60s\" (%s --print-config lists all)", name,
                    program_invocation_short_name);
}

/* --- the file ----------------------------------------------------------------------------------
 */

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
static enum status split(const struct place *at, char *text, char **name, char **value)
{
    char *equals = strchr(text, '=');

    *name = *value = text;
    if (!equals || equals == text)
        return complain(at, "\"%.60s\" is no setting; \"name = value\" is expected", text);
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
    struct place at;
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
        return complain(&r->at, "%s was set in line %u already; delete one of the two", name,
                        r->first_line[i]);
    if (row->kind == CONF_LIST && !r->first_line[i])
        clear_list(field(row, r->into)); /* what the file says replaces the default */
    if (!r->first_line[i])
        r->first_line[i] = r->at.line;
    return set_value(&r->at, row, value, r->into);
}

static enum status check_line(const struct place *at, const char *line, size_t len)
{
    if (strlen(line) != len)
        return complain(at, "the line holds a NUL byte; settings are plain text");
    if (len >= LINE_BYTES)
        return complain(at, "the line is longer than %d bytes", LINE_BYTES - 1);
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
        (void)complain(&r->at, "cannot be read: %s", strerror(errno));
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

        (void)complain(&r->at, "cannot be opened: %s (%s --print-config prints a sample)",
                       strerror(error), program_invocation_short_name);
        errno = error;
        return ST_IO;
    }
    st = take_lines(r, file);
    fclose(file);
    return st;
}

/* --- the door ----------------------------------------------------------------------------------
 */

static void zero_fields(const struct conf_row *rows, size_t n, void *into)
{
    static const size_t sizes[] = {
        [CONF_TEXT] = sizeof(char *),    [CONF_PATH] = sizeof(char *),
        [CONF_COUNT] = sizeof(unsigned), [CONF_MS] = sizeof(unsigned),
        [CONF_BYTES] = sizeof(size_t),   [CONF_BOOL] = sizeof(bool),
        [CONF_REAL] = sizeof(double),    [CONF_LIST] = sizeof(struct conf_list),
    };

    for (size_t i = 0; i < n; i++)
        memset(field(&rows[i], into), 0, sizes[rows[i].kind]);
}

enum status conf_load(const struct conf_row *rows, size_t n, const char *path, void *into,
                      char *err, size_t err_size)
{
    struct reader r = {.rows = rows, .n = n, .into = into};
    enum status st = ST_OK;

    r.at = (struct place){.err = err, .err_size = err_size};
    zero_fields(rows, n, into);
    for (size_t i = 0; i < n && st == ST_OK; i++)
        if (rows[i].deflt)
            st = set_value(&r.at, &rows[i], rows[i].deflt, into);
    if (st != ST_OK || !path)
        return st;
    r.at.path = path;
    r.first_line = mem_zalloc(n * sizeof(*r.first_line));
    if (!r.first_line)
        return no_memory(&r.at);
    st = read_file(&r);
    mem_free(r.first_line);
    return st;
}

enum status conf_set(const struct conf_row *rows, size_t n, const char *assignment, void *into,
                     char *err, size_t err_size)
{
    struct place at = {.err = err, .err_size = err_size};
    char text[LINE_BYTES], *name, *value;
    const struct conf_row *row;
    enum status st;

    if (strlen(assignment) >= sizeof(text))
        return complain(&at, "the setting is longer than %d bytes", LINE_BYTES - 1);
    snprintf(text, sizeof(text), "%s", assignment);
    st = split(&at, text, &name, &value);
    if (st != ST_OK)
        return st;
    row = find_row(rows, n, name);
    if (!row)
        return refuse_name(&at, rows, n, name);
    return set_value(&at, row, value, into);
}

void conf_clear(const struct conf_row *rows, size_t n, const char *assignment, void *into)
{
    size_t len = strcspn(assignment, "= \t");

    for (size_t i = 0; i < n; i++)
        if (rows[i].kind == CONF_LIST && strlen(rows[i].name) == len &&
            strncmp(rows[i].name, assignment, len) == 0)
            clear_list(field(&rows[i], into));
}

static bool is_set(const struct conf_row *row, const void *from)
{
    const void *value = const_field(row, from);

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
    struct place at = {.path = path, .err = err, .err_size = err_size};

    for (size_t i = 0; i < n; i++)
        if (rows[i].flags & CONF_REQUIRED && !is_set(&rows[i], from))
            return complain(&at, "%s is not set; add a line \"%s = ...\" (%s)", rows[i].name,
                            rows[i].name, rows[i].help);
    return ST_OK;
}

void conf_free(const struct conf_row *rows, size_t n, void *into)
{
    for (size_t i = 0; i < n; i++) {
        char **text = field(&rows[i], into);

        if (rows[i].kind == CONF_LIST) {
            clear_list(field(&rows[i], into));
        } else if (rows[i].kind == CONF_TEXT || rows[i].kind == CONF_PATH) {
            if (*text && rows[i].flags & CONF_SECRET)
                explicit_bzero(*text, strlen(*text));
            mem_free(*text);
            *text = NULL;
        }
    }
}

/* --- printing ----------------------------------------------------------------------------------
 */

/* The largest unit that leaves no rest, so that what is printed can be read back. */
static void print_number(char *out, size_t size, enum conf_kind kind, double number)
{
    const struct unit *units = kind == CONF_MS      ? ms_units
                               : kind == CONF_BYTES ? byte_units
                                                    : no_units;
    uint64_t whole;

    if (kind == CONF_REAL) {
        snprintf(out, size, "%.15g", number);
        if (strtod(out, NULL) != number)
            snprintf(out, size, "%.17g", number);
        return;
    }
    whole = (uint64_t)number;
    while (units->factor > 1 && (!whole || whole % units->factor))
        units++;
    snprintf(out, size, "%llu%s", (unsigned long long)(whole / units->factor), units->suffix);
}

static double number_of(const struct conf_row *row, const void *from)
{
    const void *value = const_field(row, from);

    if (row->kind == CONF_REAL)
        return *(const double *)value;
    if (row->kind == CONF_BYTES)
        return (double)*(const size_t *)value;
    return *(const unsigned *)value;
}

static void print_text(const struct conf_row *row, const char *text, FILE *out)
{
    if (row->flags & CONF_SECRET && text && *text)
        text = "(set)";
    fprintf(out, "%s = %s\n", row->name, text ? text : "");
}

static void print_row(const struct conf_row *row, const void *from, FILE *out)
{
    const void *value = const_field(row, from);
    const struct conf_list *list = value;
    char number[40];

    switch (row->kind) {
    case CONF_TEXT:
    case CONF_PATH:
        print_text(row, *(char *const *)value, out);
        break;
    case CONF_BOOL:
        fprintf(out, "%s = %s\n", row->name, *(const bool *)value ? "yes" : "no");
        break;
    case CONF_LIST:
        for (size_t i = 0; i < list->count; i++)
            print_text(row, list->items[i], out);
        break;
    default:
        print_number(number, sizeof(number), row->kind, number_of(row, from));
        print_text(row, number, out);
    }
}

void conf_print(const struct conf_row *rows, size_t n, const void *from, FILE *out)
{
    for (size_t i = 0; i < n; i++)
        print_row(&rows[i], from, out);
}

/* The help text as comment lines of at most 90 columns, broken at blanks. */
static void print_help(const char *text, FILE *out)
{
    size_t column = 0;

    while (*text) {
        size_t word = strcspn(text, " \n");

        if (column && column + 1 + word > 88) {
            fputc('\n', out);
            column = 0;
        }
        fprintf(out, "%s%.*s", column ? " " : "# ", (int)word, text);
        column += word + 1;
        text += word + strspn(text + word, " \n");
    }
    fputc('\n', out);
}

static void print_facts(const struct conf_row *row, FILE *out)
{
    char least[40], most[40];

    if (has_range(row)) {
        print_number(least, sizeof(least), row->kind, row->least);
        print_number(most, sizeof(most), row->kind, row->most);
        fprintf(out, "# From %s to %s.\n", least, most);
    }
    if (row->kind == CONF_LIST)
        fputs("# May stand on several lines.\n", out);
    if (row->flags & CONF_RELOAD)
        fputs("# Taken over on SIGHUP.\n", out);
}

void conf_print_sample(const struct conf_row *rows, size_t n, FILE *out)
{
    fputs(
        "# Lines are \"name = value\"; '#' begins a comment. A setting that is commented out has\n"
        "# the value shown.\n",
        out);
    for (size_t i = 0; i < n; i++) {
        const struct conf_row *row = &rows[i];
        bool must_be_given = row->flags & CONF_REQUIRED && !row->deflt;

        fputc('\n', out);
        print_help(row->help, out);
        print_facts(row, out);
        if (must_be_given)
            fprintf(out, "# Required.\n%s =\n", row->name);
        else
            fprintf(out, "#%s = %s\n", row->name, row->deflt ? row->deflt : "");
    }
}
