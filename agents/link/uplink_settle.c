/* uplink_settle - what brokers answer: receipts, and Busy. */
#include "agents/link/uplink_parts.h"

#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/banned.h"

#define BUSY_LEAST_MS 10u
#define BUSY_MOST_MS  60000u

/* Copies of it may still be on the way on other lines; nothing waits for their answers. */
static void land_everywhere(struct uplink *u, uint64_t tag)
{
    struct flight landed;

    for (unsigned i = 0; i < UPLINK_LINES; i++)
        while (path_land(u, &u->paths[i], tag, &landed))
            ;
}

/* Another line has told of a newer log, and the row is offered again since this one may lack it:
 * what a broker that has not heard of that yet said before is no receipt any more. */
static bool is_of_an_older_log(const struct uplink *u, const struct outbox_outcome *oc)
{
    return oc->stored && oc->log_epoch < outbox_log_epoch(u->set.outbox);
}

static void settle(struct uplink *u, const Eocbus__V1__Settled *s)
{
    struct outbox_outcome oc = {
        .stored = s->outcome == EOCBUS__V1__OUTCOME__OUTCOME_STORED,
        .repeated = s->repeated,
        .expired = s->expired,
        .verdict = (uint32_t)s->verdict,
        .log_epoch = s->log_epoch,
        .seq = s->seq,
        .code = s->code,
        .path = s->path,
        .text = s->text,
    };
    enum status st;

    if (!oc.stored && s->outcome != EOCBUS__V1__OUTCOME__OUTCOME_REFUSED)
        return;
    if (is_of_an_older_log(u, &oc))
        return;
    land_everywhere(u, s->tag);
    st = outbox_settle(u->set.outbox, s->tag, &oc);
    if (st == ST_OK && pending_settle(&u->told, s->tag, 0, &oc) != ST_OK)
        log_warn("uplink.receipt.untold", "tag=%llu", (unsigned long long)s->tag);
    if (st == ST_OK && !oc.stored)
        log_warn("uplink.refused", "tag=%llu code=%s path=%s", (unsigned long long)s->tag, oc.code,
                 oc.path);
    else if (st != ST_OK && st != ST_EXISTS && st != ST_NOTFOUND)
        log_error("outbox.settle.failed", "status=%s %s", status_name(st),
                  outbox_trouble(u->set.outbox));
}

void uplink_on_receipts(struct uplink *u, const Eocbus__V1__Receipts *r)
{
    for (size_t i = 0; i < r->n_settled; i++)
        settle(u, r->settled[i]);
    u->set.hungry(u->set.arg);
}

static void turn_away(struct uplink *u, struct path *p, uint64_t tag, uint64_t until_us)
{
    unsigned lane = outbox_tag_lane(tag);
    struct flight landed;

    /* Not on the way here: another line has its lane by now. */
    if (lane == 0 || lane >= LANES || !path_land(u, p, tag, &landed) || !flight_counts(&landed))
        return;
    if (p->lanes & OUTBOX_LANE(lane))
        outbox_in_flight(u->set.outbox, tag, false);
    else
        places_return(&p->copied, tag);
    p->held_until_us[lane] = until_us;
    if (!p->turned_away[lane] || tag < p->turned_away[lane])
        p->turned_away[lane] = tag;
}

void uplink_on_busy(struct uplink *u, unsigned line, const Eocbus__V1__Busy *b)
{
    unsigned wait_ms =
        b->retry_ms < BUSY_LEAST_MS ? BUSY_LEAST_MS : smaller(b->retry_ms, BUSY_MOST_MS);
    uint64_t until_us = loop_now_us(u->set.loop) + (uint64_t)wait_ms * 1000;

    for (size_t i = 0; i < b->n_tags; i++)
        turn_away(u, &u->paths[line], b->tags[i], until_us);
    u->set.hungry(u->set.arg);
}

bool uplink_has_news(const struct uplink *u)
{
    return pending_settle_count(&u->told) > 0;
}

void uplink_tell(struct uplink *u, void *arg,
                 void (*settled)(void *arg, uint64_t tag, const struct outbox_outcome *oc))
{
    struct pending mine = u->told; /* the program may put, and a receipt may come, meanwhile */

    u->told = (struct pending){0};
    for (size_t i = 0; settled && i < pending_settle_count(&mine); i++) {
        const struct pending_settle *s = pending_settle_at(&mine, i);
        struct outbox_outcome oc = pending_outcome(&mine, s);

        settled(arg, s->tag, &oc);
    }
    pending_free(&mine);
}
