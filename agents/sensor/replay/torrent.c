/* torrent - see torrent.h. */
#include "agents/sensor/replay/torrent.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "proto/base/ids.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

#define TYPE(word)  EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_##word
#define FLAG(word)  EOCBUS__V1__QUALITY__QUALITY_##word
#define SECOND_US   INT64_C(1000000)
#define SPAN_MIN_US (1800 * SECOND_US)
#define EARTH_M     6371000.0
#define RADIAN      (M_PI / 180)
#define WINDING     1.2
#define QUAKE_S     40.0
/* A flow is noticed through the ground from about so far. */
#define SHAKES_M 80.0

/* --- chance ----------------------------------------------------------------------------------- */

/* splitmix64: the same everywhere, and any two seeds are unlike. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* 0..1, by what it is for: more channels do not change those that were there. */
static double chance(uint64_t seed, uint64_t what, uint64_t which)
{
    return (double)(mix(seed ^ mix(what ^ mix(which))) >> 11) / 9007199254740992.0;
}

static double between(double low, double high, double share)
{
    return low + (high - low) * share;
}

/* About normal, mean 0, deviation 1. */
static double noise(uint64_t seed, uint64_t what, uint64_t which)
{
    double sum = 0;

    for (uint64_t i = 0; i < 4; i++)
        sum += chance(seed, what + (i << 32), which);
    return (sum - 2) * 1.732;
}

enum { OF_RAIN = 1, OF_FLOW, OF_SURGE, OF_FAILURE, OF_NOISE, OF_GAP };

/* --- where ------------------------------------------------------------------------------------ */

static const struct station_thing *thing_of(const struct station *s, unsigned stream)
{
    for (unsigned e = 0; e < s->sensor_count; e++)
        for (unsigned i = 0; s->sensors[e].id == s->streams[stream].sensor_id && i < s->thing_count;
             i++)
            if (s->things[i].id == s->sensors[e].thing_id)
                return &s->things[i];
    return &s->things[0];
}

static double apart_m(const struct station_thing *a, const struct station_thing *b)
{
    double north = (a->lat_e7 - b->lat_e7) / 1e7 * RADIAN;
    double east = (a->lon_e7 - b->lon_e7) / 1e7 * RADIAN * cos(a->lat_e7 / 1e7 * RADIAN);

    return hypot(north, east) * EARTH_M * WINDING;
}

/* From the highest thing to each in order of height; a thing's way is that of the one above it and
 * what lies between. */
static void measure_ways(struct torrent *t)
{
    const struct station *s = t->set.station;
    const struct station_thing *order[STATION_THINGS];
    double way[STATION_THINGS] = {0};
    unsigned n = 0;

    for (unsigned i = 0; i < s->thing_count; i++) {
        unsigned at = n++;

        for (; at > 0 && order[at - 1]->altitude_cm < s->things[i].altitude_cm; at--)
            order[at] = order[at - 1];
        order[at] = &s->things[i];
    }
    for (unsigned i = 1; i < n; i++)
        way[i] = way[i - 1] + apart_m(order[i - 1], order[i]);
    for (unsigned stream = 0; stream < s->stream_count; stream++)
        for (unsigned i = 0; i < n; i++)
            if (order[i] == thing_of(s, stream))
                t->along_m[stream] = way[i];
}

/* --- the story -------------------------------------------------------------------------------- */

static void make_rain(struct torrent *t)
{
    uint64_t seed = t->set.seed;
    double span_s = (double)t->set.span_us / 1e6;

    t->rain_us =
        t->set.begin_us + (int64_t)(between(0.12, 0.2, chance(seed, OF_RAIN, 0)) * 1e6 * span_s);
    t->peak_mm_h = between(45, 95, chance(seed, OF_RAIN, 1));
    t->rain_rise_s = between(300, 900, chance(seed, OF_RAIN, 2)) * fmin(1, span_s / 7200);
    t->rain_fall_s = between(600, 1800, chance(seed, OF_RAIN, 3));
}

static void make_surges(struct torrent *t)
{
    uint64_t seed = t->set.seed;
    double span_s = (double)t->set.span_us / 1e6;
    double at_s = between(0.12, 0.2, chance(seed, OF_FLOW, 0)) * span_s + t->rain_rise_s;
    bool mud = t->set.story == TORRENT_MUDFLOW;

    t->speed_m_s = mud ? between(3, 8, chance(seed, OF_FLOW, 1)) : 2.5;
    t->surges = mud ? 1 + (unsigned)(chance(seed, OF_FLOW, 2) * TORRENT_SURGES) : 1;
    for (unsigned i = 0; i < t->surges; i++) {
        struct torrent_surge *g = &t->surge[i];

        g->top_us = t->rain_us + (int64_t)(at_s * 1e6);
        g->height_m =
            between(mud ? 1.2 : 0.9, mud ? 3.6 : 2.2, chance(seed, OF_SURGE, i)) * (i ? 0.8 : 1);
        g->rise_s = mud ? between(5, 30, chance(seed, OF_SURGE, i + 16))
                        : between(1500, 3000, chance(seed, OF_SURGE, i + 16));
        g->fall_s = between(120, 360, chance(seed, OF_SURGE, i + 32)) * (mud ? 1 : 8);
        at_s += between(180, 720, chance(seed, OF_SURGE, i + 48));
    }
}

