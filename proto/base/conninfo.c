/* conninfo - see conninfo.h. libpq would parse it exactly; this looks for the one thing, rather
 * once too often than once too seldom. */
#include "proto/base/conninfo.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/banned.h"

/* "password = x" or "password=x", also sslpassword; passfile is a file, and fine. */
static bool has_keyword(const char *text)
{
    for (const char *at = text; (at = strstr(at, "password")); at++) {
        const char *behind = at + strlen("password");

        if (behind[strspn(behind, " \t\n")] == '=')
            return true;
    }
    return false;
}

/* postgresql://user:password@host/... */
static bool has_in_uri(const char *text)
{
    const char *authority = strstr(text, "://"), *at, *colon;

    if (!authority || strncmp(text, "postgres", strlen("postgres")) != 0)
        return false;
    authority += strlen("://");
    at = memchr(authority, '@', strcspn(authority, "/?"));
    colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
    return colon != NULL;
}

enum status conninfo_check(const char *conninfo, char *err, size_t err_size)
{
    const char *where = NULL;

    if (has_keyword(conninfo) || has_in_uri(conninfo))
        where = "a password stands in the setting database";
    else if (getenv("PGPASSWORD"))
        where = "a password stands in the environment (PGPASSWORD)";
    if (!where)
        return ST_OK;
    snprintf(
        err, err_size,
        "%s, where others on this machine can read it; let PostgreSQL know this user by peer, or "
        "by certificate (sslcert, sslkey)",
        where);
    return ST_DENIED;
}
