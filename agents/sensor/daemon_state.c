/* daemon_state - what a running gateway says of itself: its state, its registry. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "agents/sensor/daemon_parts.h"

#include "proto/base/log.h"

#include "proto/base/banned.h"

/* Without a link nobody reads a state before the next one. */
#define UNLINKED_STATUS_US UINT64_C(3600000000)

static uint64_t free_kib(const char *path)
{
    struct statvfs about;

    return statvfs(path, &about) == 0 ? (uint64_t)about.f_bavail * about.f_frsize / 1024 : 0;
}

static int32_t clamp_offset(int64_t ms)
{
    const int64_t most = 2000000000;

    return (int32_t)(ms > most ? most : ms < -most ? -most : ms);
}

/* What is known without asking the outbox; answers TROUBLE_ bits. */
static unsigned describe(struct daemon *d, const struct agent_state *state,
                         Eocbus__V1__SensorStatus *body)
{
    body->uptime_s = (uint32_t)((loop_now_us(d->loop) - d->began_us) / 1000000);
    body->backlog_messages = state->waiting;
    body->clock_offset_ms = state->clock_known ? clamp_offset(state->clock_offset_ms) : 0;
    body->disk_free_kib = free_kib(d->s->set.agent.outbox_path);
    body->mode = intake_mode(inputs_intake(d->inputs));
    return supervise_look(&d->supervise, daemon_sample_time_us(d), body);
}

static void say_state(struct daemon *d)
{
    Eocbus__V1__SensorStatus body = EOCBUS__V1__SENSOR_STATUS__INIT;
    struct speaker speaker = d->s->speaker;
    struct outbox_counts counts = {.bytes = 0};
    struct agent_state state;
    enum status st;

    agent_state(d->agent, &state);
    (void)!outbox_counts(agent_outbox(d->agent), &counts);
    (void)describe(d, &state, &body);
    body.backlog_bytes = counts.bytes;
    body.sensor_registry_version = d->s->speaker.registry_version;
    body.software = (char *)"eocbus-sensor " EOCBUS_VERSION;
    speaker.put = daemon_put;
    speaker.arg = d;
    st = say_status(&speaker, &body, loop_utc_us(d->loop));
    if (st == ST_OK)
        d->status_us = loop_now_us(d->loop);
    else
        log_warn("sensor.status.unsaid", "status=%s code=%s path=%s", status_name(st),
                 speaker.why.code ? speaker.why.code : "", speaker.why.path);
}

void daemon_on_status(void *arg)
{
    struct daemon *d = arg;
    struct agent_state state;

    agent_state(d->agent, &state);
    if (state.linked || !d->status_us || loop_now_us(d->loop) - d->status_us >= UNLINKED_STATUS_US)
        say_state(d);
}

/* What changed for the better or worse is said at once. */
void daemon_on_look(void *arg)
{
    struct daemon *d = arg;
    Eocbus__V1__SensorStatus body = EOCBUS__V1__SENSOR_STATUS__INIT;
    struct agent_state state;
    unsigned troubles;
    char words[64];

    daemon_look_at_clock(d);
    agent_state(d->agent, &state);
    troubles = describe(d, &state, &body);
    if (troubles == d->troubles)
        return;
    if (troubles & ~d->troubles)
        log_warn("sensor.trouble",
                 "what=\"%s\" battery_mv=%" PRIu32 " rssi_dbm=%d clock_offset_ms=%d "
                 "disk_free_kib=%" PRIu64 " silent=%zu",
                 supervise_words(words, troubles), body.battery_mv, (int)body.rssi_dbm,
                 (int)body.clock_offset_ms, body.disk_free_kib, body.n_silent_datastreams);
    else
        log_info("sensor.trouble.less", "left=\"%s\"", supervise_words(words, troubles));
    d->troubles = troubles;
    say_state(d);
}

/* Once per version, however often the gateway starts. */
enum status daemon_say_registry_once(struct daemon *d, char *err, size_t err_size)
{
    struct outbox *o = agent_outbox(d->agent);
    struct speaker speaker = d->s->speaker;
    enum status st, ended;
    char key[40];

    snprintf(key, sizeof(key), "registry-%" PRIu32, speaker.registry_version);
    speaker.put = daemon_put;
    speaker.arg = d;
    st = outbox_once(o, key);
    if (st == ST_OK)
        st = say_registry(&speaker, &d->s->station, loop_utc_us(d->loop));
    ended = outbox_once(o, NULL);
    if (st == ST_OK)
        st = ended;
    if (st != ST_OK)
        snprintf(err, err_size, "the registry cannot be said: %s",
                 *speaker.why.text ? speaker.why.text : outbox_trouble(o));
    return st;
}
