/* sim_net - proto/base/zport.h and broker/access/zap.h on a simulated network.
 *
 * A connection carries frames both ways, each way in order. What differs from a quiet wire: every
 * frame takes its own time, connections overtake each other, queues are short, one end hears of a
 * break before the other (what it sends meanwhile is swallowed), part of what was under way still
 * arrives, and between a pair nothing may pass for a while.
 *
 *   dial ──▶ asked at the door (ZAP) ──▶ up ──▶ cut: each end notices in its own time ──▶ gone */
#include <stdio.h>
#include <string.h>

#include "broker/access/zap.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/base/keys.h"
#include "proto/base/loop.h"
#include "proto/base/zport.h"
#include "tests/sim/check.h"

enum { TO_BROKER, TO_AGENT, WAYS };

struct zctx {
    struct node *node;
    struct zap *zap;
};

struct zap {
    struct zctx *ctx;
    struct zap_door door;
};

struct zport {
    struct list link; /* of bound ports, in the order of binding */
    struct zctx *ctx;
    struct zport_events events;
    char endpoint[64];
    uint8_t key[KEY_BYTES];
    bool is_router, is_blocked, is_dead, is_paused;
    unsigned calls, redial_ms, redial_most_ms, heartbeat_timeout_ms;
    struct event dial;  /* DEALER: the next attempt */
    struct event again; /* a blocked sender is invited */
    struct conn *conn;  /* DEALER */
};

struct frame {
    struct list link;
    uint64_t arrives_us;
    size_t len;
    uint8_t data[];
};

struct flow {
    struct conn *conn;
    struct list frames;
    unsigned count;
    uint64_t last_us; /* arrival of the last one: nothing overtakes */
    struct event arrive;
};

struct account { /* what a listener may be sent, by subscription */
    uint32_t subscription;
    uint64_t credit, sent;
    struct heard *heard; /* who asked for it, by its pattern */
};
enum { ACCOUNTS = 8 };

struct conn {
    struct list link;        /* of all, in the order of their making */
    struct zport *end[WAYS]; /* receiving end of each way; NULL = has noticed that it is over */
    struct node *agent, *broker;
    bool is_up, is_cut, is_held; /* held: the door has not decided */
    uint32_t number;
    uint64_t base_us, jitter_us;
    char user[128];
    struct flow flow[WAYS];
    struct event handshake, notice[WAYS];
    struct account account[ACCOUNTS];
    unsigned accounts;
};

static struct {
    struct list ports, conns;
    uint32_t numbers;
} net;

void net_reset(void)
{
    list_init(&net.ports);
    list_init(&net.conns);
    net.numbers = 0;
}

/* --- calls out -------------------------------------------------------------------------------- */

static void enter(struct zport *p)
{
    p->calls++;
}

static void leave(struct zport *p)
{
    if (--p->calls == 0 && p->is_dead)
        mem_free(p);
}

static void tell_linked(struct zport *p, bool up, const char *why)
{
    sim_say("link %s: %s", up ? "up" : "down", why);
    enter(p);
    if (p->events.linked)
        p->events.linked(p->events.arg, up, why);
    leave(p);
}

/* --- connections ------------------------------------------------------------------------------ */

static void clear_flow(struct flow *f, unsigned keep)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &f->frames) {
        struct frame *m = container_of(pos, struct frame, link);

        if (keep) {
            keep--;
            continue;
        }
        list_remove(&m->link);
        mem_free(m);
        f->count--;
    }
    if (!f->count)
        sim_cancel(&f->arrive);
}

/* Both ends have noticed, and nothing is under way to anybody. */
static void free_if_over(struct conn *c)
{
    if (c->end[TO_BROKER] || c->end[TO_AGENT])
        return;
    for (unsigned way = 0; way < WAYS; way++) {
        clear_flow(&c->flow[way], 0);
        sim_cancel(&c->notice[way]);
    }
    sim_cancel(&c->handshake);
    list_remove(&c->link);
    mem_free(c);
}

/* This end is gone, or knows that the other is. */
static struct zport *take_end(struct conn *c, unsigned way)
{
    struct zport *p = c->end[way];

