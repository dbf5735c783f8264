/* lines - what comes of each line: sessions that stand and end, frames, sockets. Which session does
 * what: lines_role.c. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/link/agent_parts.h"
#include "proto/base/log.h"
#include "proto/wire/limits.h"
#include "proto/base/banned.h"

/* TCP asks after 0, 1, 3 and 7 s, then after 15, 31 and 63: whoever waits for it that long misses
 * the first minute of light. */
#define TCP_CONNECT_MS 8000u
#define HANDSHAKE_MS   30000u /* 3 s never connects on 2G (0.8 s round trip, 20 kbit/s): measured */
#define PONG_MOST_US   UINT64_C(600000000)
/* A broker that holds too few sessions of ours turns the older one away whenever another comes: one
 * of the two gives way for so long, else neither would stand. */
#define GIVE_WAY_MS 600000u

/* --- what lines say --------------------------------------------------------------------------- */

static void learn_clock(struct agent *a, int64_t ours_us, int64_t theirs_us, uint32_t round_trip_ms)
{
    a->seen.clock_known = true;
    a->seen.clock_offset_ms = (ours_us - theirs_us) / 1000;
    a->seen.round_trip_ms = round_trip_ms;
}

static void on_stands(void *arg, unsigned line, const Eocbus__V1__Welcome *w)
{
    struct agent *a = arg;

    log_info("agent.session",
             "endpoint=%s broker=%s principal=%s session=%" PRIu64 " log_epoch=%" PRIu32,
             lines_endpoint(a, line), w->broker, w->principal, w->session, w->log_epoch);
    a->log_epoch_of[line] = w->log_epoch;
    lines_learn_past(a, w);
    lines_learn_store(a, line, w->store_away);
    lines_learn_number(a, w->log_epoch, w->head);
    if (a->uplink)
        uplink_begin(a->uplink, line, w);
    if (a->main == NO_LINE || !a->seen.clock_known)
        learn_clock(a, loop_utc_us(a->loop), w->time_us, 0);
    lines_offer_again(a);
    lines_assign(a);
    lines_choose(a);
    if (line != a->main && !a->profile->two_lines)
        downlink_ear_begin(a->downlink, line);
    a->want_pump = true;
}

/* Nobody can mend it but the people at the centre: the log says what to ask them. */
static bool say_key_trouble(struct agent *a, unsigned line, const struct line_end *end)
{
    char text[sizeof(a->trouble)];

    if (end->fault && strcmp(end->fault->code, "principal") == 0) {
        snprintf(text, sizeof(text),
                 "%s: it is revoked or has run out; ask the centre, and begin with a new key "
                 "(eocctl enrol request)",
                 end->why);
        log_warn("agent.key.revoked",
                 "endpoint=%s public=%s why=\"%s\" next=\"ask the centre; a new key is made with "
                 "eocctl enrol request; the outbox is kept\" retry_ms=%u",
                 lines_endpoint(a, line), a->keys.public_z85, end->why, end->retry_ms);
    } else if (end->cause == LINE_UNKNOWN_KEY) {
        snprintf(text, sizeof(text),
                 "%s: ask for public key %s to be enrolled (eocctl enrol); if it was, it is "
                 "revoked or has run out, and a new one is needed",
                 end->why, a->keys.public_z85);
        log_warn("agent.key.unknown",
                 "endpoint=%s public=%s the broker does not know this key (yet), or no more: "
                 "enrol it with eocctl enrol; if it was let in before, it is revoked or has run "
                 "out: ask the centre, and begin with a new one; trying again in %u ms",
                 lines_endpoint(a, line), a->keys.public_z85, end->retry_ms);
    } else {
        return false;
    }
    if (line == a->main || a->main == NO_LINE)
        agent_note_trouble(a, text);
    return true;
}

static void say_why(struct agent *a, unsigned line, const struct line_end *end)
{
    if (say_key_trouble(a, line, end))
        return;
    if (line == a->main || (a->main == NO_LINE && line != URGENT_LINE))
        log_warn("agent.link.lost", "endpoint=%s why=\"%s\" retry_ms=%u", lines_endpoint(a, line),
                 end->why, end->retry_ms);
    else
        log_info("agent.line.lost", "endpoint=%s why=\"%s\" retry_ms=%u", lines_endpoint(a, line),
                 end->why, end->retry_ms);
    if (line == a->main || a->main == NO_LINE)
        agent_note_trouble(a, end->why);
}

static void close_urgent(struct agent *a)
{
    line_close(a->lines[URGENT_LINE]);
    uplink_end(a->uplink, URGENT_LINE);
}

