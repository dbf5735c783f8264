#include "broker/ingress/clock.h"

#include "eocbus/v1/common.pb-c.h"

#include "proto/base/banned.h"

static int64_t most_of(const struct clock_estimate *c)
{
    int64_t from_way = c->least_us + CLOCK_WAY_US;

    return c->has_most && c->most_us < from_way ? c->most_us : from_way;
}

static void set_least(struct clock_estimate *c, int64_t offset_us, uint64_t now_us)
{
    c->known = true;
    c->least_us = offset_us;
    c->least_taken_us = now_us;
}

static bool is_old(uint64_t taken_us, uint64_t now_us)
{
    return now_us - taken_us >= CLOCK_KEEP_US;
}

void clock_sample(struct clock_estimate *c, int64_t sender_utc_us, int64_t our_utc_us,
                  uint64_t now_us)
{
    int64_t offset_us = sender_utc_us - our_utc_us;

    if (sender_utc_us <= 0)
        return; /* it did not say */
    if (c->has_most && (offset_us > c->most_us || is_old(c->most_taken_us, now_us)))
        c->has_most = false;
    if (!c->known || offset_us > c->least_us || is_old(c->least_taken_us, now_us) ||
        offset_us < c->least_us - CLOCK_WAY_US) {
        c->has_most = c->has_most && c->known && offset_us >= c->least_us - CLOCK_WAY_US;
        set_least(c, offset_us, now_us);
    }
    /* On its way for long, or set back since. */
    c->is_doubtful = offset_us < -CLOCK_FLOOR_US || offset_us < c->least_us - CLOCK_FLOOR_US;
}

bool clock_asks(struct clock_estimate *c, int64_t our_utc_us, uint64_t now_us)
{
    if (!c->is_doubtful || (c->asked_us && now_us - c->asked_us < CLOCK_ASK_US))
        return false;
    c->asked_us = now_us ? now_us : 1;
    c->asked_utc_us = our_utc_us;
    return true;
}

void clock_answer(struct clock_estimate *c, int64_t ping_time_us, int64_t sender_utc_us,
                  uint64_t now_us)
{
    if (sender_utc_us <= 0 || !c->asked_utc_us || ping_time_us != c->asked_utc_us)
        return;
    c->most_us = sender_utc_us - c->asked_utc_us;
    c->most_taken_us = now_us;
    c->has_most = true;
    c->asked_utc_us = 0;
    c->is_doubtful = false;
    if (!c->known || c->most_us < c->least_us) /* set back: it was read at once, give or take */
        set_least(c, c->most_us - (int64_t)(now_us - c->asked_us), now_us);
}

/* With an answer the middle of what is possible, else the sample that was delayed least. */
static int64_t offset_us_of(const struct clock_estimate *c)
{
    if (!c->known)
        return 0;
    return c->has_most ? c->least_us + (c->most_us - c->least_us) / 2 : c->least_us;
}

int32_t clock_offset_ms(const struct clock_estimate *c)
{
    int64_t ms = offset_us_of(c) / 1000;

    /* A clock that starts in 1970 is off by more than 31 bits of milliseconds. */
    if (ms > INT32_MAX)
        return INT32_MAX;
    return ms < INT32_MIN ? INT32_MIN : (int32_t)ms;
}

static int64_t allowed_us(const struct clock_claim *claim)
{
    switch (claim->source) {
    case EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_GNSS:
    case EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_NTP:
    case EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_RTC_HOLDOVER:
        if (claim->err_ms != UINT32_MAX)
            return CLOCK_FLOOR_US + (int64_t)claim->err_ms * 1000;
        break;
    default:
        break;
    }
    return CLOCK_FLOOR_US;
}

bool clock_is_suspect(const struct clock_estimate *c, const struct clock_claim *claim)
{
    int64_t most = allowed_us(claim);

    return c->known && (c->least_us > most || most_of(c) < -most);
}

bool clock_is_late(const struct clock_estimate *c, int64_t sent_us, int64_t received_us)
{
    return received_us - (sent_us - offset_us_of(c)) > CLOCK_LATE_US;
}

int64_t clock_not_after(const struct clock_estimate *c, const struct clock_claim *claim,
                        int64_t not_after_us)
{
    int64_t corrected_us = not_after_us - offset_us_of(c);

    if (!not_after_us || !clock_is_suspect(c, claim) || corrected_us > not_after_us)
        return not_after_us;
    return corrected_us > 0 ? corrected_us : 1;
}
