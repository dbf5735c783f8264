/* ingress - frames from the field come in here, are looked at once, and receipts go back.
 *
 * Each connection that said hello is a session: who it is (ZAP), and what it may have without a
 * receipt (window); what the store holds of one principal is bounded too, over all its sessions and
 * those it left, and so is their number. Receipts go to the session that published; when it is gone
 * they are dropped, and the sender, which offers everything again after a reconnect, hears
 * `repeated`. A Publish is split into parcels; what the gate or the rights refuse becomes a parcel
 * with `refused` set and takes the same way into the store (quarantine), so that a REFUSED receipt
 * too is only given after the commit. Past a sender's quota of quarantined bytes a refusal is
 * counted and answered, but not kept. One who says more than its quota (broker/access/allowance.h)
 * is answered BUSY with the time when there will be room; an alarm past the quota of alarms is not
 * sounded beforehand, and else a message like any other (`flash_unwarned`). When the store is full
 * or away the items are answered BUSY with a time and forgotten: the sender's outbox has them. A
 * FLASH that may be said and is not too late goes out through `warn` before anything else, whether
 * the store takes it or not, once for each place (warned.h); if it is refused afterwards, it goes
 * out through `withdraw`; until its fate is known it is kept for listeners that come later
 * (ingress_warnings). What follows such an item in its lane is answered BUSY too until it came
 * again, so the order within a lane holds. Hello always begins anew: listeners and unanswered
 * messages of the connection's former session are forgotten. A frame from a connection without a
 * session is answered Fault "hello"; a DEALER reconnects without a word, and this is how it learns
 * that the broker was restarted. */
#ifndef EOCBUS_BROKER_INGRESS_INGRESS_H
#define EOCBUS_BROKER_INGRESS_INGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/parcel.h"
#include "eocbus/v1/session.pb-c.h"
#include "proto/base/zport.h"
#include "proto/wire/link.h"
#include "proto/wire/log_past.h"

struct access;
struct ingress;
struct loop;

struct ingress_settings {
    struct loop *loop;     /* borrowed */
    struct access *access; /* borrowed */
    const char *name;      /* of the broker, for Welcome */
    unsigned window_items, sessions_max;
    unsigned sessions_per_principal; /* 0 = as many as there are places */
    size_t window_bytes;
    unsigned quarantine_per_hour; /* refused messages kept per principal and hour; 1000 */
    /* What one principal may say, over all its connections; 0 = as much as it likes. */
    unsigned messages_per_second, flash_per_minute;
    size_t bytes_per_second; /* to 256 MiB */
    /* A session that said nothing for so long is forgotten, or earlier when its link profile says
     * so (proto/wire/link.h); 0 = never. */
    unsigned idle_ms;
};

struct ingress_exits {
    void *arg;
    /* Write one frame to a connection; ZPORT's answers. */
    enum status (*send)(void *arg, const struct zport_id *to, const void *data, size_t len);
    enum status (*submit)(void *arg, struct parcel **take); /* to the store */
    bool (*store_is_here)(void *arg);
    void (*log_place)(void *arg, uint32_t *log_epoch, uint64_t *head);
    const struct log_past *(*log_past)(void *arg); /* of that epoch. Borrowed */
    /* What an agent says that the log went up to. */
    void (*claim)(void *arg, int32_t principal_id, uint32_t log_epoch, uint64_t seq);
    /* Listening is egress's business: the frame as it came, from which session. Borrowed. */
    void (*listen)(void *arg, uint64_t session, const char *principal,
                   const Eocbus__V1__Frame *frame);
    void (*session_gone)(void *arg, uint64_t session);
    /* End a connection (zport_hang_up). Not called for those without a name. */
    bool (*hang_up)(void *arg, int fd, uint64_t connection, bool only_unread);
    /* To its listeners at once; it has no number. Borrowed. */
    void (*warn)(void *arg, const struct parcel *p);
    /* They were warned of it, and it is refused: what rights ask for, message_id and refused are
     * set. */
    void (*withdraw)(void *arg, const struct parcel *p);
};

