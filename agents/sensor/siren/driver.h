/* driver - what makes the noise. One setting, its first word says which:
 *
 *   siren = command PROGRAM [ARG...]       run with further arguments: on PATTERN SECONDS
 *                                          [RECORDING], off, or test
 *   siren = gpio CHIP LINE [low] [ON/OFF]  a relay: /dev/gpiochip0 17; low = active low; ON/OFF of
 *                                          its wailing, 4s/2s if nothing is said
 *   siren = mqtt TOPIC                     one JSON object for each wish, to the broker of the
 * devices:
 *                                          {"action":"on","pattern":"evacuate","seconds":180,
 *                                          "recording":0}, {"action":"off"}, {"action":"test"}
 *
 * PROGRAM is started without a shell and has siren.timeout to end; then it and what it started are
 * killed, which is a failure like any exit code but 0. "on" answers when it sounds, and the sound
 * goes on without it. It may say what it measured, a line each: "mic 104.5" in dB(A), "battery
 * 12.4" in V. */
#ifndef EOCBUS_SENSOR_SIREN_DRIVER_H
#define EOCBUS_SENSOR_SIREN_DRIVER_H

#include <stddef.h>

#include "agents/sensor/siren/siren.h"
#include "proto/base/loop.h"
#include "proto/base/status.h"

struct siren_driver { /* the head of each driver's own */
    void (*drive)(struct siren_driver *d, const struct siren_wish *w);
    void (*destroy)(struct siren_driver *d);
};

struct siren_driver_settings {
    struct loop *loop; /* borrowed */
    const char *line;  /* the setting; for the call */
    unsigned timeout_ms;
    /* For mqtt; NULL = there is none. ST_OK: it is on its way. */
    enum status (*publish)(void *publish_arg, const char *topic, const void *bytes, size_t len);
    void *publish_arg;
    void *arg;
    /* Once for each wish that was not given up for the next; may come from inside `drive`. */
    void (*answered)(void *arg, const struct siren_answer *a);
};

/* ST_INVALID, ST_IO: `err` is a sentence. */
MUST_CHECK enum status siren_driver_create(struct siren_driver **out,
                                           const struct siren_driver_settings *set, char *err,
                                           size_t err_size);
/* Whether the setting is legal and its program or chip is there; asks for nothing. ST_INVALID,
 * ST_IO: `err`. */
MUST_CHECK enum status siren_driver_check(const char *line, char *err, size_t err_size);
void siren_driver_destroy(struct siren_driver *d); /* NULL is allowed */

/* The wish in words: "on", "evacuate". */
const char *siren_verb_word(enum siren_verb v);
/* "evacuate", "attention" ...; a constant. */
const char *siren_pattern_word(Eocbus__V1__SirenPattern p);

/* One of each, for siren_driver_create alone: words are those behind the first. */
struct slice;
MUST_CHECK enum status siren_command_create(struct siren_driver **out,
                                            const struct siren_driver_settings *set,
                                            const struct slice *words, int count, char *err,
                                            size_t err_size);
MUST_CHECK enum status siren_mqtt_create(struct siren_driver **out,
                                         const struct siren_driver_settings *set,
                                         const struct slice *words, int count, char *err,
                                         size_t err_size);
/* Another program may hold the line: only whether it is legal, and the chip there. */
MUST_CHECK enum status siren_gpio_check(const char *line, const struct slice *words, int count,
                                        char *err, size_t err_size);
MUST_CHECK enum status siren_gpio_create(struct siren_driver **out,
                                         const struct siren_driver_settings *set,
                                         const struct slice *words, int count, char *err,
                                         size_t err_size);

#endif
