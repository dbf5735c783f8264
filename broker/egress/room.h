/* room - what the files of egress share among themselves; nobody else includes this.
 *
 * A listener is FRESH until the place it starts from is known and Subscribed has left, BEHIND while
 * numbers up to the head have not been looked at for it, LIVE when all have.
 *
 *   Subscribe ─▶ FRESH ──▶ BEHIND ◀──▶ LIVE     head reached / no room
 *                  └───────────────────▶┘       starts at the head
 *
 * The cursor of a listener that is BEHIND is the last number that was looked at for it: everything
 * that matches up to it has been gathered. That of a LIVE one is the head and is not written down,
 * so that a message nobody wants costs nothing per listener. */
#ifndef EOCBUS_BROKER_EGRESS_ROOM_H
#define EOCBUS_BROKER_EGRESS_ROOM_H

#include "broker/access/access.h"
#include "broker/access/quota.h"
#include "broker/egress/egress.h"
#include "broker/egress/pack.h"
#include "broker/egress/recent.h"
#include "broker/egress/window.h"
#include "proto/base/loop.h"

enum listener_state { LISTENER_FRESH, LISTENER_BEHIND, LISTENER_LIVE, LISTENER_STATES };

struct listener {
    struct list all, by_session;
    struct list hungry; /* in egress.hungry: BEHIND and able to go on */
    struct list full;   /* in egress.full: something is gathered or owed, to be sent this turn */
    struct egress *egress;
    uint64_t session;
    uint32_t subscription;
    enum listener_state state;
    struct window window;
    size_t frame_bytes; /* its frames are cut here */
    struct gather gather;
    uint64_t cursor;       /* see above */
    uint64_t previous;     /* last number gathered */
    uint64_t page_from;    /* cursor when the page was asked for */
    uint64_t history_upto; /* head when it was placed */
    uint64_t told;         /* it knows that nothing is missing up to here */
    uint64_t spoke_us;     /* when something was sent to it last */
    uint64_t start;        /* where it wants to start; with from_now not yet known */
    uint32_t start_epoch;  /* of that number; 0 = whichever the log has */
    bool has_after, from_now;
    int64_t start_time_us; /* wanted instead of a number that is not known yet; 0 = known */
    uint64_t upto;         /* the last number it wants; UINT64_MAX = no end */
    bool wants_lasts;      /* last values go first, up to `start`; */
    uint64_t lasts_cursor; /* so far they were looked at */
    uint64_t born_us;
    unsigned lanes; /* a set, see parcel.h */
    uint64_t
        lane_after[LANES_END]; /* what is of a lane up to here it has had, whatever the cursor */
    char *principal;
    const struct principal *who; /* borrowed from access until egress_recheck; NULL hears nothing */
    char *name;                  /* NULL: it has no durable name */
    struct cursor *durable;
    bool is_asking; /* FRESH: the place is to come from the database */
    uint64_t acked; /* last number it has acknowledged */
    char *to_me;    /* name of its principal: only what is for it; NULL = everything that matches */
    unsigned warnings;  /* provisional ones that it has not acknowledged */
    bool owes_warnings; /* some that stand were not looked at for it: those behind */
    uint64_t warned;    /* this one in their order; kept only while there are some */
    bool said_end;      /* the horizon at `upto` */
    bool owes_horizon;  /* has just reached the head for the first time */
    bool blocked;       /* its socket queue is full; until egress_writable */
    bool reading, cut;  /* a page is on its way; the rest of it is of no use */
    bool lost;          /* its connection is gone; ends at the end of the turn */
    bool is_siren;      /* it asked for siren commands and nothing else: never closed */
    unsigned pattern_count;
    char **patterns;
};

enum { EGRESS_BUCKETS = 1024, EGRESS_SPARE = 64 };

