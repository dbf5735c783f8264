/* office_main - the program of an office: which command is meant, its help, its settings, its exit
 * code. */
#include "agents/link/office.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agents/link/print.h"
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

/* What the command line says before any setting is read. */
struct asked {
    const char *config; /* -c, or NULL */
    const char *lang;   /* --lang or -o lang=, or NULL */
    /* The first two words that are no options of the program nor values of them, or NULL. `help`
     * before them is left out, and is_help set. */
    const char *command, *word;
    bool is_help;
};

static bool has_value(const char *option)
{
    static const char *const options[] = {"-c", "-o", "--config", "--set", "--lang"};

    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (strcmp(option, options[i]) == 0)
            return true;
    return false;
}

static void look_at_option(struct asked *a, const char *option, const char *value)
{
    if (strcmp(option, "--lang") == 0)
        a->lang = value;
    else if (option[1] == 'c' || strcmp(option, "--config") == 0)
        a->config = value;
    else if (strncmp(value, "lang=", 5) == 0)
        a->lang = value + 5;
}

static void look_at_words(struct asked *a, int argc, char **argv)
{
    bool ended = false; /* options of the command begin, whose values are no words */

    memset(a, 0, sizeof(*a));
    for (int i = 1; i < argc; i++) {
        if (has_value(argv[i]) && i + 1 < argc) {
            look_at_option(a, argv[i], argv[i + 1]);
            i++;
        } else if (argv[i][0] == '-') {
            ended = ended || a->command;
        } else if (!a->command && !a->is_help && strcmp(argv[i], "help") == 0) {
            a->is_help = true;
        } else if (!a->command) {
            a->command = argv[i];
        } else if (!a->word && !ended) {
            a->word = argv[i];
        }
    }
}

/* Help is given without sound settings, and all the same in the language that they name. */
static enum lang find_lang(const struct office *o, const struct asked *a)
{
    const struct program *p = &o->program;
    struct office_settings set = {.lang = NULL};
    const char *path = a->config ? a->config : p->default_config;
    enum lang lang = lang_of_environment(LANG_RUSSIAN);
    char err[300];

    if (a->lang && lang_parse(a->lang, &lang) == ST_OK)
        return lang;
    if (access(path, R_OK) != 0)
        return lang;
    if (conf_load(p->rows, p->row_count, path, &set, err, sizeof(err)) == ST_OK && set.lang)
        (void)!lang_parse(set.lang, &lang);
    conf_free(p->rows, p->row_count, &set);
    return lang;
}

/* "--lang tg" is another way to write "-o lang=tg", which is put into `text`. */
static void rewrite_lang(int argc, char **argv, char text[16])
{
    static char option[] = "-o";

    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--lang") == 0) {
            snprintf(text, 16, "lang=%s", argv[i + 1]);
            argv[i] = option;
            argv[i + 1] = text;
            return;
        }
}

static const char *summary_of(const struct office_command *c, enum lang lang)
{
    const char *text = lang_text(lang, "command", c->name);

    return text ? text : c->summary;
}

static void put_usage(struct office *o, struct buf *b, const char *head,
                      const struct office_command *command, const char *word)
{
    const char *own_head = lang_text(o->lang, "head", o->program.name);
    const struct translate_value program = {"program", o->program.name};

    buf_printf(b, "%s\n", own_head ? own_head : head);
    buf_puts(b, own_head ? "\n" : "");
    if (command && command->help) {
        command->help(b, o->lang, command->name, word);
    } else if (command) {
        buf_printf(b, "%s: %s\n", command->name, summary_of(command, o->lang));
    } else {
        for (size_t i = 0; i < o->command_count; i++)
            buf_printf(b, "  %-12s %s\n", o->commands[i].name,
                       summary_of(&o->commands[i], o->lang));
        buf_puts(b, "\n");
        translate_fill(b, lang_say(o->lang, SAY_USAGE_COMMANDS), &program, 1);
        buf_puts(b, "\n");
    }
    if (!command || command->help != office_help) /* those say nothing */
        buf_printf(b, "\n%s\n", lang_say(o->lang, SAY_USAGE_SAYING));
    buf_printf(b, "\n%s\n", lang_say(o->lang, SAY_USAGE_EVERY));
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

    if (!*o->set.lang)
        o->lang = lang_of_environment(LANG_RUSSIAN);
    else if (lang_parse(o->set.lang, &o->lang) != ST_OK)
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

/* Sound settings may still leave something open, and who asks now is there to hear of it. */
static int say_checked(struct office *o)
{
    const struct translate_value values[] = {{"program", o->program.name},
                                             {"key", o->set.agent.key_file}};
    struct buf out = {0};

    translate_fill(&out, lang_say(o->lang, SAY_SETTINGS_FINE), values, ARRAY_LEN(values));
    if (!*o->set.place)
        buf_printf(&out, "\n%s", lang_say(o->lang, SAY_SETTINGS_NO_PLACE));
    if (access(o->set.agent.key_file, R_OK) != 0) {
        buf_puts(&out, "\n");
        translate_fill(&out, lang_say(o->lang, SAY_SETTINGS_NO_KEY), values, ARRAY_LEN(values));
    }
    buf_puts(&out, "\n");
    print_flush(&out);
    buf_free(&out);
    return EXIT_DONE;
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
    if (code < 0)
        code = say_checked(o);
    conf_free(o->program.rows, o->program.row_count, &o->set);
    return code;
}

static int show_usage(const struct office *o)
{
    fputs(o->program.usage, stdout);
    return EXIT_DONE;
}

int office_main(struct office *o, const char *usage_head, int argc, char **argv)
{
    const struct office_command *meant;
    struct asked asked;
    struct buf usage = {0};
    char lang[16];
    int code = -1;

    look_at_words(&asked, argc, argv);
    o->lang = find_lang(o, &asked);
    meant = asked.command ? find_command(o, asked.command) : NULL;
    put_usage(o, &usage, usage_head, meant, asked.word);
    o->program.usage = usage.failed ? "" : (const char *)usage.data;
    rewrite_lang(argc, argv, lang);
    if (asked.is_help)
        code = meant || !asked.command ? show_usage(o) : fail_unknown(o, asked.command);
    if (code < 0)
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
