/* crew - an agent with its key, outbox and inboxes in a directory of the test, and what it says.
 * Every failure here fails the test. */
#ifndef EOCBUS_TESTS_LIB_CREW_H
#define EOCBUS_TESTS_LIB_CREW_H

#include "agents/link/agent.h"
#include "tests/lib/bus.h"

struct crew {
    struct bus *bus;    /* the broker it prefers */
    struct bus *beside; /* NULL: it knows no other */
    struct loop *loop;
    const char *dir;
    void (*settled)(void *arg, uint64_t tag, const struct outbox_outcome *oc);
    void *arg; /* of settled */
};

/* keys NULL: it is enrolled now, unless its key is in the directory from before. outbox_end: how
 * the file of its outbox ends, after its name; NULL: it only listens. The agent is the caller's to
 * destroy. */
struct agent *crew_start(const struct crew *c, const char *name, const struct keys *keys,
                         const char *outbox_end);

/* Puts one Envelope, as JSON, into its outbox; not yet durable (agent_flush). */
void crew_tell(struct agent *a, struct arena *arena, const char *json);

/* Reports of the duty officer with this text, `count` in each of `lanes` lanes, bulk first (1: all
 * of them routine). */
void crew_say(const struct crew *c, struct agent *a, const char *text, unsigned count,
              unsigned lanes);

#endif
