/* check_flash - what is urgent goes first: while a FLASH waits that the uplink could offer, it
 * offers nothing else.
 *
 * It could not while something as urgent is on its way (that fills the allowance, and a warning
 * ahead of its turn does, too), when a broker has turned something away a moment ago, or when the
 * connection took nothing in this turn. */
#include <string.h>

#include "agents/link/outbox.h"
#include "tests/sim/check.h"

enum { FLASH = 1, PEEK_BYTES = 1 << 20 };
#define BUSY_US  (60 * SECOND_US)  /* the longest that a Busy holds a lane */
#define AHEAD_US (400 * SECOND_US) /* the longest silence of a link that stands */

enum status __real_outbox_next(struct outbox *o, unsigned lanes, unsigned max_rows,
                               size_t max_bytes,
                               bool (*each)(void *arg, const struct outbox_row *row), void *arg);

static bool count_row(void *arg, const struct outbox_row *row)
{
    (void)row;
    ++*(unsigned *)arg;
    return true;
}

static bool has_waiting(struct outbox *o, unsigned lanes)
{
    unsigned rows = 0;

    return __real_outbox_next(o, lanes, 1, PEEK_BYTES, count_row, &rows) == ST_OK && rows;
}

void check_in_flight(struct node *n, uint64_t tag, bool in_flight)
{
    unsigned kept = 0;

    if (tag && outbox_tag_lane(tag) > FLASH + 1) /* IMMEDIATE may share its allowance */
        return;
    for (unsigned i = 0; tag && i < n->flash_count; i++)
        if (n->flash[i] != tag)
            n->flash[kept++] = n->flash[i];
    if (in_flight && kept == FLASHES_MOST) /* the earliest ones have long been answered */
        memmove(n->flash, n->flash + 1, --kept * sizeof(n->flash[0]));
    if (in_flight)
        n->flash[kept++] = tag;
    n->flash_count = kept;
}

/* Of those that were on their way, some have arrived. */
static bool is_any_in_flight(struct node *n, struct outbox *o)
{
    unsigned kept = 0;
    int state;

    for (unsigned i = 0; i < n->flash_count; i++)
        if (outbox_state(o, n->flash[i], &state, NULL, NULL) == ST_OK && state == OUTBOX_WAITING)
            n->flash[kept++] = n->flash[i];
    n->flash_count = kept;
    return kept;
}

static bool could_go(struct node *n, struct outbox *o)
{
    return n->full_us != sim.now_us && (!n->busy_us || n->busy_us + BUSY_US < sim.now_us) &&
           (!n->ahead_us || n->ahead_us + AHEAD_US < sim.now_us) && !is_any_in_flight(n, o) &&
           has_waiting(o, OUTBOX_LANE(FLASH));
}

enum status check_next(struct outbox *o, unsigned lanes, unsigned max_rows, size_t max_bytes,
                       bool (*each)(void *arg, const struct outbox_row *row), void *arg)
{
    unsigned urgent = OUTBOX_LANE(FLASH) | OUTBOX_LANE(FLASH + 1);
    bool is_bulk = lanes & ~urgent;

    if (sim.plant == PLANT_FLASH_BEHIND && !is_bulk && has_waiting(o, OUTBOX_ALL_LANES & ~urgent))
        return ST_OK;
    if (is_bulk && could_go(sim.current, o) && has_waiting(o, lanes))
        sim_violate("%s offers what can wait, and a FLASH waits", sim.current->name);
    return __real_outbox_next(o, lanes, max_rows, max_bytes, each, arg);
}
