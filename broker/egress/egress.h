/* egress - to the listeners: history first, then live, in order, without gap or double, by credit.
 *
 * A listener has a cursor in the log. It is `live` when it has seen everything that was routed; a
 * live listener without credit falls `behind` at its cursor, costs nobody anything, and is served
 * from the log (pages through `read`) once it has room again. Reaching the routed head in one turn
 * makes it live. At most window_bytes unacknowledged per listener stand in socket queues, so a
 * listener that stopped reading holds a bounded amount of memory.
 *
 * `history` is what was in the log when the listener subscribed; what came later is live for it
 * even if it was slow and got it from the log. A parcel that came after its time (expired) is shown
 * as history and skipped as live, whichever way it would have gone; one that was stored in time and
 * is over when there is room for it goes as history. What was routed last stands
 * ready packed in a small ring (4,096 messages, 8 MiB), so that a listener that is nearly there
 * catches up from memory however fast the log grows.
 *
 * A listener may ask for some lanes only; what is in others does not exist for it, and pages of the
 * log are read without it.
 * A listener may ask for what is for its principal only (to_me). Whom a message reaches is found
 * out when it is stored and read from the log with it; a provisional one reaches those it names.
 *
 * Rights are asked for each message and listener, whichever way it would go: live, from the ring,
 * from the log, as a last value, provisional or withdrawn. What may not be heard does not exist for
 * it.
 *
 * A listener may ask for the last values first: before its stream begins it gets the newest
 * observations of each stream of samples up to where it starts (read_last).
 * One with an end (upto) hears the horizon say so, and nothing more.
 *
 * A listener with a durable name goes on at the place that is kept under it, unless it says its
 * own; what it has acknowledged, and how far nothing was there for it, is told to the keeper of
 * places (cursor_*). It ends with Fault "taken" when a newer session has the name.
 *
 * A FLASH that has no number yet (provisional) goes to every listener at once, also to one that is
 * behind or has no credit, and changes nothing of the above. A listener may have 16 of them
 * unacknowledged; beyond that, or with a full socket, they are counted and skipped until it has
 * room again. One that subscribes hears those that still stand then (warnings). */
#ifndef EOCBUS_BROKER_EGRESS_EGRESS_H
#define EOCBUS_BROKER_EGRESS_EGRESS_H

#include <stdint.h>

#include "broker/parcel.h"
#include "eocbus/v1/session.pb-c.h"

struct cursor;
struct egress;
struct loop;
struct principal;

struct egress_settings {
    struct loop *loop;   /* borrowed */
    size_t window_bytes; /* delivered and not yet acknowledged, per listener; 1 MiB */
    unsigned page_rows;  /* of history; 512 */
    unsigned horizon_ms; /* how often an idle listener hears the horizon; 5000; on a thin link six
                            times as rarely */
    unsigned listeners_max; /* above it Subscribe is answered Fault "subscription" */
};

