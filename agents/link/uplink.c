/* uplink - see uplink.h */
#include "agents/link/uplink.h"

#include <string.h>

#include "agents/link/pending.h"
#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/wire/limits.h"
#include "proto/base/banned.h"

#define FLASH_LANE     1u
#define IMMEDIATE_LANE 2u
#define LANES          6u
/* One frame is one unit of waiting on the wire; larger ones save nothing. */
#define FRAME_BYTES      65536u
#define FRAME_ROOM       4096u /* for tags and framing */
#define BUSY_LEAST_MS    10u
#define BUSY_MOST_MS     60000u
#define WINDOW_SIXTEENTH 16u

struct flight {
    uint64_t tag, sent_us;
    size_t bytes;
    bool copied; /* on both connections */
};

struct uplink {
    struct uplink_settings set;
    struct loop_timer *timer; /* the end of the nearest hold, or the next alarm to copy */
    uint64_t wake_us;         /* when that is; UINT64_MAX = never */
    bool in_session;
    bool two_lines;        /* the second connection stands */
    bool outbox_is_broken; /* said once; nothing more comes out of it until the next start */
    unsigned window_items, max_items;
    size_t window_bytes, frame_bytes;
    struct flight *flights; /* room for window_items */
    unsigned flight_count, flight_cap;
    size_t bulk_bytes, flash_bytes; /* on the way */
    uint64_t held_until_us[LANES];
    uint64_t turned_away[LANES]; /* lowest tag that was answered Busy and not offered since; or 0 */
    struct pending told;         /* receipts to tell after the commit; only its settles are used */

    /* of the Publish in the making */
    Eocbus__V1__Item items[LIMIT_ITEMS];
    Eocbus__V1__Item *item_list[LIMIT_ITEMS];
    unsigned item_count;
    size_t item_bytes, room;
    struct buf bytes;
};

static void on_hold_over(void *arg)
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
    st = loop_timer_create(&u->timer, set->loop, on_hold_over, u);
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
    pending_free(&u->told);
    buf_free(&u->bytes);
    mem_free(u->flights);
    mem_free(u);
}

/* --- the session --------------------------------------------------------------------------------
 */

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

void uplink_begin(struct uplink *u, const Eocbus__V1__Welcome *w)
{
    unsigned items = w->window_items ? smaller(w->window_items, 65536) : LIMIT_ITEMS;

    uplink_end(u);
    if (items > u->flight_cap) {
        struct flight *more = mem_realloc(u->flights, items * sizeof(*more));

        if (more) {
            u->flights = more;
            u->flight_cap = items;
        }
    }
    u->window_items = smaller(items, u->flight_cap);
    u->window_bytes = w->window_bytes ? w->window_bytes : LIMIT_FRAME_BYTES;
    u->max_items = w->max_items ? smaller(w->max_items, LIMIT_ITEMS) : LIMIT_ITEMS;
    u->frame_bytes =
        w->max_frame_bytes ? smaller(w->max_frame_bytes, LIMIT_FRAME_BYTES) : LIMIT_FRAME_BYTES;
    memset(u->held_until_us, 0, sizeof(u->held_until_us));
    memset(u->turned_away, 0, sizeof(u->turned_away));
    u->in_session = u->window_items > 0;
}

void uplink_end(struct uplink *u)
{
    u->in_session = false;
    u->two_lines = false;
    u->flight_count = 0;
    u->bulk_bytes = u->flash_bytes = 0;
    loop_timer_stop(u->timer);
    outbox_nothing_in_flight(u->set.outbox);
}

/* Lanes with an allowance beside the bulk: FLASH; with two connections IMMEDIATE too. */
static bool is_urgent(const struct uplink *u, unsigned lane)
{
    return lane == FLASH_LANE || (lane == IMMEDIATE_LANE && u->set.profile->two_lines);
}

void uplink_urgent(struct uplink *u, bool stands)
{
    unsigned kept = 0;

    if (!u->in_session || u->two_lines == stands) {
        u->set.hungry(u->set.arg);
        return;
    }
    u->two_lines = stands;
    for (unsigned i = 0; i < u->flight_count; i++) {
        if (is_urgent(u, outbox_tag_lane(u->flights[i].tag)))
            outbox_in_flight(u->set.outbox, u->flights[i].tag, false);
        else
            u->flights[kept++] = u->flights[i];
    }
    u->flight_count = kept;
    u->flash_bytes = 0;
    u->set.hungry(u->set.arg);
}

bool uplink_is_idle(const struct uplink *u)
{
    return u->in_session && !u->flight_count;
}

/* --- sending ------------------------------------------------------------------------------------
 */

