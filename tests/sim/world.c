/* world - the nodes of a run: how brokers and agents are made, what the agents say, and how a node
 * dies. */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agents/link/agent.h"
#include "broker/broker.h"
#include "proto/base/keys.h"
#include "proto/base/loop.h"
#include "tests/sim/check.h"
#include "tests/sim/sim.h"

static char endpoint[BROKERS_MOST][32], broker_key[KEY_Z85];
static char empty[] = "", error_level[] = "debug", key_of_brokers[] = "broker",
            database[] = "model";

/* --- what agents say -------------------------------------------------------------------------- */

struct draft {
    Eocbus__V1__Envelope m;
    Eocbus__V1__ActivityLogEntry entry;
    Eocbus__V1__SensorDetection detection;
    Eocbus__V1__Area area;
    char *pcodes[2];
    char text[2000], position[8];
    bool may_be_refused;
};

static char *pick_pcode(void)
{
    static char codes[][12] = {"3505203", "3505000", "3501204", "KG03215", "350520301"};

    return codes[rng_below(&sim.load, 5)];
}

static void write_text(struct draft *d)
{
    size_t len = rng_chance(&sim.load, 30) ? rng_below(&sim.load, 1900) : rng_below(&sim.load, 60);

    len += (size_t)snprintf(d->text, sizeof(d->text), "%llu ", (unsigned long long)sim.result->put);
    for (size_t i = strlen(d->text); i < len && i < sizeof(d->text) - 1; i++)
        d->text[i] = (char)('a' + rng_below(&sim.load, 26));
    d->may_be_refused = rng_chance(&sim.load, 3);
    if (d->may_be_refused)
        snprintf(d->text, sizeof(d->text), "%llu %s", (unsigned long long)sim.result->put,
                 d->m.lane != EOCBUS__V1__LANE__LANE_FLASH && sim.result->put % 2 ? CHECK_ILLEGAL
                                                                                  : CHECK_POISON);
}

static void draft(struct draft *d, const struct node *n)
{
    int64_t now_us = sim_utc_us(n);

    memset(d, 0, sizeof(*d));
    eocbus__v1__envelope__init(&d->m);
    eocbus__v1__activity_log_entry__init(&d->entry);
    eocbus__v1__area__init(&d->area);
    eocbus__v1__sensor_detection__init(&d->detection);
    d->m.lane = (Eocbus__V1__Lane)(1 + rng_below(&sim.load, 5));
    write_text(d);
    d->detection.profile = d->position;
    d->detection.profile_version = 1;
    d->detection.level = EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_ALARM;
    d->detection.hazard = EOCBUS__V1__HAZARD__HAZARD_MUDFLOW;
    if (d->m.lane == EOCBUS__V1__LANE__LANE_FLASH)
        d->text[399] = 0;
    d->detection.text = d->text;
    snprintf(d->position, sizeof(d->position), "duty");
    d->entry.position = d->position;
    d->entry.text = d->text;
    d->m.status = rng_chance(&sim.load, 800) ? EOCBUS__V1__STATUS__STATUS_ACTUAL
                                             : EOCBUS__V1__STATUS__STATUS_EXERCISE;
    d->m.kind = EOCBUS__V1__KIND__KIND_REPORT;
    d->m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    d->m.event_time_us = now_us;
    if (rng_chance(&sim.load, 50))
        d->m.not_after_us = now_us + (int64_t)rng_below(&sim.load, 10 * SECOND_US);
    d->area.n_pcodes = rng_below(&sim.load, 3);
    d->area.pcodes = d->pcodes;
    d->pcodes[0] = pick_pcode();
    d->pcodes[1] = pick_pcode();
    if (d->area.n_pcodes)
        d->m.area = &d->area;
    if (d->m.lane == EOCBUS__V1__LANE__LANE_FLASH) {
        d->m.body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION;
        d->m.sensor_detection = &d->detection;
    } else {
        d->m.body_case = EOCBUS__V1__ENVELOPE__BODY_ACTIVITY_LOG_ENTRY;
        d->m.activity_log_entry = &d->entry;
    }
}

