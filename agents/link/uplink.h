/* uplink - empties the outbox into a session: most urgent lane first, few bytes on the way, and
 * settles rows on their receipts.
 *
 * FLASH has a small allowance of its own beside the bulk, so that it goes out at once; the rest of
 * a lane's order is kept: rows that the broker was too busy for hold their whole lane. Receipts are
 * told to the program only after they are on disk: uplink_tell, after outbox_commit answered ST_OK.
 */
#ifndef EOCBUS_LINK_UPLINK_H
#define EOCBUS_LINK_UPLINK_H

#include "agents/link/outbox.h"
#include "agents/link/profile.h"
#include "eocbus/v1/session.pb-c.h"

struct loop;
struct uplink;

struct uplink_settings {
    struct loop *loop;                  /* borrowed */
    struct outbox *outbox;              /* borrowed */
    const struct link_profile *profile; /* borrowed */
    void *arg;
    enum status (*send)(void *arg, const Eocbus__V1__Frame *f); /* as zport_send */
    /* The same on the second connection, for FLASH and IMMEDIATE; used while uplink_urgent says so.
     */
    enum status (*send_urgent)(void *arg, const Eocbus__V1__Frame *f);
    void (*hungry)(void *arg); /* something may be sendable again: have uplink_pump called soon */
};

MUST_CHECK enum status uplink_create(struct uplink **out, const struct uplink_settings *set);
void uplink_destroy(struct uplink *u);

void uplink_begin(struct uplink *u, const Eocbus__V1__Welcome *w); /* a session stands */
void uplink_end(struct uplink *u); /* it fell: everything unsettled will be offered again */

/* The second connection stands, or fell. What is on the way in the urgent lanes is offered again on
 * the other one, in order: it may arrive twice, and is stored once. */
void uplink_urgent(struct uplink *u, bool stands);

void uplink_pump(struct uplink *u); /* sends what may be sent now */
void uplink_on_receipts(struct uplink *u, const Eocbus__V1__Receipts *r);
void uplink_on_busy(struct uplink *u, const Eocbus__V1__Busy *b);

bool uplink_has_news(const struct uplink *u); /* receipts that were not told */
void uplink_tell(struct uplink *u, void *arg,
                 void (*settled)(void *arg, uint64_t tag, const struct outbox_outcome *oc));
bool uplink_is_idle(const struct uplink *u); /* a session stands and nothing is on the way */

#endif
