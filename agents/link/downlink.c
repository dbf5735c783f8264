/* downlink - see downlink.h */
#include "agents/link/downlink.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/link/inbox.h"
#include "proto/base/list.h"
#include "proto/base/log.h"
#include "proto/wire/limits.h"
#include "proto/wire/topic.h"
#include "proto/base/banned.h"

#define CREDIT_DEFAULT 256u
#define CREDIT_MOST    65536u
#define AGAIN_MS       1000u /* before a subscription that stopped is tried again */
#define REFUSED_MS     30000u

enum sub_state {
    SUB_OUT,     /* the broker does not know it */
    SUB_ASKED,   /* Subscribe was sent */
    SUB_RUNNING, /* Subscribed came */
    SUB_WAITING  /* stopped; the timer asks again */
};

struct sub {
    struct list link;
    struct downlink *downlink; /* borrowed, owns us */
    enum sub_state state;
    uint32_t number; /* in this session; a new one each time it is asked for */
    char **patterns;
    unsigned pattern_count, credit;
    bool from_now, numbered_copies;
    bool on_disk;   /* the place outlives us */
    uint64_t start; /* where to begin without a place */
    void *arg;
    bool (*message)(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m);
    void (*horizon)(void *arg, uint64_t horizon);
    struct inbox *inbox;
    struct loop_timer *timer;
    uint64_t last_number; /* of the last delivery in this run; what `previous` must say */
    unsigned taken;       /* since credit was given */
    uint64_t acknowledge; /* last number handed over, to be told after the commit; 0 = nothing */
};

struct downlink {
    struct downlink_settings set;
    struct list subs;
    unsigned sub_count;
    uint32_t next_number, log_epoch;
    bool in_session;
    struct arena *arena;
};

enum status downlink_create(struct downlink **out, const struct downlink_settings *set)
{
    struct downlink *d = mem_zalloc(sizeof(*d));
    enum status st;

    if (!d)
        return ST_NOMEM;
    d->set = *set;
    d->next_number = 1;
    list_init(&d->subs);
    st = arena_create(&d->arena, LIMIT_ARENA_BYTES);
    if (st != ST_OK) {
        mem_free(d);
        return st;
    }
    *out = d;
    return ST_OK;
}

static void destroy_sub(struct sub *s)
{
    list_remove(&s->link);
    /* What was handed over in this turn is not handed over again by the next start. */
    if (s->inbox && inbox_commit(s->inbox) != ST_OK)
        log_error("inbox.commit.failed", "pattern=%s: some messages will come again",
                  s->pattern_count ? s->patterns[0] : "");
    for (unsigned i = 0; i < s->pattern_count; i++)
        mem_free(s->patterns[i]);
    mem_free(s->patterns);
    loop_timer_destroy(s->timer);
    inbox_close(s->inbox);
    mem_free(s);
}

void downlink_destroy(struct downlink *d)
{
    struct list *link;

    if (!d)
        return;
    while ((link = list_first(&d->subs)))
        destroy_sub(container_of(link, struct sub, link));
    arena_destroy(d->arena);
    mem_free(d);
}

static struct sub *find_sub(struct downlink *d, uint32_t number)
{
    struct list *link;

    list_each(link, &d->subs) {
        struct sub *s = container_of(link, struct sub, link);

        if (s->number == number && (s->state == SUB_ASKED || s->state == SUB_RUNNING))
            return s;
    }
    return NULL;
}

/* --- asking -------------------------------------------------------------------------------------
 */

static void ask(struct sub *s)
{
    struct downlink *d = s->downlink;
    Eocbus__V1__Subscribe m = EOCBUS__V1__SUBSCRIBE__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    uint32_t log_epoch;
    uint64_t seq;

    s->number = d->next_number++;
    s->last_number = 0;
    s->taken = 0;
    s->acknowledge = 0;
    m.subscription = s->number;
    m.n_patterns = s->pattern_count;
    m.patterns = s->patterns;
    m.credit = s->credit;
    if (inbox_place(s->inbox, &log_epoch, &seq)) {
        m._after_case = EOCBUS__V1__SUBSCRIBE___AFTER_AFTER;
        m.after = seq;
        m.log_epoch = log_epoch;
    } else if (!s->from_now) {
        m._after_case = EOCBUS__V1__SUBSCRIBE___AFTER_AFTER;
        m.after = s->start;
    }
    f.what_case = EOCBUS__V1__FRAME__WHAT_SUBSCRIBE;
    f.subscribe = &m;
    s->state = SUB_ASKED;
    if (d->set.send(d->set.arg, &f) != ST_OK) {
        s->state = SUB_WAITING;
        loop_timer_start(s->timer, AGAIN_MS, 0);
    }
}

static void on_ask_again(void *arg)
{
    struct sub *s = arg;

    if (s->downlink->in_session && s->state == SUB_WAITING)
        ask(s);
}

