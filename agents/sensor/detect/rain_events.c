/* rain_events - see rain_events.h. */
#include "agents/sensor/detect/rain_events.h"

#include <math.h>

#include "agents/sensor/detect/rain.h"
#include "proto/base/banned.h"

#define US_PER_HOUR   INT64_C(3600000000)
#define US_PER_MINUTE INT64_C(60000000)
#define LEVEL(word)   EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word

const struct rain_rules rain_rules_ctrlt = {
    .isolated_um = 200,
    .least_um = 1000,
    .gap_h = {{6, 3}, {12, 6}, {96, 48}},
    .warm_from = 4,
    .warm_to = 10,
};

/* --- CTRL-T style ----------------------------------------------------------------------------- */

/* Month of a day since 1970, 1..12 (days counted from 1 March of the year 0, so that the leap day
 * is the last of a year). */
static int month_of(int64_t hour)
{
    int64_t days = (hour + 719468 * 24) / 24, era = days / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t month = (5 * (day_of_era - (365 * year + year / 4 - year / 100)) + 2) / 153;

    return (int)(month < 10 ? month + 3 : month - 9);
}

static bool is_warm(const struct rain_rules *r, int64_t hour)
{
    int month = month_of(hour);

    /* October to April is a warm season too, south of the equator. */
    if (r->warm_from <= r->warm_to)
        return month >= r->warm_from && month <= r->warm_to;
    return month >= r->warm_from || month <= r->warm_to;
}

/* Dry hours between them are few enough for this step. */
static bool belongs(const struct rain_rules *r, unsigned step, const struct rain_event *before,
                    int64_t hour)
{
    return before->wet && hour - before->last - 1 <= r->gap_h[step][is_warm(r, hour)];
}

static void join(struct rain_event *to, const struct rain_event *more)
{
    if (!more->wet)
        return;
    if (!to->wet)
        to->first = more->first;
    to->last = more->last;
    to->um += more->um;
    to->wet += more->wet;
}

static bool run_counts(const struct rain_rules *r, const struct rain_event *run)
{
    return run->wet > 1 || run->um > r->isolated_um;
}

static void close_event(struct rain_events *e, rain_event_fn ended, void *arg)
{
    if (e->event.wet && ended)
        ended(arg, &e->event);
    e->event = (struct rain_event){.wet = 0};
}

static void close_sub(struct rain_events *e, rain_event_fn ended, void *arg)
{
    if (e->sub.um > e->rules.least_um) {
        if (!belongs(&e->rules, 2, &e->event, e->sub.first))
            close_event(e, ended, arg);
        join(&e->event, &e->sub);
    }
    e->sub = (struct rain_event){.wet = 0};
}

static void close_run(struct rain_events *e, rain_event_fn ended, void *arg)
{
    if (e->run.wet && run_counts(&e->rules, &e->run)) {
        if (!belongs(&e->rules, 1, &e->sub, e->run.first))
            close_sub(e, ended, arg);
        join(&e->sub, &e->run);
    }
    e->run = (struct rain_event){.wet = 0};
}

void rain_events_hour(struct rain_events *e, int64_t hour, int64_t um, rain_event_fn ended,
                      void *arg)
{
    const struct rain_event wet = {hour, hour, um, 1};

    if (um <= 0)
        return;
    if (!belongs(&e->rules, 0, &e->run, hour))
        close_run(e, ended, arg);
    join(&e->run, &wet);
}

void rain_events_end(struct rain_events *e, rain_event_fn ended, void *arg)
{
    close_run(e, ended, arg);
    close_sub(e, ended, arg);
    close_event(e, ended, arg);
}

struct rain_event rain_events_now(const struct rain_events *e, int64_t hour)
{
    struct rain_events copy = *e;

    close_run(&copy, NULL, NULL);
    close_sub(&copy, NULL, NULL);
    if (!belongs(&copy.rules, 2, &copy.event, hour) && copy.event.last < hour)
        copy.event = (struct rain_event){.wet = 0};
    return copy.event;
}

/* --- the profile ------------------------------------------------------------------------------ */

void rain_events_ready(struct detector *d)
{
    struct rain_events_state *s = d->state;
    struct rain_rules *r = &s->events.rules;

    r->isolated_um = detector_scaled(d, EVENTS_ISOLATED, -3);
    r->least_um = detector_scaled(d, EVENTS_LEAST, -3);
    for (unsigned step = 0; step < 3; step++)
        for (unsigned warm = 0; warm < 2; warm++)
            r->gap_h[step][warm] = (int)d->number[EVENTS_GAP1_COLD + 2 * step + warm];
    r->warm_from = (int)d->number[EVENTS_WARM_FROM];
    r->warm_to = (int)d->number[EVENTS_WARM_TO];
}