    c->end[way] = NULL;
    clear_flow(&c->flow[way], 0);
    sim_cancel(&c->notice[way]);
    if (way == TO_AGENT && p)
        p->conn = NULL;
    free_if_over(c);
    return p;
}

static void redial(struct zport *p, bool first)
{
    uint64_t wait_us = p->redial_ms * UINT64_C(1000);

    if (!first && p->redial_ms * 2 <= p->redial_most_ms)
        p->redial_ms *= 2;
    sim_plan(&p->dial, (first ? 200 : wait_us) + rng_below(&sim.net, 1000));
}

static void on_notice(struct event *e)
{
    unsigned way = !strcmp(e->what, "noticed by agent") ? TO_AGENT : TO_BROKER;
    struct conn *c = container_of(e, struct conn, notice[way]);
    bool was_up = c->is_up;
    struct zport *p = take_end(c, way);

    if (way == TO_BROKER || !p)
        return;
    redial(p, false); /* ZeroMQ tries again by itself, unless the owner gives it up now */
    if (was_up)
        tell_linked(p, false, "the connection to the broker was lost");
}

static uint64_t notice_us(uint64_t dice)
{
    if (dice % 8 < 5)
        return 100 + dice % 1000;
    return dice % 8 < 7 ? dice % 500000 : dice % (90 * SECOND_US);
}

/* The wire is cut. Part of what was under way arrives all the same. */
static void cut(struct conn *c, uint64_t dice)
{
    struct rng r = {dice};

    c->is_cut = true;
    for (unsigned way = 0; way < WAYS; way++) {
        clear_flow(&c->flow[way], (unsigned)rng_below(&r, c->flow[way].count + 1));
        if (c->end[way] && !c->notice[way].place)
            sim_plan(&c->notice[way], notice_us(rng_u64(&r)));
    }
    sim_cancel(&c->handshake);
}

void net_cut(struct node *agent, struct node *broker, uint64_t dice)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &net.conns) {
        struct conn *c = container_of(pos, struct conn, link);

        if ((!agent || c->agent == agent) && (!broker || c->broker == broker) && !c->is_cut)
            cut(c, dice++);
    }
}

void net_mark_steps(const struct node *n, bool out[STEPS])
{
    struct list *pos, *at;

    list_each(pos, &net.conns) {
        struct conn *c = container_of(pos, struct conn, link);

        if (n && c->agent != n && c->broker != n)
            continue;
        if (!c->is_up)
            out[STEP_HANDSHAKE] = true;
        for (unsigned way = 0; way < WAYS; way++)
            list_each(at, &c->flow[way].frames) {
                unsigned kind = container_of(at, struct frame, link)->data[0] >> 3;

                if (kind < STEP_APPEND_SENT)
                    out[kind] = true;
            }
    }
}

/* --- frames under way ------------------------------------------------------------------------- */

static uint64_t blocked_for_us(const struct conn *c)
{
    uint64_t until = sim.blocked_until_us[c->broker->index][c->agent->index];

    return until > sim.now_us ? until - sim.now_us : 0;
}

static void plan_arrival(struct flow *f)
{
    struct frame *m = f->count ? container_of(list_first(&f->frames), struct frame, link) : NULL;

    if (m && !f->arrive.place)
        sim_plan(&f->arrive, m->arrives_us > sim.now_us ? m->arrives_us - sim.now_us : 0);
}

static void invite(struct zport *p)
{
    if (p && p->is_blocked && !p->again.place)
        sim_plan(&p->again, rng_below(&sim.net, 500));
}

static void on_again(struct event *e)
{
    struct zport *p = container_of(e, struct zport, again);

    if (!p->is_blocked)
        return;
    p->is_blocked = false;
    enter(p);
    if (p->events.writable)
        p->events.writable(p->events.arg);
    leave(p);
}

static void hear_subscribed(struct conn *c, const uint8_t *data, size_t len);

