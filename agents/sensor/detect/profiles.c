/* profiles - see profiles.h.
 *
 * A number has a default where a primary text (or the source of a public project) was read, or
 * where it is this project's own choice. What is only said to be common knowledge has none: a
 * settings line has to give it, so that somebody has decided it for their torrent. */
#include "agents/sensor/detect/profiles.h"

#include <math.h>
#include <stdio.h>

#include "agents/sensor/detect/quake.h"
#include "agents/sensor/detect/rain.h"
#include "agents/sensor/detect/rain_events.h"
#include "agents/sensor/detect/silence.h"
#include "agents/sensor/detect/soil.h"
#include "agents/sensor/detect/stage.h"
#include "agents/sensor/detect/stations.h"
#include "agents/sensor/detect/vibration.h"
#include "agents/sensor/detect/wire.h"
#include "proto/base/banned.h"

#define TYPE(word) EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_##word
#define UNIT(word) EOCBUS__V1__UNIT__UNIT_##word

#define RAIN_INPUT                                                                                 \
    {                                                                                              \
        TYPE(RAIN_ACC), UNIT(MILLIMETRE), -3                                                       \
    }
#define STAGE_INPUT                                                                                \
    {                                                                                              \
        TYPE(STAGE), UNIT(METRE), -3                                                               \
    }

/* --- rain ------------------------------------------------------------------------------------- */

#define RAIN_LINE(alpha_text, beta_text)                                                           \
    [RAIN_ALPHA] = {"alpha",                                                                       \
                    alpha_text,                                                                    \
                    1e-3,                                                                          \
                    10000,                                                                         \
                    UNIT(ONE),                                                                     \
                    false,                                                                         \
                    "of I = alpha D^-beta, I in mm/h (with map: in per cent of it an hour), D in " \
                    "hours"},                                                                      \
    [RAIN_BETA] = {"beta", beta_text, 0, 3, UNIT(ONE), false, "of the same"},                      \
    [RAIN_SHORTEST] = {"shortest_s",                                                               \
                       "600",                                                                      \
                       600,                                                                        \
                       259200,                                                                     \
                       UNIT(ONE),                                                                  \
                       true,                                                                       \
                       "shortest duration that is looked at, of 10, 15, 30 "                       \
                       "min, 1, 3, 6, 12, 24, 72 h"},                                              \
    [RAIN_LONGEST] = {"longest_s", "259200", 600, 259200, UNIT(ONE), true, "longest of them"}

#define RAIN_MAP_ROW(text, low)                                                                    \
    [RAIN_MAP] = {"map",                                                                           \
                  text,                                                                            \
                  low,                                                                             \
                  5000,                                                                            \
                  UNIT(MILLIMETRE),                                                                \
                  false,                                                                           \
                  "mean annual precipitation at the gauge; 0 = intensities are mm/h"}

#define RAIN_WORK                                                                                  \
    .principle = PRINCIPLE_RAIN, .inputs = {RAIN_INPUT}, .least_streams = 1, .most_streams = 1,    \
    .state_bytes = sizeof(struct rain), .ready = rain_ready, .look = rain_look, .pass = rain_pass, \
    .check = rain_check

#define ALEOTTI "Aleotti, Engineering Geology 73 (2004) 247-265, abstract"
static const char only_half[] =
    "Illgraben: half of the storms over such a line made a flow that reached the fan (GSA 2013); "
    "about 25 recorded events are wanted for +-30 % (NHESS 21, 2773, 2021). Never more than WATCH.";

static const struct profile rain_caine = {
    .name = "rain.caine1980",
    RAIN_WORK,
    .parameters = {RAIN_LINE("14.82", "0.39")},
    .about = "WATCH: rain over the world-wide line I = 14.82 D^-0.39",
    .source = "Caine, Geografiska Annaler 62A (1980)",
    .evidence = only_half,
    .example = "rain.caine1980 1 gusar.rain",
};

