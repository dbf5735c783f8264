/* warned - which FLASH went out as provisional, and what became of it: so that one that is offered
 * again after Busy warns nobody twice, one that is refused in the end can be withdrawn, and whoever
 * subscribes meanwhile hears of it too. Pure.
 *
 * WARNED_MOST messages are remembered, 0.4 MiB, looked through in 2 us. One that is settled stays,
 * since its sender may not hear of it and offer it again. When all places are taken the oldest
 * settled one is forgotten, else the oldest of who holds most: that one warns again if it is
 * offered again (listeners know it by its message_id), and a withdrawal of it is not told.
 * WARNED_PER_SENDER unsettled ones are as many as a session may offer; beyond them a sender pushes
 * out its own oldest and nobody else's. A restarted broker knows nothing and warns again.
 *
 * Of each unsettled one the parcel is kept, WARNED_BYTES in all and WARNED_SENDER_BYTES of one
 * sender: beyond its share a sender loses its own oldest, beyond the whole who holds most loses
 * his. So one alarm of a quiet sender stands however much others cry. One whose parcel is gone is
 * remembered as before, and heard by those who subscribe later when it is stored. */
#ifndef EOCBUS_BROKER_INGRESS_WARNED_H
#define EOCBUS_BROKER_INGRESS_WARNED_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/parcel.h"

enum { WARNED_MOST = 2048, WARNED_PER_SENDER = 256 };
/* A thousand alarms of the usual size, a hundred of the longest; parcel_size_bytes. */
enum { WARNED_BYTES = 8 * 1024 * 1024, WARNED_SENDER_BYTES = 1024 * 1024 };
/* One that says no end of its own is told to newcomers for so long after it came. */
#define WARNED_STANDS_US 3600000000ll

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
    struct parcel *kept; /* in `standing`, or NULL */
};

struct warned_sender { /* of unsettled ones */
    int32_t principal_id;
    unsigned count;
    size_t bytes; /* of what is kept */
};

struct warned {
    uint64_t last_order;
    struct warned_key *keys;
    struct warned_message *messages;
    struct warned_sender *senders;
    unsigned sender_count;
    size_t bytes;
    struct list standing; /* parcels, the oldest first */
};

MUST_CHECK enum status warned_init(struct warned *w);
void warned_free(struct warned *w);

bool warned_has(const struct warned *w, int32_t principal_id, uint64_t epoch, uint64_t lane_seq);
/* The parcel, with its place in the order of warnings (parcel.warning): ours from now on, borrowed
 * until the next call. NULL: a message of this place was warned of before, whatever was in it, and
 * *take is untouched. */
const struct parcel *warned_add(struct warned *w, struct parcel **take);
/* Those that stand at utc_us and came behind the warning `after`, in their order, until `each` says
 * false. */
void warned_each(const struct warned *w, uint64_t after, int64_t utc_us,
                 bool (*each)(void *arg, const struct parcel *p), void *arg);
/* The fate of a parcel. True: it is refused, and listeners were warned of it; *out says of what
 * (message_id, type, status, places, label, agency, and content and refused, which are borrowed
 * from p). */
bool warned_settle(struct warned *w, const struct parcel *p, struct parcel *out);

#endif
