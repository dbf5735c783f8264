/* faults - what goes wrong in a run, and when: a list made from the seed before it starts, so that
 * single ones can be left out and the run repeated. */
#include <signal.h>
#include <string.h>

#include "tests/sim/check.h"
#include "tests/sim/sim.h"

static struct event armed[FAULTS_MOST], struck[FAULTS_MOST], healed[FAULTS_MOST], calm;
static unsigned waiting[FAULTS_MOST], waiting_count; /* armed, and not yet struck */

#define AIM_MOST_US (10 * SECOND_US)
enum { PAIRS_A_SEED = 4 };

static void plan_pair(struct sim_result *r, struct rng *dice, uint64_t span_us, enum step step,
                      enum fault_kind kind)
{
    r->faults[r->fault_count++] =
        (struct fault){.at_us = 3 * SECOND_US + rng_below(dice, span_us / 2),
                       .kind = kind,
                       .for_us = rng_below(dice, 6 * SECOND_US),
                       .dice = rng_u64(dice),
                       .aim = step,
                       .is_patient = true,
                       .broker = (unsigned)rng_below(dice, BROKERS_MOST),
                       .agent = (unsigned)rng_below(dice, AGENTS_MOST)};
}

/* Seeds that follow each other take aim at the pairs of step and fault in turn, so that some
 * hundreds of them meet every pair. An Unsubscribe is so rare that all of them wait for one, while
 * everybody's programs stop listening in turn: that is when one is sent. */
static void plan_pairs(struct sim_result *r, struct rng *dice, uint64_t span_us)
{
    for (unsigned i = 0; i < PAIRS_A_SEED; i++) {
        uint64_t pair = (r->seed * PAIRS_A_SEED + i) % (STEPS * FAULTS);

        plan_pair(r, dice, span_us, (enum step)(pair / FAULTS), (enum fault_kind)(pair % FAULTS));
    }
    plan_pair(r, dice, span_us, STEP_UNSUBSCRIBE, (enum fault_kind)(r->seed % FAULTS));
    for (unsigned i = 0; i < AGENTS_MOST; i++)
        r->faults[r->fault_count++] =
            (struct fault){.at_us = span_us / 2 + i * SECOND_US,
                           .kind = FAULT_DEAF,
                           .for_us = SECOND_US + rng_below(dice, SECOND_US),
                           .agent = i};
}

/* Three that make a fourth: the standby hears nothing, what waits for it is cut short, it is
 * promoted. */
static void plan_failover(struct sim_result *r, struct rng *dice, uint64_t span_us)
{
    static const enum fault_kind story[] = {FAULT_STANDBY_LAGS, FAULT_DB_RESET, FAULT_PROMOTE};
    uint64_t at_us = rng_below(dice, span_us);

    for (unsigned i = 0; i < ARRAY_LEN(story); i++) {
        r->faults[r->fault_count++] =
            (struct fault){.at_us = at_us,
                           .kind = story[i],
                           .for_us = 5 * SECOND_US + rng_below(dice, 5 * SECOND_US),
                           .dice = rng_u64(dice),
                           .aim = i == 1 ? STEP_APPEND_REPLICATING : STEP_IDLE,
                           .broker = (unsigned)rng_below(dice, BROKERS_MOST)};
        at_us += rng_below(dice, 3 * SECOND_US);
    }
}

void faults_plan(struct sim_result *r)
{
    struct rng dice = {r->seed ^ UINT64_C(0x6661756c7473)};
    uint64_t span_us = (20 + rng_below(&dice, 100)) * SECOND_US;
    uint32_t kinds = (uint32_t)rng_u64(&dice) | (uint32_t)rng_u64(&dice); /* three of four */

    r->end_us = span_us;
    r->fault_count = rng_below(&dice, 60);
    for (unsigned i = 0; i < r->fault_count; i++) {
        struct fault *f = &r->faults[i];

        f->at_us = rng_below(&dice, span_us);
        do
            f->kind = (enum fault_kind)rng_below(&dice, FAULTS);
        while (!(kinds >> f->kind & 1) && rng_chance(&dice, 900));
        if ((f->kind == FAULT_RESTORE || f->kind == FAULT_PROMOTE) && !rng_chance(&dice, 150))
            f->kind = FAULT_CUT; /* they are rare, even here */
        f->for_us = rng_chance(&dice, 150) ? rng_below(&dice, 100 * SECOND_US)
                                           : rng_below(&dice, 6 * SECOND_US);
        f->dice = rng_u64(&dice);
        f->aim = rng_chance(&dice, 750) ? (enum step)rng_below(&dice, STEPS) : STEP_IDLE;
        f->broker = (unsigned)rng_below(&dice, BROKERS_MOST);
        f->agent = (unsigned)rng_below(&dice, AGENTS_MOST);
    }
    plan_pairs(r, &dice, span_us);
    for (uint64_t i = rng_below(&dice, 3); i > 0; i--)
        plan_failover(r, &dice, span_us);
}

