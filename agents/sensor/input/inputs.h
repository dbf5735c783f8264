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
};

struct inputs_settings { /* borrowed for its life */
    struct loop *loop;
    const struct inputs_conf *conf;
    const char *outbox_path;       /* the journal stands beside it */
    struct intake_settings intake; /* without journal and now_us */
};

/* ST_INVALID, ST_IO: `err` is a sentence. */
MUST_CHECK enum status inputs_create(struct inputs **out, const struct inputs_settings *set,
                                     char *err, size_t err_size);
/* What was taken goes into the outbox first. */
void inputs_destroy(struct inputs *in);
struct intake *inputs_intake(struct inputs *in);

#endif
