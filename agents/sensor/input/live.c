/* live - see live.h. */
#include "agents/sensor/input/live.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/log.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

#define FLAG(word)  EOCBUS__V1__QUALITY__QUALITY_##word
#define STATE_BYTES (1u << 20)
#define TIME_MIN_US INT64_C(946684800000000)
#define TIME_MAX_US INT64_C(4102444800000000)

struct live {
    struct live_settings set;
    struct speaker speaker;
    struct arena *arena;
    struct batch *batch;
    struct detect detect;
    Eocbus__V1__DetectionLevel durable_level; /* said and on disk */
    size_t pending;
    bool due;
    enum status failed; /* a put that failed; what was taken is lost at the next commit */
};

static enum status on_put(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct live *l = arg;

    l->due = true;
    return l->set.put(l->set.arg, m, why);
}

enum status live_create(struct live **out, const struct live_settings *set, char *err,
                        size_t err_size)
{
    struct live *l = mem_zalloc(sizeof(*l));
    unsigned all[STATION_STREAMS];
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!l)
        return ST_NOMEM;
    l->set = *set;
    l->speaker = *set->speaker;
    l->speaker.put = on_put;
    l->speaker.arg = l;
    for (unsigned i = 0; i < set->station->stream_count; i++)
        all[i] = i;
    st = arena_create(&l->arena, STATE_BYTES);
    if (st == ST_OK)
        st = detect_read(&l->detect, set->station, set->detectors, set->hold_us, l->arena, err,
                         err_size);
    if (st == ST_OK)
        st = batch_create(&l->batch, set->station, all, set->station->stream_count,
                          set->batch_samples, set->batch_period_us);
    if (st != ST_OK) {
        live_destroy(l);
        return st;
    }
    l->durable_level = l->detect.said;
    *out = l;
    return ST_OK;
}

void live_destroy(struct live *l)
{
    if (!l)
        return;
    batch_destroy(l->batch);
    arena_destroy(l->arena);
    mem_free(l);
}

/* --- a line -------------------------------------------------------------------------------------
 */

static enum live_answer bad(char why[LIVE_ANSWER_BYTES], const char *legal)
{
    snprintf(why, LIVE_ANSWER_BYTES, "%s", legal);
    return LIVE_BAD;
}

static bool read_time(int64_t *out, struct slice word, int64_t now_us)
{
    bool zoned = true;

    if (slice_is(word, "now"))
        *out = now_us;
    else if (!civil_any(out, &zoned, word) || !zoned)
        return false;
    *out -= *out % 1000; /* whole milliseconds, as batches count */
    return *out >= TIME_MIN_US && *out <= TIME_MAX_US;
}

static bool read_flags(uint32_t *out, struct slice rest)
{
    struct slice word;
    int flag;

    while (slice_word(&rest, &word)) {
        if (!enum_read(&flag, &eocbus__v1__quality__descriptor, word))
            return false;
        *out |= (uint32_t)flag;
    }
    return true;
}

static enum live_answer read_line(struct live *l, struct slice rest, int64_t now_us, int *stream,
                                  struct sample *out, char why[LIVE_ANSWER_BYTES])
{
    struct slice name, time, value;
    struct decimal d;

    if (!slice_word(&rest, &name) || !slice_word(&rest, &time) || !slice_word(&rest, &value))
        return bad(why, "legal is DATASTREAM TIME VALUE [FLAG...], as in gusar.stage now 1.284");
    *stream = station_find(l->set.station, name);
    if (*stream < 0)
        return bad(why, "no datastream of this name; the settings of the gateway list them");
    if (!read_time(&out->time_us, time, now_us))
        return bad(why, "the time is now, or like 2010-08-07T20:10:00+05:00, from 2000 to 2100");
    if (slice_is(value, "-"))
        out->flags = FLAG(MISSING);
    else if (!decimal_read(&d, value))
        return bad(why, "the value is a number like 1.284, or - for none");
    else if (!decimal_scale(&out->value, d, l->set.station->streams[*stream].exponent))
        return bad(why, "the value is too large for this datastream's exponent");
    if (!read_flags(&out->flags, rest))
        return bad(why, "flags are words like suspect, bad, missing, estimated, low_power");
    return LIVE_TAKEN;
}

static void look(struct live *l, unsigned stream, const struct sample *s)
{
    enum status st;

    detect_sample(&l->detect, stream, s);
    st = say_detection(&l->speaker, &l->detect);
    /* What could not be said is tried with the next sample. */
    if (st != ST_OK && st != ST_NOTFOUND)
        log_warn("sensor.detection.unsaid", "status=%s", status_name(st));
}

enum live_answer live_line(struct live *l, const char *line, size_t len, int64_t now_us,
                           char why[LIVE_ANSWER_BYTES])
{
    struct slice text = slice_trim((struct slice){line, len});
    bool given[STATION_STREAMS] = {false};
    struct sample row[STATION_STREAMS], s = {0};
    enum live_answer answer;
    int stream;

    why[0] = '\0';
    if (!text.len || text.at[0] == '#')
        return LIVE_NOTHING;
    if (slice_is(text, "flush"))
        return LIVE_FLUSH;
    if (text.len > LIVE_LINE_BYTES)
        return bad(why, "a line has at most 256 bytes");
    answer = read_line(l, text, now_us, &stream, &s, why);
    if (answer != LIVE_TAKEN)
        return answer;
    l->speaker.now_us = now_us;
    row[stream] = s;
    given[stream] = true;
    l->pending++;
    if (l->failed == ST_OK)
        l->failed = batch_row(l->batch, row, given, 0, &l->speaker);
    if (l->failed == ST_OK)
        look(l, (unsigned)stream, &row[stream]);
    else
        l->due = true;
    return LIVE_TAKEN;
}

/* --- committing ---------------------------------------------------------------------------------
 */

bool live_is_due(const struct live *l)
{
    return l->due;
}

size_t live_pending(const struct live *l)
{
    return l->pending;
}

void live_tick(struct live *l, int64_t now_us)
{
    enum status st;

    /* A gateway that has seen nothing yet has nothing to clear. */
    if (!l->detect.begun)
        return;
    l->speaker.now_us = now_us;
    detect_tick(&l->detect, now_us);
    st = say_detection(&l->speaker, &l->detect);
    if (st != ST_OK && st != ST_NOTFOUND)
        log_warn("sensor.detection.unsaid", "status=%s", status_name(st));
}

enum status live_commit(struct live *l, char why[LIVE_ANSWER_BYTES])
{
    enum status st = l->failed;

    why[0] = '\0';
    if (st == ST_OK)
        st = batch_flush(l->batch, &l->speaker);
    if (st == ST_OK)
        st = l->set.commit(l->set.arg);
    if (st == ST_OK) {
        l->durable_level = l->detect.said;
    } else {
        snprintf(why, LIVE_ANSWER_BYTES, "not kept (%s), send it again later: %.120s",
                 status_name(st), st == ST_INVALID || st == ST_FULL ? l->speaker.why.text : "");
        batch_reset(l->batch);
        l->detect.said = l->durable_level;
    }
    l->pending = 0;
    l->due = false;
    l->failed = ST_OK;
    return st;
}