static bool another_stands(const struct agent *a, unsigned line)
{
    for (unsigned i = 0; i < a->line_count; i++)
        if (i != line && line_stands(a->lines[i]))
            return true;
    return false;
}

/* Another line of ours took its place at the same broker (two endpoints may lead to one). On a thin
 * link the main line is worth more; on others whichever stands will do. */
static void give_way(struct agent *a, unsigned line, const struct line_end *end)
{
    if (!end->stood || !end->fault || strcmp(end->fault->code, "sessions") != 0 ||
        !another_stands(a, line))
        return;
    log_warn("agent.sessions",
             "endpoint=%s the broker has no room for both of our sessions; the "
             "other one stays, this one waits %u s",
             lines_endpoint(a, line), GIVE_WAY_MS / 1000);
    if (a->profile->two_lines) {
        a->urgent_not_before_us = loop_now_us(a->loop) + GIVE_WAY_MS * UINT64_C(1000);
        close_urgent(a);
        lines_open_urgent(a); /* after that; with the next main line if this one fell */
    } else {
        line_rest(a->lines[line], GIVE_WAY_MS);
    }
}

/* Thin: the next attempt goes to the next endpoint, and the urgent line follows. */
static void on_thin_ended(struct agent *a, unsigned line, const struct line_end *end)
{
    bool has_urgent = a->line_count > URGENT_LINE;

    if (line != THIN_LINE)
        return;
    if (end->cause != LINE_FORGOTTEN)
        a->endpoint_of[THIN_LINE] = (a->endpoint_of[THIN_LINE] + 1) % a->endpoint_count;
    if (!has_urgent)
        return;
    a->endpoint_of[URGENT_LINE] = a->endpoint_of[THIN_LINE];
    close_urgent(a);
}

/* While brokers change their key, each may have either of two, and a wrong one shows as a handshake
 * that fails. */
static void try_other_pin(struct agent *a, unsigned line, const struct line_end *end)
{
    if (!end->stood && end->cause == LINE_LOST)
        a->pin_of[line] = (a->pin_of[line] + 1) % a->pin_count;
}

static void on_ended(void *arg, unsigned line, const struct line_end *end)
{
    struct agent *a = arg;
    bool was_main = line == a->main;

    say_why(a, line, end);
    try_other_pin(a, line, end);
    if (a->uplink)
        uplink_end(a->uplink, line);
    downlink_ear_end(a->downlink, line);
    if (was_main) {
        lines_main_fell(a);
        a->main = NO_LINE;
        downlink_end(a->downlink);
    }
    give_way(a, line, end);
    if (a->profile->two_lines)
        on_thin_ended(a, line, end);
    lines_assign(a);
    lines_choose(a);
    a->want_pump = true;
    if (was_main && a->main == NO_LINE)
        lines_tell_down(a, a->trouble);
    if (end->fault && (was_main || a->main == NO_LINE) && a->events.fault)
        a->events.fault(a->events.arg, end->fault);
}

static void on_pong(void *arg, unsigned line, const Eocbus__V1__Pong *m)
{
    struct agent *a = arg;
    uint64_t now = loop_exact_us(a->loop);
    uint64_t trip_us = now > m->token ? now - m->token : 0;

    lines_learn_store(a, line, m->store_away);
    if (line == a->main && trip_us < PONG_MOST_US)
        learn_clock(a, m->ping_time_us + (int64_t)(trip_us / 2), m->time_us,
                    (uint32_t)(trip_us / 1000));
}

/* A refusal may need no database. */
static bool has_stored(const Eocbus__V1__Receipts *m)
{
    for (size_t i = 0; i < m->n_settled; i++)
        if (m->settled[i]->outcome == EOCBUS__V1__OUTCOME__OUTCOME_STORED)
            return true;
    return false;
}

static void on_answers(struct agent *a, unsigned line, const Eocbus__V1__Frame *f)
{
    if (f->what_case == EOCBUS__V1__FRAME__WHAT_RECEIPTS)
        lines_learn_receipts(a, f->receipts);
    if (!a->uplink || !a->sends)
        return;
    if (f->what_case == EOCBUS__V1__FRAME__WHAT_BUSY) {
        if (f->busy->store_away)
            lines_learn_store(a, line, true);
        uplink_on_busy(a->uplink, line, f->busy);
        return;
    }
    if (has_stored(f->receipts))
        lines_learn_store(a, line, false);
    uplink_on_receipts(a->uplink, f->receipts);
    a->want_commit = true;
}

