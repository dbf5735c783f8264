/* eocctl - keys, principals, migrations, and a look at what the bus does.
 *
 * The first word that is no option is the command; commands.c knows the rest. Settings come
 * from one file for all commands, and each command asks only for what it needs. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/ctl/ctl.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

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
                            cmd->name, missing, CTL_DEFAULT_CONFIG, missing);
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
    ctl_put_usage(&usage, cmd);
    buf_put(&usage, "", 1);
    c.program = (struct program){
        .name = "eocctl",
        .usage = usage.failed ? "" : (const char *)usage.data,
        .rows = rows,
        .row_count = ARRAY_LEN(rows),
        .default_config = access(CTL_DEFAULT_CONFIG, R_OK) == 0 ? CTL_DEFAULT_CONFIG : NULL,
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
        code = cmd ? run_command(&c, cmd) : ctl_fail_unknown(&c.program, argv[1]);
    }
    conf_free(rows, ARRAY_LEN(rows), &c.set);
    buf_free(&usage);
    return code;
}