static void hand_over(struct zport *p, struct conn *c, const struct frame *m)
{
    struct zport_message said = {.data = m->data, .len = m->len, .fd = -1};

    if (p->is_router) {
        said.from.len = 5;
        memcpy(said.from.bytes + 1, &c->number, 4);
        said.user_id = c->user;
    }
    sim_note(m->len << 8 | (m->len ? m->data[0] : 0));
    if (m->len)
        sim_say("gets %s %zu bytes (connection %u)", step_names[m->data[0] >> 3 & 15], m->len,
                c->number);
    if (m->len && m->data[0] >> 3 == 7)
        hear_subscribed(c, m->data, m->len);
    if (m->len && m->data[0] >> 3 == 5)
        c->agent->busy_us = sim.now_us, c->agent->ahead_us = 0;
    enter(p);
    p->events.message(p->events.arg, &said);
    leave(p);
}

static void on_arrive(struct event *e)
{
    struct flow *f = container_of(e, struct flow, arrive);
    struct conn *c = f->conn;
    unsigned way = (unsigned)(f - c->flow);
    struct zport *p = c->end[way];
    struct frame *m = container_of(list_first(&f->frames), struct frame, link);
    uint64_t blocked_us = blocked_for_us(c);

    if (p->is_paused) { /* it waits in the socket */
        sim_plan(e, 10000);
        return;
    }
    if (blocked_us) {
        sim_plan(e, blocked_us + rng_below(&sim.net, 100000));
        return;
    }
    if (sim.plant == PLANT_LINK_REORDERS && f->count > 1 && rng_chance(&sim.net, 100)) {
        list_remove(&m->link);
        list_add_tail(&f->frames, &m->link);
        m = container_of(list_first(&f->frames), struct frame, link);
    }
    list_remove(&m->link);
    f->count--;
    plan_arrival(f);
    if (c->end[!way] && !c->end[!way]->is_router)
        invite(c->end[!way]);
    hand_over(p, c, m);
    mem_free(m);
}

/* --- what is said about credit ---------------------------------------------------------------- */

static struct account *account_of(struct conn *c, uint32_t subscription)
{
    for (unsigned i = 0; i < c->accounts; i++)
        if (c->account[i].subscription == subscription)
            return &c->account[i];
    if (c->accounts == ACCOUNTS) { /* the oldest one has ended long ago */
        memmove(c->account, c->account + 1, (ACCOUNTS - 1) * sizeof(*c->account));
        c->accounts--;
    }
    c->account[c->accounts] = (struct account){.subscription = subscription};
    return &c->account[c->accounts++];
}

static void audit_deliver(struct conn *c, const Eocbus__V1__Deliver *d)
{
    struct account *a = account_of(c, d->subscription);

    for (size_t i = 0; i < d->n_deliveries; i++)
        a->sent += d->deliveries[i]->stamp && !d->deliveries[i]->stamp->provisional;
    if (a->sent > a->credit)
        sim_violate("credit ignored: %s gave %llu on subscription %u and was sent %llu",
                    c->agent->name, (unsigned long long)a->credit, d->subscription,
                    (unsigned long long)a->sent);
}

static void audit_subscribe(struct conn *c, const Eocbus__V1__Subscribe *m)
{
    struct account *a = account_of(c, m->subscription);

    a->credit = m->credit;
    if (m->n_lanes == 1 && m->lanes[0] == EOCBUS__V1__LANE__LANE_FLASH)
        return; /* an ear for alarms: all of it comes elsewhere */
    for (unsigned i = 0; i < c->agent->heard_count; i++)
        if (!strcmp(c->agent->heard[i].pattern, m->patterns[0])) {
            a->heard = &c->agent->heard[i];
            a->heard->asked = m->subscription;
        }
}

static void audit_unsubscribe(struct conn *c, const Eocbus__V1__Unsubscribe *m)
{
    struct account *a = account_of(c, m->subscription);

    if (a->heard && a->heard->asked == m->subscription)
        a->heard->asked = 0;
}

static void audit_publish(struct conn *c, const Eocbus__V1__Publish *m)
{
    for (size_t i = 0; i < m->n_items; i++)
        if (m->items[i]->ahead)
            c->agent->ahead_us = sim.now_us;
}