/* What was on the way behind a row that was turned away is turned away too. Until all of it is
 * back, nothing of the lane is offered: it would arrive before what is to be offered again. */
static bool waits_for_answers(const struct uplink *u, unsigned lane)
{
    if (!u->turned_away[lane])
        return false;
    for (unsigned i = 0; i < u->flight_count; i++)
        if (outbox_tag_lane(u->flights[i].tag) == lane && u->flights[i].tag > u->turned_away[lane])
            return true;
    return false;
}

static void wake_at(struct uplink *u, uint64_t us)
{
    if (us < u->wake_us)
        u->wake_us = us;
}

/* Lanes that may be offered now; the others have us woken. */
static unsigned open_lanes(struct uplink *u)
{
    uint64_t now = loop_now_us(u->set.loop);
    unsigned lanes = 0;

    for (unsigned lane = 1; lane < LANES; lane++) {
        if (u->held_until_us[lane] > now) {
            wake_at(u, u->held_until_us[lane]);
        } else if (!waits_for_answers(u, lane)) { /* an answer has us pumped again */
            u->turned_away[lane] = 0;
            lanes |= OUTBOX_LANE(lane);
        }
    }
    return lanes;
}

static bool take_row(void *arg, const struct outbox_row *row)
{
    struct uplink *u = arg;
    Eocbus__V1__Item *item = &u->items[u->item_count];
    size_t len = row->content_len + row->signature_len;

    if (u->item_bytes + len > u->room)
        return false;
    eocbus__v1__item__init(item);
    item->tag = row->tag;
    item->content.len = row->content_len;
    item->signature.len = row->signature_len;
    buf_put(&u->bytes, row->content, row->content_len);
    if (row->signature_len)
        buf_put(&u->bytes, row->signature, row->signature_len);
    if (u->bytes.failed)
        return false;
    u->item_list[u->item_count++] = item;
    u->item_bytes += len;
    return true;
}

/* The rows were copied into one buffer that moved as it grew. */
static void point_items(struct uplink *u)
{
    uint8_t *at = u->bytes.data;

    for (unsigned i = 0; i < u->item_count; i++) {
        u->items[i].content.data = at;
        at += u->items[i].content.len;
        u->items[i].signature.data = at;
        at += u->items[i].signature.len;
    }
}

static void note_flight(struct uplink *u, const Eocbus__V1__Item *item)
{
    size_t bytes = item->content.len + item->signature.len;

    u->flights[u->flight_count++] =
        (struct flight){.tag = item->tag, .sent_us = loop_now_us(u->set.loop), .bytes = bytes};
    if (is_urgent(u, outbox_tag_lane(item->tag)))
        u->flash_bytes += bytes;
    else
        u->bulk_bytes += bytes;
    outbox_in_flight(u->set.outbox, item->tag, true);
}

/* Bytes that may be added now: what is left of the allowance, and of the broker's window. With
 * nothing on the way one message of any size may go. */
static size_t room_for(const struct uplink *u, bool flash)
{
    size_t used = flash ? u->flash_bytes : u->bulk_bytes;
    size_t allowance = flash ? u->set.profile->flash_bytes : u->set.profile->bulk_bytes;
    size_t window = flash ? u->window_bytes : u->window_bytes - u->window_bytes / WINDOW_SIXTEENTH;
    size_t on_way = u->flash_bytes + u->bulk_bytes, room;

    if (!used && (flash || !on_way))
        return LIMIT_FRAME_BYTES;
    room = used < allowance ? allowance - used : 0;
    if (on_way >= window)
        return 0;
    return room < window - on_way ? room : window - on_way;
}

static unsigned rows_for(const struct uplink *u, bool flash)
{
    /* A sixteenth of the places is FLASH's alone. */
    unsigned places = u->window_items;

    if (!flash && places > 1)
        places -= places / WINDOW_SIXTEENTH ? places / WINDOW_SIXTEENTH : 1;
    return u->flight_count < places ? smaller(places - u->flight_count, u->max_items) : 0;
}

/* A first row beyond the allowance goes alone. */
static size_t bytes_for(const struct uplink *u, bool flash)
{
    size_t allowance = flash ? u->set.profile->flash_bytes : u->set.profile->bulk_bytes;
    size_t room = room_for(u, flash), most = u->frame_bytes - FRAME_ROOM;

    if (room > allowance)
        room = allowance;
    if (!flash && u->set.profile->chunk_bytes && room > u->set.profile->chunk_bytes)
        room = u->set.profile->chunk_bytes;
    if (most > FRAME_BYTES)
        most = FRAME_BYTES;
    return room < most ? room : most;
}

