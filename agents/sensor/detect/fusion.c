/* fusion - several detectors, one level. See detect.h for the rule. */
#include <stdio.h>
#include <string.h>

#include "agents/sensor/detect/detect.h"
#include "proto/base/banned.h"

#define LEVEL(word) EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word
#define FLAG(word)  EOCBUS__V1__QUALITY__QUALITY_##word

/* What a detector does not look at. */
#define UNUSABLE                                                                                   \
    (FLAG(MISSING) | FLAG(BAD) | FLAG(OUT_OF_RANGE) | FLAG(CLOCK_SUSPECT) | FLAG(MAINTENANCE))

enum { WORDS = 8, DEBOUNCE_MAX = 32 };

/* --- settings -----------------------------------------------------------------------------------
 */

static const struct profile {
    const char *name;
    enum detector_kind kind;
    Eocbus__V1__ObservationType type;
} profiles[] = {
    {"rain.caine1980", DETECT_RAIN, EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_RAIN_ACC},
    {"stage.level", DETECT_STAGE_LEVEL, EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_STAGE},
    {"stage.rate", DETECT_STAGE_RATE, EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_STAGE},
};

struct line {
    const char *text;
    struct slice words[WORDS];
    int count;
    char *err;
    size_t err_size;
};

static enum status complain(const struct line *l, const char *legal)
{
    snprintf(l->err, l->err_size, "detector = %s: %s", l->text, legal);
    return ST_INVALID;
}

/* "3/5" */
static bool read_debounce(struct debounce *d, struct slice text)
{
    struct slice need;
    uint64_t m, n;

    if (!slice_next(&text, '/', &need) || !text.at || !count_read(&m, need, DEBOUNCE_MAX) ||
        !count_read(&n, text, DEBOUNCE_MAX) || m < 1 || m > n)
        return false;
    debounce_set(d, (unsigned)m, (unsigned)n);
    return true;
}

static enum status read_stage(struct detector *d, struct line *l, struct arena *arena)
{
    struct stage *s = arena_alloc(arena, sizeof(*s));
    struct decimal line;
    struct slice v;

    if (!s)
        return ST_NOMEM;
    memset(s, 0, sizeof(*s));
    d->state.stage = s;
    debounce_set(&s->debounce, 3, 5); /* of samples a second apart */
    s->window_us = INT64_C(600000000);
    if (!words_option(l->words, l->count, "line", &v) || !decimal_read(&line, v) ||
        !decimal_scale(&s->line, line, d->kind == DETECT_STAGE_RATE ? -6 : -3) || s->line <= 0)
        return complain(l, "line= is missing or no number; metres for stage.level, metres per "
                           "minute for stage.rate");
    if (words_option(l->words, l->count, "debounce", &v) && !read_debounce(&s->debounce, v))
        return complain(l, "debounce= wants M/N, M of the last N samples, as in 3/5; N at most 32");
    if (d->kind == DETECT_STAGE_RATE && words_option(l->words, l->count, "window", &v) &&
        (!span_read_us(&s->window_us, v) || s->window_us < 1000000))
        return complain(l, "window= wants a time like 10m");
    return ST_OK;
}

static enum status read_rain(struct detector *d, struct arena *arena)
{
    d->state.rain = arena_alloc(arena, sizeof(*d->state.rain));
    return d->state.rain ? ST_OK : ST_NOMEM;
}

static enum status read_detector(struct detect *out, struct line *l, struct arena *arena)
{
    struct detector *d = &out->detector[out->count];
    const struct profile *p = NULL;
    uint64_t version;
    enum status st;
    int stream;

    for (size_t i = 0; l->count > 0 && i < ARRAY_LEN(profiles); i++)
        if (slice_is(l->words[0], profiles[i].name))
            p = &profiles[i];
    if (!p)
        return complain(l, "the first word is rain.caine1980, stage.level or stage.rate");
    if (l->count < 3 || !count_read(&version, l->words[1], UINT32_MAX) || !version)
        return complain(l, "legal is PROFILE VERSION DATASTREAM [...]");
    stream = station_find(out->station, l->words[2]);
    if (stream < 0)
        return complain(l, "there is no datastream of this name");
    if (out->station->streams[stream].type != p->type || out->station->streams[stream].raw)
        return complain(l, "this datastream measures something else");
    *d = (struct detector){.kind = p->kind,
                           .profile = p->name,
                           .version = (uint32_t)version,
                           .stream = (unsigned)stream};
    st = p->kind == DETECT_RAIN ? read_rain(d, arena) : read_stage(d, l, arena);
    if (st != ST_OK)
        return st;
    for (int i = 3; i < l->count; i++)
        if (l->words[i].len)
            return complain(l, "what stands behind the datastream is not known to this profile");
    out->count++;
    return ST_OK;
}

