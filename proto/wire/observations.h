/* observations - samples with their times and quality into an ObservationBatch, and back, exactly.
 *
 * The encoder looks for what is shortest: one step of time for the whole batch where there is one,
 * holds where values stay. The check is of what needs several fields: lists of the right length,
 * sums inside the series, quality runs in order, samples in all. Pure. */
#ifndef EOCBUS_WIRE_OBSERVATIONS_H
#define EOCBUS_WIRE_OBSERVATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eocbus/v1/sensor.pb-c.h"
#include "proto/base/mem.h"
#include "proto/wire/gate.h"

enum { OBSERVATIONS_SAMPLES_MAX = 3600 }; /* of one series */

struct sample {
    int64_t time_us; /* UTC since 1970 */
    int64_t value;   /* times 10^exponent, in the channel's unit */
    uint32_t flags;  /* bits of Quality; 0 and QUALITY_GOOD alone are the same, read back as 0 */
};

struct channel {
    uint32_t datastream_id;
    Eocbus__V1__ObservationType type;
    Eocbus__V1__Unit unit;
    int32_t exponent;
    const struct sample *samples; /* borrowed; at most OBSERVATIONS_SAMPLES_MAX, oldest first */
    size_t count;
};

/* Fills in *out (initialised here); its series live in `arena`, nothing of it is borrowed from the
 * channels. base_time_us is the earliest sample. The value of a MISSING sample is not kept: it
 * reads back as the value before it (0 at the beginning), which costs nothing on the wire.
 * ST_INVALID: `why` (times that go backwards or are not whole milliseconds apart, a step over a
 * day, values or counts out of the contract's range, more than 256 runs of quality). ST_NOMEM: past
 * the arena's cap. */
MUST_CHECK enum status observations_encode(Eocbus__V1__ObservationBatch *out,
                                           uint32_t registry_version,
                                           const struct channel *channels, size_t count,
                                           struct arena *arena, struct refusal *why);

/* Of a batch whose single fields keep their rules; the gate asks it of every batch. ST_INVALID:
 * `why`, with a path like "observation_batch.series[3].holds". Read nothing of a batch that fails.
 */
MUST_CHECK enum status observations_check(const Eocbus__V1__ObservationBatch *b,
                                          struct refusal *why);

/* Walks one series of a checked batch, oldest sample first; borrows both, allocates nothing. */
struct series_cursor {
    const Eocbus__V1__ObservationBatch *batch;
    const Eocbus__V1__Series *series;
    uint32_t at, count; /* next sample, samples in all */
    int64_t ms;         /* of the sample given last, after base_time_us */
    int64_t value;
    size_t delta;  /* next one to be added */
    uint32_t left; /* samples before that */
    size_t run;    /* quality run at or behind `at` */
};
void series_begin(struct series_cursor *c, const Eocbus__V1__ObservationBatch *b,
                  const Eocbus__V1__Series *s);
bool series_next(struct series_cursor *c, struct sample *out); /* false: that was all */

#endif
