/* Who tries what it may not, and who says too much, for the people who watch: counters for alerts,
 * and lines in the log that name the principal and never what it said. */
#include "broker/ingress/room.h"

#include <inttypes.h>
#include <string.h>

#include "proto/base/log.h"

#include "proto/base/banned.h"

static bool is_code(const struct refusal *why, const char *code)
{
    return strcmp(why->code, code) == 0;
}

/* A mistake in a message is its sender's business; that it tried what it may not is also ours. */
void note_refusal(struct publishing *b, const struct refusal *why)
{
    struct ingress *in = b->in;

    in->n.refused++;
    in->n.refused_rights += is_code(why, CODE_RIGHTS);
    in->n.refused_sender += is_code(why, CODE_SENDER);
    if (!is_code(why, CODE_RIGHTS) && !is_code(why, CODE_SENDER))
        return;
    if (quota_take(&in->denials, 1, loop_now_us(in->set.loop)))
        log_warn("ingress.denied", "principal=%s code=%s path=%s total=%" PRIu64,
                 b->principal->name, why->code, why->path,
                 in->n.refused_rights + in->n.refused_sender);
}

void note_over(struct publishing *b)
{
    struct ingress *in = b->in;
    uint64_t now_us = loop_now_us(in->set.loop);

    in->n.flash_unwarned += b->unwarned;
    if (!b->over_items && !b->unwarned)
        return;
    if (allowance_note_over(in->allowance, b->principal->principal_id, b->over_items, b->unwarned,
                            now_us) &&
        quota_take(&in->overs, 1, now_us))
        log_warn("ingress.quota", "principal=%s messages=%" PRIu32 " alarms=%" PRIu32,
                 b->principal->name, b->over_items, b->unwarned);
}
