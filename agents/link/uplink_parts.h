/* uplink_parts - what the files of the uplink share; nobody else includes it.
 *
 *   uplink.c          life, roles, and what is sent when
 *   uplink_path.c     one line's account: what is on the way, what may be added, what is held
 *   uplink_publish.c  rows of the outbox become one Publish
 *   uplink_copy.c     alarms on other lines than their own, and ahead of their turn
 *   uplink_settle.c   receipts and Busy */
#ifndef EOCBUS_LINK_UPLINK_PARTS_H
#define EOCBUS_LINK_UPLINK_PARTS_H

#include "agents/link/pending.h"
#include "agents/link/uplink.h"
#include "proto/base/mem.h"
#include "proto/wire/limits.h"

#define FLASH_LANE     1u
#define IMMEDIATE_LANE 2u
#define LANES          6u
#define FRAME_ROOM     4096u /* for tags and framing */

struct flight {
    uint64_t tag, sent_us;
    size_t bytes;
    bool is_ahead; /* only warns, and is answered Busy whatever happens */
    /* Its lane came or went since. The answer is still to come, and must not be taken for that of
     * the same row when it is offered once more. */
    bool is_past;
};

/* A Busy for it is news. */
static inline bool flight_counts(const struct flight *f)
{
    return !f->is_ahead && !f->is_past;
}

/* Places in the FLASH lane: its own rows and those put raw are two rows of numbers. */
struct places {
    uint64_t upto[2]; /* tags; 0 = before the first */
};

struct path { /* one line */
    bool stands;
    uint32_t log_epoch; /* as its Welcome said; 0 = its broker had not seen the log */
    unsigned lanes;     /* carried */
    enum uplink_copies copies;
    unsigned window_items, max_items;
    size_t window_bytes, frame_bytes;
    struct flight *flights; /* room for window_items, in the order in which they left */
    unsigned flight_count, flight_cap;
    size_t bulk_bytes, flash_bytes; /* on the way */
    uint64_t held_until_us[LANES];
    uint64_t turned_away[LANES]; /* lowest tag that was answered Busy and not offered since; or 0 */
    struct places copied;        /* alarms that were copied here and not turned away */
    struct places offered;       /* alarms that this session's broker has seen in any way */
};

struct uplink {
    struct uplink_settings set;
    struct loop_timer *timer; /* the end of the nearest hold, or the next alarm to copy */
    uint64_t wake_us;         /* when that is; UINT64_MAX = never */
    bool outbox_is_broken;    /* said once; nothing more comes out of it until the next start */
    struct path paths[UPLINK_LINES];
    struct pending told; /* receipts to tell after the commit; only its settles are used */

    /* of the Publish in the making */
    Eocbus__V1__Item items[LIMIT_ITEMS];
    Eocbus__V1__Item *item_list[LIMIT_ITEMS];
    size_t keys_len[LIMIT_ITEMS];
    struct arena *keys; /* lists of wrapped keys; made when the first one is said */
    unsigned item_count;
    size_t item_bytes, room;
    struct buf bytes;
};

static inline unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* --- uplink_path.c ------------------------------------------------------------------------------
 */

/* Lanes with an allowance beside the bulk: FLASH; on links with two lines IMMEDIATE too. */
bool path_is_urgent(const struct uplink *u, unsigned lane);
void path_begin(struct path *p, const Eocbus__V1__Welcome *w);
void path_free(struct path *p);
/* Bytes that may be added now: what is left of the allowance, and of the broker's window. With
 * nothing on the way one message of any size may go. */
size_t path_room(const struct uplink *u, const struct path *p, bool urgent);
unsigned path_rows(const struct path *p, bool urgent);
/* Of one Publish; a first row beyond the allowance goes alone. */
size_t path_bytes(const struct uplink *u, const struct path *p, bool urgent);
void path_take_off(struct uplink *u, struct path *p, uint64_t tag, size_t bytes, bool is_ahead);
/* The first one of this tag; false: it is not on the way here. */
bool path_land(const struct uplink *u, struct path *p, uint64_t tag, struct flight *out);
/* Forgets what is on the way: the session has ended. */
void path_drop(const struct uplink *u, struct path *p);
/* What is on the way in these lanes is of the past; it takes no more room. */
void path_pass(const struct uplink *u, struct path *p, unsigned lanes);
/* NULL if it is not on the way here, or does not count. */
const struct flight *path_find(const struct path *p, uint64_t tag);
/* Lanes that nothing holds here; the others have us woken, or an answer that comes does. */
unsigned path_open_lanes(struct uplink *u, struct path *p);

/* Alarms only. */
void places_reach(struct places *at, uint64_t tag);  /* up to this one at least */
void places_return(struct places *at, uint64_t tag); /* before this one at most */
bool places_have(const struct places *at, uint64_t tag);

/* --- uplink_publish.c ---------------------------------------------------------------------------
 */
void publish_begin(struct uplink *u, size_t room);
bool publish_take(struct uplink *u, const struct outbox_row *row, bool is_ahead); /* has room */
/* False: nothing was taken; the socket says when it is writable, or falls. */
bool publish_send(struct uplink *u, struct path *p);
/* True if there is something to send. Otherwise there was nothing, or it is said why. */
bool publish_is_ready(struct uplink *u, enum status read);

/* --- uplink_copy.c ------------------------------------------------------------------------------
 */
/* `lanes`: those that are open here. */
void copy_alarms(struct uplink *u, struct path *p, unsigned lanes);
void send_ahead(struct uplink *u, struct path *p);

/* --- uplink.c -----------------------------------------------------------------------------------
 */
void uplink_wake_at(struct uplink *u, uint64_t us);

#endif
