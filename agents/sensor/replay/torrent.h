/* torrent - an event that never was, for training and for tests: what every channel of a station
 * would have measured. Pure: the same seed, station and settings give the same samples.
 *
 *   MUDFLOW  rain, then one to four surges that run down the torrent: each station shakes as a
 *            front comes near, its stage jumps, wires are cut
 *   FLOOD    rain, then stage that rises for half an hour and more; hardly any shaking
 *   RAIN     the same rain, and nothing comes of it
 *   QUAKE    everything shakes at once, and nothing flows
 *
 * Where the stations stand says when a front reaches them: down from the highest thing, along the
 * straight lines between them and a fifth more. Plausible shapes and sizes, not a flow model: good
 * for people and programs to train on, no ground for choosing a threshold. */
#ifndef EOCBUS_SENSOR_TORRENT_H
#define EOCBUS_SENSOR_TORRENT_H

#include <stdio.h>

#include "agents/sensor/replay/labels.h"
#include "agents/sensor/station/station.h"
#include "proto/wire/observations.h"

enum torrent_story { TORRENT_MUDFLOW, TORRENT_FLOOD, TORRENT_RAIN, TORRENT_QUAKE };
enum { TORRENT_SURGES = 4, TORRENT_FAILURES = 8 };

enum torrent_failure {
    FAILS_SILENT, /* washed away or out of power: nothing any more */
    FAILS_GAPS,   /* one sample in three arrives */
    FAILS_STUCK,  /* says the same for ever */
    FAILS_SPIKES, /* nonsense now and then */
    FAILURE_KINDS
};

struct torrent_settings {
    const struct station *station; /* borrowed */
    uint64_t seed;
    enum torrent_story story;
    int64_t begin_us, span_us; /* at least 30 minutes */
    unsigned failures;         /* channels that fail, at most TORRENT_FAILURES */
};

struct torrent_surge {
    int64_t top_us; /* when its front passes the highest station */
    double height_m, rise_s, fall_s;
};

struct torrent {
    struct torrent_settings set;
    double along_m[STATION_STREAMS]; /* way down from the highest station */
    /* rain */
    int64_t rain_us;
    double peak_mm_h, rain_rise_s, rain_fall_s;
    /* flow */
    struct torrent_surge surge[TORRENT_SURGES];
    unsigned surges;
    double speed_m_s;
    int64_t quake_us;
    struct {
        unsigned stream;
        enum torrent_failure kind;
        int64_t from_us;
    } failure[TORRENT_FAILURES];
    unsigned failures;
};

/* ST_INVALID: the span is too short. */
MUST_CHECK enum status torrent_begin(struct torrent *out, const struct torrent_settings *set);
/* All samples in order of time. `sample` may stop it by answering false. */
void torrent_run(const struct torrent *t,
                 bool (*sample)(void *arg, unsigned stream, const struct sample *s), void *arg);
/* Front at the lowest station until the flow is over; false if nothing flows. */
bool torrent_event(const struct torrent *t, struct label *out);
/* When a front passes the place of this channel. */
int64_t torrent_front_us(const struct torrent *t, const struct torrent_surge *s, unsigned stream);
bool torrent_story_read(enum torrent_story *out, const char *word);
/* What was made up, as lines that begin with #, for whoever leads the exercise. */
void torrent_tell(const struct torrent *t, FILE *out);

#endif
