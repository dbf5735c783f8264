/* fusion - several detectors, one level. See detect.h for the rule. */
#include <string.h>

#include "agents/sensor/detect/detect.h"
#include "agents/sensor/detect/profiles.h"
#include "agents/sensor/detect/quake.h"
#include "agents/sensor/detect/wire.h"

#include "proto/base/banned.h"

#define LEVEL(word) EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word
#define FLAG(word)  EOCBUS__V1__QUALITY__QUALITY_##word

/* What a detector does not look at. */
#define UNUSABLE                                                                                   \
    (FLAG(MISSING) | FLAG(BAD) | FLAG(OUT_OF_RANGE) | FLAG(CLOCK_SUSPECT) | FLAG(MAINTENANCE))

/* Principles that make an ALARM when another one agrees. */
#define ALARMING (BIT(PRINCIPLE_RISE) | BIT(PRINCIPLE_VIBRATION) | BIT(PRINCIPLE_INFRASOUND))
#define FLOW     (ALARMING | BIT(PRINCIPLE_LEVEL))

/* A tick that lies so far before the newest sample: the clock was wrong and has been set. */
#define SET_BACK_US INT64_C(3600000000)

void detect_reset(struct detect *d)
{
    for (unsigned i = 0; i < d->count; i++)
        detector_reset(&d->detector[i]);
    d->level = d->base = d->said = LEVEL(CLEAR);
    d->now_us = 0;
    d->under_since_us = INT64_MIN;
    d->cause = CAUSE_HOLD;
    memset(d->veto, 0, sizeof(d->veto));
    d->veto_next = 0;
    d->neighbour = LEVEL(CLEAR);
    d->neighbour_until_us = 0;
    d->begun = false;
}

/* --- what counts ------------------------------------------------------------------------------ */

static int64_t span_us(const struct detect *d, unsigned i)
{
    return detector_span_us(&d->fusion, i);
}

static bool is_vetoed(const struct detect *d, const struct detector *one, int64_t time_us)
{
    if (one->profile->principle != PRINCIPLE_VIBRATION)
        return false;
    for (unsigned i = 0; i < DETECT_VETOES; i++)
        if (time_us >= d->veto[i].from_us && time_us < d->veto[i].until_us)
            return true;
    return false;
}

static bool has_lapsed(const struct detect *d, const struct detector *one)
{
    int64_t hold_us = span_us(d, FUSION_HOLD), steps_us = 3 * one->step_us;
    int64_t heard_us = detector_heard_us(one);

    return heard_us != INT64_MIN && d->now_us > heard_us &&
           d->now_us - heard_us > (hold_us > steps_us ? hold_us : steps_us);
}

/* Silence is what it says, and a wire that was cut needs no second sample. */
static bool may_lapse(const struct detector *one)
{
    return one->profile->principle != PRINCIPLE_SILENCE &&
           one->profile->principle != PRINCIPLE_WIRE;
}

bool detect_counts(const struct detect *d, const struct detector *one)
{
    return one->verdict.over && !one->muted && !(may_lapse(one) && has_lapsed(d, one)) &&
           !is_vetoed(d, one, d->now_us);
}

/* --- one level -------------------------------------------------------------------------------- */

/* Of one torrent, or of none that was named. */
static bool share_torrent(const struct detector *a, const struct detector *b)
{
    return a->torrent_id == b->torrent_id || !a->torrent_id || !b->torrent_id;
}

static bool is_of(const struct detector *one, unsigned principles)
{
    return BIT(one->profile->principle) & principles;
}

/* It warns now, or did within confirm_s. */
static bool warned_lately(const struct detect *d, const struct detector *one)
{
    if (detect_counts(d, one) && one->verdict.level >= LEVEL(WARNING))
        return true;
    return one->warned_us != INT64_MIN && d->now_us - one->warned_us <= span_us(d, FUSION_CONFIRM);
}

/* Its WARNING still holds, though it may be under its line again. */
static bool holds_warning(const struct detect *d, const struct detector *one)
{
    if (d->level < LEVEL(WARNING) || !one->is_ground)
        return false;
    return d->fusion.number[FUSION_WARNING_CONFIRMS] > 0 ||
           is_of(one, BIT(PRINCIPLE_SOIL) | BIT(PRINCIPLE_LEVEL));
}

int64_t detect_flow_us(const struct detect *d)
{
    int64_t newest = INT64_MIN;

    for (unsigned i = 0; i < d->count; i++) {
        const struct detector *one = &d->detector[i];

        if (is_of(one, FLOW | BIT(PRINCIPLE_WIRE)) && one->verdict.level >= LEVEL(WARNING) &&
            detect_counts(d, one) && detector_heard_us(one) > newest)
            newest = detector_heard_us(one);
    }
    return newest;
}

