/* route - every connection of the run goes through a relay of bytes in a process of its own, which
 * can be told to stall, cut or delay any of them: agents to brokers (TCP), brokers to PostgreSQL
 * (UNIX sockets). */
#ifndef EOCBUS_TESTS_FAULT_CHAOS_ROUTE_H
#define EOCBUS_TESTS_FAULT_CHAOS_ROUTE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

enum { ROUTES_MAX = 96 };

struct route {                /* in memory shared with the relaying process */
    atomic_uint stalled;      /* > 0: bytes neither come nor go; new connections wait */
    atomic_uint delay_ms;     /* each chunk waits so long */
    atomic_uint cuts;         /* counted up: reset what is connected now */
    atomic_uint answers;      /* counted up: lose the answer to the next append, and the
                                 connection with it */
    atomic_uint answers_lost; /* how often that was done */
};

struct routes;

struct routes *routes_create(void);
/* A new route; connections to the answer's socket go on to `to`. Returns its number. */
unsigned routes_add_tcp(struct routes *r, const char *listen_address, unsigned *port,
                        unsigned to_port);
unsigned routes_add_unix(struct routes *r, const char *listen_path, const char *to_path);
void routes_start(struct routes *r); /* after all were added */
struct route *routes_get(struct routes *r, unsigned number);
void routes_end(struct routes *r);

#endif
