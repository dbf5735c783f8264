#include "broker/admin/metrics.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/banned.h"

enum kind {
    GAUGE,   /* goes up and down */
    COUNTER, /* since the start; Prometheus wants the suffix _total */
    FLAG,    /* bool: yes/no, 1/0 */
};

struct row {
    const char *name; /* of the status line; eocbus_NAME for Prometheus */
    enum kind kind;
    size_t offset;
    const char *help;
};

#define AT(field) offsetof(struct admin_report, field)

static const struct row rows[] = {
    {"pid", GAUGE, AT(pid), "Process id."},
    {"uptime_seconds", GAUGE, AT(uptime_s), "Seconds since the broker started."},
    {"resident_bytes", GAUGE, AT(resident_bytes), "Memory the process holds, in bytes."},
    {"store_here", FLAG, AT(store_here), "PostgreSQL answers and takes messages."},
    {"degraded", FLAG, AT(degraded), "Commits are not protected by a standby as they should be."},
    {"schema_version", GAUGE, AT(schema_version), "Version of the database schema; 0 = unknown."},
    {"log_epoch", GAUGE, AT(log_epoch), "First half of every number; changes after a restore."},
    {"head", GAUGE, AT(head), "Last number of the log that was routed."},
    {"principals", GAUGE, AT(principals), "Principals that may connect."},
    {"sessions", GAUGE, AT(sessions), "Agents connected."},
    {"listeners", GAUGE, AT(listeners), "Subscriptions held."},
    {"behind", GAUGE, AT(behind), "Subscriptions that are served from the log, not live."},
    {"patterns", GAUGE, AT(patterns), "Topic patterns subscribed to."},
    {"frames", COUNTER, AT(frames), "Frames received from agents."},
    {"messages_in", COUNTER, AT(messages_in), "Messages offered by agents."},
    {"accepted", COUNTER, AT(accepted), "Messages that passed the gate and the rights."},
    {"refused", COUNTER, AT(refused), "Messages refused, with a reason to the sender."},
    {"refused_rights", COUNTER, AT(refused_rights),
     "Of these, messages whose sender may not say them."},
    {"refused_sender", COUNTER, AT(refused_sender),
     "Of these, messages under another name than their sender's."},
    {"refused_subscriptions", COUNTER, AT(refused_subscriptions),
     "Subscriptions refused, their principal having no right to hear any of it."},
    {"busy", COUNTER, AT(busy), "Messages sent back for now; the reasons follow."},
    {"busy_window", COUNTER, AT(busy_window), "More than a session may have without a receipt."},
    {"busy_lane", COUNTER, AT(busy_lane), "Behind a message of its lane that was sent back."},
    {"busy_quota", COUNTER, AT(busy_quota), "More than a sender may say in a second."},
    {"flash_unwarned", COUNTER, AT(flash_unwarned),
     "Alarms delivered once they were stored, not before: their sender had sounded too many."},
    {"busy_full", COUNTER, AT(busy_full), "The store's queue was full."},
    {"busy_away", COUNTER, AT(busy_away), "The database was away."},
    {"stored", COUNTER, AT(stored), "Messages committed to the log with a new number."},
    {"repeated", COUNTER, AT(repeated), "Messages that were in the log already."},
    {"delivered", COUNTER, AT(delivered), "Messages sent to listeners."},
    {"delivered_bytes", COUNTER, AT(delivered_bytes), "Bytes of content sent to listeners."},
    {"provisional", COUNTER, AT(provisional), "Alarms sent to listeners before they were stored."},
    {"withdrawn", COUNTER, AT(withdrawn), "Alarms taken back from listeners, being refused."},
    {"provisional_skipped", COUNTER, AT(provisional_skipped),
     "Provisional alarms and withdrawals not sent at once: their listener took no more."},
    {"provisional_late", COUNTER, AT(provisional_late),
     "Provisional alarms sent to listeners that came, or had room, after they were said."},
    {"history_pages", COUNTER, AT(pages), "Pages read from the log for listeners behind."},
    {"fell_behind", COUNTER, AT(fell_behind), "Times a live listener had no room and fell behind."},
    {"recent_rows", GAUGE, AT(recent_rows), "Newest messages kept in memory for listeners behind."},
    {"recent_bytes", GAUGE, AT(recent_bytes), "The same in bytes."},
    {"cursors", GAUGE, AT(cursors), "Durable names of listeners that are served here."},
    {"cursors_dirty", GAUGE, AT(cursors_dirty), "Of these, places not written down yet."},
    {"cursor_moves", COUNTER, AT(cursor_moves), "Places of durable names written down."},
    {"cursors_taken", COUNTER, AT(cursors_taken), "Durable names that a newer session took over."},
    {"cursors_dropped", COUNTER, AT(cursors_dropped),
     "Last places of ended listeners not written, too many being in line."},
    {"commits", COUNTER, AT(commits), "Commits to PostgreSQL."},
    {"receipts_said", COUNTER, AT(receipts_said),
     "Receipts of the bus itself that this broker had made."},
    {"heads_said", COUNTER, AT(heads_said),
     "Signed heads of the chain over the log that this broker said."},
    {"heads_mute", FLAG, AT(heads_mute),
     "This broker says no heads: no signing key, no principal with its key, or audit.head is 0."},
    {"lost_commits", COUNTER, AT(lost_commits), "Commits whose outcome got lost; sent again."},
    {"given_back", COUNTER, AT(given_back),
     "Messages given back to their senders because the log got another epoch."},
    {"commit_microseconds", COUNTER, AT(commit_us_sum), "Time spent waiting for commits."},
    {"queued_rows", GAUGE, AT(queued_rows), "Messages waiting for a commit."},
    {"queued_bytes", GAUGE, AT(queued_bytes), "The same in bytes."},
    {"quarantine_dropped", COUNTER, AT(quarantine_dropped),
     "Refused messages that were not kept, their sender being past its quota."},
    {"faults", COUNTER, AT(faults), "Frames answered with a fault."},
    {"broken", COUNTER, AT(broken), "Messages of more than one frame; the session ended."},
    {"unauthenticated", COUNTER, AT(unauthenticated), "Messages without a name, dropped."},
    {"silent", COUNTER, AT(silent), "Agents given up because they said nothing."},
    {"revoked", COUNTER, AT(revoked), "Sessions ended because their key was revoked or ran out."},
    {"hung_up", COUNTER, AT(hung_up),
     "Connections ended that had no session and did not read, or were too many."},
    {"receipts_delayed", COUNTER, AT(receipts_delayed),
     "Times that receipts had to wait for a full socket."},
    {"admitted", COUNTER, AT(admitted), "Handshakes with a known key."},
    {"unknown_keys", COUNTER, AT(unknown_keys), "Handshakes refused: unknown, revoked, expired."},
    {"officers", GAUGE, AT(officers), "Enrolment officers pinned; 0 = the database is believed."},
    {"unvouched", GAUGE, AT(unvouched), "Keys admitted that no two pinned officers signed for."},
    {"beside", GAUGE, AT(beside),
     "Of these, keys under a name that officers signed another key for: role unvouched."},
    {"distrusted", GAUGE, AT(distrusted), "Keys not admitted because of that."},
    {"revocations_remembered", GAUGE, AT(revocations_remembered),
     "Revocations with the signature of a pinned officer, kept for good."},
    {"revocations_unsigned", GAUGE, AT(revocations_unsigned),
     "Keys that the database calls revoked and no pinned officer signed for."},
    {"revocations_undone", GAUGE, AT(revocations_undone),
     "Keys that an officer revoked and the database calls good: they stay shut."},
    {"agreements", GAUGE, AT(agreements), "Sharing agreements between agencies that hold."},
    {"agreements_unsigned", GAUGE, AT(agreements_unsigned),
     "Sharing agreements in the database that a party did not sign: nothing passes by them."},
    {"undecided", COUNTER, AT(undecided), "Handshakes put off: principals were not read yet."},
    {"rights_age_seconds", GAUGE, AT(rights_age_s),
     "Seconds since the database confirmed the rights in force."},
    {"rights_kept", FLAG, AT(rights_kept),
     "The rights in force are those that the broker had kept; the database has not answered yet."},
    {"rights_closed", FLAG, AT(rights_closed),
     "The rights are too old: listeners get nothing but alarms, and sirens their commands."},
    {"cache_written", COUNTER, AT(cache_written), "Times the rights were written down."},
    {"cache_failed", COUNTER, AT(cache_failed), "Times they could not be."},
    {"signatures_verified", COUNTER, AT(signatures_verified),
     "Commands and answers whose signature was verified and good."},
    {"signatures_bad", COUNTER, AT(signatures_bad),
     "Messages refused because a signature in them is not who they say."},
    {"signatures_missing", COUNTER, AT(signatures_missing),
     "Messages refused because their sender signs, and they were not signed."},
    {"let_unsigned", COUNTER, AT(let_unsigned),
     "Messages taken without the signature that their sender has a key for (access.unsigned)."},
    {"unapproved", COUNTER, AT(unapproved),
     "Orders to machines refused because the persons they take had not approved them."},
};

