/* batch - gathers samples of several channels until they are worth a message. Pure; what is full
 * goes to the speaker.
 *
 * What comes in is kept as it is, with the flags it has (quality/quality.h). A hole in the steps of
 * a channel that is believed (no CLOCK_SUSPECT) becomes samples with MISSING, in a message of their
 * own; of a hole longer than an hour of seconds only its first sample. */
#ifndef EOCBUS_SENSOR_BATCH_H
#define EOCBUS_SENSOR_BATCH_H

#include "agents/sensor/report/say.h"

enum { BATCH_SAMPLES = 256, BATCH_GAP = 3600 };

struct batch_channel {
    unsigned stream; /* index in the station */
    struct sample *samples;
    size_t count;
    int64_t last_us; /* latest time seen; INT64_MIN = none */
};

struct batch {
    const struct station *station; /* borrowed */
    struct batch_channel channel[STATION_STREAMS];
    unsigned count;
    size_t max_samples; /* 1..BATCH_SAMPLES: a message when all have so many, or one gets more */
    int64_t period_us;  /* ... or when so much time is in it */
    struct sample *gap; /* BATCH_GAP of them */
};

MUST_CHECK enum status batch_create(struct batch **out, const struct station *station,
                                    const unsigned *streams, unsigned count, size_t max_samples,
                                    int64_t period_us);
void batch_destroy(struct batch *b);
void batch_reset(struct batch *b); /* forgets everything, also which times were seen */

/* One moment: samples[i] of channel i if given[i]; all of one time. step_us: expected distance of
 * rows; 0 = the datastream's own. On any but ST_OK what was gathered may have gone out in part;
 * start again, or forget and tell whoever sent it. */
MUST_CHECK enum status batch_row(struct batch *b, const struct sample *samples, const bool *given,
                                 int64_t step_us, struct speaker *s);
MUST_CHECK enum status batch_flush(struct batch *b, struct speaker *s);
bool batch_is_empty(const struct batch *b);

#endif
