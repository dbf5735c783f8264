/* enrol_form - what the commands of enrolment share; enrol.c and enrol_sign.c. */
#ifndef EOCBUS_CTL_ENROL_FORM_H
#define EOCBUS_CTL_ENROL_FORM_H

#include "agents/ctl/ctl.h"
#include "agents/ctl/enrol.h"
#include "agents/link/options.h"

/* What the command line said. */
struct enrol_form {
    const char *agency, *until, *officer_key, *out, *key_file;
    struct option_words roles, places;
    uint64_t serial;
    bool yes;
};

int enrol_fail(struct ctl *c, const struct refusal *why); /* exit code */
/* An officer signs the request or the record in this file. Exit code. */
int enrol_sign(struct ctl *c, const struct enrol_form *f, const char *path);

#endif
