/* feed - see feed.h. */
#include "agents/sensor/input/feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/log.h"

#include "proto/base/banned.h"

#define MINUTE_US INT64_C(60000000)

struct taking {
    struct feed *feed;
    const struct feed_from *from;
    const void *bytes;
    size_t len;
    int64_t now_us;
    bool told; /* a message is kept once, whatever is wrong in it */
};

/* The one that was heard of longest ago makes room. */
static struct feed_source *find_source(struct feed *f, uint64_t hash)
{
    struct feed_source *oldest = &f->source[0];

    for (unsigned i = 0; i < FEED_SOURCES; i++) {
        if (f->source[i].hash == hash)
            return &f->source[i];
        if (f->source[i].kept_us < oldest->kept_us)
            oldest = &f->source[i];
    }
    *oldest = (struct feed_source){.hash = hash};
    return oldest;
}

static void keep(struct feed *f, const struct feed_source *s, const char *source, const char *why,
                 const void *bytes, size_t len, int64_t now_us)
{
    struct buf text = {0};

    buf_printf(&text, "%" PRId64 "\t%.200s\t%s\t", now_us, source, why);
    buf_put(&text, bytes, len < FEED_KEPT_BYTES ? len : FEED_KEPT_BYTES);
    if (!text.failed)
        journal_add(f->journal, &(struct journal_entry){.kind = JOURNAL_UNKNOWN,
                                                        .number = s->count,
                                                        .bytes = text.data,
                                                        .len = text.len});
    buf_free(&text);
}

static void begin_minute(struct feed *f, int64_t now_us)
{
    if (now_us >= f->minute_us && now_us - f->minute_us < MINUTE_US)
        return;
    if (f->kept > FEED_MINUTE)
        log_warn("sensor.unknown.flood", "messages=%u unknown=%" PRIu64 " next=\"only counted\"",
                 f->kept - FEED_MINUTE, f->unknown);
    f->minute_us = now_us;
    f->kept = f->logged = 0;
}

void feed_unknown(struct feed *f, const char *source, const char *why, const void *bytes,
                  size_t len, int64_t now_us)
{
    uint64_t hash = text_hash(text_hash(0, source, strlen(source)), why, strlen(why));
    struct feed_source *s = find_source(f, hash);

    f->unknown++;
    begin_minute(f, now_us);
    if (s->count++ == 0 && f->logged++ < FEED_LOGGED)
        log_warn("sensor.unknown", "from=\"%.100s\" next=\"eocbus-sensor unknown shows it\"",
                 source);
    if ((s->count > FEED_FIRST && now_us - s->kept_us < MINUTE_US) || f->kept++ >= FEED_MINUTE)
        return;
    s->kept_us = now_us;
    keep(f, s, source, why, bytes, len, now_us);
}

static void on_sample(void *arg, unsigned stream, const struct sample *s)
{
    struct taking *t = arg;

    intake_sample(t->feed->intake, stream, s, t->now_us);
}

static void on_unknown(void *arg, const char *why)
{
    struct taking *t = arg;

    if (!t->told)
        feed_unknown(t->feed, t->from->source, why, t->bytes, t->len, t->now_us);
    t->told = true;
}

void feed_take(struct feed *f, const struct feed_from *from, const void *bytes, size_t len,
               int64_t now_us)
{
    struct taking t = {f, from, bytes, len, now_us, false};
    struct mapping m = {.station = intake_station(f->intake),
                        .devices = from->devices,
                        .count = from->count,
                        .now_us = now_us,
                        .topic = from->topic,
                        .sample = on_sample,
                        .unknown = on_unknown,
                        .arg = &t};

    mapping_read(&m, bytes, len);
}

enum status feed_route_read(struct feed_route *out, const struct devices *devices,
                            const struct slice *words, int first, int count, const char *row,
                            const char *line, char *err, size_t err_size)
{
    out->count = 0;
    for (int i = first; i < count; i++) {
        const struct device *d = devices_find(devices, words[i]);

        if (!d || out->count == DEVICES) {
            snprintf(err, err_size,
                     "%s = %s: there is no device %.*s; add a line device = %.*s ...", row, line,
                     (int)words[i].len, words[i].at, (int)words[i].len, words[i].at);
            return ST_INVALID;
        }
        out->device[out->count++] = d;
    }
    if (out->count)
        return ST_OK;
    snprintf(err, err_size, "%s = %s: which device is it? its name stands at the end", row, line);
    return ST_INVALID;
}
