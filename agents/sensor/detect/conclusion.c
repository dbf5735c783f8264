/* conclusion - a level that was not said yet, as a message and in words. See detect.h. */
#include <stdio.h>

#include "agents/sensor/detect/detect.h"
#include "agents/sensor/detect/profiles.h"
#include "agents/sensor/detect/wire.h"

#include "proto/base/banned.h"

#define LEVEL(word) EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##word

enum { EVIDENCE_SECONDS = 2678400, TEXT_BYTES = 400 };

static const char *stream_name(const struct detect *d, const struct detector *one, unsigned place)
{
    return one->stream_count > place ? d->station->streams[one->stream[place]].name : "";
}

/* --- evidence --------------------------------------------------------------------------------- */

static Eocbus__V1__Evidence *evidence_of(const struct detect *d, const struct detector *one,
                                         struct arena *arena)
{
    Eocbus__V1__Evidence *e = arena_alloc(arena, sizeof(*e));

    if (!e)
        return NULL;
    eocbus__v1__evidence__init(e);
    e->datastream_id = d->station->streams[one->stream[one->verdict.place]].id;
    e->type = one->verdict.type;
    e->unit = one->verdict.unit;
    e->exponent = one->verdict.exponent;
    e->value = one->verdict.value;
    e->threshold = one->verdict.threshold;
    e->duration_s =
        one->verdict.duration_s > EVIDENCE_SECONDS ? EVIDENCE_SECONDS : one->verdict.duration_s;
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

        if (!detect_counts(d, one))
            continue;
        m->evidence[m->n_evidence] = evidence_of(d, one, arena);
        if (!m->evidence[m->n_evidence])
            return ST_NOMEM;
        m->n_evidence++;
        if (!m->onset_us || one->verdict.since_us < m->onset_us)
            m->onset_us = one->verdict.since_us;
        if (one->verdict.speed_mm_s)
            m->front_speed_mm_s = one->verdict.speed_mm_s;
    }
    return ST_OK;
}

/* --- words ------------------------------------------------------------------------------------ */

static double real(int64_t value, int exponent)
{
    return decimal_real((struct decimal){value, exponent});
}

static void say_cause(struct buf *b, const struct detect *d, const struct detector *one)
{
    const struct verdict *v = &one->verdict;
    const char *name = stream_name(d, one, v->place);
    double value = real(v->value, v->exponent), line = real(v->threshold, v->exponent);
    char unit[64];

    switch (one->profile->principle) {
    case PRINCIPLE_RAIN:
        buf_printf(b, "%s: %.1f mm/h over %u min; the line is %.1f mm/h; rain alone is no alarm",
                   name, value, v->duration_s / 60, line);
        break;
    case PRINCIPLE_SOIL:
        buf_printf(b, "%s: soil-water index %.1f mm; the line is %.1f mm", name, value, line);
        break;
    case PRINCIPLE_LEVEL:
        buf_printf(b, "%s: stage %.3f m; the line is %.3f m", name, value, line);
        break;
    case PRINCIPLE_RISE:
        buf_printf(b, "%s: stage rises %.4f m/min; the line is %.4f m/min", name, value, line);
        break;
    case PRINCIPLE_WIRE:
        buf_printf(b, "%s: the wire is cut", name);
        break;
    case PRINCIPLE_SILENCE:
        buf_printf(b, "%s: silent for %.0f s while a neighbour warns", name, value);
        break;
    default:
        buf_printf(b, "%s: %s %g %s; the line is %g", name, one->profile->name, value,
                   enum_word(unit, &eocbus__v1__unit__descriptor, (int)v->unit), line);
        break;
    }
    if (v->speed_mm_s)
        buf_printf(b, "; the front comes at %.1f m/s", v->speed_mm_s / 1000.0);
}

static void say_clear(struct buf *b, const struct detect *d)
{
    if (d->cause == CAUSE_HAND)
        buf_puts(b, "cleared by hand");
    else
        buf_printf(b, "every detector under its line for %d minutes",
                   (int)(d->fusion.number[FUSION_HOLD] / 60));
}

/* Wires that have spoken watch no more, until they are mended. */
static void say_spent_wires(struct buf *b, const struct detect *d)
{
    for (unsigned i = 0; i < d->count; i++) {
        const struct detector *one = &d->detector[i];

        if (one->profile->principle != PRINCIPLE_WIRE || (int)i == d->cause)
            continue;
        for (unsigned place = 0; place < one->stream_count; place++)
            if (wire_cuts(one) & BIT(place) && !one->verdict.over)
                buf_printf(b, "; wire %s is still cut and does not watch",
                           stream_name(d, one, place));
    }
}

/* No more than a message takes, and no half letter at the end. */
static int text_length(const struct buf *b)
{
    size_t n = b->len < TEXT_BYTES ? b->len : TEXT_BYTES;

    while (n < b->len && n && (b->data[n] & 0xC0) == 0x80)
        n--;
    return (int)n;
}

static char *sentence(const struct detect *d, struct arena *arena)
{
    struct buf b = {.data = NULL};
    char *text;

    if (d->maintenance)
        buf_puts(&b, "maintenance, people work there: ");
    if (d->cause >= 0)
        say_cause(&b, d, &d->detector[d->cause]);
    else
        say_clear(&b, d);
    say_spent_wires(&b, d);
    text = b.failed ? NULL : arena_printf(arena, "%.*s", text_length(&b), (const char *)b.data);
    buf_free(&b);
    return text;
}

/* --- the message ------------------------------------------------------------------------------ */

static uint32_t torrent_of(const struct detect *d, const struct detector *cause)
{
    const struct detector *one = cause ? cause : d->count ? &d->detector[0] : NULL;

    return one ? d->station->streams[one->stream[0]].torrent_id : 0;
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
    m->profile = (char *)(cause ? cause->profile : d->fusion.profile)->name;
    m->profile_version = (cause ? cause : &d->fusion)->version;
    m->level = d->level;
    m->previous_level = d->said;
    m->hazard = hazard;
    m->torrent_id = torrent_of(d, cause);
    m->text = sentence(d, arena);
    if (!m->text || add_evidence(d, m, arena) != ST_OK)
        return NULL;
    *st = ST_OK;
    return m;
}

void detect_said(struct detect *d)
{
    d->said = d->level;
}
