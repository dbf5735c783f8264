/* downlink_deliver - what the broker delivers: once, in order, acknowledged when it is on disk. */
#include "agents/link/downlink_parts.h"

#include <inttypes.h>
#include <string.h>

#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "proto/base/banned.h"

/* Its time was over before it got here, by the broker's clock; of a sender whose clock runs ahead,
 * by that less the lead. */
static bool is_over(const struct sub *s, const Eocbus__V1__Stamp *stamp,
                    const Eocbus__V1__Envelope *e)
{
    int64_t not_after_us = e->not_after_us;

    if (!not_after_us)
        return false;
    if (stamp->clock_suspect && stamp->clock_offset_ms > 0)
        not_after_us -= (int64_t)stamp->clock_offset_ms * 1000;
    return not_after_us <= s->downlink->set.broker_utc_us(s->downlink->set.arg);
}

static bool is_among(uint8_t (*ring)[INBOX_KEY], unsigned count, const uint8_t *key)
{
    for (unsigned i = 0; i < UNDONE_MOST && i < count; i++)
        if (memcmp(ring[i], key, sizeof(ring[i])) == 0)
            return true;
    return false;
}

static void add_to(uint8_t (*ring)[INBOX_KEY], unsigned *count, const uint8_t *key)
{
    if (!is_among(ring, *count, key))
        memcpy(ring[(*count)++ % UNDONE_MOST], key, sizeof(ring[0]));
}

bool downlink_hand_over(struct sub *s, const Eocbus__V1__Delivery *m)
{
    struct downlink *d = s->downlink;
    Eocbus__V1__Delivery over;
    Eocbus__V1__Envelope *e = NULL;
    struct refusal why = {0};
    struct trust_verdict verdict;
    uint8_t key[INBOX_KEY];
    bool flash, known;
    enum status st;

    arena_reset(d->arena);
    st = gate_content(&e, m->content.data, m->content.len, d->arena, &why);
    flash = e && e->lane == EOCBUS__V1__LANE__LANE_FLASH && e->message_id.len == 16;
    if (flash)
        inbox_key(key, e->sender, e->message_id.data);
    known = flash && (inbox_knows(s->inbox, key) || inbox_knows(s->inbox, e->message_id.data));
    if (flash && !m->stamp->provisional && m->stamp->seq)
        add_to(s->numbered, &s->numbered_count, key);
    if (known && !(s->numbered_copies && !m->stamp->provisional))
        return true;
    if (flash && m->stamp->provisional && is_among(s->undone, s->undone_count, key))
        return true;
    verdict = downlink_judge(d, m, st == ST_OK ? e : NULL);
    if (verdict.waits) {
        downlink_ask(d);
        return false;
    }
    if (verdict.proof == PROOF_BAD) {
        if (d->set.forged)
            d->set.forged(d->set.arg, m, e, verdict.why);
        return true; /* seen, and nothing to act on; the true one may come yet */
    }
    if (st == ST_OK && e && is_over(s, m->stamp, e)) {
        over = *m;
        over.history = true;
        m = &over;
    }
    d->proof = verdict.proof;
    if (s->message && !s->message(s->arg, m, st == ST_OK ? e : NULL))
        return false;
    if (flash && !known)
        inbox_remember(s->inbox, key);
    return true;
}

/* Answers false when the rest of the frame is not to be looked at. */
static bool take_delivery(struct sub *s, const Eocbus__V1__Delivery *m)
{
    const Eocbus__V1__Stamp *stamp = m->stamp;

    if (!stamp)
        return true;
    if (stamp->provisional || !stamp->seq) {
        s->warnings++;                  /* it took no credit */
        (void)downlink_hand_over(s, m); /* it comes again with its number */
        return true;
    }
    s->taken++;
    if (m->last_value) {
        if (!downlink_hand_over(s, m)) {
            downlink_begin_again(s, DOWNLINK_AGAIN_MS);
            return false;
        }
        s->acknowledge = stamp->seq;
        return true;
    }
    s->wants_lasts = false;
    if (m->previous != s->last_number && m->previous) {
        log_warn("downlink.gap", "pattern=%s previous=%" PRIu64 " last=%" PRIu64, s->patterns[0],
                 m->previous, s->last_number);
        downlink_begin_again(s, 1);
        return false;
    }
    s->last_number = stamp->seq;
    if (inbox_is_new(s->inbox, s->log_epoch, stamp->seq)) {
        if (!downlink_hand_over(s, m)) {
            downlink_begin_again(s, DOWNLINK_AGAIN_MS);
            return false;
        }
        inbox_move(s->inbox, s->log_epoch, stamp->seq);
    }
    s->acknowledge = stamp->seq;
    return true;
}

