/* labels - what happened, as people wrote it down: windows of time with a name. A line of the file:
 *
 *   FROM,TO[,NAME]      both like 2015-10-03 19:00:00, or with Z or an offset
 *   DAY[,NAME]          like 2010-12-09: the whole day
 *
 * Empty lines and lines that begin with # are nothing; so is a first line that names the columns.
 * Times without an offset are of the zone given. "mdy:" before the path: days are like 12/09/2010,
 * the month first. */
#ifndef EOCBUS_SENSOR_LABELS_H
#define EOCBUS_SENSOR_LABELS_H

#include "agents/sensor/station/text.h"
#include "proto/base/status.h"

enum { LABELS_MAX = 1024, LABEL_NAME = 96 };

struct label {
    int64_t from_us, to_us; /* both belong to it */
    bool whole_day;
    char name[LABEL_NAME];
};

struct labels {
    struct label *items; /* by from_us */
    unsigned count;
};

/* "+05:00": what lies between the zone's clock and UTC. */
bool zone_read(int64_t *out_us, struct slice text);

/* ST_INVALID, ST_IO: `err` is a sentence with the line. Freed by labels_free, also on failure. */
MUST_CHECK enum status labels_read(struct labels *out, const char *path, int64_t zone_us, char *err,
                                   size_t err_size);
void labels_free(struct labels *l);

#endif