static bool is_confirmed(const struct detect *d)
{
    for (unsigned i = 0; i < d->count; i++) {
        const struct detector *one = &d->detector[i];

        if (!is_of(one, ALARMING) || !warned_lately(d, one))
            continue;
        for (unsigned k = 0; k < d->count; k++) {
            const struct detector *other = &d->detector[k];

            if (other->profile->principle != one->profile->principle && share_torrent(one, other) &&
                (warned_lately(d, other) || holds_warning(d, other)))
                return true;
        }
    }
    return false;
}

static Eocbus__V1__DetectionLevel wanted(const struct detect *d)
{
    Eocbus__V1__DetectionLevel level = LEVEL(CLEAR);

    for (unsigned i = 0; i < d->count; i++)
        if (d->detector[i].verdict.level > level && detect_counts(d, &d->detector[i]))
            level = d->detector[i].verdict.level;
    return level < LEVEL(ALARM) && is_confirmed(d) ? LEVEL(ALARM) : level;
}

/* What the level would be without silence, and one more where a gauge upstream is silent. Silence
 * makes no ALARM of rain and soil: a storm takes power and radio away too. */
static Eocbus__V1__DetectionLevel raised(const struct detect *d, const struct detector *silent)
{
    bool neighbour = d->neighbour >= LEVEL(WARNING) && d->now_us < d->neighbour_until_us;

    if (d->base == LEVEL(WARNING)) {
        for (unsigned i = 0; i < d->count; i++)
            if (d->detector[i].is_ground && is_of(&d->detector[i], FLOW) &&
                share_torrent(&d->detector[i], silent))
                return LEVEL(ALARM);
        return LEVEL(WARNING);
    }
    if (d->base == LEVEL(ALARM) || !neighbour)
        return d->base;
    return d->base == LEVEL(WATCH) ? LEVEL(WARNING) : LEVEL(WATCH);
}

static void rise_to(struct detect *d, Eocbus__V1__DetectionLevel level, unsigned cause)
{
    if (level <= d->level)
        return;
    d->level = level;
    d->cause = (int)cause;
    d->under_since_us = INT64_MIN;
}

/* What detector i sees, after it looked. */
static void weigh(struct detect *d, unsigned i)
{
    struct detector *one = &d->detector[i];
    Eocbus__V1__DetectionLevel level;

    if (!one->verdict.over)
        one->muted = false;
    if (!detect_counts(d, one))
        return;
    if (one->profile->principle == PRINCIPLE_SILENCE) {
        rise_to(d, raised(d, one), i);
        return;
    }
    if (one->verdict.level >= LEVEL(WARNING)) {
        one->warned_us = d->now_us;
        one->is_ground = true;
    }
    level = wanted(d);
    if (level > d->base)
        d->base = level;
    rise_to(d, level, i);
}

/* --- CLEAR ------------------------------------------------------------------------------------ */

static void clear(struct detect *d, int cause)
{
    d->level = d->base = LEVEL(CLEAR);
    d->cause = cause;
    for (unsigned i = 0; i < d->count; i++) {
        d->detector[i].warned_us = INT64_MIN;
        d->detector[i].is_ground = false;
        if (d->detector[i].profile->principle == PRINCIPLE_WIRE)
            wire_spend(&d->detector[i]);
    }
}

/* A wire stays cut and silence is no measurement: neither keeps a level from ending. */
static bool is_under_all(const struct detect *d)
{
    const unsigned aside = BIT(PRINCIPLE_WIRE) | BIT(PRINCIPLE_SILENCE) | BIT(PRINCIPLE_QUAKE);

    for (unsigned i = 0; i < d->count; i++)
        if (!is_of(&d->detector[i], aside) && detect_counts(d, &d->detector[i]))
            return false;
    return true;
}

static void end_when_under(struct detect *d)
{
    if (!is_under_all(d))
        d->under_since_us = INT64_MIN;
    else if (d->under_since_us == INT64_MIN)
        d->under_since_us = d->now_us;
    else if (d->level != LEVEL(CLEAR) && d->now_us - d->under_since_us >= span_us(d, FUSION_HOLD))
        clear(d, CAUSE_HOLD);
}

void detect_resume(struct detect *d, Eocbus__V1__DetectionLevel said)
{
    if (said > d->base)
        d->base = said;
    if (said > d->level)
        d->level = said;
    d->said = said;
}

void detect_clear(struct detect *d)
{
    for (unsigned i = 0; i < d->count; i++)
        d->detector[i].muted = d->detector[i].verdict.over;
    clear(d, CAUSE_HAND);
}

/* --- time and samples ------------------------------------------------------------------------- */

