/* supervise - see supervise.h. */
#include "agents/sensor/report/supervise.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/banned.h"

#define FLAG(word) EOCBUS__V1__QUALITY__QUALITY_##word
#define TYPE(word) EOCBUS__V1__OBSERVATION_TYPE__OBSERVATION_TYPE_##word
#define UNIT(word) EOCBUS__V1__UNIT__UNIT_##word
/* Nobody is called silent sooner. */
#define PATIENCE_US INT64_C(60000000)

enum { BATTERY_MOST_MV = 100000, PANEL_MOST_MV = 200000, RSSI_LEAST = -150 };

void supervise_begin(struct supervise *v, const struct station *station,
                     const struct quality *quality, const struct supervise_limits *limits,
                     int64_t now_us)
{
    *v = (struct supervise){
        .station = station, .quality = quality, .limits = *limits, .began_us = now_us};
}

/* Of the datastream's unit as the status has it; false: not of this type, or no value for it. */
static bool read_as(int64_t *out, const struct datastream *d, const struct sample *s,
                    Eocbus__V1__ObservationType type, Eocbus__V1__Unit unit, int exponent,
                    int64_t least, int64_t most)
{
    return d->type == type && d->unit == unit &&
           decimal_scale(out, (struct decimal){s->value, d->exponent}, exponent) && *out >= least &&
           *out <= most;
}

static void read_own(struct supervise *v, const struct datastream *d, const struct sample *s)
{
    int64_t n;

    if (s->flags & (FLAG(MISSING) | FLAG(BAD) | FLAG(OUT_OF_RANGE) | FLAG(BACKFILLED)))
        return;
    if (read_as(&n, d, s, TYPE(BATT_V), UNIT(VOLT), -3, 0, BATTERY_MOST_MV))
        v->battery_mv = (uint32_t)n;
    else if (read_as(&n, d, s, TYPE(PANEL_V), UNIT(VOLT), -3, 0, PANEL_MOST_MV))
        v->panel_mv = (uint32_t)n;
    else if (read_as(&n, d, s, TYPE(RSSI), UNIT(DBM), 0, RSSI_LEAST, 0))
        v->rssi_dbm = (int32_t)n;
}

bool supervise_sample(struct supervise *v, unsigned stream, const struct sample *s)
{
    unsigned *doubts = &v->doubts[stream];

    read_own(v, &v->station->streams[stream], s);
    if (!(s->flags & FLAG(CLOCK_SUSPECT)))
        *doubts = 0;
    else if (*doubts < SUPERVISE_DOUBTS)
        return ++*doubts == SUPERVISE_DOUBTS;
    return false;
}

static bool is_silent(const struct supervise *v, unsigned stream, int64_t now_us)
{
    int64_t step_us = v->station->streams[stream].step_us;
    int64_t last_us = quality_last_us(v->quality, stream);
    int64_t wait_us = 3 * step_us > PATIENCE_US ? 3 * step_us : PATIENCE_US;

    if (v->doubts[stream] >= SUPERVISE_DOUBTS)
        return true;
    if (!step_us)
        return false;
    return now_us - (last_us > v->began_us ? last_us : v->began_us) > wait_us;
}

static unsigned judge(const struct supervise_limits *l, const Eocbus__V1__SensorStatus *s)
{
    unsigned troubles = 0;

    if (l->power_mv && s->battery_mv && s->battery_mv < l->power_mv)
        troubles |= TROUBLE_POWER;
    if (l->signal_dbm && s->rssi_dbm && s->rssi_dbm < -(int64_t)l->signal_dbm)
        troubles |= TROUBLE_SIGNAL;
    if (l->clock_ms && (s->clock_offset_ms > l->clock_ms || s->clock_offset_ms < -l->clock_ms))
        troubles |= TROUBLE_CLOCK;
    if (l->disk_kib && s->disk_free_kib < l->disk_kib)
        troubles |= TROUBLE_DISK;
    if (s->n_silent_datastreams)
        troubles |= TROUBLE_SILENT;
    return troubles;
}

unsigned supervise_look(struct supervise *v, int64_t now_us, Eocbus__V1__SensorStatus *out)
{
    out->battery_mv = v->battery_mv;
    out->panel_mv = v->panel_mv;
    out->rssi_dbm = v->rssi_dbm;
    out->silent_datastreams = v->silent;
    out->n_silent_datastreams = 0;
    for (unsigned i = 0; i < v->station->stream_count; i++)
        if (is_silent(v, i, now_us))
            v->silent[out->n_silent_datastreams++] = v->station->streams[i].id;
    return judge(&v->limits, out);
}

const char *supervise_words(char out[64], unsigned troubles)
{
    static const char *const words[] = {"power", "signal", "clock", "disk", "silent"};
    size_t len = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < ARRAY_LEN(words); i++)
        if (troubles & BIT(i))
            len += (size_t)snprintf(out + len, 64 - len, "%s%s", len ? " " : "", words[i]);
    return out;
}
