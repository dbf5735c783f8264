/* log_past - see log_past.h */
#include "proto/wire/log_past.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/banned.h"

void log_past_add(struct log_past *p, uint32_t log_epoch, uint64_t same_upto)
{
    if (p->count && p->at[p->count - 1].log_epoch >= log_epoch)
        p->count = 0;
    if (p->count == LOG_PAST_MOST)
        memmove(p->at, p->at + 1, --p->count * sizeof(p->at[0]));
    p->at[p->count++] = (struct log_raise){log_epoch, same_upto};
}

void log_past_read(struct log_past *out, const char *text)
{
    out->count = 0;
    while (*text) {
        char *colon, *end;
        unsigned long log_epoch = strtoul(text, &colon, 10);
        uint64_t same_upto;

        if (*colon != ':')
            return;
        same_upto = strtoull(colon + 1, &end, 10);
        log_past_add(out, (uint32_t)log_epoch, same_upto);
        if (*end != ' ')
            return;
        text = end + 1;
    }
}

/* A log that has never had epoch `from` came another way, and says nothing of it. */
uint64_t log_past_same_upto(const struct log_past *p, uint32_t from, uint32_t to)
{
    bool has_from = false, has_to = false;
    uint64_t upto = UINT64_MAX;

    if (from == to)
        return UINT64_MAX;
    for (unsigned i = 0; i < p->count; i++) {
        const struct log_raise *r = &p->at[i];

        has_from |= r->log_epoch == from;
        has_to |= r->log_epoch == to;
        if (r->log_epoch > from && r->log_epoch <= to && r->same_upto < upto)
            upto = r->same_upto;
    }
    return has_from && has_to && from < to ? upto : 0;
}