enum status detect_read(struct detect *out, const struct station *station,
                        const struct conf_list *lines, int64_t hold_us, struct arena *arena,
                        char *err, size_t err_size)
{
    enum status st = ST_OK;

    memset(out, 0, sizeof(*out));
    out->station = station;
    out->hold_us = hold_us;
    for (size_t i = 0; st == ST_OK && i < lines->count; i++) {
        struct line l = {.text = lines->items[i], .err = err, .err_size = err_size};

        if (i == DETECTORS)
            return complain(&l, "a gateway has at most 16 detectors");
        l.count = words_split(l.words, WORDS, l.text);
        st = read_detector(out, &l, arena);
    }
    if (st == ST_OK)
        detect_reset(out);
    return st;
}

void detect_reset(struct detect *d)
{
    for (unsigned i = 0; i < d->count; i++) {
        struct detector *one = &d->detector[i];

        one->verdict = (struct verdict){.over = false};
        one->last_us = INT64_MIN;
        if (one->kind == DETECT_RAIN) {
            memset(one->state.rain, 0, sizeof(*one->state.rain));
        } else {
            one->state.stage->count = 0;
            debounce_set(&one->state.stage->debounce, one->state.stage->debounce.need,
                         one->state.stage->debounce.of);
        }
    }
    d->level = d->said = LEVEL(CLEAR);
    d->now_us = d->under_since_us = 0;
    d->cause = -1;
    d->begun = false;
}

/* --- one level ----------------------------------------------------------------------------------
 */

static bool is_flow(const struct detector *d)
{
    return d->kind != DETECT_RAIN;
}

/* A rising stage confirmed by another flow detector. */
static bool is_confirmed(const struct detect *d)
{
    unsigned flows = 0, rates = 0;

    for (unsigned i = 0; i < d->count; i++) {
        if (!d->detector[i].verdict.over)
            continue;
        flows += is_flow(&d->detector[i]);
        rates += d->detector[i].kind == DETECT_STAGE_RATE;
    }
    return rates >= 1 && flows >= 2;
}

static Eocbus__V1__DetectionLevel wanted(const struct detect *d)
{
    Eocbus__V1__DetectionLevel level = LEVEL(CLEAR);

    if (is_confirmed(d))
        return LEVEL(ALARM);
    for (unsigned i = 0; i < d->count; i++) {
        Eocbus__V1__DetectionLevel one = is_flow(&d->detector[i]) ? LEVEL(WARNING) : LEVEL(WATCH);

        if (d->detector[i].verdict.over && one > level)
            level = one;
    }
    return level;
}

void detect_tick(struct detect *d, int64_t now_us)
{
    if (!d->begun || now_us > d->now_us)
        d->now_us = now_us;
    d->begun = true;
    if (wanted(d) != LEVEL(CLEAR)) {
        d->under_since_us = 0;
    } else if (!d->under_since_us) {
        d->under_since_us = d->now_us;
    } else if (d->level != LEVEL(CLEAR) && d->now_us - d->under_since_us >= d->hold_us) {
        d->level = LEVEL(CLEAR);
        d->cause = -1;
    }
}

static void look(struct detect *d, unsigned i, const struct sample *s)
{
    struct detector *one = &d->detector[i];
    const struct datastream *from = &d->station->streams[one->stream];
    struct decimal reading = {s->value, from->exponent};
    int64_t v;

    if (s->time_us <= one->last_us)
        return;
    one->last_us = s->time_us;
    /* Micrometres of water from millimetres, millimetres of stage from metres: both 10^-3. */
    if (!decimal_scale(&v, reading, -3))
        return;
    if (one->kind == DETECT_RAIN)
        rain_add(one->state.rain, s->time_us, from->step_us, v, &one->verdict);
    else if (one->kind == DETECT_STAGE_LEVEL)
        stage_level_add(one->state.stage, s->time_us, v, &one->verdict);
    else
        stage_rate_add(one->state.stage, s->time_us, v, &one->verdict);
}

