/* calibrate - a reading as the quantity it stands for, exactly as the registry tells readers to do
 * it: (value + offset) * gain_ppm / 1000000, rounded half away from zero. Pure. */
#ifndef EOCBUS_SENSOR_CALIBRATE_H
#define EOCBUS_SENSOR_CALIBRATE_H

#include "agents/sensor/station/station.h"
#include "proto/wire/observations.h"

/* Leaves a raw datastream's samples and those with MISSING alone. What is beyond any value becomes
 * the largest there is, with BAD. */
void calibrate(const struct datastream *d, struct sample *s);

#endif
