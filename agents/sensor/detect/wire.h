/* wire - trip wires across the channel: one cut asks for ALARM at once.
 *
 * A wire that is cut stays cut. It has spoken when its alarm is over, or when it was cut while
 * people worked there, and says nothing more until somebody mended it (a sample of an intact wire);
 * meanwhile the level rests on the other sensors, and messages say so. */
#ifndef EOCBUS_SENSOR_DETECT_WIRE_H
#define EOCBUS_SENSOR_DETECT_WIRE_H

#include "agents/sensor/detect/detector.h"

enum { WIRE_AT_START };

enum wire_is { WIRE_UNKNOWN, WIRE_INTACT, WIRE_CUT, WIRE_SPENT };
struct wires {
    enum wire_is is[DETECTOR_STREAMS];
    int64_t cut_us[DETECTOR_STREAMS];
};
void wire_look(struct detector *d, unsigned place, const struct datastream *from, int64_t time_us,
               int64_t intact);
/* Every wire that is cut has spoken. */
void wire_spend(struct detector *d);
/* Bit i: the wire at place i is cut, whether it has spoken or not. */
unsigned wire_cuts(const struct detector *d);

#endif