static void set_now(struct detect *d, int64_t now_us)
{
    if (!d->begun || now_us > d->now_us)
        d->now_us = now_us;
    d->begun = true;
}

static void pass_time(struct detect *d)
{
    for (unsigned i = 0; i < d->count; i++) {
        if (d->detector[i].profile->pass)
            d->detector[i].profile->pass(&d->detector[i], d->now_us);
        weigh(d, i); /* also of who has nothing new: a veto may have ended */
    }
    end_when_under(d);
}

/* What was measured by a clock that ran ahead would be newer than everything to come. Wires are as
 * they are at any time. */
static void forget_the_future(struct detect *d, int64_t now_us)
{
    for (unsigned i = 0; i < d->count; i++) {
        struct detector *one = &d->detector[i];

        if (one->profile->principle != PRINCIPLE_WIRE)
            detector_reset(one);
        for (unsigned place = 0; place < one->stream_count; place++)
            one->last_us[place] = INT64_MIN;
    }
    memset(d->veto, 0, sizeof(d->veto));
    d->now_us = now_us;
    d->under_since_us = INT64_MIN;
}

void detect_tick(struct detect *d, int64_t now_us)
{
    if (d->begun && d->now_us - now_us > SET_BACK_US)
        forget_the_future(d, now_us);
    set_now(d, now_us);
    pass_time(d);
}

static void look_at_wire(struct detect *d, struct detector *one, unsigned cuts)
{
    if (d->maintenance)
        wire_spend(one);
    if (wire_cuts(one) & ~cuts)
        d->under_since_us = INT64_MIN;
}

static void look_at_quake(struct detect *d, const struct detector *one, int64_t time_us)
{
    if (one->verdict.over)
        detect_veto(d, time_us - detector_span_us(one, QUAKE_BEFORE),
                    time_us + detector_span_us(one, QUAKE_AFTER));
}

static void look(struct detect *d, unsigned i, unsigned place, const struct sample *s)
{
    struct detector *one = &d->detector[i];
    const struct datastream *from = &d->station->streams[one->stream[place]];
    bool is_wire = one->profile->principle == PRINCIPLE_WIRE;
    unsigned cuts = is_wire ? wire_cuts(one) : 0;
    struct decimal reading = {s->value, from->exponent};
    int64_t v;

    if (s->time_us <= one->last_us[place])
        return;
    if (!decimal_scale(&v, reading, one->input[place]->scale))
        return;
    one->last_us[place] = s->time_us;
    one->profile->look(one, place, from, s->time_us, v);
    if (is_wire)
        look_at_wire(d, one, cuts);
    if (one->profile->principle == PRINCIPLE_QUAKE)
        look_at_quake(d, one, s->time_us);
    weigh(d, i);
}

void detect_sample(struct detect *d, unsigned stream, const struct sample *s)
{
    if (s->flags & UNUSABLE)
        return;
    set_now(d, s->time_us);
    for (unsigned i = 0; i < d->count; i++)
        for (unsigned place = 0; place < d->detector[i].stream_count; place++)
            if (d->detector[i].stream[place] == stream)
                look(d, i, place, s);
    pass_time(d);
}

/* --- what others tell ------------------------------------------------------------------------- */

void detect_maintenance(struct detect *d, bool on)
{
    d->maintenance = on;
}

void detect_neighbour(struct detect *d, Eocbus__V1__DetectionLevel level, int64_t until_us)
{
    d->neighbour = level;
    d->neighbour_until_us = until_us;
}

/* The level stays, if vibration raised one; but it is no partner for what comes. */
static void forget_vibration(struct detect *d)
{
    for (unsigned i = 0; i < d->count; i++) {
        struct detector *one = &d->detector[i];

        if (!is_vetoed(d, one, one->warned_us))
            continue;
        one->warned_us = INT64_MIN;
        one->is_ground = false;
    }
}

void detect_veto(struct detect *d, int64_t from_us, int64_t until_us)
{
    unsigned last = (d->veto_next + DETECT_VETOES - 1) % DETECT_VETOES;

    /* One earthquake is many samples: the ring keeps it once. */
    if (d->veto[last].until_us > from_us && d->veto[last].from_us <= from_us) {
        if (until_us > d->veto[last].until_us)
            d->veto[last].until_us = until_us;
    } else {
        d->veto[d->veto_next].from_us = from_us;
        d->veto[d->veto_next].until_us = until_us;
        d->veto_next = (d->veto_next + 1) % DETECT_VETOES;
    }
    forget_vibration(d);
}

const struct verdict *detect_verdict(const struct detect *d, unsigned i)
{
    return i < d->count ? &d->detector[i].verdict : NULL;
}
