/* station - what stands at a gateway: places, instruments, channels, torrents, from its settings;
 * and the SensorRegistry message that says so. Pure but for reading nothing.
 *
 * Settings, each line one thing (words split by blanks, "quotes" hold blanks together):
 *
 *   thing      = ID LATITUDE LONGITUDE ALTITUDE_M NAME
 *   sensor     = ID THING MODEL [serial=TEXT] [calibrated=YYYY-MM-DD] [certificate=TEXT]
 *   torrent    = ID NAME
 *   exposed    = TORRENT POINT LATITUDE LONGITUDE DISTANCE_M PEOPLE NAME
 *   datastream = NAME ID TYPE UNIT EXPONENT [sensor=ID] [step=SPAN] [normal=SPAN]
 *                [range=MIN..MAX] [torrent=ID] [offset=NUMBER] [gain=NUMBER] [height=METRES]
 *                [wire=NUMBER] [threshold=UM_PER_S] [band=LOW..HIGH] [raw]
 *
 * Calibration: quantity = (reading + offset) * gain, offset in the unit given. It is applied to
 * what comes in (calibrate.h) unless the datastream is raw; then readers apply it. TYPE and UNIT
 * are the words of sensor.proto in small letters: stage, rain_acc; metre, millimetre.
 */
#ifndef EOCBUS_SENSOR_STATION_H
#define EOCBUS_SENSOR_STATION_H

#include "agents/sensor/station/setting.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/conf.h"
#include "proto/base/mem.h"

enum { STATION_STREAMS = 64, STATION_THINGS = 64, STATION_EXPOSED = 64 };

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
    int64_t offset;    /* scaled */
    uint32_t gain_ppm; /* 0 = no change */
    int32_t height_mm; /* of a wire above the bed, of a stage's datum above sea level */
    uint32_t wire, threshold_um_s, band_low_dhz, band_high_dhz; /* 0 = none */
};

struct station_thing {
    uint32_t id;
    int32_t lat_e7, lon_e7, altitude_cm;
    const char *name;
};

struct station_sensor {
    uint32_t id, thing_id;
    const char *model, *serial, *certificate;
    int64_t calibrated_us; /* 0 = never */
};

struct station_torrent {
    uint32_t id;
    const char *name;
};

/* Where people are below; of a torrent of the station. */
struct station_exposed {
    uint32_t torrent_id, point_id, distance_m, people;
    int32_t lat_e7, lon_e7;
    const char *name;
};

struct station {
    struct datastream streams[STATION_STREAMS];
    struct station_thing things[STATION_THINGS];
    struct station_sensor sensors[STATION_THINGS];
    struct station_torrent torrents[32];
    struct station_exposed exposed[STATION_EXPOSED];
    unsigned stream_count, thing_count, sensor_count, torrent_count, exposed_count;
    uint64_t hash; /* of everything the lines said */
};

struct station_lines { /* borrowed for the call */
    const struct conf_list *things, *sensors, *torrents, *datastreams;
    const struct conf_list *exposed; /* NULL = none */
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

#endif
