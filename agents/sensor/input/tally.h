/* tally - which sample was a channel's oldest of so many: where the journal is still needed from.
 * Pure. Answers a number that is up to 63 samples of the channel too low, never one too high. */
#ifndef EOCBUS_SENSOR_TALLY_H
#define EOCBUS_SENSOR_TALLY_H

#include <stdint.h>

enum { TALLY_STEP = 64, TALLY_MARKS = 128 };

struct tally { /* zero at the beginning */
    uint64_t total;
    uint64_t mark[TALLY_MARKS]; /* numbers of samples 1, 65, 129 ... of the channel; a ring */
};

static inline void tally_add(struct tally *t, uint64_t number)
{
    if (t->total % TALLY_STEP == 0)
        t->mark[t->total / TALLY_STEP % TALLY_MARKS] = number;
    t->total++;
}

/* The number from which on its newest `held` samples lie; `none` for none of them, 0 if nobody
 * remembers. */
static inline uint64_t tally_oldest(const struct tally *t, uint64_t held, uint64_t none)
{
    uint64_t oldest = t->total - held;

    if (!held)
        return none;
    if (held > t->total || (t->total - 1) / TALLY_STEP - oldest / TALLY_STEP >= TALLY_MARKS)
        return 0;
    return t->mark[oldest / TALLY_STEP % TALLY_MARKS];
}

#endif
