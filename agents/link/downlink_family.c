/* downlink_family - what was missed comes most urgent first: one subscription for each group of
 * lanes, each with a place of its own, and credit for the next when those before it are through. */
#include "agents/link/downlink_parts.h"

#include <string.h>

#include "proto/base/banned.h"

bool downlink_may_have_credit(const struct sub *s)
{
    const struct sub *before = s->more_urgent;

    return !before || (before->state == SUB_RUNNING && before->caught_up) ||
           before->state == SUB_TAKEN;
}

void downlink_let_next(struct downlink *d, const struct sub *s)
{
    struct list *link;

    list_each(link, &d->subs) {
        struct sub *next = container_of(link, struct sub, link);
        Eocbus__V1__Credit m = EOCBUS__V1__CREDIT__INIT;
        Eocbus__V1__Frame f = EOCBUS__V1__FRAME__INIT;

        if (next->family != s->family || next->has_credit || next->state != SUB_RUNNING ||
            !downlink_may_have_credit(next))
            continue;
        m.subscription = next->number;
        m.messages = next->credit;
        f.what_case = EOCBUS__V1__FRAME__WHAT_CREDIT;
        f.credit = &m;
        next->has_credit = d->set.send(d->set.arg, &f) == ST_OK;
    }
}

uint64_t downlink_family_horizon(struct downlink *d, const struct sub *s)
{
    uint64_t least = s->through;
    struct list *link;

    list_each(link, &d->subs) {
        const struct sub *one = container_of(link, struct sub, link);

        if (one->family == s->family && s->family && one->through < least)
            least = one->through;
    }
    return least;
}

static const struct group {
    const char *of;
    Eocbus__V1__Lane lanes[2];
    size_t lane_count;
} groups[] = {
    {" urgent", {EOCBUS__V1__LANE__LANE_FLASH, EOCBUS__V1__LANE__LANE_IMMEDIATE}, 2},
    {" priority", {EOCBUS__V1__LANE__LANE_PRIORITY}, 1},
    {" routine", {EOCBUS__V1__LANE__LANE_ROUTINE}, 1},
    {" bulk", {EOCBUS__V1__LANE__LANE_BULK}, 1},
};
_Static_assert(sizeof(groups) / sizeof(groups[0]) == DOWNLINK_GROUPS, "a group is missing");

enum status downlink_add_family(struct downlink *d, const struct agent_subscription *sub,
                                struct sub *made[DOWNLINK_GROUPS], char *err, size_t err_size)
{
    uint32_t family = ++d->next_family;

    for (unsigned i = 0; i < DOWNLINK_GROUPS; i++) {
        enum status st = downlink_add_sub(d, sub, groups[i].of, &made[i], err, err_size);

        if (st != ST_OK) {
            for (d->sub_count -= i; i; i--)
                downlink_destroy_sub(made[i - 1]);
            return st;
        }
        made[i]->family = family;
        made[i]->more_urgent = i ? made[i - 1] : NULL;
        made[i]->lane_count = groups[i].lane_count;
        memcpy(made[i]->lanes, groups[i].lanes, sizeof(groups[i].lanes));
    }
    return ST_OK;
}
