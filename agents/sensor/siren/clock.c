/* clock - see clock.h. */
#include "agents/sensor/siren/clock.h"

#include "proto/base/banned.h"

#define SOURCE(word) EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_##word
/* As trust_may_obey lets the clocks of two people differ. */
#define MOST_MS 300000

bool clock_is_known(struct clock_watch *w, Eocbus__V1__ClockSource said,
                    const struct agent_state *link, int64_t utc_us)
{
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;

    m.clock_source = said;
    if (said == SOURCE(UNSPECIFIED))
        timekeeper_fill_in(&w->kernel, &m, utc_us);
    if (link->clock_known && (link->clock_offset_ms > MOST_MS || link->clock_offset_ms < -MOST_MS))
        return false;
    switch (m.clock_source) {
    case SOURCE(GNSS):
    case SOURCE(NTP):
        return true;
    case SOURCE(RTC_HOLDOVER):
        return m.clock_err_ms < MOST_MS; /* 0: it was the setting that said so */
    default:
        return false;
    }
}
