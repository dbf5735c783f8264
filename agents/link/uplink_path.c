/* uplink_path - see uplink_parts.h */
#include "agents/link/uplink_parts.h"

#include <string.h>

#include "proto/base/loop.h"
#include "proto/base/banned.h"

/* One frame is one unit of waiting on the wire; larger ones save nothing. */
#define FRAME_BYTES      65536u
#define WINDOW_SIXTEENTH 16u
#define WINDOW_MOST      65536u
#define RAW_SHIFT        55u /* of a tag: a row put raw */

bool path_is_urgent(const struct uplink *u, unsigned lane)
{
    return lane == FLASH_LANE || (lane == IMMEDIATE_LANE && u->set.profile->two_lines);
}

void path_begin(struct path *p, const Eocbus__V1__Welcome *w)
{
    unsigned items = w->window_items ? smaller(w->window_items, WINDOW_MOST) : LIMIT_ITEMS;
    struct flight *flights = p->flights;
    unsigned cap = p->flight_cap;

    if (items > cap) {
        struct flight *more = mem_realloc(flights, items * sizeof(*more));

        if (more) {
            flights = more;
            cap = items;
        }
    }
    *p = (struct path){.flights = flights, .flight_cap = cap};
    p->log_epoch = w->log_epoch;
    p->window_items = smaller(items, cap);
    p->window_bytes = w->window_bytes ? w->window_bytes : LIMIT_FRAME_BYTES;
    p->max_items = w->max_items ? smaller(w->max_items, LIMIT_ITEMS) : LIMIT_ITEMS;
    p->frame_bytes =
        w->max_frame_bytes ? smaller(w->max_frame_bytes, LIMIT_FRAME_BYTES) : LIMIT_FRAME_BYTES;
    p->stands = p->window_items > 0;
}

void path_free(struct path *p)
{
    mem_free(p->flights);
}

/* --- what may be added ------------------------------------------------------------------------ */

size_t path_room(const struct uplink *u, const struct path *p, bool urgent)
{
    const struct link_profile *profile = u->set.profile;
    size_t used = urgent ? p->flash_bytes : p->bulk_bytes;
    size_t allowance = urgent ? profile->flash_bytes : profile->bulk_bytes;
    size_t window = urgent ? p->window_bytes : p->window_bytes - p->window_bytes / WINDOW_SIXTEENTH;
    size_t on_way = p->flash_bytes + p->bulk_bytes, room;

    if (!used && (urgent || !on_way))
        return LIMIT_FRAME_BYTES;
    room = used < allowance ? allowance - used : 0;
    if (on_way >= window)
        return 0;
    return room < window - on_way ? room : window - on_way;
}

unsigned path_rows(const struct path *p, bool urgent)
{
    /* A sixteenth of the places is FLASH's alone. */
    unsigned places = p->window_items;

    if (!urgent && places > 1)
        places -= places / WINDOW_SIXTEENTH ? places / WINDOW_SIXTEENTH : 1;
    return p->flight_count < places ? smaller(places - p->flight_count, p->max_items) : 0;
}

size_t path_bytes(const struct uplink *u, const struct path *p, bool urgent)
{
    const struct link_profile *profile = u->set.profile;
    size_t allowance = urgent ? profile->flash_bytes : profile->bulk_bytes;
    size_t room = path_room(u, p, urgent), most = p->frame_bytes - FRAME_ROOM;

    if (room > allowance)
        room = allowance;
    if (!urgent && profile->chunk_bytes && room > profile->chunk_bytes)
        room = profile->chunk_bytes;
    if (most > FRAME_BYTES)
        most = FRAME_BYTES;
    return room < most ? room : most;
}

/* --- what is on the way ----------------------------------------------------------------------- */

