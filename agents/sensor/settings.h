/* settings - what a gateway's file says, checked and made ready. */
#ifndef EOCBUS_SENSOR_SETTINGS_H
#define EOCBUS_SENSOR_SETTINGS_H

#include "agents/link/agent.h"
#include "agents/sensor/input/inputs.h"
#include "agents/sensor/quality/quality.h"
#include "agents/sensor/replay/replay.h"
#include "agents/sensor/report/say.h"
#include "agents/sensor/station/station.h"
#include "proto/base/program.h"

struct sensor_settings {
    struct agent_settings agent;
    char *place, *status, *clock, *hazard, *replay_speed, *siren;
    struct conf_list things, sensors, torrents, exposed, datastreams, detectors, quality, replays,
        siren_sounds, neighbours, quakes;
    unsigned batch_samples, batch_period_ms, backfill_after_ms, detect_hold_ms, status_period_ms;
    char *compact_command, *compact_key, *compact_level;
    unsigned compact_after_ms, compact_valid_ms, compact_timeout_ms;
    unsigned power_low_mv, signal_low_dbm, clock_off_ms;
    size_t disk_low;
    unsigned quality_ahead_ms, event_period_ms, event_before_ms, event_after_ms;
    unsigned replay_backlog, siren_timeout_ms;
    struct inputs_conf inputs;
};

extern const struct conf_row sensor_rows[];
extern const size_t sensor_row_count;

/* The settings as the rest of the program wants them. */
struct sensor {
    struct sensor_settings set;
    const struct program *program;
    struct arena *arena;   /* texts of the station */
    struct arena *message; /* the speaker's */
    struct station station;
    struct speaker speaker; /* put is not set */
    double replay_speed;    /* 0 = max */
    bool says_nothing;      /* set before sensor_begin: records may stand beside status = actual */
    int argc;
    char **argv; /* of the command; argv[0] is its name */
};

/* From s->set. ST_INVALID: `err` is a sentence. sensor_end frees what it made, also on failure. */
MUST_CHECK enum status sensor_begin(struct sensor *s, char *err, size_t err_size);
void sensor_end(struct sensor *s);
/* "max", "60x", "0.5"; false if it is none. 0 = max. */
bool speed_read(double *out, const char *text);

/* Version of the registry for a station with this hash: the one kept in `path`, or the next, which
 * is then kept there. Sets the speaker's. ST_IO: `err`. */
MUST_CHECK enum status sensor_registry_version(struct sensor *s, char *err, size_t err_size);

void sensor_replay_settings(const struct sensor *s, struct replay_settings *out);

int sensor_run(struct sensor *s);
int sensor_check(struct sensor *s); /* before sensor_begin */
int sensor_send(struct sensor *s);
int sensor_replay(struct sensor *s);
int sensor_evaluate(struct sensor *s);
int sensor_torrent(struct sensor *s);
int sensor_status(struct sensor *s);
int sensor_formats(struct sensor *s);
int sensor_compact_key(struct sensor *s);
int sensor_unknown(struct sensor *s);
void sensor_print_journal(const struct sensor *s); /* into status; nothing if there is none */
int sensor_profiles(struct sensor *s);

#endif
