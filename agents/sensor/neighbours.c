/* neighbours - see neighbours.h. */
#include "agents/sensor/neighbours.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/log.h"

#include "proto/base/banned.h"

#define LEVEL(word) EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word
/* As the profile quake.outside has them without other numbers. */
#define QUAKE_BEFORE_US INT64_C(60000000)
#define QUAKE_AFTER_US  INT64_C(360000000)

static int find(const struct conf_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], name) == 0)
            return (int)i;
    return -1;
}

/* The highest of them all, for as long as it holds. */
static void tell_level(const struct neighbours *n)
{
    Eocbus__V1__DetectionLevel highest = LEVEL(CLEAR);
    int64_t until_us = 0;

    for (size_t i = 0; i < n->neighbours->count; i++) {
        if (n->of[i].level < highest || !n->of[i].said_us)
            continue;
        if (n->of[i].level > highest || n->of[i].said_us + NEIGHBOURS_HOLD_US > until_us)
            until_us = n->of[i].said_us + NEIGHBOURS_HOLD_US;
        highest = n->of[i].level;
    }
    detect_neighbour(n->detect, highest, until_us);
}

static bool take_quake(struct neighbours *n, const Eocbus__V1__Envelope *m)
{
    const Eocbus__V1__SensorDetection *d = m->sensor_detection;
    int64_t from_us = d->onset_us ? d->onset_us : m->event_time_us;

    if (d->level <= LEVEL(CLEAR) || find(n->quakes, m->sender) < 0)
        return false;
    log_warn("sensor.quake", "from=%s next=\"vibration does not count for six minutes\"",
             m->sender);
    detect_veto(n->detect, from_us - QUAKE_BEFORE_US, m->event_time_us + QUAKE_AFTER_US);
    return true;
}

bool neighbours_take(struct neighbours *n, const Eocbus__V1__Envelope *m)
{
    int i;

    if (m->body_case != EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION || m->status != n->status)
        return false;
    if (m->sensor_detection->hazard == EOCBUS__V1__HAZARD__HAZARD_EARTHQUAKE)
        return take_quake(n, m);
    i = find(n->neighbours, m->sender);
    if (i < 0 || m->event_time_us < n->of[i].said_us)
        return false;
    n->of[i].level = m->sensor_detection->level;
    n->of[i].said_us = m->event_time_us;
    log_info("sensor.neighbour", "from=%s level=%d", m->sender, (int)n->of[i].level);
    tell_level(n);
    return true;
}

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct neighbours *n = arg;
    enum proof proof = agent_proof(n->agent);

    (void)d;
    if (m && (proof == PROOF_GOOD || proof == PROOF_OFF))
        (void)neighbours_take(n, m);
    return true;
}

enum status neighbours_begin(struct neighbours *n, int64_t now_us, char *err, size_t err_size)
{
    static const char *const patterns[] = {"*.sensor.sensor_detection.**"};
    const struct agent_subscription sub = {.patterns = patterns,
                                           .pattern_count = ARRAY_LEN(patterns),
                                           .after_time_us = now_us - NEIGHBOURS_HOLD_US,
                                           .arg = n,
                                           .message = on_message};

    if (n->neighbours->count > NEIGHBOURS) {
        snprintf(err, err_size, "neighbour: more than %d lines", NEIGHBOURS);
        return ST_INVALID;
    }
    if (!n->neighbours->count && !n->quakes->count)
        return ST_OK;
    return agent_subscribe(n->agent, &sub, err, err_size);
}
