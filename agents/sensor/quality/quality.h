/* quality - what a sample looks like beside its neighbours: flags, and nothing else. A value and
 * its time stay as they came. Pure; one state a datastream.
 *
 *   outside the range a reader believes          OUT_OF_RANGE
 *   the same time twice                          SUSPECT
 *   before a time that was seen already          BACKFILLED
 *   older than backfill when it came in          BACKFILLED
 *   ahead of our clock, or a month behind it     CLOCK_SUSPECT
 *   changed by more than rise in a second        SUSPECT
 *   alone away from the five before it           SPIKE and SUSPECT; the next one beside it is none
 *   the same value for stuck                     STUCK and SUSPECT
 *
 * The front of a mudflow is a jump, and its stones are spikes: SPIKE, SUSPECT and STUCK are for
 * people, a detector looks at such samples like at any other. Nothing here is ever BAD; that word
 * is the instrument's own. A gap is filled where messages are made (report/batch.h).
 *
 * What is looked at beside range and times depends on the type, and can be set:
 *
 *   quality = DATASTREAM [rise=NUMBER] [spike=NUMBER] [stuck=SPAN]
 *
 * rise in the datastream's unit a second, spike in its unit; 0 = not looked at. */
#ifndef EOCBUS_SENSOR_QUALITY_H
#define EOCBUS_SENSOR_QUALITY_H

#include "agents/sensor/station/station.h"
#include "proto/wire/observations.h"

enum { QUALITY_RECENT = 5 };

struct quality_stream {
    int64_t rise_milli; /* most believable change in 1,000 s, scaled; 0 = any */
    int64_t spike;      /* scaled; 0 = any */
    int64_t stuck_us;   /* 0 = for ever */

    bool begun;
    int64_t last_us;                   /* latest time believed */
    int64_t value, value_us, since_us; /* last good value, its time, unchanged since */
    int64_t recent[QUALITY_RECENT];    /* good values, the newest first */
    unsigned recent_count;
};

struct quality {
    const struct station *station; /* borrowed */
    struct quality_stream stream[STATION_STREAMS];
    int64_t ahead_us, backfill_us; /* 0 = not looked at */
};

/* lines may be NULL. ST_INVALID: `err` is a sentence. */
MUST_CHECK enum status quality_read(struct quality *out, const struct station *station,
                                    const struct conf_list *lines, int64_t ahead_us,
                                    int64_t backfill_us, char *err, size_t err_size);
void quality_reset(struct quality *q); /* as if nothing had been seen */
/* Adds flags to what came in at now_us (UTC; 0 = a record played again: no clock is asked). */
void quality_judge(struct quality *q, unsigned stream, struct sample *s, int64_t now_us);
/* Latest time seen of a datastream; INT64_MIN = none. */
int64_t quality_last_us(const struct quality *q, unsigned stream);

#endif
