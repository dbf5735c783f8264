/* daemon_replay - records played by a running gateway.
 *
 * A replay goes in steps: so many messages under its once-key, one commit, then back to the loop,
 * so that the link, the line protocol and signals are served in between. When the outbox fails,
 * what was put since the last commit is gone: the replay begins again from its first record, and
 * the once-key turns what is on disk already into nothing. */
#include <inttypes.h>

#include "agents/sensor/daemon_parts.h"

#include "proto/base/log.h"

#include "proto/base/banned.h"

/* Messages of one step; with one commit (an fsync, about a millisecond) they keep the loop busy for
 * a few milliseconds. */
#define STEP_MESSAGES 128
#define CROWDED_MS    50
#define AGAIN_MS      5000

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

void daemon_on_replay(void *arg)
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

enum status daemon_start_replay(struct daemon *d, char *err, size_t err_size)
{
    struct replay_settings set;
    enum status st;

    if (!d->s->set.replays.count)
        return ST_OK;
    sensor_replay_settings(d->s, &set);
    set.put = daemon_put;
    set.arg = d;
    st = replay_create(&d->replay, &set, err, err_size);
    if (st != ST_OK)
        return st;
    log_info("sensor.replay.begin", "key=%s speed=%s", replay_key(d->replay),
             d->s->set.replay_speed);
    loop_timer_start(d->replay_timer, 0, 0);
    return ST_OK;
}
