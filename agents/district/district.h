/* district - what a district office says: reports, requests, answers, notes. */
#ifndef EOCBUS_DISTRICT_DISTRICT_H
#define EOCBUS_DISTRICT_DISTRICT_H

#include "agents/link/office.h"

/* One kind of message that `send` knows by a short word. */
struct send_type {
    const char *word; /* "flash" */
    const char *summary;
    Eocbus__V1__Kind kind;
    Eocbus__V1__Lane lane;
    const char *body; /* path that is made even when no option sets anything in it */
    const struct form_row *rows;
    size_t row_count;
    /* What is true unless the command line says otherwise: path, value, path, value, ... NULL */
    const char *const *defaults;
};

/* NULL if there is no such word. */
const struct send_type *send_type_find(const char *word);
size_t send_type_count(void);
const struct send_type *send_type_at(size_t i);

/* Fills what the command line left open. ST_INVALID: `err`. */
MUST_CHECK enum status send_type_complete(const struct send_type *t, Eocbus__V1__Envelope *m,
                                          struct arena *arena, char *err, size_t err_size);

int district_send(struct office *o);
void district_send_help(struct buf *out, enum lang lang, const char *name, const char *word);
int district_import(struct office *o);
void district_import_help(struct buf *out, enum lang lang, const char *name, const char *word);

#endif
