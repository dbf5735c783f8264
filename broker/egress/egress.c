/* The door of egress: frames come in, the log moves, and a loop hook sends at the end of
 * each turn what was gathered in it.
 *
 * A message that is routed (egress_routed_one for each who wants it, then egress_routed) is packed
 * once and copied into each listener's frame. Whoever has no room falls behind and costs nothing
 * more. A send that finds no connection marks the listener; its session is reported and ended at
 * the end of the turn, when nobody is in the middle of using it. */
#include "broker/egress/egress.h"

#include <stdio.h>
#include <string.h>

#include "broker/egress/room.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

/* Who could not go on (no page, no memory, no Subscribed) is tried again so often. */
enum { TICK_MS = 250, HORIZON_TIMES_THIN = 6 };
enum { DENIALS_LOGGED_PER_HOUR = 60 };

void egress_learn_place(struct egress *e)
{
    uint32_t log_epoch;
    uint64_t head;

    if (e->log_epoch)
        return; /* egress_routed keeps it */
    e->exits.log_place(e->exits.arg, &log_epoch, &head);
    e->log_epoch = log_epoch;
    e->head = log_epoch ? head : 0;
}

/* --- frames ----------------------------------------------------------------------------------- */

static void on_unsubscribe(struct egress *e, uint64_t session, uint32_t subscription)
{
    struct listener *l = listener_find(e, session, subscription);

    if (l)
        listener_end(l);
}

static struct listener *require(struct egress *e, uint64_t session, uint32_t subscription)
{
    struct listener *l = listener_find(e, session, subscription);

    if (!l)
        listener_fault(e, session, subscription, "subscription", "no such subscription");
    return l;
}

static void on_acknowledge(struct egress *e, uint64_t session, const Eocbus__V1__Acknowledge *m)
{
    struct listener *l = require(e, session, m->subscription);

    if (!l)
        return;
    listener_warnings_taken(l, m->provisional);
    listener_catch_warnings(l);
    if (m->log_epoch && m->log_epoch != e->log_epoch)
        return;
    window_acknowledge(&l->window, m->upto);
    durable_acknowledged(l, m->upto);
    listener_nudge(l);
}

void egress_on_frame(struct egress *e, uint64_t session, const char *principal,
                     const Eocbus__V1__Frame *f)
{
    struct listener *l;

    switch (f->what_case) {
    case EOCBUS__V1__FRAME__WHAT_SUBSCRIBE:
        egress_subscribe(e, session, principal, f->subscribe);
        break;
    case EOCBUS__V1__FRAME__WHAT_UNSUBSCRIBE:
        on_unsubscribe(e, session, f->unsubscribe->subscription);
        break;
    case EOCBUS__V1__FRAME__WHAT_CREDIT:
        l = require(e, session, f->credit->subscription);
        if (l) {
            window_add_credit(&l->window, f->credit->messages);
            listener_nudge(l);
        }
        break;
    case EOCBUS__V1__FRAME__WHAT_ACKNOWLEDGE:
        on_acknowledge(e, session, f->acknowledge);
        break;
    default:
        break;
    }
}

void egress_session_gone(struct egress *e, uint64_t session)
{
    struct list *link, *next, *bucket = listener_bucket(e, session);

    list_each_safe(link, next, bucket) {
        struct listener *l = container_of(link, struct listener, by_session);

        if (l->session == session)
            listener_end(l);
    }
}

/* --- the log moves ---------------------------------------------------------------------------- */

static bool pack_once(struct egress *e, const struct parcel *p)
{
    if (e->common && e->common_seq == p->seq)
        return true;
    mem_free(e->common);
    e->common = pack_common(p, &e->common_len);
    e->common_seq = p->seq;
    return e->common;
}

