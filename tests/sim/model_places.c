/* model_places - durable names: where each stands in each lane (bus.cursor). */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/model_parts.h"

static struct place *find_place(int32_t principal_id, const char *name, unsigned lane)
{
    for (size_t i = 0; i < model_db.place_count; i++) {
        struct place *at = &model_db.places[i];

        if (at->principal_id == principal_id && at->lane == lane && !strcmp(at->name, name))
            return at;
    }
    return NULL;
}

static struct place *make_place(int32_t principal_id, const char *name, unsigned lane, uint64_t seq)
{
    struct place *at = &model_db.places[model_db.place_count++];

    assert(model_db.place_count <= PLACES_MOST);
    *at = (struct place){.principal_id = principal_id, .lane = lane, .seq = seq};
    snprintf(at->name, sizeof(at->name), "%s", name);
    return at;
}

static void read_name(struct column *c, char name[65])
{
    size_t len;
    const uint8_t *text = column_next(c, &len);

    assert(text && len < 65);
    memcpy(name, text, len);
    name[len] = 0;
}

static void open_lane(struct pg_rows *out, struct place *at, int ordinal)
{
    at->log_epoch = model_db.log_epoch;
    at->generation = model_db.generation;
    if (at->seq > model_db.count)
        at->seq = model_db.count;
    rows_put_int(out, 4, ordinal);
    rows_put_int(out, 2, at->lane);
    rows_put_int(out, 4, at->log_epoch);
    rows_put_int(out, 8, (int64_t)at->seq);
    rows_put_int(out, 8, at->generation);
    rows_end(out);
}

void model_ask_cursor_open(const struct model_params *p, struct pg_rows *out)
{
    struct column principal, name, lanes, epoch, after, first;

    column_begin(&principal, p, 0);
    column_begin(&name, p, 1);
    column_begin(&lanes, p, 2);
    column_begin(&epoch, p, 4);
    column_begin(&after, p, 5);
    column_begin(&first, p, 6);
    for (int ordinal = 1; principal.left; ordinal++) {
        int32_t id = (int32_t)column_next_int(&principal);
        unsigned set = (unsigned)column_next_int(&lanes);
        struct column look = after;
        size_t len;
        bool is_told = column_next(&look, &len);
        uint64_t own = (uint64_t)column_next_int(&after);
        uint64_t from = column_next_int(&first) || is_told ? 0 : model_db.count;
        char text[65];

        is_told = (uint32_t)column_next_int(&epoch) == model_db.log_epoch && is_told;
        read_name(&name, text);
        model_db.generation++;
        for (unsigned lane = 1; lane <= 5; lane++) {
            struct place *at = find_place(id, text, lane);

            if (!(set >> lane & 1))
                continue;
            at = at ? at : make_place(id, text, lane, from);
            at->seq = is_told ? own : at->seq;
            open_lane(out, at, ordinal);
        }
    }
}

void model_ask_cursor_move(const struct model_params *p, struct pg_rows *out)
{
    struct column principal, name, lanes, generation, epoch, upto;

    column_begin(&principal, p, 0);
    column_begin(&name, p, 1);
    column_begin(&lanes, p, 2);
    column_begin(&generation, p, 3);
    column_begin(&epoch, p, 4);
    column_begin(&upto, p, 5);
    for (int ordinal = 1; principal.left; ordinal++) {
        int32_t id = (int32_t)column_next_int(&principal);
        unsigned set = (unsigned)column_next_int(&lanes);
        int64_t mine = column_next_int(&generation);
        uint32_t log_epoch = (uint32_t)column_next_int(&epoch);
        uint64_t seq = (uint64_t)column_next_int(&upto);
        bool is_taken = false;
        char text[65];

        read_name(&name, text);
        for (unsigned lane = 1; lane <= 5; lane++) {
            struct place *at = find_place(id, text, lane);

            if (!(set >> lane & 1))
                continue;
            if (!at || at->generation != mine)
                is_taken = true;
            else if (log_epoch == model_db.log_epoch && at->log_epoch == log_epoch && seq > at->seq)
                at->seq = seq < model_db.count ? seq : model_db.count;
        }
        if (is_taken) {
            rows_put_int(out, 4, ordinal);
            rows_end(out);
        }
    }
}

/* Cursors come back with their log: none is beyond its end. */
void model_clip_places(void)
{
    for (size_t i = 0; i < model_db.place_count; i++)
        if (model_db.places[i].seq > model_db.count)
            model_db.places[i].seq = model_db.count;
}
