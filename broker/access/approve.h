/* approve - may an order go to its machine? The rules of the database and the keys of the roll, put
 * to the judge that the machine asks too (proto/wire/approval.h). Pure.
 *
 * Besides, one order is said once: its sender cannot use what was approved again under another
 * place of its outbox. This broker remembers as many as fit, as long as they live; the machine
 * remembers what it obeyed itself. */
#ifndef EOCBUS_BROKER_ACCESS_APPROVE_H
#define EOCBUS_BROKER_ACCESS_APPROVE_H

#include "broker/access/access.h"
#include "proto/wire/limits.h"

struct roll;
struct approval_policy;

/* As many as a country orders in its worst quarter of an hour; the oldest goes first. */
enum { ORDERS_REMEMBERED = 1024 };

struct order_seen {
    uint8_t message_id[16];
    uint64_t epoch, lane_seq; /* 0 = free */
    int64_t until_us;
    char sender[LIMIT_NAME_BYTES + 1];
};

struct orders_seen {
    struct order_seen *rows; /* made with the first order */
    size_t next;
};
void orders_forget(struct orders_seen *seen);

/* `author` is whose word it is. ST_DENIED fills `why` (CODE_APPROVAL, CODE_SIGNATURE); ST_NOMEM
 * does too. */
MUST_CHECK enum status approve_judge(const struct roll *r, const struct approval_policy *policy,
                                     struct orders_seen *seen, const struct principal *author,
                                     Eocbus__V1__Envelope *m, int64_t utc_us, struct refusal *why);

#endif
