/* One listener: where it stands, what is gathered for it, and what happens when a frame does not
 * leave.
 *
 * Gathering takes credit; a frame that could not be sent gives it back and puts the cursor before
 * its first message, as if nothing of it had happened. Live messages are gathered during a turn and
 * leave together at its end (egress.c); a frame that is full leaves at once. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/egress/room.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

/* The log is polled every half second for what other brokers stored, and read then. */
enum { AHEAD_US = 3000000 };

static const unsigned may_follow[LISTENER_STATES] = {
    [LISTENER_FRESH] = BIT(LISTENER_BEHIND) | BIT(LISTENER_LIVE),
    [LISTENER_BEHIND] = BIT(LISTENER_LIVE),
    [LISTENER_LIVE] = BIT(LISTENER_BEHIND),
};

void listener_enter(struct listener *l, enum listener_state to)
{
    struct egress *e = l->egress;

    assert(may_follow[l->state] & BIT(to));
    if (l->state == LISTENER_BEHIND)
        e->n.behind--;
    if (to == LISTENER_BEHIND)
        e->n.behind++;
    if (l->state == LISTENER_LIVE)
        e->n.fell_behind++;
    l->state = to;
}

/* --- sending ---------------------------------------------------------------------------------- */

enum status listener_send_now(struct listener *l, const void *data, size_t len)
{
    struct egress *e = l->egress;
    enum status st = l->lost ? ST_FULL : e->exits.send(e->exits.arg, l->session, data, len);

    if (st == ST_OK) {
        l->spoke_us = loop_now_us(e->set.loop);
    } else if (st == ST_NOTFOUND) {
        l->lost = e->any_lost = true; /* ended later: our callers are still using it */
    } else {
        l->blocked = true;
    }
    return st;
}

static enum status send_bytes(struct listener *l, const void *data, size_t len)
{
    return l->blocked ? ST_FULL : listener_send_now(l, data, len);
}

static enum status send_frame(struct egress *e, uint64_t session, struct listener *l,
                              const Eocbus__V1__Frame *f)
{
    size_t len = eocbus__v1__frame__get_packed_size(f);
    uint8_t *data = mem_alloc(len);
    enum status st = ST_NOMEM;

    if (!data)
        return st;
    eocbus__v1__frame__pack(f, data);
    st = l ? send_bytes(l, data, len) : e->exits.send(e->exits.arg, session, data, len);
    mem_free(data);
    return st;
}

void listener_fault(struct egress *e, uint64_t session, uint32_t subscription, const char *code,
                    const char *text)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Fault fault = EOCBUS__V1__FAULT__INIT;

    fault.code = (char *)code;
    fault.text = (char *)text;
    fault.subscription = subscription;
    f.what_case = EOCBUS__V1__FRAME__WHAT_FAULT;
    f.fault = &fault;
    (void)!send_frame(e, session, NULL, &f); /* who is gone needs no fault */
}

static bool say_subscribed(struct listener *l)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Subscribed s = EOCBUS__V1__SUBSCRIBED__INIT;

    s.subscription = l->subscription;
    s.log_epoch = l->egress->log_epoch;
    s.after = l->start;
    f.what_case = EOCBUS__V1__FRAME__WHAT_SUBSCRIBED;
    f.subscribed = &s;
    return send_frame(l->egress, l->session, l, &f) == ST_OK;
}

void listener_send_horizon(struct listener *l)
{
    uint8_t frame[HORIZON_FRAME_MAX];
    uint64_t horizon = listener_reach(l);
    size_t len = pack_horizon(frame, l->subscription, horizon);

    assert(l->state == LISTENER_LIVE && !l->gather.count);
    if (send_bytes(l, frame, len) != ST_OK)
        return; /* the next tick says it */
    l->told = horizon;
    l->said_end = horizon == l->upto;
    l->owes_horizon = false;
    durable_progress(l);
}

/* --- gathering -------------------------------------------------------------------------------- */

