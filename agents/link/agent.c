/* agent - see agent.h. Sessions are line.c's, what each of them does is lines_role.c's.
 *
 * Work is gathered during a loop turn and done once at its end, in agent_on_turn: commit (one
 * fsync), tell the program, send. How one is made of its settings: agent_make.c. */
#include "agents/link/agent.h"

#include <stdio.h>
#include <string.h>

#include "agents/link/agent_parts.h"
#include "proto/base/log.h"
#include "proto/wire/limits.h"
#include "proto/base/banned.h"

#define TIDY_TICKS (60000u / AGENT_TICK_MS)

void agent_note_trouble(struct agent *a, const char *why)
{
    snprintf(a->trouble, sizeof(a->trouble), "%s", why);
}

uint64_t agent_waiting(struct agent *a)
{
    struct outbox_counts c = {0};
    uint64_t waiting = 0;

    if (!a->outbox || outbox_counts(a->outbox, &c) != ST_OK)
        return 0;
    for (unsigned lane = 1; lane < ARRAY_LEN(c.waiting); lane++)
        waiting += c.waiting[lane];
    return waiting;
}

/* The lock may be another process's: a command waits beside a daemon and takes over when it ends.
 */
static void try_to_send(struct agent *a)
{
    if (a->sends || !a->outbox || outbox_lock(a->outbox) != ST_OK)
        return;
    lines_send_from_outbox(a);
}

void agent_on_tick(void *arg)
{
    struct agent *a = arg;

    if (!a->outbox)
        return;
    try_to_send(a);
    if (outbox_changed(a->outbox)) {
        a->want_pump = true;
        a->drained = false;
    }
    forged_say(a);
    if (++a->ticks % TIDY_TICKS == 0) {
        enum status st = outbox_tidy(a->outbox);

        if (st == ST_AGAIN) /* more to do: at the next tick, not in a minute */
            a->ticks--;
    }
    a->want_commit = true;
}

/* --- the end of a turn ------------------------------------------------------------------------ */

static void commit_outbox(struct agent *a)
{
    enum status st = outbox_commit(a->outbox);

    a->want_commit = false; /* one that failed is tried again by the tick, not at once */
    if (st == ST_OK) {
        a->outbox_trouble_told = false;
        uplink_tell(a->uplink, a->events.arg, a->events.settled);
        return;
    }
    if (!a->outbox_trouble_told)
        log_error("outbox.commit.failed", "status=%s %s", status_name(st),
                  outbox_trouble(a->outbox));
    a->outbox_trouble_told = true;
    agent_note_trouble(a, outbox_trouble(a->outbox));
}

static void check_drained(struct agent *a)
{
    if (a->drained || a->offers_again || !uplink_is_idle(a->uplink) || uplink_has_news(a->uplink))
        return;
    if (agent_waiting(a))
        return;
    a->drained = true;
    if (a->events.drained)
        a->events.drained(a->events.arg);
}

/* One commit for all that came in this turn; then the program hears of it; then what may go, goes.
 */
int agent_on_turn(void *arg)
{
    struct agent *a = arg;
    bool sent = downlink_flush(a->downlink);

    if (a->outbox && a->want_commit) {
        commit_outbox(a);
        a->want_pump = true;
    }
    if (a->uplink && a->sends && a->want_pump) {
        a->want_pump = false;
        uplink_pump(a->uplink);
        check_drained(a);
        sent = true;
    }
    /* The program may have put from inside `settled`: once more, without waiting. */
    return sent || (a->outbox && a->want_commit && !a->outbox_trouble_told);
}

/* --- the program's side ----------------------------------------------------------------------- */

enum status agent_put(struct agent *a, Eocbus__V1__Envelope *m, uint64_t *tag, struct refusal *why)
{
    enum status st;

    if (!a->outbox) {
        *why = (struct refusal){.code = CODE_REQUIRED};
        snprintf(why->text, sizeof(why->text), "this agent has no outbox: set outbox.path");
        return ST_DENIED;
    }
    st = outbox_put(a->outbox, m, tag, why);
    if (st == ST_OK) {
        a->want_commit = true;
        a->drained = false;
    }
    return st;
}

enum status agent_flush(struct agent *a)
{
    enum status st;

    if (!a->outbox)
        return ST_OK;
    st = outbox_commit(a->outbox);
    a->want_commit = true; /* receipts that rode along are told at the end of the turn */
    if (st != ST_OK)
        agent_note_trouble(a, outbox_trouble(a->outbox));
    return st;
}

struct outbox *agent_outbox(struct agent *a)
{
    return a->outbox;
}

enum status agent_subscribe(struct agent *a, const struct agent_subscription *sub, char *err,
                            size_t err_size)
{
    enum status st = downlink_subscribe(a->downlink, sub, err, err_size);

    a->listens |= st == ST_OK;
    return st;
}

enum proof agent_proof(const struct agent *a)
{
    return downlink_proof(a->downlink);
}

enum status agent_take_order(struct agent *a, const char *own, const Eocbus__V1__Delivery *d,
                             Eocbus__V1__Envelope *m, struct refusal *why)
{
    const struct trust_said said = {.m = m,
                                    .content = d->content.data,
                                    .len = d->content.len,
                                    .signature = d->signature.data,
                                    .signature_len = d->signature.len,
                                    .received_us = d->stamp->received_time_us};
    int64_t now_us = loop_utc_us(a->loop);
    enum status st = trust_may_obey(a->trust, &said, own, now_us, why);

    if (st != ST_OK)
        return st;
    if (obeyed_take(a->obeyed, m->sender, m->message_id.data, m->not_after_us, now_us) == ST_OK)
        return ST_OK;
    *why = (struct refusal){.code = CODE_APPROVAL, .path = "message_id"};
    snprintf(why->text, sizeof(why->text),
             "it was carried out before; what was approved for it holds once");
    return ST_DENIED;
}

void agent_state(struct agent *a, struct agent_state *out)
{
    struct outbox_counts c = {0};

    *out = a->seen;
    out->linked = a->main != NO_LINE;
    out->endpoint = lines_endpoint(a, a->main);
    out->sessions = 0;
    for (unsigned i = 0; i < a->line_count; i++)
        out->sessions += line_stands(a->lines[i]);
    out->sends = a->sends;
    out->trouble = a->trouble;
    out->forged = a->forgeries.total;
    if (a->outbox && outbox_counts(a->outbox, &c) == ST_OK) {
        out->waiting = agent_waiting(a);
        out->refused = c.refused;
    }
}
