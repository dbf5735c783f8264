/* alarms - what a list of another system's alarms can tell by itself: how many, for how long, and
 * how far the early alarm of an event ran ahead of the late one. Without the series no detector can
 * be run on them. A line of the file, behind a first line that names the columns:
 *
 *   event_number,date,time_start,time_end,class,comment
 *   4,2021-07-06,18:46:46,18:53:26,Early debris flow,
 *
 * A class that begins with "early" is the first sign, one that begins with "late" the flow itself.
 */
#ifndef EOCBUS_SENSOR_ALARMS_H
#define EOCBUS_SENSOR_ALARMS_H

#include <stdio.h>

#include "agents/sensor/replay/judge.h"

enum { ALARMS_EVENTS = 512 };

struct alarm_event {
    unsigned number, early, late;  /* so many alarms of each class */
    int64_t early_us, early_to_us; /* of the first */
    int64_t late_us, late_to_us;
    bool doubted; /* a comment asks a question */
};

struct alarm_list {
    struct alarm_event events[ALARMS_EVENTS];
    unsigned count, alarms;
};

/* ST_INVALID, ST_IO: `err` is a sentence with the line. */
MUST_CHECK enum status alarms_read(struct alarm_list *out, const char *path, char *err,
                                   size_t err_size);
void alarms_print(const struct alarm_list *a, FILE *out);
void alarms_print_csv(const struct alarm_list *a, FILE *out);

#endif
