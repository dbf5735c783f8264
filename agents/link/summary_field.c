/* summary_field - what comes from the field: sensors, reports, incidents. */
#include <inttypes.h>
#include <string.h>

#include "agents/link/summary.h"
#include "agents/link/summary_bodies.h"

#include "proto/base/banned.h"

/* Smallest and largest of a delta-coded series. Wraps around quietly: it is only looked at. */
static void range_of(const Eocbus__V1__Series *s, int64_t *least, int64_t *most)
{
    uint64_t at = (uint64_t)s->first;

    *least = *most = s->first;
    for (size_t i = 0; i < s->n_deltas; i++) {
        at += (uint64_t)s->deltas[i];
        if ((int64_t)at < *least)
            *least = (int64_t)at;
        if ((int64_t)at > *most)
            *most = (int64_t)at;
    }
}

static const char *unit_of(Eocbus__V1__Unit unit)
{
    static const char *const names[] = {"",     "",     "m",   "mm",  "mm/h", "m/min",
                                        "m/s",  "m/s2", "1/s", "Pa",  "Hz",   "m3/m3",
                                        "mrad", "degC", "V",   "dBm", "%"};

    return (size_t)unit < ARRAY_LEN(names) ? names[unit] : "";
}

static void say_series(struct buf *b, const Eocbus__V1__Series *s)
{
    int64_t least, most;

    range_of(s, &least, &most);
    SAY(b, observation_type, s->type);
    buf_printf(b, " %u samples ", s->sample_count ? s->sample_count : (unsigned)s->n_deltas + 1);
    say_scaled(b, least, s->exponent);
    if (most != least) {
        buf_puts(b, "..");
        say_scaled(b, most, s->exponent);
    }
    say_text(b, " ", unit_of(s->unit));
}

static void say_batch(struct buf *b, const Eocbus__V1__ObservationBatch *o)
{
    for (size_t i = 0; i < o->n_series && i < 5; i++) {
        if (i)
            buf_puts(b, ", ");
        say_series(b, o->series[i]);
    }
    if (o->n_series > 5)
        buf_printf(b, " and %zu more series", o->n_series - 5);
}

static void say_detection(struct buf *b, const Eocbus__V1__Envelope *m,
                          const Eocbus__V1__SensorDetection *d)
{
    SAY(b, detection_level, d->level);
    buf_puts(b, ": ");
    SAY(b, hazard, d->hazard);
    say_place(b, " at ", m);
    say_text(b, ", ", d->text);
    if (d->confidence_pct)
        buf_printf(b, ", confidence %u %%", d->confidence_pct);
    if (d->n_etas)
        buf_printf(b, ", first houses in %u s", d->etas[0]->eta_s);
}

static void say_sensor_status(struct buf *b, const Eocbus__V1__SensorStatus *s)
{
    buf_printf(b, "gateway up %u h", s->uptime_s / 3600);
    if (s->battery_mv) /* 0 is not measured */
        buf_printf(b, ", battery %u.%02u V", s->battery_mv / 1000, s->battery_mv % 1000 / 10);
    say_count(b, s->backlog_messages, "message waits", "messages wait");
    say_count(b, s->n_silent_datastreams, "series silent", "series silent");
    if (s->tamper)
        buf_puts(b, ", TAMPERED WITH");
}

static void say_siren(struct buf *b, const Eocbus__V1__SirenCommand *s)
{
    buf_printf(b, "siren %s: ", s->site);
    SAY(b, siren_action, s->action);
    buf_puts(b, " ");
    if (s->pattern)
        SAY(b, siren_pattern, s->pattern);
    if (s->duration_s)
        buf_printf(b, " for %u s", s->duration_s);
}

static void say_siren_report(struct buf *b, const Eocbus__V1__SirenReport *s)
{
    buf_printf(b, "siren %s: ", s->site);
    SAY(b, siren_result, s->result);
    say_text(b, ", ", s->code);
}

static void say_flash(struct buf *b, const Eocbus__V1__Envelope *m,
                      const Eocbus__V1__FlashReport *f)
{
    SAY(b, hazard, f->hazard);
    if (f->village && *f->village)
        say_text(b, " reported at ", f->village);
    else
        say_place(b, " reported at ", m);
    buf_puts(b, ": ");
    if (f->_deaths_case)
        say_count(b, f->deaths, "dead", "dead");
    if (f->_injured_case)
        say_count(b, f->injured, "injured", "injured");
    if (f->_missing_case)
        say_count(b, f->missing, "missing", "missing");
    if (f->_houses_case)
        say_count(b, f->houses, "house", "houses");
    if (f->_to_evacuate_case)
        say_count(b, f->to_evacuate, "person to evacuate", "people to evacuate");
    if (f->road_cut == EOCBUS__V1__ANSWER__ANSWER_YES)
        buf_puts(b, b->data[b->len - 1] == ' ' ? "road cut" : ", road cut");
    if (b->len > 2 && memcmp(b->data + b->len - 2, ": ", 2) == 0)
        buf_puts(b, f->_deaths_case || f->_injured_case || f->_missing_case || f->_houses_case
                        ? "no losses known"
                        : "losses not known yet");
    say_long(b, "; ", f->text, 120);
}

static void say_situation(struct buf *b, const Eocbus__V1__Envelope *m,
                          const Eocbus__V1__SituationReport *s)
{
    buf_printf(b, "situation report %u (", s->report_no);
    SAY(b, report_version, s->version);
    buf_puts(b, ")");
    say_place(b, " of ", m);
    if (s->_households_affected_case)
        say_count(b, s->households_affected, "household affected", "households affected");
    if (s->_people_displaced_case)
        say_count(b, s->people_displaced, "person displaced", "people displaced");
    say_count(b, s->n_roads_cut, "road cut", "roads cut");
    say_count(b, s->n_needs, "need", "needs");
    say_long(b, ": ", s->situation, 120);
}