static enum status put_raw(struct node *n)
{
    struct outbox *o = agent_outbox(n->agent);
    char junk[64];
    unsigned lane = 1 + (unsigned)rng_below(&sim.load, 5);
    int len =
        snprintf(junk, sizeof(junk), "\xff\xff junk %llu", (unsigned long long)sim.result->put);
    uint64_t tag;
    enum status st = outbox_put_raw(o, lane, junk, (size_t)len, &tag);

    if (st == ST_OK)
        check_put(n, outbox_epoch(o), tag, junk, (size_t)len, true);
    return st;
}

static enum status put_one(struct node *n)
{
    static uint8_t packed[8192];
    struct refusal why = {0};
    struct draft d;
    uint64_t tag;
    enum status st;
    size_t len;

    if (rng_chance(&sim.load, 4))
        return put_raw(n);
    draft(&d, n);
    st = agent_put(n->agent, &d.m, &tag, &why);
    if (st == ST_INVALID)
        sim_violate("the gate does not take what the simulator says: %s %s", why.path, why.text);
    if (st != ST_OK)
        return st;
    len = eocbus__v1__envelope__pack(&d.m, packed);
    check_put(n, outbox_epoch(agent_outbox(n->agent)), tag, packed, len, d.may_be_refused);
    return st;
}

static void on_load(struct event *e)
{
    struct node *n = container_of(e, struct node, load);
    unsigned burst = rng_chance(&sim.load, 50) ? 40 : 3;

    if (sim.is_calm)
        return;
    for (uint64_t i = 1 + rng_below(&sim.load, burst); i > 0; i--)
        if (put_one(n) != ST_OK)
            break;
    sim_plan(e, 1000 + rng_below(&sim.load, 800000));
}

void agent_flood(struct node *n)
{
    struct node *was = sim.current;
    unsigned most = 20000;

    if (!n->is_up)
        return;
    sim.current = n;
    while (most-- && put_one(n) == ST_OK && agent_outbox(n->agent) && !sim.result->is_violated)
        if (n->outbox_budget > (2u << 20) && most < 19000)
            break; /* a large one would take for ever */
    sim_touch(n);
    sim.current = was;
}

/* --- what they hear --------------------------------------------------------------------------- */

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct heard *h = arg;

    if (h->node->deaf_until_us > sim.now_us)
        return false;
    if (!m)
        sim_violate("%s cannot read what it hears", h->node->name);
    /* Planted: the log does not mark what came too late, and whoever acts does not look at the mark
     * that brokers and agents put on it by themselves. */
    if (!d->history || sim.plant == PLANT_EXPIRED_FIRED)
        check_live(h, d->stamp->received_time_us, m->not_after_us);
    if (d->stamp->seq)
        check_delivered(h, d->stamp->seq, d->content.data, d->content.len);
    return true;
}

static void on_settled(void *arg, uint64_t tag, const struct outbox_outcome *oc)
{
    struct node *n = arg;

    check_settled(n, outbox_epoch(agent_outbox(n->agent)), tag, oc);
}

static void on_linked(void *arg, bool up, const char *why)
{
    struct node *n = arg;

    sim_say("%s: session %s %s", n->name, up ? "stands" : "fell", why);
    sim.result->sessions += up;
}

/* --- starting --------------------------------------------------------------------------------- */

static void start_broker(struct node *n)
{
    struct broker_setup set = {.config = &n->config};
    char err[256];

    if (broker_start(&n->broker, &set, err, sizeof(err)) != 0)
        sim_violate("%s does not start: %s", n->name, err);
}

static void subscribe(struct node *n, struct heard *h)
{
    struct agent_subscription sub = {
        .patterns = &h->pattern,
        .pattern_count = 1,
        .inbox_path = h->on_disk ? n->inbox_path : NULL,
        .durable_name = h->on_disk && n->index % 2 ? h->pattern : NULL,
        .numbered_copies = true,
        .credit = n->index % 2 ? 4 : 64,
        .arg = h,
        .message = on_message,
    };
    char err[256];

    if (agent_subscribe(n->agent, &sub, err, sizeof(err)) != ST_OK)
        sim_violate("%s cannot listen: %s", n->name, err);
}

