/* eocctl - keys, principals, migrations, and a look at what the bus does.
 *
 * The first word that is no option is the command; commands.c knows the rest. Settings come
 * from one file for all commands, and each command asks only for what it needs. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/ctl/ctl.h"
#include "agents/link/options.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

#define DEFAULT_CONFIG "/etc/eocbus/eocctl.conf"

#define COMMON_OPTIONS                                                                             \
    "\nOf every command:\n"                                                                        \
    "  -c FILE           settings (default " DEFAULT_CONFIG ")\n"                                  \
    "  -o NAME=VALUE     one setting, over the file\n"                                             \
    "  --check-config    say whether the settings are sound\n"                                     \
    "  --print-config    a sample file with every setting\n"                                       \
    "  --help, --version\n"

static void print_overview(struct buf *b)
{
    buf_puts(b, "eocctl [-c FILE] COMMAND ...\n\n");
    for (size_t i = 0; i < ctl_command_count; i++)
        buf_printf(b, "  %-11s %s\n", ctl_commands[i].name, ctl_commands[i].summary);
    buf_puts(b, "\n`eocctl help COMMAND` tells more.\n" COMMON_OPTIONS);
}

static const char *nearest_command(const char *word)
{
    const char *names[100];
    size_t count = 0;

    while (count < ctl_command_count && count < ARRAY_LEN(names)) {
        names[count] = ctl_commands[count].name;
        count++;
    }
    return options_nearest(word, names, count);
}

static int fail_unknown(const struct program *p, const char *word)
{
    const char *near = nearest_command(word);

    if (near)
        return program_fail(p, EXIT_USAGE, "there is no command \"%s\"; did you mean \"%s\"?", word,
                            near);
    return program_fail(p, EXIT_USAGE, "there is no command \"%s\"; `eocctl help` lists them",
                        word);
}

int ctl_help(struct ctl *c)
{
    struct buf b = {0};
    const struct ctl_command *cmd = c->argc > 1 ? ctl_find(c->argv[1]) : NULL;

    if (c->argc > 1 && !cmd)
        return fail_unknown(&c->program, c->argv[1]);
    if (cmd)
        buf_printf(&b, "%s", cmd->usage);
    else
        print_overview(&b);
    if (!b.failed)
        fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
    return EXIT_DONE;
}

/* The same rows as every agent's, but none is required here: each command says what it needs. */
static const struct conf_row row_table[] = {
    AGENT_CONF_ROWS(struct ctl_settings, agent),
    {"database", CONF_TEXT, offsetof(struct ctl_settings, database), "", 0,
     "libpq connection string for migrate, principal, show, listeners, quarantine and status", 0,
     0},
    {"control.socket", CONF_PATH, offsetof(struct ctl_settings, control_socket),
     "/run/eocbus/broker.sock", 0, "where the broker on this machine answers status", 0, 0},
};
static struct conf_row rows[ARRAY_LEN(row_table)];

static void relax_rows(void)
{
    memcpy(rows, row_table, sizeof(rows));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rows[i].flags &= ~(unsigned)CONF_REQUIRED;
        if (strcmp(rows[i].name, "log.level") == 0)
            rows[i].deflt =
                "error"; /* a person reads along, and commands say what matters themselves */
    }
}

/* The first word that is neither an option of the program nor the value of one. */
static const char *find_word(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-')
            return argv[i];
        if (!strcmp(argv[i], "-c") || !strcmp(argv[i], "-o") || !strcmp(argv[i], "--config") ||
            !strcmp(argv[i], "--set"))
            i++;
    }
    return NULL;
}

static bool is_empty(const char *s)
{
    return !s || !*s;
}

/* NULL if the settings have what the command needs, else the name of the first that is missing. */
static const char *find_missing(const struct ctl_settings *set, unsigned needs)
{
    if (needs & (CTL_LISTEN | CTL_SPEAK)) {
        if (is_empty(set->agent.name))
            return "name";
        if (is_empty(set->agent.key_file))
            return "key.file";
        if (set->agent.endpoints.count == 0)
            return "broker.endpoint";
        if (is_empty(set->agent.broker_key))
            return "broker.key";
    }
    if ((needs & CTL_SPEAK) && is_empty(set->agent.outbox_path))
        return "outbox.path";
    if ((needs & CTL_DATABASE) && is_empty(set->database))
        return "database";
    if ((needs & CTL_CONTROL) && is_empty(set->control_socket))
        return "control.socket";
    return NULL;
}

static int run_command(struct ctl *c, const struct ctl_command *cmd)
{
    const char *missing = find_missing(&c->set, cmd->needs);
    enum log_level level;

    if (missing)
        return program_fail(&c->program, EXIT_USAGE,
                            "%s needs the setting \"%s\"; put it into %s or give -o %s=VALUE",
                            cmd->name, missing, DEFAULT_CONFIG, missing);
    if (log_level_parse(c->set.agent.log_level ? c->set.agent.log_level : "info", &level) == ST_OK)
        log_set_level(level);
    return cmd->run(c);
}

int main(int argc, char **argv)
{
    const char *word = find_word(argc, argv);
    const struct ctl_command *cmd = word ? ctl_find(word) : NULL;
    struct buf usage = {0};
    struct ctl c = {0};
    int code;

    relax_rows();
    if (cmd)
        buf_printf(&usage, "%s" COMMON_OPTIONS, cmd->usage);
    else
        print_overview(&usage);
    buf_put(&usage, "", 1);
    c.program = (struct program){
        .name = "eocctl",
        .usage = usage.failed ? "" : (const char *)usage.data,
        .rows = rows,
        .row_count = ARRAY_LEN(rows),
        .default_config = access(DEFAULT_CONFIG, R_OK) == 0 ? DEFAULT_CONFIG : NULL,
    };
    c.rows = rows;
    c.row_count = ARRAY_LEN(rows);
    code = program_start(&c.program, &argc, argv, &c.set);
    if (code < 0 && argc < 2)
        code = program_fail(&c.program, EXIT_USAGE,
                            "what shall I do? `eocctl help` lists the commands");
    if (code < 0) {
        cmd = ctl_find(argv[1]);
        c.argc = argc - 1;
        c.argv = argv + 1;
        code = cmd ? run_command(&c, cmd) : fail_unknown(&c.program, argv[1]);
    }
    conf_free(rows, ARRAY_LEN(rows), &c.set);
    buf_free(&usage);
    return code;
}
