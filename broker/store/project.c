/* project - see project.h.
 *
 *   place ──▶ page ──▶ decode ──▶ put ──▶ pause ──▶ place ...
 *
 * Behind, but not in the way: while the log grows it rests three times as long as it worked, so it
 * takes at most a quarter of one core from the commits; when the log is quiet it catches up.
 * Caught up, it puts four times a second what came; idle, it looks once a second. Every 16,384
 * numbers it also has the BRIN indexes of the log brought up to date. */
#include "broker/store/project.h"

#include <endian.h>
#include <math.h>
#include <string.h>

#include "broker/store/array.h"
#include "proto/base/pg.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"
#include "proto/wire/limits.h"
#include "proto/wire/observations.h"

#include "proto/base/banned.h"

enum {
    PAGE_NUMBERS = 512,    /* of the log in one page */
    READINGS_MOST = 20000, /* rows in one put: some 2 MiB of arrays, 100 ms of PostgreSQL */
    IDLE_MS = 1000,
    GATHER_MS = 250, /* caught up: a put is a commit, so messages are gathered for a moment */
    SUMMARIZE_NUMBERS = 16384,
    DEADLINE_MS = 60000,
};

enum column { /* parameters of project_put behind the span */
              O_TIME,
              O_VALUE,
              O_SEQ,
              O_SENDER,
              O_DATASTREAM,
              O_QUALITY,
              O_TYPE,
              O_UNIT,
              S_SEQ,
              S_TIME,
              S_SENDER,
              S_UPTIME,
              S_BATTERY,
              S_PANEL,
              S_TEMPERATURE,
              S_RSSI,
              S_BACKLOG,
              S_BACKLOG_BYTES,
              S_OFFSET,
              S_DISK,
              S_MODE,
              S_TAMPER,
              COLUMNS,
};

static const enum array_of kinds[COLUMNS] = {
    [O_TIME] = ARRAY_TIME,    [O_VALUE] = ARRAY_FLOAT8,    [O_SEQ] = ARRAY_INT8,
    [O_SENDER] = ARRAY_INT4,  [O_DATASTREAM] = ARRAY_INT4, [O_QUALITY] = ARRAY_INT4,
    [O_TYPE] = ARRAY_INT2,    [O_UNIT] = ARRAY_INT2,       [S_SEQ] = ARRAY_INT8,
    [S_TIME] = ARRAY_TIME,    [S_SENDER] = ARRAY_INT4,     [S_UPTIME] = ARRAY_INT8,
    [S_BATTERY] = ARRAY_INT4, [S_PANEL] = ARRAY_INT4,      [S_TEMPERATURE] = ARRAY_INT4,
    [S_RSSI] = ARRAY_INT4,    [S_BACKLOG] = ARRAY_INT8,    [S_BACKLOG_BYTES] = ARRAY_INT8,
    [S_OFFSET] = ARRAY_INT4,  [S_DISK] = ARRAY_INT8,       [S_MODE] = ARRAY_INT2,
    [S_TAMPER] = ARRAY_BOOL,
};

struct project {
    struct loop *loop; /* borrowed, outlives us */
    struct pg *pg;
    struct loop_timer *timer;
    struct arena *arena;
    struct array column[COLUMNS];
    uint64_t after, upto, head, head_before, summarized_at;
    uint64_t began_us;
    size_t readings;
};

/* --- decoding --------------------------------------------------------------------------------- */

struct row {
    uint64_t seq;
    int32_t sender_id;
};

/* Powers of ten up to 10^22 are exact doubles, and so are values up to 10^12: one rounding, so that
 * 123 and -1 make 12.3 and not 12.300000000000001. */
static double scaled(int64_t value, int32_t exponent)
{
    if (exponent < 0)
        return (double)value / pow(10, -exponent);
    return (double)value * pow(10, exponent);
}

static void put_series(struct project *p, const struct row *row,
                       const Eocbus__V1__ObservationBatch *b, const Eocbus__V1__Series *series)
{
    struct series_cursor c;
    struct sample s;

    series_begin(&c, b, series);
    while (series_next(&c, &s)) {
        array_time(&p->column[O_TIME], s.time_us);
        array_float8(&p->column[O_VALUE], scaled(s.value, series->exponent));
        array_int8(&p->column[O_SEQ], (int64_t)row->seq);
        array_int4(&p->column[O_SENDER], row->sender_id);
        array_int4(&p->column[O_DATASTREAM], (int32_t)series->datastream_id);
        array_int4(&p->column[O_QUALITY], (int32_t)s.flags);
        array_int2(&p->column[O_TYPE], series->type);
        array_int2(&p->column[O_UNIT], series->unit);
        p->readings++;
    }
}

