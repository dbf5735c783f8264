/* inputs - everything a running gateway takes samples in by, on the loop: the journal, the intake,
 * and the doors that the settings open. What came in during a turn of the loop is committed once,
 * before the loop waits again. */
#ifndef EOCBUS_SENSOR_INPUTS_H
#define EOCBUS_SENSOR_INPUTS_H

#include "agents/sensor/input/intake.h"
#include "proto/base/conf.h"
#include "proto/base/loop.h"

struct inputs;

struct inputs_conf { /* the settings of all doors; CONF rows in settings.c */
    char *listen, *journal_path;
    unsigned listen_connections, journal_keep_days;
    size_t journal_budget;
    struct conf_list devices, udp, serial, folders, mqtt_topics, listen_from, udp_from;
    char *mqtt_broker, *mqtt_protocol, *mqtt_client, *mqtt_ca, *mqtt_cert, *mqtt_key;
    char *mqtt_password;
    unsigned mqtt_retry_ms, folder_period_ms;
};

struct inputs_settings { /* borrowed for its life */
    struct loop *loop;
    const struct inputs_conf *conf;
    const char *outbox_path;       /* the journal stands beside it */
    const char *name;              /* of the gateway: its session with the broker of the devices */
    bool publishes;                /* inputs_publish will be called */
    struct intake_settings intake; /* without journal and now_us */
};

/* ST_INVALID, ST_IO: `err` is a sentence. */
MUST_CHECK enum status inputs_create(struct inputs **out, const struct inputs_settings *set,
                                     char *err, size_t err_size);
/* What was taken goes into the outbox first. */
void inputs_destroy(struct inputs *in);
struct intake *inputs_intake(struct inputs *in);
/* Where the journal stands: the setting, or beside the outbox (then in `out`). */
const char *inputs_journal_path(const struct inputs_conf *conf, const char *outbox_path, char *out,
                                size_t size);
/* Whether the settings of all doors are sound; ST_INVALID, ST_IO (a file): `err`. */
MUST_CHECK enum status inputs_check(const struct inputs_conf *conf, const struct station *station,
                                    const char *name, char *err, size_t err_size);
/* A door that believes whoever reaches it, from other machines too; NULL: there is none. */
const char *inputs_open_door(const struct inputs_conf *conf);
/* To the broker of the devices, on a connection of its own: what waits for our disk does not hold
 * it up. As mqtt_publish. arg: the inputs. */
MUST_CHECK enum status inputs_publish(void *arg, const char *topic, const void *bytes, size_t len);

struct inputs_counts {
    uint64_t unknown; /* messages that could not be read, or only in part */
    uint64_t mqtt;    /* messages over MQTT */
    bool mqtt_linked;
    struct intake_counts intake;
    struct journal_counts journal;
};
void inputs_counts(const struct inputs *in, struct inputs_counts *out);

#endif