void egress_routed_one(struct egress *e, void *listener, const struct parcel *p)
{
    struct listener *l = listener;
    struct passing m = {.seq = p->seq, .not_after_us = p->not_after_us};
    struct rights_question q = listener_ask(p);

    /* Who is behind finds it on its way; so does everybody when numbers are missing. */
    if (l->state != LISTENER_LIVE || p->seq != e->head + 1 || p->expired ||
        p->log_epoch != e->log_epoch || !listener_hears(l, p->id.lane, p->seq) ||
        (l->to_me && !parcel_is_for(p, l->to_me)) || p->seq > l->upto || !listener_may_hear(l, &q))
        return;
    if (!pack_once(e, p)) {
        l->cursor = e->head;
        listener_enter(l, LISTENER_BEHIND);
        return;
    }
    m.common = e->common;
    m.len = listener_len(l, &q, e->common_len, pack_keys_bytes(p));
    if (!listener_gather(l, &m))
        listener_nudge(l);
}

/* Cannot happen while the store keeps its promise; if it breaks it, nobody loses anything. */
static void on_gap(struct egress *e, const struct parcel *p)
{
    struct list *link;

    log_error("egress.gap", "head=%llu got=%llu", (unsigned long long)e->head,
              (unsigned long long)p->seq);
    list_each(link, &e->all) {
        struct listener *l = container_of(link, struct listener, all);

        if (l->state != LISTENER_LIVE)
            continue;
        l->cursor = listener_reach(l);
        listener_enter(l, LISTENER_BEHIND);
        listener_nudge(l);
    }
}

static void remember(struct egress *e, const struct parcel *p)
{
    if (list_empty(&e->all) || !pack_once(e, p)) {
        recent_clear(&e->recent); /* nobody to catch up */
        return;
    }
    recent_push(&e->recent, p, e->common, e->common_len);
    e->common = NULL;
}

void egress_routed(struct egress *e, const struct parcel *p)
{
    if (e->log_epoch && p->log_epoch != e->log_epoch)
        egress_store_here(e); /* nobody told us of the new log yet */
    if (!e->log_epoch)
        e->log_epoch = p->log_epoch;
    else if (p->seq <= e->head)
        return;
    else if (p->seq != e->head + 1)
        on_gap(e, p);
    remember(e, p);
    e->head = p->seq;
}

void egress_writable(struct egress *e)
{
    struct list *link, *next;

    list_each_safe(link, next, &e->all) {
        struct listener *l = container_of(link, struct listener, all);

        if (!l->blocked)
            continue;
        l->blocked = false;
        listener_catch_warnings(l);
        if (l->state == LISTENER_FRESH)
            listener_place(l);
        else
            listener_nudge(l);
    }
}

void egress_recheck(struct egress *e)
{
    struct list *link;

    list_each(link, &e->all) {
        struct listener *l = container_of(link, struct listener, all);

        l->who = e->exits.who(e->exits.arg, l->session);
    }
}

static void end_all(struct egress *e, const char *code, const char *text)
{
    while (!list_empty(&e->all)) {
        struct listener *l = container_of(e->all.next, struct listener, all);

        listener_fault(e, l->session, l->subscription, code, text);
        listener_end(l);
    }
}

void egress_store_here(struct egress *e)
{
    struct list *link, *next;
    uint32_t log_epoch;
    uint64_t head;

    e->exits.log_place(e->exits.arg, &log_epoch, &head);
    if (e->log_epoch && log_epoch && e->log_epoch != log_epoch) {
        end_all(e, "epoch",
                "the log was restored from a backup and has a new epoch; subscribe again");
        recent_clear(&e->recent);
        e->log_epoch = 0;
    }
    egress_learn_place(e);
    list_each_safe(link, next, &e->all) {
        struct listener *l = container_of(link, struct listener, all);

        if (l->state == LISTENER_FRESH)
            listener_place(l);
        else
            listener_nudge(l);
    }
}

/* --- end of a turn ---------------------------------------------------------------------------- */

static void end_lost(struct egress *e)
{
    while (e->any_lost) {
        struct list *link;
        struct listener *lost = NULL;

        list_each(link, &e->all) {
            struct listener *l = container_of(link, struct listener, all);

            if (l->lost) {
                lost = l;
                break;
            }
        }
        if (lost) {
            uint64_t session = lost->session;

            e->exits.lost(e->exits.arg, session);
            egress_session_gone(e, session);
        }
        e->any_lost = lost;
    }
}

static int before_wait(void *arg)
{
    struct egress *e = arg;

    return !list_empty(&e->full) || !list_empty(&e->hungry) || e->any_lost;
}

