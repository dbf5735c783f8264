/* detect - what a gateway concludes from its samples. Pure: time comes with the samples, so a
 * replay concludes the same every time.
 *
 * Detectors look at one channel each; fusion makes one level of them:
 *
 *   rain over its line, however far                       WATCH, never more
 *   one flow sensor (stage.level, stage.rate)             WARNING
 *   stage.rate while another flow detector is over        ALARM
 *   everything under its line for hold (30 min)           CLEAR
 *
 * A level rises at once and never falls but to CLEAR: surges come several in a row, and long alarms
 * were what worked (Graf, Badoux, McArdell 2009). Settings, one line a detector:
 *
 *   detector = rain.caine1980 VERSION DATASTREAM
 *   detector = stage.level VERSION DATASTREAM line=METRES [debounce=M/N]
 *   detector = stage.rate  VERSION DATASTREAM line=METRES_PER_MINUTE [window=SPAN] [debounce=M/N]
 *
 * VERSION numbers the profile's numbers and travels with every conclusion. */
#ifndef EOCBUS_SENSOR_DETECT_H
#define EOCBUS_SENSOR_DETECT_H

#include "agents/sensor/station/station.h"
#include "proto/wire/observations.h"

/* What a detector sees: over its line or not, and by how much. */
struct verdict {
    bool over;
    int64_t since_us; /* first sample of what is over */
    int64_t value, threshold;
    int exponent;
    Eocbus__V1__ObservationType type;
    Eocbus__V1__Unit unit;
    uint32_t duration_s;
};

/* --- rain.caine1980: I = 14.82 D^-0.39, I in mm/h over D hours ----------------------------------
 */

enum { RAIN_MINUTES = 72 * 60 };
struct rain {
    uint32_t um[RAIN_MINUTES]; /* water in that minute, micrometres; a ring */
    int64_t minute;            /* newest, since 1970 */
    int64_t over_since_us;
    bool begun;
};
double caine_mm_h(double hours);
/* Rain of `um` micrometres in the step (0 = not known) that ends at time_us. Durations that
 * are no whole number of steps say nothing. */
void rain_add(struct rain *r, int64_t time_us, int64_t step_us, int64_t um, struct verdict *out);

/* --- stage.level and stage.rate -----------------------------------------------------------------
 */

struct debounce {
    unsigned need, of; /* need of the last `of` samples */
    uint32_t seen;     /* one bit a sample, the newest is the lowest */
    int64_t first_us[32];
};
void debounce_set(struct debounce *d, unsigned need, unsigned of);
/* True while enough samples are over; *since_us is the first of them. */
bool debounce_add(struct debounce *d, bool over, int64_t time_us, int64_t *since_us);

enum { STAGE_POINTS = 64 };
struct stage {
    int64_t line; /* mm, or um/min for the rate */
    int64_t window_us;
    struct debounce debounce;
    struct {
        int64_t time_us, mm;
    } point[STAGE_POINTS]; /* rate: what the window holds, thinned */
    unsigned count;
};
void stage_level_add(struct stage *s, int64_t time_us, int64_t mm, struct verdict *out);
/* The rise from the oldest sample in the window to this one. */
void stage_rate_add(struct stage *s, int64_t time_us, int64_t mm, struct verdict *out);

/* --- all of a gateway's --------------------------------------------------------------------------
 */

enum { DETECTORS = 16 };
enum detector_kind { DETECT_RAIN, DETECT_STAGE_LEVEL, DETECT_STAGE_RATE };
struct detector {
    enum detector_kind kind;
    const char *profile; /* a constant */
    uint32_t version;
    unsigned stream; /* index in the station */
    int64_t last_us;
    struct verdict verdict;
    union {
        struct rain *rain;
        struct stage *stage;
    } state;
};

struct detect {
    const struct station *station; /* borrowed */
    struct detector detector[DETECTORS];
    unsigned count;
    int64_t hold_us, now_us, under_since_us;
    Eocbus__V1__DetectionLevel level, said;
    int cause; /* detector that raised it, -1 = none */
    bool begun;
};

/* States live in `arena`. ST_INVALID: `err` is a sentence. */
MUST_CHECK enum status detect_read(struct detect *out, const struct station *station,
                                   const struct conf_list *lines, int64_t hold_us,
                                   struct arena *arena, char *err, size_t err_size);
void detect_reset(struct detect *d); /* as if nothing had been seen */
/* Samples with MISSING, BAD, OUT_OF_RANGE, CLOCK_SUSPECT or MAINTENANCE are not looked at. */
void detect_sample(struct detect *d, unsigned stream, const struct sample *s);
void detect_tick(struct detect *d, int64_t now_us); /* time passed without a sample */
/* The conclusion that was not said yet, in `arena`; NULL if there is none (or no room: *st). Call
 * detect_said when it is on its way. */
Eocbus__V1__SensorDetection *detect_conclusion(const struct detect *d, Eocbus__V1__Hazard hazard,
                                               struct arena *arena, enum status *st);
void detect_said(struct detect *d);

#endif
