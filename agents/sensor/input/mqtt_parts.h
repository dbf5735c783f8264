/* mqtt_parts - what mqtt*.c share. */
#ifndef EOCBUS_SENSOR_MQTT_PARTS_H
#define EOCBUS_SENSOR_MQTT_PARTS_H

#include <mosquitto.h>
#include <mqtt_protocol.h>

#include "agents/sensor/input/mqtt.h"

enum { MQTT_SENTENCE = 1500 }; /* with names of files and hosts */

enum mqtt_state { MQTT_WAITING, MQTT_DIALLING, MQTT_UP };

struct mqtt {
    struct mqtt_settings set;
    enum mqtt_state state;
    char host[256], port[8];
    bool tls, five;
    char user[128], password[256];
    struct mosquitto *session;
    struct loop_poll *poll;
    struct loop_timer *timer, *misc;
    struct loop_work *work;
    int dialled;          /* answer of the thread */
    unsigned tries, held; /* messages handed over and not released */
    unsigned received;    /* of this connection */
    bool goes_on;         /* the broker knew our session */
    bool accepted;
    bool in_library, ends;   /* calls from inside its callbacks must not free it */
    char why[MQTT_SENTENCE]; /* the library's last complaint */
};

/* mqtt_settings.c: from m->set. ST_INVALID, ST_IO: `err`. */
MUST_CHECK enum status mqtt_take_settings(struct mqtt *m, char *err, size_t err_size);
/* mqtt_dial.c: on a thread of its own; m->dialled is the answer. arg: the mqtt. */
void mqtt_dial(void *arg);

#endif
