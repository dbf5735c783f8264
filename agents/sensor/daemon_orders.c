/* daemon_orders - what a running gateway does at once: its siren, orders, alarms by satellite. */
#include <stdio.h>

#include "agents/sensor/daemon_parts.h"

#include "proto/base/ids.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

bool daemon_is_linked(void *arg)
{
    struct agent_state state;

    agent_state(((struct daemon *)arg)->agent, &state);
    return state.linked;
}

bool daemon_on_concluded(void *arg, const Eocbus__V1__Envelope *m, uint8_t message_id[16])
{
    struct daemon *d = arg;
    uint8_t random[10];

    loop_random(d->loop, random, sizeof(random));
    id_make(message_id, loop_utc_us(d->loop), random);
    return site_concluded(d->site, m, message_id);
}

void daemon_on_looked(void *arg, const struct detect *detect)
{
    site_look(((struct daemon *)arg)->site, detect->level, detect_flow_us(detect));
}

static enum status publish(void *arg, const char *topic, const void *bytes, size_t len)
{
    struct inputs *in = ((struct daemon *)arg)->inputs;

    return in ? inputs_publish(in, topic, bytes, len) : ST_AGAIN;
}

enum status daemon_start_site(struct daemon *d, char *err, size_t err_size)
{
    const struct sensor_settings *set = &d->s->set;
    char kept[1024];
    const struct site_settings site = {
        .loop = d->loop,
        .driver = set->siren,
        .sounds = &set->siren_sounds,
        .timeout_ms = set->siren_timeout_ms,
        .kept_path = kept,
        .speaker = &d->s->speaker,
        .late_us = set->backfill_after_ms * INT64_C(1000),
        .put = daemon_put,
        .commit = daemon_commit,
        .publish = publish,
        .clock_is_known = daemon_knows_time,
        .is_linked = daemon_is_linked,
        .arg = d,
    };
    int n = snprintf(kept, sizeof(kept), "%s.siren", set->agent.outbox_path);

    if (n < 0 || (size_t)n >= sizeof(kept)) {
        snprintf(err, err_size, "outbox.path is too long");
        return ST_INVALID;
    }
    return site_create(&d->site, &site, err, err_size);
}

static void on_mode(void *arg, Eocbus__V1__SensorMode mode, uint32_t duration_s)
{
    struct daemon *d = arg;
    struct intake *i = inputs_intake(d->inputs);
    enum status st = intake_order_mode(i, mode, duration_s, loop_utc_us(d->loop));

    detect_maintenance(intake_detect(i), mode == EOCBUS__V1__SENSOR_MODE__SENSOR_MODE_MAINTENANCE);
    daemon_on_looked(d, intake_detect(i));
    if (st != ST_OK)
        log_warn("sensor.mode", "status=%s next=\"what was gathered comes again\"",
                 status_name(st));
}

static void on_clear(void *arg)
{
    struct intake *i = inputs_intake(((struct daemon *)arg)->inputs);

    detect_clear(intake_detect(i));
    intake_tick(i, loop_utc_us(((struct daemon *)arg)->loop));
}

static enum status on_history(void *arg, int64_t from_us, int64_t to_us, size_t *count)
{
    struct daemon *d = arg;

    return intake_history(inputs_intake(d->inputs), from_us, to_us, loop_utc_us(d->loop), count);
}

static void on_restart(void *arg)
{
    struct daemon *d = arg;

    log_info("sensor.stop", "why=ordered");
    loop_stop(d->loop);
}

enum status daemon_start_control(struct daemon *d, char *err, size_t err_size)
{
    struct speaker speaker = d->s->speaker;
    const struct control_settings control = {
        .loop = d->loop,
        .agent = d->agent,
        .site = d->site,
        .speaker = &speaker,
        .path = d->s->set.agent.outbox_path,
        .detect = intake_detect(inputs_intake(d->inputs)),
        .once = daemon_once,
        .mode = on_mode,
        .clear = on_clear,
        .restart = on_restart,
        .history = on_history,
        .arg = d,
    };

    speaker.put = daemon_put;
    speaker.arg = d;
    return control_create(&d->control, &control, err, err_size);
}

enum status daemon_start_neighbours(struct daemon *d, char *err, size_t err_size)
{
    d->neighbours = (struct neighbours){.neighbours = &d->s->set.neighbours,
                                        .quakes = &d->s->set.quakes,
                                        .status = d->s->speaker.status,
                                        .detect = intake_detect(inputs_intake(d->inputs)),
                                        .agent = d->agent};
    return neighbours_begin(&d->neighbours, loop_utc_us(d->loop), err, err_size);
}

enum status daemon_start_satellite(struct daemon *d, char *err, size_t err_size)
{
    const struct sensor_settings *set = &d->s->set;
    const struct satellite_settings satellite = {
        .loop = d->loop,
        .command = set->compact_command,
        .key_file = set->compact_key,
        .level = set->compact_level,
        .after_ms = set->compact_after_ms,
        .valid_ms = set->compact_valid_ms,
        .timeout_ms = set->compact_timeout_ms,
        .is_linked = daemon_is_linked,
        .arg = d,
    };
    enum status st = ST_OK;

    if (*set->compact_command)
        st = satellite_create(&d->satellite, &satellite, err, err_size);
    if (st == ST_OK)
        satellite_look(d->satellite, agent_outbox(d->agent));
    return st;
}
