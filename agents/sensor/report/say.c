/* say - see say.h.
 *
 * Lanes: samples fill what is left (BULK), a gateway's state is ROUTINE; a conclusion travels by
 * its level, because an alarm must overtake everything. */
#include "agents/sensor/report/say.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"
#include "proto/wire/limits.h"

#define CLOCK_ERROR_UNKNOWN UINT32_MAX

struct letter {
    Eocbus__V1__Envelope m;
    Eocbus__V1__Area area;
    char *pcodes[1];
};

static Eocbus__V1__Envelope *begin(const struct speaker *s, struct letter *l, Eocbus__V1__Lane lane,
                                   Eocbus__V1__Kind kind, int64_t event_us)
{
    eocbus__v1__envelope__init(&l->m);
    eocbus__v1__area__init(&l->area);
    l->pcodes[0] = (char *)s->place;
    if (s->place && *s->place) {
        l->area.n_pcodes = 1;
        l->area.pcodes = l->pcodes;
        l->m.area = &l->area;
    }
    l->m.lane = lane;
    l->m.kind = kind;
    l->m.status = s->status;
    l->m.event_time_us = event_us;
    l->m.clock_source = s->clock;
    l->m.clock_err_ms = CLOCK_ERROR_UNKNOWN;
    l->m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    l->m.flags = s->flags;
    return &l->m;
}

static enum status put(struct speaker *s, Eocbus__V1__Envelope *m)
{
    enum status st = s->put(s->arg, m, &s->why);

    return st == ST_EXISTS ? ST_OK : st;
}

static size_t samples_in(const struct channel *channels, size_t count)
{
    size_t samples = 0;

    for (size_t i = 0; i < count; i++)
        samples += channels[i].count;
    return samples;
}

/* The newest sample decides: a batch that reaches up to now is news, however long it is. Only what
 * was measured can be backfill; a conclusion, a command or an alert that is late must still be seen
 * by somebody, and never loses its voice here. */
static uint32_t backfill_flag(const struct speaker *s, const struct channel *channels, size_t count)
{
    int64_t newest = INT64_MIN;

    if (!s->backfill_us || !s->now_us)
        return 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < channels[i].count; j++)
            if (channels[i].samples[j].time_us > newest)
                newest = channels[i].samples[j].time_us;
    return newest < s->now_us - s->backfill_us ? EOCBUS__V1__FLAG__FLAG_BACKFILL : 0;
}

/* *too_large: nothing was put, fewer channels may fit. */
static enum status say_batch(struct speaker *s, const struct channel *channels, size_t count,
                             bool *too_large)
{
    Eocbus__V1__ObservationBatch body;
    struct letter l;
    Eocbus__V1__Envelope *m;
    enum status st;

    *too_large = count > 1 && samples_in(channels, count) > LIMIT_SAMPLES;
    if (*too_large)
        return ST_FULL;
    arena_reset(s->arena);
    st = observations_encode(&body, s->registry_version, channels, count, s->arena, &s->why);
    if (st != ST_OK)
        return st;
    m = begin(s, &l, s->lane ? s->lane : EOCBUS__V1__LANE__LANE_BULK, EOCBUS__V1__KIND__KIND_REPORT,
              body.base_time_us);
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_OBSERVATION_BATCH;
    m->observation_batch = &body;
    m->flags |= backfill_flag(s, channels, count);
    /* The outbox adds a name, ids and times: a few hundred bytes. */
    *too_large = count > 1 && eocbus__v1__envelope__get_packed_size(m) > LIMIT_CONTENT_BYTES - 1024;
    return *too_large ? ST_FULL : put(s, m);
}

enum status say_observations(struct speaker *s, const struct channel *channels, size_t count,
                             size_t *said)
{
    size_t part = count;
    bool too_large = false;
    enum status st = ST_OK;

    *said = 0;
    while (st == ST_OK && *said < count) {
        if (part > count - *said)
            part = count - *said;
        st = say_batch(s, channels + *said, part, &too_large);
        if (too_large) {
            part = (part + 1) / 2;
            st = ST_OK;
            continue;
        }
        if (st == ST_OK)
            *said += part;
    }
    return st;
}

static Eocbus__V1__Lane lane_of(Eocbus__V1__DetectionLevel level)
{
    switch (level) {
    case EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_ALARM:
        return EOCBUS__V1__LANE__LANE_FLASH;
    case EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_WARNING:
        return EOCBUS__V1__LANE__LANE_IMMEDIATE;
    default:
        return EOCBUS__V1__LANE__LANE_PRIORITY;
    }
}

