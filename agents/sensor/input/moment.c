/* moment - see moment.h. */
#include "agents/sensor/input/moment.h"

#include "proto/base/banned.h"

#define HOUR_US INT64_C(3600000000)
/* Ticks come every second. What is more was no time: somebody set our clock. */
#define STEP_US INT64_C(60000000)

static void pass(struct moment *m, int64_t own_us, bool is_known)
{
    int64_t passed_us = own_us - m->own_us;

    if (is_known)
        m->us = own_us;
    else if (m->us && passed_us > 0 && passed_us <= STEP_US)
        m->us += passed_us;
    m->own_us = own_us;
}

/* By the devices' time alone. */
static void follow(struct moment *m, int64_t time_us)
{
    m->behind = time_us < m->us - HOUR_US ? m->behind + 1 : 0;
    if (!m->us || m->behind >= MOMENT_BEHIND ||
        (time_us > m->us && time_us <= m->us + MOMENT_AHEAD_US)) {
        m->us = time_us;
        m->behind = 0;
    }
}

int64_t moment_of_sample(struct moment *m, int64_t time_us, int64_t own_us, bool is_known)
{
    pass(m, own_us, is_known);
    if (!is_known)
        follow(m, time_us);
    return time_us < m->us + MOMENT_AHEAD_US ? time_us : m->us + MOMENT_AHEAD_US;
}

int64_t moment_of_tick(struct moment *m, int64_t own_us, bool is_known)
{
    pass(m, own_us, is_known);
    return m->us;
}
