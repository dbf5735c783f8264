/* decide - what a gateway sounds by itself for what it concluded. Pure. Settings, one line a level:
 *
 *   siren.sound = LEVEL PATTERN SPAN        alarm evacuate 3m
 *
 * LEVEL is alarm or warning; PATTERN one of SirenPattern but all_clear, which people say; SPAN at
 * most 30m. Without a line: alarm evacuate 3m.
 *
 * Rain alone never sounds a siren, whatever the lines say: somebody has to have seen the flow. */
#ifndef EOCBUS_SENSOR_SIREN_DECIDE_H
#define EOCBUS_SENSOR_SIREN_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/conf.h"
#include "proto/base/status.h"

struct siren_rule {
    Eocbus__V1__DetectionLevel level;
    Eocbus__V1__SirenPattern pattern;
    uint32_t duration_s;
};
enum { SIREN_RULES = 2, SIREN_LONGEST_S = 1800 };
struct siren_rules {
    struct siren_rule rule[SIREN_RULES];
    unsigned count;
};

/* ST_INVALID: `err` is a sentence. */
MUST_CHECK enum status siren_rules_read(struct siren_rules *out, const struct conf_list *lines,
                                        char *err, size_t err_size);

struct siren_case {
    Eocbus__V1__Status status; /* of what this gateway says: only ACTUAL sounds */
    bool maintenance;          /* people work there */
    const Eocbus__V1__SensorDetection *concluded;
};
/* NULL: nothing is sounded for it. */
const struct siren_rule *siren_decide(const struct siren_rules *r, const struct siren_case *c);
/* The line for a level that was raised, whoever works there and whatever raised it; NULL: none. */
const struct siren_rule *siren_line(const struct siren_rules *r, const struct siren_case *c);

#endif
