/* eocbus-console - the dispatchers' page. */
#include <string.h>

#include "agents/console/console.h"

#include "proto/base/banned.h"

static const char usage[] =
    "eocbus-console - the dispatchers' page: what happened, what needs a decision, what got "
    "through\n"
    "\n"
    "  eocbus-console [OPTIONS] run\n"
    "  eocbus-console [OPTIONS] person list | add NAME [tg|ru|en] | password NAME | remove NAME\n"
    "  eocbus-console [OPTIONS] person key NAME [FILE]\n"
    "  eocbus-console [OPTIONS] cap read [FILE] | cap write [FILE]\n"
    "\n"
    "run        serves the pages until it is told to end\n"
    "person     who may sign in; a password comes from the terminal or on standard input\n"
    "person key makes the key with which NAME approves orders to machines, or takes that of FILE, "
    "and\n"
    "           locks it with the password of NAME; writes the request for its enrolment\n"
    "cap        a CAP 1.1 or 1.2 document as the JSON of a message, as eocctl publish takes it; "
    "and back\n"
    "\n"
    "  -c, --config FILE    settings (default /etc/eocbus/console.conf)\n"
    "  -o, --set NAME=VALUE one of them\n"
    "      --print-config   all of them, with what they mean\n"
    "      --check-config   whether they hold\n";

int main(int argc, char **argv)
{
    const struct program program = {"eocbus-console", usage, console_rows, console_row_count,
                                    "/etc/eocbus/console.conf"};
    struct console c = {.program = &program};
    int code = program_start(&program, &argc, argv, &c.set);

    if (code >= 0)
        return code;
    c.argc = argc - 1;
    c.argv = argv + 1;
    if (argc < 2)
        code = program_fail(&program, EXIT_USAGE, "say what to do: run, person or cap");
    else if (strcmp(argv[1], "run") == 0)
        code = console_run(&c);
    else if (strcmp(argv[1], "person") == 0)
        code = console_person(&c);
    else if (strcmp(argv[1], "cap") == 0)
        code = console_cap(&c);
    else
        code = program_fail(&program, EXIT_USAGE, "there is no command %s; see --help", argv[1]);
    conf_free(console_rows, console_row_count, &c.set);
    return code;
}
