/* driver - see driver.h. */
#include "agents/sensor/siren/driver.h"

#include <stdio.h>

#include "agents/sensor/station/station.h"

#include "proto/base/banned.h"

enum { WORDS = 16 };

enum status siren_driver_create(struct siren_driver **out, const struct siren_driver_settings *set,
                                char *err, size_t err_size)
{
    struct slice words[WORDS];
    int count = words_split(words, WORDS, set->line);

    if (count > 1 && slice_is(words[0], "command"))
        return siren_command_create(out, set, words + 1, count - 1, err, err_size);
    if (count > 1 && slice_is(words[0], "gpio"))
        return siren_gpio_create(out, set, words + 1, count - 1, err, err_size);
    if (count > 1 && slice_is(words[0], "mqtt"))
        return siren_mqtt_create(out, set, words + 1, count - 1, err, err_size);
    snprintf(err, err_size,
             "siren = %s: legal are command PROGRAM [ARG...], gpio CHIP LINE and mqtt TOPIC",
             set->line);
    return ST_INVALID;
}

enum status siren_driver_check(const char *line, char *err, size_t err_size)
{
    struct siren_driver_settings set = {.line = line, .timeout_ms = 1};
    struct siren_driver *made = NULL;
    struct slice words[WORDS];
    int count = words_split(words, WORDS, line);
    enum status st;

    if (count > 1 && slice_is(words[0], "gpio"))
        return siren_gpio_check(line, words + 1, count - 1, err, err_size);
    snprintf(err, err_size, "out of memory");
    st = loop_create(&set.loop);
    if (st == ST_OK)
        st = siren_driver_create(&made, &set, err, err_size);
    siren_driver_destroy(made);
    loop_destroy(set.loop);
    return st;
}

void siren_driver_destroy(struct siren_driver *d)
{
    if (d)
        d->destroy(d);
}

const char *siren_verb_word(enum siren_verb v)
{
    return v == SIREN_ON ? "on" : v == SIREN_OFF ? "off" : "test";
}

const char *siren_pattern_word(Eocbus__V1__SirenPattern p)
{
    switch (p) {
    case EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_ATTENTION:
        return "attention";
    case EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_ALL_CLEAR:
        return "all_clear";
    case EOCBUS__V1__SIREN_PATTERN__SIREN_PATTERN_VOICE:
        return "voice";
    default:
        return "evacuate";
    }
}
