/* detect - what a gateway concludes from its samples. Pure: time comes with the samples, so that a
 * replay concludes the same every time.
 *
 *   samples -> detectors (profiles.h; one file each) -> fusion: one level -> a SensorDetection
 *
 * The rule of fusion; "over" is over the detector's own line:
 *
 *   rain over, however far, however many gauges           WATCH, never more
 *   soil near its line                                    WATCH
 *   soil and an hour's rain over their lines              WARNING, never more
 *   one flow sensor: level, rise, vibration, infrasound   WARNING
 *   a wire cut, unless in MAINTENANCE                     ALARM
 *   rise, vibration or infrasound over, and another       ALARM
 *   principle that warns within confirm_s (60 s), or
 *   the WARNING of another principle that still holds
 *   a gauge upstream silent while a neighbour warns       one level more; ALARM only where a flow
 *                                                         sensor of this gateway warned
 *   everything under its line for hold_s (30 min)         CLEAR
 *
 * Two detectors of one principle do not confirm each other, nor do two of different torrents.
 * During an earthquake (detect_veto, or the profile quake.outside) vibration does not count; wires,
 * stage, rain and infrasound do. A level rises at once and never falls but to CLEAR: surges come
 * several in a row, and long alarms were what worked (Graf, Badoux, McArdell 2009). A detector
 * whose channels are silent for as long as hold_s (three steps, if that is longer) has lapsed: what
 * it saw last counts no more, so that a gauge that was washed away does not hold a level for ever.
 *
 * Settings, one line a detector; `eocbus-sensor profiles` lists them all with their numbers:
 *
 *   detector = PROFILE VERSION DATASTREAM... [NAME=NUMBER]...
 *   detector = fusion VERSION [NAME=NUMBER]...
 *
 * VERSION numbers the profile's numbers and travels with every conclusion. */
#ifndef EOCBUS_SENSOR_DETECT_H
#define EOCBUS_SENSOR_DETECT_H

#include "agents/sensor/detect/detector.h"
#include "agents/sensor/station/station.h"
#include "proto/wire/observations.h"

enum { DETECTORS = 16, DETECT_VETOES = 8 };
enum { CAUSE_HOLD = -1, CAUSE_HAND = -2 }; /* of CLEAR: under all lines, or by a person */

struct detect {
    const struct station *station; /* borrowed */
    struct detector detector[DETECTORS];
    unsigned count;
    struct detector fusion; /* has numbers, looks at nothing */
    int64_t now_us, under_since_us;
    Eocbus__V1__DetectionLevel level, said;
    Eocbus__V1__DetectionLevel base; /* what the level would be if no gauge were silent */
    int cause;                       /* detector that raised it, or one of CAUSE_ */
    struct {
        int64_t from_us, until_us;
    } veto[DETECT_VETOES]; /* a ring */
    unsigned veto_next;
    Eocbus__V1__DetectionLevel neighbour;
    int64_t neighbour_until_us;
    bool begun, maintenance;
};

/* --- settings --------------------------------------------------------------------------------- */

/* States live in `arena`. ST_INVALID: `err` is a sentence. */
MUST_CHECK enum status detect_read(struct detect *out, const struct station *station,
                                   const struct conf_list *lines, int64_t hold_us,
                                   struct arena *arena, char *err, size_t err_size);
void detect_reset(struct detect *d); /* as if nothing had been seen */

/* The numbers of detector i (i = count: of fusion) as a message in `arena`, so that a gateway tells
 * them and an operator edits them: profile, profile_version and parameters are set, the rest is the
 * sender's. The profile is named PROFILE@DATASTREAM where several detectors have it. ST_NOTFOUND:
 * there is no detector i. ST_NOMEM. */
MUST_CHECK enum status detect_parameters(const struct detect *d, unsigned i, struct arena *arena,
                                         Eocbus__V1__SensorConfiguration **out);
/* Replaces all numbers of one detector, or none. The profile is PROFILE, if one detector has it, or
 * PROFILE@DATASTREAM with its first datastream. The version has to be higher, every parameter given
 * once, in its unit and range. What the detector has seen so far stays. Who may say so, and when it
 * takes effect, the caller decides. ST_INVALID: `err` is a sentence. */
MUST_CHECK enum status detect_configure(struct detect *d, const Eocbus__V1__SensorConfiguration *c,
                                        char *err, size_t err_size);

/* --- what happens ----------------------------------------------------------------------------- */

/* Samples with MISSING, BAD, OUT_OF_RANGE, CLOCK_SUSPECT or MAINTENANCE are not looked at; spikes
 * and suspects are: the front of a mudflow looks like one. A sample that is no newer than the
 * newest of its channel is not looked at either. */
void detect_sample(struct detect *d, unsigned stream, const struct sample *s);
/* Time passed without a sample, by the gateway's own clock. An hour or more before the newest
 * sample, that clock was set back: detectors begin anew, the level stays. */
void detect_tick(struct detect *d, int64_t now_us);
/* People work at the channel: wires raise nothing, and what is concluded is marked. */
void detect_maintenance(struct detect *d, bool on);
/* An earthquake, told by others: vibration of that time does not count, seen before or later. */
void detect_veto(struct detect *d, int64_t from_us, int64_t until_us);
/* A gateway beside this one is at this level until then. */
void detect_neighbour(struct detect *d, Eocbus__V1__DetectionLevel level, int64_t until_us);
/* After a restart: a level that was said holds until its time is over, also if nothing seen since
 * would have raised it. */
void detect_resume(struct detect *d, Eocbus__V1__DetectionLevel said);
/* A person ends the level. What is over its line now speaks again after it was under it. */
void detect_clear(struct detect *d);

/* --- what is concluded ------------------------------------------------------------------------ */

/* What detector i sees now, for plots; NULL: there is none. Borrowed until the next sample. */
const struct verdict *detect_verdict(const struct detect *d, unsigned i);
/* The conclusion that was not said yet, in `arena`; NULL if there is none (or no room: *st). Call
 * detect_said when it is on its way. */
Eocbus__V1__SensorDetection *detect_conclusion(const struct detect *d, Eocbus__V1__Hazard hazard,
                                               struct arena *arena, enum status *st);
void detect_said(struct detect *d);

/* When the flow itself was seen last by a detector that warns of it and counts: level, rise,
 * vibration, infrasound, a wire. INT64_MIN: nobody sees it. */
int64_t detect_flow_us(const struct detect *d);

/* True where the verdict of this detector counts at the moment: over, not muted, not lapsed, and
 * not vetoed. */
bool detect_counts(const struct detect *d, const struct detector *one);

#endif