/* As the agent hears it. */
static void hear_subscribed(struct conn *c, const uint8_t *data, size_t len)
{
    Eocbus__V1__Frame *f = eocbus__v1__frame__unpack(NULL, len, data);
    struct account *a = f ? account_of(c, f->subscribed->subscription) : NULL;

    if (a && a->heard && a->heard->asked == a->subscription) /* else it has moved on */
        check_subscribed(a->heard, f->subscribed->log_epoch, f->subscribed->after);
    if (f)
        eocbus__v1__frame__free_unpacked(f, NULL);
}

/* Who speaks is held to what was granted: credit counts when it is given, not when it arrives. */
static void audit(struct conn *c, const uint8_t *data, size_t len)
{
    unsigned kind = len ? data[0] >> 3 : 0;
    Eocbus__V1__Frame *f;

    if (kind == 4)
        check_receipts(c->agent->name, data, len);
    if (kind != 3 && kind != 6 && kind != 8 && kind != 9 && kind != 10)
        return;
    f = eocbus__v1__frame__unpack(NULL, len, data);
    if (!f)
        return;
    if (f->what_case == EOCBUS__V1__FRAME__WHAT_PUBLISH)
        audit_publish(c, f->publish);
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_SUBSCRIBE)
        audit_subscribe(c, f->subscribe);
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_UNSUBSCRIBE)
        audit_unsubscribe(c, f->unsubscribe);
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_CREDIT)
        account_of(c, f->credit->subscription)->credit += f->credit->messages;
    else
        audit_deliver(c, f->deliver);
    eocbus__v1__frame__free_unpacked(f, NULL);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* For the trace: which numbers travel. */
static void say_items(const struct conn *c, const Eocbus__V1__Frame *f)
{
    if (f->what_case == EOCBUS__V1__FRAME__WHAT_PUBLISH)
        for (size_t i = 0; i < f->publish->n_items; i++)
            sim_say("    offers lane %llu number %llu (connection %u)",
                    (unsigned long long)f->publish->items[i]->tag >> 56,
                    (unsigned long long)f->publish->items[i]->tag & 0xffffffffffffff, c->number);
    if (f->what_case == EOCBUS__V1__FRAME__WHAT_BUSY)
        for (size_t i = 0; i < f->busy->n_tags; i++)
            sim_say("    turns away lane %llu number %llu (connection %u): %s",
                    (unsigned long long)f->busy->tags[i] >> 56,
                    (unsigned long long)f->busy->tags[i] & 0xffffffffffffff, c->number,
                    f->busy->text);
}

static void say_frame(const struct conn *c, const void *data, size_t len)
{
    Eocbus__V1__Frame *f = sim.is_loud ? eocbus__v1__frame__unpack(NULL, len, data) : NULL;

    if (!f)
        return;
    say_items(c, f);
    eocbus__v1__frame__free_unpacked(f, NULL);
}

static enum status enqueue(struct conn *c, unsigned way, const void *data, size_t len)
{
    struct flow *f = &c->flow[way];
    struct frame *m;
    uint64_t at;

    if (f->count >= sim.queue_cap)
        return ST_FULL;
    if (c->is_cut || !c->end[way])
        return ST_OK; /* swallowed: nobody is at the other end any more */
    m = mem_alloc(sizeof(*m) + len);
    if (!m)
        return ST_NOMEM;
    at = sim.now_us + c->base_us + rng_below(&sim.net, c->jitter_us);
    f->last_us = m->arrives_us = at > f->last_us ? at : f->last_us;
    m->len = len;
    memcpy(m->data, data, len);
    list_add_tail(&f->frames, &m->link);
    f->count++;
    plan_arrival(f);
    if (len && m->data[0] >> 3 < STEP_APPEND_SENT)
        faults_see((enum step)(m->data[0] >> 3), c->agent, c->broker, m->arrives_us - sim.now_us);
    return ST_OK;
}

static struct conn *find_conn(struct zport *router, const struct zport_id *to)
{
    struct list *pos;

    list_each(pos, &net.conns) {
        struct conn *c = container_of(pos, struct conn, link);

        if (c->end[TO_BROKER] == router && c->is_up && to->len == 5 &&
            !memcmp(to->bytes + 1, &c->number, 4))
            return c;
    }
    return NULL;
}

enum status zport_send(struct zport *p, const struct zport_id *to, const void *data, size_t len)
{
    struct conn *c = p->is_router ? find_conn(p, to) : p->conn;
    enum status st;

