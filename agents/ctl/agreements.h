/* agreements - do the signatures of both parties stand under what the database calls a sharing
 * agreement? Row level security cannot look; brokers do, and so does this. */
#ifndef EOCBUS_CTL_AGREEMENTS_H
#define EOCBUS_CTL_AGREEMENTS_H

#include <stdbool.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"

struct agreement_found {
    const char *id, *giver, *taker, *from, *until; /* borrowed for the call */
    uint64_t version;
    bool holds;
    char why[400]; /* if it does not */
};

/* Each agreement of bus.sharing whose time is not over. `officers_file` NULL or "": nobody is
 * pinned here, so the keys of the database are believed. ST_OK, or `err` is a sentence. */
MUST_CHECK enum status agreements_each(struct db *d, const char *officers_file,
                                       void (*each)(void *arg, const struct agreement_found *f),
                                       void *arg, char *err, size_t err_size);

/* eocctl audit agreements: one line each; EXIT_REFUSED if one does not hold. */
int agreements_print(struct ctl *c, struct db *d);
/* Appends a sentence for each that does not hold and whose id stands in `text`. */
void agreements_warn(struct ctl *c, struct db *d, const char *text, struct buf *out);

#endif
