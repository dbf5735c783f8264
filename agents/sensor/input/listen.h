/* listen - the line protocol of sample_line.h on TCP: answers "ok LINE" when line number LINE is
 * durable, and "error LINE: what would be legal" at once. Bounded: so many connections, 256 bytes a
 * line, 256 lines without an answer, 16 KiB of answers that the other side did not read. */
#ifndef EOCBUS_SENSOR_LISTEN_H
#define EOCBUS_SENSOR_LISTEN_H

#include "agents/sensor/input/intake.h"
#include "agents/sensor/input/sample_line.h"
#include "agents/sensor/input/sources.h"
#include "proto/base/loop.h"

struct listener;

struct listener_settings { /* borrowed for the call, what it points to for the listener's life */
    struct loop *loop;
    struct intake *intake;
    const char *address; /* "127.0.0.1:5520", "[::1]:5520"; port 0 = any */
    unsigned connections, period_ms;
    struct sources *from; /* who may speak; NULL = everybody */
};

/* ST_INVALID, ST_IO: `err` is a sentence. */
MUST_CHECK enum status listener_create(struct listener **out, const struct listener_settings *set,
                                       char *err, size_t err_size);
/* What was taken is committed and answered first. */
void listener_destroy(struct listener *l);
unsigned listener_port(const struct listener *l);

#endif
