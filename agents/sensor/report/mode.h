/* mode - how a gateway reports: NORMAL, EVENT or MAINTENANCE, by what it concludes and by what it
 * is told. Pure.
 *
 * An event begins with WATCH and ends some time after CLEAR. An order holds until its time is over,
 * or until the next one; MAINTENANCE ends every event, and NORMAL ends one that was ordered. An
 * alarm that is concluded while NORMAL is ordered is an event all the same. */
#ifndef EOCBUS_SENSOR_MODE_H
#define EOCBUS_SENSOR_MODE_H

#include <stdbool.h>
#include <stdint.h>

#include "eocbus/v1/sensor.pb-c.h"

struct mode {
    int64_t after_us;             /* an event lasts so long after CLEAR */
    Eocbus__V1__SensorMode order; /* NORMAL = none */
    int64_t order_ends_us;        /* INT64_MAX = until the next */
    bool is_raised;               /* a level above CLEAR holds */
    int64_t raised_until_us;      /* then CLEAR; INT64_MIN = never was */
};

void mode_begin(struct mode *m, int64_t after_us);
void mode_level(struct mode *m, Eocbus__V1__DetectionLevel level, int64_t now_us);
/* duration_s 0 = until the next order. */
void mode_order(struct mode *m, Eocbus__V1__SensorMode wanted, uint32_t duration_s, int64_t now_us);
Eocbus__V1__SensorMode mode_now(const struct mode *m, int64_t now_us);

#endif
