/* check - --check-config: the lines of the settings as a run would read them, and whether what they
 * name is there: the key, the siren, the modem, the records. Opens no door and no outbox. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/sensor/report/satellite.h"
#include "agents/sensor/settings.h"
#include "agents/sensor/siren/decide.h"
#include "agents/sensor/siren/driver.h"
#include "proto/base/keys.h"

#include "proto/base/banned.h"

static enum status check_records(struct sensor *s, char *err, size_t err_size)
{
    struct replay_settings set;
    struct replay *r = NULL;
    enum status st;

    sensor_replay_settings(s, &set);
    st = replay_create(&r, &set, err, err_size); /* opens the files, plays nothing */
    replay_destroy(r);
    return st;
}

/* Root looks at the settings of the service's user, and the key is that one's. */
static bool is_of_another(const char *path)
{
    struct stat about;

    if (geteuid() != 0 || stat(path, &about) != 0 || !about.st_uid || (about.st_mode & 077))
        return false;
    fprintf(stderr,
            "eocbus-sensor: key.file = %s belongs to user id %ld: only that user can run this\n",
            path, (long)about.st_uid);
    return true;
}

static enum status check_key(const struct sensor *s, char *err, size_t err_size)
{
    const char *path = s->set.agent.key_file;
    struct keys keys;
    enum status st;

    if (!*path || is_of_another(path))
        return ST_OK;
    st = keys_load(&keys, path, err, err_size);
    keys_wipe(&keys);
    return st;
}

static enum status check_siren(const struct sensor *s, char *err, size_t err_size)
{
    struct siren_rules rules;
    enum status st = siren_rules_read(&rules, &s->set.siren_sounds, err, err_size);

    if (st != ST_OK || !*s->set.siren)
        return st;
    if (strncmp(s->set.siren, "mqtt ", 5) == 0 && !*s->set.inputs.mqtt_broker) {
        snprintf(err, err_size, "siren = %s: mqtt.broker is not set", s->set.siren);
        return ST_INVALID;
    }
    return siren_driver_check(s->set.siren, err, err_size);
}

static enum status check_satellite(const struct sensor *s, char *err, size_t err_size)
{
    struct satellite_settings set = {.command = s->set.compact_command,
                                     .key_file = s->set.compact_key,
                                     .level = s->set.compact_level,
                                     .after_ms = s->set.compact_after_ms,
                                     .valid_ms = s->set.compact_valid_ms,
                                     .timeout_ms = s->set.compact_timeout_ms};
    struct satellite *made = NULL;
    enum status st;

    if (!*set.command)
        return ST_OK;
    st = loop_create(&set.loop);
    if (st == ST_OK)
        st = satellite_create(&made, &set, err, err_size);
    satellite_destroy(made);
    loop_destroy(set.loop);
    return st;
}

static void warn_of_open_doors(const struct sensor *s)
{
    const char *door = inputs_open_door(&s->set.inputs);

    if (door)
        fprintf(stderr,
                "eocbus-sensor: warning: %s believes every machine that reaches it; name those "
                "that may: %s.from = ADDRESS or ADDRESS/BITS, one line each\n",
                door, door);
}

int sensor_check(struct sensor *s)
{
    char err[600];
    enum status st = sensor_begin(s, err, sizeof(err));

    if (st == ST_OK)
        st = check_records(s, err, sizeof(err));
    if (st == ST_OK)
        st = check_key(s, err, sizeof(err));
    if (st == ST_OK)
        st = check_siren(s, err, sizeof(err));
    if (st == ST_OK)
        st = check_satellite(s, err, sizeof(err));
    sensor_end(s);
    if (st != ST_OK)
        return program_fail(s->program, st == ST_INVALID ? EXIT_USAGE : EXIT_MACHINE, "%s", err);
    warn_of_open_doors(s);
    printf("eocbus-sensor: the settings are fine: %u datastreams, %zu detectors, %zu replays\n",
           s->station.stream_count, s->set.detectors.count, s->set.replays.count);
    return EXIT_DONE;
}
