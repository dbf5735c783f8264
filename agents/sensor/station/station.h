/* station - what stands at a gateway: places, instruments, channels, torrents, from its settings;
 * and the SensorRegistry message that says so. Pure but for reading nothing.
 *
 * Settings, each line one thing (words split by blanks, "quotes" hold blanks together):
 *
 *   thing      = ID LATITUDE LONGITUDE ALTITUDE_M NAME
 *   sensor     = ID THING MODEL [serial=TEXT]
 *   torrent    = ID NAME
 *   datastream = NAME ID TYPE UNIT EXPONENT [sensor=ID] [step=SPAN] [normal=SPAN]
 *                [range=MIN..MAX] [torrent=ID] [raw]
 *
 * TYPE and UNIT are the words of sensor.proto in small letters: stage, rain_acc; metre, millimetre.
 */
#ifndef EOCBUS_SENSOR_STATION_H
#define EOCBUS_SENSOR_STATION_H

#include "agents/sensor/station/text.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/conf.h"
#include "proto/base/mem.h"

enum { STATION_STREAMS = 64, STATION_THINGS = 64 };

struct datastream {
    const char *name;
    uint32_t id, sensor_id, torrent_id;
    Eocbus__V1__ObservationType type;
    Eocbus__V1__Unit unit;
    int exponent;
    int64_t step_us;   /* 0 = not known */
    int64_t normal_us; /* one sample in so much time is reported in NORMAL mode; 0 = every one */
    bool raw, bounded;
    int64_t low, high; /* believed values, scaled; if bounded */
};

struct station_thing {
    uint32_t id;
    int32_t lat_e7, lon_e7, altitude_cm;
    const char *name;
};

struct station_sensor {
    uint32_t id, thing_id;
    const char *model, *serial;
};

struct station_torrent {
    uint32_t id;
    const char *name;
};

struct station {
    struct datastream streams[STATION_STREAMS];
    struct station_thing things[STATION_THINGS];
    struct station_sensor sensors[STATION_THINGS];
    struct station_torrent torrents[32];
    unsigned stream_count, thing_count, sensor_count, torrent_count;
    uint64_t hash; /* of everything the lines said */
};

struct station_lines { /* borrowed for the call */
    const struct conf_list *things, *sensors, *torrents, *datastreams;
};

/* Texts live in `arena`. ST_INVALID: `err` is a sentence with the line. */
MUST_CHECK enum status station_read(struct station *out, const struct station_lines *lines,
                                    struct arena *arena, char *err, size_t err_size);
/* Index in streams, or -1. */
int station_find(const struct station *s, struct slice name);
/* OUT_OF_RANGE or 0. */
uint32_t station_judge(const struct datastream *d, int64_t value);
/* Lives in `arena`, borrows the station's texts; NULL past the arena's cap. */
Eocbus__V1__SensorRegistry *station_registry(const struct station *s, const char *gateway,
                                             uint32_t version, const char *pcode,
                                             struct arena *arena);
/* The word of an enum value in small letters without its prefix, "rain_acc"; and back. */
const char *enum_word(char out[64], const ProtobufCEnumDescriptor *d, int value);
bool enum_read(int *out, const ProtobufCEnumDescriptor *d, struct slice word);

/* Words of a settings line, with quotes; at most `max`; -1 if there are more or a quote is open. */
int words_split(struct slice *out, int max, const char *line);
/* "key=value" among words[from..]: its value; false if not there. Marks the word as used by
 * emptying it. */
bool words_option(struct slice *words, int count, const char *key, struct slice *value);

#endif
