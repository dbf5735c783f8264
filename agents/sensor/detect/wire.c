/* wire - see wire.h. */
#include "agents/sensor/detect/wire.h"

#include "proto/base/mem.h"

#include "proto/base/banned.h"

#define LEVEL(word) EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word

static void judge(struct detector *d, int64_t now_us)
{
    const struct wires *w = d->state;
    int64_t first_us = 0;
    unsigned cut = 0, first = 0;

    for (unsigned i = 0; i < d->stream_count; i++) {
        if (w->is[i] != WIRE_CUT)
            continue;
        if (!cut || w->cut_us[i] < first_us) {
            first_us = w->cut_us[i];
            first = i;
        }
        cut++;
    }
    verdict_set(&d->verdict, cut > 0, LEVEL(ALARM), first_us, now_us);
    d->verdict.place = first;
    d->verdict.value = cut ? 0 : 1;
    d->verdict.threshold = 1;
    d->verdict.exponent = 0;
    d->verdict.type = EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_TRIPWIRE;
    d->verdict.unit = EOCBUS__V1__UNIT__UNIT_ONE;
}

void wire_look(struct detector *d, unsigned place, const struct datastream *from, int64_t time_us,
               int64_t intact)
{
    struct wires *w = d->state;

    (void)from;
    if (intact > 0) {
        w->is[place] = WIRE_INTACT;
    } else if (w->is[place] == WIRE_UNKNOWN && d->number[WIRE_AT_START] <= 0) {
        w->is[place] = WIRE_SPENT;
    } else if (w->is[place] == WIRE_UNKNOWN || w->is[place] == WIRE_INTACT) {
        w->is[place] = WIRE_CUT;
        w->cut_us[place] = time_us;
    }
    judge(d, time_us);
}

void wire_spend(struct detector *d)
{
    struct wires *w = d->state;

    for (unsigned i = 0; i < d->stream_count; i++)
        if (w->is[i] == WIRE_CUT)
            w->is[i] = WIRE_SPENT;
    judge(d, 0);
}

unsigned wire_cuts(const struct detector *d)
{
    const struct wires *w = d->state;
    unsigned cuts = 0;

    for (unsigned i = 0; i < d->stream_count; i++)
        if (w->is[i] == WIRE_CUT || w->is[i] == WIRE_SPENT)
            cuts |= BIT(i);
    return cuts;
}
