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

/* The words of libpq 15 and OpenSSL 3, the more telling ones first. */
const char *conninfo_advice(const char *why)
{
    static const struct {
        const char *words, *advice;
    } table[] = {
        {"alert unknown ca",
         "PostgreSQL does not know who signed our certificate (sslcert): have it "
         "signed by the CA that its ssl_ca_file names"},
        {"alert certificate expired", "our certificate (sslcert) is over: have a new one signed"},
        {"alert certificate revoked",
         "our certificate (sslcert) was revoked: have a new one signed"},
        {"certificate authentication failed",
         "our certificate (sslcert) is of another name than the "
         "user: its CN has to be the user of the setting"},
        {"valid client certificate",
         "PostgreSQL wants a certificate of ours: put sslcert and sslkey "
         "into the setting database"},
        {"alert certificate required", "PostgreSQL wants a certificate of ours: put sslcert and "
                                       "sslkey into the setting database"},
        {"does not match host name",
         "that is another machine, or its certificate names another: put "
         "the name in the certificate as host into the setting database"},
        {"certificate verify failed", "the server's certificate is over, or not of the CA in "
                                      "sslrootcert: look at both with openssl x509 -in FILE -noout "
                                      "-dates -issuer, and trust neither until you know"},
        {"root certificate file",
         "sslrootcert names the CA of the server: bring that file here, by "
         "hand"},
        {"private key file", "sslkey has to be a file of our own that nobody else can read (chmod "
                             "0600)"},
        {"certificate file", "sslcert has to be our certificate, in a file that we can read"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strstr(why, table[i].words))
            return table[i].advice;
    return NULL;
}