static void make_failures(struct torrent *t)
{
    unsigned wanted = t->set.failures, n = t->set.station->stream_count;

    wanted = wanted > TORRENT_FAILURES ? TORRENT_FAILURES : wanted > n ? n : wanted;
    for (unsigned i = 0; i < wanted; i++) {
        unsigned stream = (unsigned)(chance(t->set.seed, OF_FAILURE, i) * n);
        bool taken = true;

        while (taken) {
            taken = false;
            for (unsigned k = 0; k < i; k++)
                taken |= t->failure[k].stream == stream;
            stream = taken ? (stream + 1) % n : stream;
        }
        t->failure[i].stream = stream;
        t->failure[i].kind =
            (enum torrent_failure)(chance(t->set.seed, OF_FAILURE, i + 16) * FAILURE_KINDS);
        t->failure[i].from_us =
            t->set.begin_us + (int64_t)(between(0.1, 0.6, chance(t->set.seed, OF_FAILURE, i + 32)) *
                                        (double)t->set.span_us);
    }
    t->failures = wanted;
}

enum status torrent_begin(struct torrent *out, const struct torrent_settings *set)
{
    memset(out, 0, sizeof(*out));
    out->set = *set;
    if (set->span_us < SPAN_MIN_US || !set->station->stream_count)
        return ST_INVALID;
    measure_ways(out);
    make_rain(out);
    if (set->story == TORRENT_MUDFLOW || set->story == TORRENT_FLOOD)
        make_surges(out);
    if (set->story == TORRENT_QUAKE) {
        out->peak_mm_h = 0;
        out->quake_us = out->rain_us + set->span_us / 3;
    }
    make_failures(out);
    return ST_OK;
}

int64_t torrent_front_us(const struct torrent *t, const struct torrent_surge *s, unsigned stream)
{
    return s->top_us + (int64_t)(t->along_m[stream] / t->speed_m_s * 1e6);
}

/* --- what is there at a moment ---------------------------------------------------------------- */

static double rain_mm_h(const struct torrent *t, int64_t now_us)
{
    double s = (double)(now_us - t->rain_us) / 1e6, x;

    if (s <= 0 || t->peak_mm_h <= 0)
        return 0;
    x = s / t->rain_rise_s;
    return t->peak_mm_h *
           (x < 1 ? x * x * (3 - 2 * x) : exp(-(s - t->rain_rise_s) / t->rain_fall_s));
}

/* The surges at this place: height over the bed before the rain. */
static double flow_m(const struct torrent *t, unsigned stream, int64_t now_us)
{
    double sum = 0;

    for (unsigned i = 0; i < t->surges; i++) {
        const struct torrent_surge *g = &t->surge[i];
        double s = (double)(now_us - torrent_front_us(t, g, stream)) / 1e6;
        double kept = pow(0.93, t->along_m[stream] / 1000);

        if (s <= 0)
            continue;
        sum += g->height_m * kept *
               (s < g->rise_s ? s / g->rise_s : exp(-(s - g->rise_s) / g->fall_s));
    }
    return sum;
}

/* 0..some: how hard the ground shakes here, 1 = a front of a metre right below. */
static double shaking(const struct torrent *t, unsigned stream, int64_t now_us)
{
    double sum = 0, quake_s = (double)(now_us - t->quake_us) / 1e6;

    if (t->quake_us && quake_s > 0)
        sum += 2.5 * exp(-quake_s / QUAKE_S) * (quake_s < 3 ? quake_s / 3 : 1);
    if (t->set.story != TORRENT_MUDFLOW)
        return sum + 0.03 * flow_m(t, stream, now_us);
    for (unsigned i = 0; i < t->surges; i++) {
        double to_go_m =
            (double)(torrent_front_us(t, &t->surge[i], stream) - now_us) / 1e6 * t->speed_m_s;

        if (to_go_m > 0)
            sum += t->surge[i].height_m / (1 + to_go_m * to_go_m / (SHAKES_M * SHAKES_M));
    }
    return (sum < 0.02 ? 0 : sum) + 0.8 * flow_m(t, stream, now_us);
}

