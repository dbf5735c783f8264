/* link - what a broker needs to know of an agent's link, by the name of its profile in Hello.
 *
 * The agent's side of a profile (how often to ask, how much to have on the way up) is in
 * agents/link/profile.h. */
#ifndef EOCBUS_WIRE_LINK_H
#define EOCBUS_WIRE_LINK_H

#include <stdbool.h>
#include <stddef.h>

struct link_limits {
    const char *name;
    size_t frame_bytes;  /* cut Deliver here, one message goes whole; 0 = as on a wide link */
    size_t window_bytes; /* delivered and not acknowledged, per subscription; 0 = the same */
    unsigned silent_ms;  /* nothing heard for so long: the agent is dead */
};

/* Never NULL: a name nobody knows, or none, is as wide as a link can be and as patient as the
 * slowest. */
const struct link_limits *link_limits_by_name(const char *name);

#endif
