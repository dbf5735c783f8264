/* downlink - see downlink.h. The session: what is asked for in it, and what becomes of that. How a
 * subscription is made: downlink_sub.c; what is delivered: downlink_deliver.c; most urgent first:
 * downlink_family.c. */
#include "agents/link/downlink_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/log.h"
#include "proto/wire/limits.h"
#include "proto/wire/topic.h"
#include "proto/base/banned.h"

#define TAKEN_MS                                                                                   \
    1000u /* by ourselves, perhaps: a broker that was slow sees by then who is gone                \
           */
/* So often two programs with one name may take it from each other, and no more. */
#define LEFT_BEHIND_MOST 3u
#define NUMBER_MOST      1000000u /* @range of Subscribe.subscription */

enum status downlink_create(struct downlink **out, const struct downlink_settings *set)
{
    struct downlink *d = mem_zalloc(sizeof(*d));
    enum status st;

    if (!d)
        return ST_NOMEM;
    d->set = *set;
    d->next_number = 1;
    list_init(&d->subs);
    list_init(&d->held);
    st = arena_create(&d->arena, LIMIT_ARENA_BYTES);
    if (st == ST_OK)
        st = loop_timer_create(&d->hold_timer, set->loop, downlink_look_again, d);
    if (st != ST_OK) {
        downlink_destroy(d);
        return st;
    }
    *out = d;
    return ST_OK;
}

void downlink_destroy(struct downlink *d)
{
    struct list *link;

    if (!d)
        return;
    while ((link = list_first(&d->subs)))
        downlink_destroy_sub(container_of(link, struct sub, link));
    downlink_drop_held(d, ALL_LINES);
    loop_timer_destroy(d->hold_timer);
    if (d->arena)
        arena_destroy(d->arena);
    mem_free(d);
}

struct sub *downlink_find(struct downlink *d, uint32_t number)
{
    struct list *link;

    list_each(link, &d->subs) {
        struct sub *s = container_of(link, struct sub, link);

        if (s->number == number && (s->state == SUB_ASKED || s->state == SUB_RUNNING))
            return s;
    }
    return NULL;
}

uint32_t downlink_new_number(struct downlink *d)
{
    uint32_t number = d->next_number;

    d->next_number = number < NUMBER_MOST ? number + 1 : 1;
    return number;
}

/* As if nothing had come yet. */
static void begin_anew(struct sub *s)
{
    s->number = downlink_new_number(s->downlink);
    s->last_number = 0;
    s->taken = 0;
    s->warnings = 0;
    s->acknowledge = 0;
    s->caught_up = false;
    s->through = 0;
    s->has_credit = downlink_may_have_credit(s);
    s->state = SUB_ASKED;
}

/* Behind what the inbox has; without one, where we were told to begin. */
static void say_after(const struct sub *s, Eocbus__V1__Subscribe *m)
{
    uint32_t log_epoch;
    uint64_t seq;

    if (inbox_place(s->inbox, &log_epoch, &seq)) {
        m->_after_case = EOCBUS__V1__SUBSCRIBE___AFTER_AFTER;
        m->after = seq;
        m->log_epoch = log_epoch;
    } else if (s->start_time_us) {
        m->_after_case = EOCBUS__V1__SUBSCRIBE___AFTER_AFTER_TIME_US;
        m->after_time_us = s->start_time_us;
    } else if (!s->from_now && (s->start || !s->durable_name)) {
        m->_after_case = EOCBUS__V1__SUBSCRIBE___AFTER_AFTER;
        m->after = s->start;
    }
}

