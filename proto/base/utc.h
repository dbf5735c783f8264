/* utc - what the kernel knows of the system's clock: whether something keeps it right, and how far
 * off it may be. A seam: a simulator and tests put their own in place of utc.c. */
#ifndef EOCBUS_BASE_UTC_H
#define EOCBUS_BASE_UTC_H

#include <stdbool.h>
#include <stdint.h>

struct utc_state {
    bool is_known; /* else it would not say, and the rest says nothing */
    bool is_kept;  /* by NTP, or by whatever else disciplines it */
    uint32_t err_ms;
};

void utc_ask(struct utc_state *out); /* a system call; asks only */

#endif
