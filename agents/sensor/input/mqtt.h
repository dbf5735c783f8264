/* mqtt - a session with the broker of the devices: MQTT 3.1.1 or 5, with TLS if its address begins
 * with mqtts. The only file that knows libmosquitto.
 *
 * An acknowledgement leaves this machine only after whoever got the message said that it is safe:
 * what one read brought is handed over (`message`), and nothing is written until mqtt_release. If
 * it was not kept, the session ends without a word, so that the broker sends it again.
 *
 * Topics are asked for with QoS 1 at most: what a device published with QoS 2 the broker has once
 * and gives us until we acknowledged it. The library keeps what it got with QoS 2 in memory only,
 * so that a kill in between would lose it. The session outlives the connection.
 *
 * Connecting blocks (names, TCP, TLS) and is done on a thread beside the loop. */
#ifndef EOCBUS_SENSOR_MQTT_H
#define EOCBUS_SENSOR_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/conf.h"
#include "proto/base/loop.h"

struct mqtt;

struct mqtt_message { /* borrowed for the call */
    const char *topic;
    const void *payload;
    size_t len;
    unsigned subscription; /* index of the topic it came by */
    unsigned id;           /* packet identifier; 0 with QoS 0 */
    bool retained;         /* the last one of its topic, from before we asked */
    /* Among the first of a session that went on: the library does not tell the flag DUP, and only
     * there a broker sets it. */
    bool maybe_again;
};

struct mqtt_settings {           /* borrowed for its life */
    struct loop *loop;           /* outlives it */
    const char *broker;          /* "mqtt://127.0.0.1:1883", "mqtts://broker.hydromet.tj:8883" */
    const char *protocol;        /* "3.1.1", "5" */
    const char *client;          /* identifier of the session; nobody else has it */
    const char *ca, *cert, *key; /* files; "" = the system's authorities, no certificate of ours */
    const char *password_file;   /* two lines: user, password; "" = none */
    const struct conf_list *topics;
    unsigned retry_ms; /* first wait before trying again; doubles up to thirty times */
    void (*message)(void *arg, const struct mqtt_message *m);
    void (*linked)(void *arg, bool up, const char *why); /* why: a sentence; may be NULL */
    void *arg;
};

/* Begins to connect. ST_INVALID, ST_IO (a file): `err` is a sentence. */
MUST_CHECK enum status mqtt_create(struct mqtt **out, const struct mqtt_settings *set, char *err,
                                   size_t err_size);
void mqtt_destroy(struct mqtt *m); /* NULL is allowed */
/* What came in so far is safe, or (false) has to be sent again. */
void mqtt_release(struct mqtt *m, bool is_safe);
bool mqtt_is_linked(const struct mqtt *m);
/* With QoS 1. ST_OK: on its way to a broker that was there a moment ago. ST_AGAIN: there is none.
 */
MUST_CHECK enum status mqtt_publish(struct mqtt *m, const char *topic, const void *bytes,
                                    size_t len);
/* Two lines: user and password, in a file that only its owner can read. ST_INVALID, ST_IO: `err`.
 */
MUST_CHECK enum status mqtt_check(const struct mqtt_settings *set, char *err, size_t err_size);

#endif
