/* daemon - eocbus-sensor run: readings in, observations and conclusions out, until it is told to
 * end.
 *
 * A replay goes in steps: so many messages under its once-key, one commit, then back to the loop,
 * so that the link, the line protocol and signals are served in between. When the outbox fails,
 * what was put since the last commit is gone: the replay begins again from its first record, and
 * the once-key turns what is on disk already into nothing. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "agents/sensor/control.h"
#include "agents/sensor/input/inputs.h"
#include "agents/sensor/report/room.h"
#include "agents/sensor/report/satellite.h"
#include "agents/sensor/report/supervise.h"
#include "agents/sensor/settings.h"
#include "agents/sensor/siren/clock.h"
#include "agents/sensor/siren/site.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

/* Messages of one step; with one commit (an fsync, about a millisecond) they keep the loop busy for
 * a few milliseconds. */
#define STEP_MESSAGES 128
#define CROWDED_MS    50
#define AGAIN_MS      5000
#define ROOM_TRIES    8
#define LOOK_MS       10000
/* Without a link nobody reads a state before the next one. */
#define UNLINKED_STATUS_US UINT64_C(3600000000)

struct daemon {
    struct sensor *s;
    struct loop *loop;
    struct agent *agent;
    struct quality quality;
    struct supervise supervise;
    struct satellite *satellite; /* NULL = there is none */
    unsigned troubles;           /* TROUBLE_ bits, as logged */
    bool is_timeless;            /* our clock is not believed, as logged */
    struct inputs *inputs;
    struct site *site;
    struct control *control;
    struct clock_watch clock;
    struct replay *replay;
    struct loop_timer *replay_timer, *status_timer, *look_timer;
    struct loop_signal *signals[3];
    uint64_t began_us, status_us; /* the state was said last */
    uint64_t repeated;            /* of the replay, at the step before */
};

