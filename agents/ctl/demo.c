#include "agents/ctl/ctl.h"
int ctl_demo(struct ctl *c)
{
    return program_fail(&c->program, EXIT_USAGE, "not yet");
}
