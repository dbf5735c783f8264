/* edxl_say - what the two halves of `eocctl edxl` share. */
#ifndef EOCBUS_CTL_EDXL_SAY_H
#define EOCBUS_CTL_EDXL_SAY_H

#include "agents/ctl/ctl.h"
#include "proto/base/mem.h"

/* eocctl edxl import ... */
int edxl_import(struct ctl *c);
/* Each line of `lines` to standard error: "ABOUT: WHAT LINE". */
void edxl_complain(const char *about, const char *what, const struct buf *lines);

#endif
