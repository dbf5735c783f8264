/* metrics - the broker's numbers as Prometheus reads them, for its textfile collector. */
#include <stdio.h>

#include "agents/ctl/control.h"
#include "agents/ctl/ctl.h"

#include "proto/base/banned.h"

int ctl_metrics(struct ctl *c)
{
    struct buf text = {0};
    char err[400];
    enum status st;

    if (c->argc != 1)
        return program_fail(&c->program, EXIT_USAGE, "metrics wants no argument; see --help");
    st = control_ask(&text, c->set.control_socket, "metrics", err, sizeof(err));
    if (st == ST_OK)
        fwrite(text.data, 1, text.len, stdout);
    buf_free(&text);
    return st == ST_OK ? EXIT_DONE : program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
}
