/* clock - does this machine know what time it is? A siren whose clock is unknown obeys no order.
 *
 * Its own source counts, as the setting clock says it or as the kernel does: GNSS, NTP, or a clock
 * that was set by them and is held within five minutes. A broker is not believed, but one whose
 * time is further off than that is a reason to doubt: it can lose an order, so it gains nothing. */
#ifndef EOCBUS_SENSOR_SIREN_CLOCK_H
#define EOCBUS_SENSOR_SIREN_CLOCK_H

#include "agents/link/agent.h"
#include "agents/link/timekeeper.h"

struct clock_watch { /* zeroed = not asked yet */
    struct timekeeper kernel;
};

/* said: the setting; CLOCK_SOURCE_UNSPECIFIED = as the kernel says. */
bool clock_is_known(struct clock_watch *w, Eocbus__V1__ClockSource said,
                    const struct agent_state *link, int64_t utc_us);

#endif
