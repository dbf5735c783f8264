/* daemon_parts - what daemon*.c share: one running gateway. */
#ifndef EOCBUS_SENSOR_DAEMON_PARTS_H
#define EOCBUS_SENSOR_DAEMON_PARTS_H

#include "agents/sensor/control.h"
#include "agents/sensor/input/inputs.h"
#include "agents/sensor/neighbours.h"
#include "agents/sensor/quality/outvote.h"
#include "agents/sensor/report/satellite.h"
#include "agents/sensor/report/supervise.h"
#include "agents/sensor/settings.h"
#include "agents/sensor/siren/clock.h"
#include "agents/sensor/siren/site.h"

struct daemon {
    struct sensor *s;
    struct loop *loop;
    struct agent *agent;
    struct quality quality;
    struct supervise supervise;
    struct satellite *satellite; /* NULL = there is none */
    unsigned troubles;           /* TROUBLE_ bits, as logged */
    bool is_timeless;            /* our clock is not believed, as logged */
    struct inputs *inputs;
    struct site *site;
    struct control *control;
    struct neighbours neighbours;
    struct clock_watch clock;
    bool measures; /* our clock is believed, as of asked_us */
    uint64_t asked_us;
    struct outvote outvote;
    struct replay *replay;
    struct loop_timer *replay_timer, *status_timer, *look_timer;
    struct loop_signal *signals[3];
    uint64_t began_us, status_us; /* the state was said last */
    uint64_t repeated;            /* of the replay, at the step before */
};

/* Hands for others; arg: the daemon. daemon_put makes room in a full outbox. */
enum status daemon_put(void *arg, Eocbus__V1__Envelope *m, struct refusal *why);
enum status daemon_commit(void *arg);
enum status daemon_once(void *arg, const char *key, uint64_t said);
bool daemon_is_linked(void *arg);

/* daemon_clock.c: whether we know what time it is, for orders; whether our devices are measured by
 * it; a sample judged; now, as the samples have it. */
bool daemon_knows_time(void *arg);
bool daemon_measures_time(void *arg);
void daemon_judge(void *arg, unsigned stream, struct sample *s, int64_t now_us);
int64_t daemon_sample_time_us(struct daemon *d);
void daemon_look_at_clock(struct daemon *d);

/* daemon_replay.c */
enum status daemon_start_replay(struct daemon *d, char *err, size_t err_size);
void daemon_on_replay(void *arg);

/* daemon_state.c: timers, and what is said of ourselves. */
void daemon_on_status(void *arg);
void daemon_on_look(void *arg);
enum status daemon_say_registry_once(struct daemon *d, char *err, size_t err_size);

/* daemon_orders.c: the siren, orders, the satellite. */
enum status daemon_start_site(struct daemon *d, char *err, size_t err_size);
enum status daemon_start_control(struct daemon *d, char *err, size_t err_size);
enum status daemon_start_neighbours(struct daemon *d, char *err, size_t err_size);
enum status daemon_start_satellite(struct daemon *d, char *err, size_t err_size);
bool daemon_on_concluded(void *arg, const Eocbus__V1__Envelope *m, uint8_t message_id[16]);
void daemon_on_looked(void *arg, const struct detect *detect);

#endif