static enum status put(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
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

static enum status commit(void *arg)
{
    return agent_flush(((struct daemon *)arg)->agent);
}

static enum status once(void *arg, const char *key, uint64_t said)
{
    return outbox_once_from(agent_outbox(((struct daemon *)arg)->agent), key, said);
}

static enum status forget(void *arg, const char *key, uint64_t upto)
{
    return outbox_once_forget(agent_outbox(((struct daemon *)arg)->agent), key, upto);
}

/* --- the clock, and what is measured by it ------------------------------------------------------
 */

static bool knows_the_time(void *arg)
{
    struct daemon *d = arg;
    struct agent_state state;

    agent_state(d->agent, &state);
    return clock_is_known(&d->clock, d->s->speaker.clock, &state, loop_utc_us(d->loop));
}

/* Whoever is further off the broker than clock.off does not measure others by it. */
static bool measures_time(void *arg)
{
    struct daemon *d = arg;
    struct agent_state state;

    agent_state(d->agent, &state);
    return knows_the_time(arg) && !(state.clock_known && d->s->set.clock_off_ms &&
                                    imaxabs(state.clock_offset_ms) > d->s->set.clock_off_ms);
}

static void judge(void *arg, unsigned stream, struct sample *s, int64_t now_us)
{
    struct daemon *d = arg;

    quality_judge(&d->quality, stream, s, measures_time(d) ? now_us : 0);
    if (supervise_sample(&d->supervise, stream, s))
        log_error("sensor.clock.doubted",
                  "datastream=%s ahead_s=%" PRId64 " next=\"no detector looks at it\"",
                  d->s->station.streams[stream].name, (s->time_us - now_us) / 1000000);
    if (d->troubles & TROUBLE_POWER)
        s->flags |= EOCBUS__V1__QUALITY__QUALITY_LOW_POWER;
}

/* Now, as the samples have it. */
static int64_t time_of_samples(struct daemon *d)
{
    const struct detect *detect = intake_detect(inputs_intake(d->inputs));

    return measures_time(d) || !detect->begun ? loop_utc_us(d->loop) : detect->now_us;
}

static void look_at_clock(struct daemon *d)
{
    bool is_timeless = !measures_time(d);

    if (is_timeless && !d->is_timeless)
        log_warn("sensor.clock.unknown", "next=\"samples are taken at their devices' time\"");
    else if (!is_timeless && d->is_timeless)
        log_info("sensor.clock.known", "next=\"samples are measured by it\"");
    d->is_timeless = is_timeless;
}

/* --- replay -------------------------------------------------------------------------------------
 */

static enum status step(struct daemon *d, unsigned *wait_ms)
{
    struct outbox *o = agent_outbox(d->agent);
    struct replay_counts counts;
    enum status st, ended, kept;

    replay_counts(d->replay, &counts);
    st = outbox_once_from(o, replay_key(d->replay), counts.said);
    if (st != ST_OK)
        return st;
    st = replay_play(d->replay, STEP_MESSAGES, loop_now_us(d->loop), wait_ms);
    kept = agent_flush(d->agent);
    ended = outbox_once(o, NULL);
    if (kept != ST_OK)
        return kept;
    return ended != ST_OK ? ended : st;
}

static bool is_crowded(struct daemon *d)
{
    struct replay_counts counts;
    struct agent_state state;
    bool skips;

    /* What an earlier run has said adds nothing. */
    replay_counts(d->replay, &counts);
    skips = counts.repeated != d->repeated;
    d->repeated = counts.repeated;
    if (skips)
        return false;
    agent_state(d->agent, &state);
    return state.waiting >= d->s->set.replay_backlog;
}

static void log_done(struct daemon *d)
{
    struct replay_counts c;

    replay_counts(d->replay, &c);
    log_info("sensor.replay.done",
             "messages=%" PRIu64 " said_before=%" PRIu64 " records=%" PRIu64 " bad_lines=%" PRIu64,
             c.said, c.repeated, c.records, c.bad_lines);
}

static void begin_again(struct daemon *d, enum status st)
{
    log_warn("sensor.replay.again", "status=%s why=%s retry_ms=%d", status_name(st),
             outbox_trouble(agent_outbox(d->agent)), AGAIN_MS);
    d->repeated = 0;
    st = replay_rewind(d->replay);
    if (st == ST_OK)
        loop_timer_start(d->replay_timer, AGAIN_MS, 0);
    else
        log_error("sensor.replay.stopped", "why=%s", replay_trouble(d->replay));
}

static void on_replay(void *arg)
{
    struct daemon *d = arg;
    unsigned wait_ms = 0;
    enum status st;

    if (is_crowded(d)) {
        loop_timer_start(d->replay_timer, CROWDED_MS, 0);
        return;
    }
    st = step(d, &wait_ms);
    if (st == ST_OK)
        loop_timer_start(d->replay_timer, wait_ms, 0);
    else if (st == ST_NOTFOUND)
        log_done(d);
    else if (st == ST_INVALID)
        log_error("sensor.replay.stopped", "why=%s", replay_trouble(d->replay));
    else
        begin_again(d, st);
}

static enum status start_replay(struct daemon *d, char *err, size_t err_size)
{
    struct replay_settings set;
    enum status st;

    if (!d->s->set.replays.count)
        return ST_OK;
    sensor_replay_settings(d->s, &set);
    set.put = put;
    set.arg = d;
    st = replay_create(&d->replay, &set, err, err_size);
    if (st != ST_OK)
        return st;
    log_info("sensor.replay.begin", "key=%s speed=%s", replay_key(d->replay),
             d->s->set.replay_speed);
    loop_timer_start(d->replay_timer, 0, 0);
    return ST_OK;
}

/* --- status and registry ------------------------------------------------------------------------
 */

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
    return supervise_look(&d->supervise, time_of_samples(d), body);
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
    speaker.put = put;
    speaker.arg = d;
    st = say_status(&speaker, &body, loop_utc_us(d->loop));
    if (st == ST_OK)
        d->status_us = loop_now_us(d->loop);
    else
        log_warn("sensor.status.unsaid", "status=%s code=%s path=%s", status_name(st),
                 speaker.why.code ? speaker.why.code : "", speaker.why.path);
}

static void on_status(void *arg)
{
    struct daemon *d = arg;
    struct agent_state state;

    agent_state(d->agent, &state);
    if (state.linked || !d->status_us || loop_now_us(d->loop) - d->status_us >= UNLINKED_STATUS_US)
        say_state(d);
}

