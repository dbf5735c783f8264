/* sim - see sim.h. The heap, the randomness, the trace. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct sim sim;

const char *const step_names[STEPS] = {"idle",
                                       "hello",
                                       "welcome",
                                       "publish",
                                       "receipts",
                                       "busy",
                                       "subscribe",
                                       "subscribed",
                                       "unsubscribe",
                                       "credit",
                                       "deliver",
                                       "acknowledge",
                                       "ping",
                                       "pong",
                                       "fault",
                                       "append sent",
                                       "append waiting",
                                       "append committing",
                                       "append replicating",
                                       "append answered",
                                       "page",
                                       "head",
                                       "principals",
                                       "setup",
                                       "handshake"};

const char *const fault_names[FAULTS] = {
    [FAULT_CUT] = "cut",
    [FAULT_PARTITION] = "partition",
    [FAULT_BROKER_CRASH] = "broker-crash",
    [FAULT_BROKER_STOP] = "broker-stop",
    [FAULT_BROKER_STALL] = "broker-stall",
    [FAULT_AGENT_CRASH] = "agent-crash",
    [FAULT_AGENT_STALL] = "agent-stall",
    [FAULT_POWER_CUT] = "power-cut",
    [FAULT_OUTBOX_NEW] = "outbox-new",
    [FAULT_DB_AWAY] = "db-away",
    [FAULT_DB_STALL] = "db-stall",
    [FAULT_RESTORE] = "restore",
    [FAULT_PROMOTE] = "promote",
    [FAULT_STANDBY_LAGS] = "lag",
    [FAULT_DB_RESET] = "db-reset",
    [FAULT_ANSWER_LOST] = "answer-lost",
    [FAULT_DB_ERROR] = "db-error",
    [FAULT_DB_WARNING] = "db-warning",
    [FAULT_NOTIFY_LOST] = "notify-lost",
    [FAULT_CLOCK_STEP] = "clock-step",
    [FAULT_REVOKE] = "revoke",
    [FAULT_FLOOD] = "flood",
    [FAULT_DEAF] = "deaf",
};

const char *const plant_names[PLANTS] = {
    [PLANT_NONE] = "none",
    [PLANT_ACK_BEFORE_COMMIT] = "ack-before-commit",
    [PLANT_NO_DEDUP] = "no-dedup",
    [PLANT_CURSOR_BEYOND] = "cursor-beyond",
    [PLANT_CREDIT_IGNORED] = "credit-ignored",
    [PLANT_STALE_SESSION] = "stale-session",
    [PLANT_REFUSAL_NOT_KEPT] = "refusal-not-kept",
    [PLANT_EPOCH_IGNORED] = "epoch-ignored",
    [PLANT_LINK_REORDERS] = "link-reorders",
    [PLANT_SETTLE_UNSYNCED] = "settle-unsynced",
    [PLANT_OUTBOX_NORMAL] = "outbox-normal",
    [PLANT_NO_BARRIER] = "no-barrier",
    [PLANT_LOCK_HELD] = "lock-held",
    [PLANT_PLAIN_SEQUENCE] = "plain-sequence",
    [PLANT_EXPIRED_FIRED] = "expired-fired",
    [PLANT_FLASH_BEHIND] = "flash-behind",
    [PLANT_TIMELINE_UNSEEN] = "timeline-unseen",
    [PLANT_LANE_GATE_OPEN] = "lane-gate-open",
};

/* splitmix64: every seed is a good seed. */
uint64_t rng_u64(struct rng *r)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    return n ? rng_u64(r) % n : 0;
}

bool rng_chance(struct rng *r, unsigned per_mille)
{
    return rng_below(r, 1000) < per_mille;
}

/* --- the heap --------------------------------------------------------------------------------- */

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void put_at(size_t i, struct event *e)
{
    sim.heap[i] = e;
    e->place = i + 1;
}

static void sift(size_t i, struct event *e)
{
    while (i && is_before(e, sim.heap[(i - 1) / 2])) {
        put_at(i, sim.heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (size_t child; (child = 2 * i + 1) < sim.heap_count; i = child) {
        if (child + 1 < sim.heap_count && is_before(sim.heap[child + 1], sim.heap[child]))
            child++;
        if (!is_before(sim.heap[child], e))
            break;
        put_at(i, sim.heap[child]);
    }
    put_at(i, e);
}

void sim_cancel(struct event *e)
{
    size_t i = e->place;
    struct event *last;

    if (!i)
        return;
    e->place = 0;
    last = sim.heap[--sim.heap_count];
    if (last != e)
        sift(i - 1, last);
}

static void plan_at(struct event *e, uint64_t at_us, uint64_t order)
{
    sim_cancel(e);
    if (sim.heap_count == sim.heap_cap) {
        sim.heap_cap = sim.heap_cap ? sim.heap_cap * 2 : 256;
        sim.heap = mem_realloc(sim.heap, sim.heap_cap * sizeof(struct event *));
        assert(sim.heap);
    }
    e->at_us = at_us;
    e->order = order;
    sift(sim.heap_count++, e);
}

void sim_plan(struct event *e, uint64_t delay_us)
{
    plan_at(e, sim.now_us + delay_us, ++sim.order);
}

/* --- steps ------------------------------------------------------------------------------------ */

void sim_note(uint64_t value)
{
    struct rng mix = {sim.result->hash ^ value};

    sim.result->hash = rng_u64(&mix);
}

static uint64_t hash_text(const char *text)
{
    uint64_t h = UINT64_C(1469598103934665603);

    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * UINT64_C(1099511628211);
    return h;
}

/* What a node did is followed by the end of its turn: at once, or after more has come in. */
void sim_touch(struct node *n)
{
    if (n->is_up && !n->turn.place)
        sim_plan(&n->turn, rng_chance(&sim.turn, 700) ? 0 : rng_below(&sim.turn, 300));
}

bool sim_step(void)
{
    struct event *e;
    struct node *n;
    bool is_turn;

    if (!sim.heap_count)
        return false;
    e = sim.heap[0];
    n = e->node;
    if (n && n->stalled_until_us > e->at_us) { /* keeps its place among those of the node */
        plan_at(e, n->stalled_until_us, e->order);
        return true;
    }
    sim_cancel(e);
    sim.now_us = e->at_us;
    sim.result->steps++;
    sim_note(sim.now_us ^ hash_text(e->what) ^ (n ? (uint64_t)(n - sim.node + 1) << 56 : 0));
    sim.current = n;
    is_turn = n && e == &n->turn;
    e->fire(e); /* e may be gone now */
    sim.current = NULL;
    if (n && !is_turn)
        sim_touch(n);
    return true;
}

/* --- words ------------------------------------------------------------------------------------ */

void sim_violate(const char *fmt, ...)
{
    struct sim_result *r = sim.result;
    va_list ap;

    if (r->is_violated)
        return;
    r->is_violated = true;
    va_start(ap, fmt);
    vsnprintf(r->violation, sizeof(r->violation), fmt, ap);
    va_end(ap);
    sim_say("VIOLATION: %s", r->violation);
}

void sim_say(const char *fmt, ...)
{
    va_list ap;

    if (!sim.is_loud)
        return;
    printf("%12.6f %-10s ", (double)sim.now_us / 1e6, sim.current ? sim.current->name : "-");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

int64_t sim_utc_us(const struct node *n)
{
    return SIM_UTC_US + (int64_t)sim.now_us + (n ? n->clock_us : 0);
}

struct node *sim_broker(unsigned i)
{
    return &sim.node[i];
}

struct node *sim_agent(unsigned i)
{
    return &sim.node[sim.brokers + i];
}
