/* acl - may this principal do this? Pure questions over values: what a message says, turned into a
 * question for its rights, and a sentence for who hears no. */
#ifndef EOCBUS_BROKER_ACCESS_ACL_H
#define EOCBUS_BROKER_ACCESS_ACL_H

#include "broker/access/access.h"

/* `author` as access_author finds it; `person` is the principal that m->author names, the same one
 * again if that is empty, NULL if nobody of that name is in force. ST_DENIED fills `why`:
 * CODE_SENDER if `author` is NULL, CODE_RIGHTS for what no rule allows or some rule denies: to the
 * person, and to those who only carry its word, which are the author and p. */
MUST_CHECK enum status acl_may_publish(const struct principal *p, const struct principal *author,
                                       const struct principal *person,
                                       const Eocbus__V1__Envelope *m, int64_t utc_us,
                                       struct refusal *why);
/* May `person` say this order where `machine` is? ST_DENIED, with the reason. */
MUST_CHECK enum status acl_may_order(const struct principal *person,
                                     const struct principal *machine, const Eocbus__V1__Envelope *m,
                                     int64_t utc_us, struct refusal *why);
/* ST_DENIED: it could hear nothing that matches, whatever it says of places. */
MUST_CHECK enum status acl_may_listen(const struct principal *p, const char *pattern,
                                      struct refusal *why);

#endif
