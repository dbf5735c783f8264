/* status - the words of the results. */
#include "proto/base/status.h"

#include "proto/base/banned.h"

static const char *const names[ST_STATUSES] = {
    [ST_OK] = "ok",         [ST_AGAIN] = "again",     [ST_FULL] = "full",
    [ST_NOMEM] = "nomem",   [ST_INVALID] = "invalid", [ST_NOTFOUND] = "notfound",
    [ST_EXISTS] = "exists", [ST_DENIED] = "denied",   [ST_CLOSED] = "closed",
    [ST_IO] = "io",         [ST_TIMEOUT] = "timeout", [ST_CONFLICT] = "conflict",
};

const char *status_name(enum status st)
{
    if ((unsigned)st >= ST_STATUSES || !names[st])
        return "unknown";
    return names[st];
}
