/* eocbus-broker: settings, then the hallway. */
#include <signal.h>
#include <stdio.h>

#include "broker/broker.h"
#include "proto/base/program.h"

#include "proto/base/banned.h"

static const char usage[] =
    "usage: eocbus-broker [options]\n"
    "\n"
    "Takes messages from agents, writes them into PostgreSQL, and passes them on to those who "
    "listen.\n"
    "\n"
    "  -c, --config FILE       settings; default /etc/eocbus/broker.conf if it is there\n"
    "  -o, --set NAME=VALUE    one setting, over the file's; several allowed\n"
    "      --print-config      a commented sample file with every setting and its default\n"
    "      --check-config      reads the settings, says what is wrong, ends\n"
    "      --help, --version\n"
    "\n"
    "Signals: SIGTERM and SIGINT commit what is queued and end within 2 s; SIGHUP reads the "
    "settings\n"
    "again. Exit codes: 0 ended as asked, 2 wrong settings, 4 this machine (key, port, socket).\n"
    "Needs: a key (eocctl keygen), a database (eocctl migrate), principals (eocctl principal "
    "add).\n"
    "How it goes: eocctl status\n";

static struct program program = {
    .name = "eocbus-broker",
    .usage = usage,
    .default_config = "/etc/eocbus/broker.conf",
};

static enum status reread(struct config *into, char *err, size_t err_size)
{
    return program_settings(&program, into, err, err_size);
}

int main(int argc, char **argv)
{
    struct config config = {0};
    struct broker_setup set = {.config = &config, .reread = reread};
    struct broker *broker = NULL;
    char err[512] = "cannot start";
    int code;

    program.rows = config_rows(&program.row_count);
    code = program_start(&program, &argc, argv, &config);
    if (code >= 0)
        return code;
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1)
        code = program_fail(&program, EXIT_USAGE, "\"%s\" is not an option; see --help", argv[1]);
    else if ((code = broker_start(&broker, &set, err, sizeof(err))) != EXIT_DONE)
        code = program_fail(&program, code, "%s", err);
    else
        broker_run(broker);
    broker_end(broker);
    conf_free(program.rows, program.row_count, &config);
    return code;
}
