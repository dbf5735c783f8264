/* profile - see profile.h */
#include "agents/link/profile.h"

#include <string.h>

#include "proto/base/mem.h"

/* Bytes on the way: fiber and 4G, a round trip's worth. On thin links what is on the way is all an
 * alarm waits for (it has a connection of its own), so: a round trip, and what keeps the link busy
 * while one lost packet is sent again. 2G carries 2,500 bytes a second with 0.8 s there and back,
 * and TCP needs three packets behind a lost one to notice early; tests/fault/thin_link_test
 * measures both sides of the choice. */
static const struct link_profile profiles[] = {
    {"fiber", 5000, 3000, 100, 5000, 262144, 65536, 0, false, 0, 1000, true, 0},
    {"4g", 6000, 10000, 250, 30000, 65536, 32768, 0, false, 0, 1000, false, 0},
    {"2g", 30000, 40000, 1000, 30000, 6800, 1024, 1300, true, 3000, 0, false, 6000},
    {"vsat", 20000, 20000, 500, 30000, 65536, 16384, 0, false, 0, 3000, false, 0},
    {"radio", 60000, 60000, 2000, 30000, 1200, 300, 400, true, 8000, 0, false, 10000},
};

const struct link_profile *link_profile_by_name(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LEN(profiles); i++)
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
    return NULL;
}

unsigned link_profile_backoff_ms(const struct link_profile *p, unsigned failures, uint32_t random)
{
    unsigned wait = p->backoff_ms;

    while (failures-- > 0 && wait < p->backoff_max_ms)
        wait *= 2;
    if (wait > p->backoff_max_ms)
        wait = p->backoff_max_ms;
    return wait - random % (wait / 2 + 1);
}
