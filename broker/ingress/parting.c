#include "broker/ingress/parting.h"

#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum status parting_init(struct parting *p, unsigned max, uint64_t grace_us)
{
    *p = (struct parting){.max = max, .grace_us = grace_us};
    p->lines = mem_zalloc(max * sizeof(*p->lines));
    return p->lines ? ST_OK : ST_NOMEM;
}

void parting_free(struct parting *p)
{
    mem_free(p->lines);
    p->lines = NULL;
}

static struct parting_line *at(const struct parting *p, unsigned i)
{
    return &p->lines[(p->first + i) % p->max];
}

static bool has(const struct parting *p, uint64_t connection)
{
    for (unsigned i = 0; i < p->count; i++)
        if (at(p, i)->connection == connection)
            return true;
    return false;
}

static void take_first(struct parting *p, struct parting_line *out)
{
    *out = *at(p, 0);
    p->first = (p->first + 1) % p->max;
    p->count--;
}

bool parting_add(struct parting *p, const struct parting_line *l, struct parting_line *oldest)
{
    bool is_full = p->count == p->max;

    if (!l->connection || has(p, l->connection))
        return false;
    if (is_full)
        take_first(p, oldest);
    *at(p, p->count++) = *l;
    return is_full;
}

bool parting_take_due(struct parting *p, uint64_t now_us, struct parting_line *out)
{
    if (!p->count || now_us - at(p, 0)->since_us < p->grace_us)
        return false;
    take_first(p, out);
    return true;
}