/* What changed for the better or worse is said at once. */
static void on_look(void *arg)
{
    struct daemon *d = arg;
    Eocbus__V1__SensorStatus body = EOCBUS__V1__SENSOR_STATUS__INIT;
    struct agent_state state;
    unsigned troubles;
    char words[64];

    look_at_clock(d);
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
static enum status say_registry_once(struct daemon *d, char *err, size_t err_size)
{
    struct outbox *o = agent_outbox(d->agent);
    struct speaker speaker = d->s->speaker;
    enum status st, ended;
    char key[40];

    snprintf(key, sizeof(key), "registry-%" PRIu32, speaker.registry_version);
    speaker.put = put;
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

/* --- starting and ending ------------------------------------------------------------------------
 */

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
    enum status st = loop_timer_create(&d->replay_timer, d->loop, on_replay, d);

    if (st == ST_OK)
        st = loop_timer_create(&d->status_timer, d->loop, on_status, d);
    if (st == ST_OK)
        st = loop_timer_create(&d->look_timer, d->loop, on_look, d);
    for (size_t i = 0; st == ST_OK && i < ARRAY_LEN(signums); i++)
        st = loop_signal_create(&d->signals[i], d->loop, signums[i], on_signal, d);
    return st;
}

/* --- siren --------------------------------------------------------------------------------------
 */

static bool is_linked(void *arg)
{
    struct agent_state state;

    agent_state(((struct daemon *)arg)->agent, &state);
    return state.linked;
}

static bool on_concluded(void *arg, const Eocbus__V1__Envelope *m, uint8_t message_id[16])
{
    struct daemon *d = arg;
    uint8_t random[10];

    loop_random(d->loop, random, sizeof(random));
    id_make(message_id, loop_utc_us(d->loop), random);
    return site_concluded(d->site, m, message_id);
}

static void on_looked(void *arg, const struct detect *detect)
{
    site_look(((struct daemon *)arg)->site, detect_flow_us(detect));
}

static enum status publish(void *arg, const char *topic, const void *bytes, size_t len)
{
    struct inputs *in = ((struct daemon *)arg)->inputs;

    return in ? inputs_publish(in, topic, bytes, len) : ST_AGAIN;
}

static enum status start_site(struct daemon *d, char *err, size_t err_size)
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
        .put = put,
        .commit = commit,
        .publish = publish,
        .clock_is_known = knows_the_time,
        .is_linked = is_linked,
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
    on_looked(d, intake_detect(i));
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

static enum status start_control(struct daemon *d, char *err, size_t err_size)
{
    struct speaker speaker = d->s->speaker;
    const struct control_settings control = {
        .loop = d->loop,
        .agent = d->agent,
        .site = d->site,
        .speaker = &speaker,
        .path = d->s->set.agent.outbox_path,
        .detect = intake_detect(inputs_intake(d->inputs)),
        .once = once,
        .mode = on_mode,
        .clear = on_clear,
        .restart = on_restart,
        .history = on_history,
        .arg = d,
    };

    speaker.put = put;
    speaker.arg = d;
    return control_create(&d->control, &control, err, err_size);
}

static enum status start_satellite(struct daemon *d, char *err, size_t err_size)
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
        .is_linked = is_linked,
        .arg = d,
    };
    enum status st = ST_OK;

    if (*set->compact_command)
        st = satellite_create(&d->satellite, &satellite, err, err_size);
    if (st == ST_OK)
        satellite_look(d->satellite, agent_outbox(d->agent));
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
                .put = put,
                .commit = commit,
                .once = once,
                .forget = forget,
                .concluded = on_concluded,
                .looked = on_looked,
                .judge = judge,
                .knows_time = measures_time,
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
        st = say_registry_once(d, err, err_size);
    if (st == ST_OK)
        st = start_site(d, err, err_size);
    if (st == ST_OK)
        st = start_satellite(d, err, err_size);
    if (st == ST_OK)
        st = start_inputs(d, err, err_size);
    if (st == ST_OK)
        st = start_control(d, err, err_size);
    if (st == ST_OK)
        st = start_replay(d, err, err_size);
    if (st != ST_OK)
        return st;
    look_at_clock(d);
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
