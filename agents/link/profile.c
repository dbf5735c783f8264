/* profile - see profile.h */
#include "agents/link/profile.h"

#include <string.h>

#include "proto/base/mem.h"

/* Bytes on the way: about one second of the link, so that an alarm waits at most that long behind
 * bulk in a socket buffer: 2G carries 20 kbit/s, the radio 4.8; fiber and 4G are a round trip's
 * worth. */
static const struct link_profile profiles[] = {
    {"fiber", 5000, 3000, 100, 5000, 262144, 65536},
    {"4g", 10000, 10000, 250, 30000, 65536, 32768},
    {"2g", 30000, 40000, 1000, 30000, 2048, 1024},
    {"vsat", 20000, 20000, 500, 30000, 65536, 16384},
    {"radio", 60000, 60000, 2000, 30000, 600, 300},
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
