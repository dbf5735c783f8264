/* track - a long series thinned for a plot: per column of the picture its least and its most, so
 * that no peak is lost, however long the record is. Pure. */
#ifndef EOCBUS_SENSOR_TRACK_H
#define EOCBUS_SENSOR_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

enum { TRACK_COLUMNS = 1200 };

struct track_column {
    double least, most, last; /* NAN: nothing in this column */
    double sum;               /* of what falls in it: rain */
    bool broken;              /* something was not measured here */
};

struct track {
    int64_t from_us, to_us;
    struct track_column column[TRACK_COLUMNS];
};

void track_begin(struct track *t, int64_t from_us, int64_t to_us);
void track_add(struct track *t, int64_t time_us, double value);
void track_break(struct track *t, int64_t time_us);
/* False if nothing was added. */
bool track_range(const struct track *t, double *least, double *most);
size_t track_place(const struct track *t, int64_t time_us); /* its column */

#endif
