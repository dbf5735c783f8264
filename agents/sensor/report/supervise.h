/* supervise - how the gateway itself is: power and signal out of its own channels, which channels
 * fell silent, and what of it somebody should look at. Pure.
 *
 * batt_v, panel_v and rssi are taken from datastreams of these types, the newest word of each. A
 * datastream with step= is silent when nothing believable came for three steps, at least a minute.
 * One whose times were not believed (CLOCK_SUSPECT) SUPERVISE_DOUBTS times in a row is silent, too,
 * with or without step=: no detector looks at it. */
#ifndef EOCBUS_SENSOR_SUPERVISE_H
#define EOCBUS_SENSOR_SUPERVISE_H

#include "agents/sensor/quality/quality.h"

enum {
    TROUBLE_POWER = 1,
    TROUBLE_SIGNAL = 2,
    TROUBLE_CLOCK = 4,
    TROUBLE_DISK = 8,
    TROUBLE_SILENT = 16,
};

enum { SUPERVISE_DOUBTS = 5 };

struct supervise_limits { /* 0 = not looked at */
    uint32_t power_mv;    /* battery below it */
    uint32_t signal_dbm;  /* weaker than minus so many */
    int64_t clock_ms;     /* off by more, either way */
    uint64_t disk_kib;    /* less is free */
};

struct supervise {
    const struct station *station; /* borrowed */
    const struct quality *quality; /* borrowed; knows when a channel spoke last */
    struct supervise_limits limits;
    int64_t began_us;
    uint32_t battery_mv, panel_mv;
    int32_t rssi_dbm;
    uint32_t silent[STATION_STREAMS];
    unsigned doubts[STATION_STREAMS]; /* in a row */
};

void supervise_begin(struct supervise *v, const struct station *station,
                     const struct quality *quality, const struct supervise_limits *limits,
                     int64_t now_us);
/* True: with this one its times were not believed SUPERVISE_DOUBTS times. */
bool supervise_sample(struct supervise *v, unsigned stream, const struct sample *s);
/* Fills in what is known of power, signal and silence; the list is borrowed from *v. Answers
 * TROUBLE_ bits, of the clock and the disk as *out has them already. */
unsigned supervise_look(struct supervise *v, int64_t now_us, Eocbus__V1__SensorStatus *out);
/* "power signal silent"; a word for each bit. */
const char *supervise_words(char out[64], unsigned troubles);

#endif
