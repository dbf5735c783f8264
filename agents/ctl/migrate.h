/* migrate - the migrations this program carries, for migrate, status and demo. */
#ifndef EOCBUS_CTL_MIGRATE_H
#define EOCBUS_CTL_MIGRATE_H

#include "agents/ctl/db.h"

/* Highest version this program carries; 0 = none. */
unsigned migrate_latest(void);
/* Version of the database; 0 = empty. */
MUST_CHECK enum status migrate_version(struct db *d, unsigned *version);
/* Up to `to` (0 = all). `tell` hears a line per step. On an error `err` is a sentence. */
MUST_CHECK enum status migrate_run(struct db *d, unsigned to, void (*tell)(const char *line),
                                   unsigned *done, char *err, size_t err_size);

#endif