enum status say_detection(struct speaker *s, struct detect *d)
{
    Eocbus__V1__SensorDetection *body;
    Eocbus__V1__Envelope *m;
    struct letter l;
    enum status st;

    arena_reset(s->arena);
    body = detect_conclusion(d, s->hazard, s->arena, &st);
    if (!body)
        return st == ST_OK ? ST_NOTFOUND : st;
    m = begin(s, &l, lane_of(d->level), EOCBUS__V1__KIND__KIND_SENSOR_DETECTION, d->now_us);
    m->lang = EOCBUS__V1__LANG__LANG_EN;
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION;
    m->sensor_detection = body;
    st = put(s, m);
    if (st == ST_OK)
        detect_said(d);
    return st;
}

enum status say_registry(struct speaker *s, const struct station *station, int64_t now_us)
{
    Eocbus__V1__Envelope *m;
    struct letter l;

    arena_reset(s->arena);
    m = begin(s, &l, EOCBUS__V1__LANE__LANE_ROUTINE, EOCBUS__V1__KIND__KIND_REPORT, now_us);
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_REGISTRY;
    m->sensor_registry = station_registry(station, s->gateway, s->registry_version,
                                          *s->place ? s->place : NULL, s->arena);
    return m->sensor_registry ? put(s, m) : ST_NOMEM;
}

enum status say_status(struct speaker *s, const Eocbus__V1__SensorStatus *body, int64_t now_us)
{
    Eocbus__V1__SensorStatus copy = *body;
    Eocbus__V1__Envelope *m;
    struct letter l;

    arena_reset(s->arena);
    m = begin(s, &l, EOCBUS__V1__LANE__LANE_ROUTINE, EOCBUS__V1__KIND__KIND_SENSOR_STATUS, now_us);
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_STATUS;
    m->sensor_status = &copy;
    return put(s, m);
}

enum status say_siren_report(struct speaker *s, const Eocbus__V1__SirenReport *body,
                             int64_t event_us, bool linked)
{
    Eocbus__V1__SirenReport copy = *body;
    Eocbus__V1__Envelope *m;
    struct letter l;

    m = begin(s, &l, EOCBUS__V1__LANE__LANE_IMMEDIATE, EOCBUS__V1__KIND__KIND_REPORT, event_us);
    if (!linked)
        m->flags |= EOCBUS__V1__FLAG__FLAG_BACKFILL;
    m->originating_id = m->preceding_id = copy.cause_id;
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_SIREN_REPORT;
    m->siren_report = &copy;
    return put(s, m);
}

enum status say_answer(struct speaker *s, const struct say_answer *a, int64_t now_us)
{
    Eocbus__V1__Receipt body = EOCBUS__V1__RECEIPT__INIT;
    bool is_error = a->level != EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED;
    char *to[1] = {(char *)(uintptr_t)a->to};
    Eocbus__V1__Envelope *m;
    struct letter l;

    m = begin(s, &l, EOCBUS__V1__LANE__LANE_PRIORITY,
              is_error ? EOCBUS__V1__KIND__KIND_ERROR : EOCBUS__V1__KIND__KIND_ACK, now_us);
    m->to = to;
    m->n_to = 1;
    m->lang = EOCBUS__V1__LANG__LANG_EN;
    body.message_id = (ProtobufCBinaryData){16, (uint8_t *)(uintptr_t)a->message_id};
    m->originating_id = m->preceding_id = body.message_id;
    body.level = a->level;
    body.by = (char *)(uintptr_t)s->gateway;
    body.code = (char *)(uintptr_t)a->code;
    body.text = (char *)(uintptr_t)a->text;
    body.time_us = now_us;
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_RECEIPT;
    m->receipt = &body;
    return put(s, m);
}

enum status
say_thinned(const struct speaker *s, int64_t now_us,
            enum status (*thin)(void *arg, Eocbus__V1__Envelope *m, struct refusal *why), void *arg)
{
    struct refusal why;
    struct letter l;

    return thin(arg,
                begin(s, &l, EOCBUS__V1__LANE__LANE_ROUTINE, EOCBUS__V1__KIND__KIND_REPORT, now_us),
                &why);
}

enum status say_numbers(struct speaker *s, const Eocbus__V1__SensorConfiguration *body,
                        int64_t now_us)
{
    Eocbus__V1__SensorConfiguration copy = *body;
    Eocbus__V1__Envelope *m;
    struct letter l;

    m = begin(s, &l, EOCBUS__V1__LANE__LANE_ROUTINE, EOCBUS__V1__KIND__KIND_REPORT, now_us);
    m->lang = EOCBUS__V1__LANG__LANG_EN;
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_SENSOR_CONFIGURATION;
    m->sensor_configuration = &copy;
    return put(s, m);
}