void detect_sample(struct detect *d, unsigned stream, const struct sample *s)
{
    if (s->flags & UNUSABLE)
        return;
    for (unsigned i = 0; i < d->count; i++) {
        if (d->detector[i].stream != stream)
            continue;
        look(d, i, s);
        if (wanted(d) > d->level) {
            d->level = wanted(d);
            d->cause = (int)i;
        }
    }
    detect_tick(d, s->time_us);
}

/* --- the message --------------------------------------------------------------------------------
 */

static Eocbus__V1__Evidence *evidence_of(const struct detect *d, const struct detector *one,
                                         struct arena *arena)
{
    Eocbus__V1__Evidence *e = arena_alloc(arena, sizeof(*e));

    if (!e)
        return NULL;
    eocbus__v1__evidence__init(e);
    e->datastream_id = d->station->streams[one->stream].id;
    e->type = one->verdict.type;
    e->unit = one->verdict.unit;
    e->exponent = one->verdict.exponent;
    e->value = one->verdict.value;
    e->threshold = one->verdict.threshold;
    e->duration_s = one->verdict.duration_s > 2678400 ? 2678400 : one->verdict.duration_s;
    return e;
}

static enum status add_evidence(const struct detect *d, Eocbus__V1__SensorDetection *m,
                                struct arena *arena)
{
    m->evidence = arena_alloc(arena, DETECTORS * sizeof(*m->evidence));
    if (!m->evidence)
        return ST_NOMEM;
    for (unsigned i = 0; i < d->count; i++) {
        const struct detector *one = &d->detector[i];

        if (!one->verdict.over)
            continue;
        m->evidence[m->n_evidence] = evidence_of(d, one, arena);
        if (!m->evidence[m->n_evidence])
            return ST_NOMEM;
        m->n_evidence++;
        if (!m->onset_us || one->verdict.since_us < m->onset_us)
            m->onset_us = one->verdict.since_us;
    }
    return ST_OK;
}

static char *sentence(const struct detect *d, const struct detector *one, struct arena *arena)
{
    const struct verdict *v = one ? &one->verdict : NULL;
    const char *name = one ? d->station->streams[one->stream].name : "";

    if (!one)
        return arena_printf(arena, "every detector under its line for %d minutes",
                            (int)(d->hold_us / 60000000));
    switch (one->kind) {
    case DETECT_RAIN:
        return arena_printf(arena,
                            "%s: %.1f mm/h over %u min; the line is %.1f mm/h; rain alone is no "
                            "alarm",
                            name, (double)v->value / 10, v->duration_s / 60,
                            (double)v->threshold / 10);
    case DETECT_STAGE_LEVEL:
        return arena_printf(arena, "%s: stage %.3f m; the line is %.3f m", name,
                            (double)v->value / 1000, (double)v->threshold / 1000);
    default:
        return arena_printf(arena, "%s: stage rises %.4f m/min; the line is %.4f m/min", name,
                            (double)v->value / 1e6, (double)v->threshold / 1e6);
    }
}

Eocbus__V1__SensorDetection *detect_conclusion(const struct detect *d, Eocbus__V1__Hazard hazard,
                                               struct arena *arena, enum status *st)
{
    const struct detector *cause = d->cause >= 0 ? &d->detector[d->cause] : NULL;
    Eocbus__V1__SensorDetection *m;

    *st = ST_OK;
    if (d->level == d->said)
        return NULL;
    m = arena_alloc(arena, sizeof(*m));
    *st = ST_NOMEM;
    if (!m)
        return NULL;
    eocbus__v1__sensor_detection__init(m);
    m->profile = (char *)(cause ? cause->profile : "fusion");
    m->profile_version = cause ? cause->version : 1;
    m->level = d->level;
    m->previous_level = d->said;
    m->hazard = hazard;
    m->torrent_id = d->station->streams[d->detector[cause ? d->cause : 0].stream].torrent_id;
    m->text = sentence(d, cause, arena);
    if (!m->text || add_evidence(d, m, arena) != ST_OK)
        return NULL;
    *st = ST_OK;
    return m;
}

void detect_said(struct detect *d)
{
    d->said = d->level;
}