static void take_buffer(struct listener *l)
{
    struct egress *e = l->egress;

    if (!l->gather.data.data && e->spare_count)
        l->gather.data = e->spare[--e->spare_count];
}

static void leave_buffer(struct listener *l)
{
    struct egress *e = l->egress;

    gather_reset(&l->gather);
    if (l->gather.data.data && e->spare_count < EGRESS_SPARE) {
        e->spare[e->spare_count++] = l->gather.data;
        memset(&l->gather.data, 0, sizeof(l->gather.data));
    } else {
        buf_free(&l->gather.data);
    }
}

/* Back to before the first message that was gathered. */
static void rewind_gather(struct listener *l)
{
    struct gather *g = &l->gather;

    if (l->wants_lasts)
        l->lasts_cursor = g->first_seq - 1;
    else
        l->cursor = g->first_seq - 1;
    l->previous = g->previous_before;
    window_add_credit(&l->window, g->count);
    l->cut = true;
    if (l->state == LISTENER_LIVE)
        listener_enter(l, LISTENER_BEHIND);
    leave_buffer(l);
}

static bool flush_gather(struct listener *l)
{
    struct egress *e = l->egress;
    size_t len;
    const uint8_t *frame;

    if (!l->gather.count)
        return true;
    frame = gather_frame(&l->gather, l->subscription, &len);
    if (send_bytes(l, frame, len) != ST_OK) {
        rewind_gather(l);
        return false;
    }
    window_sent(&l->window, l->gather.last_seq, len);
    if (l->gather.last_seq > l->told)
        l->told = l->gather.last_seq;
    e->n.delivered += l->gather.count;
    e->n.delivered_bytes += len;
    leave_buffer(l);
    return true;
}

bool listener_flush(struct listener *l)
{
    list_remove(&l->full);
    if (!flush_gather(l))
        return false;
    if (l->owes_horizon && l->state == LISTENER_LIVE)
        listener_send_horizon(l);
    return true;
}

/* No room for a message: everything before it was looked at. */
static void stop_before(struct listener *l, uint64_t seq)
{
    if (l->state == LISTENER_LIVE)
        listener_enter(l, LISTENER_BEHIND);
    if (l->wants_lasts)
        l->lasts_cursor = seq - 1;
    else
        l->cursor = seq - 1;
}

/* What was stored in time may be over when its listener has room for it at last. */
static unsigned flags_of(const struct listener *l, const struct passing *m)
{
    if (m->is_last_value)
        return PACK_HISTORY | PACK_LAST_VALUE;
    return m->seq <= l->history_upto ||
                   (m->not_after_us && m->not_after_us <= loop_utc_us(l->egress->set.loop))
               ? PACK_HISTORY
               : 0;
}

bool listener_gather(struct listener *l, const struct passing *m)
{
    if (listener_is_closed(l) || l->blocked || l->lost ||
        !window_is_open(&l->window, gather_bytes(&l->gather))) {
        stop_before(l, m->seq);
        return false;
    }
    if (!gather_fits(&l->gather, m->len, l->frame_bytes) && !flush_gather(l))
        return false;
    take_buffer(l);
    if (!gather_add(&l->gather, m->common, m->len, m->seq, l->previous, flags_of(l, m))) {
        stop_before(l, m->seq);
        return false;
    }
    l->window.credit--;
    if (!m->is_last_value)
        l->previous = m->seq;
    if (list_empty(&l->full))
        list_add_tail(&l->egress->full, &l->full);
    return true;
}

struct rights_question listener_ask(const struct parcel *p)
{
    const char *reach = p->reach ? p->reach : p->to;

    return (struct rights_question){.type = p->type,
                                    .label = p->label,
                                    .places = p->places,
                                    .agency = p->agency,
                                    .reach = reach ? reach : ""};
}

bool listener_judge(const struct listener *l, struct rights_question *q)
{
    q->utc_us = loop_utc_us(l->egress->set.loop); /* agreements end */
    return access_may_hear(l->who, q);
}

