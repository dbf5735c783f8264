/* satellite - see satellite.h. */
#include "agents/sensor/report/satellite.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/sensor/report/beacon.h"
#include "agents/sensor/report/modem.h"
#include "agents/sensor/station/station.h"
#include "proto/base/log.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

#define LOOK_MS 1000

struct satellite {
    struct satellite_settings set;
    struct beacon beacon;
    struct modem *modem;
    struct loop_timer *timer;
    struct arena *arena;
};

static void on_answered(void *arg, bool ok)
{
    struct satellite *s = arg;

    if (ok)
        log_info("sensor.satellite.said", "messages=%" PRIu64, s->beacon.said + 1);
    else
        log_warn("sensor.satellite.failed", "retry_s=%d", BEACON_AGAIN_S);
    beacon_answered(&s->beacon, ok, loop_utc_us(s->set.loop));
}

static void on_look(void *arg)
{
    struct satellite *s = arg;
    uint64_t given_up = s->beacon.given_up;
    const struct beacon_item *one = beacon_next(&s->beacon, loop_utc_us(s->set.loop));

    if (s->beacon.given_up != given_up)
        log_error("sensor.satellite.late", "messages=%" PRIu64 " next=\"the full form waits\"",
                  s->beacon.given_up - given_up);
    if (one)
        modem_send(s->modem, one->bytes, one->len);
    else if (!s->beacon.count)
        loop_timer_stop(s->timer);
}

void satellite_put(struct satellite *s, const Eocbus__V1__Envelope *m, uint64_t tag)
{
    if (!s || m->body_case != EOCBUS__V1__ENVELOPE__BODY_SENSOR_DETECTION ||
        m->message_id.len != 16)
        return;
    beacon_concluded(&s->beacon, m, s->set.is_linked(s->set.arg), loop_utc_us(s->set.loop));
    beacon_put(&s->beacon, m->message_id.data, tag);
    if (s->beacon.count)
        loop_timer_start(s->timer, 0, LOOK_MS);
}

void satellite_stored(struct satellite *s, uint64_t tag)
{
    if (s)
        beacon_stored(&s->beacon, tag);
}

/* --- after a start ---------------------------------------------------------------------------- */

static bool on_waiting(void *arg, const struct outbox_row *row)
{
    struct satellite *s = arg;
    Eocbus__V1__Envelope *m;

    arena_reset(s->arena);
    m = eocbus__v1__envelope__unpack(arena_allocator(s->arena), row->content_len, row->content);
    /* Old ones are news to nobody. */
    if (m && loop_utc_us(s->set.loop) - m->event_time_us < s->set.valid_ms * INT64_C(1000))
        satellite_put(s, m, row->tag);
    return true;
}

void satellite_look(struct satellite *s, struct outbox *o)
{
    if (s && outbox_next(o, OUTBOX_LANE(EOCBUS__V1__LANE__LANE_FLASH), BEACON_WAITING, SIZE_MAX,
                         on_waiting, s) != ST_OK)
        log_warn("sensor.satellite.unread", "why=%s", outbox_trouble(o));
}

/* --- beginning and ending --------------------------------------------------------------------- */

static enum status read_beacon(struct satellite *s, char *err, size_t err_size)
{
    struct beacon_settings set = {.valid_min = (s->set.valid_ms + 59999) / 60000,
                                  .after_us = s->set.after_ms * INT64_C(1000)};
    enum status st;
    int level;

    if (!enum_read(&level, &eocbus__v1__detection_level__descriptor, slice_of(s->set.level)) ||
        level < EOCBUS__V1__DETECTION_LEVEL__DETECTION_LEVEL_WATCH) {
        snprintf(err, err_size, "compact.level = %s: legal are watch, warning and alarm",
                 s->set.level);
        return ST_INVALID;
    }
    set.level = (Eocbus__V1__DetectionLevel)level;
    st = compact_key_load(&set.key, s->set.key_file, err, err_size);
    if (st == ST_OK)
        beacon_begin(&s->beacon, &set);
    compact_key_wipe(&set.key);
    return st;
}

enum status satellite_create(struct satellite **out, const struct satellite_settings *set,
                             char *err, size_t err_size)
{
    struct satellite *s = mem_zalloc(sizeof(*s));
    const struct modem_settings modem = {.loop = set->loop,
                                         .command = set->command,
                                         .timeout_ms = set->timeout_ms,
                                         .answered = on_answered,
                                         .arg = s};
    enum status st;

    snprintf(err, err_size, "out of memory");
    if (!s)
        return ST_NOMEM;
    s->set = *set;
    st = read_beacon(s, err, err_size);
    if (st == ST_OK)
        st = arena_create(&s->arena, LIMIT_ARENA_BYTES);
    if (st == ST_OK)
        st = modem_create(&s->modem, &modem, err, err_size);
    if (st == ST_OK)
        st = loop_timer_create(&s->timer, set->loop, on_look, s);
    s->set.command = s->set.key_file = s->set.level = NULL;
    if (st == ST_OK)
        *out = s;
    else
        satellite_destroy(s);
    return st;
}

void satellite_destroy(struct satellite *s)
{
    if (!s)
        return;
    modem_destroy(s->modem);
    loop_timer_destroy(s->timer);
    arena_destroy(s->arena);
    compact_key_wipe(&s->beacon.set.key);
    mem_free(s);
}