static uint64_t value_of(const struct row *row, const struct admin_report *r)
{
    const char *field = (const char *)r + row->offset;

    if (row->kind == FLAG)
        return *(const bool *)field;
    return *(const uint64_t *)field;
}

/* One line stays one line, whatever the name holds. */
static void put_line_text(struct buf *out, const char *text)
{
    for (; text && *text; text++)
        buf_put(out, (unsigned char)*text < ' ' ? "?" : text, 1);
}

void metrics_print_status(struct buf *out, const struct admin_report *r)
{
    buf_puts(out, "broker=");
    put_line_text(out, r->broker);
    buf_puts(out, "\nversion=");
    put_line_text(out, r->version);
    buf_puts(out, "\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t value = value_of(&rows[i], r);

        if (rows[i].kind == FLAG)
            buf_printf(out, "%s=%s\n", rows[i].name, value ? "yes" : "no");
        else
            buf_printf(out, "%s=%" PRIu64 "\n", rows[i].name, value);
    }
}

/* Label values escape backslash, quote and newline. */
static void put_label(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s=\"", name);
    for (; value && *value; value++) {
        if (*value == '\n') {
            buf_puts(out, "\\n");
            continue;
        }
        if (*value == '\\' || *value == '"')
            buf_puts(out, "\\");
        buf_put(out, value, 1);
    }
    buf_puts(out, "\"");
}

static void put_sample(struct buf *out, const struct row *row, const struct admin_report *r)
{
    const char *suffix = row->kind == COUNTER ? "_total" : "";

    buf_printf(out, "# HELP eocbus_%s%s %s\n", row->name, suffix, row->help);
    buf_printf(out, "# TYPE eocbus_%s%s %s\n", row->name, suffix,
               row->kind == COUNTER ? "counter" : "gauge");
    buf_printf(out, "eocbus_%s%s{", row->name, suffix);
    put_label(out, "broker", r->broker);
    buf_printf(out, "} %" PRIu64 "\n", value_of(row, r));
}

void metrics_print_prometheus(struct buf *out, const struct admin_report *r)
{
    buf_puts(out, "# HELP eocbus_build_info Version of the program.\n"
                  "# TYPE eocbus_build_info gauge\neocbus_build_info{");
    put_label(out, "broker", r->broker);
    buf_puts(out, ",");
    put_label(out, "version", r->version);
    buf_puts(out, "} 1\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        put_sample(out, &rows[i], r);
}

uint64_t metrics_resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    uint64_t total, resident = 0;

    if (!f)
        return 0;
    if (fscanf(f, "%" SCNu64 " %" SCNu64, &total, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}
