/* project - readings in their own table: follows the log behind everybody's back and decodes
 * observation batches into eoc.observation.
 *
 * On its own connection, never on the way of a commit. A page of the log is read, decoded here, and
 * put with one call that moves the cursor from where the page began to where it ended; if another
 * broker moved it meanwhile, nothing is put. So every reading is there exactly once, however often
 * anybody dies. */
#ifndef EOCBUS_BROKER_STORE_PROJECT_H
#define EOCBUS_BROKER_STORE_PROJECT_H

#include <stdbool.h>

#include "proto/base/status.h"

struct loop;
struct pg_rows;
struct project;

/* `accept` judges the server, as in pg.h. */
MUST_CHECK enum status
project_create(struct project **out, struct loop *loop, const char *conninfo,
               bool (*accept)(void *arg, const char *query, const struct pg_rows *rows), void *arg);
void project_destroy(struct project *p);
void project_redial(struct project *p, const char *why); /* its server was replaced */

#endif
