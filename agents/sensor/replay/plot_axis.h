/* plot_axis - where the ticks of an axis stand and what is written at them. Pure. */
#ifndef EOCBUS_SENSOR_PLOT_AXIS_H
#define EOCBUS_SENSOR_PLOT_AXIS_H

#include <stdint.h>

#include "agents/link/lang.h"

/* 1, 2 or 5 times a power of ten, so that about `wanted` of them fill the range. */
double axis_step(double range, unsigned wanted);
/* With as many decimals as the step has, and the language's decimal sign. */
void axis_number(char out[32], double value, double step, enum lang lang);

/* From `after_us` on (zone's clock, as if UTC) the next moment of a tick, for a span with about
 * `wanted` ticks; INT64_MAX past to_us. */
enum time_unit { TICK_MINUTES, TICK_HOURS, TICK_DAYS, TICK_MONTHS };
struct time_ticks {
    enum time_unit unit;
    int64_t step; /* so many of them */
};
struct time_ticks axis_times(int64_t span_us, unsigned wanted);
int64_t axis_next(struct time_ticks t, int64_t after_us);
/* "18:30", "25 Jun", "Jun 2007"; midnight of an hours axis is its day. */
void axis_time(char out[48], struct time_ticks t, int64_t time_us, enum lang lang);
/* "25 Jun 2007 18:30" */
void axis_moment(char out[64], int64_t time_us, enum lang lang);

#endif
