/* rain - mean intensity over durations from ten minutes to three days against a line
 * I = alpha D^-beta (mm/h, hours), or that share of the mean annual precipitation.
 *
 * Event separation is not needed for this: a dry spell before the rain makes a longer duration's
 * mean smaller, and the duration that is furthest over its line speaks. Asks for WATCH. */
#ifndef EOCBUS_SENSOR_DETECT_RAIN_H
#define EOCBUS_SENSOR_DETECT_RAIN_H

#include "agents/sensor/detect/detector.h"

enum { RAIN_MINUTES = 72 * 60, RAIN_DURATIONS = 9 };
enum { RAIN_ALPHA, RAIN_BETA, RAIN_SHORTEST, RAIN_LONGEST, RAIN_MAP };

struct rain {
    uint32_t um[RAIN_MINUTES];    /* water in that minute, micrometres; a ring */
    uint64_t sum[RAIN_DURATIONS]; /* of the last so many minutes */
    double line[RAIN_DURATIONS];  /* mm/h; 0 = this duration is not looked at */
    int64_t minute;               /* newest, since 1970 */
    bool begun;
};

double rain_line_mm_h(double alpha, double beta, double hours);
void rain_ready(struct detector *d);
/* Rain in the step that ends at time_us, micrometres. Durations that are no whole number of the
 * stream's steps say nothing: fifteen minutes hold two sums of ten minutes, which is rain of
 * twenty. */
void rain_look(struct detector *d, unsigned place, const struct datastream *from, int64_t time_us,
               int64_t um);
void rain_pass(struct detector *d, int64_t now_us);
const char *rain_check(const double *number);

#endif