/* In the unit of the type's usual datastream; `n` counts the channel's samples. */
static double measured(const struct torrent *t, unsigned stream, int64_t now_us, int64_t step_us)
{
    const struct datastream *d = &t->set.station->streams[stream];
    uint64_t n = (uint64_t)(now_us / SECOND_US), key = OF_NOISE + ((uint64_t)d->id << 8);
    double wobble = noise(t->set.seed, key, n), flow = flow_m(t, stream, now_us);

    switch (d->type) {
    case TYPE(RAIN_ACC):
        return rain_mm_h(t, now_us - step_us / 2) * (double)step_us / 3.6e9 * (1 + 0.25 * wobble);
    case TYPE(RAIN_INT):
        return rain_mm_h(t, now_us) * (1 + 0.2 * wobble);
    case TYPE(STAGE):
        return 0.42 + 0.004 * wobble + flow * (1 + 0.03 * wobble);
    case TYPE(GV_RMS):
        return 2e-6 * exp(0.3 * wobble) + 4e-4 * shaking(t, stream, now_us) * exp(0.25 * wobble);
    case TYPE(GV_PEAK):
        return 6e-6 * exp(0.4 * wobble) + 1.5e-3 * shaking(t, stream, now_us) * exp(0.4 * wobble);
    case TYPE(GV_IMP):
        return fmin(250, floor((chance(t->set.seed, key + 1, n) < 0.02) +
                               45 * shaking(t, stream, now_us) * (1 + 0.3 * wobble)));
    case TYPE(INFRA_RMS_LF):
        return 0.02 * exp(0.4 * wobble) + 0.9 * shaking(t, stream, now_us) * (t->quake_us == 0);
    case TYPE(INFRA_RMS_HF):
        return 0.02 * exp(0.4 * wobble) + 0.25 * flow;
    case TYPE(SPEC_DOM):
        return shaking(t, stream, now_us) > 0.1 ? 18 + 2 * wobble : 60 + 15 * wobble;
    case TYPE(TRIPWIRE):
        return 1;
    case TYPE(SURF_VEL):
        return 0.8 + 0.05 * wobble + (flow > 0.05 ? t->speed_m_s * fmin(1, flow) : 0);
    case TYPE(SOIL_VWC):
        return 0.18 +
               0.12 * (1 - exp(-fmax(0, (double)(now_us - t->rain_us) / 1e6) / 3000)) *
                   (t->peak_mm_h > 0) +
               0.002 * wobble;
    case TYPE(BATT_V):
        return 12.6 + 0.05 * wobble;
    case TYPE(PANEL_V):
        return 0.2;
    case TYPE(RSSI):
        return -95 + 2 * wobble;
    case TYPE(AIR_T):
        return 19 + 0.3 * wobble;
    case TYPE(DISCHARGE):
        return 1.5 + 0.05 * wobble + 30 * pow(flow, 1.6);
    default:
        return 0;
    }
}

/* A wire is cut by the first flow of half a metre, and stays cut. */
static double wire(const struct torrent *t, unsigned stream, int64_t now_us)
{
    for (unsigned i = 0; i < t->surges; i++) {
        const struct torrent_surge *g = &t->surge[i];
        int64_t cut_us = torrent_front_us(t, g, stream) +
                         (int64_t)(0.5 / fmax(0.5, g->height_m) * g->rise_s * 1e6);

        if (g->height_m > 0.5 && now_us >= cut_us)
            return 0;
    }
    return 1;
}

/* --- sampling --------------------------------------------------------------------------------- */

static int64_t step_of(const struct datastream *d)
{
    if (d->step_us)
        return d->step_us;
    switch (d->type) {
    case TYPE(RAIN_ACC):
    case TYPE(RAIN_INT):
        return 60 * SECOND_US;
    case TYPE(SOIL_VWC):
    case TYPE(PORE_P):
    case TYPE(TILT):
    case TYPE(AIR_T):
    case TYPE(SNOW_D):
        return 600 * SECOND_US;
    case TYPE(BATT_V):
    case TYPE(PANEL_V):
    case TYPE(RSSI):
        return 300 * SECOND_US;
    default:
        return SECOND_US;
    }
}

static int64_t scaled(const struct datastream *d, double value)
{
    return llround(value * pow(10, -d->exponent));
}

