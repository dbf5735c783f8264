/* recent - see recent.h. A table of places in a ring, by linear probing; what is taken out moves
 * its neighbours up, so that a search ends at the first free slot. */
#include "agents/sensor/input/recent.h"

#include "proto/base/banned.h"

static uint32_t home(uint64_t hash)
{
    return (uint32_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 40) % RECENT_SLOTS;
}

static uint32_t find(const struct recent *r, uint64_t hash)
{
    uint32_t at = home(hash);

    while (r->slot[at] && r->ring[r->slot[at] - 1] != hash)
        at = (at + 1) % RECENT_SLOTS;
    return at;
}

bool recent_has(const struct recent *r, uint64_t hash)
{
    return r->slot[find(r, hash)] != 0;
}

static void take_out(struct recent *r, uint32_t hole)
{
    uint32_t at = hole;

    for (;;) {
        uint32_t wants;

        at = (at + 1) % RECENT_SLOTS;
        if (!r->slot[at])
            break;
        wants = home(r->ring[r->slot[at] - 1]);
        /* It stays where it is if its home lies behind the hole. */
        if ((at > hole) ? (wants > hole && wants <= at) : (wants > hole || wants <= at))
            continue;
        r->slot[hole] = r->slot[at];
        hole = at;
    }
    r->slot[hole] = 0;
}

void recent_add(struct recent *r, uint64_t hash)
{
    uint32_t place = (uint32_t)(r->count % RECENT_THINGS), at;

    if (recent_has(r, hash))
        return;
    if (r->count >= RECENT_THINGS)
        take_out(r, find(r, r->ring[place]));
    at = find(r, hash);
    r->ring[place] = hash;
    r->slot[at] = place + 1;
    r->count++;
}