static void on_main_frame(struct agent *a, const Eocbus__V1__Frame *f)
{
    if (f->what_case == EOCBUS__V1__FRAME__WHAT_SUBSCRIBED) {
        downlink_on_subscribed(a->downlink, f->subscribed);
    } else if (f->what_case == EOCBUS__V1__FRAME__WHAT_DELIVER) {
        downlink_on_deliver(a->downlink, f->deliver);
    } else if (f->what_case == EOCBUS__V1__FRAME__WHAT_FAULT) {
        downlink_on_fault(a->downlink, f->fault);
        if (a->events.fault)
            a->events.fault(a->events.arg, f->fault);
    }
}

static void on_frame(void *arg, unsigned line, const Eocbus__V1__Frame *f)
{
    struct agent *a = arg;

    if (f->what_case == EOCBUS__V1__FRAME__WHAT_RECEIPTS ||
        f->what_case == EOCBUS__V1__FRAME__WHAT_BUSY)
        on_answers(a, line, f);
    else if (f->what_case == EOCBUS__V1__FRAME__WHAT_KNOWN)
        downlink_on_known(a->downlink, f->known);
    else if (line == a->main)
        on_main_frame(a, f);
    else
        downlink_ear_frame(a->downlink, line, f);
}

static void on_writable(void *arg, unsigned line)
{
    struct agent *a = arg;

    (void)line;
    a->want_pump = true;
}

static bool is_busy(void *arg, unsigned line)
{
    struct agent *a = arg;

    return a->uplink && uplink_is_owed(a->uplink, line);
}

static enum status dial(void *arg, unsigned line, struct zport **out,
                        const struct zport_events *events)
{
    struct agent *a = arg;
    const struct link_profile *p = a->profile;
    const struct zport_settings set = {
        .endpoint = lines_endpoint(a, line),
        .public_z85 = a->keys.public_z85,
        .secret_z85 = a->keys.secret_z85,
        .server_z85 = a->pins[a->pin_of[line]],
        .max_frame_bytes = LIMIT_FRAME_BYTES,
        .send_high_water = 1024,
        .receive_high_water = 1024,
        .handshake_ms = HANDSHAKE_MS,
        .connect_ms = TCP_CONNECT_MS,
        .rto_most_ms = p->rto_most_ms,
        .reconnect_ms = p->backoff_ms,
        .reconnect_max_ms = p->two_lines ? p->backoff_ms * 2 : p->backoff_ms * 8,
    };
    enum status st = zport_create(out, a->zctx, &set, events);

    if (st != ST_OK)
        log_error("agent.socket.failed", "endpoint=%s status=%s", set.endpoint, status_name(st));
    return st;
}

/* --- life ------------------------------------------------------------------------------------- */

static unsigned lines_wanted(const struct agent *a)
{
    if (a->profile->two_lines)
        return a->uplink ? 2 : 1;
    return a->endpoint_count;
}

enum status lines_create(struct agent *a)
{
    struct line_settings set = {.loop = a->loop,
                                .profile = a->profile,
                                .gives_up = a->endpoint_count > 1,
                                .arg = a,
                                .dial = dial,
                                .greet = lines_greet,
                                .stands = on_stands,
                                .ended = on_ended,
                                .frame = on_frame,
                                .pong = on_pong,
                                .writable = on_writable,
                                .is_busy = is_busy};
    unsigned wanted = lines_wanted(a);
    enum status st = loop_timer_create(&a->watch, a->loop, lines_watch, a);

    a->main = NO_LINE;
    while (st == ST_OK && a->line_count < wanted) {
        set.number = a->line_count;
        st = line_create(&a->lines[a->line_count], &set);
        if (st != ST_OK)
            return st;
        a->endpoint_of[a->line_count] = a->profile->two_lines ? 0 : a->line_count;
        a->line_count++;
    }
    return st;
}

void lines_destroy(struct agent *a)
{
    loop_timer_destroy(a->watch);
    for (unsigned i = 0; i < a->line_count; i++)
        line_destroy(a->lines[i]);
}

void lines_dial_again(struct agent *a, const char *why)
{
    for (unsigned i = 0; i < a->line_count; i++)
        line_cut(a->lines[i], why, 1);
}

void lines_open(struct agent *a)
{
    lines_watch_begin(a);
    if (a->profile->two_lines) {
        line_open(a->lines[THIN_LINE], 0);
        return;
    }
    for (unsigned i = 0; i < a->line_count; i++)
        line_open(a->lines[i], 0);
}
