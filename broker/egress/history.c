/* Those who are behind, in turn: from the ring of recent messages if it reaches back far enough,
 * else a page of the log. Each has at most one page on its way, and a page is only asked for when
 * there is room for at least one message; what is in it beyond the room is dropped and read again
 * later.
 *
 * Nobody waits for anybody: a turn looks at a bounded number of messages, and who is not done goes
 * to the end of the queue. */
#include <assert.h>
#include <string.h>

#include "broker/egress/room.h"
#include "proto/wire/topic.h"

#include "proto/base/banned.h"

/* A look at one message (topics, patterns) is about 1 us: a turn stays near a millisecond. */
enum { LOOKS_PER_TURN = 1024, LOOKS_PER_LISTENER = 256 };

/* Each may lie in another stretch of the log: 64 blocks of the table are read for it. */
enum { LAST_ROWS = 128 };

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

    assert(!l->wants_lasts);
    listener_enter(l, LISTENER_LIVE);
    if (list_empty(&l->full))
        list_add_tail(&e->full, &l->full); /* a frame, or the horizon */
}

/* Where a round of work left it. */
static void go_on(struct listener *l)
{
    if (l->state == LISTENER_BEHIND && !l->wants_lasts && l->cursor >= listener_reach(l))
        reach_head(l);
    else
        listener_nudge(l);
}

/* --- from the ring ---------------------------------------------------------------------------- */

static struct rights_question ask_recent(const struct recent_entry *r)
{
    return (struct rights_question){.type = r->type,
                                    .label = r->label,
                                    .places = r->places,
                                    .agency = r->agency,
                                    .reach = r->reach ? r->reach : ""};
}

static bool may_hear_row(const struct listener *l, const struct parcel *p)
{
    struct rights_question q = listener_ask(p);

    return listener_may_hear(l, &q);
}

static uint8_t *pack_for(const struct listener *l, const struct parcel *p, size_t *len)
{
    struct rights_question q = listener_ask(p);
    uint8_t *common = pack_common(p, len);

    if (common)
        *len = listener_len(l, &q, *len, pack_keys_bytes(p));
    return common;
}

static bool offer_recent(struct listener *l, const struct recent_entry *r)
{
    struct passing m = {
        .seq = r->seq, .common = r->common, .len = r->len, .not_after_us = r->not_after_us};
    struct rights_question q = ask_recent(r);
    bool wants = !is_over(l, r->seq, r->expired) && listener_hears(l, r->lane, r->seq) &&
                 wants_row(l, r->status, r->type, r->places) && listener_may_hear(l, &q);

    if (wants)
        m.len = listener_len(l, &q, r->len, r->keys_len);
    if (wants && !listener_gather(l, &m))
        return false;
    l->cursor = r->seq;
    return true;
}

static unsigned serve_recent(struct listener *l)
{
    const struct recent_entry *r;
    unsigned looks = 0;

    while (looks < LOOKS_PER_LISTENER && l->cursor < l->upto &&
           (r = recent_find(&l->egress->recent, l->cursor + 1))) {
        looks++;
        if (!offer_recent(l, r))
            break;
    }
    go_on(l);
    return looks;
}

/* --- from the log ----------------------------------------------------------------------------- */

static void offer_page_row(struct listener *l, const struct parcel *p)
{
    struct passing m = {.seq = p->seq, .expired = p->expired, .not_after_us = p->not_after_us};
    uint8_t *common = NULL;

    if (l->cut || p->seq <= l->cursor)
        return;
    if (!is_over(l, p->seq, p->expired) && listener_hears(l, p->id.lane, p->seq) &&
        wants_row(l, p->status, p->type, p->places) && (!l->to_me || parcel_is_for(p, l->to_me)) &&
        may_hear_row(l, p)) {
        common = pack_for(l, p, &m.len);
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
    if (e->exits.read(e->exits.arg, l->cursor, listener_reach(l), rows, l->lanes, l->to_me, on_page,
                      l) != ST_OK)
        l->reading = false; /* the tick tries again */
}

/* --- the last values, and the number at a time ------------------------------------------------ */

static void offer_last_value(struct listener *l, const struct parcel *p)
{
    struct passing m = {.seq = p->seq, .is_last_value = true};
    uint8_t *common = NULL;

    if (l->cut || p->seq <= l->lasts_cursor)
        return;
    if (lanes_hold(l->lanes, p->id.lane) && wants_row(l, p->status, p->type, p->places) &&
        (!l->to_me || parcel_is_for(p, l->to_me)) && may_hear_row(l, p)) {
        common = pack_for(l, p, &m.len);
        m.common = common;
        l->cut = !common || !listener_gather(l, &m);
        mem_free(common);
        if (l->cut)
            return;
    }
    l->lasts_cursor = p->seq;
}

/* The stream begins in a frame of its own. */
static void end_lasts(struct listener *l)
{
    if (!listener_flush(l))
        return; /* its cursor went back: what is left comes with the next page */
    l->wants_lasts = false;
    go_on(l);
}

static void on_last_page(void *arg, enum status st, struct parcel **take, uint64_t looked_at)
{
    struct listener *l = arg;

    if (take && *take) {
        offer_last_value(l, *take);
        parcel_drop(take);
        return;
    }
    l->reading = false;
    if (st != ST_OK)
        return; /* the tick tries again */
    if (!l->cut && looked_at > l->lasts_cursor)
        l->lasts_cursor = looked_at;
    if (l->lasts_cursor >= l->start)
        end_lasts(l);
    else if (l->cut || l->lasts_cursor > l->page_from)
        listener_nudge(l);
}

static void start_lasts(struct listener *l)
{
    struct egress *e = l->egress;

    if (l->lasts_cursor >= l->start) {
        end_lasts(l);
        return;
    }
    l->cut = false;
    l->page_from = l->lasts_cursor;
    l->reading = true;
    e->n.pages++;
    if (e->exits.read_last(e->exits.arg, l->lasts_cursor, l->start, LAST_ROWS, on_last_page, l) !=
        ST_OK)
        l->reading = false;
}

/* What is beyond our head was told by a database that we have not read that far yet; to begin
 * earlier is legal. */
static void on_time_found(void *arg, enum status st, struct parcel **take, uint64_t number)
{
    struct listener *l = arg;

    (void)take;
    l->reading = false;
    if (st != ST_OK)
        return; /* the tick tries again */
    l->start = number < l->egress->head ? number : l->egress->head;
    l->start_time_us = 0;
    listener_place(l);
}

void history_find_start(struct listener *l)
{
    struct egress *e = l->egress;

    if (l->reading)
        return;
    l->reading = true;
    if (e->exits.find_time(e->exits.arg, l->start_time_us, on_time_found, l) != ST_OK)
        l->reading = false;
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
        if (l->wants_lasts) {
            start_lasts(l);
            looks++;
        } else if (l->cursor >= listener_reach(l)) {
            reach_head(l);
        } else if (!l->to_me && recent_find(&e->recent, l->cursor + 1)) {
            looks += serve_recent(l);
        } else {
            start_page(l);
            looks++;
        }
    }
    /* Who had no turn comes first next time. */
    list_move(&mine, &e->hungry);
    list_move(&e->hungry, &mine);
}