static void start_agent(struct node *n)
{
    static char *endpoints[BROKERS_MOST];
    struct agent_settings set = {.name = n->name,
                                 .key_file = n->name,
                                 .broker_key = broker_key,
                                 .outbox_path = n->outbox_path,
                                 .outbox_budget = n->outbox_budget,
                                 .link_profile = (char *)(uintptr_t)n->profile,
                                 .log_level = error_level};
    struct agent_events events = {.arg = n, .settled = on_settled, .linked = on_linked};
    char err[256];

    for (unsigned i = 0; i < sim.brokers; i++)
        endpoints[i] = endpoint[(i + n->index) % sim.brokers];
    set.endpoints.items = endpoints;
    set.endpoints.count = sim.brokers;
    if (loop_create(&n->loop) != ST_OK ||
        agent_create(&n->agent, n->loop, &set, "sim 1", &events, err, sizeof(err)) != ST_OK) {
        sim_violate("%s does not start: %s", n->name, err);
        return;
    }
    check_restarted(n, agent_outbox(n->agent));
    for (unsigned i = 0; i < n->heard_count; i++)
        subscribe(n, &n->heard[i]);
    sim_plan(&n->load, rng_below(&sim.load, SECOND_US));
}

void node_start(struct node *n)
{
    struct node *was = sim.current;

    if (n->is_up)
        return;
    sim.current = n;
    sim_say("starts");
    n->is_up = true;
    n->is_stopping = false;
    n->stalled_until_us = 0;
    if (n->kind == NODE_BROKER)
        start_broker(n);
    else
        start_agent(n);
    sim_touch(n);
    sim.current = was;
}

/* --- ending ----------------------------------------------------------------------------------- */

static void take_down(struct node *n)
{
    sim_cancel(&n->turn);
    sim_cancel(&n->load);
    n->is_up = false;
    if (n->kind == NODE_BROKER) {
        broker_end(n->broker);
        n->broker = NULL;
    } else {
        agent_destroy(n->agent);
        loop_destroy(n->loop);
        n->agent = NULL;
    }
}

/* What is on disk stays, what was in memory is gone, nothing more leaves. */
void node_crash(struct node *n, uint64_t down_us)
{
    struct node *was = sim.current;

    if (!n->is_up)
        return;
    sim.current = n;
    sim_say("crashes");
    sim.result->crashes++;
    sim.is_crashing = true;
    take_down(n);
    sim.is_crashing = false;
    sim.current = was;
    if (n->kind == NODE_AGENT)
        check_committed(n, false);
    for (unsigned i = 0; i < n->heard_count; i++) {
        struct heard *h = &n->heard[i];

        h->last = h->committed = h->on_disk ? h->committed : 0;
        h->log_epoch = h->committed_epoch = h->on_disk ? h->committed_epoch : 1;
    }
    sim_plan(&n->restart, down_us);
}

static void on_restart(struct event *e)
{
    node_start(container_of(e, struct node, restart));
}

static void on_turn(struct event *e)
{
    struct node *n = container_of(e, struct node, turn);

    sim_loop_turn(n->loop);
    if (n->kind != NODE_BROKER)
        return;
    check_broker(n);
    if (!sim_loop_is_stopped(n->loop))
        return;
    take_down(n);
    sim_plan(&n->restart, 100000 + rng_below(&sim.turn, 3 * SECOND_US));
}

void agent_replace_outbox(struct node *n)
{
    char path[128];
    static const char *const ends[] = {"", "-wal"};

    if (!n->is_up)
        return;
    node_crash(n, SECOND_US);
    check_outbox_lost(n);
    for (unsigned i = 0; i < ARRAY_LEN(ends); i++) {
        snprintf(path, sizeof(path), "%s%s", n->outbox_path, ends[i]);
        disk_remove(path);
    }
}