void path_take_off(struct uplink *u, struct path *p, uint64_t tag, size_t bytes, bool is_ahead)
{
    p->flights[p->flight_count++] = (struct flight){
        .tag = tag, .sent_us = loop_now_us(u->set.loop), .bytes = bytes, .is_ahead = is_ahead};
    if (path_is_urgent(u, outbox_tag_lane(tag)))
        p->flash_bytes += bytes;
    else
        p->bulk_bytes += bytes;
    if (outbox_tag_lane(tag) == FLASH_LANE)
        places_reach(&p->offered, tag);
}

static void forget(const struct uplink *u, struct path *p, const struct flight *f)
{
    if (path_is_urgent(u, outbox_tag_lane(f->tag)))
        p->flash_bytes -= f->bytes;
    else
        p->bulk_bytes -= f->bytes;
}

bool path_land(const struct uplink *u, struct path *p, uint64_t tag, struct flight *out)
{
    for (unsigned i = 0; i < p->flight_count; i++) {
        if (p->flights[i].tag != tag)
            continue;
        *out = p->flights[i];
        forget(u, p, out);
        p->flight_count--;
        memmove(&p->flights[i], &p->flights[i + 1], (p->flight_count - i) * sizeof(*p->flights));
        return true;
    }
    return false;
}

static void let_go(struct path *p, unsigned lanes)
{
    for (unsigned lane = 1; lane < LANES; lane++)
        if (lanes & OUTBOX_LANE(lane))
            p->held_until_us[lane] = p->turned_away[lane] = 0;
}

void path_drop(const struct uplink *u, struct path *p)
{
    for (unsigned i = 0; i < p->flight_count; i++)
        forget(u, p, &p->flights[i]);
    p->flight_count = 0;
    let_go(p, OUTBOX_ALL_LANES);
}

void path_pass(const struct uplink *u, struct path *p, unsigned lanes)
{
    for (unsigned i = 0; i < p->flight_count; i++) {
        struct flight *f = &p->flights[i];

        if (!(lanes & OUTBOX_LANE(outbox_tag_lane(f->tag))))
            continue;
        forget(u, p, f);
        f->bytes = 0;
        f->is_past = true;
    }
    let_go(p, lanes);
}

const struct flight *path_find(const struct path *p, uint64_t tag)
{
    for (unsigned i = 0; i < p->flight_count; i++)
        if (p->flights[i].tag == tag && flight_counts(&p->flights[i]))
            return &p->flights[i];
    return NULL;
}

/* What was on the way behind a row that was turned away is turned away too. Until all of it is
 * back, nothing of the lane is offered: it would arrive before what is to be offered again. */
static bool waits_for_answers(const struct path *p, unsigned lane)
{
    if (!p->turned_away[lane])
        return false;
    for (unsigned i = 0; i < p->flight_count; i++)
        if (outbox_tag_lane(p->flights[i].tag) == lane && flight_counts(&p->flights[i]) &&
            p->flights[i].tag > p->turned_away[lane])
            return true;
    return false;
}

unsigned path_open_lanes(struct uplink *u, struct path *p)
{
    uint64_t now = loop_now_us(u->set.loop);
    unsigned lanes = 0;

    for (unsigned lane = 1; lane < LANES; lane++) {
        if (p->held_until_us[lane] > now) {
            uplink_wake_at(u, p->held_until_us[lane]);
        } else if (!waits_for_answers(p, lane)) { /* an answer has us pumped again */
            p->turned_away[lane] = 0;
            lanes |= OUTBOX_LANE(lane);
        }
    }
    return lanes;
}

/* --- places ----------------------------------------------------------------------------------- */

void places_reach(struct places *at, uint64_t tag)
{
    uint64_t *upto = &at->upto[tag >> RAW_SHIFT & 1];

    if (tag > *upto)
        *upto = tag;
}

void places_return(struct places *at, uint64_t tag)
{
    uint64_t *upto = &at->upto[tag >> RAW_SHIFT & 1];

    if (tag <= *upto)
        *upto = tag - 1;
}

bool places_have(const struct places *at, uint64_t tag)
{
    return tag <= at->upto[tag >> RAW_SHIFT & 1];
}