static void ask(struct sub *s)
{
    struct downlink *d = s->downlink;
    Eocbus__V1__Subscribe m = EOCBUS__V1__SUBSCRIBE__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    begin_anew(s);
    m.subscription = s->number;
    m.n_patterns = s->pattern_count;
    m.patterns = s->patterns;
    m.credit = s->has_credit ? s->credit : 0;
    m.lanes = s->lanes;
    m.n_lanes = s->lane_count;
    m.to_me = s->to_me;
    m.upto = s->upto;
    m.last_values = s->wants_lasts;
    say_after(s, &m);
    if (s->durable_name)
        m.name = s->durable_name;
    m.from_first = !s->from_now;
    f.what_case = EOCBUS__V1__FRAME__WHAT_SUBSCRIBE;
    f.subscribe = &m;
    if (d->set.send(d->set.arg, &f) != ST_OK) {
        s->state = SUB_WAITING;
        loop_timer_start(s->timer, DOWNLINK_AGAIN_MS, 0);
    }
    downlink_prick_up(s);
}

void downlink_ask_again(void *sub)
{
    struct sub *s = sub;

    if (s->downlink->in_session && s->state == SUB_WAITING)
        ask(s);
}

void downlink_say_unsubscribe(struct downlink *d, unsigned line, uint32_t number)
{
    Eocbus__V1__Unsubscribe m = EOCBUS__V1__UNSUBSCRIBE__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

    m.subscription = number;
    f.what_case = EOCBUS__V1__FRAME__WHAT_UNSUBSCRIBE;
    f.unsubscribe = &m;
    if (line == MAIN_LINE)
        (void)!d->set.send(d->set.arg, &f);
    else
        (void)!d->set.send_on(d->set.arg, line, &f);
}

/* Ends it at the broker and begins again behind the place, after a while. */
void downlink_begin_again(struct sub *s, unsigned wait_ms)
{
    if (s->state == SUB_RUNNING)
        downlink_say_unsubscribe(s->downlink, MAIN_LINE, s->number);
    s->state = SUB_WAITING;
    loop_timer_start(s->timer, wait_ms, 0);
}

enum status downlink_subscribe(struct downlink *d, const struct agent_subscription *sub, char *err,
                               size_t err_size)
{
    struct sub *made[DOWNLINK_GROUPS] = {NULL};
    unsigned count = sub->urgent_first ? DOWNLINK_GROUPS : 1;
    enum status st;

    snprintf(err, err_size, "no memory");
    if (!sub->pattern_count || sub->pattern_count > LIMIT_PATTERNS) {
        snprintf(err, err_size, "a subscription has 1 to %d patterns", LIMIT_PATTERNS);
        return ST_INVALID;
    }
    if (d->sub_count + count > LIMIT_SUBSCRIPTIONS) {
        snprintf(err, err_size, "a session has at most %d subscriptions", LIMIT_SUBSCRIPTIONS);
        return ST_FULL;
    }
    st = sub->urgent_first ? downlink_add_family(d, sub, made, err, err_size)
                           : downlink_add_sub(d, sub, "", &made[0], err, err_size);
    if (st != ST_OK)
        return st;
    err[0] = '\0';
    for (unsigned i = 0; i < count; i++)
        if (d->in_session)
            ask(made[i]);
        else
            downlink_prick_up(made[i]);
    return ST_OK;
}

/* The log has another epoch. Where it is known how far the logs are one, our place is at most
 * there: what we heard behind that may be gone, and its numbers are others' now. A broker that
 * names an older epoch has not heard of the newer one yet: our place stands. */
static void move_to_epoch(struct sub *s, uint32_t log_epoch, const struct log_past *past)
{
    uint32_t own;
    uint64_t seq, same_upto;

    if (!inbox_place(s->inbox, &own, &seq) || log_epoch <= own)
        return;
    same_upto = log_past_same_upto(past, own, log_epoch);
    if (same_upto) {
        inbox_move(s->inbox, log_epoch, seq < same_upto ? seq : same_upto);
        return;
    }
    /* What is kept under a durable name was restored with the log, so it lies in what both logs
     * have in common. */
    if (s->durable_name || (s->from_now && !s->on_disk)) {
        inbox_forget(s->inbox);
        return;
    }
    log_warn("downlink.epoch",
             "pattern=%s place=%" PRIu32 "/%" PRIu64 " log_epoch=%" PRIu32
             " the log was restored: everything in it is read again",
             s->patterns[0], own, seq, log_epoch);
    inbox_move(s->inbox, log_epoch, 0);
}