    if (sim.is_crashing)
        return ST_OK;
    if (p->is_router && !c)
        return ST_NOTFOUND;
    st = c && c->is_up ? enqueue(c, p->is_router ? TO_AGENT : TO_BROKER, data, len) : ST_FULL;
    if (st == ST_OK) {
        audit(c, data, len);
        say_frame(c, data, len);
    }
    if (st == ST_FULL) {
        sim.result->full++;
        p->ctx->node->full_us = sim.now_us;
        p->is_blocked = true;
        if (p->is_router && !p->again.place)
            sim_plan(&p->again, 5000 + rng_below(&sim.net, 75000));
    }
    return st;
}

/* --- meeting ---------------------------------------------------------------------------------- */

static void on_handshake(struct event *e)
{
    struct conn *c = container_of(e, struct conn, handshake);
    uint64_t blocked_us = blocked_for_us(c);

    if (blocked_us) {
        sim_plan(e, blocked_us + rng_below(&sim.net, 100000));
        return;
    }
    if (!c->end[TO_BROKER]) { /* the broker went away meanwhile */
        cut(c, rng_u64(&sim.net));
        return;
    }
    c->is_up = true;
    tell_linked(c->end[TO_AGENT], true, "the handshake is done");
}

static void refuse(struct conn *c)
{
    struct zport *p = c->end[TO_AGENT];

    take_end(c, TO_BROKER);
    p = p ? take_end(c, TO_AGENT) : NULL;
    if (p)
        tell_linked(p, false,
                    "the broker refused this key (ZAP status 400): the key is not enrolled, or "
                    "revoked");
}

static void on_refused(struct event *e)
{
    refuse(container_of(e, struct conn, handshake));
}

static void ask_at_door(struct conn *c)
{
    struct zap *z = c->end[TO_BROKER]->ctx->zap;
    struct node *was = sim.current;
    const char *name = "";
    enum zap_verdict verdict;

    sim.current = c->broker;
    verdict = z->door.who(z->door.arg, c->end[TO_AGENT]->key, c->agent->name, &name);
    sim.current = was;
    c->is_held = verdict == ZAP_LATER;
    if (c->is_held)
        return;
    snprintf(c->user, sizeof(c->user), "%s", name);
    c->handshake.fire = verdict == ZAP_ADMIT ? on_handshake : on_refused;
    sim_plan(&c->handshake, c->base_us * 2 + rng_below(&sim.net, c->jitter_us));
}

static struct zport *find_bound(const char *endpoint)
{
    struct list *pos;

    list_each(pos, &net.ports) {
        struct zport *p = container_of(pos, struct zport, link);

        if (!strcmp(p->endpoint, endpoint))
            return p;
    }
    return NULL;
}

static void prepare_conn(struct conn *c)
{
    static const char *const words[WAYS] = {"noticed by broker", "noticed by agent"};
    static const char *const ways[WAYS] = {"frame to broker", "frame to agent"};

    for (unsigned way = 0; way < WAYS; way++) {
        struct node *n = way == TO_BROKER ? c->broker : c->agent;

        list_init(&c->flow[way].frames);
        c->flow[way].conn = c;
        c->flow[way].arrive = (struct event){.fire = on_arrive, .node = n, .what = ways[way]};
        c->notice[way] = (struct event){.fire = on_notice, .node = n, .what = words[way]};
    }
    c->handshake = (struct event){.fire = on_handshake, .node = c->agent, .what = "handshake"};
}

static void on_dial(struct event *e)
{
    static const unsigned delays_us[] = {100, 1000, 20000, 400000};
    struct zport *p = container_of(e, struct zport, dial), *router = find_bound(p->endpoint);
    struct conn *c;

    if (!router ||
        sim.blocked_until_us[router->ctx->node->index][p->ctx->node->index] > sim.now_us ||
        router->ctx->node->stalled_until_us > sim.now_us) {
        redial(p, false);
        return;
    }
    c = mem_zalloc(sizeof(*c));
    if (!c)
        return;
    c->agent = p->ctx->node;
    c->broker = router->ctx->node;
    c->end[TO_BROKER] = router;
    c->end[TO_AGENT] = p;
    c->number = ++net.numbers;
    c->base_us = delays_us[rng_below(&sim.net, 4)];
    c->jitter_us = 1 + rng_below(&sim.net, c->base_us * 3);
    p->conn = c;
    prepare_conn(c);
    list_add_tail(&net.conns, &c->link);
    faults_see(STEP_HANDSHAKE, c->agent, c->broker, c->base_us);
    ask_at_door(c);
}

