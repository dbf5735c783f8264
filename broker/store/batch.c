/* batch - see batch.h.
 *
 * The runs of one lane hang together from a small hash table: slot -> newest run -> older runs.
 * Nearly always a lane comes in order, so the newest run is the one that grows and the walk is one
 * step. */
#include <string.h>

#include "broker/store/batch_parts.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum status batch_create(struct batch **out, unsigned rows_max)
{
    struct batch *b = mem_zalloc(sizeof(*b));

    if (!b)
        return ST_NOMEM;
    b->rows_max = rows_max;
    for (b->slots = 16; b->slots < 2 * rows_max; b->slots *= 2)
        ;
    b->row = mem_zalloc(rows_max * sizeof(*b->row));
    if (!b->row)
        goto fail_batch;
    b->run = mem_zalloc(rows_max * sizeof(*b->run));
    if (!b->run)
        goto fail_row;
    b->slot = mem_zalloc(b->slots * sizeof(*b->slot));
    if (!b->slot)
        goto fail_run;
    *out = b;
    return ST_OK;

fail_run:
    mem_free(b->run);
fail_row:
    mem_free(b->row);
fail_batch:
    mem_free(b);
    return ST_NOMEM;
}

void batch_destroy(struct batch *b)
{
    if (!b)
        return;
    for (unsigned i = 0; i < b->rows; i++)
        parcel_drop(&b->row[i]);
    for (unsigned i = 0; i < COLUMNS; i++)
        array_free(&b->column[i]);
    mem_free(b->slot);
    mem_free(b->run);
    mem_free(b->row);
    mem_free(b);
}

unsigned batch_rows(const struct batch *b)
{
    return b->rows;
}

/* --- runs ------------------------------------------------------------------------------------- */

/* Fibonacci hashing; what it must spread is few senders with neighbouring ids. */
static unsigned hash_lane(const struct parcel *p)
{
    uint64_t h = (uint64_t)(uint32_t)p->principal_id << 3 | p->id.lane;

    h = (h ^ p->id.epoch) * UINT64_C(0x9E3779B97F4A7C15);
    return (unsigned)(h >> 32);
}

static bool run_is_of(const struct run *r, const struct parcel *p)
{
    return r->sender_id == p->principal_id && r->epoch == p->id.epoch && r->lane == p->id.lane;
}

static unsigned *find_slot(struct batch *b, const struct parcel *p)
{
    unsigned i = hash_lane(p) & (b->slots - 1);

    while (b->slot[i] && !run_is_of(&b->run[b->slot[i] - 1], p))
        i = (i + 1) & (b->slots - 1);
    return &b->slot[i];
}

static bool lane_has(const struct batch *b, unsigned newest, uint64_t lane_seq)
{
    for (unsigned i = newest; i; i = b->run[i - 1].older)
        if (b->run[i - 1].first <= lane_seq && lane_seq <= b->run[i - 1].last)
            return true;
    return false;
}

static enum status add_to_runs(struct batch *b, const struct parcel *p)
{
    unsigned *slot = find_slot(b, p);
    struct run *newest = &b->run[*slot ? *slot - 1 : 0];

    if (lane_has(b, *slot, p->id.lane_seq))
        return ST_EXISTS;
    b->messages++;
    if (*slot && newest->last + 1 == p->id.lane_seq) {
        newest->last++;
        newest->high = b->messages;
        return ST_OK;
    }
    b->run[b->runs++] = (struct run){.sender_id = p->principal_id,
                                     .lane = p->id.lane,
                                     .epoch = p->id.epoch,
                                     .first = p->id.lane_seq,
                                     .last = p->id.lane_seq,
                                     .low = b->messages,
                                     .high = b->messages,
                                     .older = *slot};
    *slot = b->runs;
    return ST_OK;
}

enum status batch_add(struct batch *b, struct parcel **take)
{
    if (b->rows == b->rows_max)
        return ST_FULL;
    if (!(*take)->refused && add_to_runs(b, *take) != ST_OK)
        return ST_EXISTS;
    b->row[b->rows++] = *take;
    *take = NULL;
    return ST_OK;
}

void batch_unload(struct batch *b, struct list *to)
{
    for (unsigned i = 0; i < b->rows; i++)
        list_add_tail(to, &b->row[i]->link);
    memset(b->slot, 0, b->slots * sizeof(*b->slot));
    b->rows = b->messages = b->runs = 0;
}
