/* udp - datagrams of devices, each one message in the words of its device. Nobody is answered:
 * whoever needs to know that a reading arrived uses TCP or MQTT. */
#ifndef EOCBUS_SENSOR_UDP_H
#define EOCBUS_SENSOR_UDP_H

#include "agents/sensor/input/feed.h"
#include "agents/sensor/input/sources.h"
#include "proto/base/loop.h"

struct udp;

/* line: "ADDRESS:PORT DEVICE...", as in "0.0.0.0:5521 radar". from: who may speak, borrowed for its
 * life; NULL = everybody. ST_INVALID, ST_IO: `err`. */
MUST_CHECK enum status udp_create(struct udp **out, struct loop *loop, struct feed *feed,
                                  struct sources *from, const struct devices *devices,
                                  const char *line, char *err, size_t err_size);
void udp_destroy(struct udp *u);
unsigned udp_port(const struct udp *u);

#endif
