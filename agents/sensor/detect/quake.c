/* quake - see quake.h. */
#include "agents/sensor/detect/quake.h"

#include "proto/base/banned.h"

#define LEVEL(word) EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word

void quake_ready(struct detector *d)
{
    struct quake *q = d->state;

    q->line = detector_scaled(d, QUAKE_LINE, d->input[0]->scale);
}

void quake_look(struct detector *d, unsigned place, const struct datastream *from, int64_t time_us,
                int64_t value)
{
    const struct quake *q = d->state;

    verdict_set(&d->verdict, value >= q->line, LEVEL(CLEAR), time_us, time_us);
    d->verdict.value = value;
    d->verdict.threshold = q->line;
    d->verdict.exponent = d->input[place]->scale;
    d->verdict.type = from->type;
    d->verdict.unit = from->unit;
}
