/* folder - files that a logger's software puts into a folder, each in the words of its device. A
 * file is read when it has not changed for two seconds, by its name, oldest name first; names that
 * begin with a dot or end in .tmp or .part are nobody's business yet. It is moved to done/ beside
 * it when all of it is on disk with us, and not before; after a kill it is gone on with where the
 * journal says. */
#ifndef EOCBUS_SENSOR_FOLDER_H
#define EOCBUS_SENSOR_FOLDER_H

#include "agents/sensor/input/feed.h"
#include "proto/base/loop.h"

struct folder;

/* line: "PATH DEVICE". period_ms: between looks. ST_INVALID, ST_IO: `err`. */
MUST_CHECK enum status folder_create(struct folder **out, struct loop *loop, struct feed *feed,
                                     const struct devices *devices, const char *line,
                                     unsigned period_ms, char *err, size_t err_size);
void folder_destroy(struct folder *f);

#endif
