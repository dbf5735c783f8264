/* recent - the last few thousand things that were taken, by a hash: what is sent again because its
 * answer was lost is known, and is not taken twice. Pure. */
#ifndef EOCBUS_SENSOR_RECENT_H
#define EOCBUS_SENSOR_RECENT_H

#include <stdbool.h>
#include <stdint.h>

/* A minute of 64 channels at one sample a second, or a day of one at a sample in 20 s. */
enum { RECENT_THINGS = 4096, RECENT_SLOTS = 4 * RECENT_THINGS };

struct recent { /* zero at the beginning */
    uint64_t ring[RECENT_THINGS];
    uint32_t slot[RECENT_SLOTS]; /* place in the ring, plus 1; 0 = free */
    uint64_t count;
};

bool recent_has(const struct recent *r, uint64_t hash);
/* The oldest one is forgotten for it. */
void recent_add(struct recent *r, uint64_t hash);

#endif
