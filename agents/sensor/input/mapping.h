/* mapping - a device's message, in its own words, becomes samples. Pure: bytes and a time in,
 * samples out; bounded memory and time whatever the bytes hold.
 *
 * Nothing is dropped in silence. A value that is no number becomes a sample with BAD and MISSING; a
 * time that cannot be read, or lies outside 2000 to 2100, becomes the time it came in, with
 * CLOCK_SUSPECT. Both, and what belongs to no device or cannot be read at all, are also told to
 * `unknown`, with a sentence. A field that a message does not have is no fault: devices send what
 * they have. */
#ifndef EOCBUS_SENSOR_MAPPING_H
#define EOCBUS_SENSOR_MAPPING_H

#include "agents/sensor/station/devices.h"
#include "proto/wire/observations.h"

enum { MAPPING_BYTES = 65536, MAPPING_SAMPLES = 4096, MAPPING_WHY = 160 };

struct mapping {
    const struct station *station;
    const struct device *const *devices; /* those it may come from */
    unsigned count;
    int64_t now_us;
    const char *topic; /* of MQTT; "" = none */
    void (*sample)(void *arg, unsigned stream, const struct sample *s);
    void (*unknown)(void *arg, const char *why);
    void *arg;
    unsigned samples; /* so far; set to 0 */
};

void mapping_read(struct mapping *m, const void *bytes, size_t len);

/* --- between its files ------------------------------------------------------------------------ */

void mapping_json(struct mapping *m, const struct device *d, const char *text, size_t len);
/* A time as devices write them: ISO 8601, with or without a zone, or a number of seconds,
 * milliseconds or microseconds since 1970. */
bool mapping_time(int64_t *out, const struct device *d, struct slice text);
/* One reading: as a number (is_number), or as what it was instead. time_ok: time_us was said. */
struct reading_at {
    int64_t time_us;
    bool time_ok;
};
void mapping_value(struct mapping *m, const struct device_field *f, struct reading_at at,
                   struct slice text, bool is_missing);
struct reading_at mapping_at(struct mapping *m, const struct device *d, struct slice time,
                             bool is_there);
void mapping_complain(struct mapping *m, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
