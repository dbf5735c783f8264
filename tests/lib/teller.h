/* teller - an agent with an outbox of its own that says what a test writes as JSON, to one broker
 * or several. Every failure here fails the test. */
#ifndef EOCBUS_TESTS_LIB_TELLER_H
#define EOCBUS_TESTS_LIB_TELLER_H

#include "agents/link/agent.h"
#include "agents/link/outbox.h"
#include "tests/lib/bus.h"

struct teller {
    struct agent *agent;
    char name[40], outbox[128], key_file[128];
};

/* Enrols it; its files stand in the directory of the first broker. `first`: the broker it prefers.
 * `settled` hears of each receipt. */
void teller_start(struct teller *t, struct bus *const *buses, unsigned count, unsigned first,
                  struct loop *loop, const char *name,
                  void (*settled)(void *arg, uint64_t tag, const struct outbox_outcome *oc),
                  void *arg);
void teller_end(struct teller *t);

/* Puts one Envelope into the outbox, not yet durable (agent_flush). */
void teller_put(struct teller *t, struct arena *arena, const char *json);

#endif