static void begin_publish(struct uplink *u, size_t room)
{
    u->room = room;
    u->item_count = 0;
    u->item_bytes = 0;
    buf_clear(&u->bytes);
}

/* False: nothing was taken; the socket says when it is writable, or falls. */
static bool publish_items(struct uplink *u,
                          enum status (*send)(void *arg, const Eocbus__V1__Frame *f))
{
    Eocbus__V1__Publish publish = EOCBUS__V1__PUBLISH__INIT;
    Eocbus__V1__Frame frame = EOCBUS__V1__FRAME__INIT;

    point_items(u);
    publish.n_items = u->item_count;
    publish.items = u->item_list;
    publish.log_epoch = outbox_log_epoch(u->set.outbox);
    frame.what_case = EOCBUS__V1__FRAME__WHAT_PUBLISH;
    frame.publish = &publish;
    return send(u->set.arg, &frame) == ST_OK;
}

static bool send_items(struct uplink *u, bool urgent)
{
    if (!publish_items(u, urgent && u->two_lines ? u->set.send_urgent : u->set.send))
        return false;
    for (unsigned i = 0; i < u->item_count; i++)
        note_flight(u, &u->items[i]);
    return true;
}

/* Alarms that have waited too long for their receipt, and were not copied yet: takes them out of
 * flight in the outbox's eyes. */
static unsigned find_late_alarms(struct uplink *u)
{
    uint64_t now = loop_now_us(u->set.loop), copy_us = u->set.profile->copy_ms * UINT64_C(1000);
    unsigned late = 0;

    for (unsigned i = 0; i < u->flight_count; i++) {
        const struct flight *f = &u->flights[i];

        if (outbox_tag_lane(f->tag) != FLASH_LANE || f->copied)
            continue;
        if (f->sent_us + copy_us > now) {
            wake_at(u, f->sent_us + copy_us);
            continue;
        }
        outbox_in_flight(u->set.outbox, f->tag, false);
        late++;
    }
    return late;
}

/* Back in flight, where they were all the time. */
static void note_copies(struct uplink *u, bool sent)
{
    for (unsigned i = 0; i < u->flight_count; i++) {
        struct flight *f = &u->flights[i];

        if (outbox_tag_lane(f->tag) != FLASH_LANE)
            continue;
        for (unsigned k = 0; sent && k < u->item_count; k++)
            f->copied |= u->items[k].tag == f->tag;
        outbox_in_flight(u->set.outbox, f->tag, true);
    }
}

static bool flies(const struct uplink *u, uint64_t tag)
{
    for (unsigned i = 0; i < u->flight_count; i++)
        if (u->flights[i].tag == tag)
            return true;
    return false;
}

/* Only what flies already: a newer alarm sent here would pass, or be passed by, its neighbours. */
static bool take_copy(void *arg, const struct outbox_row *row)
{
    struct uplink *u = arg;

    return flies(u, row->tag) && take_row(u, row);
}

static void copy_late_alarms(struct uplink *u, unsigned lanes)
{
    unsigned late;
    enum status st;

    if (!u->two_lines || !u->set.profile->copy_ms || !(lanes & OUTBOX_LANE(FLASH_LANE)))
        return;
    late = find_late_alarms(u);
    if (!late)
        return;
    begin_publish(u, LIMIT_FRAME_BYTES - FRAME_ROOM);
    st = outbox_next(u->set.outbox, OUTBOX_LANE(FLASH_LANE), smaller(late, u->max_items), u->room,
                     take_copy, u);
    u->bytes.failed = 0;
    note_copies(u, st == ST_OK && u->item_count && publish_items(u, u->set.send));
}

/* One Publish; false when there is nothing to send, or no room. */
static bool send_some(struct uplink *u, unsigned lanes, bool flash)
{
    unsigned rows = rows_for(u, flash);
    enum status st;

    u->room = room_for(u, flash);
    if (!rows || !u->room || !lanes)
        return false;
    if (!flash && u->bulk_bytes && u->room < u->set.profile->chunk_bytes)
        return false; /* a receipt makes room for a whole packet soon */
    begin_publish(u, u->room);
    st = outbox_next(u->set.outbox, lanes, rows, bytes_for(u, flash), take_row, u);
    if (st != ST_OK) {
        u->outbox_is_broken = st == ST_IO || st == ST_INVALID;
        log_error("outbox.read.failed", "status=%s %s", status_name(st),
                  outbox_trouble(u->set.outbox));
        return false;
    }
    if (u->bytes.failed) { /* no memory: it is tried again in the next turn */
        u->bytes.failed = 0;
        return false;
    }
    return u->item_count && send_items(u, flash);
}

