/* daemon_clock - the clock, and what is measured by it. */
#include <inttypes.h>

#include "agents/sensor/daemon_parts.h"

#include "proto/base/log.h"

#include "proto/base/banned.h"

/* Asked again after so long: a look at the outbox for each sample would cost more than the sample.
 */
#define ASK_US UINT64_C(1000000)

bool daemon_knows_time(void *arg)
{
    struct daemon *d = arg;
    struct agent_state state;

    agent_state(d->agent, &state);
    return clock_is_known(&d->clock, d->s->speaker.clock, &state, loop_utc_us(d->loop));
}

/* Whoever is further off the broker than clock.off does not measure others by it. */
static bool ask(struct daemon *d)
{
    struct agent_state state;

    agent_state(d->agent, &state);
    return daemon_knows_time(d) && !d->outvote.is &&
           !(state.clock_known && d->s->set.clock_off_ms &&
             imaxabs(state.clock_offset_ms) > d->s->set.clock_off_ms);
}

bool daemon_measures_time(void *arg)
{
    struct daemon *d = arg;
    uint64_t now_us = loop_now_us(d->loop);

    if (!d->asked_us || now_us - d->asked_us >= ASK_US) {
        d->measures = ask(d);
        d->asked_us = now_us;
    }
    return d->measures;
}

/* now_us 0: what is remembered says nothing of our clock. */
static void hear_its_time(struct daemon *d, const struct sample *s, int64_t now_us)
{
    int64_t ahead_us = s->time_us - now_us;
    int64_t most_us = d->s->set.quality_ahead_ms * INT64_C(1000);

    if (!now_us || !most_us || !outvote_hear(&d->outvote, ahead_us > most_us))
        return;
    if (d->outvote.is)
        log_error("sensor.clock.outvoted",
                  "ahead_s=%" PRId64 " next=\"samples are taken at their devices' time\"",
                  ahead_us / 1000000);
    d->asked_us = 0;
}

void daemon_judge(void *arg, unsigned stream, struct sample *s, int64_t now_us)
{
    struct daemon *d = arg;

    hear_its_time(d, s, now_us);
    quality_judge(&d->quality, stream, s, daemon_measures_time(d) ? now_us : 0);
    if (supervise_sample(&d->supervise, stream, s))
        log_error("sensor.clock.doubted",
                  "datastream=%s ahead_s=%" PRId64 " next=\"no detector looks at it\"",
                  d->s->station.streams[stream].name, (s->time_us - now_us) / 1000000);
    if (d->troubles & TROUBLE_POWER)
        s->flags |= EOCBUS__V1__QUALITY__QUALITY_LOW_POWER;
}

/* Now, as the samples have it. */
int64_t daemon_sample_time_us(struct daemon *d)
{
    const struct detect *detect = intake_detect(inputs_intake(d->inputs));

    return daemon_measures_time(d) || !detect->begun ? loop_utc_us(d->loop) : detect->now_us;
}

void daemon_look_at_clock(struct daemon *d)
{
    bool is_timeless = !daemon_measures_time(d);

    if (is_timeless && !d->is_timeless)
        log_warn("sensor.clock.unknown", "next=\"samples are taken at their devices' time\"");
    else if (!is_timeless && d->is_timeless)
        log_info("sensor.clock.known", "next=\"samples are measured by it\"");
    d->is_timeless = is_timeless;
}
