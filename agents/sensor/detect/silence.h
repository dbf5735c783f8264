/* silence - a gauge upstream that used to speak and stopped: waves take gauges away. No level of
 * its own; fusion raises what others found by one. */
#ifndef EOCBUS_SENSOR_DETECT_SILENCE_H
#define EOCBUS_SENSOR_DETECT_SILENCE_H

#include "agents/sensor/detect/detector.h"

enum { SILENCE_AFTER, SILENCE_FOR };
struct silence {
    int64_t heard_us;
    bool begun;
};
void silence_look(struct detector *d, unsigned place, const struct datastream *from,
                  int64_t time_us, int64_t value);
void silence_pass(struct detector *d, int64_t now_us);

#endif
