/* audit_deep - what PostgreSQL keeps a second time so that it can be asked for, held against the
 * messages it was made from: each document (bus.document) against what its content says, and each
 * of its columns against the message's. Whoever changed one would change what people and rules
 * read, and leave the chain whole. */
#ifndef EOCBUS_CTL_AUDIT_DEEP_H
#define EOCBUS_CTL_AUDIT_DEEP_H

#include "agents/ctl/audit.h"

struct audit_deep;

/* `found` as in record.h. ST_NOMEM. */
MUST_CHECK enum status audit_deep_create(struct audit_deep **out, struct db *d,
                                         void (*found)(void *arg, const struct record_finding *f),
                                         void *arg);
void audit_deep_destroy(struct audit_deep *p); /* NULL is allowed */
/* For audit_walk: each message of a page, then the page. On a failure of the database its status;
 * db_error tells. */
void audit_deep_row(struct audit_deep *p, const struct record_row *m);
MUST_CHECK enum status audit_deep_page(struct audit_deep *p, uint64_t low, uint64_t high);
/* All pages behind `after` up to `upto` were looked at: is there a document that no message made?
 */
MUST_CHECK enum status audit_deep_end(struct audit_deep *p, uint64_t after, uint64_t upto);
uint64_t audit_deep_count(const struct audit_deep *p); /* documents that are as they should be */

enum { AUDIT_DEEP_PAGE = 2048 }; /* numbers: some MiB of JSON */

#endif
