/* serial - devices on a line that speak by themselves: each line of text one message in the words
 * of its device. Who is unplugged is looked for again every five seconds. */
#ifndef EOCBUS_SENSOR_SERIAL_H
#define EOCBUS_SENSOR_SERIAL_H

#include "agents/sensor/input/feed.h"
#include "proto/base/loop.h"

struct serial;

/* line: "PATH SPEED DEVICE", as in "/dev/ttyUSB0 9600 logger"; eight bits, no parity, one stop bit.
 * ST_INVALID: `err`. A device that is not there yet is no error. */
MUST_CHECK enum status serial_create(struct serial **out, struct loop *loop, struct feed *feed,
                                     const struct devices *devices, const char *line, char *err,
                                     size_t err_size);
void serial_destroy(struct serial *s);

#endif