/* --- striking --------------------------------------------------------------------------------- */

static void note_reached(enum fault_kind kind, const struct node *n)
{
    bool steps[STEPS] = {false};
    bool any = false;

    net_mark_steps(n, steps);
    db_mark_steps(n && n->kind == NODE_BROKER ? n : NULL, steps);
    for (unsigned i = 1; i < STEPS; i++)
        any |= steps[i];
    steps[STEP_IDLE] = !any;
    for (unsigned i = 0; i < STEPS; i++)
        sim.result->reached[i][kind] += steps[i];
}

static bool is_about_agent(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_CUT:
    case FAULT_PARTITION:
    case FAULT_AGENT_CRASH:
    case FAULT_AGENT_STALL:
    case FAULT_POWER_CUT:
    case FAULT_OUTBOX_NEW:
    case FAULT_CLOCK_STEP:
    case FAULT_REVOKE:
    case FAULT_FLOOD:
    case FAULT_DEAF:
        return true;
    default:
        return false;
    }
}

static void set_revoked(struct node *n, bool is_revoked)
{
    n->is_revoked = is_revoked;
    model_set_principal((int32_t)n->index + 1, is_revoked);
    db_principals_changed();
}

static void strike_agent(const struct fault *f, struct node *agent, struct node *broker)
{
    switch (f->kind) {
    case FAULT_CUT:
        net_cut(agent, NULL, f->dice);
        break;
    case FAULT_PARTITION:
        sim.blocked_until_us[broker->index][agent->index] = sim.now_us + f->for_us;
        break;
    case FAULT_AGENT_CRASH:
        node_crash(agent, f->for_us);
        break;
    case FAULT_AGENT_STALL:
        agent->stalled_until_us = sim.now_us + f->for_us;
        break;
    case FAULT_POWER_CUT:
        agent_cut_power(agent, f->for_us, f->dice);
        break;
    case FAULT_OUTBOX_NEW:
        agent_replace_outbox(agent);
        break;
    case FAULT_CLOCK_STEP:
        agent->clock_us +=
            (int64_t)(f->dice % (4 * 3600 * SECOND_US)) - 2 * 3600 * (int64_t)SECOND_US;
        break;
    case FAULT_REVOKE:
        set_revoked(agent, true);
        break;
    case FAULT_FLOOD:
        agent_flood(agent);
        break;
    default:
        agent->deaf_until_us = sim.now_us + f->for_us;
    }
}

static void strike_broker(const struct fault *f, struct node *broker)
{
    switch (f->kind) {
    case FAULT_BROKER_CRASH:
        node_crash(broker, f->for_us);
        break;
    case FAULT_BROKER_STOP:
        if (broker->is_up) {
            sim.current = broker;
            sim_loop_signal(broker->loop, SIGTERM);
            sim_touch(broker);
            sim.current = NULL;
        }
        break;
    case FAULT_BROKER_STALL:
        broker->stalled_until_us = sim.now_us + f->for_us;
        break;
    case FAULT_DB_AWAY:
        db_away(f->for_us);
        break;
    case FAULT_RESTORE:
        db_restore(f->dice);
        break;
    case FAULT_PROMOTE:
        db_promote(f->dice);
        break;
    case FAULT_STANDBY_LAGS:
        db_lag(f->for_us);
        break;
    case FAULT_DB_STALL:
        db_stall(f->for_us);
        break;
    case FAULT_DB_RESET:
        db_cut(broker);
        break;
    case FAULT_NOTIFY_LOST:
        db_mute(f->for_us);
        break;
    default:
        db_spoil(f->kind);
    }
}