void downlink_places(const struct downlink *d,
                     void (*place)(void *arg, uint32_t log_epoch, uint64_t seq), void *arg)
{
    const struct list *link;
    uint32_t log_epoch;
    uint64_t seq;

    list_each(link, &d->subs)
        if (inbox_place(container_of(link, struct sub, link)->inbox, &log_epoch, &seq))
            place(arg, log_epoch, seq);
}

void downlink_begin(struct downlink *d, uint32_t log_epoch, const struct log_past *past)
{
    struct list *link;

    d->in_session = true;
    if (trust_is_on(d->set.trust))
        trust_begin(d->set.trust);
    downlink_ask(d);
    list_each(link, &d->subs) {
        struct sub *s = container_of(link, struct sub, link);

        loop_timer_stop(s->timer);
        move_to_epoch(s, log_epoch, past);
        if (s->state != SUB_TAKEN)
            ask(s);
    }
}

void downlink_end(struct downlink *d)
{
    struct list *link;

    d->in_session = false;
    downlink_drop_held(d, MAIN_LINE); /* all of it comes again */
    list_each(link, &d->subs) {
        struct sub *s = container_of(link, struct sub, link);

        if (s->state == SUB_ASKED || s->state == SUB_RUNNING) {
            downlink_say_unsubscribe(d, MAIN_LINE, s->number);
            s->left_behind += s->left_behind < LEFT_BEHIND_MOST;
        }
        if (s->state != SUB_TAKEN)
            s->state = SUB_OUT;
        s->acknowledge = 0;
        loop_timer_stop(s->timer);
    }
}

bool downlink_is_owed(const struct downlink *d)
{
    struct list *link;

    list_each(link, &d->subs)
        if (container_of(link, struct sub, link)->state == SUB_ASKED)
            return true;
    return false;
}

void downlink_on_subscribed(struct downlink *d, const Eocbus__V1__Subscribed *m)
{
    struct sub *s = downlink_find(d, m->subscription);
    uint32_t log_epoch;
    uint64_t seq;

    if (!s)
        return;
    s->state = SUB_RUNNING;
    s->log_epoch = m->log_epoch;
    /* From now on: after a lost link it goes on from here, so that nothing in between is missed. */
    if (!inbox_place(s->inbox, &log_epoch, &seq))
        inbox_move(s->inbox, m->log_epoch, m->after);
    downlink_let_next(d, s); /* those before it may have been quicker */
}

void downlink_on_fault(struct downlink *d, const Eocbus__V1__Fault *f)
{
    struct sub *s = downlink_find(d, f->subscription);

    if (!s)
        return;
    if (strcmp(f->code, "taken") == 0 && s->left_behind) {
        s->left_behind--;
        log_warn("downlink.taken.back", "name=%s next=\"asked for again\"", s->durable_name);
        s->state = SUB_ASKED;
        downlink_begin_again(s, TAKEN_MS);
        return;
    }
    if (strcmp(f->code, "taken") == 0) {
        log_error("downlink.taken", "name=%s next=\"silent until started again\"",
                  s->durable_name ? s->durable_name : "");
        s->state = SUB_TAKEN;
        downlink_let_next(d, s);
        return;
    }
    log_warn("downlink.fault", "pattern=%s code=%s %s", s->patterns[0], f->code, f->text);
    s->state = SUB_ASKED; /* the broker has forgotten it: no Unsubscribe */
    downlink_begin_again(s, f->retry_ms ? f->retry_ms : DOWNLINK_REFUSED_MS);
}
