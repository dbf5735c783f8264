/* lines_role - which session does what.
 *
 * One line is the main one: it carries every lane and the subscriptions. On a good link the agent
 * has a line to every endpoint, and the others stand by: they have said hello, they get every alarm
 * as well, and they listen for alarms. So when the main one falls the next one is there at once,
 * and an alarm crosses brokers without the database. On a thin link standing by costs too much:
 * there is one line, which goes through the endpoints, and beside it to the same broker one for
 * FLASH and IMMEDIATE, because bulk that TCP holds cannot be overtaken in it, and one lost packet
 * holds up all that is behind it for seconds. While that one is down the main line carries its
 * lanes.
 *
 *   good link    main   all lanes        subscriptions
 *                others copies of FLASH  ears for FLASH
 *   thin link    main   PRIORITY to BULK, late copies of FLASH, subscriptions
 *                urgent FLASH and IMMEDIATE */
#include <inttypes.h>

#include "agents/link/agent_parts.h"
#include "proto/base/log.h"
#include "proto/base/banned.h"

/* Between two steps of offering again others write their messages into the outbox. */
#define AGAIN_MS       20u
#define AGAIN_LATER_MS 1000u /* after an error */

const char *lines_endpoint(const struct agent *a, unsigned line)
{
    return a->endpoints[a->endpoint_of[line < a->line_count ? line : 0]];
}

enum status lines_send_on(void *arg, unsigned line, const Eocbus__V1__Frame *f)
{
    struct agent *a = arg;

    return line_send(a->lines[line], f);
}

enum status lines_send(void *arg, const Eocbus__V1__Frame *f)
{
    struct agent *a = arg;

    return a->main == NO_LINE ? ST_CLOSED : line_send(a->lines[a->main], f);
}

static bool urgent_stands(const struct agent *a)
{
    return a->profile->two_lines && a->line_count > URGENT_LINE &&
           line_stands(a->lines[URGENT_LINE]);
}

static unsigned lanes_of(const struct agent *a, unsigned line)
{
    if (line == a->main)
        return urgent_stands(a) ? OUTBOX_ALL_LANES & ~OUTBOX_URGENT_LANES : OUTBOX_ALL_LANES;
    return a->profile->two_lines && line == URGENT_LINE ? OUTBOX_URGENT_LANES : 0;
}

static enum uplink_copies copies_of(const struct agent *a, unsigned line)
{
    if (line == a->main)
        return urgent_stands(a) && a->profile->copy_ms ? COPY_LATE : COPY_NOTHING;
    return a->profile->two_lines ? COPY_NOTHING : COPY_AT_ONCE;
}

/* Who loses lanes first: a lane is on one line at a time. */
void lines_assign(struct agent *a)
{
    for (unsigned takes = 0; a->uplink && takes < 2; takes++)
        for (unsigned i = 0; i < a->line_count; i++)
            if (line_stands(a->lines[i]) &&
                takes == (i == a->main ? !urgent_stands(a) : a->profile->two_lines))
                uplink_carry(a->uplink, i, lanes_of(a, i), copies_of(a, i));
}

static void plan_next_step(struct agent *a, enum status st)
{
    if (st != ST_OK)
        log_error("outbox.offer.failed", "status=%s %s", status_name(st),
                  outbox_trouble(a->outbox));
    a->want_pump = true; /* a lane may be open now */
    if (a->offers_again)
        loop_timer_start(a->again, st == ST_OK ? AGAIN_MS : AGAIN_LATER_MS, 0);
}

void lines_offer_more(void *arg)
{
    struct agent *a = arg;

    plan_next_step(a, outbox_offer_more(a->outbox, &a->offers_again));
}

/* Whichever broker has seen a newer log, before anything is offered to it: what a restored log may
 * have lost stands before what waits now. */
void lines_offer_again(struct agent *a)
{
    uint32_t log_epoch = 0;

    a->want_pump = true;
    a->drained = false;
    for (unsigned i = 0; i < a->line_count; i++)
        if (line_stands(a->lines[i]) && a->log_epoch_of[i] > log_epoch)
            log_epoch = a->log_epoch_of[i];
    if (!a->uplink || !a->sends || !log_epoch)
        return;
    plan_next_step(a, outbox_offer_again(a->outbox, log_epoch, &a->past, &a->offers_again));
}

/* Beside the main line, if it is wanted; later while it gives way. */
void lines_open_urgent(struct agent *a)
{
    uint64_t now = loop_now_us(a->loop), from = a->urgent_not_before_us;

    if (a->profile->two_lines && a->line_count > URGENT_LINE && a->sends && a->main != NO_LINE)
        line_open(a->lines[URGENT_LINE], from > now ? (unsigned)((from - now) / 1000) + 1 : 0);
}

void lines_send_from_outbox(struct agent *a)
{
    a->sends = true;
    lines_offer_again(a);
    lines_open_urgent(a);
}

static void tell_up(struct agent *a)
{
    bool was_up = a->told_up;

    a->told_up = true;
    if (!was_up && a->events.linked)
        a->events.linked(a->events.arg, true, "");
}

void lines_tell_down(struct agent *a, const char *why)
{
    bool was_up = a->told_up;

    a->told_up = false;
    if (was_up && a->events.linked)
        a->events.linked(a->events.arg, false, why);
}

void lines_move(struct agent *a, unsigned to)
{
    unsigned from = a->main;

    if (from != NO_LINE)
        downlink_end(a->downlink);
    a->main = to;
    a->main_since_us = loop_now_us(a->loop);
    a->owed_since_us = a->asked_us = 0;
    a->trouble[0] = '\0';
    a->seen.log_epoch = a->log_epoch_of[to];
    a->seen.store_away = a->store_of[to].is_away;
    a->want_pump = true;
    a->drained = false;
    downlink_ear_end(a->downlink, to);
    lines_assign(a);
    if (from != NO_LINE && line_stands(a->lines[from]))
        downlink_ear_begin(a->downlink, from);
    downlink_begin(a->downlink, a->log_epoch_of[to], &a->past);
    lines_open_urgent(a);
    log_info("agent.main", "endpoint=%s log_epoch=%" PRIu32 " waiting=%" PRIu64,
             lines_endpoint(a, to), a->log_epoch_of[to], agent_waiting(a));
    tell_up(a);
}

void lines_choose(struct agent *a)
{
    unsigned i = 0;

    if (a->main != NO_LINE)
        return;
    while (i < a->line_count && !line_stands(a->lines[i]))
        i++;
    if (i == a->line_count || (a->profile->two_lines && i != THIN_LINE))
        return;
    if (i > 0 && lines_are_early(a))
        return; /* lines_watch comes back to it */
    lines_move(a, i);
}
