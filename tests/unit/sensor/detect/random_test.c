/* Random gateways hear random samples. Whatever comes, nothing breaks, the same again concludes the
 * same, a level never falls but to CLEAR, CLEAR comes only after half an hour under every line, and
 * no level is higher than the rule allows: an ALARM has a wire, two principles, or a silent gauge
 * beside a flow sensor behind it.
 *
 * DETECT_SAMPLES and DETECT_SEED choose how many and which; the rule is stated here anew, from what
 * single detectors see, and not as the code has it. */
#include "agents/sensor/detect/profiles.h"
#include "tests/unit/sensor/detect/watch.h"

#include <inttypes.h>

static const char *const streams[] = {
    "rain 1 rain_acc millimetre -1 step=10m",
    "tips 2 rain_acc millimetre -1",
    "stage 3 stage metre -3",
    "upper.stage 4 stage metre -3",
    "wire1 5 tripwire one 0",
    "wire2 6 tripwire one 0",
    "imp 7 gv_imp per_second 0",
    "gv 8 gv_rms metre_per_second -7",
    "upper.gv 9 gv_rms metre_per_second -7",
    "infra 10 infra_rms_lf pascal -3",
    "pga 11 seis_pga metre_per_second_squared -3",
    "air 12 air_t degree_celsius -1",
    "snow 13 snow_d metre -2",
};
enum { RAIN_STREAMS = 2 };

#define TANKS                                                                                      \
    "height1=15 height2=60 height3=15 height4=15 runoff1_per_h=0.10 runoff2_per_h=0.15 "           \
    "runoff3_per_h=0.05 runoff4_per_h=0.01 infiltration1_per_h=0.12 infiltration2_per_h=0.05 "     \
    "infiltration3_per_h=0.01"

static const char *const lines[] = {
    "rain.caine1980 1 rain",
    "rain.aleotti2004 1 tips",
    "rain.aleotti2004.ni33 1 tips map=400",
    "rain.power 1 tips alpha=1 beta=0.1 shortest=1h",
    "rain.events.ctrlt 1 rain",
    "soil.swi 1 rain threshold=60 rain60=10 " TANKS,
    "soil.swi 1 tips air snow threshold=20 rain60=1 melt_mm_c_d=4 step=5m " TANKS,
    "stage.level 1 stage line=2",
    "stage.level 1 upper.stage line=1 debounce=1/1",
    "stage.rate 1 stage line=0.1 window=1m",
    "stage.rate 1 upper.stage line=0.5 debounce=1/1",
    "wire.any 1 wire1 wire2",
    "wire.any 1 wire2 at_start=0",
    "geo.impulses 1 imp impulses_per_s=15 seconds=3",
    "geo.energy 1 gv growth_per_s=0 noise=10s",
    "geo.energy 1 upper.gv growth_per_s=0.1 noise=10s",
    "geo.sta_lta 1 gv sta=2s lta=30s on=4 off=2",
    "geo.stations 1 upper.gv gv distance=100 clock_error_s=0.1 noise=20s",
    "infra.energy 1 infra growth_per_s=0 noise=10s",
    "silence.upstream 1 upper.stage after=2m",
    "quake.outside 1 pga line=5",
    "fusion 1 confirm=30s hold=10m warning_confirms=0",
    "fusion 1 confirm=5m",
};

