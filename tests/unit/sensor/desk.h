/* desk - what the sensor tests share: a station from lines, and a speaker that keeps what is said.
 */
#ifndef EOCBUS_TESTS_SENSOR_DESK_H
#define EOCBUS_TESTS_SENSOR_DESK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agents/sensor/report/say.h"
#include "proto/wire/limits.h"

#define FLAG(w)  EOCBUS__V1__QUALITY__QUALITY_##w
#define LEVEL(w) EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_##w
#define T0       INT64_C(1281200000000000) /* 2010-08-07T16:53:20Z */
#define SECOND   INT64_C(1000000)
#define MINUTE   (60 * SECOND)

struct desk {
    struct arena *arena, *message, *read;
    struct station station;
    struct speaker speaker;
    struct buf *said; /* packed envelopes, in order */
    size_t count, cap;
    enum status answer; /* of put */
};

static inline enum status desk_put(void *arg, Eocbus__V1__Envelope *m, struct refusal *why)
{
    struct desk *d = arg;
    static uint8_t id[16] = {1};
    struct buf *b;

    if (d->answer != ST_OK)
        return d->answer;
    if (!m->message_id.len)
        m->message_id = (ProtobufCBinaryData){16, id};
    m->originating_id = m->message_id;
    m->schema = SCHEMA_VERSION;
    m->sender = (char *)"coes.tj3505203.gw07";
    m->epoch = m->lane_seq = 1;
    m->sent_time_us = T0;
    assert_int_equal(gate_check(&m->base, why), ST_OK);
    if (d->count == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 64;
        d->said = realloc(d->said, d->cap * sizeof(*d->said));
    }
    b = &d->said[d->count++];
    *b = (struct buf){.len = eocbus__v1__envelope__get_packed_size(m)};
    b->data = malloc(b->len);
    eocbus__v1__envelope__pack(m, b->data);
    return ST_OK;
}

static inline void desk_forget(struct desk *d)
{
    for (size_t i = 0; i < d->count; i++)
        free(d->said[i].data);
    d->count = 0;
}

static inline void desk_open(struct desk *d, const char *const *streams, size_t n)
{
    struct conf_list none = {NULL, 0}, list = {(char **)streams, n};
    const struct station_lines lines = {&none, &none, &none, &list, NULL};
    char err[400] = "";

    memset(d, 0, sizeof(*d));
    assert_int_equal(arena_create(&d->arena, 1u << 20), ST_OK);
    assert_int_equal(arena_create(&d->message, 1u << 20), ST_OK);
    assert_int_equal(arena_create(&d->read, 1u << 20), ST_OK);
    if (station_read(&d->station, &lines, d->arena, err, sizeof(err)) != ST_OK)
        fail_msg("%s", err);
    d->speaker = (struct speaker){.gateway = "coes.tj3505203.gw07",
                                  .backfill_us = 10 * MINUTE,
                                  .place = "3505203",
                                  .status = EOCBUS__V1__STATUS__STATUS_EXERCISE,
                                  .hazard = EOCBUS__V1__HAZARD__HAZARD_MUDFLOW,
                                  .registry_version = 1,
                                  .arena = d->message,
                                  .put = desk_put,
                                  .arg = d};
}

static inline void desk_close(struct desk *d)
{
    desk_forget(d);
    free(d->said);
    arena_destroy(d->arena);
    arena_destroy(d->message);
    arena_destroy(d->read);
}

/* Borrowed until the next call. */
static inline const Eocbus__V1__Envelope *desk_said(struct desk *d, size_t i)
{
    Eocbus__V1__Envelope *m;

    assert_true(i < d->count);
    arena_reset(d->read);
    m = eocbus__v1__envelope__unpack(arena_allocator(d->read), d->said[i].len, d->said[i].data);
    assert_non_null(m);
    return m;
}

/* Samples of one series of a batch that was said; how many. */
static inline size_t desk_samples(struct desk *d, size_t i, size_t series, struct sample *out,
                                  size_t max)
{
    const Eocbus__V1__Envelope *m = desk_said(d, i);
    struct series_cursor c;
    struct refusal why;
    size_t n = 0;

    assert_int_equal(m->body_case, EOCBUS__V1__ENVELOPE__BODY_OBSERVATION_BATCH);
    assert_int_equal(observations_check(m->observation_batch, &why), ST_OK);
    assert_true(series < m->observation_batch->n_series);
    series_begin(&c, m->observation_batch, m->observation_batch->series[series]);
    while (n < max && series_next(&c, &out[n]))
        n++;
    return n;
}

#endif
