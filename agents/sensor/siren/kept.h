/* kept - the sound that a power cut must not forget, as one line of a file. */
#ifndef EOCBUS_SENSOR_SIREN_KEPT_H
#define EOCBUS_SENSOR_SIREN_KEPT_H

#include "agents/sensor/siren/siren.h"
#include "proto/base/status.h"

/* NULL: nothing sounds. ST_IO: errno tells. */
MUST_CHECK enum status siren_kept_write(const char *path, const struct siren_sound *s);
/* ST_NOTFOUND: nothing sounded; ST_INVALID: it cannot be read; ST_IO. */
MUST_CHECK enum status siren_kept_read(const char *path, struct siren_sound *out);

#endif
