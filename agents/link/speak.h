/* speak - for commands: say a few things and, if asked, wait until the bus has answered each.
 *
 * Everything is in the outbox before the first byte is sent: from then on a broken link, a kill or
 * a power cut only delays it. Without waiting no link is needed at all; whatever runs on the same
 * outbox sends it, now or later. */
#ifndef EOCBUS_LINK_SPEAK_H
#define EOCBUS_LINK_SPEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agents/link/agent.h"

struct speak;

struct speak_settings {
    const struct agent_settings *agent; /* borrowed, outlives it */
    const char *program;                /* as in Hello: "eocbus-district 0.1.0" */
    unsigned wait_s;                    /* for receipts; 0 = no link is made */
    void *arg;
    /* In the order of the puts, as soon as that order allows; may be NULL. `oc` is borrowed. */
    void (*settled)(void *arg, size_t number, const struct outbox_outcome *oc);
};

struct speak_result {
    size_t said, stored, refused, waiting;
    size_t before;       /* of them, put by an earlier run with the same once-key */
    bool sender_runs;    /* another program sends from this outbox */
    const char *trouble; /* of the link, a sentence; "" = none; borrowed until speak_destroy */
};

/* `err` is a sentence on any but ST_OK: ST_INVALID wrong settings, ST_IO, ST_DENIED the outbox or
 * the key. */
MUST_CHECK enum status speak_create(struct speak **out, const struct speak_settings *set, char *err,
                                    size_t err_size);
void speak_destroy(struct speak *s); /* NULL is allowed */
struct outbox *speak_outbox(struct speak *s);
struct loop *speak_loop(struct speak *s);

/* What outbox_put would say of m but for room on the disk; takes nothing and leaves m as it is.
 * An event time of 0 counts as now. */
MUST_CHECK enum status speak_check(struct speak *s, const Eocbus__V1__Envelope *m,
                                   struct refusal *why);
/* outbox_put, remembered for speak_wait; fills in an event time of 0. ST_OK also for what an
 * earlier run with the same once-key put (outbox_once). On failure why->text has a sentence. */
MUST_CHECK enum status speak_put(struct speak *s, Eocbus__V1__Envelope *m, struct refusal *why);
/* The same of a sealed box with its wrapped keys (outbox_put_sealed); none: as speak_put. */
MUST_CHECK enum status speak_put_sealed(struct speak *s, Eocbus__V1__Envelope *m,
                                        const uint8_t *keys, size_t keys_len, struct refusal *why);
/* A row that the caller put into the outbox itself. */
MUST_CHECK enum status speak_note(struct speak *s, uint64_t tag);
/* Fills in what an outbox would, for messages that go past the gate; its own places stay free.
 * `id` is lent to m if it has none. */
void speak_fill(struct speak *s, Eocbus__V1__Envelope *m, uint8_t id[16]);
/* Durable from here on. On failure outbox_trouble has the sentence. */
MUST_CHECK enum status speak_commit(struct speak *s);

/* Waits for the receipts of everything noted, at most wait_s; with `drain` until the whole outbox
 * has nothing waiting. ST_OK: all settled (refused ones too); ST_AGAIN: not in time. */
MUST_CHECK enum status speak_wait(struct speak *s, bool drain);
void speak_result(struct speak *s, struct speak_result *out);

#endif
