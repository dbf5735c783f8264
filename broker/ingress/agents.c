/* Who is there, for people: one line a principal, from its sessions, from those that are dead, and
 * from the list of those who say more than they may. */
#include "broker/ingress/room.h"

#include "proto/base/banned.h"

static void fill_over(struct ingress_agent *out, const struct allowance_over *over, size_t n,
                      int32_t principal_id)
{
    for (size_t i = 0; i < n; i++) {
        if (over[i].principal_id != principal_id)
            continue;
        out->over_items = over[i].items;
        out->over_alarms = over[i].alarms;
    }
}

/* The one that was heard last speaks for all of its principal. */
static bool speaks_for_all(const struct session *s)
{
    return s->sender->own.prev == &s->own;
}

static struct ingress_agent agent_of(const struct session *s, uint64_t now_us)
{
    static const struct clock_claim nothing; /* whatever it claims, a person wants to know */

    return (struct ingress_agent){.principal = s->principal,
                                  .link = s->link->name,
                                  .sessions = s->sender->sessions,
                                  .silent_us = now_us - s->heard_us,
                                  .backlog = s->backlog,
                                  .clock_known = s->clock.known,
                                  .clock_doubtful = clock_is_suspect(&s->clock, &nothing),
                                  .offset_ms = clock_offset_ms(&s->clock)};
}

/* By another connection than the one that is missing. */
static bool is_here(const struct ingress *in, int32_t principal_id)
{
    const struct sender *s = sessions_sender(in->sessions, principal_id);

    return s && s->sessions;
}

void ingress_agents(const struct ingress *in,
                    void (*each)(void *arg, const struct ingress_agent *a), void *arg)
{
    uint64_t now_us = loop_now_us(in->set.loop);
    struct allowance_over over[ALLOWANCE_LISTED];
    size_t n = allowance_list_over(in->allowance, over, now_us);
    const struct missing_agent *m = NULL;
    const struct session *s = NULL;

    while ((s = sessions_next(in->sessions, s))) {
        struct ingress_agent a = agent_of(s, now_us);

        if (!speaks_for_all(s))
            continue;
        fill_over(&a, over, n, s->principal_id);
        each(arg, &a);
    }
    while ((m = missing_next(&in->missing, m))) {
        const struct ingress_agent a = {.principal = m->principal,
                                        .link = m->limits->name,
                                        .silent_us = now_us - m->heard_us,
                                        .is_dead = m->is_dead};

        if (!is_here(in, m->principal_id) && access_find(in->set.access, m->principal))
            each(arg, &a);
    }
}
