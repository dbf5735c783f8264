/* Where the log stands: which servers will do, what hints and polls say, and what follows when the
 * log turns out to be another than it was.
 *
 * A number is (log epoch, seq). Within an epoch a log only grows, so one that ends before a number
 * that this broker knows was restored from a backup, or is a standby that was promoted without the
 * last commits. Nothing may be stored behind the loss before the outboxes know of it: the epoch is
 * raised (once, however many brokers see it), whatever this broker holds goes back to its senders,
 * and their outboxes offer from the lowest lost number on. If everybody who knew is gone, the log
 * itself knows on which timeline of the server it was last written to: each connection that stores
 * has the server compare ("place"), and bus.see_timeline raises the epoch if need be.
 *
 * An answer is judged by what was known when its question was asked: a poll may be under way while
 * a commit ends on the other connection. */
#include "broker/store/room.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/log.h"
#include "sql/sql_text.h"

#include "proto/base/banned.h"

#define CLAIMS_REST_US 3600000000ull

enum {
    ECHO_MS = 25, /* after a NOTIFY, which goes out once in 20 ms: look again for what followed */
    POLL_DEADLINE_MS = 3000, /* a revocation is seen within five seconds, whatever happens */
    /* The row of the head may be locked by a commit that waits for its standby. */
    RAISE_DEADLINE_MS = 30000,
};

/* --- which servers will do -------------------------------------------------------------------- */

/* One migration further is allowed, so that a database can be migrated before its brokers are
 * updated. */
static bool schema_fits(const struct pg_rows *rows, int have, int own)
{
    return have == own ? pg_int(rows, 0, 5) == sql_digest("functions/") : have == own + 1;
}

/* A server was promoted since they were dialled: they lead to the one it replaced. */
static void leave_old_timeline(struct store *s)
{
    static const char why[] = "a newer timeline was seen: this primary was replaced";

    if (pg_is_ready(s->append))
        pg_redial(s->append, why);
    if (pg_is_ready(s->listen))
        pg_redial(s->listen, why);
    replay_redial(s->replay, why);
    project_redial(s->project, why);
    cursors_redial(s->cursors, why);
    timer_redial(s->timer, why);
}

static bool timeline_will_do(struct store *s, unsigned long timeline)
{
    unsigned long seen = s->timeline;

    if (timeline < seen) {
        log_error("store.timeline", "has=%lu seen=%lu next=\"this primary was replaced; stop it\"",
                  timeline, seen);
        return false;
    }
    s->timeline = timeline;
    if (seen && timeline > seen)
        leave_old_timeline(s);
    return true;
}

static bool schema_will_do(struct store *s, const struct pg_rows *rows)
{
    int have = (int)pg_int(rows, 0, 0), own = sql_version();

    if (!schema_fits(rows, have, own)) {
        log_error("store.schema", "database=%s has=%d needs=%d next=\"%s\"", pg_text(rows, 0, 3),
                  have, own, have <= own ? "run: eocctl migrate" : "install a newer eocbus-broker");
        return false;
    }
    if (pg_int(rows, 0, 1)) {
        log_warn("store.standby", "database=%s next=\"waiting for the primary\"",
                 pg_text(rows, 0, 3));
        return false;
    }
    if (!timeline_will_do(s, strtoul(pg_text(rows, 0, 2), NULL, 16)))
        return false;
    s->has_standby = pg_int(rows, 0, 4);
    return true;
}

static struct place place_of(const struct pg_rows *rows)
{
    return (struct place){(uint32_t)pg_int(rows, 0, 0), (uint64_t)pg_int(rows, 0, 1)};
}

/* Whoever is told of an epoch is told its past with it. */
static void learn_past(struct store *s, const struct place *log, const char *past)
{
    if (log->log_epoch >= s->follow.log_epoch)
        log_past_read(&s->past, past);
}

/* The server looked whether it is the one the log was last written to, before anything is stored.
 */
static void see_place(struct store *s, const struct pg_rows *rows)
{
    struct place log = place_of(rows);

    if (pg_int(rows, 0, 2))
        log_warn("store.promoted",
                 "log=%" PRIu32 "/%" PRIu64 " timeline=%lu"
                 " next=\"its epoch was raised, and outboxes offer again what may be gone\"",
                 log.log_epoch, log.seq, s->timeline);
    learn_past(s, &log, pg_text(rows, 0, 3));
    head_see(s, &log);
}

bool head_accept(struct store *s, const char *query, const struct pg_rows *rows)
{
    if (strcmp(query, "schema") == 0)
        return schema_will_do(s, rows);
    if (strcmp(query, "place") == 0)
        see_place(s, rows);
    return true;
}

/* --- the epoch -------------------------------------------------------------------------------- */

void head_see(struct store *s, const struct place *log)
{
    uint32_t known = s->follow.log_epoch;

    if (known && log->log_epoch < known)
        return; /* an old answer; if the log itself is older, the next poll judges it */
    follow_seen(&s->follow, log->log_epoch, log->seq);
    cursors_see(s->cursors, log->log_epoch, log->seq);
    if (!known || known == log->log_epoch)
        return;
    commit_give_back(s);
    s->exits.epoch(s->exits.arg, log->log_epoch);
}

static void on_raised(void *arg, const struct pg_reply *reply)
{
    struct store *s = arg;

    if (reply->answer == PG_ERROR)
        log_error("store.raise", "sqlstate=%s why=\"%s\" next=\"tried again\"", reply->sqlstate,
                  reply->message);
    else if (reply->answer == PG_ROWS)
        head_ask(s);
}

