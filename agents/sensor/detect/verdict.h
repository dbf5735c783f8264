/* verdict - what one detector sees at one moment: over its line or not, and by how much. */
#ifndef EOCBUS_SENSOR_DETECT_VERDICT_H
#define EOCBUS_SENSOR_DETECT_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "eocbus/v1/sensor.pb-c.h"

struct verdict {
    bool over;
    Eocbus__V1__DetectionLevel level; /* that it asks for by itself; 0 while not over */
    int64_t since_us;                 /* first sample of what is over; 0 while not over */
    int64_t value, threshold;         /* x 10^exponent in `unit` */
    int exponent;
    Eocbus__V1__ObservationType type;
    Eocbus__V1__Unit unit;
    uint32_t duration_s; /* rain: the duration that speaks; else how long it is over */
    unsigned place;      /* which of the detector's datastreams value and threshold are of */
    uint32_t speed_mm_s; /* of a front between two stations; 0 = not known */
};

/* Over or not; the onset stays where it was while a verdict holds, `since_us` is a new one's. */
static inline void verdict_set(struct verdict *v, bool over, Eocbus__V1__DetectionLevel level,
                               int64_t since_us, int64_t now_us)
{
    v->since_us = !over ? 0 : v->over ? v->since_us : since_us;
    v->over = over;
    v->level = over ? level : (Eocbus__V1__DetectionLevel)0;
    v->duration_s = over ? (uint32_t)((now_us - v->since_us) / 1000000) : 0;
}

#endif
