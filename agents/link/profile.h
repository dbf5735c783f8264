/* profile - what a kind of link means for an agent: how often to ask, when to give up, how much to
 * have on the way. */
#ifndef EOCBUS_LINK_PROFILE_H
#define EOCBUS_LINK_PROFILE_H

#include <stddef.h>
#include <stdint.h>

struct link_profile {
    const char *name;
    unsigned ping_ms;    /* idle: ask; three intervals without any frame: the session is dead */
    unsigned connect_ms; /* no link after this: try the next endpoint */
    unsigned backoff_ms, backoff_max_ms;
    size_t bulk_bytes;  /* of content on the way without a receipt; at least one message */
    size_t flash_bytes; /* the same for FLASH, beside the bulk */
};

/* NULL if there is no such profile. */
const struct link_profile *link_profile_by_name(const char *name);
/* Wait before attempt `failures` + 1 (0 = the first): doubles up to the maximum, then a random part
 * of the upper half, so that five hundred agents do not come back in one instant. random: any
 * number. */
unsigned link_profile_backoff_ms(const struct link_profile *p, unsigned failures, uint32_t random);

#endif
