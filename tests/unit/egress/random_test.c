/* egress against a model, with a seed: messages are routed, credit and acknowledgements come, pages
 * come late or fail, sockets fill up and vanish, in any order. The model is one sentence: a
 * listener gets every number after its start that matches its patterns, ascending, once; and what
 * arrived at any moment is a beginning of that list (checked by `previous` in world.h). */
#include "tests/unit/egress/world.h"

static uint64_t seed;

static unsigned roll(unsigned below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % below;
}

static const uint16_t kinds[] = {100, 101, 120, 121, 160, 220};
static const char *const places[] = {"", "3505203", "3505203 3512000", "3501000"};
static const char *const choices[][2] = {
    {"**", NULL},
    {"actual.report.**", NULL},
    {"*.sensor.observation_batch.*.*", "*.*.*.3505000.*"},
    {"*.*.*.*.3505203", "actual.resource.**"},
    {"exercise.**", NULL},
};

struct wish {
    const char *const *patterns;
    size_t count;
};
static struct wish wishes[WORLD_AGENTS];

static bool model_wants(unsigned n, uint64_t seq)
{
    if (world.log[seq].expired && seq > world.agents[n].head)
        return false;
    for (size_t i = 0; i < wishes[n].count; i++)
        if (row_matches(wishes[n].patterns[i], seq))
            return true;
    return false;
}

static void check_against_model(unsigned n)
{
    const struct world_agent *a = &world.agents[n];
    size_t i = 0;

    for (uint64_t seq = a->after + 1; seq <= world.head; seq++) {
        if (!model_wants(n, seq))
            continue;
        if (i >= a->count || a->got[i] != seq)
            print_error("listener %u: number %u expected, got %u of %u after %u; head %u, "
                        "subscribed at %u, unacknowledged %u, credit %u, fault %s\n",
                        n, (unsigned)seq, i < a->count ? (unsigned)a->got[i] : 0,
                        (unsigned)a->count, (unsigned)a->after, (unsigned)world.head,
                        (unsigned)world.agents[n].head, (unsigned)a->unacked_bytes,
                        (unsigned)a->credit, a->fault);
        assert_true(i < a->count);
        assert_int_equal(a->got[i], seq);
        assert_int_equal(a->history[i], seq <= world.agents[n].head);
        i++;
    }
    assert_int_equal(a->count, i);
}

static void event_publish(void)
{
    for (unsigned burst = 1 + roll(40); burst && world.head < WORLD_LOG - 1; burst--) {
        unsigned len = roll(10) ? roll(300) : roll(6000);

        world_append(kinds[roll(6)], places[roll(4)], len, roll(20) == 0);
        route_row(world.head);
    }
}

static void event_subscribe(unsigned n)
{
    unsigned choice = roll(5);
    uint64_t after = roll((unsigned)world.head + 1);

    if (world.agents[n].session)
        return;
    wishes[n].patterns = choices[choice];
    wishes[n].count = choices[choice][1] ? 2 : 1;
    agent_subscribe_to(n, wishes[n].patterns, wishes[n].count, roll(3) ? &after : NULL, 0,
                       roll(200));
}

/* The connection is lost, found out by a send or told; the agent comes back as a new session. */
static void event_lose(unsigned n)
{
    struct world_agent *a = &world.agents[n];
    uint64_t session = a->session;

    if (!session || roll(4))
        return;
    egress_session_gone(world.egress, session);
    memset(a, 0, sizeof(*a));
    a->session = 0;
}

static void check_bounds(void)
{
    struct egress_counters n;

    egress_counters(world.egress, &n);
    assert_true(n.recent_bytes <= 8u << 20);
    for (unsigned i = 0; i < WORLD_AGENTS; i++)
        assert_true(world.agents[i].unacked_bytes <= WORLD_WINDOW + 6200 + WORLD_WINDOW / 64);
}

static void one_event(void)
{
    unsigned n = roll(WORLD_AGENTS);
    struct world_agent *a = &world.agents[n];

    switch (roll(12)) {
    case 0:
    case 1:
        event_publish();
        break;
    case 2:
        event_subscribe(n);
        break;
    case 3:
        if (a->subscribed)
            agent_give_credit(n, 1 + roll(100));
        break;
    case 4:
        if (a->subscribed)
            agent_acknowledge(n);
        break;
    case 5:
        a->is_full = roll(3) == 0;
        break;
    case 6:
        egress_writable(world.egress);
        break;
    case 7:
    case 8:
        world_answer(roll(WORLD_AGENTS), roll(8) != 0);
        break;
    case 9:
        fake_advance(world.loop, roll(2000));
        world.store_away = roll(10) == 0;
        break;
    case 10:
        if (roll(20) == 0)
            event_lose(n);
        break;
    default:
        loop_turn(world.loop, 0);
    }
    check_bounds();
}

/* Everything is well again: all that is owed must come, with nothing done but reading. */
static void heal(void)
{
    world.store_away = false;
    for (unsigned n = 0; n < WORLD_AGENTS; n++) {
        world.agents[n].is_full = false;
        if (world.agents[n].session)
            agent_give_credit(n, 20000);
    }
    for (unsigned round = 0; round < 4000; round++) {
        size_t before = world.sends;

        fake_advance(world.loop, 300);
        world_settle();
        for (unsigned n = 0; n < WORLD_AGENTS; n++)
            if (world.agents[n].subscribed)
                agent_acknowledge(n);
        if (world.sends == before && round > 20)
            break;
    }
}

static void run_seed(uint64_t s, unsigned events)
{
    assert_int_equal(world_begin(NULL), 0);
    memset(wishes, 0, sizeof(wishes));
    seed = s * 0x9e3779b97f4a7c15ull + 1;
    for (unsigned old = roll(2000); old; old--) /* before anybody listened: only in the log */
        world_append(kinds[roll(6)], places[roll(4)], roll(300), roll(20) == 0);
    for (unsigned i = 0; i < events; i++)
        one_event();
    heal();
    for (unsigned n = 0; n < WORLD_AGENTS; n++)
        if (world.agents[n].session) {
            assert_true(world.agents[n].subscribed);
            check_against_model(n);
        }
    world_end(NULL);
}

static void every_listener_gets_exactly_what_matches(void **state)
{
    (void)state;
    for (uint64_t s = 1; s <= 8; s++) {
        print_message("seed %u\r", (unsigned)s);
        run_seed(s, 3000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_listener_gets_exactly_what_matches),
    };

    return cmocka_run_group_tests_name("egress, random", tests, NULL, NULL);
}
