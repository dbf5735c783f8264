/* settings - what a console's file says. */
#include "agents/console/console.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/base/banned.h"

#define ROW(member) offsetof(struct console_settings, member)

const struct conf_row console_rows[] = {
    AGENT_CONF_ROWS(struct console_settings, agent),
    {"place", CONF_TEXT, ROW(place), "", 0, "P-code of the room's place; empty = the country", 0,
     0},
    {"status", CONF_TEXT, ROW(status), "actual", 0,
     "actual or exercise: what people at these pages say is meant so", 0, 0},
    {"listen", CONF_TEXT, ROW(listen), "127.0.0.1:8480", 0,
     "address and port of the pages; port 0 = any", 0, 0},
    {"tls.cert", CONF_PATH, ROW(cert), "", 0,
     "certificate (PEM) of the pages; empty = no TLS, then listen on loopback, or behind a proxy",
     0, 0},
    {"tls.key", CONF_PATH, ROW(key), "", 0, "its key (PEM), mode 0600", 0, 0},
    {"proxy.origin", CONF_TEXT, ROW(origin), "", 0,
     "what browsers have in their address line when a proxy stands before us, as in "
     "https://eoc.example.tj; empty = as they ask us",
     0, 0},
    {"proxy.secure", CONF_BOOL, ROW(secure), "no", 0, "the proxy speaks TLS to the browsers", 0, 0},
    {"proxy.address", CONF_TEXT, ROW(proxy), "", 0,
     "address of the proxy, as in 127.0.0.1: whose X-Forwarded-For is believed, so that wrong "
     "passwords are counted for each browser; empty = no proxy",
     0, 0},
    {"people", CONF_PATH, ROW(people), NULL, CONF_REQUIRED,
     "file with who may sign in; eocbus-console person add NAME writes it", 0, 0},
    {"database", CONF_TEXT, ROW(database), NULL, CONF_REQUIRED,
     "how to reach PostgreSQL, as libpq has it, for a reader's login; no password in here", 0, 0},
    {"leaflet", CONF_PATH, ROW(leaflet), "/usr/share/javascript/leaflet", 0,
     "folder of Debian's libjs-leaflet; empty = pages without a map", 0, 0},
    {"cap.sender", CONF_TEXT, ROW(cap_sender), "eoc.example.tj", 0,
     "sender of public alerts as CAP wants it: a domain or an address of the authority", 0, 0},
    {"cap.key", CONF_PATH, ROW(cap_key), "", 0,
     "private key (PEM, RSA or elliptic, mode 0600) that signs public alerts; empty = unsigned", 0,
     0},
    {"cap.cert", CONF_PATH, ROW(cap_cert), "", 0, "its certificate (PEM)", 0, 0},
    {"session.idle", CONF_MS, ROW(idle_ms), "12h", 0, "who did nothing for so long signs in again",
     60000, 86400000},
    {"connections", CONF_COUNT, ROW(connections), "400", 0, "browsers' connections at a time", 10,
     10000},
    {"connections.each", CONF_COUNT, ROW(connections_each), "60", 0, "of them, of one address", 4,
     10000},
};
const size_t console_row_count = ARRAY_LEN(console_rows);

static bool is_loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]", 5) == 0;
}

static bool is_address(const char *text)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

enum status console_check(const struct console_settings *set, char *err, size_t err_size)
{
    const bool tls = *set->cert && *set->key;
    struct stat about;

    if (!*set->cert != !*set->key) {
        snprintf(err, err_size, "tls.cert and tls.key: both or none");
    } else if (*set->proxy && !is_address(set->proxy)) {
        snprintf(err, err_size, "proxy.address = %s: legal is an address like 127.0.0.1",
                 set->proxy);
    } else if (!tls && !is_loopback(set->listen) && !(set->secure && *set->proxy)) {
        snprintf(err, err_size,
                 "listen = %s: passwords would cross the network in the clear; give tls.cert and "
                 "tls.key, or listen on 127.0.0.1, or set proxy.address and proxy.secure = yes",
                 set->listen);
    } else if (tls && stat(set->key, &about) == 0 && (about.st_mode & 077)) {
        snprintf(err, err_size, "tls.key = %s: others may read it; say chmod 600 of it", set->key);
        return ST_DENIED;
    } else {
        return ST_OK;
    }
    return ST_INVALID;
}