/* Compare and set: of several brokers that see the loss, one raises. Above every epoch we know. */
static void raise_epoch(struct store *s, const struct place *log, const char *because)
{
    uint32_t expected = htobe32(log->log_epoch), above = htobe32(s->asked.log_epoch);
    const struct pg_param params[] = {
        {&expected, sizeof(expected)}, {&above, sizeof(above)}, {because, strlen(because)}};

    if (pg_query(s->listen, "raise_epoch", params, 3, RAISE_DEADLINE_MS, on_raised, s) != ST_OK)
        log_debug("store.raise", "not sent");
}

static void on_short_log(struct store *s, const struct place *log)
{
    char because[160];

    snprintf(because, sizeof(because),
             "the log ended at %" PRIu32 "/%" PRIu64 ", and a broker knew it up to %" PRIu32
             "/%" PRIu64,
             log->log_epoch, log->seq, s->asked.log_epoch, s->asked.seq);
    log_error("store.short",
              "log=%" PRIu32 "/%" PRIu64 " known=%" PRIu32 "/%" PRIu64
              " next=\"its epoch is raised, and outboxes offer again what is gone\"",
              log->log_epoch, log->seq, s->asked.log_epoch, s->asked.seq);
    raise_epoch(s, log, because);
}

/* Once an hour: two keys in wrong hands shall not end every listener again and again. A log that
 * lost something after a promotion is known by its timeline, without anybody's word. */
static bool may_believe_claims(struct store *s)
{
    uint64_t now_us = loop_now_us(s->set.loop);

    if (s->believed_us && now_us - s->believed_us < CLAIMS_REST_US) {
        log_error("store.claims.often", "next=\"nothing; see eocctl log\"");
        return false;
    }
    s->believed_us = now_us;
    return true;
}

static void judge_claims(struct store *s, const struct place *log)
{
    struct claim lost;
    char because[160];
    enum claims_say say = claims_judge(&s->claims, log, &lost);

    if (say == CLAIMS_ONE)
        log_warn("store.claim",
                 "principal_id=%d claims=%" PRIu32 "/%" PRIu64 " log=%" PRIu32 "/%" PRIu64,
                 (int)lost.principal_id, lost.place.log_epoch, lost.place.seq, log->log_epoch,
                 log->seq);
    if (say != CLAIMS_TWO || !may_believe_claims(s))
        return;
    snprintf(
        because, sizeof(because),
        "the log ended at %" PRIu32 "/%" PRIu64 ", and principals %d and %d knew it up to %" PRIu64,
        log->log_epoch, log->seq, (int)s->claims.first, (int)lost.principal_id, lost.place.seq);
    log_error("store.claims", "why=\"%s\" next=\"its epoch is raised\"", because);
    raise_epoch(s, log, because);
}

void store_claim(struct store *s, int32_t principal_id, uint32_t log_epoch, uint64_t seq)
{
    const struct place claim = {log_epoch, seq};

    if (log_epoch != s->follow.log_epoch || seq <= s->follow.head)
        return;
    claims_add(&s->claims, principal_id, &claim);
    head_ask(s);
}

/* --- hints and polls -------------------------------------------------------------------------- */

/* A primary that waits for a standby that is not there stores nothing; one that waits for none
 * loses with its disk what was acknowledged. */
static void see_standby(struct store *s, bool has_standby, int64_t connected)
{
    bool expects = has_standby || s->set.needs_standby;
    bool was = s->is_degraded;

    s->has_standby = has_standby;
    s->is_degraded = expects && (!has_standby || !connected);
    if (s->is_degraded && !was)
        log_warn("store.degraded", "synchronous_standby_names=%s connected=%lld",
                 has_standby ? "set" : "empty", (long long)connected);
    else if (was && !s->is_degraded)
        log_info("store.replicated", "connected=%lld", (long long)connected);
}

static void see_principals(struct store *s, int64_t version)
{
    if (s->principals_known && version == s->principals_version)
        return;
    s->principals_known = true;
    s->principals_version = version;
    if (s->exits.principals)
        s->exits.principals(s->exits.arg);
}

static void on_head(void *arg, const struct pg_reply *reply)
{
    struct store *s = arg;

    if (reply->answer == PG_ROWS && pg_row_count(reply->rows)) {
        struct place log = place_of(reply->rows);

        see_principals(s, pg_int(reply->rows, 0, 2));
        see_standby(s, pg_int(reply->rows, 0, 3), pg_int(reply->rows, 0, 4));
        if (place_lacks(&log, &s->asked)) {
            on_short_log(s, &log);
        } else {
            learn_past(s, &log, pg_text(reply->rows, 0, 5));
            head_see(s, &log);
            judge_claims(s, &log);
        }
    }
    if (s->must_poll)
        head_ask(s);
}

void head_ask(struct store *s)
{
    s->must_poll = !pg_is_idle(s->listen);
    if (s->must_poll)
        return;
    s->asked = store_known(s);
    claims_ask(&s->claims);
    if (pg_query(s->listen, "head", NULL, 0, POLL_DEADLINE_MS, on_head, s) != ST_OK)
        s->must_poll = true;
}

void head_hint(struct store *s)
{
    head_ask(s);
    loop_timer_start(s->poll, ECHO_MS, s->set.follow_ms);
}
