/* world - what a run is made of: one real PostgreSQL, real brokers on it, offices that send and
 * listeners, and relays on every connection between them.
 *
 *   offices, listeners ── route ──▶ brokers ── route ──▶ PostgreSQL on a disk of its own
 *        └ one of them: packets through a TUN relay as well
 *
 * Everything ends with the process that made it: children by their parent's death, mounts with its
 * mount namespace. */
#ifndef EOCBUS_TESTS_FAULT_CHAOS_WORLD_H
#define EOCBUS_TESTS_FAULT_CHAOS_WORLD_H

#include <stdbool.h>
#include <sys/types.h>

#include "tests/fault/chaos/chaos.h"
#include "tests/fault/chaos/plan.h"
#include "tests/fault/chaos/route.h"
#include "tests/lib/checker.h"
#include "tests/lib/pgserver.h"
#include "tests/lib/relay.h"

#define FAKETIME "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"

struct process {
    pid_t pid;    /* 0 = it was taken down, and is not missed */
    bool leaving; /* it was told to end */
};

struct world {
    char dir[64], build[PATH], self[PATH], broker_key[41];
    struct shared *shared;
    struct pgserver *server;
    struct routes *routes;
    struct relay *relay; /* NULL: not possible here */
    struct process broker[BROKERS], office[OFFICES], listener[LISTENERS];
    unsigned broker_port[BROKERS];
    unsigned database_route[BROKERS];
    unsigned office_route[OFFICES][BROKERS], office_port[OFFICES][BROKERS];
    unsigned listener_route[LISTENERS][BROKERS], listener_port[LISTENERS][BROKERS];
    char why_not[FAULT_KINDS][128]; /* why a kind cannot be made here; "" = it can */
    bool clocks;                    /* libfaketime is there */
    unsigned long most_broker_kib;
};

/* Ends the process on failure: nothing is being tested yet. */
struct world *world_create(uint64_t seed);
void world_start(struct world *w); /* brokers, offices, listeners */
uint32_t world_possible(const struct world *w);
/* Ends what still runs. Files are removed unless `keep`. */
void world_end(struct world *w, bool keep);

void world_start_broker(struct world *w, unsigned i);
void world_start_office(struct world *w, unsigned i);
void world_start_listener(struct world *w, unsigned i);
void world_take_down(struct process *p, int signum); /* and waits for it */

/* False: somebody ended who was not to; `who` says who and how. */
bool world_is_alive(struct world *w, char *who, size_t size);
void world_look_at_memory(struct world *w);

/* Seconds ahead of the true time, of whoever has the clock of this name ("p2", "b2"). */
void world_set_clock(struct world *w, const char *whose, long seconds);

/* One statement as superuser over a connection of its own; -1: it did not work. */
int64_t world_ask(struct world *w, const char *sql);
/* Reads the log and the quarantine into the checker. */
bool world_read_log(struct world *w, struct checker *c);

#endif
