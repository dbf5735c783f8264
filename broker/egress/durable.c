/* Listeners with a durable name: where they go on, and how far they are.
 *
 * Where it goes on is the listener's own word if it has one: what it has on its own disk was handed
 * over there, and says more than what we heard of it. Else it waits, FRESH, for the place that is
 * kept; each of its lanes has one, and it starts at the least of them.
 *
 * How far it is, is more than it acknowledged: when nothing that was sent waits for that, all that
 * was looked at for it is behind it. */
#include <string.h>

#include "broker/egress/room.h"

#include "proto/base/banned.h"

static char *join_patterns(const struct listener *l)
{
    struct buf text = {0};

    for (unsigned i = 0; i < l->pattern_count; i++) {
        buf_puts(&text, i ? " " : "");
        buf_puts(&text, l->patterns[i]);
    }
    buf_put(&text, "", 1);
    if (text.failed)
        buf_free(&text);
    return (char *)text.data;
}

static void go_on_where_it_was(struct listener *l, uint32_t log_epoch,
                               const uint64_t after[LANES_END])
{
    uint64_t least = UINT64_MAX;

    memcpy(l->lane_after, after, sizeof(l->lane_after));
    for (unsigned lane = 0; lane < LANES_END; lane++)
        if (lanes_hold(l->lanes, lane) && after[lane] < least)
            least = after[lane];
    l->is_asking = l->from_now = false;
    l->start = least;
    l->start_epoch = log_epoch;
    listener_place(l);
}

static void on_news(void *arg, enum status st, uint32_t log_epoch, const uint64_t after[LANES_END])
{
    struct listener *l = arg;

    if (st == ST_OK) {
        if (l->is_asking)
            go_on_where_it_was(l, log_epoch, after);
        return;
    }
    if (st == ST_EXISTS)
        listener_fault(l->egress, l->session, l->subscription, "taken",
                       "a newer subscription has this name now");
    else
        listener_fault(l->egress, l->session, l->subscription, "subscription",
                       "too many durable names; use one again, or have one forgotten");
    listener_end(l);
}

static bool ask(struct listener *l)
{
    struct egress *e = l->egress;
    char *patterns = join_patterns(l);
    struct durable_name what = {.name = l->name,
                                .patterns = patterns,
                                .lanes = l->lanes,
                                .has_after = l->has_after,
                                .from_first = !l->from_now,
                                .after = l->start,
                                .after_epoch = e->log_epoch};

    if (patterns)
        l->durable = e->exits.cursor_open(e->exits.arg, l->principal, &what, on_news, l);
    mem_free(patterns);
    return l->durable;
}

bool durable_begin(struct listener *l, const Eocbus__V1__Subscribe *m)
{
    if (!m->name || !m->name[0] || !l->lanes)
        return true;
    l->name = mem_strdup(m->name);
    if (!l->name)
        return false;
    l->is_asking = !l->has_after;
    return l->has_after || ask(l);
}

/* Not before: a place that is not legal must not be kept. */
bool durable_placed(struct listener *l)
{
    return !l->name || l->durable || ask(l);
}

void durable_acknowledged(struct listener *l, uint64_t upto)
{
    if (upto > l->acked)
        l->acked = upto;
    durable_progress(l);
}

void durable_progress(struct listener *l)
{
    const struct egress *e = l->egress;
    uint64_t sent = l->gather.count ? l->gather.previous_before : l->previous;
    uint64_t upto = l->acked < sent ? l->acked : sent;

    if (!l->durable || l->state == LISTENER_FRESH)
        return;
    if (!l->gather.count && l->acked >= sent)
        upto = l->state == LISTENER_LIVE ? listener_reach(l) : l->cursor;
    if (upto > l->start)
        e->exits.cursor_move(e->exits.arg, l->durable, e->log_epoch, upto);
}

void durable_end(struct listener *l)
{
    if (l->durable)
        l->egress->exits.cursor_close(l->egress->exits.arg, &l->durable);
    mem_free(l->name);
    l->name = NULL;
}
