/* profiles - every profile a gateway knows, with its numbers, where they come from, and how well it
 * did. The table in profiles.c is the whole truth: settings lines, SensorConfiguration and
 * `eocbus-sensor profiles` all read it. */
#ifndef EOCBUS_SENSOR_DETECT_PROFILES_H
#define EOCBUS_SENSOR_DETECT_PROFILES_H

#include <stdio.h>

#include "agents/sensor/detect/detector.h"

extern const struct profile *const profiles[];
extern const unsigned profile_count;
extern const struct profile profile_fusion; /* the last of them */

enum { FUSION_HOLD, FUSION_CONFIRM, FUSION_WARNING_CONFIRMS };

const struct profile *profile_find(struct slice name); /* NULL: there is none */
/* Index of a parameter, or -1. */
int profile_parameter(const struct profile *p, struct slice name);
/* ST_INVALID: `err` says what would be legal. Of one number; and of all of them together. */
MUST_CHECK enum status profile_accepts(const struct profile *p, unsigned i, struct decimal number,
                                       char *err, size_t err_size);
/* Everything, for people. */
void profiles_print(FILE *out);

#endif
