/* source - one file of a replay: its records, one ahead, in the station's terms. */
#ifndef EOCBUS_SENSOR_SOURCE_H
#define EOCBUS_SENSOR_SOURCE_H

#include <stdio.h>

#include "agents/sensor/report/batch.h"
#include "agents/sensor/input/formats.h"

struct source {
    const struct format *format;
    const struct station *station; /* borrowed */
    char path[1024];
    int64_t zone_us, shift_us, step_us;
    size_t samples; /* 0 = the settings' */
    unsigned count;
    unsigned column[STATION_STREAMS], stream[STATION_STREAMS];

    FILE *file;
    struct reader reader;
    char line[FORMAT_LINE_BYTES + 8];
    uint64_t bad_lines;
    bool more; /* `row` holds a record that was not played */
    int64_t time_us;
    struct sample row[STATION_STREAMS];
    bool given[STATION_STREAMS]; /* which of the row the record holds; most formats: all */
    struct batch *batch;         /* the replay's; destroyed with the source */
};

/* ST_INVALID: `err` is a sentence with the line. Opens nothing. */
MUST_CHECK enum status source_read(struct source *out, const char *text,
                                   const struct station *station, char *err, size_t err_size);
/* (Re)opens the file and reads ahead. ST_IO: `err`. */
MUST_CHECK enum status source_open(struct source *s, char *err, size_t err_size);
void source_next(struct source *s);
void source_close(struct source *s);

#endif
