/* beacon - alarms that must get out some other way: which of them still wait for the bus, and when
 * their compact form (agents/link/compact.h) is to be said by satellite. Pure.
 *
 * An alarm that was concluded while there was a link waits `after` for the word that it is stored;
 * without a link it is due at once. What is not confirmed by whoever carries it is due again after
 * `again`, until it is stored or its time is over. The full form stays in the outbox and follows.
 */
#ifndef EOCBUS_SENSOR_BEACON_H
#define EOCBUS_SENSOR_BEACON_H

#include <stdbool.h>

#include "agents/link/compact.h"

enum { BEACON_WAITING = 8, BEACON_AGAIN_S = 60 };

struct beacon_settings {
    struct compact_key key;
    unsigned valid_min; /* 1..127 */
    int64_t after_us;
    Eocbus__V1__DetectionLevel level; /* and worse */
};

struct beacon_item {
    uint8_t id[16]; /* of the alarm */
    uint64_t tag;   /* of its row in the outbox; 0 = not yet */
    uint8_t bytes[COMPACT_BYTES];
    size_t len;
    int64_t due_us, ends_us;
    unsigned tries;
    bool is_out; /* being said now */
};

struct beacon {
    struct beacon_settings set;
    struct beacon_item item[BEACON_WAITING]; /* oldest first */
    unsigned count;
    uint64_t said, given_up; /* given up: its time was over, or newer ones needed the place */
};

void beacon_begin(struct beacon *b, const struct beacon_settings *set);
/* A detection with its message_id, as it is put. Others than ACTUAL ones, and those below the
 * level, are none. */
void beacon_concluded(struct beacon *b, const Eocbus__V1__Envelope *m, bool linked, int64_t now_us);
/* It has a row in the outbox; the row is stored. */
void beacon_put(struct beacon *b, const uint8_t id[16], uint64_t tag);
void beacon_stored(struct beacon *b, uint64_t tag);
/* The one to be said now, the newest first, which is marked as out; NULL: none, or one is out.
 * Borrowed until the next call of anything here. */
const struct beacon_item *beacon_next(struct beacon *b, int64_t now_us);
/* What became of the one that is out. */
void beacon_answered(struct beacon *b, bool ok, int64_t now_us);

#endif
