/* link - see link.h */
#include "proto/wire/link.h"

#include <stdint.h>
#include <string.h>

#include "proto/base/mem.h"
#include "proto/base/banned.h"

/* A frame that is being sent holds up all that follows on its connection: with 64 KiB an alarm
 * waited 13 s on 2G (40 kbit/s down). One packet of the link is the least that makes sense. The
 * window is a round trip of the link and twice as much again, so that it does not run dry while a
 * lost packet is sent anew (8 KiB filled half of a 2G link). Several subscriptions share the link,
 * so an alarm in one of them waits for at most the windows of the others: 2.5 s each on 2G.
 *
 * Silence: three intervals of the agent's pings (5, 6, 30, 20, 60 s) and what a ping may be late;
 * on 2G and radio more than twice that, because the line itself stalls for up to a minute. */
static const struct link_limits links[] = {
    {"fiber", 0, 0, 20000},        {"4g", 0, 0, 20000},          {"2g", 1300, 12288, 200000},
    {"vsat", 8192, 32768, 100000}, {"radio", 400, 1200, 400000}, {"", 0, 0, 400000},
};

const struct link_limits *link_limits_by_name(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LEN(links); i++)
        if (strcmp(links[i].name, name) == 0)
            return &links[i];
    return &links[ARRAY_LEN(links) - 1];
}