enum status zap_create(struct zap **out, struct zctx *z, const struct zap_door *door)
{
    struct zap *zap = mem_zalloc(sizeof(*zap));

    if (!zap)
        return ST_NOMEM;
    zap->ctx = z;
    zap->door = *door;
    z->zap = zap;
    *out = zap;
    return ST_OK;
}

void zap_destroy(struct zap *z)
{
    if (!z)
        return;
    z->ctx->zap = NULL;
    mem_free(z);
}

void zap_decide(struct zap *z)
{
    struct list *pos;

    list_each(pos, &net.conns) {
        struct conn *c = container_of(pos, struct conn, link);

        if (c->is_held && !c->is_cut && c->broker == z->ctx->node && c->end[TO_AGENT] &&
            c->end[TO_BROKER])
            ask_at_door(c);
    }
}

/* --- life ------------------------------------------------------------------------------------- */

enum status zctx_create(struct zctx **out, struct loop *l)
{
    struct zctx *z = mem_zalloc(sizeof(*z));

    (void)l;
    if (!z)
        return ST_NOMEM;
    z->node = sim.current;
    *out = z;
    return ST_OK;
}

void zctx_destroy(struct zctx *z)
{
    mem_free(z);
}

enum status zport_create(struct zport **out, struct zctx *z, const struct zport_settings *set,
                         const struct zport_events *events)
{
    struct zport *p = mem_zalloc(sizeof(*p));

    if (!p)
        return ST_NOMEM;
    list_init(&p->link);
    p->ctx = z;
    p->events = *events;
    p->is_router = set->bind;
    p->redial_ms = set->reconnect_ms ? set->reconnect_ms : 250;
    p->redial_most_ms = set->reconnect_max_ms;
    p->heartbeat_timeout_ms = set->heartbeat_timeout_ms;
    snprintf(p->endpoint, sizeof(p->endpoint), "%s", set->endpoint);
    p->dial = (struct event){.fire = on_dial, .node = z->node, .what = "dial"};
    p->again = (struct event){.fire = on_again, .node = z->node, .what = "writable"};
    if (keys_z85_decode(p->key, set->public_z85) != ST_OK) {
        mem_free(p);
        return ST_INVALID;
    }
    if (p->is_router)
        list_add_tail(&net.ports, &p->link);
    else
        redial(p, true);
    *out = p;
    return ST_OK;
}

/* The other end hears of it, later. */
static void let_go(struct conn *c, unsigned way)
{
    if (!c->is_cut)
        cut(c, rng_u64(&sim.net));
    take_end(c, way);
}

void zport_destroy(struct zport *p)
{
    struct list *pos, *next;

    if (!p)
        return;
    sim_cancel(&p->dial);
    sim_cancel(&p->again);
    list_remove(&p->link);
    list_each_safe(pos, next, &net.conns) {
        struct conn *c = container_of(pos, struct conn, link);

        if (c->end[TO_BROKER] == p)
            let_go(c, TO_BROKER);
        else if (c->end[TO_AGENT] == p)
            let_go(c, TO_AGENT);
    }
    p->is_dead = true;
    if (!p->calls)
        mem_free(p);
}

const char *zport_endpoint(const struct zport *p)
{
    return p->endpoint;
}

bool zport_hang_up(struct zport *p, int fd, uint64_t connection, bool only_unread)
{
    (void)p, (void)fd, (void)connection, (void)only_unread; /* no connection has a name here */
    return false;
}

enum status zport_listen_also(struct zport *p, const char *endpoint, const char *secret_z85)
{
    (void)p;
    (void)endpoint;
    (void)secret_z85;
    return ST_INVALID; /* no broker here changes its key */
}

void zport_pause(struct zport *p, bool paused)
{
    p->is_paused = paused;
}
