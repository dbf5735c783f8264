/* pg_hosts - see pg_hosts.h. */
#include "proto/base/pg_hosts.h"

#include <string.h>

#include "proto/base/pg_parts.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

static const char *const keywords[PG_HOST_LISTS] = {"host", "hostaddr", "port"};

/* --- a list with commas ----------------------------------------------------------------------- */

static unsigned count_entries(const char *list)
{
    unsigned n = list && *list ? 1 : 0;

    for (const char *c = list; c && *c; c++)
        n += *c == ',';
    return n;
}

static bool entry_is(const char *list, unsigned index, const char *text)
{
    size_t len;

    while (index--)
        list = strchr(list, ',') + 1;
    len = strcspn(list, ",");
    return len && strlen(text) == len && memcmp(list, text, len) == 0;
}

static void reverse(char *from, char *end)
{
    while (from < end) {
        char c = *from;

        *from++ = *--end;
        *end = c;
    }
}

/* "a,b,c" becomes "b,c,a": with a comma in the place of its end, a turn by one entry. */
static void turn(char *list)
{
    size_t len = strlen(list), entry = strcspn(list, ",");

    list[len] = ',';
    reverse(list, list + entry + 1);
    reverse(list + entry + 1, list + len + 1);
    reverse(list, list + len + 1);
    list[len] = 0;
}

/* --- the hosts -------------------------------------------------------------------------------- */

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *o = options; o && o->keyword; o++)
        if (strcmp(o->keyword, keyword) == 0)
            return o->val;
    return NULL;
}

static enum status keep_lists(struct pg_hosts *h, const PQconninfoOption *options)
{
    /* libpq counts the addresses, if there are any. */
    h->count = count_entries(value_of(options, "hostaddr"));
    if (!h->count)
        h->count = count_entries(value_of(options, "host"));
    for (int i = 0; i < PG_HOST_LISTS && h->count > 1; i++) {
        const char *list = value_of(options, keywords[i]);

        if (count_entries(list) != h->count)
            continue;
        h->lists[i] = mem_strdup(list);
        if (!h->lists[i])
            return ST_NOMEM;
    }
    return ST_OK;
}

enum status pg_hosts_read(struct pg_hosts *h, const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    enum status st;

    memset(h, 0, sizeof(*h));
    st = keep_lists(h, options);
    PQconninfoFree(options);
    if (st != ST_OK)
        pg_hosts_free(h);
    return st;
}

static bool is_at(const struct pg_hosts *h, unsigned i, const char *host, const char *port)
{
    const char *hosts = h->lists[PG_HOST], *addresses = h->lists[PG_HOSTADDR];
    const char *ports = h->lists[PG_PORT];

    if (!(hosts && entry_is(hosts, i, host)) && !(addresses && entry_is(addresses, i, host)))
        return false;
    return !ports || !port || entry_is(ports, i, port);
}

void pg_hosts_refuse(struct pg_hosts *h, const char *host, const char *port)
{
    unsigned at = 0;

    if (h->count < 2)
        return;
    while (at < h->count && !(host && is_at(h, at, host, port)))
        at++;
    if (at == h->count)
        at = 0;
    for (unsigned turns = 0; turns <= at; turns++)
        for (int i = 0; i < PG_HOST_LISTS; i++)
            if (h->lists[i])
                turn(h->lists[i]);
}

void pg_hosts_free(struct pg_hosts *h)
{
    for (int i = 0; i < PG_HOST_LISTS; i++)
        mem_free(h->lists[i]);
    memset(h, 0, sizeof(*h));
}
