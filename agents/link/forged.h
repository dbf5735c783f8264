/* forged - what becomes of a message that is not its sender's: counted, logged, and said to the
 * bus, where an inquiry finds it. */
#ifndef EOCBUS_LINK_FORGED_H
#define EOCBUS_LINK_FORGED_H

#include "agents/link/agent.h"

struct forgeries {
    uint64_t total, untold; /* untold: since the last one that the bus was told of */
    uint64_t logged_us, told_us;
    char sender[80], why[160];
    uint8_t message_id[16];
    bool has_id;
};

void forged_note(struct agent *a, const Eocbus__V1__Delivery *m, const Eocbus__V1__Envelope *e,
                 const char *why);
/* What is untold goes into the outbox, at most once a minute and once for many. */
void forged_say(struct agent *a);
/* At the end: the senders' records, and what is untold. */
void forged_save(struct agent *a);

#endif
