/* storms - the rain of a record as a table of storms: when, how deep, and the hardest 5, 10, 15, 30
 * and 60 minutes. Where one ends is a fixed dry gap (detect/rain_events.h). */
#ifndef EOCBUS_SENSOR_STORMS_H
#define EOCBUS_SENSOR_STORMS_H

#include <stdio.h>

#include "agents/sensor/detect/rain_events.h"
#include "proto/base/conf.h"

struct storms_settings {
    int64_t gap_us;
    int64_t more_than_um, longer_than_us; /* what is no deeper, or no longer, is left out */
};

/* "16596s", "16596s,0.2,12m": gap, millimetres, time. */
bool storms_read(struct storms_settings *out, const char *text);

/* Of the first datastream of the first record, which has to be rain. Times are of the zone given.
 * ST_INVALID, ST_IO: `err` is a sentence. */
MUST_CHECK enum status storms_print(const struct storms_settings *set,
                                    const struct station *station, const struct conf_list *records,
                                    int64_t zone_us, bool csv, FILE *out, char *err,
                                    size_t err_size);

#endif
