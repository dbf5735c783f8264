/* registry - households on their way from the mud to a plot of land, or back home. */
#ifndef EOCBUS_REGISTRY_REGISTRY_H
#define EOCBUS_REGISTRY_REGISTRY_H

#include "agents/link/office.h"

/* One command of a household's way. */
struct step {
    const char *word, *summary;
    Eocbus__V1__Kind kind;
    const char *household; /* path of the id */
    const char *actor;     /* path of the official who acts; NULL = none */
    const struct form_row *rows;
    size_t row_count;
    const char *const *defaults;   /* path, value, ..., NULL */
    Eocbus__V1__HouseholdState to; /* of a HouseholdEvent; 0 = the message is none */
};

const struct step *step_find(const char *word);
int registry_step(struct office *o); /* the command's name is the word */
void registry_step_help(struct buf *out, const char *name, const char *word);

int registry_import(struct office *o);
void registry_import_help(struct buf *out, const char *name, const char *word);
int registry_send(struct office *o);
int registry_id(struct office *o);

int registry_households(struct office *o);
/* The state a household is in, as far as this office has said; 0 = not known. */
MUST_CHECK enum status registry_state(struct office *o, const ProtobufCBinaryData *household,
                                      Eocbus__V1__HouseholdState *out, char *err, size_t err_size);

#endif
