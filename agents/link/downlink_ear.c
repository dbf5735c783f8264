/* downlink_ear - alarms, as heard on the lines that stand by.
 *
 * Each subscription has an ear on each of them: the same patterns, FLASH only, from now on. What an
 * ear hears as provisional is handed over like what the main line says; ids collapse the copies.
 * What it hears with a number is only acknowledged: the main line brings it in its place. One that
 * a Fault ended asks again when the broker said, or half a minute later. */
#include "agents/link/downlink_parts.h"

#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/banned.h"

#define EAR_CREDIT 64u

static bool is_about_alarms(const struct sub *s)
{
    for (size_t i = 0; i < s->lane_count; i++)
        if (s->lanes[i] == EOCBUS__V1__LANE__LANE_FLASH)
            return true;
    return !s->lane_count;
}

static void listen(struct sub *s, unsigned line)
{
    struct downlink *d = s->downlink;
    Eocbus__V1__Subscribe m = EOCBUS__V1__SUBSCRIBE__INIT;
    Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;
    Eocbus__V1__Lane flash = EOCBUS__V1__LANE__LANE_FLASH;

    s->ears[line] = (struct ear){0};
    if (!is_about_alarms(s))
        return;
    s->ears[line].number = downlink_new_number(d);
    m.subscription = s->ears[line].number;
    m.n_patterns = s->pattern_count;
    m.patterns = s->patterns;
    m.to_me = s->to_me;
    m.credit = EAR_CREDIT;
    m.n_lanes = 1;
    m.lanes = &flash;
    f.what_case = EOCBUS__V1__FRAME__WHAT_SUBSCRIBE;
    f.subscribe = &m;
    s->ears[line].listens = d->set.send_on(d->set.arg, line, &f) == ST_OK;
}

void downlink_prick_up(struct sub *s)
{
    for (unsigned line = 0; line < DOWNLINK_LINES; line++)
        if (s->downlink->ears_stand[line] && !s->ears[line].listens)
            listen(s, line);
}

static void wake_for_the_nearest(struct sub *s)
{
    uint64_t nearest = UINT64_MAX, now = loop_now_us(s->downlink->set.loop);

    for (unsigned line = 0; line < DOWNLINK_LINES; line++)
        if (s->ears[line].again_us && s->ears[line].again_us < nearest)
            nearest = s->ears[line].again_us;
    if (nearest != UINT64_MAX)
        loop_timer_start(s->ear_timer, nearest > now ? (unsigned)((nearest - now) / 1000) + 1 : 1,
                         0);
}

void downlink_ear_again(void *sub)
{
    struct sub *s = sub;

    for (unsigned line = 0; line < DOWNLINK_LINES; line++) {
        uint64_t at = s->ears[line].again_us;

        if (!at || at > loop_now_us(s->downlink->set.loop))
            continue;
        s->ears[line].again_us = 0;
        if (s->downlink->ears_stand[line] && !s->ears[line].listens)
            listen(s, line);
    }
    wake_for_the_nearest(s);
}

static void rest(struct sub *s, struct ear *ear, const Eocbus__V1__Fault *fault)
{
    uint64_t wait_ms = fault->retry_ms ? fault->retry_ms : DOWNLINK_REFUSED_MS;

    log_info("downlink.ear.fault", "pattern=%s code=%s retry_ms=%llu %s", s->patterns[0],
             fault->code, (unsigned long long)wait_ms, fault->text);
    ear->listens = false;
    ear->again_us = loop_now_us(s->downlink->set.loop) + wait_ms * 1000;
    wake_for_the_nearest(s);
}

void downlink_ear_begin(struct downlink *d, unsigned line)
{
    struct list *link;

    downlink_ear_end(d, line);
    d->ears_stand[line] = true;
    list_each(link, &d->subs)
        listen(container_of(link, struct sub, link), line);
}

static void stop_listening(struct sub *s, unsigned line)
{
    struct downlink *d = s->downlink;

    if (s->ears[line].listens)
        downlink_say_unsubscribe(d, line, s->ears[line].number);
    s->ears[line].listens = false;
    s->ears[line].again_us = 0;
}

void downlink_ear_end(struct downlink *d, unsigned line)
{
    struct list *link;

    if (!d->ears_stand[line])
        return;
    d->ears_stand[line] = false;
    downlink_drop_held(d, line);
    list_each(link, &d->subs)
        stop_listening(container_of(link, struct sub, link), line);
}

static struct sub *find_by_ear(struct downlink *d, unsigned line, uint32_t number)
{
    struct list *link;

    list_each(link, &d->subs) {
        struct sub *s = container_of(link, struct sub, link);

        if (s->ears[line].listens && s->ears[line].number == number)
            return s;
    }
    return NULL;
}

static void hear(struct sub *s, struct ear *ear, const Eocbus__V1__Deliver *m)
{
    for (size_t i = 0; i < m->n_deliveries; i++) {
        const Eocbus__V1__Delivery *delivery = m->deliveries[i];

        if (!delivery->stamp)
            continue;
        if (delivery->stamp->provisional || !delivery->stamp->seq) {
            ear->warnings++;
            if (s->state != SUB_TAKEN) /* else it is another program's by now */
                (void)downlink_hand_over(s, delivery);
        } else {
            ear->taken++;
            ear->acknowledge = delivery->stamp->seq;
        }
    }
    for (size_t i = 0; i < m->n_withdrawn; i++)
        downlink_take_withdrawal(s, m->withdrawn[i]);
}

void downlink_take_heard(struct downlink *d, unsigned line, const Eocbus__V1__Deliver *m)
{
    struct sub *s = find_by_ear(d, line, m->subscription);

    if (s)
        hear(s, &s->ears[line], m);
}

void downlink_ear_frame(struct downlink *d, unsigned line, const Eocbus__V1__Frame *f)
{
    struct sub *s;

    if (f->what_case == EOCBUS__V1__FRAME__WHAT_DELIVER) {
        if (!downlink_hold(d, line, f->deliver))
            downlink_take_heard(d, line, f->deliver);
    } else if (f->what_case == EOCBUS__V1__FRAME__WHAT_FAULT) {
        s = find_by_ear(d, line, f->fault->subscription);
        if (s)
            rest(s, &s->ears[line], f->fault);
    }
}

bool downlink_ears_flush(struct sub *s)
{
    struct downlink *d = s->downlink;
    bool sent = false;

    for (unsigned line = 0; line < DOWNLINK_LINES; line++) {
        struct ear *ear = &s->ears[line];
        Eocbus__V1__Acknowledge m = EOCBUS__V1__ACKNOWLEDGE__INIT;
        Eocbus__V1__Credit credit = EOCBUS__V1__CREDIT__INIT;
        Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

        if (!ear->listens || (!ear->warnings && !ear->acknowledge))
            continue;
        m.subscription = credit.subscription = ear->number;
        m.upto = ear->acknowledge;
        m.provisional = ear->warnings;
        f.what_case = EOCBUS__V1__FRAME__WHAT_ACKNOWLEDGE;
        f.acknowledge = &m;
        if (d->set.send_on(d->set.arg, line, &f) != ST_OK)
            continue;
        sent = true;
        ear->warnings = 0;
        ear->acknowledge = 0;
        credit.messages = ear->taken;
        f.what_case = EOCBUS__V1__FRAME__WHAT_CREDIT;
        f.credit = &credit;
        if (ear->taken && d->set.send_on(d->set.arg, line, &f) == ST_OK)
            ear->taken = 0;
    }
    return sent;
}
