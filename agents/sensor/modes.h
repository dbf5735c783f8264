/* modes - which mode a gateway was told, as a power cut leaves it: what was ordered in reality, and
 * over it what was ordered in an exercise, which ends with the exercise and then shows the other
 * again. A newer order of reality ends the exercise's. No clock: time comes with the calls. */
#ifndef EOCBUS_SENSOR_MODES_H
#define EOCBUS_SENSOR_MODES_H

#include <stdbool.h>
#include <stdint.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/status.h"

struct told_mode {
    Eocbus__V1__SensorMode mode; /* 0 = none was told */
    int64_t until_us;            /* UTC; 0 = until it is told otherwise */
};

struct modes {
    struct told_mode actual, exercise;
};

/* status: of the order, ACTUAL or not. */
void modes_tell(struct modes *m, Eocbus__V1__Status status, struct told_mode told);
struct told_mode modes_now(const struct modes *m); /* NORMAL if none was told */
/* Ends what is over. True: something was. */
bool modes_end(struct modes *m, int64_t now_us);
int64_t modes_due_us(const struct modes *m); /* UTC, of modes_end; INT64_MAX = nothing ends */
/* True: an exercise had told one. */
bool modes_end_exercise(struct modes *m);

/* A file of before there were two is of reality. ST_NOTFOUND; ST_INVALID, ST_IO, ST_NOMEM: *out is
 * empty. */
MUST_CHECK enum status modes_read(struct modes *out, const char *path);
MUST_CHECK enum status modes_write(const struct modes *m, const char *path); /* as file_replace */

#endif
