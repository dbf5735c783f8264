#include "broker/egress/window.h"

#include <string.h>

#include "proto/base/banned.h"

void window_init(struct window *w, size_t limit_bytes, uint32_t credit)
{
    memset(w, 0, sizeof(*w));
    w->limit_bytes = limit_bytes;
    window_add_credit(w, credit);
}

bool window_is_open(const struct window *w, size_t gathered_bytes)
{
    return w->credit && w->unacked_bytes + gathered_bytes < w->limit_bytes;
}

void window_add_credit(struct window *w, uint32_t messages)
{
    uint32_t room = WINDOW_CREDIT_MOST - w->credit;

    w->credit += messages < room ? messages : room;
}

void window_sent(struct window *w, uint64_t upto, size_t bytes)
{
    struct window_mark *last = &w->marks[(w->first + w->count - 1) % WINDOW_MARKS];

    w->unacked_bytes += bytes;
    if (w->count && (last->bytes < w->limit_bytes / 64 || w->count == WINDOW_MARKS)) {
        last->upto = upto;
        last->bytes += bytes;
        return;
    }
    w->marks[(w->first + w->count++) % WINDOW_MARKS] = (struct window_mark){upto, bytes};
}

void window_acknowledge(struct window *w, uint64_t upto)
{
    while (w->count && w->marks[w->first].upto <= upto) {
        w->unacked_bytes -= w->marks[w->first].bytes;
        w->first = (w->first + 1) % WINDOW_MARKS;
        w->count--;
    }
}