struct egress {
    struct egress_settings set;
    struct egress_exits exits;
    uint32_t log_epoch; /* 0 = the log was never seen */
    uint64_t head;      /* last number that was routed */
    struct list all, hungry, full;
    struct list by_session[EGRESS_BUCKETS];
    struct recent recent;
    uint8_t *common; /* of the message that is being routed, packed for the first who wants it */
    size_t common_len;
    uint64_t common_seq;
    struct gather warning;          /* the provisional one that is being routed */
    struct buf spare[EGRESS_SPARE]; /* gather buffers between turns */
    unsigned spare_count;
    struct quota denials; /* lines in the log */
    bool is_closed;       /* see egress_close */
    bool any_lost;
    struct loop_hook *hook;
    struct loop_timer *tick;
    struct egress_counters n;
};

/* One message on its way to one listener. */
struct passing {
    uint64_t seq;
    const uint8_t *common;
    size_t len;
    bool expired, is_last_value;
    int64_t not_after_us; /* 0 = never */
};

static inline bool listener_is_closed(const struct listener *l)
{
    return l->egress->is_closed && !l->is_siren;
}

/* Of a lane it asked for, and not behind its place in that lane. */
static inline bool listener_hears(const struct listener *l, unsigned lane, uint64_t seq)
{
    return lanes_hold(l->lanes, lane) && seq > l->lane_after[lane];
}

/* What its rights say; `q` as listener_ask fills it. Most are answered without a look at a rule. */
bool listener_judge(const struct listener *l, struct rights_question *q);
static inline bool listener_may_hear(const struct listener *l, struct rights_question *q)
{
    return l->who && l->who->rights &&
           (rights_may_anywhere(l->who->rights, VERB_HEAR, q->type, q->label) ||
            listener_judge(l, q));
}

/* Boxes come with their wrapped keys to who may open them. `q` as listener_may_hear left it, or
 * filled in anew; keys: of the length, at its end. */
size_t listener_len(const struct listener *l, struct rights_question *q, size_t len, size_t keys);

/* How far the log goes for it today. */
static inline uint64_t listener_reach(const struct listener *l)
{
    return l->egress->head < l->upto ? l->egress->head : l->upto;
}

/* egress.c */
void egress_learn_place(struct egress *e);

/* subscribe.c */
void egress_subscribe(struct egress *e, uint64_t session, const char *principal,
                      const Eocbus__V1__Subscribe *m);
struct list *listener_bucket(struct egress *e, uint64_t session);
struct listener *listener_find(struct egress *e, uint64_t session, uint32_t subscription);

/* durable.c */
/* A listener that has a name, or none. False: out of memory. */
bool durable_begin(struct listener *l, const Eocbus__V1__Subscribe *m);
/* It stands where it said itself. False: out of memory. */
bool durable_placed(struct listener *l);
void durable_acknowledged(struct listener *l, uint64_t upto);
void durable_progress(struct listener *l); /* tells how far it is */
void durable_end(struct listener *l);

/* listener.c */
void listener_enter(struct listener *l, enum listener_state to);
/* FRESH: tries to place it and to say Subscribed; ends it when its start is not legal. */
void listener_place(struct listener *l);
/* Adds one to the frame in the making. False: no room, or sending failed; the listener is BEHIND
 * then and its cursor stands before this message. */
bool listener_gather(struct listener *l, const struct passing *m);
/* Sends what is gathered or owed. False: it could not, and stands BEHIND before what was not sent.
 */
bool listener_flush(struct listener *l);
void listener_send_horizon(struct listener *l);
/* Whatever waits for it, or did not fit a moment ago. ST_FULL, or ST_NOTFOUND: it is lost. */
MUST_CHECK enum status listener_send_now(struct listener *l, const void *data, size_t len);
/* BEHIND and able to go on: puts it where history.c finds it. */
void listener_nudge(struct listener *l);
void listener_fault(struct egress *e, uint64_t session, uint32_t subscription, const char *code,
                    const char *text);
/* Everybody forgets it. */
void listener_end(struct listener *l);

/* What rights ask of a message. */
struct rights_question listener_ask(const struct parcel *p);

/* warn.c: alarms that stand and that it was not warned of, as far as it has room. */
void listener_catch_warnings(struct listener *l);
/* So many provisional ones were acknowledged. */
void listener_warnings_taken(struct listener *l, uint32_t count);

/* history.c: asks for the number at its start_time_us. */
void history_find_start(struct listener *l);
/* A turn's worth of work for those who are behind. */
void history_serve(struct egress *e);

#endif
