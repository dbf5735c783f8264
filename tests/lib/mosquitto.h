/* mosquitto - the broker of devices, the real one, on a port of 127.0.0.1 that stays its own, with
 * its sessions on disk; and a device that publishes to it. */
#ifndef EOCBUS_TESTS_LIB_MOSQUITTO_H
#define EOCBUS_TESTS_LIB_MOSQUITTO_H

#include <stdbool.h>
#include <stddef.h>

struct mosquitto_server;

/* more: further lines of its settings ("" = anybody may come in, without TLS). Waits until it
 * answers. */
struct mosquitto_server *mosquitto_server_start(const char *more);
void mosquitto_server_kill(struct mosquitto_server *s); /* -9 */
void mosquitto_server_restart(struct mosquitto_server *s);
void mosquitto_server_stop(struct mosquitto_server *s); /* ends it and forgets its files */
unsigned mosquitto_server_port(const struct mosquitto_server *s);
const char *mosquitto_server_dir(const struct mosquitto_server *s);

struct device_client;
struct device_client *device_client_create(unsigned port);
void device_client_destroy(struct device_client *d);
/* True when the broker has it (QoS 1, 2) or it was written (QoS 0); false: no connection; it dials
 * again with the next one. */
bool device_client_publish(struct device_client *d, const char *topic, const char *text,
                           unsigned qos);

#endif
