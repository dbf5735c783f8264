/* allowance - how much one principal may say before the database is asked: messages and bytes a
 * second over all its connections, alarms a minute. Pure: time is handed in.
 *
 * What was not used for ALLOWANCE_BURST_S is saved, so that an office that comes back with a filled
 * outbox sends at once. Lanes below IMMEDIATE leave an eighth, so that bulk does not use up what an
 * urgent report needs. Alarms are counted apart: no bulk keeps one away, and beyond their own
 * number they are messages like any other. A limit of 0 is none. */
#ifndef EOCBUS_BROKER_ACCESS_ALLOWANCE_H
#define EOCBUS_BROKER_ACCESS_ALLOWANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

enum { ALLOWANCE_BURST_S = 10, ALLOWANCE_ALARM_BURST_S = 30, ALLOWANCE_LISTED = 32 };

struct allowance_limits {
    uint32_t items_per_second;  /* to 100,000,000 */
    uint32_t bytes_per_second;  /* to 256 MiB */
    uint32_t alarms_per_minute; /* half of them may come at once; 1 counts as 2 */
};

/* One who said more than it may, lately. */
struct allowance_over {
    int32_t principal_id;
    uint64_t since_us, last_us;
    uint64_t items, alarms; /* past their quota since then */
};

struct allowance;
/* At most `principals_max` that have used some of it are known; more are turned away. */
MUST_CHECK enum status allowance_create(struct allowance **out,
                                        const struct allowance_limits *limits,
                                        size_t principals_max);
void allowance_destroy(struct allowance *a);
/* For reload; what was used stays used. */
void allowance_set(struct allowance *a, const struct allowance_limits *limits, uint64_t now_us);

/* One message of that size: both are taken, or none. */
bool allowance_take(struct allowance *a, int32_t principal_id, unsigned lane, size_t bytes,
                    uint64_t now_us);
/* It was not stored for another reason. */
void allowance_give(struct allowance *a, int32_t principal_id, size_t bytes);
bool allowance_take_alarm(struct allowance *a, int32_t principal_id, uint64_t now_us);

/* How long until so many messages can be taken; more than half of what can be saved counts as half,
 * since the sender may begin with that. */
uint64_t allowance_wait_us(const struct allowance *a, int32_t principal_id, uint32_t items,
                           size_t bytes, uint64_t now_us);

/* For people. Who said too much stays on the list for a minute after the last time; when all
 * ALLOWANCE_LISTED places are taken the one that was quiet longest makes room. True: it was not on
 * the list. */
bool allowance_note_over(struct allowance *a, int32_t principal_id, uint32_t items, uint32_t alarms,
                         uint64_t now_us);
size_t allowance_list_over(const struct allowance *a, struct allowance_over out[ALLOWANCE_LISTED],
                           uint64_t now_us);

#endif
