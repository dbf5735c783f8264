#include "broker/access/acl.h"

#include <stdio.h>
#include <string.h>

#include "proto/wire/limits.h"

#include "proto/base/banned.h"

/* A foreign name is refused and never overwritten: the content is signed as it is. */
static enum status deny_sender(const struct principal *p, const char *claimed, struct refusal *why)
{
    why->code = CODE_SENDER;
    snprintf(why->path, sizeof(why->path), "sender");
    snprintf(why->text, sizeof(why->text),
             "this session is %s by its key, and the message names %.*s as its sender; a message "
             "carries the name of the session that sends it",
             p->name, LIMIT_NAME_BYTES, claimed);
    return ST_DENIED;
}

/* Who could withdraw an alarm could silence it. */
static enum status deny_withdrawal(struct refusal *why)
{
    why->code = CODE_RIGHTS;
    snprintf(why->path, sizeof(why->path), "withdrawn");
    snprintf(why->text, sizeof(why->text),
             "only the bus itself withdraws a message; to take back one of your own, send its "
             "correction as KIND_CANCEL");
    return ST_DENIED;
}

enum status acl_may_publish(const struct principal *p, const Eocbus__V1__Envelope *m,
                            struct refusal *why)
{
    if (strcmp(p->name, m->sender) != 0)
        return deny_sender(p, m->sender, why);
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_WITHDRAWN)
        return deny_withdrawal(why);
    return ST_OK;
}

enum status acl_may_listen(const struct principal *p, const char *pattern, struct refusal *why)
{
    (void)p;
    (void)pattern;
    (void)why;
    return ST_OK;
}
