/* The numbers of all rooms side by side, for the control socket. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/hall.h"
#include "proto/base/program.h"
#include "sql/sql_text.h"

#include "proto/base/banned.h"

static void collect_ingress(const struct broker *b, struct admin_report *out)
{
    struct ingress_counters n;

    ingress_counters(b->ingress, &n);
    out->sessions = n.sessions;
    out->frames = n.frames;
    out->messages_in = n.messages;
    out->accepted = n.accepted;
    out->refused = n.refused;
    out->refused_rights = n.refused_rights;
    out->refused_sender = n.refused_sender;
    out->busy = n.busy;
    out->busy_window = n.busy_window;
    out->busy_lane = n.busy_lane;
    out->busy_quota = n.busy_quota;
    out->flash_unwarned = n.flash_unwarned;
    out->busy_full = n.busy_full;
    out->busy_away = n.busy_away;
    out->quarantine_dropped = n.quarantine_dropped;
    out->faults = n.faults;
    out->broken = n.broken;
    out->unauthenticated = n.unauthenticated;
    out->silent = n.silent;
    out->hung_up = n.hung_up;
    out->revoked = n.revoked;
    out->receipts_delayed = n.receipts_delayed;
}

static void collect_store(const struct broker *b, struct admin_report *out)
{
    struct store_counters n;

    store_counters(b->store, &n);
    out->refused += n.judged;
    out->quarantine_dropped += n.unkept;
    out->store_here = store_is_here(b->store);
    out->degraded = n.is_degraded;
    out->given_back = n.given_back;
    out->log_epoch = store_log_epoch(b->store);
    out->head = store_head(b->store);
    out->schema_version = (uint64_t)sql_version();
    out->stored = n.stored;
    out->repeated = n.repeated;
    out->commits = n.commits;
    out->receipts_said = n.receipts_said;
    out->lost_commits = n.lost_commits;
    out->commit_us_sum = n.commit_us_sum;
    out->queued_rows = n.queued_rows;
    out->queued_bytes = n.queued_bytes;
    out->cursors = n.cursors;
    out->cursors_dirty = n.cursors_dirty;
    out->cursor_moves = n.cursor_moves;
    out->cursors_taken = n.cursors_taken;
    out->cursors_dropped = n.cursors_dropped;
}

static void collect_egress(const struct broker *b, struct admin_report *out)
{
    struct egress_counters n;

    egress_counters(b->egress, &n);
    out->refused_subscriptions = n.refused;
    out->listeners = n.listeners;
    out->behind = n.behind;
    out->delivered = n.delivered;
    out->delivered_bytes = n.delivered_bytes;
    out->pages = n.pages;
    out->fell_behind = n.fell_behind;
    out->recent_rows = n.recent_rows;
    out->recent_bytes = n.recent_bytes;
    out->provisional = n.provisional;
    out->withdrawn = n.withdrawn;
    out->provisional_skipped = n.provisional_skipped;
    out->provisional_late = n.provisional_late;
    out->patterns = router_patterns(b->router);
}

static void collect_access(const struct broker *b, struct admin_report *out)
{
    struct access_counters n;

    access_counters(b->access, &n);
    out->principals = access_open(b->access);
    out->admitted = n.admitted;
    out->unknown_keys = n.unknown_keys;
    out->officers = n.officers;
    out->unvouched = n.unvouched;
    out->beside = n.beside;
    out->distrusted = n.distrusted;
    out->revocations_remembered = n.remembered;
    out->revocations_unsigned = n.unsigned_revocations;
    out->revocations_undone = n.undone;
    out->agreements = n.agreements;
    out->agreements_unsigned = n.agreements_unsigned;
    out->undecided = n.undecided;
    out->signatures_verified = n.verified;
    out->signatures_bad = n.bad_signatures;
    out->unapproved = n.unapproved;
    out->signatures_missing = n.missing_signatures;
    out->let_unsigned = n.let_unsigned;
}

static void collect_keep(const struct broker *b, struct admin_report *out)
{
    struct keep_counters n;

    keep_counters(b->keep, &n);
    out->rights_age_s = n.age_s;
    out->rights_kept = n.is_kept;
    out->rights_closed = n.is_closed;
    out->cache_written = n.written;
    out->cache_failed = n.failed;
}

static void collect_heads(const struct broker *b, struct admin_report *out)
{
    struct heads_counters n;

    heads_counters(b->heads, &n);
    out->heads_said = n.said;
    out->heads_mute = n.is_mute;
}

void report_collect(void *arg, struct admin_report *out)
{
    struct broker *b = arg;

    out->broker = b->config->name;
    out->version = EOCBUS_VERSION;
    out->pid = (uint64_t)getpid();
    out->uptime_s = (loop_now_us(b->loop) - b->started_us) / 1000000;
    collect_ingress(b, out);
    collect_store(b, out);
    collect_egress(b, out);
    collect_access(b, out);
    collect_heads(b, out);
    collect_keep(b, out);
}

static void put_agent(void *arg, const struct ingress_agent *a)
{
    fprintf(arg,
            "principal=%s state=%s link=%s sessions=%u silent_s=%" PRIu64 " waiting_at_hello=%" PRIu64
            " clock=%s offset_ms=%d over_messages=%" PRIu64 " over_alarms=%" PRIu64 "\n",
            a->principal,
            a->sessions  ? "here"
            : a->is_dead ? "dead"
                         : "missing",
            a->link, a->sessions, a->silent_us / 1000000, a->backlog,
            !a->clock_known     ? "unknown"
            : a->clock_doubtful ? "doubtful"
                                : "good",
            a->offset_ms, a->over_items, a->over_alarms);
}

void report_agents(void *arg, FILE *out)
{
    struct broker *b = arg;

    ingress_agents(b->ingress, put_agent, out);
}
