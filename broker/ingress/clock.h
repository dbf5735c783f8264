/* clock - how far off a sender's clock is, and what that says of its messages. Pure. */
#ifndef EOCBUS_BROKER_INGRESS_CLOCK_H
#define EOCBUS_BROKER_INGRESS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* The sender's clock minus ours. Each sample is the true offset minus the time the frame was under
 * way, so the largest sample is the one that was delayed least. It is believed for CLOCK_KEEP_US;
 * then a newer one takes its place even if it is worse, because clocks drift (20 ppm: 12 ms in 10
 * min). */
#define CLOCK_KEEP_US 600000000ull
struct clock_estimate {
    bool known;
    int64_t offset_us;
    uint64_t taken_us;
};
void clock_sample(struct clock_estimate *c, int64_t sender_utc_us, int64_t our_utc_us,
                  uint64_t now_us);
int32_t clock_offset_ms(const struct clock_estimate *c); /* 0 = unknown */

#endif
