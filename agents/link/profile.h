/* profile - what a kind of link means for an agent: how often to ask, when to give up, how much to
 * have on the way. */
#ifndef EOCBUS_LINK_PROFILE_H
#define EOCBUS_LINK_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link_profile {
    const char *name;
    unsigned ping_ms;    /* idle: ask; three intervals without any frame: the session is dead */
    unsigned connect_ms; /* no link after this: try the next endpoint */
    unsigned backoff_ms, backoff_max_ms;
    size_t bulk_bytes;  /* of content on the way without a receipt; at least one message */
    size_t flash_bytes; /* the same for FLASH, beside the bulk */
    /* Bulk leaves in pieces of this size, and only when a whole one fits: a packet of the link, so
     * that headers and CURVE (about 140 bytes a packet) stay small against it. 0 = as it comes. */
    size_t chunk_bytes;
    bool two_lines; /* one broker at a time; FLASH and IMMEDIATE have a line of their own (lines_role.c)
                     */
    /* An alarm without a receipt for so long also goes over the common connection: a packet that is
     * lost twice would keep it from its listeners for ten seconds. 0 = never. */
    unsigned copy_ms;
    /* Something is due and nothing was heard for so long: ask; and as long again: go elsewhere.
     * More than the link's own round trip. 0 = with two lines there is nowhere to go at once. */
    unsigned mute_ms;
    bool asks_freely;     /* bytes cost nothing: who only listens asks that often, too */
    unsigned rto_most_ms; /* longest pause of TCP between two attempts; 0 = the system's, 120 s */
};

/* NULL if there is no such profile. */
const struct link_profile *link_profile_by_name(const char *name);
/* Wait before attempt `failures` + 1 (0 = the first): doubles up to the maximum, then a random part
 * of the upper half, so that five hundred agents do not come back in one instant. random: any
 * number. */
unsigned link_profile_backoff_ms(const struct link_profile *p, unsigned failures, uint32_t random);

#endif