/* It was handed over, and is nothing now; should it be stored after all, it is news again. What
 * came with its number is stored: who provokes a withdrawal of its id does not silence it, and of
 * another's message cannot. */
void downlink_take_withdrawal(struct sub *s, const Eocbus__V1__Withdrawn *w)
{
    uint8_t key[INBOX_KEY];

    if (w->message_id.len != ID_BYTES)
        return;
    inbox_key(key, w->sender, w->message_id.data);
    if (is_among(s->numbered, s->numbered_count, key))
        return;
    add_to(s->undone, &s->undone_count, key);
    if (!inbox_knows(s->inbox, key))
        return;
    inbox_unlearn(s->inbox, key);
    log_warn("downlink.withdrawn", "pattern=%s code=%s %s", s->patterns[0], w->code, w->text);
    if (s->withdrawn)
        s->withdrawn(s->arg, w);
}

enum proof downlink_proof(const struct downlink *d)
{
    return d->proof;
}

void downlink_on_deliver(struct downlink *d, const Eocbus__V1__Deliver *m)
{
    if (downlink_find(d, m->subscription) && !downlink_hold(d, MAIN_LINE, m))
        downlink_take_deliver(d, m);
}

void downlink_take_deliver(struct downlink *d, const Eocbus__V1__Deliver *m)
{
    struct sub *s = downlink_find(d, m->subscription);

    if (!s)
        return;
    for (size_t i = 0; i < m->n_deliveries; i++)
        if (!take_delivery(s, m->deliveries[i]))
            return;
    for (size_t i = 0; i < m->n_withdrawn; i++)
        downlink_take_withdrawal(s, m->withdrawn[i]);
    if (!m->horizon)
        return;
    if (inbox_is_new(s->inbox, s->log_epoch, m->horizon))
        inbox_move(s->inbox, s->log_epoch, m->horizon);
    s->caught_up = true;
    s->wants_lasts = false;
    s->through = m->horizon;
    downlink_let_next(d, s);
    if (s->horizon && downlink_family_horizon(d, s))
        s->horizon(s->arg, downlink_family_horizon(d, s));
}

static bool acknowledge(struct sub *s)
{
    Eocbus__V1__Acknowledge m = EOCBUS__V1__ACKNOWLEDGE__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    if (!s->acknowledge && !s->warnings)
        return false;
    m.subscription = s->number;
    m.log_epoch = s->log_epoch;
    m.upto = s->acknowledge;
    m.provisional = s->warnings;
    f.what_case = EOCBUS__V1__FRAME__WHAT_ACKNOWLEDGE;
    f.acknowledge = &m;
    if (s->downlink->set.send(s->downlink->set.arg, &f) != ST_OK)
        return false;
    s->acknowledge = 0;
    s->warnings = 0;
    return true;
}

static bool give_credit(struct sub *s)
{
    Eocbus__V1__Credit m = EOCBUS__V1__CREDIT__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    if (s->taken * 2 < s->credit)
        return false;
    m.subscription = s->number;
    m.messages = s->taken;
    f.what_case = EOCBUS__V1__FRAME__WHAT_CREDIT;
    f.credit = &m;
    if (s->downlink->set.send(s->downlink->set.arg, &f) != ST_OK)
        return false;
    s->taken = 0;
    return true;
}

bool downlink_flush(struct downlink *d)
{
    struct list *link;
    bool sent = false;

    list_each(link, &d->subs) {
        struct sub *s = container_of(link, struct sub, link);
        enum status st = inbox_commit(s->inbox);

        if (st != ST_OK) {
            log_error("inbox.commit.failed", "pattern=%s status=%s: nothing is acknowledged",
                      s->patterns[0], status_name(st));
            if (s->state == SUB_RUNNING)
                downlink_begin_again(s, DOWNLINK_AGAIN_MS);
            continue;
        }
        sent |= downlink_ears_flush(s);
        if (!d->in_session || s->state != SUB_RUNNING)
            continue;
        sent |= acknowledge(s);
        sent |= give_credit(s);
    }
    return sent;
}
