/* trust_orders - orders to machines, held against the book of keys and rules: the part of trust.h
 * behind its judgement of orders; trust.c alone includes it. */
#ifndef EOCBUS_LINK_TRUST_ORDERS_H
#define EOCBUS_LINK_TRUST_ORDERS_H

#include "agents/link/trust.h"
#include "agents/link/trust_keys.h"
#include "proto/wire/approval.h"

/* The rules that a person carried here; path NULL or "" = those built in. */
MUST_CHECK enum status trust_read_pinned(struct approval_policy **out, const char *path, char *err,
                                         size_t err_size);
/* For whoever reads it: each approval is that of who is named, of this very order, by a key that
 * was good then. ST_DENIED fills `why`. */
MUST_CHECK enum status trust_check_approvals(const struct trust_book *b,
                                             const struct trust_said *said, struct refusal *why);
/* trust_may_obey. */
MUST_CHECK enum status trust_check_order(const struct trust_book *b,
                                         const struct approval_policy *pinned,
                                         const struct trust_said *said, const char *own,
                                         bool exercises, int64_t utc_us, struct refusal *why);

#endif
