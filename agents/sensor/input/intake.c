/* intake - see intake.h. */
#include "agents/sensor/input/intake.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/log.h"

#include "proto/base/banned.h"

#define STATE_BYTES (1u << 20)

struct intake {
    struct intake_settings set;
    struct speaker speaker;
    struct arena *arena;
    struct batch *batch;
    struct detect detect;
    struct list waiters;
    Eocbus__V1__DetectionLevel durable_level; /* said and on disk */
    Eocbus__V1__DetectionLevel told_level;    /* `concluded` knows of it */
    uint8_t told_id[16];
    bool told_sounds;
    size_t pending;
    bool due;
    enum status failed; /* a put that failed; what was taken is lost at the next commit */
};

/* --- beginning and ending -----------------------------------------------------------------------
 */

static void tell_concluded(struct intake *i, Eocbus__V1__Envelope *m)
{
    if (!i->set.concluded)
        return;
    if (i->told_level != m->sensor_detection->level) {
        i->told_level = m->sensor_detection->level;
        i->told_sounds = i->set.concluded(i->set.arg, m, i->told_id);
    }
    m->message_id = (ProtobufCBinaryData){sizeof(i->told_id), i->told_id};
    m->sensor_detection->local_siren_sounded = i->told_sounds;
}

static enum status on_put(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct intake *i = arg;

    i->due = true;
    if (m->body_case == EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION)
        tell_concluded(i, m);
    return i->set.put(i->set.arg, m, why);
}

enum status intake_create(struct intake **out, const struct intake_settings *set, char *err,
                          size_t err_size)
{
    struct intake *i = mem_zalloc(sizeof(*i));
    unsigned all[STATION_STREAMS];
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!i)
        return ST_NOMEM;
    i->set = *set;
    i->speaker = *set->speaker;
    i->speaker.put = on_put;
    i->speaker.arg = i;
    list_init(&i->waiters);
    for (unsigned k = 0; k < set->station->stream_count; k++)
        all[k] = k;
    st = arena_create(&i->arena, STATE_BYTES);
    if (st == ST_OK)
        st = detect_read(&i->detect, set->station, set->detectors, set->hold_us, i->arena, err,
                         err_size);
    if (st == ST_OK)
        st = batch_create(&i->batch, set->station, all, set->station->stream_count,
                          set->batch_samples, set->batch_period_us);
    if (st != ST_OK) {
        intake_destroy(i);
        return st;
    }
    i->durable_level = i->told_level = i->detect.said;
    *out = i;
    return ST_OK;
}

void intake_destroy(struct intake *i)
{
    if (!i)
        return;
    batch_destroy(i->batch);
    arena_destroy(i->arena);
    mem_free(i);
}

struct detect *intake_detect(struct intake *i)
{
    return &i->detect;
}

const struct station *intake_station(const struct intake *i)
{
    return i->set.station;
}

/* --- a sample -----------------------------------------------------------------------------------
 */

static void say_level(struct intake *i)
{
    enum status st = say_detection(&i->speaker, &i->detect);

    /* What could not be said is tried with the next sample. */
    if (st != ST_OK && st != ST_NOTFOUND)
        log_warn("sensor.detection.unsaid", "status=%s", status_name(st));
}

void intake_sample(struct intake *i, unsigned stream, const struct sample *s, int64_t now_us)
{
    bool given[STATION_STREAMS] = {false};
    struct sample row[STATION_STREAMS];

    row[stream] = *s;
    given[stream] = true;
    i->speaker.now_us = now_us;
    i->pending++;
    if (i->set.judge)
        i->set.judge(i->set.arg, stream, &row[stream], now_us);
    if (i->failed == ST_OK)
        i->failed = batch_row(i->batch, row, given, 0, &i->speaker);
    if (i->failed != ST_OK)
        i->due = true;
    detect_sample(&i->detect, stream, &row[stream]);
    say_level(i);
}

void intake_tick(struct intake *i, int64_t now_us)
{
    /* A gateway that has seen nothing yet has nothing to clear. */
    if (!i->detect.begun)
        return;
    i->speaker.now_us = now_us;
    detect_tick(&i->detect, now_us);
    say_level(i);
}

/* --- committing ---------------------------------------------------------------------------------
 */

bool intake_is_due(const struct intake *i)
{
    return i->due;
}

size_t intake_pending(const struct intake *i)
{
    return i->pending;
}

void intake_wait(struct intake *i, struct intake_waiter *w)
{
    list_add_tail(&i->waiters, &w->link);
}

void intake_unwait(struct intake_waiter *w)
{
    list_remove(&w->link);
}

static void tell_waiters(struct intake *i, const char *why)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &i->waiters) {
        struct intake_waiter *w = container_of(pos, struct intake_waiter, link);

        w->settled(w->arg, why);
    }
}

/* Nobody was told yet that any of it is safe. */
static void give_up(struct intake *i, enum status st, char why[INTAKE_ANSWER_BYTES])
{
    snprintf(why, INTAKE_ANSWER_BYTES, "not kept (%s), send it again later: %.120s",
             status_name(st), st == ST_INVALID || st == ST_FULL ? i->speaker.why.text : "");
    log_error("sensor.lines.lost", "samples=%zu status=%s why=%s", i->pending, status_name(st),
              why);
    batch_reset(i->batch);
    i->detect.said = i->durable_level;
}

enum status intake_commit(struct intake *i, char why[INTAKE_ANSWER_BYTES])
{
    enum status st = i->failed;

    why[0] = '\0';
    if (st == ST_OK)
        st = batch_flush(i->batch, &i->speaker);
    if (st == ST_OK)
        st = i->set.commit(i->set.arg);
    if (st == ST_OK)
        i->durable_level = i->detect.said;
    else
        give_up(i, st, why);
    i->pending = 0;
    i->due = false;
    i->failed = ST_OK;
    tell_waiters(i, st == ST_OK ? NULL : why);
    return st;
}
