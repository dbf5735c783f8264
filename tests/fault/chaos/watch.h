/* watch - what a run looks like from outside: how long senders waited for receipts, fault by fault,
 * and a line of progress now and then. */
#ifndef EOCBUS_TESTS_FAULT_CHAOS_WATCH_H
#define EOCBUS_TESTS_FAULT_CHAOS_WATCH_H

#include "tests/fault/chaos/plan.h"
#include "tests/fault/chaos/world.h"

struct watched { /* of one fault */
    bool begun, healed;
    bool alone;   /* no other was under way, or still felt */
    bool is_over; /* felt no more, or another one began */
    uint64_t begun_us, healed_us;
    uint64_t gap_us;   /* longest time without a receipt of any sender that waited for one */
    uint64_t after_us; /* the part of it behind the healing */
};

struct watch {
    struct world *world;
    const struct fault *plan;
    struct watched *seen; /* as many */
    unsigned faults;
    uint64_t began_us, told_us, told_stored;
};

void watch_turn(struct watch *w); /* every few milliseconds */
void watch_begin(struct watch *w, unsigned fault);
void watch_heal(struct watch *w, unsigned fault);
uint64_t watch_stored(const struct watch *w); /* receipts so far */
unsigned watch_kinds(const struct watch *w);  /* that were made */
uint64_t watch_longest_us(const struct watch *w);
void watch_print_table(const struct watch *w);

#endif