static const struct profile rain_aleotti = {
    .name = "rain.aleotti2004",
    RAIN_WORK,
    .parameters = {RAIN_LINE("19", "0.50")},
    .about = "WATCH: rain over the Piedmont envelope I = 19 D^-0.50 of 90 % of the points",
    .source = ALEOTTI,
    .evidence = only_half,
    .example = "rain.aleotti2004 1 gusar.rain",
};

static const struct profile rain_aleotti_low = {
    .name = "rain.aleotti2004.ni33",
    RAIN_WORK,
    .parameters = {RAIN_LINE("0.76", "0.33"), RAIN_MAP_ROW(NULL, 50)},
    .about = "WATCH: normalised rain over NI = 0.76 D^-0.33, NI in per cent of the mean annual "
             "precipitation an hour",
    .source = ALEOTTI,
    .evidence = only_half,
    .example = "rain.aleotti2004.ni33 1 gusar.rain map=420",
};

static const struct profile rain_aleotti_high = {
    .name = "rain.aleotti2004.ni79",
    RAIN_WORK,
    .parameters = {RAIN_LINE("4.62", "0.79"), RAIN_MAP_ROW(NULL, 50)},
    .about = "WATCH: normalised rain over NI = 4.62 D^-0.79, the upper of Aleotti's two for short "
             "rain",
    .source = ALEOTTI,
    .evidence = only_half,
    .example = "rain.aleotti2004.ni79 1 gusar.rain map=420",
};

static const struct profile rain_own = {
    .name = "rain.power",
    RAIN_WORK,
    .parameters = {RAIN_LINE(NULL, NULL), RAIN_MAP_ROW("0", 0)},
    .about = "WATCH: rain over a line of your own I = alpha D^-beta",
    .source = "yours; lines of Guzzetti 2008 and Dahal 2008 are often quoted, and their numbers "
              "were not checked against the papers, so that none stand here",
    .evidence = only_half,
    .example = "rain.power 1 gusar.rain alpha=9.5 beta=0.45",
};

#define GAP(text, words)                                                                           \
    {                                                                                              \
        words, text, 0, 720, UNIT(ONE), true, "dry hours that still belong to it"                  \
    }
static const struct profile rain_events = {
    .name = "rain.events.ctrlt",
    .principle = PRINCIPLE_RAIN,
    .inputs = {RAIN_INPUT},
    .least_streams = 1,
    .most_streams = 1,
    .parameters = {[EVENTS_ALPHA] = {"alpha", "14.82", 1e-3, 10000, UNIT(ONE), false,
                                     "line for the event's mean intensity, mm/h over D hours"},
                   [EVENTS_BETA] = {"beta", "0.39", 0, 3, UNIT(ONE), false, "of the same"},
                   [EVENTS_ISOLATED] = {"isolated", "0.2", 0, 100, UNIT(MILLIMETRE), false,
                                        "an hour alone with no more than that is dropped"},
                   [EVENTS_LEAST] = {"least", "1", 0, 100, UNIT(MILLIMETRE), false,
                                     "a sub-event of no more than that is dropped"},
                   [EVENTS_GAP1_COLD] = GAP("6", "gap1_cold_h"),
                   [EVENTS_GAP1_WARM] = GAP("3", "gap1_warm_h"),
                   [EVENTS_GAP2_COLD] = GAP("12", "gap2_cold_h"),
                   [EVENTS_GAP2_WARM] = GAP("6", "gap2_warm_h"),
                   [EVENTS_GAP3_COLD] = GAP("96", "gap3_cold_h"),
                   [EVENTS_GAP3_WARM] = GAP("48", "gap3_warm_h"),
                   [EVENTS_WARM_FROM] = {"warm_from_month", "4", 1, 12, UNIT(ONE), true,
                                         "first month of the warm season"},
                   [EVENTS_WARM_TO] = {"warm_to_month", "10", 1, 12, UNIT(ONE), true,
                                       "last month of it"}},
    .state_bytes = sizeof(struct rain_events_state),
    .ready = rain_events_ready,
    .look = rain_events_look,
    .pass = rain_events_pass,
    .about = "WATCH: mean intensity of the rain event that runs, from its first wet hour, over a "
             "line; events separated in three steps (hours, sub-events, event)",
    .source = "defaults of the R package RainSlide, function event (after Melillo et al., "
              "Landslides 12, 2015); the line is Caine's",
    .evidence = only_half,
    .example = "rain.events.ctrlt 1 gusar.rain",
};