static void put_batch(struct project *p, const struct row *row,
                      const Eocbus__V1__ObservationBatch *b)
{
    struct refusal why;

    if (observations_check(b, &why) != ST_OK) {
        log_warn("store.project.series", "seq=%llu code=%s path=%s next=\"left out\"",
                 (unsigned long long)row->seq, why.code, why.path);
        return;
    }
    for (size_t i = 0; i < b->n_series; i++)
        put_series(p, row, b, b->series[i]);
}

static void put_status(struct project *p, const struct row *row, const Eocbus__V1__Envelope *e)
{
    const Eocbus__V1__SensorStatus *s = e->sensor_status;
    static const uint8_t no = 0, yes = 1;

    array_int8(&p->column[S_SEQ], (int64_t)row->seq);
    array_time(&p->column[S_TIME], e->event_time_us);
    array_int4(&p->column[S_SENDER], row->sender_id);
    array_int8(&p->column[S_UPTIME], s->uptime_s);
    array_int4(&p->column[S_BATTERY], (int32_t)s->battery_mv);
    array_int4(&p->column[S_PANEL], (int32_t)s->panel_mv);
    array_int4(&p->column[S_TEMPERATURE], s->temperature_dc);
    array_int4(&p->column[S_RSSI], s->rssi_dbm);
    array_int8(&p->column[S_BACKLOG], (int64_t)(s->backlog_messages & INT64_MAX));
    array_int8(&p->column[S_BACKLOG_BYTES], (int64_t)(s->backlog_bytes & INT64_MAX));
    array_int4(&p->column[S_OFFSET], s->clock_offset_ms);
    array_int8(&p->column[S_DISK], (int64_t)(s->disk_free_kib & INT64_MAX));
    array_int2(&p->column[S_MODE], s->mode);
    array_bytes(&p->column[S_TAMPER], s->tamper ? &yes : &no, 1);
    p->readings++;
}

/* What does not unpack here came past an older gate; it stays in the log and is no reading. */
static void put_message(struct project *p, const struct row *row, const uint8_t *content,
                        size_t len)
{
    Eocbus__V1__Envelope *e = eocbus__v1__envelope__unpack(arena_allocator(p->arena), len, content);

    if (e && e->body_case == EOCBUS__V1__ENVELOPE__BODY_OBSERVATION_BATCH)
        put_batch(p, row, e->observation_batch);
    else if (e && e->body_case == EOCBUS__V1__ENVELOPE__BODY_SENSOR_STATUS)
        put_status(p, row, e);
    else
        log_warn("store.project.unread", "seq=%llu next=\"left out\"",
                 (unsigned long long)row->seq);
    arena_reset(p->arena);
}

/* A page that would be too much ends early; the cursor then moves as far as was decoded. */
static void decode(struct project *p, const struct pg_rows *rows)
{
    size_t n = pg_row_count(rows);

    p->readings = 0;
    for (unsigned i = 0; i < COLUMNS; i++)
        array_begin(&p->column[i], kinds[i]);
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const void *content = pg_bytes(rows, i, 3, &len);
        struct row row = {(uint64_t)pg_int(rows, i, 0), (int32_t)pg_int(rows, i, 1)};

        put_message(p, &row, content, len);
        if (p->readings >= READINGS_MOST) {
            p->upto = row.seq;
            return;
        }
    }
}

/* --- the round -------------------------------------------------------------------------------- */

static void rest(struct project *p, unsigned ms)
{
    loop_timer_start(p->timer, ms, 0);
}

/* After anything that went wrong; a lost connection begins anew by itself. */
static void on_trouble(struct project *p, const struct pg_reply *reply)
{
    if (reply->answer == PG_LOST)
        return;
    log_error("store.project", "after=%llu upto=%llu sqlstate=%s why=\"%s\"",
              (unsigned long long)p->after, (unsigned long long)p->upto, reply->sqlstate,
              reply->message);
    rest(p, DEADLINE_MS / 4);
}

static void on_put(void *arg, const struct pg_reply *reply)
{
    struct project *p = arg;
    uint64_t took_ms = (loop_exact_us(p->loop) - p->began_us) / 1000;
    bool is_busy = p->head != p->head_before, is_behind = p->upto < p->head;

    if (reply->answer != PG_ROWS) {
        on_trouble(p, reply);
        return;
    }
    p->head_before = p->head;
    if (!pg_int(reply->rows, 0, 0))
        rest(p, IDLE_MS); /* another broker is at it */
    else if (!is_behind)
        rest(p, GATHER_MS);
    else
        rest(p, is_busy ? (unsigned)took_ms * 3 + 1 : 0);
}

