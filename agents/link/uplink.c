/* uplink - see uplink.h */
#include "agents/link/uplink_parts.h"

#include <string.h>

#include "proto/base/loop.h"
#include "proto/base/banned.h"

static void on_wake(void *arg)
{
    struct uplink *u = arg;

    u->set.hungry(u->set.arg);
}

enum status uplink_create(struct uplink **out, const struct uplink_settings *set)
{
    struct uplink *u = mem_zalloc(sizeof(*u));
    enum status st;

    if (!u)
        return ST_NOMEM;
    u->set = *set;
    st = loop_timer_create(&u->timer, set->loop, on_wake, u);
    if (st != ST_OK) {
        mem_free(u);
        return st;
    }
    *out = u;
    return ST_OK;
}

void uplink_destroy(struct uplink *u)
{
    if (!u)
        return;
    loop_timer_destroy(u->timer);
    for (unsigned i = 0; i < UPLINK_LINES; i++)
        path_free(&u->paths[i]);
    pending_free(&u->told);
    buf_free(&u->bytes);
    arena_destroy(u->keys);
    mem_free(u);
}

/* --- lines and what they carry ---------------------------------------------------------------- */

/* What some line has on the way in a lane that it carries is in flight in the outbox's eyes, and
 * nothing else. */
static void mark_flights(struct uplink *u)
{
    outbox_nothing_in_flight(u->set.outbox);
    for (unsigned i = 0; i < UPLINK_LINES; i++) {
        const struct path *p = &u->paths[i];

        for (unsigned k = 0; k < p->flight_count; k++)
            if (p->lanes & OUTBOX_LANE(outbox_tag_lane(p->flights[k].tag)) &&
                flight_counts(&p->flights[k]))
                outbox_in_flight(u->set.outbox, p->flights[k].tag, true);
    }
}

void uplink_begin(struct uplink *u, unsigned line, const Eocbus__V1__Welcome *w)
{
    uplink_end(u, line);
    path_begin(&u->paths[line], w);
}

void uplink_end(struct uplink *u, unsigned line)
{
    struct path *p = &u->paths[line];

    p->stands = false;
    p->lanes = 0;
    p->copies = COPY_NOTHING;
    path_drop(u, p);
    mark_flights(u);
}

void uplink_carry(struct uplink *u, unsigned line, unsigned lanes, enum uplink_copies copies)
{
    struct path *p = &u->paths[line];
    unsigned changed = p->lanes ^ lanes;

    if (!p->stands || (!changed && p->copies == copies))
        return;
    p->lanes = lanes;
    p->copies = copies;
    /* A lane that comes or goes begins anew here: the outbox says what is to be offered. */
    path_pass(u, p, changed);
    if (changed & OUTBOX_LANE(FLASH_LANE))
        p->copied = (struct places){0};
    mark_flights(u);
    u->set.hungry(u->set.arg);
}

bool uplink_is_idle(const struct uplink *u)
{
    unsigned lanes = 0;

    for (unsigned i = 0; i < UPLINK_LINES; i++) {
        if (u->paths[i].lanes && u->paths[i].flight_count)
            return false;
        lanes |= u->paths[i].lanes;
    }
    return lanes == OUTBOX_ALL_LANES;
}

bool uplink_is_owed(const struct uplink *u, unsigned line)
{
    return u->paths[line].flight_count > 0;
}

/* --- sending ---------------------------------------------------------------------------------- */

static bool take_row(void *arg, const struct outbox_row *row)
{
    return publish_take(arg, row, false);
}

/* One Publish; false when there is nothing to send, or no room. */
static bool send_some(struct uplink *u, struct path *p, unsigned lanes, bool urgent)
{
    unsigned rows = path_rows(p, urgent);
    enum status st;

    publish_begin(u, path_room(u, p, urgent));
    if (!rows || !u->room || !lanes)
        return false;
    if (!urgent && p->bulk_bytes && u->room < u->set.profile->chunk_bytes)
        return false; /* a receipt makes room for a whole packet soon */
    st = outbox_next(u->set.outbox, lanes, rows, path_bytes(u, p, urgent), take_row, u);
    if (!publish_is_ready(u, st) || !publish_send(u, p))
        return false;
    for (unsigned i = 0; i < u->item_count; i++)
        outbox_in_flight(u->set.outbox, u->items[i].tag, true);
    return true;
}

void uplink_wake_at(struct uplink *u, uint64_t us)
{
    if (us < u->wake_us)
        u->wake_us = us;
}

static void set_alarm_clock(struct uplink *u)
{
    uint64_t now = loop_now_us(u->set.loop);

    if (u->wake_us == UINT64_MAX)
        return;
    loop_timer_start(u->timer, u->wake_us > now ? (unsigned)((u->wake_us - now) / 1000 + 1) : 1, 0);
}

static unsigned urgent_lanes(const struct uplink *u, unsigned lanes)
{
    unsigned urgent = lanes & OUTBOX_LANE(FLASH_LANE);

    if (path_is_urgent(u, IMMEDIATE_LANE))
        urgent |= lanes & OUTBOX_LANE(IMMEDIATE_LANE);
    return urgent;
}

static void send_urgent(struct uplink *u, struct path *p, unsigned open)
{
    bool warns = p->lanes & OUTBOX_LANE(FLASH_LANE) || p->copies == COPY_AT_ONCE;

    while (send_some(u, p, urgent_lanes(u, open & p->lanes), true))
        ;
    if (p->copies != COPY_NOTHING)
        copy_alarms(u, p, open);
    if (warns && !(open & OUTBOX_LANE(FLASH_LANE)))
        send_ahead(u, p);
}

void uplink_pump(struct uplink *u)
{
    unsigned open[UPLINK_LINES] = {0};

    u->wake_us = UINT64_MAX;
    for (unsigned i = 0; i < UPLINK_LINES && !u->outbox_is_broken; i++) {
        open[i] = u->paths[i].stands ? path_open_lanes(u, &u->paths[i]) : 0;
        if (u->paths[i].stands)
            send_urgent(u, &u->paths[i], open[i]);
    }
    for (unsigned i = 0; i < UPLINK_LINES && !u->outbox_is_broken; i++) {
        unsigned lanes = open[i] & u->paths[i].lanes;

        while (send_some(u, &u->paths[i], lanes & ~urgent_lanes(u, lanes), false))
            ;
    }
    set_alarm_clock(u);
}
