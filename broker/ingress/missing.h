/* missing - agents whose connection is gone and who may be on their way back. One who is not back
 * within the patience of its link is dead, and somebody has to be told. Pure: time is handed in. */
#ifndef EOCBUS_BROKER_INGRESS_MISSING_H
#define EOCBUS_BROKER_INGRESS_MISSING_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/list.h"
#include "proto/wire/limits.h"
#include "proto/wire/link.h"

struct missing_agent {
    struct list link;
    int32_t principal_id;
    char principal[LIMIT_NAME_BYTES + 1];
    const struct link_limits *limits;
    uint64_t since_us, heard_us; /* first and last heard */
    bool is_dead;                /* somebody was told */
};

struct missing {
    struct list agents;
    unsigned count, max; /* the oldest makes room for a new one */
};

void missing_init(struct missing *m, unsigned max);
void missing_free(struct missing *m);
/* Once per principal; without memory it is not remembered. */
void missing_note(struct missing *m, const char *principal, int32_t principal_id,
                  const struct link_limits *limits, uint64_t since_us, uint64_t heard_us);
/* It is dead, and stays on the list until it is back or its place is needed. */
void missing_dead(struct missing *m, const char *principal, int32_t principal_id,
                  const struct link_limits *limits, uint64_t heard_us);
/* All, the dead among them; NULL begins, and NULL is the end. */
const struct missing_agent *missing_next(const struct missing *m,
                                         const struct missing_agent *after);
/* It is back: since when it was here, or now_us if it was not missing, or dead. */
uint64_t missing_found(struct missing *m, int32_t principal_id, uint64_t now_us);
/* Takes out one that is not dead yet and whose time is over into *out; false: there is none. */
bool missing_take_dead(struct missing *m, uint64_t now_us, struct missing_agent *out);

#endif
