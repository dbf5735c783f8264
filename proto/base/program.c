/* program - the part of main() that all our programs share.
 *
 * The options are taken out of argv wherever they stand before "--"; what is left is the program's
 * own. Settings come from the table of rows, then the file, then -o, in that order; a reload
 * repeats the same three steps with what the command line said at the start. */
#include "proto/base/program.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proto/base/banned.h"

#define ERROR_BYTES 512
/* More assignments than any program has settings; a script that needs more wants a file. */
#define OVERRIDES_MAX 64

/* What the command line said; the strings are argv's. There is one command line in a process. */
static struct {
    const char *config; /* NULL: the default file, if there is one */
    const char *overrides[OVERRIDES_MAX];
    size_t override_count;
} command_line;

struct flags {
    bool help, version, print_config, check_config;
};

int program_fail(const struct program *p, int code, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "%s: ", p->name);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    return code;
}

/* --- the command line ------------------------------------------------------------------------- */

static bool is_flag(struct flags *f, const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        f->help = true;
    else if (strcmp(word, "--version") == 0)
        f->version = true;
    else if (strcmp(word, "--print-config") == 0)
        f->print_config = true;
    else if (strcmp(word, "--check-config") == 0)
        f->check_config = true;
    else
        return false;
    return true;
}

/* The value of "-c FILE", "--config FILE" or "--config=FILE"; NULL if this word is another. Moves
 * *i over what was used. `*missing` when the value is not there. */
static const char *option_value(const char *brief, const char *full, int argc, char **argv, int *i,
                                bool *missing)
{
    size_t len = strlen(full);

    if (strncmp(argv[*i], full, len) == 0 && argv[*i][len] == '=')
        return argv[*i] + len + 1;
    if (strcmp(argv[*i], brief) != 0 && strcmp(argv[*i], full) != 0)
        return NULL;
    if (*i + 1 >= argc || !argv[*i + 1]) {
        *missing = true;
        return NULL;
    }
    return argv[++*i];
}

static int add_override(const struct program *p, const char *assignment)
{
    if (command_line.override_count == OVERRIDES_MAX)
        return program_fail(p, EXIT_USAGE, "more than %d settings with -o; use a file with -c",
                            OVERRIDES_MAX);
    command_line.overrides[command_line.override_count++] = assignment;
    return -1;
}

/* -1: taken or not ours; *is_ours tells which. */
static int take_option(const struct program *p, struct flags *f, int argc, char **argv, int *i,
                       bool *is_ours)
{
    const char *word = argv[*i], *value;
    bool missing = false;

    *is_ours = true;
    if (is_flag(f, word))
        return -1;
    value = option_value("-c", "--config", argc, argv, i, &missing);
    if (value) {
        command_line.config = value;
        return -1;
    }
    value = missing ? NULL : option_value("-o", "--set", argc, argv, i, &missing);
    if (value)
        return add_override(p, value);
    if (missing)
        return program_fail(p, EXIT_USAGE, "%s needs a value; see %s --help", word, p->name);
    *is_ours = false;
    return -1;
}

static int take_options(const struct program *p, struct flags *f, int *argc, char **argv)
{
    int kept = 1, i = 1, code;
    bool is_ours;

    for (; i < *argc && strcmp(argv[i], "--") != 0; i++) {
        char *word = argv[i];

        code = take_option(p, f, *argc, argv, &i, &is_ours);
        if (code >= 0)
            return code;
        if (!is_ours)
            argv[kept++] = word;
    }
    for (; i < *argc; i++)
        argv[kept++] = argv[i]; /* "--" and what follows is the program's own */
    argv[kept] = NULL;
    *argc = kept;
    return -1;
}

/* --- settings --------------------------------------------------------------------------------- */

/* A default file that is not there means defaults; one that was asked for must be there. */
static const char *config_path(const struct program *p)
{
    if (command_line.config)
        return command_line.config;
    return p->default_config && access(p->default_config, F_OK) == 0 ? p->default_config : NULL;
}

static bool names_same_row(const char *a, const char *b)
{
    size_t len = strcspn(a, "= \t");

    return len == strcspn(b, "= \t") && strncmp(a, b, len) == 0;
}

/* The first -o of a list replaces what the file said, the next ones add to it. */
static enum status apply_overrides(const struct program *p, void *into, char *err, size_t err_size)
{
    enum status st = ST_OK;

    for (size_t i = 0; i < command_line.override_count && st == ST_OK; i++) {
        const char *assignment = command_line.overrides[i];
        bool is_first = true;

        for (size_t j = 0; j < i; j++)
            is_first = is_first && !names_same_row(command_line.overrides[j], assignment);
        if (is_first)
            conf_clear(p->rows, p->row_count, assignment, into);
        st = conf_set(p->rows, p->row_count, assignment, into, err, err_size);
    }
    return st;
}

enum status program_settings(const struct program *p, void *into, char *err, size_t err_size)
{
    const char *path = config_path(p);
    enum status st = conf_load(p->rows, p->row_count, path, into, err, err_size);

    if (st == ST_OK)
        st = apply_overrides(p, into, err, err_size);
    if (st == ST_OK)
        st = conf_check(p->rows, p->row_count, path, into, err, err_size);
    return st;
}

static int load_settings(const struct program *p, void *into)
{
    char err[ERROR_BYTES] = "the settings cannot be loaded";
    enum status st = program_settings(p, into, err, sizeof(err));

    if (st == ST_OK)
        return -1;
    conf_free(p->rows, p->row_count, into);
    return program_fail(p, st == ST_INVALID ? EXIT_USAGE : EXIT_MACHINE, "%s", err);
}

static int check_settings(const struct program *p, void *into)
{
    const char *path = config_path(p);
    int code = load_settings(p, into);

    if (code >= 0)
        return code;
    printf("%s: %s is fine\n", p->name, path ? path : "the command line (no settings file)");
    conf_free(p->rows, p->row_count, into);
    return EXIT_DONE;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

/* An image of the memory would hold keys, and what people wrote. It also keeps others of the same
 * user from looking into the process. Not under a sanitizer, whose search for leaks does just that.
 * A limit that cannot be lowered is no reason not to start: the unit has it too. */
static void forbid_core(void)
{
    const struct rlimit none = {0, 0};
    const char *wants = getenv("EOCBUS_CORE");

    if (IS_SANITIZED || (wants && strcmp(wants, "1") == 0))
        return;
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
}

int program_start(const struct program *p, int *argc, char **argv, void *into)
{
    struct flags f = {.help = false};
    int code;

    forbid_core();
    memset(&command_line, 0, sizeof(command_line));
    code = take_options(p, &f, argc, argv);
    if (code >= 0)
        return code;
    if (f.help) {
        fputs(p->usage, stdout);
        return EXIT_DONE;
    }
    if (f.version) {
        printf("%s " EOCBUS_VERSION "\n", p->name);
        return EXIT_DONE;
    }
    if (f.print_config) {
        conf_print_sample(p->rows, p->row_count, stdout);
        return EXIT_DONE;
    }
    return f.check_config ? check_settings(p, into) : load_settings(p, into);
}