/* --- taking aim ------------------------------------------------------------------------------- */

static void stop_waiting(unsigned i)
{
    for (unsigned j = 0; j < waiting_count; j++)
        if (waiting[j] == i) {
            waiting[j] = waiting[--waiting_count];
            return;
        }
}

static void on_armed(struct event *e)
{
    unsigned i = (unsigned)(e - armed);
    const struct fault *f = &sim.result->faults[i];

    waiting[waiting_count++] = i;
    if (f->aim == STEP_IDLE)
        sim_plan(&struck[i], 0);
    else if (!f->is_patient)
        sim_plan(&struck[i], AIM_MOST_US);
}

void faults_see(enum step step, struct node *agent, struct node *broker, uint64_t window_us)
{
    for (unsigned j = 0; j < waiting_count; j++) {
        unsigned i = waiting[j];
        struct fault *f = &sim.result->faults[i];

        if (f->aim != step || step == STEP_IDLE)
            continue;
        if (agent)
            f->agent = agent->index;
        if (broker)
            f->broker = broker->index;
        stop_waiting(i);
        sim_plan(&struck[i], f->dice % (window_us + 1));
        return;
    }
}

static bool is_about_database(enum fault_kind kind)
{
    return kind == FAULT_DB_AWAY || kind == FAULT_DB_STALL || kind == FAULT_RESTORE ||
           kind == FAULT_PROMOTE || kind == FAULT_STANDBY_LAGS;
}

static void on_struck(struct event *e)
{
    size_t i = (size_t)(e - struck);
    struct fault *f = &sim.result->faults[i];
    struct node *agent = sim_agent(f->agent % sim.agents);
    struct node *broker = sim_broker(f->broker % sim.brokers);
    bool is_agents = is_about_agent(f->kind);

    if (sim.standby == STANDBY_NONE && (f->kind == FAULT_PROMOTE || f->kind == FAULT_STANDBY_LAGS))
        f->kind = FAULT_DB_AWAY;
    sim_say("FAULT %s %s for %.3f s", fault_names[f->kind], is_agents ? agent->name : broker->name,
            (double)f->for_us / 1e6);
    stop_waiting((unsigned)i);
    sim.result->faults_struck++;
    note_reached(f->kind, is_agents ? agent : is_about_database(f->kind) ? NULL : broker);
    if (is_agents)
        strike_agent(f, agent, broker);
    else
        strike_broker(f, broker);
    if (f->kind == FAULT_REVOKE)
        sim_plan(&healed[i], f->for_us);
}

static void on_healed(struct event *e)
{
    const struct fault *f = &sim.result->faults[e - healed];

    set_revoked(sim_agent(f->agent % sim.agents), false);
}

/* Everything that lasts ends now, at the latest. */
static void on_calm(struct event *e)
{
    (void)e;
    sim.is_calm = true;
    memset(sim.blocked_until_us, 0, sizeof(sim.blocked_until_us));
    db_away(0);
    db_stall(0);
    db_lag(0);
    db_mute(0);
    for (unsigned i = 0; i < sim.nodes; i++) {
        struct node *n = &sim.node[i];

        n->deaf_until_us = 0;
        if (n->is_revoked)
            set_revoked(n, false);
        if (!n->is_up)
            node_start(n);
    }
    waiting_count = 0;
    for (unsigned i = 0; i < FAULTS_MOST; i++) {
        sim_cancel(&struck[i]);
        sim_cancel(&healed[i]);
    }
    sim_say("the faults are over");
}

void faults_schedule(struct sim_result *r)
{
    memset(armed, 0, sizeof(armed));
    memset(struck, 0, sizeof(struck));
    memset(healed, 0, sizeof(healed));
    calm = (struct event){.fire = on_calm, .what = "calm"};
    for (unsigned i = 0; i < r->fault_count; i++) {
        armed[i] = (struct event){.fire = on_armed, .what = "armed"};
        struck[i] = (struct event){.fire = on_struck, .what = fault_names[r->faults[i].kind]};
        healed[i] = (struct event){.fire = on_healed, .what = "healed"};
        if (!r->faults[i].is_dropped)
            sim_plan(&armed[i], r->faults[i].at_us);
    }
    sim.faults_end_us = r->end_us;
    sim_plan(&calm, r->end_us);
}
