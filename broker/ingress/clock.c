#include "broker/ingress/clock.h"

#include "proto/base/banned.h"

void clock_sample(struct clock_estimate *c, int64_t sender_utc_us, int64_t our_utc_us,
                  uint64_t now_us)
{
    int64_t offset_us = sender_utc_us - our_utc_us;

    if (sender_utc_us <= 0)
        return; /* it did not say */
    if (c->known && offset_us <= c->offset_us && now_us - c->taken_us < CLOCK_KEEP_US)
        return;
    c->known = true;
    c->offset_us = offset_us;
    c->taken_us = now_us;
}

int32_t clock_offset_ms(const struct clock_estimate *c)
{
    int64_t ms = c->known ? c->offset_us / 1000 : 0;

    /* A clock that starts in 1970 is off by more than 31 bits of milliseconds. */
    if (ms > INT32_MAX)
        return INT32_MAX;
    return ms < INT32_MIN ? INT32_MIN : (int32_t)ms;
}
