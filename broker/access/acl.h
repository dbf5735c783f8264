/* acl - may this principal do this? Pure questions over values: what a message says, turned into a
 * question for its rights, and a sentence for who hears no. */
#ifndef EOCBUS_BROKER_ACCESS_ACL_H
#define EOCBUS_BROKER_ACCESS_ACL_H

#include "broker/access/access.h"

/* `author` as access_author finds it. ST_DENIED fills `why`: CODE_SENDER if it is NULL, CODE_RIGHTS
 * for what no rule allows or some rule denies: to the author, and to p if it only carries. */
MUST_CHECK enum status acl_may_publish(const struct principal *p, const struct principal *author,
                                       const Eocbus__V1__Envelope *m, int64_t utc_us,
                                       struct refusal *why);
/* ST_DENIED: it could hear nothing that matches, whatever it says of places. */
MUST_CHECK enum status acl_may_listen(const struct principal *p, const char *pattern,
                                      struct refusal *why);

#endif
