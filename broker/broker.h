/* broker - the hallway: makes the rooms in the right order, gives each the function to call next,
 * and ends them. It holds no message longer than one call.
 *
 *   port ─▶ ingress ─▶ store ─▶ router ─▶ egress ─▶ port       settle: store ─▶ ingress
 *                        ▲  pages                │
 *                        └───────────────────────┘ */
#ifndef EOCBUS_BROKER_BROKER_H
#define EOCBUS_BROKER_BROKER_H

#include <stddef.h>

#include "broker/config.h"
#include "proto/base/status.h"

struct broker;

struct broker_setup {
    struct config *config; /* borrowed, outlives the broker; a reload writes into it */
    /* Reads the settings again into a fresh struct; on failure `err` is a sentence and what was
     * allocated is still freed by the caller. */
    enum status (*reread)(struct config *into, char *err, size_t err_size);
};

/* Listens when it answers EXIT_DONE; else `err` is a sentence for the person who started it, and
 * the answer the exit code. A database that cannot be reached is no error: the broker waits for it.
 */
int broker_start(struct broker **out, const struct broker_setup *set, char *err, size_t err_size);
/* Until SIGTERM or SIGINT: then it stops reading, commits what is queued, sends the receipts, and
 * returns within two seconds. SIGHUP reads the settings again. */
void broker_run(struct broker *b);
void broker_end(struct broker *b);

#endif
