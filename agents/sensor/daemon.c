/* daemon - eocbus-sensor run: readings in, observations and conclusions out, until it is told to
 * end. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/daemon_parts.h"
#include "agents/sensor/report/room.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

#define ROOM_TRIES 8
#define LOOK_MS    10000

enum status daemon_put(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct daemon *d = arg;
    uint64_t tag;
    enum status st = agent_put(d->agent, m, &tag, why);

    /* A large message may want the room of many small ones. */
    for (unsigned tries = 0; st == ST_FULL && tries < ROOM_TRIES; tries++) {
        if (room_make(agent_outbox(d->agent), &d->s->speaker, (unsigned)m->lane,
                      loop_utc_us(d->loop)) != ST_OK)
            break;
        st = agent_put(d->agent, m, &tag, why);
    }
    if (st == ST_OK || st == ST_FULL)
        satellite_put(d->satellite, m, st == ST_OK ? tag : 0);
    return st;
}

enum status daemon_commit(void *arg)
{
    return agent_flush(((struct daemon *)arg)->agent);
}

enum status daemon_once(void *arg, const char *key, uint64_t said)
{
    return outbox_once_from(agent_outbox(((struct daemon *)arg)->agent), key, said);
}

static enum status forget(void *arg, const char *key, uint64_t upto)
{
    return outbox_once_forget(agent_outbox(((struct daemon *)arg)->agent), key, upto);
}

/* --- starting and ending ---------------------------------------------------------------------- */

static void on_signal(void *arg, int signum)
{
    struct daemon *d = arg;

    if (signum == SIGHUP) {
        char err[600];

        if (agent_rekey(d->agent, d->s->set.agent.key_file, err, sizeof(err)) != ST_OK)
            log_error("agent.rekey.failed", "why=\"%s\" next=\"the old key stays\"", err);
        return;
    }
    log_info("sensor.stop", "signal=%d", signum);
    loop_stop(d->loop);
}

static void on_linked(void *arg, bool up, const char *why)
{
    struct daemon *d = arg;

    if (d->inputs)
        intake_linked(inputs_intake(d->inputs), up);
    if (up) {
        log_info("sensor.link.up", "%s", why ? why : "");
        loop_timer_start(d->status_timer, 0, d->s->set.status_period_ms);
    } else {
        log_warn("sensor.link.down", "why=%s", why ? why : "");
    }
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    if (oc->stored)
        satellite_stored(((struct daemon *)arg)->satellite, tag);
    else
        log_error("sensor.refused", "tag=%" PRIu64 " code=%s path=%s", tag,
                  oc->code ? oc->code : "", oc->path ? oc->path : "");
}

static enum status start_loop(struct daemon *d)
{
    static const int signums[] = {SIGTERM, SIGINT, SIGHUP};
    enum status st = loop_timer_create(&d->replay_timer, d->loop, daemon_on_replay, d);

    if (st == ST_OK)
        st = loop_timer_create(&d->status_timer, d->loop, daemon_on_status, d);
    if (st == ST_OK)
        st = loop_timer_create(&d->look_timer, d->loop, daemon_on_look, d);
    for (size_t i = 0; st == ST_OK && i < ARRAY_LEN(signums); i++)
        st = loop_signal_create(&d->signals[i], d->loop, signums[i], on_signal, d);
    return st;
}