/* Ends it at the broker and begins again behind the place, after a while. */
static void begin_again(struct sub *s, unsigned wait_ms)
{
    struct downlink *d = s->downlink;
    Eocbus__V1__Unsubscribe m = EOCBUS__V1__UNSUBSCRIBE__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    m.subscription = s->number;
    f.what_case = EOCBUS__V1__FRAME__WHAT_UNSUBSCRIBE;
    f.unsubscribe = &m;
    if (s->state == SUB_RUNNING)
        (void)!d->set.send(d->set.arg, &f);
    s->state = SUB_WAITING;
    loop_timer_start(s->timer, wait_ms, 0);
}

static enum status copy_patterns(struct sub *s, const struct agent_subscription *from, char *err,
                                 size_t err_size)
{
    s->patterns = mem_zalloc(from->pattern_count * sizeof(*s->patterns));
    if (!s->patterns)
        return ST_NOMEM;
    for (unsigned i = 0; i < from->pattern_count; i++) {
        const char *fault = pattern_fault(from->patterns[i]);

        if (fault) {
            snprintf(err, err_size, "pattern %s: %s", from->patterns[i], fault);
            return ST_INVALID;
        }
        s->patterns[i] = mem_strdup(from->patterns[i]);
        if (!s->patterns[i])
            return ST_NOMEM;
        s->pattern_count++;
    }
    return ST_OK;
}

static enum status open_inbox(struct sub *s, const struct agent_subscription *from, char *err,
                              size_t err_size)
{
    struct buf name = {0};
    enum status st = ST_NOMEM;

    if (from->name)
        return inbox_open(&s->inbox, from->inbox_path, from->name, err, err_size);
    for (unsigned i = 0; i < from->pattern_count; i++) {
        buf_puts(&name, i ? " " : "");
        buf_puts(&name, from->patterns[i]);
    }
    buf_put(&name, "", 1);
    if (!name.failed)
        st = inbox_open(&s->inbox, from->inbox_path, (const char *)name.data, err, err_size);
    buf_free(&name);
    return st;
}

static enum status fill_sub(struct sub *s, const struct agent_subscription *from, char *err,
                            size_t err_size)
{
    enum status st;

    s->credit = from->credit ? from->credit : CREDIT_DEFAULT;
    if (s->credit > CREDIT_MOST)
        s->credit = CREDIT_MOST;
    s->from_now = from->from_now;
    s->numbered_copies = from->numbered_copies;
    s->on_disk = from->inbox_path != NULL;
    s->start = from->after;
    s->arg = from->arg;
    s->message = from->message;
    s->horizon = from->horizon;
    st = copy_patterns(s, from, err, err_size);
    if (st == ST_OK)
        st = open_inbox(s, from, err, err_size);
    if (st == ST_OK)
        st = loop_timer_create(&s->timer, s->downlink->set.loop, on_ask_again, s);
    return st;
}

enum status downlink_subscribe(struct downlink *d, const struct agent_subscription *sub, char *err,
                               size_t err_size)
{
    struct sub *s;
    enum status st;

    snprintf(err, err_size, "no memory");
    if (!sub->pattern_count || sub->pattern_count > LIMIT_PATTERNS) {
        snprintf(err, err_size, "a subscription has 1 to %d patterns", LIMIT_PATTERNS);
        return ST_INVALID;
    }
    if (d->sub_count >= LIMIT_SUBSCRIPTIONS) {
        snprintf(err, err_size, "a session has at most %d subscriptions", LIMIT_SUBSCRIPTIONS);
        return ST_FULL;
    }
    s = mem_zalloc(sizeof(*s));
    if (!s)
        return ST_NOMEM;
    list_init(&s->link);
    s->downlink = d;
    st = fill_sub(s, sub, err, err_size);
    if (st != ST_OK) {
        destroy_sub(s);
        return st;
    }
    err[0] = '\0';
    list_add_tail(&d->subs, &s->link);
    d->sub_count++;
    if (d->in_session)
        ask(s);
    return ST_OK;
}

/* --- the session --------------------------------------------------------------------------------
 */

/* The log was restored: numbers from here on are new ones, and nobody knows where the logs part. */
static void forget_old_epoch(struct sub *s, uint32_t log_epoch)
{
    uint32_t own;
    uint64_t seq;

    if (!inbox_place(s->inbox, &own, &seq) || !log_epoch || own == log_epoch)
        return;
    if (s->from_now && !s->on_disk) {
        inbox_forget(s->inbox);
        return;
    }
    log_warn("downlink.epoch",
             "pattern=%s place=%" PRIu32 "/%" PRIu64 " log_epoch=%" PRIu32
             " the log was restored: everything in it is read again",
             s->patterns[0], own, seq, log_epoch);
    inbox_move(s->inbox, log_epoch, 0);
}

