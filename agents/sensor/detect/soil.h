/* soil - the soil-water index: three tanks one below the other, water in all of them.
 *
 *          rain (and melt)
 *   tank 1  outlets at height1, height2 run off with runoff1, runoff2 of what stands above them
 *     | infiltration1
 *   tank 2  outlet height3, runoff3
 *     | infiltration2
 *   tank 3  outlet height4, runoff4; infiltration3 is lost below
 *
 * Explicit Euler, every outflow from the state before the step. The index asks for WATCH at
 * watch_part of the threshold, and for WARNING at the threshold while the rain of an hour is over
 * rain60.
 *
 * With a thermometer and a snow gauge behind the rain gauge, snow that melts is rain: melt
 * millimetres per degree above melt_base and day, while there is snow. */
#ifndef EOCBUS_SENSOR_DETECT_SOIL_H
#define EOCBUS_SENSOR_DETECT_SOIL_H

#include "agents/sensor/detect/detector.h"

enum {
    SOIL_THRESHOLD,
    SOIL_RAIN60,
    SOIL_WATCH_PART,
    SOIL_STEP,
    SOIL_HEIGHT1, /* four heights, four runoffs, three infiltrations */
    SOIL_RUNOFF1 = SOIL_HEIGHT1 + 4,
    SOIL_INFILTRATION1 = SOIL_RUNOFF1 + 4,
    SOIL_MELT = SOIL_INFILTRATION1 + 3,
    SOIL_MELT_BASE,
};
enum { SOIL_BINS = 60 };

struct soil_tanks {
    double height[4];       /* mm */
    double runoff[4];       /* 1/h */
    double infiltration[3]; /* 1/h */
};
/* One step of so many hours with so much rain, mm; returns the index, mm. */
double soil_step(double water[3], const struct soil_tanks *t, double rain_mm, double hours);

struct soil {
    struct soil_tanks tanks;
    double water[3];
    int64_t bin, bin_us; /* the step that runs, counted since 1970; its length */
    unsigned hour_bins;  /* in an hour */
    int64_t um[SOIL_BINS];
    double melt_mm; /* of the step that runs */
    double air_c, snow_m;
    bool begun, has_air, has_snow;
};
void soil_ready(struct detector *d);
void soil_look(struct detector *d, unsigned place, const struct datastream *from, int64_t time_us,
               int64_t value);
void soil_pass(struct detector *d, int64_t now_us);
const char *soil_check(const double *number);

#endif
