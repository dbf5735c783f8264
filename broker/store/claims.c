/* claims - see claims.h. */
#include "broker/store/claims.h"

#include "proto/base/banned.h"

void claims_add(struct claims *c, int32_t principal_id, const struct place *place)
{
    if (c->count < CLAIMS_OPEN)
        c->open[c->count++] = (struct claim){.principal_id = principal_id, .place = *place};
}

void claims_ask(struct claims *c)
{
    for (unsigned i = 0; i < c->count; i++)
        c->open[i].is_asked = true;
}

static enum claims_say note(struct claims *c, const struct claim *lost)
{
    if (c->first && c->log_epoch == lost->place.log_epoch)
        return c->first == lost->principal_id ? CLAIMS_NOTHING : CLAIMS_TWO;
    c->first = lost->principal_id;
    c->log_epoch = lost->place.log_epoch;
    return CLAIMS_ONE;
}

enum claims_say claims_judge(struct claims *c, const struct place *log, struct claim *lost)
{
    enum claims_say say = CLAIMS_NOTHING;
    unsigned kept = 0;

    for (unsigned i = 0; i < c->count; i++) {
        struct claim one = c->open[i];
        enum claims_say now = CLAIMS_NOTHING;

        if (!one.is_asked)
            c->open[kept++] = one;
        else if (one.place.log_epoch == log->log_epoch && one.place.seq > log->seq)
            now = note(c, &one);
        if (now > say) {
            say = now;
            *lost = one;
        }
    }
    c->count = kept;
    return say;
}