static void judge(struct detector *d, int64_t now_us)
{
    struct rain_events_state *s = d->state;
    struct rain_events copy = s->events;
    struct rain_event e;
    double hours, mm_h = 0, line = 0;

    rain_events_hour(&copy, s->hour, s->um, NULL, NULL);
    e = rain_events_now(&copy, s->hour);
    if (e.wet) {
        hours = (double)(s->hour - e.first + 1);
        mm_h = (double)e.um / 1000 / hours;
        line = rain_line_mm_h(d->number[EVENTS_ALPHA], d->number[EVENTS_BETA], hours);
    }
    verdict_set(&d->verdict, e.wet && mm_h >= line, LEVEL(WATCH), now_us, now_us);
    d->verdict.value = llround(mm_h * 10);
    d->verdict.threshold = llround(line * 10);
    d->verdict.exponent = -1;
    d->verdict.type = EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_RAIN_INT;
    d->verdict.unit = EOCBUS__V1__UNIT__UNIT_MILLIMETRE_PER_HOUR;
    d->verdict.duration_s = e.wet ? (uint32_t)((s->hour - e.first + 1) * 3600) : 0;
}

static void advance(struct rain_events_state *s, int64_t hour)
{
    if (s->begun && hour <= s->hour)
        return;
    if (s->begun)
        rain_events_hour(&s->events, s->hour, s->um, NULL, NULL);
    s->begun = true;
    s->hour = hour;
    s->um = 0;
}

void rain_events_look(struct detector *d, unsigned place, const struct datastream *from,
                      int64_t time_us, int64_t um)
{
    struct rain_events_state *s = d->state;

    (void)place;
    (void)from;
    /* A step that ends on the hour fell in the hour before. */
    advance(s, (time_us - 1) / US_PER_HOUR);
    if (um > 0 && um < 1000000 && s->um < INT64_C(1000000000))
        s->um += um;
    judge(d, time_us);
}

void rain_events_pass(struct detector *d, int64_t now_us)
{
    struct rain_events_state *s = d->state;

    if (!s->begun || !detector_is_late(d, now_us) || now_us / US_PER_HOUR <= s->hour)
        return;
    advance(s, now_us / US_PER_HOUR);
    judge(d, now_us);
}

/* --- fixed gap -------------------------------------------------------------------------------- */

static bool storm_counts(const struct rain_storm *s, int64_t more_than_um, int64_t longer_than_us)
{
    return s->um > more_than_um && s->end_us - s->begin_us > longer_than_us;
}

size_t rain_storms(const struct rain_tip *tips, size_t count, int64_t gap_us, int64_t more_than_um,
                   int64_t longer_than_us, struct rain_storm *out, size_t max, size_t *suppressed)
{
    struct rain_storm s = {.count = 0};
    size_t storms = 0;

    *suppressed = 0;
    for (size_t i = 0; i < count; i++) {
        if (!s.count)
            s = (struct rain_storm){.first = i, .begin_us = tips[i].time_us};
        s.count++;
        s.um += tips[i].um;
        s.end_us = tips[i].time_us;
        if (i + 1 < count && tips[i + 1].time_us - tips[i].time_us <= gap_us)
            continue;
        if (!storm_counts(&s, more_than_um, longer_than_us))
            ++*suppressed;
        else if (storms++ < max)
            out[storms - 1] = s;
        s.count = 0;
    }
    return storms;
}

/* A tip of a storm, and what fell up to it. */
struct tip_cursor {
    size_t at;
    int64_t um;
};

/* Cumulative rain in mm, so many minutes after the first tip, later from call to call. */
static double cumulative(const struct rain_tip *tips, const struct rain_storm *s, int64_t minute,
                         struct tip_cursor *c)
{
    const int64_t t = s->begin_us + minute * US_PER_MINUTE;
    const struct rain_tip *a, *b;

    while (c->at + 2 < s->first + s->count && tips[c->at + 1].time_us <= t)
        c->um += tips[++c->at].um;
    a = &tips[c->at];
    b = &tips[c->at + 1];
    if (b->time_us == a->time_us)
        return (double)c->um / 1000;
    return ((double)c->um +
            (double)b->um * (double)(t - a->time_us) / (double)(b->time_us - a->time_us)) /
           1000;
}

bool rain_storm_peak(const struct rain_tip *tips, const struct rain_storm *s, unsigned minutes,
                     double *mm_h, int64_t *time_us)
{
    int64_t last = (s->end_us - s->begin_us) / US_PER_MINUTE;
    struct tip_cursor begin = {s->first, tips[s->first].um}, end = begin;

    if (s->count <= 2 || last <= (int64_t)minutes)
        return false;
    *mm_h = -1;
    for (int64_t m = minutes; m <= last; m++) {
        double depth = cumulative(tips, s, m, &end) - cumulative(tips, s, m - minutes, &begin);

        /* Equal ones to within what numbers of this size can tell: the last counts. */
        if (depth * 60 / minutes < *mm_h - 1e-9)
            continue;
        *mm_h = depth * 60 / minutes > *mm_h ? depth * 60 / minutes : *mm_h;
        *time_us = s->begin_us + m * US_PER_MINUTE;
    }
    return true;
}