struct egress_exits {
    void *arg;
    /* One frame to a session: ST_OK, ST_FULL (later), ST_NOTFOUND (gone). */
    enum status (*send)(void *arg, uint64_t session, const void *data, size_t len);
    void (*lost)(void *arg, uint64_t session); /* send answered ST_NOTFOUND */
    void (*log_place)(void *arg, uint32_t *log_epoch, uint64_t *head);
    /* Could it hear anything that matches? */
    enum status (*may_listen)(void *arg, uint64_t session, const char *pattern,
                              struct refusal *why);
    /* Whose key it came with; NULL: nobody's any more. Borrowed until egress_recheck. */
    const struct principal *(*who)(void *arg, uint64_t session);
    /* How much its link holds: frames are cut at *frame_bytes, *window_bytes may be unacknowledged.
     * Both come in with the most that is allowed. NULL = every link is wide. */
    void (*limit)(void *arg, uint64_t session, size_t *frame_bytes, size_t *window_bytes);
    /* A page of the log, see store_read. */
    enum status (*read)(void *arg, uint64_t after, uint64_t upto, unsigned rows, unsigned lanes,
                        const char *to,
                        void (*page)(void *arg, enum status st, struct parcel **take,
                                     uint64_t looked_at),
                        void *page_arg);
    /* The same of the last values only, of all lanes, see store_read_last. */
    enum status (*read_last)(void *arg, uint64_t after, uint64_t upto, unsigned rows,
                             void (*page)(void *arg, enum status st, struct parcel **take,
                                          uint64_t looked_at),
                             void *page_arg);
    /* `page` gets no parcel, only the number, see store_find_time. */
    enum status (*find_time)(void *arg, int64_t time_us,
                             void (*page)(void *arg, enum status st, struct parcel **take,
                                          uint64_t looked_at),
                             void *page_arg);
    void (*read_cancel)(void *arg, void *page_arg); /* any of these */
    /* What was warned of and still stands behind the warning `after` (parcel.warning), in order,
     * until `each` says false. */
    void (*warnings)(void *arg, uint64_t after, bool (*each)(void *arg, const struct parcel *p),
                     void *each_arg);
    /* Durable names, see store_cursor_open. NULL: no memory, or nobody of that name. */
    struct cursor *(*cursor_open)(void *arg, const char *principal, struct durable_name *what,
                                  durable_fn told, void *told_arg);
    void (*cursor_move)(void *arg, struct cursor *c, uint32_t log_epoch, uint64_t upto);
    void (*cursor_close)(void *arg, struct cursor **c);
    /* The router's door, so that egress knows patterns but not the trie. */
    enum status (*want)(void *arg, const char *pattern, void *listener);
    void (*unwant)(void *arg, void *listener);
};

MUST_CHECK enum status egress_create(struct egress **out, const struct egress_settings *set,
                                     const struct egress_exits *exits);
void egress_destroy(struct egress *e);

/* New window, page and horizon, for reload; the rest of *set is not looked at. */
void egress_set(struct egress *e, const struct egress_settings *set);

/* Closed: nobody is sent anything but what is warned of (FLASH) and withdrawn; listeners stay where
 * they are in the log and go on from there when it opens. For rights that are too old. Exempt is
 * who asked for siren commands and nothing else. */
void egress_close(struct egress *e, bool closed);

/* Subscribe, Unsubscribe, Credit, Acknowledge from a session; everything else is not ours. */
void egress_on_frame(struct egress *e, uint64_t session, const char *principal,
                     const Eocbus__V1__Frame *frame);
void egress_session_gone(struct egress *e, uint64_t session);

/* The log moves: first egress_routed_one for every listener the router names, then egress_routed
 * once. */
void egress_routed_one(struct egress *e, void *listener, const struct parcel *p);
void egress_routed(struct egress *e, const struct parcel *p);
/* Warn first: egress_warn_one for every listener the router names, then egress_warned once. p has
 * no number, and the highest warning. */
void egress_warn_one(struct egress *e, void *listener, const struct parcel *p);
void egress_warned(struct egress *e);
/* p->message_id was warned of and is p->refused; its content says who said it. Besides only what
 * rights ask for is looked at. */
void egress_withdraw_one(struct egress *e, void *listener, const struct parcel *p);
void egress_writable(struct egress *e); /* some socket queue has room again */
/* Rights were read anew: from the next message on each listener hears what it may hear now. */
void egress_recheck(struct egress *e);
/* History can be read (again). If the log has another epoch than before, a backup was restored:
 * every listener gets Fault "epoch" and ends, since its numbers mean something else now. */
void egress_store_here(struct egress *e);

struct egress_counters {
    uint64_t refused; /* subscriptions, by rights */
    uint64_t listeners, behind, delivered, delivered_bytes, pages;
    uint64_t fell_behind;               /* times a live listener had no room */
    uint64_t recent_rows, recent_bytes; /* the ring */
    uint64_t provisional, withdrawn;    /* sent, each listener counted */
    uint64_t provisional_skipped;       /* either, not sent at once: allowance or socket full */
    uint64_t provisional_late;          /* of provisional: to who came, or had room, later */
};
void egress_counters(const struct egress *e, struct egress_counters *out);

#endif
