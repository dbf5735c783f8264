/* cursor_ask - see cursor_parts.h.
 *
 * One statement at a time, with at most BATCH names in it. Those in it stand in `asked`; `ordinal`
 * says which row of the answer is whose. A name that is closed meanwhile goes when the answer is
 * there. */
#include "broker/store/cursor_parts.h"

#include <endian.h>
#include <string.h>

#include "proto/base/log.h"
#include "proto/base/loop.h"

#include "proto/base/banned.h"

enum {
    BATCH = 512,
    RENEW_US = 20000000, /* of a lease of a minute */
    DEADLINE_MS = 10000,
};

static void put_back(struct cursor *c)
{
    struct cursors *all = c->all;

    list_remove(&c->link);
    c->is_asked = false;
    if (!c->told && (c->is_over || !c->is_open))
        cursor_free(c);
    else if (!c->is_over)
        list_add_tail(c->is_open ? &all->open : &all->fresh, &c->link);
}

static void put_all_back(struct cursors *all)
{
    struct list *link;

    while ((link = list_first(&all->asked)))
        put_back(container_of(link, struct cursor, link));
}

static void end_cursor(struct cursor *c, enum status st)
{
    static const uint64_t nowhere[LANES_END];

    c->is_over = true;
    if (c->told)
        c->told(c->arg, st, 0, nowhere); /* closes it, as a rule */
}

static struct cursor *find_asked(struct cursors *all, int64_t ordinal)
{
    struct list *link;

    list_each(link, &all->asked) {
        struct cursor *c = container_of(link, struct cursor, link);

        if (c->ordinal == ordinal)
            return c;
    }
    return NULL;
}

/* --- statements ------------------------------------------------------------------------------- */

static void begin_columns(struct cursors *all, const enum array_of kinds[7], unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        array_begin(&all->column[i], kinds[i]);
}

static void take_into_statement(struct cursors *all, struct cursor *c, int ordinal)
{
    c->ordinal = ordinal;
    c->is_asked = true;
    list_remove(&c->link);
    list_add_tail(&all->asked, &c->link);
    array_int4(&all->column[0], c->principal_id);
    array_text(&all->column[1], c->name);
    array_int4(&all->column[2], (int32_t)c->lanes);
}

static void put_bool(struct array *a, bool value)
{
    uint8_t byte = value;

    array_bytes(a, &byte, 1);
}

/* All seven columns, and behind them the name of this broker where `count` is 8. */
static bool send_statement(struct cursors *all, const char *name, unsigned count, pg_done_fn done)
{
    struct pg_param params[8] = {[7] = {all->broker, strlen(all->broker)}};
    bool is_whole = true;

    for (unsigned i = 0; i < 7; i++) {
        params[i] = array_param(&all->column[i]);
        is_whole = is_whole && !array_failed(&all->column[i]);
    }
    if (is_whole && pg_query(all->pg, name, params, count, DEADLINE_MS, done, all) == ST_OK)
        return true;
    put_all_back(all); /* the timer tries again */
    return false;
}

static void on_trouble(struct cursors *all, const struct pg_reply *reply)
{
    put_all_back(all);
    if (reply->answer == PG_ERROR)
        log_error("store.cursor.refused", "sqlstate=%s why=\"%s\" next=\"tried again\"",
                  reply->sqlstate, reply->message);
}

/* --- opening ---------------------------------------------------------------------------------- */

static bool is_same_name(const struct cursor *a, const struct cursor *b)
{
    return a->principal_id == b->principal_id && (a->lanes & b->lanes) &&
           strcmp(a->name, b->name) == 0;
}

/* One of ours that had it hears of it now, and not with its next move. */
static void turn_out_predecessors(struct cursor *c)
{
    struct list *link, *next;

    list_each_safe(link, next, &c->all->open) {
        struct cursor *old = container_of(link, struct cursor, link);

        if (old == c || !old->told || old->generation >= c->generation || !is_same_name(old, c))
            continue;
        c->all->taken++;
        list_remove(&old->link);
        end_cursor(old, ST_EXISTS);
    }
}

/* It may have moved while it was asked for. */
static void take_place(struct cursor *c, uint32_t log_epoch, uint64_t seq)
{
    c->is_open = true;
    c->written = seq;
    if (c->log_epoch != log_epoch || c->upto < seq)
        c->upto = seq;
    c->log_epoch = log_epoch;
}

/* Its rows stand together, in the order of the ordinals; *row goes on behind them. */
static void open_one(struct cursor *c, const struct pg_rows *rows, size_t *row)
{
    uint64_t after[LANES_END] = {0}, least = UINT64_MAX;
    uint32_t log_epoch = 0;

    for (; *row < pg_row_count(rows) && pg_int(rows, *row, 0) == c->ordinal; (*row)++) {
        int64_t lane = pg_int(rows, *row, 1);

        after[lane >= 1 && lane < LANES_END ? lane : 0] = (uint64_t)pg_int(rows, *row, 3);
        least = (uint64_t)pg_int(rows, *row, 3) < least ? (uint64_t)pg_int(rows, *row, 3) : least;
        log_epoch = (uint32_t)pg_int(rows, *row, 2);
        c->generation = pg_int(rows, *row, 4);
    }
    if (!log_epoch) {
        end_cursor(c, ST_FULL);
        return;
    }
    take_place(c, log_epoch, least);
    c->renewed_us = loop_now_us(c->all->loop);
    turn_out_predecessors(c);
    if (c->told)
        c->told(c->arg, ST_OK, c->log_epoch, after);
}