void downlink_begin(struct downlink *d, const Eocbus__V1__Welcome *w)
{
    struct list *link;

    d->in_session = true;
    d->log_epoch = w->log_epoch;
    list_each(link, &d->subs) {
        struct sub *s = container_of(link, struct sub, link);

        loop_timer_stop(s->timer);
        forget_old_epoch(s, w->log_epoch);
        ask(s);
    }
}

void downlink_end(struct downlink *d)
{
    struct list *link;

    d->in_session = false;
    list_each(link, &d->subs) {
        struct sub *s = container_of(link, struct sub, link);

        s->state = SUB_OUT;
        s->acknowledge = 0;
        loop_timer_stop(s->timer);
    }
}

void downlink_on_subscribed(struct downlink *d, const Eocbus__V1__Subscribed *m)
{
    struct sub *s = find_sub(d, m->subscription);
    uint32_t log_epoch;
    uint64_t seq;

    if (!s)
        return;
    s->state = SUB_RUNNING;
    /* From now on: after a lost link it goes on from here, so that nothing in between is missed. */
    if (!inbox_place(s->inbox, &log_epoch, &seq))
        inbox_move(s->inbox, m->log_epoch, m->after);
}

void downlink_on_fault(struct downlink *d, const Eocbus__V1__Fault *f)
{
    struct sub *s = find_sub(d, f->subscription);

    if (!s)
        return;
    log_warn("downlink.fault", "pattern=%s code=%s %s", s->patterns[0], f->code, f->text);
    s->state = SUB_ASKED; /* the broker has forgotten it: no Unsubscribe */
    begin_again(s, f->retry_ms ? f->retry_ms : REFUSED_MS);
}

/* --- delivery -----------------------------------------------------------------------------------
 */

/* Answers false when the program cannot take it now. */
static bool hand_over(struct sub *s, const Eocbus__V1__Delivery *m)
{
    struct downlink *d = s->downlink;
    Eocbus__V1__Envelope *e = NULL;
    struct refusal why = {0};
    bool flash, known;
    enum status st;

    arena_reset(d->arena);
    st = gate_content(&e, m->content.data, m->content.len, d->arena, &why);
    flash = e && e->lane == EOCBUS__V1__LANE__LANE_FLASH && e->message_id.len == 16;
    known = flash && inbox_knows(s->inbox, e->message_id.data);
    if (known && !(s->numbered_copies && !m->stamp->provisional))
        return true;
    if (s->message && !s->message(s->arg, m, st == ST_OK ? e : NULL))
        return false;
    if (flash && !known)
        inbox_remember(s->inbox, e->message_id.data);
    return true;
}

/* Answers false when the rest of the frame is not to be looked at. */
static bool take_delivery(struct sub *s, const Eocbus__V1__Delivery *m)
{
    const Eocbus__V1__Stamp *stamp = m->stamp;

    if (!stamp)
        return true;
    s->taken++;
    if (stamp->provisional || !stamp->seq) {
        (void)hand_over(s, m); /* it comes again with its number */
        return true;
    }
    if (m->previous != s->last_number && m->previous) {
        log_warn("downlink.gap", "pattern=%s previous=%" PRIu64 " last=%" PRIu64, s->patterns[0],
                 m->previous, s->last_number);
        begin_again(s, 1);
        return false;
    }
    s->last_number = stamp->seq;
    if (inbox_is_new(s->inbox, stamp->log_epoch, stamp->seq)) {
        if (!hand_over(s, m)) {
            begin_again(s, AGAIN_MS);
            return false;
        }
        inbox_move(s->inbox, stamp->log_epoch, stamp->seq);
    }
    s->acknowledge = stamp->seq;
    return true;
}

void downlink_on_deliver(struct downlink *d, const Eocbus__V1__Deliver *m)
{
    struct sub *s = find_sub(d, m->subscription);

    if (!s)
        return;
    for (size_t i = 0; i < m->n_deliveries; i++)
        if (!take_delivery(s, m->deliveries[i]))
            return;
    if (!m->horizon)
        return;
    if (inbox_is_new(s->inbox, d->log_epoch, m->horizon))
        inbox_move(s->inbox, d->log_epoch, m->horizon);
    if (s->horizon)
        s->horizon(s->arg, m->horizon);
}

static bool acknowledge(struct sub *s)
{
    Eocbus__V1__Acknowledge m = EOCBUS__V1__ACKNOWLEDGE__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    if (!s->acknowledge)
        return false;
    m.subscription = s->number;
    m.log_epoch = s->downlink->log_epoch;
    m.upto = s->acknowledge;
    f.what_case = EOCBUS__V1__FRAME__WHAT_ACKNOWLEDGE;
    f.acknowledge = &m;
    if (s->downlink->set.send(s->downlink->set.arg, &f) != ST_OK)
        return false;
    s->acknowledge = 0;
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
                begin_again(s, AGAIN_MS);
            continue;
        }
        if (!d->in_session || s->state != SUB_RUNNING)
            continue;
        sent |= acknowledge(s);
        sent |= give_credit(s);
    }
    return sent;
}
