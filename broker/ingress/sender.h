/* sender - one principal, however many connections it has: its sessions, and what the store holds
 * of its messages. Kept beyond its last session until their fates are known, so that a new hello
 * does not make room for a second window. Pure. */
#ifndef EOCBUS_BROKER_INGRESS_SENDER_H
#define EOCBUS_BROKER_INGRESS_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/base/status.h"

struct sender {
    struct list link, own; /* own: its sessions, the longest silent first */
    int32_t principal_id;
    unsigned sessions;
    unsigned items; /* without a known fate */
    size_t bytes;   /* of them */
};

struct senders { /* zeroed = not there */
    struct list *buckets;
    size_t mask; /* buckets - 1 */
};

MUST_CHECK enum status senders_init(struct senders *all, size_t buckets); /* a power of two */
void senders_free(struct senders *all);
struct sender *senders_find(const struct senders *all, int32_t principal_id);
/* Found or made; NULL without memory. */
struct sender *senders_make(struct senders *all, int32_t principal_id);
/* After something was taken away: forgets it when nothing is left. */
void sender_release(struct sender *s);

void sender_took(struct sender *s, size_t len); /* one item */
void sender_gave(struct sender *s, size_t len); /* may be followed by sender_release */

#endif