static void set_alarm_clock(struct uplink *u)
{
    uint64_t now = loop_now_us(u->set.loop);

    if (u->wake_us == UINT64_MAX)
        return;
    loop_timer_start(u->timer, u->wake_us > now ? (unsigned)((u->wake_us - now) / 1000 + 1) : 1, 0);
}

void uplink_pump(struct uplink *u)
{
    unsigned lanes, urgent;

    if (!u->in_session || u->outbox_is_broken)
        return;
    u->wake_us = UINT64_MAX;
    lanes = open_lanes(u);
    urgent = lanes & OUTBOX_LANE(FLASH_LANE);
    if (is_urgent(u, IMMEDIATE_LANE))
        urgent |= lanes & OUTBOX_LANE(IMMEDIATE_LANE);
    while (send_some(u, urgent, true))
        ;
    copy_late_alarms(u, lanes);
    while (send_some(u, lanes & ~urgent, false))
        ;
    set_alarm_clock(u);
}

/* --- receipts -----------------------------------------------------------------------------------
 */

static void land(struct uplink *u, uint64_t tag)
{
    for (unsigned i = 0; i < u->flight_count; i++) {
        size_t bytes = u->flights[i].bytes;

        if (u->flights[i].tag != tag)
            continue;
        if (is_urgent(u, outbox_tag_lane(tag)))
            u->flash_bytes -= bytes;
        else
            u->bulk_bytes -= bytes;
        u->flight_count--;
        memmove(&u->flights[i], &u->flights[i + 1], (u->flight_count - i) * sizeof(*u->flights));
        return;
    }
}

static void settle(struct uplink *u, const Eocbus__V1__Settled *s)
{
    struct outbox_outcome oc = {
        .stored = s->outcome == EOCBUS__V1__OUTCOME__OUTCOME_STORED,
        .repeated = s->repeated,
        .expired = s->expired,
        .log_epoch = s->log_epoch,
        .seq = s->seq,
        .code = s->code,
        .path = s->path,
        .text = s->text,
    };
    enum status st;

    if (!oc.stored && s->outcome != EOCBUS__V1__OUTCOME__OUTCOME_REFUSED)
        return;
    land(u, s->tag);
    st = outbox_settle(u->set.outbox, s->tag, &oc);
    if (st == ST_OK && pending_settle(&u->told, s->tag, 0, &oc) != ST_OK)
        log_warn("uplink.receipt.untold", "tag=%llu", (unsigned long long)s->tag);
    if (st == ST_OK && !oc.stored)
        log_warn("uplink.refused", "tag=%llu code=%s path=%s %s", (unsigned long long)s->tag,
                 oc.code, oc.path, oc.text);
    else if (st != ST_OK && st != ST_EXISTS && st != ST_NOTFOUND)
        log_error("outbox.settle.failed", "status=%s %s", status_name(st),
                  outbox_trouble(u->set.outbox));
}

void uplink_on_receipts(struct uplink *u, const Eocbus__V1__Receipts *r)
{
    for (size_t i = 0; i < r->n_settled; i++)
        settle(u, r->settled[i]);
    u->set.hungry(u->set.arg);
}

void uplink_on_busy(struct uplink *u, const Eocbus__V1__Busy *b)
{
    unsigned wait_ms =
        b->retry_ms < BUSY_LEAST_MS ? BUSY_LEAST_MS : smaller(b->retry_ms, BUSY_MOST_MS);
    uint64_t until = loop_now_us(u->set.loop) + (uint64_t)wait_ms * 1000;

    for (size_t i = 0; i < b->n_tags; i++) {
        unsigned lane = outbox_tag_lane(b->tags[i]);

        if (lane == 0 || lane >= LANES)
            continue;
        land(u, b->tags[i]);
        outbox_in_flight(u->set.outbox, b->tags[i], false);
        u->held_until_us[lane] = until;
        if (!u->turned_away[lane] || b->tags[i] < u->turned_away[lane])
            u->turned_away[lane] = b->tags[i];
    }
    u->set.hungry(u->set.arg);
}

bool uplink_has_news(const struct uplink *u)
{
    return pending_settle_count(&u->told) > 0;
}

void uplink_tell(struct uplink *u, void *arg,
                 void (*settled)(void *arg, uint64_t tag, const struct outbox_outcome *oc))
{
    struct pending mine = u->told; /* the program may put, and a receipt may come, meanwhile */

    u->told = (struct pending){0};
    for (size_t i = 0; settled && i < pending_settle_count(&mine); i++) {
        const struct pending_settle *s = pending_settle_at(&mine, i);
        struct outbox_outcome oc = pending_outcome(&mine, s);

        settled(arg, s->tag, &oc);
    }
    pending_free(&mine);
}
