/* rain_events - where one rain ends and the next begins; without it a duration means nothing.
 *
 * Two ways, both pure:
 *
 * CTRL-T style (Melillo et al., Landslides 12, 2015, as the R packages RainSlide and Lslide do it),
 * hour by hour, oldest first. Rain is put together three times, each time over longer dry gaps:
 *
 *   hours with at most gap[0] dry hours between them   a run; one hour alone with at most 0.2 mm
 *                                                      is dropped
 *   runs with at most gap[1] between them              a sub-event; at most 1 mm is dropped
 *   sub-events with at most gap[2] between them        an event
 *
 * The season of a gap is that of the hour that ends it.
 *
 * Fixed gap, tip by tip, as storm tables of tipping buckets are made (SEPARATE, Murphy and David):
 * a gap longer than the given one ends the storm; peaks are taken from the cumulative rain, linear
 * between tips, at whole minutes from the first tip. */
#ifndef EOCBUS_SENSOR_DETECT_RAIN_EVENTS_H
#define EOCBUS_SENSOR_DETECT_RAIN_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agents/sensor/detect/detector.h"

/* --- CTRL-T style ----------------------------------------------------------------------------- */

struct rain_event {
    int64_t first, last; /* hours since 1970 with rain in them */
    int64_t um;          /* micrometres of water */
    unsigned wet;        /* hours with rain; 0 = there is no event */
};

struct rain_rules {
    int64_t isolated_um, least_um;
    int gap_h[3][2];        /* of the run, the sub-event, the event; cold season, warm season */
    int warm_from, warm_to; /* months, both warm */
};

struct rain_events {
    struct rain_rules rules;
    struct rain_event run, sub, event; /* being put together, of ever later hours */
};

extern const struct rain_rules
    rain_rules_ctrlt; /* 0.2 mm; 1 mm; 3/6, 6/12, 48/96 h; April-October */

typedef void (*rain_event_fn)(void *arg, const struct rain_event *e);
/* Rain of one hour, hours rising; hours left out are dry. `ended` hears of events that are over. */
void rain_events_hour(struct rain_events *e, int64_t hour, int64_t um, rain_event_fn ended,
                      void *arg);
void rain_events_end(struct rain_events *e, rain_event_fn ended, void *arg);
/* What the event would be if no more rain fell; wet = 0: there is none, or its gap is over. */
struct rain_event rain_events_now(const struct rain_events *e, int64_t hour);

/* The profile rain.events.ctrlt: the event's mean intensity against I = alpha D^-beta, D from its
 * first wet hour to the hour that runs. Asks for WATCH. */
enum {
    EVENTS_ALPHA,
    EVENTS_BETA,
    EVENTS_ISOLATED,
    EVENTS_LEAST,
    EVENTS_GAP1_COLD,
    EVENTS_GAP1_WARM,
    EVENTS_GAP2_COLD,
    EVENTS_GAP2_WARM,
    EVENTS_GAP3_COLD,
    EVENTS_GAP3_WARM,
    EVENTS_WARM_FROM,
    EVENTS_WARM_TO,
};
struct rain_events_state {
    struct rain_events events;
    int64_t hour, um; /* the hour that runs, and what fell in it */
    bool begun;
};
void rain_events_ready(struct detector *d);
void rain_events_look(struct detector *d, unsigned place, const struct datastream *from,
                      int64_t time_us, int64_t um);
void rain_events_pass(struct detector *d, int64_t now_us);

/* --- fixed gap -------------------------------------------------------------------------------- */

struct rain_tip {
    int64_t time_us, um;
};

struct rain_storm {
    size_t first, count; /* of the tips */
    int64_t begin_us, end_us, um;
};

/* Storms among tips (oldest first) that are deeper than more_than_um and longer than
 * longer_than_us; at most `max` are written, all are counted. *suppressed counts the others. */
size_t rain_storms(const struct rain_tip *tips, size_t count, int64_t gap_us, int64_t more_than_um,
                   int64_t longer_than_us, struct rain_storm *out, size_t max, size_t *suppressed);
/* Largest mean intensity over so many minutes, mm/h, and the end of the last window that has it;
 * false for storms of two tips or no longer than that. */
bool rain_storm_peak(const struct rain_tip *tips, const struct rain_storm *s, unsigned minutes,
                     double *mm_h, int64_t *time_us);

#endif
