/* vibration - what one geophone (or one infrasound microphone) hears; each asks for WARNING.
 *
 * geo.impulses   impulses per second, counted by the sensor, over a rate for so many seconds in a
 *                row (Badoux type)
 * geo.energy     energy over its noise before the event by a factor for longer than accumulate_s,
 *                and grown fast enough since the last quiet sample
 * geo.sta_lta    the mean amplitude of some seconds over that of a minute or more */
#ifndef EOCBUS_SENSOR_DETECT_VIBRATION_H
#define EOCBUS_SENSOR_DETECT_VIBRATION_H

#include "agents/sensor/detect/detector.h"
#include "agents/sensor/detect/noise.h"

enum { IMPULSES_RATE, IMPULSES_SECONDS };
struct impulses {
    int64_t rate; /* thousandths per second */
    int64_t first_us, last_us;
    unsigned run; /* samples over in a row */
};
void impulses_ready(struct detector *d);
void impulses_look(struct detector *d, unsigned place, const struct datastream *from,
                   int64_t time_us, int64_t value);

enum { ENERGY_RATIO, ENERGY_ACCUMULATE, ENERGY_GROWTH, ENERGY_NOISE, ENERGY_FREEZE };
struct energy {
    struct noise noise; /* of the energy */
    double quiet, most; /* energy of the last quiet sample, and the largest since */
    int64_t quiet_us, most_us, last_us;
    bool begun;
};
void energy_look(struct detector *d, unsigned place, const struct datastream *from, int64_t time_us,
                 int64_t value);

enum { STA_LTA_STA, STA_LTA_LTA, STA_LTA_ON, STA_LTA_OFF, STA_LTA_FREEZE };
struct sta_lta {
    struct noise sta, lta; /* of the amplitude */
    bool on;
};
void sta_lta_look(struct detector *d, unsigned place, const struct datastream *from,
                  int64_t time_us, int64_t value);
const char *sta_lta_check(const double *number);

/* Smallest step of a channel, in the scale of the detector: nothing is quieter than that. */
double channel_step(const struct detector *d, unsigned place, const struct datastream *from);

#endif
