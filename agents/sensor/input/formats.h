/* formats - what loggers and agencies write into files, line by line. Pure: a line in, a record
 * out; bounded memory whatever the line holds.
 *
 * A record keeps what the file says: a value that is no number is given with the flags BAD and
 * MISSING, never dropped; an empty one is MISSING. Only a line without a readable time is an error,
 * because it has no place in a series. */
#ifndef EOCBUS_SENSOR_FORMATS_H
#define EOCBUS_SENSOR_FORMATS_H

#include "agents/sensor/station/text.h"
#include "eocbus/v1/sensor.pb-c.h"
#include "proto/base/status.h"

enum { RECORD_FIELDS = 32, FORMAT_LINE_BYTES = 4096 };

struct record_field {
    bool given;
    struct decimal value;
    uint32_t flags; /* bits of Quality */
};

struct record {
    int64_t time_us; /* the file's own clock, as if UTC, unless zoned */
    bool zoned;
    struct slice stream;                      /* of a line that names its datastream; in the line */
    struct record_field field[RECORD_FIELDS]; /* by column, the first is 0 */
};

struct reader;
struct format {
    const char *name, *help;
    unsigned value_column;    /* where a single value stands */
    unsigned step_s;          /* between records of an unbroken file; 0 = irregular */
    struct decimal rain_unit; /* millimetres of one unit in a RAIN_ACC column; 0 = is millimetres */
    bool names_streams;       /* each line names the datastream it is of */
    enum status (*line)(struct reader *r, struct slice line, struct record *out);
};

struct reader {
    const struct format *format;
    unsigned line_number; /* of the line read last */
    bool in_body;
    int64_t tips; /* cumulative, of the record before */
    char err[160];
};

const struct format *format_find(struct slice name);
const struct format *format_at(size_t i); /* NULL past the last */

void reader_begin(struct reader *r, const struct format *f);
/* ST_OK: a record. ST_NOTFOUND: nothing for us in this line (a header, an empty line). ST_INVALID:
 * r->err says what is wrong, without the line's number. */
MUST_CHECK enum status reader_line(struct reader *r, const char *line, size_t len,
                                   struct record *out);
/* A field as the datastream wants it: calibrated to millimetres if it is rain. False: too large. */
bool format_value(const struct format *f, Eocbus__V1__ObservationType type, struct decimal *value);

#endif
