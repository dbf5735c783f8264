/* observations - samples of channels into an ObservationBatch, and back, exactly.
 *
 * The delta coding is written down above ObservationBatch in sensor.proto. A writer gives plain
 * samples; the shorter of the two forms (a delta per sample, or deltas with holds) is chosen per
 * series. A reader walks a series sample by sample and never allocates. */
#ifndef EOCBUS_WIRE_OBSERVATIONS_H
#define EOCBUS_WIRE_OBSERVATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eocbus/v1/sensor.pb-c.h"
#include "proto/base/mem.h"
#include "proto/base/status.h"

enum { OBSERVATIONS_SAMPLES = 3600, OBSERVATIONS_QUALITY_RUNS = 256 };

struct observation_channel {
    uint32_t datastream_id;
    Eocbus__V1__ObservationType type;
    Eocbus__V1__Unit unit;
    int32_t exponent;        /* of ten: -3 with metres means values in millimetres */
    size_t count;            /* samples, 1..3600 */
    const int64_t *values;   /* within +-10^12; what stands at a MISSING sample is not kept */
    const uint32_t *quality; /* Quality bits per sample, 0 = good; NULL = all good */
    const uint32_t *time_deltas_ms; /* explicit times; NULL = every dt_ms */
    uint32_t dt_ms;                 /* 0 = the batch's */
    uint32_t start_ms;              /* of sample 0 after the batch's base time */
};

/* *out and what it points to live in `arena`, which must hold some 30 bytes per sample. dt_ms and
 * the first channel's count become the batch's. ST_INVALID: no channel, more than 64, a count, a
 * value or a difference of values out of range, or more than 256 runs of quality in one channel
 * (send fewer samples at once). ST_NOMEM: the arena is full. */
MUST_CHECK enum status observations_encode(Eocbus__V1__ObservationBatch **out, struct arena *arena,
                                           uint32_t registry_version, int64_t base_time_us,
                                           uint32_t dt_ms,
                                           const struct observation_channel *channels, size_t n);

struct observation_sample {
    int64_t time_us;  /* UTC */
    int64_t value;    /* times 10^exponent, in the series' unit */
    uint32_t quality; /* Quality bits, 0 = good */
};

struct observation_walk {
    const Eocbus__V1__Series *series; /* borrowed */
    size_t count;                     /* samples in all */
    size_t at;                        /* next sample */
    size_t delta, held, run;
    int64_t value, time_us;
    uint32_t dt_ms;
};

/* ST_INVALID: the lists of the series do not fit together. */
MUST_CHECK enum status observations_walk(struct observation_walk *w,
                                         const Eocbus__V1__ObservationBatch *batch, size_t series);
bool observations_next(struct observation_walk *w, struct observation_sample *out);

/* value x 10^exponent as the nearest double: 123, -1 is 12.3 and not 12.300000000000001. */
double observation_number(int64_t value, int32_t exponent);
/* "mm/h", "m/s2", "" for a bare number; "?" for a unit of a newer minor. */
const char *observation_unit(Eocbus__V1__Unit unit);

#endif
