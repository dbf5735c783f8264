/* warned - which FLASH went out as provisional, and what became of it: so that one that is offered
 * again after Busy warns nobody twice, and one that is refused in the end can be withdrawn. Pure.
 *
 * WARNED_MOST messages are remembered, 0.4 MiB, looked through in 2 us. One that is settled stays,
 * since its sender may not hear of it and offer it again. When all places are taken the oldest
 * settled one is forgotten, else the oldest: that one warns again if it is offered again (listeners
 * know it by its message_id), and a withdrawal of it is not told. WARNED_PER_SENDER unsettled ones
 * are as many as a session may offer; beyond them a sender pushes out its own oldest and nobody
 * else's. A restarted broker knows nothing and warns again. */
#ifndef EOCBUS_BROKER_INGRESS_WARNED_H
#define EOCBUS_BROKER_INGRESS_WARNED_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/parcel.h"

enum { WARNED_MOST = 2048, WARNED_PER_SENDER = 256 };

struct warned_key { /* apart from the rest, so that looking through them stays short */
    uint64_t order; /* 0 = free; the lower the older */
    uint64_t epoch, lane_seq;
    int32_t principal_id;
    bool is_open; /* its fate is not known */
};

struct warned_message {
    uint64_t digest; /* of the content: only the fate of these very bytes is its fate */
    uint8_t message_id[ID_BYTES];
    uint16_t type;
    uint8_t status;
    char places[PLACES_TEXT];
};

struct warned {
    uint64_t last_order;
    struct warned_key *keys;
    struct warned_message *messages;
};

MUST_CHECK enum status warned_init(struct warned *w);
void warned_free(struct warned *w);

bool warned_has(const struct warned *w, int32_t principal_id, uint64_t epoch, uint64_t lane_seq);
/* False: a message of this place was warned of before, whatever was in it. */
bool warned_add(struct warned *w, const struct parcel *p);
/* The fate of a parcel. True: it is refused, and listeners were warned of it; *out says of what
 * (message_id, type, status, places, label, agency, and content and refused, which are borrowed
 * from p). */
bool warned_settle(struct warned *w, const struct parcel *p, struct parcel *out);

#endif