MUST_CHECK enum status ingress_create(struct ingress **out, const struct ingress_settings *set,
                                      const struct ingress_exits *exits);
void ingress_destroy(struct ingress *in);

void ingress_on_message(struct ingress *in, const struct zport_message *m);
void ingress_on_broken(struct ingress *in,
                       const struct zport_message *m); /* multipart: session ends */

/* The hatch: the store tells the fate of a parcel; receipts leave together on settle_all. */
void ingress_settled(struct ingress *in, const struct parcel *p);
void ingress_settled_all(struct ingress *in);
/* The store forgets this parcel, because the log has another epoch than when it came; its sender
 * offers it again. ingress_log_epoch follows. */
void ingress_again(struct ingress *in, const struct parcel *p);

/* It is in the log, whoever stored it: listeners need not be warned of it any more. */
void ingress_logged(struct ingress *in, const struct parcel *p);
/* FLASH that went out as provisional, are not settled, and not over: those behind the warning
 * `after` in their order, until `each` says false. For who subscribes now, or had no room then. */
void ingress_warnings(const struct ingress *in, uint64_t after,
                      bool (*each)(void *arg, const struct parcel *p), void *arg);

/* Sockets have room again: receipts that did not fit go out now. */
void ingress_writable(struct ingress *in);
/* Reads nothing any more (the broker is ending); receipts still go out. */
void ingress_stop(struct ingress *in);
/* New limits, for reload: window, quotas and idle time; the rest of *set is not looked at. */
void ingress_set(struct ingress *in, const struct ingress_settings *set);

/* Where a session's frames go; false if it is gone. For egress, through the hallway. */
bool ingress_address(const struct ingress *in, uint64_t session, struct zport_id *out);
struct principal;
/* Whose key the session came with; NULL: nobody's any more. Borrowed until the rights are read
 * anew.
 */
const struct principal *ingress_who(const struct ingress *in, uint64_t session);
/* What the session's link holds; a session that is gone has the widest. */
const struct link_limits *ingress_link(const struct ingress *in, uint64_t session);
/* The connection is dead (a send answered ST_NOTFOUND). */
void ingress_session_lost(struct ingress *in, uint64_t session);
/* Rights were read anew: sessions whose key is not among them end, with their connections and all
 * that is queued for them. Keys that run out do so by themselves, within a second. */
void ingress_recheck(struct ingress *in);
/* The log was seen, or has a new epoch. Sessions whose Welcome named another one are asked for a
 * new hello, since only Welcome makes an outbox offer again what a restored log may have lost. */
void ingress_log_epoch(struct ingress *in, uint32_t log_epoch);

struct ingress_agent { /* one principal; borrowed for the call */
    const char *principal, *link;
    unsigned sessions; /* 0: its connection is gone */
    bool is_dead;      /* it was here to stay, and is silent for longer than its link explains */
    uint64_t silent_us;
    uint64_t backlog; /* waiting in its outbox, as it said in its last Hello */
    bool clock_known, clock_doubtful;
    int32_t offset_ms;
    /* Past its quotas, lately: turned away; alarms that were not sounded before they were stored.
     */
    uint64_t over_items, over_alarms;
};
/* In no order. */
void ingress_agents(const struct ingress *in,
                    void (*each)(void *arg, const struct ingress_agent *a), void *arg);

struct ingress_counters {
    uint64_t frames, messages, accepted, refused, quarantine_dropped, busy, faults, broken;
    uint64_t refused_rights, refused_sender; /* of refused: tried what it may not; a foreign name */
    uint64_t busy_window, busy_lane, busy_quota, busy_full, busy_away; /* of busy */
    uint64_t flash_unwarned;   /* accepted; their senders had sounded too many */
    uint64_t unauthenticated;  /* messages without a User-Id, dropped */
    uint64_t silent;           /* agents that were forgotten because they said nothing */
    uint64_t revoked;          /* sessions that ended because their key did */
    uint64_t hung_up;          /* connections ended because nobody needed them any more */
    uint64_t receipts_delayed; /* a socket was full when receipts were due */
    uint64_t sessions;
};
void ingress_counters(const struct ingress *in, struct ingress_counters *out);

#endif
