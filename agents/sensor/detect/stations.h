/* stations - two geophones along one torrent: a flow reaches the upper one first and the lower one
 * some time later; an earthquake or a lorry does not.
 *
 * A station triggers when its rms over window_s leaves the noise by z standard deviations and by a
 * factor. Both have to trigger within within_s, the lower one after the upper one, and not sooner
 * than a flow could be there. Asks for WARNING; it is vibration like any other, and no second
 * principle beside another geophone.
 *
 * The speed of the front is the distance over the lag at which the two series resemble each other
 * most (cross-correlation). With a clock error e between the stations it is refused where
 * e > 0.1 distance / speed. */
#ifndef EOCBUS_SENSOR_DETECT_STATIONS_H
#define EOCBUS_SENSOR_DETECT_STATIONS_H

#include "agents/sensor/detect/detector.h"
#include "agents/sensor/detect/noise.h"

enum {
    STATIONS_DISTANCE,
    STATIONS_CLOCK_ERROR,
    STATIONS_WINDOW,
    STATIONS_Z,
    STATIONS_RATIO,
    STATIONS_WITHIN,
    STATIONS_LOCKOUT,
    STATIONS_NOISE,
    STATIONS_FREEZE,
    STATIONS_SLOWEST,
    STATIONS_FASTEST,
    STATIONS_LIKENESS,
};

enum { STATION_UPPER, STATION_LOWER, STATION_COUNT };
enum { SERIES_SECONDS = 512 }; /* a power of two */

struct station_series {
    float rms[SERIES_SECONDS]; /* in the scale of the detector; a ring, one a second */
    int64_t second;            /* newest, since 1970 */
    struct noise noise;        /* of the rms over the window */
    int64_t triggered_us;      /* last time; INT64_MIN: never */
    bool begun, over;
};
struct stations {
    struct station_series at[STATION_COUNT];
    int64_t confirmed_us, measured_us; /* INT64_MIN: never */
    uint32_t speed_mm_s;
    bool begun;
};

/* Lag in seconds (y behind x, 0 < lag <= most) at which the last `count` values of y resemble those
 * of x most, refined between seconds; false where they never resemble by `likeness` (-1..1). Both
 * have count + most values. */
bool correlation_lag(const double *x, const double *y, unsigned count, unsigned most,
                     double likeness, double *lag_s);
/* mm/s; 0 = refused: the clock error is too big for it. */
uint32_t front_speed_mm_s(double distance_m, double lag_s, double clock_error_s);

void stations_look(struct detector *d, unsigned place, const struct datastream *from,
                   int64_t time_us, int64_t value);
void stations_pass(struct detector *d, int64_t now_us);
const char *stations_check(const double *number);

#endif