void agent_cut_power(struct node *n, uint64_t down_us, uint64_t dice)
{
    if (!n->is_up)
        return;
    node_crash(n, down_us);
    disk_cut_power(n->outbox_path, dice);
    disk_cut_power(n->inbox_path, ~dice);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void build_broker(struct node *n, unsigned i, struct rng *r)
{
    bool is_roomy = rng_chance(r, 500);

    n->kind = NODE_BROKER;
    snprintf(n->name, sizeof(n->name), "broker%u", i);
    snprintf(endpoint[i], sizeof(endpoint[i]), "tcp://10.0.0.%u:5511", i + 1);
    n->config = (struct config){
        .name = n->name,
        .endpoint = endpoint[i],
        .key_file = key_of_brokers,
        .database = database,
        .control_socket = empty,
        .log_level = error_level,
        .batch_rows = is_roomy ? 512 : 8,
        .queue_rows = is_roomy ? 8192 : 24,
        .queue_bytes = 32u << 20,
        .commit_ms = 2000,
        .follow_ms = 500,
        .ingress_window_items = rng_chance(r, 500) ? 256 : 6,
        .ingress_window_bytes = 1u << 20,
        .sessions_max = 4 * AGENTS_MOST, /* an agent has two, and a lost one stays a while */
        .quarantine_per_hour = 1000000,
        .egress_window_bytes = 1u << 20,
        .page_rows = rng_chance(r, 500) ? 512 : 10,
        .horizon_ms = 5000,
        .heartbeat_ms = 10000,
        .heartbeat_timeout_ms = 60000,
    };
}

static void build_agent(struct node *n, unsigned i, struct rng *r)
{
    static const char *const patterns[] = {"**", "actual.**", "*.*.*.3505000.*", "*.*.*.*.3505203",
                                           "exercise.**"};
    static const char *const profiles[] = {"fiber", "4g", "2g", "vsat", "radio"};

    n->kind = NODE_AGENT;
    snprintf(n->name, sizeof(n->name), "coes.sim.agent%u", i);
    snprintf(n->outbox_path, sizeof(n->outbox_path), "%s/out%u.db", sim.folder, i);
    snprintf(n->inbox_path, sizeof(n->inbox_path), "%s/in%u.db", sim.folder, i);
    n->outbox_budget = rng_chance(r, 300) ? 1u << 20 : 4u << 20;
    n->profile = profiles[rng_below(r, 10) % 5 > 2 ? rng_below(r, 5) : rng_below(r, 2)];
    n->heard_count = i == 0 ? 1 + (unsigned)rng_below(r, 2) : (unsigned)rng_below(r, 3);
    for (unsigned j = 0; j < n->heard_count; j++)
        n->heard[j] = (struct heard){.node = n,
                                     .log_epoch = 1,
                                     .committed_epoch = 1,
                                     .pattern = patterns[i || j ? (j + rng_below(r, 5)) % 5 : 0],
                                     .on_disk = rng_chance(r, 700)};
    if (n->heard_count == 2 && n->heard[0].pattern == n->heard[1].pattern)
        n->heard_count = 1;
    n->load = (struct event){.fire = on_load, .node = n, .what = "load"};
}

void world_build(void)
{
    struct rng r = {sim.seed ^ UINT64_C(0x776f726c64)};
    static const enum standby standbys[] = {STANDBY_NONE, STANDBY_SYNC, STANDBY_SYNC,
                                            STANDBY_ASYNC};
    static const unsigned caps[] = {16, 64, 1000, 1000};
    uint8_t key[KEY_BYTES];

    check_key(key, key_of_brokers);
    keys_z85_encode(broker_key, key);
    sim.brokers = 1 + (unsigned)rng_below(&r, 3) % 2 * (1 + (unsigned)rng_below(&r, 2));
    sim.agents = 2 + (unsigned)rng_below(&r, 3);
    sim.nodes = sim.brokers + sim.agents;
    sim.standby = standbys[rng_below(&r, 4)];
    /* Where a planted bug can strike at all, so that few seeds find it. */
    if (sim.plant == PLANT_NO_BARRIER)
        sim.standby = STANDBY_SYNC;
    else if (sim.plant == PLANT_TIMELINE_UNSEEN)
        sim.standby = STANDBY_ASYNC;
    sim.queue_cap = caps[rng_below(&r, 4)];
    for (unsigned i = 0; i < sim.nodes; i++) {
        struct node *n = &sim.node[i];

        n->index = i < sim.brokers ? i : i - sim.brokers;
        n->turn = (struct event){.fire = on_turn, .node = n, .what = "turn"};
        n->restart = (struct event){.fire = on_restart, .what = "restart"};
        if (i < sim.brokers)
            build_broker(n, n->index, &r);
        else
            build_agent(n, n->index, &r);
        sim_plan(&n->restart, rng_below(&r, SECOND_US));
    }
}

void world_end(void)
{
    for (unsigned i = sim.nodes; i-- > 0;)
        if (sim.node[i].is_up)
            node_crash(&sim.node[i], 0);
}
