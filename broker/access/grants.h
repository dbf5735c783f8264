/* grants - the rules of one list of principals, compiled once for each set of roles in it. */
#ifndef EOCBUS_BROKER_ACCESS_GRANTS_H
#define EOCBUS_BROKER_ACCESS_GRANTS_H

#include "broker/access/rights.h"
#include "broker/access/sharing.h"
#include "proto/wire/approval.h"

struct grants;
/* As rulebook_read. */
MUST_CHECK enum status grants_create(struct grants **out, const char *text, char *err,
                                     size_t err_size);
void grants_destroy(struct grants *g); /* NULL is allowed */
/* sharing_admit, before anything is granted. */
MUST_CHECK enum status grants_share(struct grants *g, const struct roll *r, bool must_be_signed,
                                    struct sharing_result *out);
const char *grants_text(const struct grants *g);
/* The same rules as those of orders to machines; never NULL. */
const struct approval_policy *grants_orders(const struct grants *g);
/* *out lives as long as g. An agency that takes nothing by an agreement is the same as none. */
MUST_CHECK enum status grants_for(const struct rights **out, struct grants *g, const char *roles,
                                  const char *agency);

#endif
