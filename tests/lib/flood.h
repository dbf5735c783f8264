/* flood - three rises of water as a gauge that measures each second would have seen them: records
 * of others, linear between their rows, and one known only by its size. */
#ifndef EOCBUS_TESTS_LIB_FLOOD_H
#define EOCBUS_TESTS_LIB_FLOOD_H

#include <stdint.h>

enum { FLOODS = 3, FLOOD_SECONDS = 3 * 3600 };

struct flood {
    const char *name, *about;
    unsigned window_s; /* over which its rise is looked at */
    double level_m, rise_m_min;
    int32_t mm[FLOOD_SECONDS];
    unsigned
        crossing; /* first second at which both lines are crossed, counted from the series alone */
};

/* The i-th of them; the crossing lies so late that a whole window is before it. */
void flood_make(struct flood *out, unsigned i);

#endif