/* False: nothing arrives. */
static bool spoil(const struct torrent *t, unsigned stream, struct sample *s)
{
    const struct datastream *d = &t->set.station->streams[stream];

    for (unsigned i = 0; i < t->failures; i++) {
        uint64_t n = (uint64_t)(s->time_us / SECOND_US), key = OF_GAP + ((uint64_t)stream << 8);

        if (t->failure[i].stream != stream || s->time_us < t->failure[i].from_us)
            continue;
        if (t->failure[i].kind == FAILS_SILENT)
            return false;
        if (t->failure[i].kind == FAILS_GAPS)
            return chance(t->set.seed, key, n) < 1.0 / 3;
        if (t->failure[i].kind == FAILS_STUCK)
            s->value = scaled(d, measured(t, stream, t->failure[i].from_us, step_of(d)));
        else if (chance(t->set.seed, key, n) < 0.01)
            s->value += scaled(d, 10 * (1 + fabs(measured(t, stream, s->time_us, step_of(d)))));
    }
    return true;
}

static bool take(const struct torrent *t, unsigned stream, int64_t now_us, struct sample *out)
{
    const struct datastream *d = &t->set.station->streams[stream];
    double value = d->type == TYPE(TRIPWIRE) ? wire(t, stream, now_us)
                                             : measured(t, stream, now_us, step_of(d));

    if (value < 0 && d->type != TYPE(RSSI))
        value = 0;
    *out = (struct sample){now_us, scaled(d, value), 0};
    return spoil(t, stream, out);
}

void torrent_run(const struct torrent *t,
                 bool (*sample)(void *arg, unsigned stream, const struct sample *s), void *arg)
{
    const struct station *s = t->set.station;
    int64_t due[STATION_STREAMS] = {0}, end_us = t->set.begin_us + t->set.span_us;

    for (unsigned i = 0; i < s->stream_count; i++)
        due[i] = t->set.begin_us;
    for (;;) {
        unsigned next = 0;
        struct sample one;

        for (unsigned i = 1; i < s->stream_count; i++)
            if (due[i] < due[next])
                next = i;
        if (due[next] > end_us)
            return;
        if (take(t, next, due[next], &one) && !sample(arg, next, &one))
            return;
        due[next] += step_of(&s->streams[next]);
    }
}

bool torrent_event(const struct torrent *t, struct label *out)
{
    const struct torrent_surge *last = &t->surge[t->surges ? t->surges - 1 : 0];
    unsigned lowest = 0;

    for (unsigned i = 1; i < t->set.station->stream_count; i++)
        if (t->along_m[i] > t->along_m[lowest])
            lowest = i;
    if (!t->surges)
        return false;
    memset(out, 0, sizeof(*out));
    out->from_us = torrent_front_us(t, &t->surge[0], lowest);
    out->to_us =
        torrent_front_us(t, last, lowest) + (int64_t)((last->rise_s + 3 * last->fall_s) * 1e6);
    if (out->to_us > t->set.begin_us + t->set.span_us)
        out->to_us = t->set.begin_us + t->set.span_us;
    snprintf(out->name, sizeof(out->name), "%s, seed %" PRIu64,
             t->set.story == TORRENT_MUDFLOW ? "mudflow" : "flood", t->set.seed);
    return out->from_us < out->to_us;
}

/* --- for people ------------------------------------------------------------------------------- */

static const char *const stories[] = {[TORRENT_MUDFLOW] = "mudflow",
                                      [TORRENT_FLOOD] = "flood",
                                      [TORRENT_RAIN] = "rain",
                                      [TORRENT_QUAKE] = "quake"};

bool torrent_story_read(enum torrent_story *out, const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(stories); i++)
        if (strcmp(word, stories[i]) == 0) {
            *out = (enum torrent_story)i;
            return true;
        }
    return false;
}

void torrent_tell(const struct torrent *t, FILE *out)
{
    static const char *const kinds[] = {[FAILS_SILENT] = "falls silent",
                                        [FAILS_GAPS] = "loses two samples of three",
                                        [FAILS_STUCK] = "is stuck",
                                        [FAILS_SPIKES] = "says nonsense now and then"};
    char at[TIME_TEXT];

    fprintf(out, "# simulated: %s, seed %" PRIu64 "\n", stories[t->set.story], t->set.seed);
    time_format(at, t->rain_us);
    if (t->peak_mm_h > 0)
        fprintf(out, "# rain from %s, at most %.0f mm/h\n", at, t->peak_mm_h);
    for (unsigned i = 0; i < t->surges; i++) {
        time_format(at, t->surge[i].top_us);
        fprintf(out, "# surge of %.1f m at the highest station %s, %.1f m/s\n",
                t->surge[i].height_m, at, t->speed_m_s);
    }
    time_format(at, t->quake_us);
    if (t->quake_us)
        fprintf(out, "# earthquake %s\n", at);
    for (unsigned i = 0; i < t->failures; i++) {
        time_format(at, t->failure[i].from_us);
        fprintf(out, "# %s %s from %s\n", t->set.station->streams[t->failure[i].stream].name,
                kinds[t->failure[i].kind], at);
    }
}
