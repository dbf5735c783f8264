/* acl - may this principal do this? Pure questions over values; everything that rights will depend
 * on (role, place, agency, what the message says) is in the arguments, so that rights can grow here
 * and nowhere else. */
#ifndef EOCBUS_BROKER_ACCESS_ACL_H
#define EOCBUS_BROKER_ACCESS_ACL_H

#include "broker/access/access.h"

/* ST_DENIED fills `why`: CODE_SENDER for a sender that is not the session's own name. */
MUST_CHECK enum status acl_may_publish(const struct principal *p, const Eocbus__V1__Envelope *m,
                                       struct refusal *why);
/* Every principal may listen to every topic until roles have rights. */
MUST_CHECK enum status acl_may_listen(const struct principal *p, const char *pattern,
                                      struct refusal *why);

#endif
