/* missing - see missing.h. A list: it is short, since agents that lost their line come back in
 * seconds, and it is looked through once a second and at each Hello. */
#include "broker/ingress/missing.h"

#include <string.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

static struct missing_agent *find(struct missing *m, int32_t principal_id)
{
    struct list *link;

    list_each(link, &m->agents) {
        struct missing_agent *a = container_of(link, struct missing_agent, link);

        if (a->principal_id == principal_id)
            return a;
    }
    return NULL;
}

static void forget(struct missing *m, struct missing_agent *a)
{
    list_remove(&a->link);
    m->count--;
    mem_free(a);
}

void missing_init(struct missing *m, unsigned max)
{
    list_init(&m->agents);
    m->count = 0;
    m->max = max;
}

void missing_free(struct missing *m)
{
    while (!list_empty(&m->agents))
        forget(m, container_of(list_first(&m->agents), struct missing_agent, link));
}

void missing_note(struct missing *m, const char *principal, int32_t principal_id,
                  const struct link_limits *limits, uint64_t since_us, uint64_t heard_us)
{
    struct missing_agent *a;

    since_us = missing_found(m, principal_id, since_us);
    if (m->count >= m->max)
        forget(m, container_of(list_first(&m->agents), struct missing_agent, link));
    a = mem_zalloc(sizeof(*a));
    if (!a)
        return;
    a->principal_id = principal_id;
    memcpy(a->principal, principal, strnlen(principal, LIMIT_NAME_BYTES));
    a->limits = limits;
    a->since_us = since_us;
    a->heard_us = heard_us;
    list_add_tail(&m->agents, &a->link);
    m->count++;
}

uint64_t missing_found(struct missing *m, int32_t principal_id, uint64_t now_us)
{
    struct missing_agent *a = find(m, principal_id);
    uint64_t since_us = a && !a->is_dead && a->since_us < now_us ? a->since_us : now_us;

    if (a)
        forget(m, a);
    return since_us;
}

bool missing_take_dead(struct missing *m, uint64_t now_us, struct missing_agent *out)
{
    struct list *link;

    list_each(link, &m->agents) {
        struct missing_agent *a = container_of(link, struct missing_agent, link);

        if (a->is_dead || now_us - a->heard_us < (uint64_t)a->limits->silent_ms * 1000)
            continue;
        *out = *a;
        forget(m, a);
        return true;
    }
    return false;
}

void missing_dead(struct missing *m, const char *principal, int32_t principal_id,
                  const struct link_limits *limits, uint64_t heard_us)
{
    struct missing_agent *a;

    missing_note(m, principal, principal_id, limits, heard_us, heard_us);
    a = find(m, principal_id);
    if (a)
        a->is_dead = true;
}

const struct missing_agent *missing_next(const struct missing *m, const struct missing_agent *after)
{
    const struct list *next = after ? after->link.next : m->agents.next;

    return next == &m->agents ? NULL : container_of(next, struct missing_agent, link);
}
