/* lines_watch - when to leave a main line that stands.
 *
 * A broker that was killed closes its connections, and the line falls by itself. One that is
 * stopped or cut off does not: so when something is due (a receipt, an answer) and nothing was
 * heard for mute_ms, every line is asked (Ping); when the main one has said nothing mute_ms later
 * and another one has, the agent moves there and the mute line gets a new socket. If nobody answers
 * it is our own link that is stalled, and there is nowhere to go.
 *
 * A broker that is cut off from the database goes on answering, Busy. When ours has said for a
 * while that its store is away, and since then another one that its is not, the agent moves there.
 * What lines say of it in Pong is as old as the interval of the profile, so that is the while; a
 * database that is away for everybody moves nobody.
 *
 * An idle line is asked at the interval of the profile, so who only listens notices after it. What
 * is urgent is heard through the other lines meanwhile; where bytes cost nothing (profile.h) a
 * listener asks whenever nothing was heard for mute_ms, and leaves a stopped broker after three of
 * them.
 *
 * Back to a better endpoint (one that stands earlier in the settings; whoever wrote them had a
 * reason, and after a restart everybody would stay at one broker): when its line has stood, with a
 * store, without a break for BACK_MS. Nothing is lost by it: what is on the way is offered again,
 * the subscriptions go on behind their place, and the line that is left stands by. A broker that
 * falls again soon after we came back is waited for twice as long each time. */
#include "agents/link/agent_parts.h"

#include "proto/base/log.h"
#include "proto/base/banned.h"

#define BACK_MS      30000u
#define BACK_MOST_MS 600000u
/* A connection and a Hello take a few round trips; without this an agent that starts would often
 * begin on the broker that happened to answer first, and move. */
#define EARLY_MS 1000u

static uint64_t ms_since(const struct agent *a, uint64_t since_us)
{
    uint64_t now = loop_exact_us(a->loop);

    return now > since_us ? (now - since_us) / 1000 : 0;
}

bool lines_are_early(const struct agent *a)
{
    return !line_has_failed(a->lines[0]) && ms_since(a, a->began_us) < EARLY_MS;
}

void lines_watch_begin(struct agent *a)
{
    a->began_us = loop_exact_us(a->loop);
    a->back_ms = BACK_MS;
    if (a->line_count > 1 && !a->profile->two_lines)
        loop_timer_start(a->watch, a->profile->mute_ms / 4, a->profile->mute_ms / 4);
}

void lines_main_fell(struct agent *a)
{
    if (ms_since(a, a->main_since_us) > a->back_ms)
        a->back_ms = BACK_MS;
    else if (a->back_ms < BACK_MOST_MS)
        a->back_ms *= 2;
}

/* --- mute ------------------------------------------------------------------------------------- */

static bool is_owed(const struct agent *a)
{
    return (a->uplink && uplink_is_owed(a->uplink, a->main)) || downlink_is_owed(a->downlink) ||
           line_is_asked(a->lines[a->main]) || (a->listens && a->profile->asks_freely);
}

static void ask_all(struct agent *a)
{
    a->asked_us = loop_exact_us(a->loop);
    for (unsigned i = 0; i < a->line_count; i++)
        line_ask(a->lines[i]);
}

/* The best one that has answered; NO_LINE if none has. */
static unsigned who_answered(const struct agent *a)
{
    for (unsigned i = 0; i < a->line_count; i++)
        if (i != a->main && line_stands(a->lines[i]) && line_heard_us(a->lines[i]) > a->asked_us)
            return i;
    return NO_LINE;
}

static void leave_mute(struct agent *a)
{
    unsigned mute = a->main, to = who_answered(a);

    if (to == NO_LINE)
        return;
    log_warn("agent.link.mute",
             "endpoint=%s said nothing for %llu ms although it was asked; moving to %s",
             lines_endpoint(a, mute),
             (unsigned long long)ms_since(a, line_heard_us(a->lines[mute])), lines_endpoint(a, to));
    lines_main_fell(a);
    lines_move(a, to);
    line_cut(a->lines[mute], "the broker does not answer", 0);
}

static void look_for_mute(struct agent *a)
{
    uint64_t heard_us = line_heard_us(a->lines[a->main]);

    if (!is_owed(a) || (a->asked_us && heard_us > a->asked_us)) {
        a->owed_since_us = a->asked_us = 0;
        return;
    }
    if (!a->owed_since_us)
        a->owed_since_us = loop_exact_us(a->loop);
    if (a->asked_us) {
        if (ms_since(a, a->asked_us) >= a->profile->mute_ms)
            leave_mute(a);
    } else if (ms_since(a, a->owed_since_us) >= a->profile->mute_ms &&
               ms_since(a, heard_us) >= a->profile->mute_ms) {
        ask_all(a);
    }
}

/* --- a store that is away --------------------------------------------------------------------- */

void lines_learn_store(struct agent *a, unsigned line, bool is_away)
{
    struct store_news *s = &a->store_of[line];

    s->told_us = loop_exact_us(a->loop);
    if (s->is_away != is_away || !s->since_us)
        s->since_us = s->told_us;
    s->is_away = is_away;
    if (line == a->main)
        a->seen.store_away = is_away;
}

/* The best other line whose broker said so after `since_us`; NO_LINE if none did. */
static unsigned who_has_store(const struct agent *a, uint64_t since_us)
{
    for (unsigned i = 0; i < a->line_count; i++)
        if (i != a->main && line_stands(a->lines[i]) && !a->store_of[i].is_away &&
            a->store_of[i].told_us > since_us)
            return i;
    return NO_LINE;
}

static void look_for_store(struct agent *a)
{
    const struct store_news *s = &a->store_of[a->main];
    unsigned to;

    if (!s->is_away || ms_since(a, s->since_us) < a->profile->ping_ms)
        return;
    to = who_has_store(a, s->since_us);
    if (to == NO_LINE)
        return;
    log_warn("agent.store.away", "endpoint=%s has no database for %llu ms; moving to %s",
             lines_endpoint(a, a->main), (unsigned long long)ms_since(a, s->since_us),
             lines_endpoint(a, to));
    lines_main_fell(a);
    lines_move(a, to);
}

/* --- back ------------------------------------------------------------------------------------- */

static void look_for_better(struct agent *a)
{
    for (unsigned i = 0; i < a->main; i++) {
        uint64_t since_us = line_stands_since_us(a->lines[i]);

        if (!since_us || ms_since(a, since_us) < a->back_ms || a->store_of[i].is_away ||
            ms_since(a, a->store_of[i].since_us) < a->back_ms)
            continue;
        log_info("agent.link.back", "from=%s to=%s", lines_endpoint(a, a->main),
                 lines_endpoint(a, i));
        lines_move(a, i);
        return;
    }
}

void lines_watch(void *arg)
{
    struct agent *a = arg;

    if (a->main == NO_LINE) {
        lines_choose(a);
        return;
    }
    look_for_mute(a);
    look_for_store(a);
    look_for_better(a);
}