/* After polling: whatever the sockets and the database brought this turn has been gathered. The
 * sockets' own hook looks at them again before the loop waits, so these sends are seen by it. */
static void after_poll(void *arg)
{
    struct egress *e = arg;
    struct list mine;
    struct list *link;

    history_serve(e);
    list_init(&mine);
    list_move(&mine, &e->full);
    while ((link = list_first(&mine)))
        listener_flush(container_of(link, struct listener, full));
    end_lost(e);
}

/* With CURVE and TCP a horizon is 150 bytes both ways: every 5 s it would take a hundredth of a 2G
 * link for each subscription that hears nothing. */
static uint64_t horizon_us(const struct listener *l)
{
    unsigned times = l->frame_bytes < PACK_FRAME_BYTES ? HORIZON_TIMES_THIN : 1;

    return (uint64_t)l->egress->set.horizon_ms * 1000 * times;
}

static bool needs_horizon(const struct listener *l, uint64_t now_us)
{
    if (l->egress->head >= l->upto)
        return !l->said_end;
    return l->owes_horizon || (l->told < l->egress->head && now_us - l->spoke_us >= horizon_us(l));
}

static void on_tick(void *arg)
{
    struct egress *e = arg;
    uint64_t now_us = loop_now_us(e->set.loop);
    struct list *link, *next;

    list_each_safe(link, next, &e->all) {
        struct listener *l = container_of(link, struct listener, all);

        l->blocked = false; /* should a `writable` have been missed */
        listener_catch_warnings(l);
        if (l->state == LISTENER_FRESH)
            listener_place(l);
        else if (l->state == LISTENER_BEHIND)
            listener_nudge(l);
        else if (!l->gather.count && needs_horizon(l, now_us))
            listener_send_horizon(l);
    }
}

/* --- life ------------------------------------------------------------------------------------- */

static void init_lists(struct egress *e)
{
    list_init(&e->all);
    list_init(&e->hungry);
    list_init(&e->full);
    for (size_t i = 0; i < EGRESS_BUCKETS; i++)
        list_init(&e->by_session[i]);
}

enum status egress_create(struct egress **out, const struct egress_settings *set,
                          const struct egress_exits *exits)
{
    struct egress *e = mem_zalloc(sizeof(*e));
    enum status st;

    if (!e)
        return ST_NOMEM;
    e->set = *set;
    e->exits = *exits;
    init_lists(e);
    quota_init(&e->denials, DENIALS_LOGGED_PER_HOUR, QUOTA_HOUR_US, loop_now_us(set->loop));
    st = recent_init(&e->recent);
    if (st == ST_OK)
        st = loop_hook_create(&e->hook, set->loop, before_wait, after_poll, e);
    if (st == ST_OK)
        st = loop_timer_create(&e->tick, set->loop, on_tick, e);
    if (st != ST_OK) {
        egress_destroy(e);
        return st;
    }
    loop_timer_start(e->tick, TICK_MS, TICK_MS);
    *out = e;
    return ST_OK;
}

void egress_destroy(struct egress *e)
{
    if (!e)
        return;
    loop_timer_destroy(e->tick);
    loop_hook_destroy(e->hook);
    while (!list_empty(&e->all))
        listener_end(container_of(e->all.next, struct listener, all));
    while (e->spare_count)
        buf_free(&e->spare[--e->spare_count]);
    recent_free(&e->recent);
    buf_free(&e->warning.data);
    mem_free(e->common);
    mem_free(e);
}

void egress_close(struct egress *e, bool closed)
{
    struct list *link;

    e->is_closed = closed;
    list_each(link, &e->all)
        listener_nudge(container_of(link, struct listener, all)); /* to no effect while closed */
}

void egress_set(struct egress *e, const struct egress_settings *set)
{
    e->set.window_bytes = set->window_bytes; /* of listeners to come */
    e->set.page_rows = set->page_rows;
    e->set.horizon_ms = set->horizon_ms;
}

void egress_counters(const struct egress *e, struct egress_counters *out)
{
    *out = e->n;
    out->recent_rows = e->recent.last + 1 - e->recent.first;
    out->recent_bytes = e->recent.bytes;
}
