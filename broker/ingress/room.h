/* room - what the files of ingress share among themselves; nobody else includes this. */
#ifndef EOCBUS_BROKER_INGRESS_ROOM_H
#define EOCBUS_BROKER_INGRESS_ROOM_H

#include "broker/access/access.h"
#include "broker/access/allowance.h"
#include "broker/access/quota.h"
#include "broker/ingress/ingress.h"
#include "broker/ingress/missing.h"
#include "broker/ingress/parting.h"
#include "broker/ingress/session.h"
#include "broker/ingress/warned.h"
#include "proto/base/loop.h"
#include "proto/wire/peek.h"

enum busy_cause { /* the worse the later */
                  BUSY_NOT,
                  BUSY_ITEMS,
                  BUSY_WINDOW,
                  BUSY_LANE,
                  BUSY_QUOTA,
                  BUSY_FULL,
                  BUSY_AWAY,
                  BUSY_CAUSES
};

struct ingress {
    struct ingress_settings set;
    struct ingress_exits exits;
    struct sessions *sessions;
    struct missing missing;          /* agents whose connection is gone */
    struct parting ended, strangers; /* connections whose session ended; that said no hello */
    struct parting revoked;          /* whose key opens the door no more */
    struct warned warned;            /* FLASH that went out as provisional */
    struct quota_book *quarantine;
    struct quota denials, overs; /* lines in the log */
    struct allowance *allowance;
    struct arena *frame_arena, *content_arena; /* reset for each frame, for each item */
    struct loop_timer *sweep;
    struct loop_timer *cut;  /* for `revoked` */
    struct loop_timer *ends; /* when the next key runs out */
    int64_t rechecked_us;    /* UTC */
    struct list owing;       /* sessions whose receipts wait */
    struct buf out;          /* the frame that is being packed */
    uint64_t away_since_us;  /* 0 = the store is here, as far as we know */
    bool stopped;
    struct ingress_counters n;
    uint64_t busy_for[BUSY_CAUSES];
};

/* answer.c: one frame to a session. A connection that is gone ends it: ST_NOTFOUND, and s is
 * freed. */
MUST_CHECK enum status answer_frame(struct ingress *in, struct session *s,
                                    const Eocbus__V1__Frame *f);
MUST_CHECK enum status answer_bytes(struct ingress *in, struct session *s, const void *data,
                                    size_t len);
/* To a connection, with or without a session; whether it arrives is not our concern as a rule. */
enum status send_fault(struct ingress *in, const struct zport_id *to, const char *code,
                       const char *text, unsigned retry_ms);
/* Also when an answer that a sender waits for cannot be given: it offers again in its next session.
 */
void end_session(struct ingress *in, struct session *s);
void close_session(struct ingress *in, struct session *s); /* its connection goes on */
/* A connection without a session; beyond as many as `from` holds the oldest is ended. */
void part_from(struct ingress *in, struct parting *from, const struct parting_line *l);
/* It has no session: most say hello next, and those that never do shall not be many. */
void refuse_stranger(struct ingress *in, const struct zport_message *m, const char *code,
                     const char *text, unsigned retry_ms);
void part_from_due(struct ingress *in);
/* revoked.c: Fault "principal", the end of its listeners, and soon of its connection with all that
 * is queued for it. */
void put_out(struct ingress *in, struct session *s);
void put_out_stranger(struct ingress *in, const struct zport_message *m);
void hang_up_revoked(struct ingress *in); /* those that had their grace */
/* Starts the clock for the next key that runs out. */
void await_next_end(struct ingress *in);
/* It may have said hello again meanwhile. */
void hang_up(struct ingress *in, const struct parting_line *l, bool only_unread);
void lose_session(struct ingress *in, struct session *s); /* and wait for its agent to come back */
void dismiss(struct ingress *in, struct session *s, const char *code, const char *text,
             unsigned retry_ms); /* Fault, then the end */

/* hello.c: `old` is what the connection had before, or NULL. */
void open_by_hello(struct ingress *in, const struct zport_message *m, struct session *old,
                   const struct principal *p, const Eocbus__V1__Hello *hello);

/* One Ping, if only an answer can tell how far off its clock is; may end the session. */
void ask_clock(struct ingress *in, struct session *s);

/* known.c: answers Who; may end the session. */
void answer_who(struct ingress *in, struct session *s, const Eocbus__V1__Who *who);

/* silence.c: once a second. */
void sweep_silent(struct ingress *in);

/* receipts.c: its fate is known: if listeners were warned of it in vain, they are told. */
void settle_warning(struct ingress *in, const struct parcel *p);

struct publishing { /* one Publish */
    struct ingress *in;
    struct session *s;
    const struct principal *principal;
    const struct principal
        *author; /* of the item that may be said; NULL = refused, or not looked at */
    int64_t received_us;
    size_t busy_count;
    enum busy_cause cause; /* of the worst one */
    uint32_t over_items;   /* past their quota: turned away */
    size_t over_bytes;
    uint32_t unwarned; /* alarms past their quota: stored, and not sounded before */
    bool has_alarm;
};

/* denied.c: an item was refused, or a sender is over its quota: counts, and for people a line in
 * the log, 60 of each kind an hour. Neither says what the message says. */
void note_refusal(struct publishing *b, const struct refusal *why);
void note_over(struct publishing *b);

/* pass.c: may it be looked at? */
struct pass {
    enum busy_cause cause; /* BUSY_NOT: it may be stored */
    bool is_news;          /* it is to be said at once, whatever the cause */
    bool is_unwarned;      /* it is news, and its sender has sounded too often */
    bool is_paid;          /* from the quota of messages and bytes */
};
struct pass ask_pass(struct publishing *b, const Eocbus__V1__Item *item, size_t place);
/* It was not taken. */
void give_back_pass(struct publishing *b, const Eocbus__V1__Item *item, struct pass *pass);

/* busy.c: one item was not taken; and the answer for all of them, which may end the session. */
void count_busy(struct publishing *b, enum busy_cause cause, const Eocbus__V1__Item *item);
MUST_CHECK enum status send_busy(struct publishing *b, uint64_t *tags);
/* What could not be said then; as answer_frame. */
MUST_CHECK enum status send_late_busy(struct ingress *in, struct session *s);

/* make.c: NULL when out of memory. `m` is the message if it could be unpacked, `why` is why it is
 * refused or NULL. */
struct parcel *make_parcel(const struct publishing *b, const Eocbus__V1__Item *item,
                           const Eocbus__V1__Envelope *m, const struct refusal *why);
/* Content and sender; then fill_content, only for what passed the gate, or fill_identity; fill_to:
 * false when out of memory. */
struct parcel *begin_parcel(const struct publishing *b, const Eocbus__V1__Item *item);
void fill_content(struct parcel *p, const struct publishing *b, const Eocbus__V1__Envelope *m);
void fill_identity(struct parcel *p, const Eocbus__V1__Envelope *m);
bool fill_to(struct parcel *p, const Eocbus__V1__Envelope *m);

/* publish.c: may end the session. */
void publish_items(struct ingress *in, struct session *s, const struct principal *p,
                   const Eocbus__V1__Publish *m);
/* A frame that cannot be read, into quarantine with tag 0. */
void publish_unreadable(struct ingress *in, const struct principal *p, const uint8_t *bytes,
                        size_t len, const struct refusal *why);

/* receipts.c: notes what became of p; false when out of memory. */
bool receipts_add(struct session *s, const struct parcel *p);
/* Sends what waits for s; may end the session. */
void receipts_flush(struct ingress *in, struct session *s);

#endif
