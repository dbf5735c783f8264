/* relay - a siren that one line switches on and off: its patterns are times of that line.
 *
 *   evacuate               on and off in turn: it wails
 *   attention, all_clear   on, without a break
 *   voice                  a relay cannot speak: a failure "no_voice"
 *
 * It ends by itself after the duration, whoever forgets to say off. A self-test looks whether the
 * line answers and moves nothing. */
#ifndef EOCBUS_SENSOR_SIREN_RELAY_H
#define EOCBUS_SENSOR_SIREN_RELAY_H

#include "agents/sensor/siren/driver.h"

struct relay_line {
    void *arg;
    bool (*set)(void *arg, bool on); /* false: the line did not take it */
    bool (*is_there)(void *arg);
    void (*close)(void *arg);
};

/* The line is the relay's from now on, also on failure. */
MUST_CHECK enum status relay_create(struct siren_driver **out,
                                    const struct siren_driver_settings *set,
                                    const struct relay_line *line, unsigned on_ms, unsigned off_ms);

#endif