size_t listener_len(const struct listener *l, struct rights_question *q, size_t len, size_t keys)
{
    if (!keys)
        return len;
    q->utc_us = loop_utc_us(l->egress->set.loop);
    return access_may_open(l->who, q) ? len : len - keys;
}

/* --- beginning and end ------------------------------------------------------------------------ */

static bool start_is_legal(struct listener *l)
{
    struct egress *e = l->egress;
    char text[200];
    const char *code = NULL;

    if (l->start_epoch > e->log_epoch) {
        code = CODE_RANGE;
        snprintf(text, sizeof(text),
                 "the log has epoch %u and you know epoch %u; if it is so for more than a minute, "
                 "an older backup was restored: see eocctl log raise-epoch",
                 e->log_epoch, l->start_epoch);
    } else if (l->start_epoch && l->start_epoch != e->log_epoch) {
        code = "epoch";
        snprintf(text, sizeof(text),
                 "the log has epoch %u now: it was restored from a backup; compare what you have "
                 "and subscribe with the new epoch",
                 e->log_epoch);
    } else if (l->start > e->head) {
        code = CODE_RANGE;
        snprintf(text, sizeof(text),
                 "the log ends at %" PRIu64 "; start after a number up to that one", e->head);
    }
    if (code)
        listener_fault(e, l->session, l->subscription, code, text);
    return !code;
}

/* It comes from a broker that was faster than we are with what others stored, or with the news that
 * the log was restored; we shall see the same within half a second. */
static bool may_be_ahead(const struct listener *l)
{
    const struct egress *e = l->egress;
    bool is_ahead = l->start_epoch > e->log_epoch ||
                    (l->start > e->head && (!l->start_epoch || l->start_epoch == e->log_epoch));

    return is_ahead && loop_now_us(e->set.loop) - l->born_us < AHEAD_US;
}

void listener_place(struct listener *l)
{
    struct egress *e = l->egress;

    if (!e->log_epoch || l->lost || l->is_asking)
        return; /* egress_store_here, or durable.c, comes back to it */
    if (l->start_time_us) {
        history_find_start(l);
        return;
    }
    if (l->from_now)
        l->start = e->head;
    if (may_be_ahead(l))
        return; /* the tick comes back to it */
    if (!start_is_legal(l)) {
        listener_end(l);
        return;
    }
    if (!say_subscribed(l))
        return;
    if (!durable_placed(l)) {
        listener_fault(e, l->session, l->subscription, CODE_MEMORY, "the broker has no memory");
        listener_end(l);
        return;
    }
    l->cursor = l->told = l->acked = l->start;
    l->history_upto = e->head;
    l->owes_horizon = true;
    if (l->start < listener_reach(l) || l->wants_lasts) {
        listener_enter(l, LISTENER_BEHIND);
        listener_nudge(l);
        return;
    }
    listener_enter(l, LISTENER_LIVE);
    list_add_tail(&e->full, &l->full);
}

void listener_nudge(struct listener *l)
{
    if (!listener_is_closed(l) && l->state == LISTENER_BEHIND && !l->reading && !l->blocked &&
        !l->lost && window_is_open(&l->window, gather_bytes(&l->gather)) && list_empty(&l->hungry))
        list_add_tail(&l->egress->hungry, &l->hungry);
}

void listener_end(struct listener *l)
{
    struct egress *e = l->egress;

    e->exits.unwant(e->exits.arg, l);
    durable_end(l);
    if (l->reading)
        e->exits.read_cancel(e->exits.arg, l);
    if (l->state == LISTENER_BEHIND)
        e->n.behind--;
    list_remove(&l->all);
    list_remove(&l->by_session);
    list_remove(&l->hungry);
    list_remove(&l->full);
    leave_buffer(l);
    for (unsigned i = 0; i < l->pattern_count; i++)
        mem_free(l->patterns[i]);
    mem_free(l->patterns);
    mem_free(l->to_me);
    mem_free(l->principal);
    mem_free(l);
    e->n.listeners--;
}
