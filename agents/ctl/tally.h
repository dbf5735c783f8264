/* tally - what was said, what is stored and what was heard, held against each other. Pure.
 *
 * Every message is known by a digest of its content: the content holds sender, epoch, lane and
 * number, so equal contents are the same message, and a message whose bytes changed on the way is a
 * lost one. */
#ifndef EOCBUS_CTL_TALLY_H
#define EOCBUS_CTL_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

struct tally_item {
    uint64_t digest;
    uint64_t seq; /* 0 where there is none */
};

struct tally_list { /* grows; zeroed is empty */
    struct tally_item *items;
    size_t count, cap;
};

MUST_CHECK enum status tally_add(struct tally_list *l, uint64_t digest, uint64_t seq);
void tally_free(struct tally_list *l);

struct tally_result {
    uint64_t published, stored, delivered, refused, lost, duplicated;
};

/* said: every message of the outboxes. gone: how many more were said, stored, and since dropped
 * from the outboxes by their keeping time. stored: the log's rows, those that the bus itself said
 * among them: they have to be heard, and are not counted as delivered. refused: the
 * quarantine. heard: the listener's record. Sorts the lists. A message is lost if it is neither
 * stored nor refused, or stored and not heard under its number; doubled if the log or the record
 * has it twice. */
void tally_compare(struct tally_result *out, struct tally_list *said, uint64_t gone,
                   struct tally_list *stored, struct tally_list *refused, struct tally_list *heard);

#endif
