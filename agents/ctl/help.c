/* help - what eocctl says of itself, and of a command that it does not have. */
#include <stdio.h>
#include <string.h>

#include "agents/ctl/ctl.h"
#include "agents/link/options.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

#define COMMON_OPTIONS                                                                             \
    "\nOf every command:\n"                                                                        \
    "  -c FILE           settings (default " CTL_DEFAULT_CONFIG ")\n"                              \
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

int ctl_fail_unknown(const struct program *p, const char *word)
{
    const char *near = nearest_command(word);

    if (near)
        return program_fail(p, EXIT_USAGE, "there is no command \"%s\"; did you mean \"%s\"?", word,
                            near);
    return program_fail(p, EXIT_USAGE, "there is no command \"%s\"; `eocctl help` lists them",
                        word);
}

void ctl_put_usage(struct buf *out, const struct ctl_command *cmd)
{
    if (cmd)
        buf_printf(out, "%s" COMMON_OPTIONS, cmd->usage);
    else
        print_overview(out);
}

int ctl_help(struct ctl *c)
{
    struct buf b = {0};
    const struct ctl_command *cmd = c->argc > 1 ? ctl_find(c->argv[1]) : NULL;

    if (c->argc > 1 && !cmd)
        return ctl_fail_unknown(&c->program, c->argv[1]);
    if (cmd)
        buf_printf(&b, "%s", cmd->usage);
    else
        print_overview(&b);
    if (!b.failed)
        fwrite(b.data, 1, b.len, stdout);
    buf_free(&b);
    return EXIT_DONE;
}
