/* identity_asked - what the commands around identities share; identity_run.c and identity_erase.c.
 */
#ifndef EOCBUS_REGISTRY_IDENTITY_ASKED_H
#define EOCBUS_REGISTRY_IDENTITY_ASKED_H

#include "agents/link/office.h"

/* What the command line said, beside the words of every office. */
struct asked {
    uint8_t household[ID_BYTES];
    const char *purpose, *because, *request, *with, *place, *key;
    bool check;
};

/* A household_event of this household that moves nothing, in o->arena; NULL: out of memory. */
Eocbus__V1__Envelope *registry_begin_event(struct office *o, const struct asked *a);
/* place NULL: none. */
MUST_CHECK enum status registry_set_place(struct office *o, Eocbus__V1__Envelope *m,
                                          const char *path, const char *place);
int registry_erase(struct office *o, const struct asked *a); /* exit code */

#endif
