/* mqtt_topic - a siren that listens to the broker of the devices (driver.h). What it did nobody
 * tells us: a wish that the broker's connection took counts as done. */
#include <stdio.h>
#include <string.h>

#include "agents/sensor/siren/driver.h"
#include "agents/sensor/station/text.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum { TOPIC = 200 };

struct topic {
    struct siren_driver driver;
    struct siren_driver_settings set;
    char name[TOPIC];
};

static void drive(struct siren_driver *d, const struct siren_wish *w)
{
    struct topic *t = container_of(d, struct topic, driver);
    struct siren_answer a = {.code = ""};
    char text[200];
    int len;

    if (w->verb == SIREN_ON)
        len = snprintf(text, sizeof(text),
                       "{\"action\":\"on\",\"pattern\":\"%s\",\"seconds\":%u,\"recording\":%u}",
                       siren_pattern_word(w->pattern), w->duration_s, w->recording);
    else
        len = snprintf(text, sizeof(text), "{\"action\":\"%s\"}", siren_verb_word(w->verb));
    a.done =
        t->set.publish && t->set.publish(t->set.publish_arg, t->name, text, (size_t)len) == ST_OK;
    if (!a.done)
        snprintf(a.code, sizeof(a.code), "no_mqtt");
    t->set.answered(t->set.arg, &a);
}

static void destroy(struct siren_driver *d)
{
    mem_free(container_of(d, struct topic, driver));
}

enum status siren_mqtt_create(struct siren_driver **out, const struct siren_driver_settings *set,
                              const struct slice *words, int count, char *err, size_t err_size)
{
    struct topic *t;

    if (count != 1 || words[0].len >= TOPIC || !words[0].len ||
        memchr(words[0].at, '+', words[0].len) || memchr(words[0].at, '#', words[0].len)) {
        snprintf(err, err_size, "siren = %s: legal is mqtt TOPIC, without + and #", set->line);
        return ST_INVALID;
    }
    snprintf(err, err_size, "out of memory");
    t = mem_zalloc(sizeof(*t));
    if (!t)
        return ST_NOMEM;
    t->driver = (struct siren_driver){drive, destroy};
    t->set = *set;
    memcpy(t->name, words[0].at, words[0].len);
    *out = &t->driver;
    return ST_OK;
}