static void on_page(void *arg, const struct pg_reply *reply)
{
    struct project *p = arg;
    uint64_t span[2];
    struct pg_param params[2 + COLUMNS] = {{&span[0], 8}, {&span[1], 8}};

    if (reply->answer != PG_ROWS) {
        on_trouble(p, reply);
        return;
    }
    decode(p, reply->rows);
    span[0] = htobe64(p->after);
    span[1] = htobe64(p->upto);
    for (unsigned i = 0; i < COLUMNS; i++) {
        params[2 + i] = array_param(&p->column[i]);
        if (array_failed(&p->column[i])) {
            rest(p, IDLE_MS); /* no memory; nothing was lost by it */
            return;
        }
    }
    if (pg_query(p->pg, "project_put", params, 2 + COLUMNS, DEADLINE_MS, on_put, p) != ST_OK)
        log_debug("store.project.put", "not sent");
}

static void on_place(void *arg, const struct pg_reply *reply)
{
    struct project *p = arg;
    uint64_t span[2];
    struct pg_param params[2] = {{&span[0], 8}, {&span[1], 8}};

    if (reply->answer != PG_ROWS) {
        on_trouble(p, reply);
        return;
    }
    p->after = (uint64_t)pg_int(reply->rows, 0, 0);
    p->head = (uint64_t)pg_int(reply->rows, 0, 1);
    p->upto = p->head - p->after > PAGE_NUMBERS ? p->after + PAGE_NUMBERS : p->head;
    if (p->head <= p->after) {
        p->head_before = p->head;
        rest(p, IDLE_MS);
        return;
    }
    span[0] = htobe64(p->after);
    span[1] = htobe64(p->upto);
    p->began_us = loop_exact_us(p->loop);
    if (pg_query(p->pg, "project_page", params, 2, DEADLINE_MS, on_page, p) != ST_OK)
        log_debug("store.project.page", "not sent");
}

static void on_summarized(void *arg, const struct pg_reply *reply)
{
    struct project *p = arg;

    if (reply->answer == PG_ROWS)
        p->summarized_at = p->head;
    else if (reply->answer == PG_ERROR)
        log_warn("store.summarize", "sqlstate=%s why=\"%s\"", reply->sqlstate, reply->message);
    rest(p, IDLE_MS);
}

static void on_timer(void *arg)
{
    struct project *p = arg;
    bool due = p->head - p->summarized_at >= SUMMARIZE_NUMBERS;

    if (!pg_is_idle(p->pg))
        return;
    if (pg_query(p->pg, due ? "summarize" : "project_place", NULL, 0, DEADLINE_MS,
                 due ? on_summarized : on_place, p) != ST_OK)
        log_debug("store.project.place", "not sent");
}

static void on_ready(void *arg)
{
    rest(arg, 0);
}

/* --- the door --------------------------------------------------------------------------------- */

static enum status connect(struct project *p, const char *conninfo,
                           bool (*accept)(void *arg, const char *query, const struct pg_rows *rows),
                           void *arg)
{
    static const char *const setup[] = {"session", "schema", NULL};
    static const char *const names[] = {"project_place", "project_page", "project_put", "summarize",
                                        NULL};
    const struct pg_settings set = {
        .loop = p->loop, .conninfo = conninfo, .name = "project", .setup = setup, .prepare = names};
    const struct pg_exits exits = {
        .arg = p, .accept = accept, .accept_arg = arg, .ready = on_ready};

    return pg_create(&p->pg, &set, &exits);
}

enum status project_create(struct project **out, struct loop *loop, const char *conninfo,
                           bool (*accept)(void *arg, const char *query, const struct pg_rows *rows),
                           void *arg)
{
    struct project *p = mem_zalloc(sizeof(*p));
    enum status st;

    if (!p)
        return ST_NOMEM;
    p->loop = loop;
    st = arena_create(&p->arena, LIMIT_ARENA_BYTES);
    if (st == ST_OK)
        st = loop_timer_create(&p->timer, loop, on_timer, p);
    if (st == ST_OK)
        st = connect(p, conninfo, accept, arg);
    if (st != ST_OK) {
        project_destroy(p);
        return st;
    }
    *out = p;
    return ST_OK;
}

void project_redial(struct project *p, const char *why)
{
    if (pg_is_ready(p->pg))
        pg_redial(p->pg, why);
}

void project_destroy(struct project *p)
{
    if (!p)
        return;
    pg_destroy(p->pg);
    loop_timer_destroy(p->timer);
    if (p->arena)
        arena_destroy(p->arena);
    for (unsigned i = 0; i < COLUMNS; i++)
        array_free(&p->column[i]);
    mem_free(p);
}
