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
void registry_step_help(struct buf *out, enum lang lang, const char *name, const char *word);

int registry_import(struct office *o);
/* The columns of a table of households that name people. */
int registry_import_sealed(struct office *o, const char *path);
void registry_import_help(struct buf *out, enum lang lang, const char *name, const char *word);
int registry_send(struct office *o);
int registry_id(struct office *o);

int registry_identity(struct office *o);
void registry_identity_help(struct buf *out, enum lang lang, const char *name, const char *word);
struct sealed_identity;
/* An id of its own, and the times: so that it is known before it is put. */
MUST_CHECK enum status registry_mint_id(struct office *o, Eocbus__V1__Envelope *m);
/* Says it and keeps it in the vault. Exit code. */
int registry_say_identity(struct office *o, struct sealed_identity *box);
/* Destroys the wrapped keys of one box in our own outbox. */
MUST_CHECK enum status registry_drop_keys(struct outbox *box, const uint8_t id[16]);
/* Office.keep of a registry. */
bool registry_keep(struct office *o, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m,
                   enum proof proof, struct outbox *box);
MUST_CHECK enum status registry_random(void *out, size_t len);
int64_t registry_now_us(void); /* UTC */

int registry_households(struct office *o);
/* The state a household is in, as far as this office has said; 0 = not known. */
MUST_CHECK enum status registry_state(struct office *o, const ProtobufCBinaryData *household,
                                      Eocbus__V1__HouseholdState *out, char *err, size_t err_size);

#endif
