/* live - readings that come in as lines, one sample each:
 *
 *   DATASTREAM TIME VALUE [FLAG...]
 *   gusar.stage 2010-08-07T20:10:00+05:00 1.284
 *   gusar.rain now 0.2 suspect low_power
 *   gusar.stage now - missing
 *
 * TIME is ISO 8601 with Z or an offset, or the word now; VALUE is in the datastream's unit, "-"
 * says that there is none; FLAGs are words of Quality in small letters. Empty lines and lines that
 * begin with # are nothing. "flush" asks for an answer to everything so far.
 *
 * A line that is taken is not safe yet. It is with others in the batch, and answered when the batch
 * is on disk: when it is full, when batch.period ends, or after "flush". Until then whoever sent it
 * keeps it. */
#ifndef EOCBUS_SENSOR_LIVE_H
#define EOCBUS_SENSOR_LIVE_H

#include "agents/sensor/report/batch.h"

enum { LIVE_LINE_BYTES = 256, LIVE_ANSWER_BYTES = 200 };

struct live;

struct live_settings { /* borrowed for its life, the lists for the call */
    const struct station *station;
    const struct conf_list *detectors;
    const struct speaker *speaker; /* copied */
    size_t batch_samples;
    int64_t batch_period_us, hold_us;
    enum status (*put)(void *arg, Eocbus__V1__Envelope *m, struct refusal *why);
    enum status (*commit)(void *arg); /* durable, or gone */
    void *arg;
};

enum live_answer {
    LIVE_NOTHING, /* no answer is due */
    LIVE_TAKEN,   /* answer with the next live_commit */
    LIVE_FLUSH,   /* call live_commit */
    LIVE_BAD,     /* answer at once: `why` */
};

MUST_CHECK enum status live_create(struct live **out, const struct live_settings *set, char *err,
                                   size_t err_size);
void live_destroy(struct live *l);

/* One line without its end; not NUL-terminated, any bytes. */
enum live_answer live_line(struct live *l, const char *line, size_t len, int64_t now_us,
                           char why[LIVE_ANSWER_BYTES]);
/* True when messages were made that are not committed yet: call live_commit soon. */
bool live_is_due(const struct live *l);
/* Everything taken so far becomes durable. On any but ST_OK all of it is gone, and `why` says so.
 */
MUST_CHECK enum status live_commit(struct live *l, char why[LIVE_ANSWER_BYTES]);
/* Samples taken and not committed. */
size_t live_pending(const struct live *l);
/* Time passes without samples: a level may clear. */
void live_tick(struct live *l, int64_t now_us);

#endif
