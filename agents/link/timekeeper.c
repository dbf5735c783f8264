#include "agents/link/timekeeper.h"

#include "proto/base/utc.h"

#include "proto/base/banned.h"

/* The clock may have been set meanwhile: back counts as no time, far ahead as the largest error. */
static uint32_t held_err_ms(const struct timekeeper *t, int64_t now_us)
{
    int64_t since_us = now_us > t->kept_us ? now_us - t->kept_us : 0;
    int64_t err_ms = t->kept_err_ms + since_us / 1000 * TIMEKEEPER_DRIFT_PPM / 1000000;

    return err_ms < UINT32_MAX ? (uint32_t)err_ms : UINT32_MAX - 1;
}

static void judge(struct timekeeper *t, const struct utc_state *s, int64_t now_us)
{
    t->source = EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_UNSPECIFIED;
    t->err_ms = UINT32_MAX;
    if (!s->is_known)
        return;
    if (s->is_kept) {
        t->was_kept = true;
        t->kept_us = now_us;
        t->kept_err_ms = t->err_ms = s->err_ms;
        t->source = EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_NTP;
    } else if (t->was_kept) {
        t->source = EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_RTC_HOLDOVER;
        t->err_ms = held_err_ms(t, now_us);
    } else {
        t->source = EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_FREE_RUNNING;
    }
}

void timekeeper_fill_in(struct timekeeper *t, Eocbus__V1__Envelope *m, int64_t now_us)
{
    struct utc_state state;

    if (m->clock_source != EOCBUS__V1__CLOCK_SOURCE__CLOCK_SOURCE_UNSPECIFIED)
        return;
    if (!t->was_asked || now_us < t->asked_us || now_us - t->asked_us >= TIMEKEEPER_ASK_US) {
        utc_ask(&state);
        judge(t, &state, now_us);
        t->was_asked = true;
        t->asked_us = now_us;
    }
    m->clock_source = t->source;
    m->clock_err_ms = t->err_ms;
}
