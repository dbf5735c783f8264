/* room - what the files of ingress share among themselves; nobody else includes this. */
#ifndef EOCBUS_BROKER_INGRESS_ROOM_H
#define EOCBUS_BROKER_INGRESS_ROOM_H

#include "broker/access/access.h"
#include "broker/access/quota.h"
#include "broker/ingress/ingress.h"
#include "broker/ingress/missing.h"
#include "broker/ingress/session.h"
#include "broker/ingress/warned.h"
#include "proto/base/loop.h"

struct ingress {
    struct ingress_settings set;
    struct ingress_exits exits;
    struct sessions *sessions;
    struct missing missing; /* agents whose connection is gone */
    struct warned warned;   /* FLASH that went out as provisional */
    struct quota_book *quarantine;
    struct arena *frame_arena, *content_arena; /* reset for each frame, for each item */
    struct loop_timer *sweep;
    struct list owing;      /* sessions whose receipts wait */
    struct buf out;         /* the frame that is being packed */
    uint64_t away_since_us; /* 0 = the store is here, as far as we know */
    bool stopped;
    struct ingress_counters n;
};

/* answer.c: one frame to a session. A connection that is gone ends it: ST_NOTFOUND, and s is
 * freed. */
MUST_CHECK enum status answer_frame(struct ingress *in, struct session *s,
                                    const Eocbus__V1__Frame *f);
MUST_CHECK enum status answer_bytes(struct ingress *in, struct session *s, const void *data,
                                    size_t len);
/* To a connection, with or without a session; whether it arrives is not our concern. */
void send_fault(struct ingress *in, const struct zport_id *to, const char *code, const char *text,
                unsigned retry_ms);
/* Also when an answer that a sender waits for cannot be given: it offers again in its next session.
 */
void end_session(struct ingress *in, struct session *s);
void lose_session(struct ingress *in, struct session *s); /* and wait for its agent to come back */
void dismiss(struct ingress *in, struct session *s, const char *code, const char *text,
             unsigned retry_ms); /* Fault, then the end */

/* hello.c: `old` is what the connection had before, or NULL. */
void open_by_hello(struct ingress *in, const struct zport_message *m, struct session *old,
                   const struct principal *p, const Eocbus__V1__Hello *hello);

/* silence.c: once a second. */
void sweep_silent(struct ingress *in);

/* receipts.c: its fate is known: if listeners were warned of it in vain, they are told. */
void settle_warning(struct ingress *in, const struct parcel *p);

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
