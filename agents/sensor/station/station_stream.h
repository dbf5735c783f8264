/* station_stream - the line of a datastream, and what a reader believes of its kind. */
#ifndef EOCBUS_SENSOR_STATION_STREAM_H
#define EOCBUS_SENSOR_STATION_STREAM_H

#include "agents/sensor/station/setting.h"
#include "agents/sensor/station/station.h"

/* One more of s->streams. ST_INVALID, ST_NOMEM. */
MUST_CHECK enum status station_read_stream(struct station *s, struct setting *l);

#endif
