/* uplink_copy - an alarm does not wait: not for the broker that carries its lane, which may be
 * about to be missed, and not for its turn behind alarms that were answered Busy.
 *
 * Copies go out in the lane's order from the first row that waits, each once in a session unless it
 * was turned away; a Busy on this line sends the place back, and says nothing of other lines. */
#include "agents/link/uplink_parts.h"

#include "proto/base/loop.h"
#include "proto/base/banned.h"

struct choosing {
    struct uplink *u;
    const struct path *p;
    unsigned count, most; /* rows */
    bool is_ahead;
};

/* When a late copy is due: the alarm has been on the way for so long on its own line. */
static bool is_late(struct uplink *u, uint64_t tag)
{
    uint64_t wait_us = u->set.profile->copy_ms * UINT64_C(1000);

    for (unsigned i = 0; i < UPLINK_LINES; i++) {
        const struct path *p = &u->paths[i];
        const struct flight *f = p->lanes & OUTBOX_LANE(FLASH_LANE) ? path_find(p, tag) : NULL;

        if (!f)
            continue;
        if (f->sent_us + wait_us <= loop_now_us(u->set.loop))
            return true;
        uplink_wake_at(u, f->sent_us + wait_us);
    }
    return false; /* it is not on the way: nobody may pass it there */
}

static bool take_copy(void *arg, const struct outbox_row *row)
{
    struct choosing *c = arg;

    if (c->count == c->most || (c->p->copies == COPY_LATE && !is_late(c->u, row->tag)))
        return false;
    if (!publish_take(c->u, row, c->is_ahead))
        return false;
    c->count++;
    return true;
}

/* One Publish; false when there is nothing to send, or no room. */
static bool send_behind(struct uplink *u, struct path *p, const struct places *behind,
                        bool is_ahead)
{
    struct choosing c = {.u = u, .p = p, .most = path_rows(p, true), .is_ahead = is_ahead};
    enum status st;

    publish_begin(u, path_room(u, p, true));
    if (!c.most || !u->room)
        return false;
    st = outbox_behind(u->set.outbox, FLASH_LANE, behind->upto, c.most, path_bytes(u, p, true),
                       take_copy, &c);
    return publish_is_ready(u, st) && publish_send(u, p);
}

void copy_alarms(struct uplink *u, struct path *p, unsigned lanes)
{
    if (!(lanes & OUTBOX_LANE(FLASH_LANE)))
        return;
    while (send_behind(u, p, &p->copied, false))
        for (unsigned i = 0; i < u->item_count; i++)
            places_reach(&p->copied, u->items[i].tag);
}

void send_ahead(struct uplink *u, struct path *p)
{
    while (send_behind(u, p, &p->offered, true))
        ;
}
