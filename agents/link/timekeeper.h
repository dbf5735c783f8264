/* timekeeper - what a message says of its sender's clock when its program says nothing
 * (Envelope.clock_source, clock_err_ms). The kernel is asked at most once in TIMEKEEPER_ASK_US: it
 * needs hours to notice that nobody keeps the clock any more.
 *
 * Kept: NTP, with the kernel's error; a receiver on this machine keeps the clock through the same
 * daemon, and that it is GNSS only the program can say. No longer kept, and it was when we were
 * asked before: RTC_HOLDOVER, the error grows by TIMEKEEPER_DRIFT_PPM. Never kept: FREE_RUNNING,
 * the error unknown. A kernel that does not say: nothing. */
#ifndef EOCBUS_LINK_TIMEKEEPER_H
#define EOCBUS_LINK_TIMEKEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "eocbus/v1/envelope.pb-c.h"

#define TIMEKEEPER_ASK_US INT64_C(10000000)
/* As the kernel reckons; a cheap crystal in the cold drifts by a fifth of it. */
enum { TIMEKEEPER_DRIFT_PPM = 500 };

struct timekeeper { /* zeroed = not asked yet */
    bool was_asked, was_kept;
    int64_t asked_us, kept_us; /* kept_us, kept_err_ms: when it was kept last */
    uint32_t kept_err_ms;
    Eocbus__V1__ClockSource source;
    uint32_t err_ms;
};

/* Leaves *m alone if it names a source. now_us: of the clock it is all about. */
void timekeeper_fill_in(struct timekeeper *t, Eocbus__V1__Envelope *m, int64_t now_us);

#endif
