/* control - what a gateway is told to do over the bus, and its answers.
 *
 *   siren_command         -> the site (siren/site.h), and a SirenReport for each
 *   sensor_control        -> mode, level, restart; a Receipt, ACCEPTED or REJECTED, for each
 *   sensor_configuration  -> new numbers for a detector; likewise
 *
 * Nothing is done that agent_take_order did not let through: signed, approved by as many as the
 * rules say, ACTUAL, in time, meant for us, and not done before. A siren whose clock is unknown
 * obeys nobody. In an exercise a siren is tested and no more, and what an exercise told a gateway
 * (mode, numbers) ends when it starts with another status. What is meant for another machine is
 * passed over, unless it was sent to us by name. Orders that come while there is no link are heard
 * when it is back, and answered EXPIRED. */
#ifndef EOCBUS_SENSOR_CONTROL_H
#define EOCBUS_SENSOR_CONTROL_H

#include "agents/link/agent.h"
#include "agents/sensor/numbers.h"
#include "agents/sensor/report/say.h"
#include "agents/sensor/siren/site.h"

struct control;

struct control_settings { /* borrowed for its life, the texts for the call */
    struct loop *loop;
    struct agent *agent;
    struct site *site;
    const struct speaker *speaker; /* copied; with put */
    const char *path;              /* of the outbox: what is kept stands beside it */
    struct detect *detect;
    enum status (*once)(void *arg, const char *key, uint64_t said); /* outbox_once_from */
    /* Any may be NULL: then the order is rejected as not supported. */
    /* Also from inside control_create, if it was told before. duration_s 0 = until the next. */
    void (*mode)(void *arg, Eocbus__V1__SensorMode mode, uint32_t duration_s);
    void (*clear)(void *arg); /* a level, by hand */
    void (*restart)(void *arg);
    /* As intake_history. */
    enum status (*history)(void *arg, int64_t from_us, int64_t to_us, size_t *count);
    void *arg;
};

MUST_CHECK enum status control_create(struct control **out, const struct control_settings *set,
                                      char *err, size_t err_size);
void control_destroy(struct control *c); /* NULL is allowed */

#endif