static void say_damage(struct buf *b, const Eocbus__V1__DamageNeedsAssessment *d)
{
    uint64_t households = 0, relocate = 0, losses = 0;

    for (size_t i = 0; i < d->n_villages; i++) {
        if (d->villages[i]->_households_affected_case)
            households += d->villages[i]->households_affected;
        relocate += d->villages[i]->households_to_relocate;
        losses += d->villages[i]->n_losses;
    }
    buf_puts(b, "damage assessment (");
    SAY(b, report_version, d->version);
    buf_puts(b, ")");
    say_count(b, d->n_villages, "village", "villages");
    say_count(b, households, "household affected", "households affected");
    say_count(b, relocate, "household to relocate", "households to relocate");
    say_count(b, losses, "line of losses", "lines of losses");
}

static void say_casualties(struct buf *b, const Eocbus__V1__CasualtySummary *c)
{
    uint64_t by_kind[7] = {0}, parts[7] = {0};

    /* Rows without sex and age are totals and include the others. */
    for (size_t i = 0; i < c->n_counts; i++) {
        const Eocbus__V1__CasualtyCount *row = c->counts[i];

        if ((unsigned)row->kind < 7)
            (row->sex || row->age ? parts : by_kind)[row->kind] += row->persons;
    }
    for (int kind = 1; kind < 7; kind++)
        if (!by_kind[kind])
            by_kind[kind] = parts[kind];
    buf_puts(b, "casualties");
    for (int kind = 1; kind < 7; kind++) {
        if (!by_kind[kind])
            continue;
        buf_printf(b, ", %" PRIu64 " ", by_kind[kind]);
        SAY(b, casualty_kind, kind);
    }
    say_text(b, ", from ", c->source);
}

static void say_incident(struct buf *b, const Eocbus__V1__Envelope *m,
                         const Eocbus__V1__Incident *i)
{
    buf_puts(b, "incident: ");
    SAY(b, hazard, i->hazard);
    say_place(b, " at ", m);
    say_text(b, ", ", i->name);
    buf_puts(b, ", severity ");
    SAY(b, severity, i->severity);
    say_long(b, ": ", i->text, 100);
}

static void say_transition(struct buf *b, const Eocbus__V1__IncidentTransition *t)
{
    buf_puts(b, "incident ");
    say_id(b, t->incident_id);
    buf_puts(b, ": ");
    if (t->from_state) {
        SAY(b, incident_state, t->from_state);
        buf_puts(b, " -> ");
    }
    SAY(b, incident_state, t->to_state);
    say_text(b, ", by ", t->decided_by);
    say_long(b, ": ", t->reason, 100);
}

static void say_totals(struct buf *b, const Eocbus__V1__ResourceTotals *r)
{
    buf_puts(b, "resources");
    for (size_t i = 0; i < r->n_totals && i < 5; i++)
        buf_printf(b, "%s %s: %u there, %u on the way, %u needed", i ? "," : "", r->totals[i]->kind,
                   r->totals[i]->on_scene, r->totals[i]->en_route, r->totals[i]->needed);
}

static void say_compact(struct buf *b, const Eocbus__V1__CompactFlash *c)
{
    SAY(b, detection_level, c->level);
    buf_puts(b, ": ");
    SAY(b, hazard, c->hazard);
    buf_printf(b, " at %" PRIu64 ", in %u s", c->place, c->eta_s);
}

#define BODY(name) EOCBUS__V1__ENVELOPE__BODY_##name

bool say_field_body(struct buf *b, const Eocbus__V1__Envelope *m)
{
    switch (m->body_case) {
    case BODY(OBSERVATION_BATCH):
        say_batch(b, m->observation_batch);
        return true;
    case BODY(SENSOR_DETECTION):
        say_detection(b, m, m->sensor_detection);
        return true;
    case BODY(SENSOR_STATUS):
        say_sensor_status(b, m->sensor_status);
        return true;
    case BODY(SENSOR_REGISTRY):
        buf_printf(b, "registry %u of %s", m->sensor_registry->version,
                   m->sensor_registry->gateway);
        say_count(b, m->sensor_registry->n_datastreams, "series", "series");
        return true;
    case BODY(SIREN_COMMAND):
        say_siren(b, m->siren_command);
        return true;
    case BODY(SIREN_REPORT):
        say_siren_report(b, m->siren_report);
        return true;
    case BODY(COMPACT_FLASH):
        say_compact(b, m->compact_flash);
        return true;
    case BODY(FLASH_REPORT):
        say_flash(b, m, m->flash_report);
        return true;
    case BODY(SITUATION_REPORT):
        say_situation(b, m, m->situation_report);
        return true;
    case BODY(DAMAGE_NEEDS_ASSESSMENT):
        say_damage(b, m->damage_needs_assessment);
        return true;
    case BODY(CASUALTY_SUMMARY):
        say_casualties(b, m->casualty_summary);
        return true;
    case BODY(RESOURCE_TOTALS):
        say_totals(b, m->resource_totals);
        return true;
    case BODY(INCIDENT):
        say_incident(b, m, m->incident);
        return true;
    case BODY(INCIDENT_TRANSITION):
        say_transition(b, m->incident_transition);
        return true;
    default:
        return false;
    }
}
