/* detector - one profile at work on one or several channels of a station.
 *
 * A profile (profiles.c) names its inputs and its numbers and points at the functions of a file
 * beside this one; a detector has the numbers in force, the memory of that file, and the verdict.
 */
#ifndef EOCBUS_SENSOR_DETECT_DETECTOR_H
#define EOCBUS_SENSOR_DETECT_DETECTOR_H

#include "agents/sensor/detect/verdict.h"
#include "agents/sensor/station/station.h"

/* Kinds of evidence. Two of one kind are one: an earthquake shakes every geophone. */
enum principle {
    PRINCIPLE_RAIN,
    PRINCIPLE_SOIL,
    PRINCIPLE_LEVEL, /* how high the flow stands */
    PRINCIPLE_RISE,  /* how fast it rises */
    PRINCIPLE_VIBRATION,
    PRINCIPLE_INFRASOUND,
    PRINCIPLE_WIRE,
    PRINCIPLE_SILENCE, /* a gauge that stopped answering: raises what others found */
    PRINCIPLE_QUAKE,   /* ground moves outside the torrent too: stops vibration */
    PRINCIPLE_NONE,    /* fusion itself */
};

enum { DETECTOR_STREAMS = 8, DETECTOR_NUMBERS = 20 };

struct detector;

/* A channel that a profile takes; values come in whole 10^scale of the unit. */
struct detector_input {
    Eocbus__V1__ObservationType type;
    Eocbus__V1__Unit unit;
    int scale;
};

/* One number of a profile. Names end in their unit where Unit has none (hold_s, gap1_warm_h); a
 * settings line may say NAME=NUMBER, or NAME without _s = a span of time, as in hold=30m. */
struct parameter {
    const char *name;
    const char
        *deflt; /* NULL: nobody published it so that it could be checked, it has to be given */
    double least, most;
    Eocbus__V1__Unit unit;
    bool whole;
    const char *about;
};

struct profile {
    const char *name;
    enum principle principle;
    struct detector_input inputs[5]; /* that may stand at any place; or by place, if `placed` */
    bool placed;
    unsigned least_streams, most_streams;
    struct parameter parameters[DETECTOR_NUMBERS]; /* up to the first without a name */
    size_t state_bytes;
    /* What follows from the numbers. The memory is zeroed before the first time; later the numbers
     * changed and the memory stays. */
    void (*ready)(struct detector *d);
    /* One sample of the stream with this place in the line; times rise within a stream. */
    void (*look)(struct detector *d, unsigned place, const struct datastream *from, int64_t time_us,
                 int64_t value);
    void (*pass)(struct detector *d, int64_t now_us); /* time passed; NULL: means nothing to it */
    const char *(*check)(const double *number);       /* a sentence when numbers do not fit */
    const char *about, *source, *evidence;
    const char *example; /* behind "detector = " */
};

struct detector {
    const struct profile *profile;
    uint32_t version;
    unsigned stream[DETECTOR_STREAMS], stream_count; /* indices in the station */
    const struct detector_input *input[DETECTOR_STREAMS];
    int64_t last_us[DETECTOR_STREAMS]; /* newest sample of each; INT64_MIN: none */
    int64_t step_us;                   /* longest of its streams */
    struct decimal exact[DETECTOR_NUMBERS];
    double number[DETECTOR_NUMBERS]; /* the same */
    struct verdict verdict;
    int64_t warned_us;   /* when it last counted and asked for WARNING or more */
    uint32_t torrent_id; /* of its first stream; 0 = none */
    bool is_ground;      /* warned since the last CLEAR */
    bool muted;          /* cleared by hand: says nothing until it was under its line */
    void *state;
};

unsigned profile_parameters(const struct profile *p); /* how many */
/* As if nothing had been seen, with the numbers in force. */
void detector_reset(struct detector *d);
/* A number in whole 10^exponent. */
int64_t detector_scaled(const struct detector *d, unsigned i, int exponent);
int64_t detector_span_us(const struct detector *d, unsigned i); /* a number that is seconds */
/* Newest sample of any of its streams; INT64_MIN: none. */
int64_t detector_heard_us(const struct detector *d);
/* True when its streams have been quiet for so long that time passes without them: two steps, and
 * at once where the step is not known (a bucket that tips tells nothing while it is dry). */
bool detector_is_late(const struct detector *d, int64_t now_us);

#endif
