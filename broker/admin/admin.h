/* admin - the broker's control socket: this machine asks how it goes.
 *
 * A UNIX stream socket, mode 0600. One line in, text out, then it closes:
 *
 *   status    key=value lines              settings  the settings in force, secrets hidden
 *   metrics   Prometheus text format       reload    reads the settings file again
 *   agents    one line for each agent: is it there, its clock, its quota
 *   help      this list
 *
 * At most 16 clients at a time, the others wait in the socket's backlog. A client that takes longer
 * than 5 s to ask and to read is dropped, so that a stuck script costs neither memory nor a place.
 */
#ifndef EOCBUS_BROKER_ADMIN_ADMIN_H
#define EOCBUS_BROKER_ADMIN_ADMIN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/base/status.h"

struct admin;
struct loop;

/* The numbers of all rooms as plain values: the hallway fills them in, since rooms do not know each
 * other. What each means stands in the table of metrics.c. */
struct admin_report {
    const char *broker, *version; /* borrowed until collect is called again */
    uint64_t pid, uptime_s;
    bool store_here, degraded;
    uint64_t log_epoch, head, schema_version;
    uint64_t principals, sessions, listeners, behind;
    uint64_t frames, messages_in, accepted, refused, busy, repeated, stored, delivered,
        delivered_bytes;
    uint64_t busy_window, busy_lane, busy_quota, busy_full, busy_away;
    uint64_t flash_unwarned;
    uint64_t heads_said;    /* of the chain over the log */
    bool heads_mute;        /* it cannot: no signing key, or not enrolled */
    uint64_t receipts_said; /* of the bus itself, by the timer of this broker */
    uint64_t commits, lost_commits, given_back, commit_us_sum;
    uint64_t queued_rows, queued_bytes;
    uint64_t quarantine_dropped, faults, broken, unauthenticated, receipts_delayed, silent, hung_up,
        revoked;
    uint64_t admitted, unknown_keys, undecided;
    uint64_t refused_rights, refused_sender, refused_subscriptions;
    uint64_t rights_age_s, cache_written, cache_failed;
    bool rights_kept, rights_closed;
    uint64_t officers, unvouched, beside, distrusted;
    uint64_t revocations_remembered, revocations_unsigned, revocations_undone;
    uint64_t agreements, agreements_unsigned;
    uint64_t signatures_verified, signatures_bad, signatures_missing, let_unsigned, unapproved;
    uint64_t patterns, pages, fell_behind, recent_rows, recent_bytes;
    uint64_t provisional, withdrawn, provisional_skipped, provisional_late;
    uint64_t cursors, cursors_dirty, cursor_moves, cursors_taken, cursors_dropped;
    uint64_t resident_bytes; /* filled in by admin */
};

struct admin_exits {
    void *arg;
    void (*collect)(void *arg, struct admin_report *out); /* *out is zeroed before */
    void (*settings)(void *arg, FILE *out);               /* conf_print */
    void (*agents)(void *arg, FILE *out);                 /* key=value, one line an agent */
    void (*reload)(void *arg, FILE *out); /* does it, and writes one sentence on what came of it */
};

/* The socket's file is made; one that nobody answers on is replaced. ST_EXISTS: somebody answers;
 * ST_INVALID: the path is too long, or something else than a socket stands there; ST_IO. `err` is a
 * sentence. */
MUST_CHECK enum status admin_create(struct admin **out, struct loop *l, const char *path,
                                    const struct admin_exits *exits, char *err, size_t err_size);
/* Drops the clients and removes the file, if it is still ours. */
void admin_destroy(struct admin *a);

#endif