static void on_opened(void *arg, const struct pg_reply *reply)
{
    struct cursors *all = arg;
    struct list *link;
    size_t row = 0;

    if (reply->answer != PG_ROWS) {
        on_trouble(all, reply);
        return;
    }
    while ((link = list_first(&all->asked))) { /* what is closed from inside stays in it */
        struct cursor *c = container_of(link, struct cursor, link);

        open_one(c, reply->rows, &row);
        put_back(c);
    }
    cursors_pump(all);
}

static void open_fresh(struct cursors *all)
{
    static const enum array_of kinds[7] = {ARRAY_INT4, ARRAY_TEXT, ARRAY_INT4, ARRAY_TEXT,
                                           ARRAY_INT4, ARRAY_INT8, ARRAY_BOOL};
    struct list *link;
    int ordinal = 0;

    begin_columns(all, kinds, 7);
    while (ordinal < BATCH && (link = list_first(&all->fresh))) {
        struct cursor *c = container_of(link, struct cursor, link);

        take_into_statement(all, c, ++ordinal);
        array_text(&all->column[3], c->patterns);
        array_int4(&all->column[4], (int32_t)c->after_epoch);
        if (c->has_after)
            array_int8(&all->column[5], (int64_t)c->after);
        else
            array_null(&all->column[5]);
        put_bool(&all->column[6], c->from_first);
    }
    (void)send_statement(all, "cursor_open", 8, on_opened);
}

/* --- moving ----------------------------------------------------------------------------------- */

static bool is_to_be_written(const struct cursor *c, uint64_t now_us)
{
    return cursor_is_dirty(c) || now_us - c->renewed_us >= RENEW_US;
}

static void on_moved(void *arg, const struct pg_reply *reply)
{
    struct cursors *all = arg;
    struct list *link;

    if (reply->answer != PG_ROWS) {
        on_trouble(all, reply);
        return;
    }
    for (size_t i = 0; i < pg_row_count(reply->rows); i++) {
        struct cursor *c = find_asked(all, pg_int(reply->rows, i, 0));

        if (!c || c->is_over)
            continue;
        all->taken += c->told != NULL;
        end_cursor(c, ST_EXISTS);
    }
    while ((link = list_first(&all->asked))) {
        struct cursor *c = container_of(link, struct cursor, link);

        all->moves += c->asked_upto > c->written;
        c->written = c->asked_upto;
        c->renewed_us = loop_now_us(all->loop);
        c->is_over = c->is_over || c->is_closing;
        put_back(c);
    }
    cursors_pump(all);
}

/* True: a statement is under way. */
static bool write_places(struct cursors *all)
{
    static const enum array_of kinds[7] = {ARRAY_INT4, ARRAY_TEXT, ARRAY_INT4, ARRAY_INT8,
                                           ARRAY_INT4, ARRAY_INT8, ARRAY_BOOL};
    uint64_t now_us = loop_now_us(all->loop);
    struct list *link, *next;
    int ordinal = 0;

    begin_columns(all, kinds, 7);
    list_each_safe(link, next, &all->open) {
        struct cursor *c = container_of(link, struct cursor, link);

        if (ordinal == BATCH || !is_to_be_written(c, now_us))
            continue;
        take_into_statement(all, c, ++ordinal);
        array_int8(&all->column[3], c->generation);
        array_int4(&all->column[4], (int32_t)c->log_epoch);
        array_int8(&all->column[5], (int64_t)c->upto);
        put_bool(&all->column[6], !c->told);
        c->asked_upto = c->upto;
        c->is_closing = !c->told;
    }
    all->is_due = ordinal == BATCH;
    return ordinal && send_statement(all, "cursor_move", 7, on_moved);
}

/* --- this broker runs ---------------------------------------------------------------------------
 */

static void on_here(void *arg, const struct pg_reply *reply)
{
    if (reply->answer == PG_ERROR)
        log_warn("store.here.refused", "sqlstate=%s why=\"%s\" next=\"tried again\"",
                 reply->sqlstate, reply->message);
    if (reply->answer != PG_LOST)
        cursors_pump(arg);
}

/* True: it is under way. */
static bool say_here(struct cursors *all)
{
    uint32_t log_epoch = htobe32(all->log_epoch);
    uint64_t seq = htobe64(all->seq);
    const struct pg_param params[] = {
        {all->broker, strlen(all->broker)}, {&log_epoch, sizeof(log_epoch)}, {&seq, sizeof(seq)}};

    all->is_mute = false;
    return pg_query(all->pg, "broker_here", params, 3, DEADLINE_MS, on_here, all) == ST_OK;
}

void cursors_pump(struct cursors *all)
{
    if (!pg_is_idle(all->pg) || !list_empty(&all->asked))
        return;
    if (all->is_mute && say_here(all))
        return;
    if (all->is_due && write_places(all))
        return;
    if (!list_empty(&all->fresh))
        open_fresh(all);
}
