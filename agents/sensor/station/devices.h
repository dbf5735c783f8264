/* devices - what sends readings in its own words, and which datastreams they are. From settings,
 * one line a device:
 *
 *   device = NAME FORMAT [eui=HEX] [time=FIELD] [zone=+HH:MM] [separator=C] FIELD:DATASTREAM[*N]
 * ...
 *
 *   device = radar json time=ts level:gusar.stage*0.001 battery.v:gusar.battery
 *   device = hut chirpstack eui=a84041000181c061 rain_mm:hut.rain @rssi:hut.signal
 *   device = mast ttn eui=0004a30b001c0530 rain_mm:mast.rain
 *   device = logger csv time=1 separator=; 2:gusar.stage 3:gusar.rain
 *   device = gauge sensorthings 7:gusar.stage
 *   device = any lines
 *
 * FIELD: in JSON a way of names and numbers, a.b.0; in CSV a column, the first is 1; of
 * SensorThings the id of its Datastream; "-" is a JSON message that is one bare value; of a LoRaWAN
 * network server a way inside the decoded object, or @rssi. *N: the reading times N is in the
 * datastream's unit. Without time= the sample's time is the network server's, or when it came in.
 * zone: of times that say none. lines: as sample_line.h. */
#ifndef EOCBUS_SENSOR_DEVICES_H
#define EOCBUS_SENSOR_DEVICES_H

#include "agents/sensor/station/station.h"

enum { DEVICES = 64, DEVICE_FIELDS = 32 };

enum device_format {
    DEVICE_LINES,
    DEVICE_CSV,
    DEVICE_JSON,
    DEVICE_CHIRPSTACK,
    DEVICE_TTN,
    DEVICE_SENSORTHINGS,
};

struct device_field {
    const char *path;
    unsigned column; /* of CSV, the first is 1 */
    unsigned stream; /* index in the station */
    struct decimal times;
};

struct device {
    const char *name, *time; /* time: "" = none */
    const char *eui;         /* small hexadecimal digits; "" = any */
    enum device_format format;
    unsigned time_column;
    int64_t zone_us; /* east of Greenwich */
    char separator;
    struct device_field field[DEVICE_FIELDS];
    unsigned count;
};

struct devices {
    struct device device[DEVICES];
    unsigned count;
};

/* Texts live in `arena`. ST_INVALID: `err` is a sentence with the line. */
MUST_CHECK enum status devices_read(struct devices *out, const struct station *station,
                                    const struct conf_list *lines, struct arena *arena, char *err,
                                    size_t err_size);
const struct device *devices_find(const struct devices *d, struct slice name); /* or NULL */

#endif
