/* Those who are behind, in turn: from the ring of recent messages if it reaches back far enough,
 * else a page of the log. Each has at most one page on its way, and a page is only asked for when
 * there is room for at least one message; what is in it beyond the room is dropped and read again
 * later.
 *
 * Nobody waits for anybody: a turn looks at a bounded number of messages, and who is not done goes
 * to the end of the queue. */
#include <string.h>

#include "broker/egress/room.h"
#include "proto/wire/topic.h"

#include "proto/base/banned.h"

/* A look at one message (topics, patterns) is about 1 us: a turn stays near a millisecond. */
enum { LOOKS_PER_TURN = 1024, LOOKS_PER_LISTENER = 256 };

static bool wants(const struct listener *l, const struct topics *t)
{
    for (unsigned i = 0; i < l->pattern_count; i++)
        if (pattern_matches_any(l->patterns[i], t))
            return true;
    return false;
}

static bool wants_row(const struct listener *l, unsigned status, unsigned type, const char *places)
{
    struct topics t;

    topics_of_row(&t, status, type, places);
    return wants(l, &t);
}

/* As live it would have been skipped, so it is skipped now. */
static bool is_over(const struct listener *l, uint64_t seq, bool expired)
{
    return expired && seq > l->history_upto;
}

static void reach_head(struct listener *l)
{
    struct egress *e = l->egress;

    listener_enter(l, LISTENER_LIVE);
    if (list_empty(&l->full))
        list_add_tail(&e->full, &l->full); /* a frame, or the horizon */
}

/* Where a round of work left it. */
static void go_on(struct listener *l)
{
    if (l->state == LISTENER_BEHIND && l->cursor == l->egress->head)
        reach_head(l);
    else
        listener_nudge(l);
}

/* --- from the ring ------------------------------------------------------------------------------
 */

static bool offer_recent(struct listener *l, const struct recent_entry *r)
{
    struct passing m = {
        .seq = r->seq, .common = r->common, .len = r->len, .not_after_us = r->not_after_us};

    if (!is_over(l, r->seq, r->expired) && listener_hears(l, r->lane, r->seq) &&
        wants_row(l, r->status, r->type, r->places) && !listener_gather(l, &m))
        return false;
    l->cursor = r->seq;
    return true;
}

static unsigned serve_recent(struct listener *l)
{
    const struct recent_entry *r;
    unsigned looks = 0;

    while (looks < LOOKS_PER_LISTENER && (r = recent_find(&l->egress->recent, l->cursor + 1))) {
        looks++;
        if (!offer_recent(l, r))
            break;
    }
    go_on(l);
    return looks;
}

/* --- from the log -------------------------------------------------------------------------------
 */

static void offer_page_row(struct listener *l, const struct parcel *p)
{
    struct passing m = {.seq = p->seq, .expired = p->expired, .not_after_us = p->not_after_us};
    uint8_t *common = NULL;

    if (l->cut || p->seq <= l->cursor)
        return;
    if (!is_over(l, p->seq, p->expired) && listener_hears(l, p->id.lane, p->seq) &&
        wants_row(l, p->status, p->type, p->places) && (!l->to_me || parcel_is_for(p, l->to_me))) {
        common = pack_common(p, &m.len);
        m.common = common;
        if (!common || !listener_gather(l, &m)) {
            mem_free(common);
            l->cut = true;
            return;
        }
        mem_free(common);
    }
    l->cursor = p->seq;
}

static void on_page(void *arg, enum status st, struct parcel **take, uint64_t looked_at)
{
    struct listener *l = arg;

    if (take && *take) {
        offer_page_row(l, *take);
        parcel_drop(take);
        return;
    }
    l->reading = false;
    if (st == ST_OK && !l->cut && looked_at > l->cursor)
        l->cursor = looked_at;
    /* A page that failed or brought nothing is asked for again by the tick, not at once. */
    if (st == ST_OK && (l->cut || l->cursor > l->page_from))
        go_on(l);
}

/* One that stops in the middle of pages asks for what it has credit for. */
static unsigned choose_rows(const struct listener *l)
{
    unsigned rows = l->egress->set.page_rows;

    if (!l->cut || l->window.credit >= rows)
        return rows;
    return l->window.credit < 16 ? 16 : l->window.credit;
}

static void start_page(struct listener *l)
{
    struct egress *e = l->egress;
    unsigned rows = choose_rows(l);

    l->cut = false;
    l->page_from = l->cursor;
    l->reading = true; /* before: it may come within the call */
    e->n.pages++;
    if (e->exits.read(e->exits.arg, l->cursor, e->head, rows, l->lanes, l->to_me, on_page, l) !=
        ST_OK)
        l->reading = false; /* the tick tries again */
}

void history_serve(struct egress *e)
{
    struct list mine;
    struct list *link;
    unsigned looks = 0;

    list_init(&mine);
    list_move(&mine, &e->hungry);
    while (looks < LOOKS_PER_TURN && (link = list_pop(&mine))) {
        struct listener *l = container_of(link, struct listener, hungry);

        /* Whom a message is for stands in the log. */
        if (!l->to_me && recent_find(&e->recent, l->cursor + 1)) {
            looks += serve_recent(l);
        } else if (l->cursor < e->head) {
            start_page(l);
            looks++;
        }
    }
    /* Who had no turn comes first next time. */
    list_move(&mine, &e->hungry);
    list_move(&e->hungry, &mine);
}
