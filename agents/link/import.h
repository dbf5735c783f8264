/* import - a HXL-tagged table becomes messages: one a row, and only for rows that changed since the
 * last import. Nothing is said if any row is wrong. */
#ifndef EOCBUS_LINK_IMPORT_H
#define EOCBUS_LINK_IMPORT_H

#include "agents/link/hxl.h"
#include "agents/link/office.h"

struct import {
    const char *name; /* of what is remembered: "households" */
    bool seals;       /* columns with personal data are read by somebody else, who seals them */
    const char *const *needed; /* patterns of columns that must be there; NULL-terminated */
    void *arg;
    /* Makes the message of row r in o->arena, and the key under which the row is known.
     * ST_NOTFOUND: the row says nothing. ST_INVALID: `err`. Must not put in what differs from run
     * to run. */
    enum status (*row)(void *arg, struct office *o, const struct hxl *t, size_t r,
                       Eocbus__V1__Envelope **m, const char **key, char *err, size_t err_size);
    /* For a message that will be said; `version` counts imports that said something, from 1. May be
     * NULL. */
    void (*finish)(void *arg, Eocbus__V1__Envelope *m, uint32_t version);
};

/* Exit code; everything to say was said. */
int import_table(struct office *o, const struct import *im, const char *path);

struct memory;
struct outbox;
/* For who found a promise (memory_has_promise): what of it stands in the outbox was said, and is
 * remembered. `err` is a sentence. */
MUST_CHECK enum status import_settle(struct memory *memory, struct outbox *o, char *err,
                                     size_t err_size);

/* Cells into fields: the name of each row is a pattern, the first column that matches it counts,
 * empty cells set nothing. */
MUST_CHECK enum status import_cells(Eocbus__V1__Envelope *m, const struct form_row *rows, size_t n,
                                    const struct hxl *t, size_t r, struct arena *arena, char *err,
                                    size_t err_size);
/* Columns "#impact+house+destroyed", "#impact+livestock+lost+cattle" into AssetLoss at `path`. */
MUST_CHECK enum status import_losses(Eocbus__V1__Envelope *m, const char *path, const struct hxl *t,
                                     size_t r, struct arena *arena, char *err, size_t err_size);
/* The cell under the first column that matches; "" if there is none. */
const char *import_cell(const struct hxl *t, size_t r, const char *pattern);

#endif
