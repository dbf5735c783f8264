/* Who says nothing any more: sessions that fell silent end, and an agent that was here to stay and
 * is not back within the patience of its link is told of. */
#include "broker/ingress/room.h"

#include <inttypes.h>

#include "proto/base/log.h"

#include "proto/base/banned.h"

/* Heard for this many times the patience of its link: a daemon, whose silence matters. A minute on
 * fiber and 4g, ten on 2g. */
enum { STAYS_TIMES = 3 };

/* A principal may have several sessions: an old one that its agent gave up says nothing about it.
 */
static bool is_heard_elsewhere(const struct ingress *in, int32_t principal_id,
                               const struct session *but, uint64_t after_us)
{
    const struct session *s = NULL;

    while ((s = sessions_next(in->sessions, s)))
        if (s != but && s->principal_id == principal_id && s->heard_us > after_us)
            return true;
    return false;
}

/* A command that a person ran is over when it is done, and says no more than a dead one. A daemon
 * is known by having been here for a while. */
static bool was_here_to_stay(const struct link_limits *link, uint64_t since_us, uint64_t heard_us)
{
    return heard_us - since_us >= STAYS_TIMES * (uint64_t)link->silent_ms * 1000;
}

static void report_dead(struct ingress *in, const char *principal, int32_t principal_id,
                        const struct link_limits *link, uint64_t heard_us)
{
    uint64_t silent_us = loop_now_us(in->set.loop) - heard_us;

    in->n.silent++;
    missing_dead(&in->missing, principal, principal_id, link, heard_us);
    log_warn("ingress.agent.silent", "principal=%s link=%s silent_s=%" PRIu64, principal,
             link->name, silent_us / 1000000);
}

static void end_silent(struct ingress *in, struct session *s)
{
    if (was_here_to_stay(s->link, s->since_us, s->heard_us) &&
        !is_heard_elsewhere(in, s->principal_id, s, s->heard_us))
        report_dead(in, s->principal, s->principal_id, s->link, s->heard_us);
    end_session(in, s);
}

static void report_missing(struct ingress *in, uint64_t now_us)
{
    struct missing_agent dead;

    while (missing_take_dead(&in->missing, now_us, &dead))
        if (was_here_to_stay(dead.limits, dead.since_us, dead.heard_us) &&
            !is_heard_elsewhere(in, dead.principal_id, NULL, dead.heard_us))
            report_dead(in, dead.principal, dead.principal_id, dead.limits, dead.heard_us);
}

/* Sessions fall silent without anybody telling us. They stand in the
 * order in which they were last heard, but each has the patience of its own link, so all are looked
 * at: 10,000 take 0.1 ms, once a second. */
void sweep_silent(struct ingress *in)
{
    uint64_t now_us = loop_now_us(in->set.loop);
    struct session *next = sessions_next(in->sessions, NULL);

    while (in->set.idle_ms && next) {
        struct session *s = next;
        unsigned most_ms =
            s->link->silent_ms < in->set.idle_ms ? s->link->silent_ms : in->set.idle_ms;

        next = sessions_next(in->sessions, s);
        if (now_us - s->heard_us >= (uint64_t)most_ms * 1000)
            end_silent(in, s);
    }
    report_missing(in, now_us);
}
