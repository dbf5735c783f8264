/* address - "127.0.0.1:5520" and "[::1]:5520": a socket bound there. */
#ifndef EOCBUS_SENSOR_ADDRESS_H
#define EOCBUS_SENSOR_ADDRESS_H

#include <stddef.h>

#include "proto/base/status.h"

/* type: SOCK_STREAM (which listens) or SOCK_DGRAM; row: the setting it stands in. *port: the one it
 * got. ST_INVALID, ST_IO: `err` is a sentence. */
MUST_CHECK enum status address_bind(int *fd, unsigned *port, int type, const char *row,
                                    const char *address, char *err, size_t err_size);

#endif
