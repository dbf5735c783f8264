/* feed - what a door hands over in a device's words, with where it came from: mapped into samples
 * for the intake. What could not be read is kept in the journal for people to look at
 * (`eocbus-sensor unknown`): of each source and reason the first twenty, then one a minute; of all
 * of them together FEED_MINUTE in a minute, so that a flood of forged addresses fills neither the
 * journal nor the log. */
#ifndef EOCBUS_SENSOR_FEED_H
#define EOCBUS_SENSOR_FEED_H

#include "agents/sensor/input/intake.h"
#include "agents/sensor/input/mapping.h"

enum {
    FEED_SOURCES = 64,
    FEED_FIRST = 20,
    FEED_KEPT_BYTES = 512,
    FEED_MINUTE = 120,
    FEED_LOGGED = 10
};

/* One source's complaints of one kind. */
struct feed_source {
    uint64_t hash, count;
    int64_t kept_us; /* when one was kept last */
};

struct feed {
    struct intake *intake;   /* borrowed */
    struct journal *journal; /* borrowed */
    struct feed_source source[FEED_SOURCES];
    uint64_t unknown;      /* since the start */
    int64_t minute_us;     /* when this minute began */
    unsigned kept, logged; /* in it */
};

/* Where it came from, and whose it may be. */
struct feed_from {
    const char *source; /* "mqtt gusar/radar", "udp 10.0.0.7", "serial /dev/ttyUSB0" */
    const char *topic;  /* of MQTT, or "" */
    const struct device *const *devices;
    unsigned count;
};

void feed_take(struct feed *f, const struct feed_from *from, const void *bytes, size_t len,
               int64_t now_us);
/* Kept with a sentence, without being read. */
void feed_unknown(struct feed *f, const char *source, const char *why, const void *bytes,
                  size_t len, int64_t now_us);

/* "WHERE... DEVICE...": the last words of a settings line, from words[first] on. ST_INVALID: `err`.
 */
struct feed_route {
    const struct device *device[DEVICES];
    unsigned count;
};
MUST_CHECK enum status feed_route_read(struct feed_route *out, const struct devices *devices,
                                       const struct slice *words, int first, int count,
                                       const char *row, const char *line, char *err,
                                       size_t err_size);

#endif
