/* office_main - the program of an office: which command is meant, its help, its settings, its exit
 * code. */
#include "agents/link/office.h"

#include <string.h>

#include "proto/base/log.h"
#include "proto/wire/gate.h"

#include "proto/base/banned.h"

/* A table of a thousand households with room to spare. */
#define ARENA_BYTES (64u << 20)

static const struct office_command *find_command(const struct office *o, const char *name)
{
    for (size_t i = 0; i < o->command_count; i++)
        if (strcmp(o->commands[i].name, name) == 0)
            return &o->commands[i];
    return NULL;
}

/* The first word that is no option of the program nor the value of one, and the word behind it. */
static const struct office_command *command_meant(const struct office *o, int argc, char **argv,
                                                  const char **word)
{
    *word = NULL;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            if (i + 1 < argc && argv[i + 1][0] != '-')
                *word = argv[i + 1];
            return find_command(o, argv[i]);
        }
        if (!strcmp(argv[i], "-c") || !strcmp(argv[i], "-o") || !strcmp(argv[i], "--config") ||
            !strcmp(argv[i], "--set"))
            i++;
    }
    return NULL;
}

static void put_usage(struct office *o, struct buf *b, const char *head,
                      const struct office_command *command, const char *word)
{
    buf_printf(b, "%s\n", head);
    if (command && command->help) {
        command->help(b, command->name, word);
    } else {
        for (size_t i = 0; i < o->command_count; i++)
            buf_printf(b, "  %-12s %s\n", o->commands[i].name, o->commands[i].summary);
        buf_printf(b, "\n`%s COMMAND --help` tells more.\n", o->program.name);
    }
    if (!command || command->help != office_help) /* those say nothing */
        buf_puts(b, "\nOf every command that says something:\n"
                    "  --wait SECONDS     for the receipts (default 0: into the outbox, and back)\n"
                    "  --once-key KEY     repeatable: what an earlier run with this key put is not "
                    "put again\n"
                    "  --field PATH=VALUE any other field, by its name in the .proto\n");
    buf_puts(b, "\nOf every command:\n"
                "  -c FILE, -o NAME=VALUE, --check-config, --print-config, --help, --version\n"
                "\nExit status: 0 done; 1 refused; 2 wrong use or settings; 3 no receipt in time, "
                "it is kept;\n4 this machine: file, disk, key.\n");
    buf_put(b, "", 1);
}

static int fail_unknown(struct office *o, const char *word)
{
    const char *names[32], *near;
    size_t n = 0;

    for (; n < o->command_count && n < ARRAY_LEN(names); n++)
        names[n] = o->commands[n].name;
    near = options_nearest(word, names, n);
    if (near)
        return office_fail(o, EXIT_USAGE, "%s: %s; %s: %s?", lang_say(o->lang, SAY_NO_SUCH_COMMAND),
                           word, lang_say(o->lang, SAY_DID_YOU_MEAN), near);
    return office_fail(o, EXIT_USAGE, "%s: %s", lang_say(o->lang, SAY_NO_SUCH_COMMAND), word);
}

/* The words that the rows of settings cannot check. */
static int check_words(struct office *o)
{
    enum log_level level;
    char err[300];
    int status;

    if (lang_parse(o->set.lang, &o->lang) != ST_OK)
        return office_fail(o, EXIT_USAGE, "lang = %s: legal are tg, ru and en", o->set.lang);
    if (form_word(&eocbus__v1__status__descriptor, o->set.status, &status, err, sizeof(err)) !=
        ST_OK)
        return office_fail(o, EXIT_USAGE, "status: %s", err);
    o->status = (Eocbus__V1__Status)status;
    if (*o->set.place && !gate_pcode_is_valid(o->set.place))
        return office_fail(o, EXIT_USAGE, "place = %s is no P-code, such as 3505203", o->set.place);
    if (!*o->set.agent.outbox_path)
        return office_fail(o, EXIT_USAGE,
                           "outbox.path is empty; an office has to keep what it says");
    if (log_level_parse(o->set.agent.log_level, &level) != ST_OK)
        return office_fail(o, EXIT_USAGE, "log.level: legal are debug, info, warn and error");
    log_set_level(level);
    return -1;
}

static int run_command(struct office *o, int argc, char **argv)
{
    const struct office_command *command;
    int code = check_words(o);

    if (code >= 0)
        return code;
    if (argc < 2)
        return office_fail(o, EXIT_USAGE, "%s", lang_say(o->lang, SAY_WHAT_SHALL_I_DO));
    command = find_command(o, argv[1]);
    if (!command)
        return fail_unknown(o, argv[1]);
    if (arena_create(&o->arena, ARENA_BYTES) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    o->argc = argc - 1;
    o->argv = argv + 1;
    code = command->run(o);
    arena_destroy(o->arena);
    return code;
}

/* --check-config is answered by the program, which cannot know the words of an office. */
static int check_only(struct office *o, int argc, char **argv)
{
    char *kept[128];
    int n = 0, code;
    bool asked = false;

    for (int i = 0; i < argc && i < (int)ARRAY_LEN(kept) - 1; i++) {
        if (strcmp(argv[i], "--check-config") == 0)
            asked = true;
        else
            kept[n++] = argv[i];
    }
    kept[n] = NULL;
    if (!asked)
        return -1;
    code = program_start(&o->program, &n, kept, &o->set);
    if (code >= 0)
        return code;
    code = check_words(o);
    conf_free(o->program.rows, o->program.row_count, &o->set);
    return code;
}

int office_main(struct office *o, const char *usage_head, int argc, char **argv)
{
    const struct office_command *meant;
    const char *word;
    struct buf usage = {0};
    int code;

    o->lang = LANG_ENGLISH;
    meant = command_meant(o, argc, argv, &word);
    put_usage(o, &usage, usage_head, meant, word);
    o->program.usage = usage.failed ? "" : (const char *)usage.data;
    code = check_only(o, argc, argv);
    if (code < 0)
        code = program_start(&o->program, &argc, argv, &o->set);
    if (code < 0) {
        code = run_command(o, argc, argv);
        conf_free(o->program.rows, o->program.row_count, &o->set);
    }
    buf_free(&usage);
    return code;
}
