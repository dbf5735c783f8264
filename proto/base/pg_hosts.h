/* pg_hosts - the servers that a conninfo names, in the order in which they are tried.
 *
 * libpq takes the first that lets it in. A server that lets us in and will not do all the same,
 * such as a primary that was replaced and is alive, would be taken again with every dial while the
 * one that took its place stands behind it in the list. So the list is turned until whoever was
 * refused is its last: the others are asked before. Hosts that come from a service file or from the
 * environment are not seen here; their order stays. */
#ifndef EOCBUS_BASE_PG_HOSTS_H
#define EOCBUS_BASE_PG_HOSTS_H

#include "proto/base/status.h"

enum { PG_HOST, PG_HOSTADDR, PG_PORT, PG_HOST_LISTS };

struct pg_hosts {
    /* With commas, each of `count` entries; NULL: not given, or one for all. */
    char *lists[PG_HOST_LISTS];
    unsigned count;
};

/* A conninfo that cannot be parsed names no hosts: the dial says what is wrong with it. */
MUST_CHECK enum status pg_hosts_read(struct pg_hosts *h, const char *conninfo);
/* host: its name, or its address if it has no name; as PQhost and PQport tell it. One that is not
 * found stands for the first. */
void pg_hosts_refuse(struct pg_hosts *h, const char *host, const char *port);
void pg_hosts_free(struct pg_hosts *h);

#endif
