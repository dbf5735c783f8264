/* intake_parts - what intake*.c share. */
#ifndef EOCBUS_SENSOR_INTAKE_PARTS_H
#define EOCBUS_SENSOR_INTAKE_PARTS_H

#include "agents/sensor/input/intake.h"
#include "agents/sensor/input/letters.h"
#include "agents/sensor/input/moment.h"
#include "agents/sensor/input/recent.h"
#include "agents/sensor/input/tally.h"

struct intake {
    struct intake_settings set;
    struct speaker speaker;
    struct arena *arena, *letter; /* states of detectors; one message */
    struct reporter *reporter;
    struct detect detect;
    struct moment moment;
    struct list waiters;
    Eocbus__V1__DetectionLevel durable_level; /* said and on disk */
    Eocbus__V1__DetectionLevel told_level;    /* `concluded` knows of it */
    uint8_t told_id[16];
    bool told_sounds;
    size_t pending;
    bool due;
    enum status failed; /* a put that failed; what was taken is lost at the next commit */

    /* With a journal: */
    struct letters letters;
    struct recent recent;
    uint64_t seen[INTAKE_SEEN]; /* a ring */
    unsigned seen_count;
    struct tally tally[STATION_STREAMS];
    char key[32];         /* once-key of its letters */
    uint64_t done;        /* letters up to it are in the outbox, and the journal does not know */
    bool letters_wait;    /* was logged */
    uint64_t forgotten;   /* counts up to it are no longer in the outbox */
    bool moved;           /* samples went into messages since the last sync */
    bool rebuilds;        /* what comes now came before */
    int64_t held_from_us; /* when the first sample came that is in no message; 0 = none */
    struct intake_counts counts;
};

/* What the journal still has to be put or gathered, at the start or after a sync that failed:
 * into an empty batch, and, with `all`, also letters, levels and what is recent. */
MUST_CHECK enum status intake_restore(struct intake *i, bool all);
uint64_t intake_hash(uint32_t datastream, int exponent, const struct sample *s);
bool intake_knows_time(const struct intake *i);
void intake_gather(struct intake *i, unsigned stream, const struct sample *s);

#endif