static uint64_t next(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static uint64_t below(uint64_t *seed, uint64_t n)
{
    return next(seed) % n;
}

/* --- the rule, stated anew -------------------------------------------------------------------- */

struct oracle {
    unsigned warned;      /* principles since the last CLEAR */
    bool any, cut, quiet; /* since then: anything over; a wire; a gauge silent */
    int64_t over_us;      /* newest time that something was over; INT64_MIN: never */
    int64_t cut_us;
    Eocbus__V1__DetectionLevel level, told; /* of the neighbour: the worst ever told */
    bool by_hand;
};

static void see(struct oracle *o, const struct detect *d)
{
    for (unsigned i = 0; i < d->count; i++) {
        const struct detector *one = &d->detector[i];
        const struct verdict *v = detect_verdict(d, i);
        enum principle p = one->profile->principle;

        assert_true(v->value >= -INT64_C(1000000000000) && v->value <= INT64_C(1000000000000));
        assert_true(v->threshold >= 0 && v->threshold <= INT64_C(1000000000000));
        if (!detect_counts(d, one))
            continue;
        if (p == PRINCIPLE_SILENCE)
            o->quiet = true;
        else if (p == PRINCIPLE_WIRE)
            o->cut = true;
        if (p == PRINCIPLE_WIRE && v->since_us > o->cut_us)
            o->cut_us = v->since_us;
        if (p == PRINCIPLE_SILENCE || p == PRINCIPLE_WIRE || p == PRINCIPLE_QUAKE)
            continue;
        o->any = true;
        o->over_us = d->now_us;
        if (v->level >= LEVEL(WARNING))
            o->warned |= 1u << p;
    }
}

static unsigned bits(unsigned set)
{
    return (unsigned)__builtin_popcount(set);
}

static void assert_allowed(const struct oracle *o, const struct detect *d)
{
    const unsigned alarming =
        1u << PRINCIPLE_RISE | 1u << PRINCIPLE_VIBRATION | 1u << PRINCIPLE_INFRASOUND;
    bool flow = o->warned & (alarming | 1u << PRINCIPLE_LEVEL);
    bool told = o->told >= LEVEL(WARNING) && o->quiet;

    switch (d->level) {
    case LEVEL(ALARM):
        assert_true(o->cut || (o->warned & alarming && bits(o->warned) >= 2) || (flow && o->quiet));
        break;
    case LEVEL(WARNING):
        assert_true(o->warned || (told && o->any));
        break;
    case LEVEL(WATCH):
        assert_true(o->any || told);
        break;
    default:
        assert_int_equal(d->level, LEVEL(CLEAR));
        break;
    }
}

/* What has to have been raised, whatever else came. */
static void assert_enough(const struct detect *d)
{
    unsigned over = 0;
    const unsigned alarming =
        1u << PRINCIPLE_RISE | 1u << PRINCIPLE_VIBRATION | 1u << PRINCIPLE_INFRASOUND;

    for (unsigned i = 0; i < d->count; i++) {
        const struct verdict *v = detect_verdict(d, i);

        if (!detect_counts(d, &d->detector[i]))
            continue;
        assert_true(d->level >= v->level);
        if (v->level >= LEVEL(WARNING))
            over |= 1u << d->detector[i].profile->principle;
    }
    if (over & alarming && bits(over) >= 2)
        assert_int_equal(d->level, LEVEL(ALARM));
}

static void assert_moved_right(struct oracle *o, const struct detect *d)
{
    int64_t hold_us = detector_span_us(&d->fusion, FUSION_HOLD);

    if (d->level < o->level) {
        assert_int_equal(d->level, LEVEL(CLEAR));
        if (!o->by_hand) {
            assert_true(o->over_us == INT64_MIN || d->now_us - o->over_us >= hold_us);
            assert_true(!o->cut || d->now_us - o->cut_us >= hold_us);
        }
        o->warned = 0;
        o->any = o->cut = o->quiet = false;
        o->cut_us = INT64_MIN;
    }
    o->by_hand = false;
    o->level = d->level;
}

/* --- a random gateway ------------------------------------------------------------------------- */

struct world {
    uint64_t seed;
    int64_t t, value[ARRAY_LEN(streams)];
    bool only_rain, storm;
    uint64_t trace; /* of levels and causes */
};

static int64_t next_value(struct world *w, unsigned s)
{
    static const int64_t calm[] = {0, 0, 500, 400, 1, 1, 2, 10, 10, 10, 0, 50, 10};
    static const int64_t wild[] = {300, 30, 6000, 6000, 0, 0, 200, 3000, 3000, 3000, 60, 200, 100};
    uint64_t dice = below(&w->seed, 1000);

    if (dice == 0)
        return (int64_t)(next(&w->seed) >> 1) - INT64_MAX / 2; /* nonsense */
    if (dice < (w->storm ? 300u : 4u))
        w->value[s] = (int64_t)below(&w->seed, (uint64_t)wild[s] + 1);
    else if (dice < 500)
        w->value[s] = calm[s] + (int64_t)below(&w->seed, 3) - (calm[s] > 2);
    return w->value[s];
}

static void pass_time(struct world *w)
{
    static const int64_t steps[] = {1,           SECOND, SECOND,      SECOND, SECOND,
                                    10 * SECOND, MINUTE, 10 * MINUTE, HOUR,   30 * HOUR};

    if (below(&w->seed, 200) == 0)
        w->storm = !w->storm;
    if (below(&w->seed, 3) == 0)
        w->t += steps[below(&w->seed, below(&w->seed, 40) ? 6 : ARRAY_LEN(steps))];
}

static uint32_t flags_of(struct world *w)
{
    return below(&w->seed, 20) ? 0 : 1u << below(&w->seed, 14);
}

static void tell(struct world *w, struct detect *d, struct oracle *o)
{
    Eocbus__V1__DetectionLevel level = (Eocbus__V1__DetectionLevel)(1 + below(&w->seed, 4));

    switch (below(&w->seed, 5)) {
    case 0:
        detect_maintenance(d, below(&w->seed, 4) == 0);
        break;
    case 1:
        detect_veto(d, w->t - (int64_t)below(&w->seed, 600) * SECOND,
                    w->t + (int64_t)below(&w->seed, 600) * SECOND);
        break;
    case 2:
        detect_neighbour(d, level, w->t + (int64_t)below(&w->seed, 3600) * SECOND);
        o->told = level > o->told ? level : o->told;
        break;
    case 3:
        detect_clear(d);
        o->by_hand = true;
        break;
    default:
        detect_tick(d, w->t + (int64_t)below(&w->seed, 100) * SECOND);
        break;
    }
}

/* New numbers near the old ones, or out of every range; all or none. */
static void configure(struct world *w, struct watch *at)
{
    unsigned i = (unsigned)below(&w->seed, at->detect->count + 1);
    Eocbus__V1__SensorConfiguration *c;
    Eocbus__V1__ProfileParameter *p;

    arena_reset(at->desk.message);
    assert_int_equal(detect_parameters(at->detect, i, at->desk.message, &c), ST_OK);
    c->profile_version += (uint32_t)below(&w->seed, 3);
    p = c->parameters[below(&w->seed, c->n_parameters)];
    p->value = p->value * (int64_t)(5 + below(&w->seed, 10)) / 10;
    if (below(&w->seed, 10) == 0)
        p->value = (int64_t)below(&w->seed, 2000000) - 1000000;
    (void)!detect_configure(at->detect, c, at->err, sizeof(at->err));
}

static void open_gateway(struct world *w, struct watch *at)
{
    const char *mine[DETECTORS];
    size_t n = 0;
    bool fusion = false;

    for (unsigned tries = 0; tries < 24 && n < DETECTORS; tries++) {
        const char *line = lines[below(&w->seed, ARRAY_LEN(lines))];

        if (strncmp(line, "fusion", 6) == 0 && fusion)
            continue;
        fusion |= strncmp(line, "fusion", 6) == 0;
        mine[n++] = line;
    }
    watch_open(at, streams, ARRAY_LEN(streams), mine, n);
}

static void one_step(struct world *w, struct watch *at, struct oracle *o)
{
    unsigned s = (unsigned)below(&w->seed, w->only_rain ? RAIN_STREAMS : ARRAY_LEN(streams));
    struct sample sample = {.flags = flags_of(w)};

    pass_time(w);
    if (!w->only_rain && below(&w->seed, 500) == 0)
        tell(w, at->detect, o);
    if (below(&w->seed, 2000) == 0)
        configure(w, at);
    assert_moved_right(o, at->detect);
    sample.time_us = w->t - (below(&w->seed, 50) ? 0 : (int64_t)below(&w->seed, 100) * SECOND);
    sample.value = next_value(w, s);
    detect_sample(at->detect, s, &sample);
    assert_moved_right(o, at->detect);
    see(o, at->detect);
    assert_allowed(o, at->detect);
    assert_enough(at->detect);
    if (w->only_rain)
        assert_true(at->detect->level <= LEVEL(WARNING)); /* and that is soil with it */
    if (at->detect->level != at->detect->said)
        (void)conclude(at);
    w->trace = (w->trace ^ (uint64_t)at->detect->level ^ (uint64_t)(at->detect->cause + 3) << 8) *
               UINT64_C(1099511628211);
}

/* Levels seen, one bit each; the trace in *trace. */
static unsigned run(uint64_t seed, unsigned samples, uint64_t *trace)
{
    struct world w = {.seed = seed, .t = T0, .only_rain = seed % 5 == 0};
    struct oracle o = {.over_us = INT64_MIN, .cut_us = INT64_MIN, .level = LEVEL(CLEAR)};
    struct watch at;
    unsigned levels = 0;

    open_gateway(&w, &at);
    for (unsigned i = 0; i < samples; i++) {
        one_step(&w, &at, &o);
        levels |= 1u << at.detect->level;
    }
    watch_close(&at);
    *trace = w.trace;
    return levels;
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void random_gateways_keep_the_rule(void **state)
{
    const unsigned each = 4000;
    uint64_t samples = from_environment("DETECT_SAMPLES", 60000), again, trace;
    uint64_t seed = from_environment("DETECT_SEED", 1);
    unsigned levels = 0;

    (void)state;
    for (uint64_t done = 0; done < samples; done += each, seed++) {
        print_message("DETECT_SEED=%" PRIu64 "\n", seed);
        levels |= run(seed, each, &trace);
        if (seed % 8)
            continue;
        (void)run(seed, each, &again);
        assert_true(again == trace);
    }
    assert_int_equal(levels, 1u << LEVEL(CLEAR) | 1u << LEVEL(WATCH) | 1u << LEVEL(WARNING) |
                                 1u << LEVEL(ALARM));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_gateways_keep_the_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
