/* claims - what agents say the log went up to, while it does not. Pure.
 *
 * A broker that was restarted knows nothing of what a failover lost; those who got the numbers do.
 * A claim is only judged by a look at the log that was begun after it was made, since what it names
 * may have been stored by another broker a moment ago. One principal alone proves nothing: its key
 * could make every outbox offer again and every listener read again. Two do. */
#ifndef EOCBUS_BROKER_STORE_CLAIMS_H
#define EOCBUS_BROKER_STORE_CLAIMS_H

#include "broker/store/place.h"

enum {
    CLAIMS_OPEN = 8
}; /* not looked at yet; further ones are forgotten, and made again with the next hello */

struct claims {
    struct claim {
        int32_t principal_id;
        struct place place;
        bool is_asked; /* a look at the log has begun since */
    } open[CLAIMS_OPEN];
    unsigned count;
    int32_t first;      /* the principal whose claim was found true; 0 = none */
    uint32_t log_epoch; /* of it */
};

enum claims_say { CLAIMS_NOTHING, CLAIMS_ONE, CLAIMS_TWO };

void claims_add(struct claims *c, int32_t principal_id, const struct place *place);
void claims_ask(struct claims *c); /* a look at the log begins */
/* It ended. *lost is the claim that decided. */
enum claims_say claims_judge(struct claims *c, const struct place *log, struct claim *lost);

#endif
