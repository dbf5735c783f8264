/* uplink - empties the outbox into the sessions: most urgent lane first, few bytes on the way, and
 * settles rows on their receipts.
 *
 * A session is a line (line.h), and each line has a role here (uplink_carry): the lanes it carries,
 * each lane on one line at a time, and whether it carries copies of alarms as well. A copy is the
 * same offer on a second line; the first receipt settles the row, later ones are ignored. Each line
 * is offered a lane in the lane's order from the first row that is not settled, so whichever broker
 * stores first, no number is stored before one that stands before it.
 *
 * FLASH has a small allowance of its own beside the bulk, so that it goes out at once; the rest of
 * a lane's order is kept: rows that the broker was too busy for hold their whole lane. Only alarms
 * do not wait for that: what is said behind a held one is offered ahead, once, which warns its
 * listeners and stores nothing, and comes again in its order. Receipts are told to the program only
 * after they are on disk: uplink_tell, after outbox_commit answered ST_OK.
 */
#ifndef EOCBUS_LINK_UPLINK_H
#define EOCBUS_LINK_UPLINK_H

#include "agents/link/outbox.h"
#include "agents/link/profile.h"
#include "eocbus/v1/session.pb-c.h"

struct loop;
struct uplink;

enum { UPLINK_LINES = 8 };

struct uplink_settings {
    struct loop *loop;                  /* borrowed */
    struct outbox *outbox;              /* borrowed */
    const struct link_profile *profile; /* borrowed */
    void *arg;
    /* On a line, from 0; as zport_send. */
    enum status (*send)(void *arg, unsigned line, const Eocbus__V1__Frame *f);
    void (*hungry)(void *arg); /* something may be sendable again: have uplink_pump called soon */
};

MUST_CHECK enum status uplink_create(struct uplink **out, const struct uplink_settings *set);
void uplink_destroy(struct uplink *u);

/* A session stands on this line; it carries nothing yet. */
void uplink_begin(struct uplink *u, unsigned line, const Eocbus__V1__Welcome *w);
/* It fell: what it carried and is not settled will be offered again by whoever carries its lane. */
void uplink_end(struct uplink *u, unsigned line);

enum uplink_copies {
    COPY_NOTHING,
    COPY_LATE,   /* alarms that have no receipt for the profile's copy_ms on the line that carries
                    them */
    COPY_AT_ONCE /* every alarm that waits */
};
/* What a line carries from now on: lanes as a mask (OUTBOX_LANE), and copies of FLASH. What is on
 * the way in lanes that it carries no more is offered again on the line that does: it may arrive
 * twice, and is stored once. Give a lane away before another line takes it. */
void uplink_carry(struct uplink *u, unsigned line, unsigned lanes, enum uplink_copies copies);

void uplink_pump(struct uplink *u); /* sends what may be sent now */
void uplink_on_receipts(struct uplink *u, const Eocbus__V1__Receipts *r); /* of any line */
void uplink_on_busy(struct uplink *u, unsigned line, const Eocbus__V1__Busy *b);

bool uplink_has_news(const struct uplink *u); /* receipts that were not told */
void uplink_tell(struct uplink *u, void *arg,
                 void (*settled)(void *arg, uint64_t tag, const struct outbox_outcome *oc));
/* Every lane has a line that stands, and nothing is on the way on those that carry one. */
bool uplink_is_idle(const struct uplink *u);
bool uplink_is_owed(const struct uplink *u, unsigned line); /* answers are due on this line */

#endif
