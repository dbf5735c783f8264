/* modem - a program that carries a few bytes: PROGRAM [ARG...] HEX, started without a shell. Exit
 * code 0 says that they are on their way. It has its time to end; then it and what it started are
 * killed, which is a failure like any other exit code. */
#ifndef EOCBUS_SENSOR_MODEM_H
#define EOCBUS_SENSOR_MODEM_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/loop.h"
#include "proto/base/status.h"

struct modem;

struct modem_settings {
    struct loop *loop;   /* borrowed */
    const char *command; /* for the call */
    unsigned timeout_ms;
    void (*answered)(void *arg, bool ok); /* once for each modem_send, never from inside it */
    void *arg;
};

/* ST_INVALID: `err` is a sentence. */
MUST_CHECK enum status modem_create(struct modem **out, const struct modem_settings *set, char *err,
                                    size_t err_size);
void modem_destroy(struct modem *m); /* kills what runs; NULL is allowed */
/* One at a time. */
void modem_send(struct modem *m, const void *bytes, size_t len);

#endif