static enum status start_inputs(struct daemon *d, char *err, size_t err_size)
{
    const struct sensor_settings *set = &d->s->set;
    const struct supervise_limits limits = {set->power_low_mv, set->signal_low_dbm,
                                            set->clock_off_ms, set->disk_low / 1024};
    const struct inputs_settings inputs = {
        .loop = d->loop,
        .conf = &set->inputs,
        .outbox_path = set->agent.outbox_path,
        .name = set->agent.name,
        .publishes = strncmp(set->siren, "mqtt ", 5) == 0,
        .intake =
            {
                .station = &d->s->station,
                .detectors = &set->detectors,
                .speaker = &d->s->speaker,
                .batch_samples = set->batch_samples,
                .batch_period_us = set->batch_period_ms * INT64_C(1000),
                .event_period_us = set->event_period_ms * INT64_C(1000),
                .event_before_us = set->event_before_ms * INT64_C(1000),
                .event_after_us = set->event_after_ms * INT64_C(1000),
                .hold_us = set->detect_hold_ms * INT64_C(1000),
                .put = daemon_put,
                .commit = daemon_commit,
                .once = daemon_once,
                .forget = forget,
                .concluded = daemon_on_concluded,
                .looked = daemon_on_looked,
                .judge = daemon_judge,
                .knows_time = daemon_measures_time,
                .arg = d,
            },
    };
    enum status st = quality_read(&d->quality, &d->s->station, &set->quality,
                                  set->quality_ahead_ms * INT64_C(1000),
                                  set->backfill_after_ms * INT64_C(1000), err, err_size);

    supervise_begin(&d->supervise, &d->s->station, &d->quality, &limits, loop_utc_us(d->loop));
    return st == ST_OK ? inputs_create(&d->inputs, &inputs, err, err_size) : st;
}

static enum status start(struct daemon *d, char *err, size_t err_size)
{
    const struct agent_events events = {.arg = d, .linked = on_linked, .settled = on_settled};
    struct agent_settings set = d->s->set.agent; /* borrowed texts */
    enum status st;

    set.stays = true;
    set.exercises = d->s->speaker.status == EOCBUS__V1__STATUS__STATUS_EXERCISE;
    snprintf(err, err_size, "out of memory");
    st = loop_create(&d->loop);
    if (st == ST_OK)
        st = start_loop(d);
    if (st == ST_OK)
        st = agent_create(&d->agent, d->loop, &set, "eocbus-sensor " EOCBUS_VERSION, &events, err,
                          err_size);
    if (st == ST_OK)
        st = sensor_registry_version(d->s, err, err_size);
    if (st == ST_OK)
        st = daemon_say_registry_once(d, err, err_size);
    if (st == ST_OK)
        st = daemon_start_site(d, err, err_size);
    if (st == ST_OK)
        st = daemon_start_satellite(d, err, err_size);
    if (st == ST_OK)
        st = start_inputs(d, err, err_size);
    if (st == ST_OK)
        st = daemon_start_control(d, err, err_size);
    if (st == ST_OK)
        st = daemon_start_neighbours(d, err, err_size);
    if (st == ST_OK)
        st = daemon_start_replay(d, err, err_size);
    if (st != ST_OK)
        return st;
    daemon_look_at_clock(d);
    d->began_us = loop_now_us(d->loop);
    loop_timer_start(d->status_timer, 0, d->s->set.status_period_ms);
    loop_timer_start(d->look_timer, LOOK_MS, LOOK_MS);
    return ST_OK;
}

static void end(struct daemon *d)
{
    control_destroy(d->control);
    inputs_destroy(d->inputs);
    satellite_destroy(d->satellite);
    site_destroy(d->site);
    replay_destroy(d->replay);
    agent_destroy(d->agent);
    for (size_t i = 0; i < ARRAY_LEN(d->signals); i++)
        loop_signal_destroy(d->signals[i]);
    loop_timer_destroy(d->replay_timer);
    loop_timer_destroy(d->status_timer);
    loop_timer_destroy(d->look_timer);
    loop_destroy(d->loop);
}

int sensor_run(struct sensor *s)
{
    struct daemon d = {.s = s};
    char err[600];
    enum status st;

    if (s->argc > 1)
        return program_fail(s->program, EXIT_USAGE, "run takes no arguments; see --help");
    st = start(&d, err, sizeof(err));
    if (st == ST_OK)
        loop_run(d.loop);
    end(&d);
    if (st == ST_OK)
        return EXIT_DONE;
    return program_fail(s->program, st == ST_INVALID ? EXIT_USAGE : EXIT_MACHINE, "%s", err);
}
