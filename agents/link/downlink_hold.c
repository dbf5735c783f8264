/* downlink_hold - what is delivered waits until the keys of its senders are here: one question and
 * its answer, mostly never, because records are kept.
 *
 * A Deliver whose senders are not all known is put aside whole, and what comes behind it on its
 * line too, so that order is kept; an alarm of a known sender passes. When the broker answers, or
 * does not in time, they are taken as if they had just come. What the subscription may have on the
 * way bounds them. */
#include "agents/link/downlink_parts.h"

#include <string.h>

#include "proto/wire/order.h"

#include "proto/base/banned.h"

/* How often is looked whether waiting is over, without an answer. */
#define LOOK_MS 500u

struct held {
    struct list link;
    unsigned line;
    size_t len;
    uint8_t bytes[]; /* a Deliver */
};

static uint64_t now_us(const struct downlink *d)
{
    return loop_now_us(d->set.loop);
}

struct trust_verdict downlink_judge(struct downlink *d, const Eocbus__V1__Delivery *m,
                                    Eocbus__V1__Envelope *e)
{
    const struct trust_said said = {.m = e,
                                    .content = m->content.data,
                                    .len = m->content.len,
                                    .signature = m->signature.data,
                                    .signature_len = m->signature.len,
                                    .received_us = m->stamp->received_time_us};

    if (!trust_is_on(d->set.trust))
        return (struct trust_verdict){.proof = PROOF_OFF};
    if (!e) /* of a newer contract: not even its sender can be read */
        return (struct trust_verdict){.proof = PROOF_UNKNOWN};
    return trust_judge(d->set.trust, &said, now_us(d));
}

/* A provisional one is judged whole: if it could not be taken it would not come again. An order is:
 * there is more to know than its sender. */
static bool must_wait(struct downlink *d, const Eocbus__V1__Delivery *m, bool *is_alarm)
{
    Eocbus__V1__Envelope *e = NULL;
    struct refusal why;

    if (!m->stamp)
        return false;
    *is_alarm = m->stamp->provisional;
    arena_reset(d->arena);
    (void)!gate_content(&e, m->content.data, m->content.len, d->arena, &why);
    if (!e || !e->sender)
        return false;
    return *is_alarm || order_is_for_a_machine(e)
               ? downlink_judge(d, m, e).waits
               : !trust_knows(d->set.trust, e->sender, now_us(d));
}

/* Every sender is asked for at once, not one after the other. */
static bool any_must_wait(struct downlink *d, const Eocbus__V1__Deliver *m, bool *only_alarms)
{
    bool waits = false;

    *only_alarms = m->n_deliveries > 0;
    for (size_t i = 0; i < m->n_deliveries; i++) {
        bool is_alarm = false;

        waits |= must_wait(d, m->deliveries[i], &is_alarm);
        *only_alarms &= is_alarm;
    }
    return waits;
}

static bool is_held(const struct downlink *d, unsigned line)
{
    struct list *link;

    list_each(link, &d->held)
        if (container_of(link, struct held, link)->line == line)
            return true;
    return false;
}

/* --- questions -------------------------------------------------------------------------------- */

static bool send_anywhere(struct downlink *d, const Eocbus__V1__Frame *f)
{
    if (d->set.send(d->set.arg, f) == ST_OK)
        return true;
    for (unsigned line = 0; line < DOWNLINK_LINES; line++)
        if (d->ears_stand[line] && d->set.send_on(d->set.arg, line, f) == ST_OK)
            return true;
    return false;
}

void downlink_ask(struct downlink *d)
{
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Who who = EOCBUS__V1__WHO__INIT;
    char *names[TRUST_QUESTION];

    if (!trust_is_on(d->set.trust))
        return;
    who.names = names;
    who.order_rules = trust_asks_rules(d->set.trust);
    f.what_case = EOCBUS__V1__FRAME__WHAT_WHO;
    f.who = &who;
    while ((who.n_names = trust_questions(d->set.trust, names)) > 0)
        if (!send_anywhere(d, &f)) {
            trust_unasked(d->set.trust);
            return;
        }
}

/* --- putting aside ---------------------------------------------------------------------------- */

bool downlink_hold(struct downlink *d, unsigned line, const Eocbus__V1__Deliver *m)
{
    bool only_alarms, waits;
    struct held *h;
    size_t len;

    if (!trust_is_on(d->set.trust))
        return false;
    waits = any_must_wait(d, m, &only_alarms);
    downlink_ask(d);
    if (!waits && (only_alarms || !is_held(d, line)))
        return false;
    len = eocbus__v1__deliver__get_packed_size(m);
    h = mem_alloc(sizeof(*h) + len);
    if (!h)
        return false; /* then without what is not known */
    h->line = line;
    h->len = eocbus__v1__deliver__pack(m, h->bytes);
    list_add_tail(&d->held, &h->link);
    if (waits)
        loop_timer_start(d->hold_timer, LOOK_MS, LOOK_MS);
    return true;
}

static void drop(struct held *h)
{
    list_remove(&h->link);
    mem_free(h);
}

void downlink_drop_held(struct downlink *d, unsigned line)
{
    struct list *link, *next;

    list_each_safe(link, next, &d->held) {
        struct held *h = container_of(link, struct held, link);

        if (h->line == line || line == ALL_LINES)
            drop(h);
    }
}

/* False: it has to wait on. */
static bool take(struct downlink *d, struct held *h)
{
    Eocbus__V1__Deliver *m = eocbus__v1__deliver__unpack(NULL, h->len, h->bytes);
    bool only_alarms, waits = m && any_must_wait(d, m, &only_alarms);
    unsigned line = h->line;

    if (waits) {
        eocbus__v1__deliver__free_unpacked(m, NULL);
        return false;
    }
    drop(h); /* before the program is called, which may end us */
    if (m && line == MAIN_LINE)
        downlink_take_deliver(d, m);
    else if (m)
        downlink_take_heard(d, line, m);
    if (m)
        eocbus__v1__deliver__free_unpacked(m, NULL);
    return true;
}

/* The first one whose line has nothing before it that waits on. Looked for from the first each
 * time: the program that was called may have ended a line. */
static bool take_next(struct downlink *d, unsigned *waiting_lines)
{
    struct list *link;

    list_each(link, &d->held) {
        struct held *h = container_of(link, struct held, link);

        if (*waiting_lines & BIT(h->line))
            continue;
        if (take(d, h))
            return true;
        *waiting_lines |= BIT(h->line);
    }
    return false;
}

void downlink_release(struct downlink *d)
{
    unsigned waiting_lines = 0;

    while (take_next(d, &waiting_lines))
        ;
    downlink_ask(d);
    if (list_empty(&d->held))
        loop_timer_stop(d->hold_timer);
}

void downlink_look_again(void *arg)
{
    downlink_release(arg);
}

void downlink_on_known(struct downlink *d, const Eocbus__V1__Known *m)
{
    if (!trust_is_on(d->set.trust))
        return;
    trust_learn(d->set.trust, m, now_us(d));
    downlink_release(d);
}