/* --- soil ------------------------------------------------------------------------------------- */

#define TANK_HEIGHT(i)                                                                             \
    [SOIL_HEIGHT1 + (i)-1] = {                                                                     \
        "height" #i, NULL, 0, 1000, UNIT(MILLIMETRE), false, "of outlet " #i " above its floor"}
#define TANK_RUNOFF(i)                                                                             \
    [SOIL_RUNOFF1 + (i)-1] = {                                                                     \
        "runoff" #i "_per_h", NULL, 0, 1, UNIT(ONE), false, "of what stands above outlet " #i}
#define TANK_INFILTRATION(i)                                                                       \
    [SOIL_INFILTRATION1 +                                                                          \
        (i)-1] = {"infiltration" #i "_per_h",         NULL, 0, 1, UNIT(ONE), false,                \
                  "of tank " #i " into what is below"}

static const struct profile soil_swi = {
    .name = "soil.swi",
    .principle = PRINCIPLE_SOIL,
    .inputs = {RAIN_INPUT,
               {TYPE(AIR_T), UNIT(DEGREE_CELSIUS), -3},
               {TYPE(SNOW_D), UNIT(METRE), -3}},
    .placed = true,
    .least_streams = 1,
    .most_streams = 3,
    .parameters =
        {[SOIL_THRESHOLD] = {"threshold", NULL, 1, 2000, UNIT(MILLIMETRE), false,
                             "index at which the ground is as wet as it may be"},
         [SOIL_RAIN60] = {"rain60", NULL, 0.1, 500, UNIT(MILLIMETRE), false,
                          "rain of an hour that together with it asks for WARNING"},
         [SOIL_WATCH_PART] = {"watch_part", "0.8", 0.1, 1, UNIT(ONE), false,
                              "of the threshold, for WATCH"},
         [SOIL_STEP] = {"step_s", "600", 60, 3600, UNIT(ONE), true, "of the tanks' arithmetic"},
         TANK_HEIGHT(1),
         TANK_HEIGHT(2),
         TANK_HEIGHT(3),
         TANK_HEIGHT(4),
         TANK_RUNOFF(1),
         TANK_RUNOFF(2),
         TANK_RUNOFF(3),
         TANK_RUNOFF(4),
         TANK_INFILTRATION(1),
         TANK_INFILTRATION(2),
         TANK_INFILTRATION(3),
         [SOIL_MELT] = {"melt_mm_c_d", "0", 0, 30, UNIT(ONE), false,
                        "snow that melts, mm per degree and day, where an air temperature and a "
                        "snow depth stand behind the rain gauge"},
         [SOIL_MELT_BASE] = {"melt_base", "0", -20, 20, UNIT(DEGREE_CELSIUS), false,
                             "temperature above which it melts"}},
    .state_bytes = sizeof(struct soil),
    .ready = soil_ready,
    .look = soil_look,
    .pass = soil_pass,
    .check = soil_check,
    .about = "WATCH: three-tank soil-water index at watch_part of its threshold; WARNING: at the "
             "threshold, with rain60 in an hour. Datastreams: rain [air temperature, snow depth]",
    .source = "Osanai et al. 2010 for the method. Thresholds are local (124 mm stood at Kure City: "
              "Geotechnics 3, 686, 2023). Tank numbers often quoted, not checked against the text "
              "of the Japan Meteorological Agency and therefore no defaults: height 15 60 15 15 "
              "mm, runoff 0.10 0.15 0.05 0.01, infiltration 0.12 0.05 0.01 per hour",
    .evidence = "Japan, nationwide since 2005; exceeded in every cell of Kure in July 2018",
    .example = "soil.swi 1 gusar.rain threshold=124 rain60=30 height1=15 height2=60 height3=15 "
               "height4=15 runoff1_per_h=0.10 runoff2_per_h=0.15 runoff3_per_h=0.05 "
               "runoff4_per_h=0.01 infiltration1_per_h=0.12 infiltration2_per_h=0.05 "
               "infiltration3_per_h=0.01",
};

/* --- flow ------------------------------------------------------------------------------------- */

#define DEBOUNCE_ROWS                                                                              \
    [STAGE_NEED] = {"need",                                                                        \
                    "3",                                                                           \
                    1,                                                                             \
                    32,                                                                            \
                    UNIT(ONE),                                                                     \
                    true,                                                                          \
                    "samples over the line among the last `of`; debounce=3/5 sets both"},          \
    [STAGE_OF] = {"of", "5", 1, 32, UNIT(ONE), true, "see need"}

static const struct profile stage_level = {
    .name = "stage.level",
    .principle = PRINCIPLE_LEVEL,
    .inputs = {STAGE_INPUT, {TYPE(LAKE_LEVEL), UNIT(METRE), -3}},
    .least_streams = 1,
    .most_streams = 1,
    .parameters = {[STAGE_LINE] = {"line", NULL, 1e-3, 100, UNIT(METRE), false,
                                   "stage of this site at which it warns"},
                   DEBOUNCE_ROWS},
    .state_bytes = sizeof(struct stage),
    .ready = stage_level_ready,
    .look = stage_level_look,
    .check = stage_check,
    .about = "WARNING: the flow stands above a line",
    .source = "site; 3 of 5 one-second samples are this project's choice",
    .evidence = "none of its own",
    .example = "stage.level 1 gusar.stage line=2.5",
};

static const struct profile stage_rate = {
    .name = "stage.rate",
    .principle = PRINCIPLE_RISE,
    .inputs = {STAGE_INPUT, {TYPE(LAKE_LEVEL), UNIT(METRE), -3}},
    .least_streams = 1,
    .most_streams = 1,
    .parameters = {[STAGE_LINE] = {"line", NULL, 1e-6, 100, UNIT(METRE_PER_MINUTE), false,
                                   "rise at which it warns"},
                   DEBOUNCE_ROWS,
                   [STAGE_WINDOW] = {"window_s", "600", 1, 86400, UNIT(ONE), false,
                                     "the rise is from the oldest sample in it"}},
    .state_bytes = sizeof(struct stage),
    .ready = stage_rate_ready,
    .look = stage_rate_look,
    .check = stage_check,
    .about = "WARNING: the flow rises faster than a line; ALARM together with another principle",
    .source = "site; window and debounce are this project's choice",
    .evidence = "Malekhu gauge, 26 August 2026: 3.82 m in ten minutes, 0.382 m/min (README of the "
                "project CascadeWatch)",
    .example = "stage.rate 1 gusar.stage line=0.1 window=10m",
};

static const struct profile wire_any = {
    .name = "wire.any",
    .principle = PRINCIPLE_WIRE,
    .inputs = {{TYPE(TRIPWIRE), UNIT(ONE), 0}},
    .least_streams = 1,
    .most_streams = DETECTOR_STREAMS,
    .parameters = {[WIRE_AT_START] = {"at_start", "1", 0, 1, UNIT(ONE), true,
                                      "1: a wire that is cut when it is first heard of is an "
                                      "alarm; 0: it was cut before"}},
    .state_bytes = sizeof(struct wires),
    .look = wire_look,
    .about = "ALARM: any wire is cut, unless in MAINTENANCE; it speaks once, until it is mended",
    .source = "Spreitgraben: pull-out wires switch at once, radar beside them, geophones when the "
              "wires are gone (spreitgraben.ch, geotest)",
    .evidence = "in use there; animals and snow cut wires too",
    .example = "wire.any 1 gusar.wire1 gusar.wire2",
};

static const struct profile silence_upstream = {
    .name = "silence.upstream",
    .principle = PRINCIPLE_SILENCE,
    .inputs = {STAGE_INPUT,
               {TYPE(GV_RMS), UNIT(METRE_PER_SECOND), -9},
               {TYPE(GV_IMP), UNIT(PER_SECOND), -3},
               {TYPE(TRIPWIRE), UNIT(ONE), 0},
               {TYPE(LAKE_LEVEL), UNIT(METRE), -3}},
    .least_streams = 1,
    .most_streams = 1,
    .parameters = {[SILENCE_AFTER] = {"after_s", NULL, 1, 86400, UNIT(ONE), false,
                                      "without a sample of a gauge that used to speak"},
                   [SILENCE_FOR] = {"for_s", "1800", 1, 86400, UNIT(ONE), false,
                                    "how long its silence is evidence; then it is a fault"}},
    .state_bytes = sizeof(struct silence),
    .look = silence_look,
    .pass = silence_pass,
    .about =
        "one level more, while a gauge upstream is silent and a neighbour (a flow sensor here, "
        "or a gateway that told so) warns; rain and soil with it never make an ALARM",
    .source = "rule of this project",
    .evidence = "two source-side gauges fell silent before the wave of 26 August 2026 arrived "
                "(CascadeWatch)",
    .example = "silence.upstream 1 upper.stage after=30s",
};

/* --- vibration and infrasound ----------------------------------------------------------------- */

#define GV_INPUT                                                                                   \
    {                                                                                              \
        TYPE(GV_RMS), UNIT(METRE_PER_SECOND), -9                                                   \
    }
#define FREEZE_ROW                                                                                 \
    {                                                                                              \
        "freeze_s", "1800", 1, 86400, UNIT(ONE), false,                                            \
            "so long an event may last before it is taken for the new noise"                       \
    }

static const struct profile geo_impulses = {
    .name = "geo.impulses",
    .principle = PRINCIPLE_VIBRATION,
    .inputs = {{TYPE(GV_IMP), UNIT(PER_SECOND), -3}},
    .least_streams = 1,
    .most_streams = 1,
    .parameters = {[IMPULSES_RATE] = {"impulses_per_s", NULL, 0.1, 250, UNIT(PER_SECOND), false,
                                      "crossings a second of the velocity threshold that is set in "
                                      "the sensor"},
                   [IMPULSES_SECONDS] = {"seconds", NULL, 1, 600, UNIT(ONE), true,
                                         "samples, one a second, over it in a row"}},
    .state_bytes = sizeof(struct impulses),
    .ready = impulses_ready,
    .look = impulses_look,
    .about = "WARNING: impulses a second over a rate for some seconds in a row",
    .source = "Abanco et al., Sensors 12 (2012) 4870; rate and seconds have to be calibrated at "
              "the site (10 to 20 impulses for 2 to 3 seconds are often quoted, not checked)",
    .evidence =
        "in use at Rebaixader, Illgraben and other sites; fixed thresholds take earthquakes "
        "and lorries for flows",
    .example = "geo.impulses 1 gusar.impulses impulses_per_s=15 seconds=3",
};

#define ENERGY_ROWS                                                                                \
    [ENERGY_RATIO] = {"ratio",                                                                     \
                      "10",                                                                        \
                      1.1,                                                                         \
                      1000000,                                                                     \
                      UNIT(ONE),                                                                   \
                      false,                                                                       \
                      "energy (square of the rms) over that of the noise before"},                 \
    [ENERGY_ACCUMULATE] = {"accumulate_s", "2", 0, 600, UNIT(ONE), false, "for longer than that"}, \
    [ENERGY_GROWTH] = {"growth_per_s",                                                             \
                       NULL,                                                                       \
                       0,                                                                          \
                       10,                                                                         \
                       UNIT(ONE),                                                                  \
                       false,                                                                      \
                       "powers of ten a second that the energy has to grow by, from the last "     \
                       "quiet sample to the largest since; 0 = however slowly"},                   \
    [ENERGY_NOISE] = {"noise_s",                                                                   \
                      "60",                                                                        \
                      5,                                                                           \
                      86400,                                                                       \
                      UNIT(ONE),                                                                   \
                      false,                                                                       \
                      "memory of the noise; nothing is said before it is learned"},                \
    [ENERGY_FREEZE] = FREEZE_ROW
#define ENERGY_WORK                                                                                \
    .least_streams = 1, .most_streams = 1, .state_bytes = sizeof(struct energy), .look = energy_look

static const struct profile geo_energy = {
    .name = "geo.energy",
    .principle = PRINCIPLE_VIBRATION,
    .inputs = {GV_INPUT},
    ENERGY_WORK,
    .parameters = {ENERGY_ROWS},
    .about = "WARNING: energy of the ground over its noise by a factor, accumulated, and grown",
    .source =
        "Wei and Liu, Landslides (2019): one order of magnitude, more than 2 s, and a test of "
        "the rate of change, whose number was not read; noise_s and freeze_s are this "
        "project's choice",
    .evidence = "three events at Ai-Yu-Zi Creek, less than 10 s behind the video",
    .example = "geo.energy 1 gusar.gv growth_per_s=0.2",
};

static const struct profile infra_energy = {
    .name = "infra.energy",
    .principle = PRINCIPLE_INFRASOUND,
    .inputs = {{TYPE(INFRA_RMS_LF), UNIT(PASCAL), -6}, {TYPE(INFRA_RMS_HF), UNIT(PASCAL), -6}},
    ENERGY_WORK,
    .parameters = {ENERGY_ROWS},
    .about = "WARNING: the same of a band of infrasound, which is a principle of its own beside "
             "vibration",
    .source =
        "method as geo.energy; bands after Schimmel and Huebl, Interpraevent 2016: 5 to 10 Hz "
        "debris flow, 15 to 30 Hz debris flood, made by the instrument",
    .evidence = "none of this form; the published detector looks at spectra",
    .example = "infra.energy 1 gusar.infra growth_per_s=0",
};

static const struct profile geo_sta_lta = {
    .name = "geo.sta_lta",
    .principle = PRINCIPLE_VIBRATION,
    .inputs = {GV_INPUT},
    .least_streams = 1,
    .most_streams = 1,
    .parameters = {[STA_LTA_STA] = {"sta_s", NULL, 0.1, 600, UNIT(ONE), false,
                                    "memory of the short mean amplitude"},
                   [STA_LTA_LTA] = {"lta_s", NULL, 1, 86400, UNIT(ONE), false,
                                    "memory of the long one, which rests while triggered"},
                   [STA_LTA_ON] = {"on", NULL, 1.1, 10000, UNIT(ONE), false,
                                   "ratio at which it triggers"},
                   [STA_LTA_OFF] = {"off", NULL, 0.1, 10000, UNIT(ONE), false,
                                    "ratio under which that ends"},
                   [STA_LTA_FREEZE] = FREEZE_ROW},
    .state_bytes = sizeof(struct sta_lta),
    .look = sta_lta_look,
    .check = sta_lta_check,
    .about = "WARNING: short-term over long-term mean amplitude",
    .source =
        "seismology's trigger; 4 on and 2 off are usual for earthquakes, numbers for torrents "
        "were not found",
    .evidence = "none read for flows",
    .example = "geo.sta_lta 1 gusar.gv sta=2s lta=60s on=4 off=2",
};

static const struct profile geo_stations = {
    .name = "geo.stations",
    .principle = PRINCIPLE_VIBRATION,
    .inputs = {GV_INPUT, GV_INPUT},
    .placed = true,
    .least_streams = 2,
    .most_streams = 2,
    .parameters =
        {[STATIONS_DISTANCE] = {"distance", NULL, 1, 50000, UNIT(METRE), false,
                                "along the channel between the two"},
         [STATIONS_CLOCK_ERROR] = {"clock_error_s", NULL, 0, 3600, UNIT(ONE), false,
                                   "between their clocks; 0 = one clock. The speed is refused over "
                                   "a tenth of the travel time"},
         [STATIONS_WINDOW] = {"window_s", "10", 1, 60, UNIT(ONE), true, "of the rms"},
         [STATIONS_Z] = {"z", "4.5", 0.1, 1000, UNIT(ONE), false,
                         "standard deviations over the noise"},
         [STATIONS_RATIO] = {"ratio", "2.0", 1, 10000, UNIT(ONE), false, "and times the noise"},
         [STATIONS_WITHIN] = {"within_s", "120", 1, 3600, UNIT(ONE),
                              false, "most time between the two triggers"},
         [STATIONS_LOCKOUT] = {"lockout_s", "60", 0, 3600, UNIT(ONE), false,
                               "no second trigger of a station, and least time of a confirmation"},
         [STATIONS_NOISE] = {"noise_s", "300", 5, 86400, UNIT(ONE), false, "memory of the noise"},
         [STATIONS_FREEZE] = FREEZE_ROW,
         [STATIONS_SLOWEST] = {"slowest", "0.5", 0.01, 100, UNIT(METRE_PER_SECOND), false,
                               "front that is believed"},
         [STATIONS_FASTEST] = {"fastest", "30", 0.1, 100, UNIT(METRE_PER_SECOND), false,
                               "front that is believed; what is faster is no flow"},
         [STATIONS_LIKENESS] = {"likeness", "0.6", 0, 1, UNIT(ONE), false,
                                "correlation that the speed needs"}},
    .state_bytes = sizeof(struct stations),
    .look = stations_look,
    .pass = stations_pass,
    .check = stations_check,
    .about = "WARNING: the upper station triggers, and the lower one when a flow could be there; "
             "speed of the front by cross-correlation. Datastreams: upper, lower",
    .source = "CascadeWatch, benchmark/manifest.json: window, z, ratio, lockout, within; clock "
              "error: a tenth of the travel time, this project's choice like noise_s, slowest, "
              "fastest and likeness",
    .evidence =
        "there with three stations, in retrospect, Langtang 26 August 2026: confirmed 17 to "
        "19 min before the basin rose; spacing and sampling rate rule the error of the speed "
        "(NHESS 22, 1955, 2022)",
    .example = "geo.stations 1 upper.gv gusar.gv distance=300 clock_error_s=0.01",
};

/* --- vibration's veto ------------------------------------------------------------------------- */

static const struct profile quake_outside = {
    .name = "quake.outside",
    .principle = PRINCIPLE_QUAKE,
    .inputs = {{TYPE(SEIS_PGA), UNIT(METRE_PER_SECOND_SQUARED), -6},
               {TYPE(GV_RMS), UNIT(METRE_PER_SECOND), -9},
               {TYPE(GV_PEAK), UNIT(METRE_PER_SECOND), -9}},
    .least_streams = 1,
    .most_streams = 1,
    .parameters = {[QUAKE_LINE] = {"line", NULL, 1e-9, 100, UNIT(ONE), false,
                                   "motion at a station outside the torrent, in the unit of its "
                                   "datastream"},
                   [QUAKE_BEFORE] = {"before_s", "60", 0, 3600, UNIT(ONE), false,
                                     "vibration so long before it does not count either"},
                   [QUAKE_AFTER] = {"after_s", "360", 0, 3600, UNIT(ONE), false,
                                    "vibration so long after it does not count"}},
    .state_bytes = sizeof(struct quake),
    .ready = quake_ready,
    .look = quake_look,
    .about = "no level: while the ground moves outside the torrent too, vibration is not evidence; "
             "wires and stage are",
    .source = "360 s: CascadeWatch, benchmark/manifest.json; 60 s is this project's choice",
    .evidence = "earthquakes are the usual false alarm of fixed vibration thresholds",
    .example = "quake.outside 1 rock.pga line=0.05",
};

/* --- all together ----------------------------------------------------------------------------- */

const struct profile profile_fusion = {
    .name = "fusion",
    .principle = PRINCIPLE_NONE,
    .parameters =
        {[FUSION_HOLD] = {"hold_s", "1800", 1e-6, 86400, UNIT(ONE), false,
                          "CLEAR when everything was under its line for so long; without this "
                          "line, the setting detect.hold"},
         [FUSION_CONFIRM] = {"confirm_s", "60", 1, 3600, UNIT(ONE), false,
                             "two principles this close together confirm each other"},
         [FUSION_WARNING_CONFIRMS] = {"warning_confirms", "1", 0, 1, UNIT(ONE), true,
                                      "1: a WARNING that holds, whatever other principle raised "
                                      "it, confirms a new one; 0: only of soil or stage.level"}},
    .about = "WATCH: rain or soil near its line. WARNING: soil and rain, or one flow sensor. "
             "ALARM: a wire; or one of {rise, vibration, infrasound} with another principle "
             "within confirm_s, or while WARNING holds. CLEAR after hold_s under all lines; a "
             "level never falls otherwise",
    .source = "rule of this project; long alarms after Graf, Badoux, McArdell 2009",
    .evidence = "bar to reach, from the Illgraben pilot: one false alarm in 28",
    .example = "fusion 1 hold=30m confirm=60s",
};

const struct profile *const profiles[] = {
    &rain_caine,    &rain_aleotti,     &rain_aleotti_low, &rain_aleotti_high, &rain_own,
    &rain_events,   &soil_swi,         &stage_level,      &stage_rate,        &wire_any,
    &geo_impulses,  &geo_energy,       &infra_energy,     &geo_sta_lta,       &geo_stations,
    &quake_outside, &silence_upstream, &profile_fusion,
};
const unsigned profile_count = ARRAY_LEN(profiles);

const struct profile *profile_find(struct slice name)
{
    for (unsigned i = 0; i < profile_count; i++)
        if (slice_is(name, profiles[i]->name))
            return profiles[i];
    return NULL;
}

int profile_parameter(const struct profile *p, struct slice name)
{
    for (unsigned i = 0; i < profile_parameters(p); i++)
        if (slice_is(name, p->parameters[i].name))
            return (int)i;
    return -1;
}

enum status profile_accepts(const struct profile *p, unsigned i, struct decimal number, char *err,
                            size_t err_size)
{
    const struct parameter *row = &p->parameters[i];
    double v = decimal_real(number);

    if (v >= row->least && v <= row->most && (!row->whole || v == floor(v)))
        return ST_OK;
    snprintf(err, err_size, "%s of %s is %g; legal is %s%g to %g (%s)", row->name, p->name, v,
             row->whole ? "a whole number from " : "", row->least, row->most, row->about);
    return ST_INVALID;
}

/* --- for people ------------------------------------------------------------------------------- */

static void print_inputs(const struct profile *p, FILE *out)
{
    char word[64];

    if (!p->most_streams)
        return;
    fprintf(out, "    of          ");
    for (unsigned i = 0; i < ARRAY_LEN(p->inputs) && p->inputs[i].type; i++)
        fprintf(out, "%s%s", i ? p->placed ? ", then " : " or " : "",
                enum_word(word, &eocbus__v1__observation_type__descriptor, (int)p->inputs[i].type));
    fprintf(out, "; %u to %u datastreams\n", p->least_streams, p->most_streams);
}

static void print_parameter(const struct parameter *row, FILE *out)
{
    char unit[64];

    fprintf(out, "    %-20s %-10s %s%s%s\n", row->name, row->deflt ? row->deflt : "must be given",
            row->unit == UNIT(ONE) ? ""
                                   : enum_word(unit, &eocbus__v1__unit__descriptor, (int)row->unit),
            row->unit == UNIT(ONE) ? "" : ": ", row->about);
}

void profiles_print(FILE *out)
{
    fprintf(out, "detector = PROFILE VERSION DATASTREAM... [NAME=NUMBER]...\n"
                 "VERSION numbers the numbers and travels with every conclusion. A NAME in _s may "
                 "be given\nwithout it as a span: hold=30m.\n");
    for (unsigned i = 0; i < profile_count; i++) {
        const struct profile *p = profiles[i];

        fprintf(out, "\n%s\n    %s\n", p->name, p->about);
        print_inputs(p, out);
        for (unsigned k = 0; k < profile_parameters(p); k++)
            print_parameter(&p->parameters[k], out);
        fprintf(out, "    source      %s\n    evidence    %s\n    detector = %s\n", p->source,
                p->evidence, p->example);
    }
}
