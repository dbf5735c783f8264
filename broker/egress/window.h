/* window - how much a listener may still be sent: messages it gave credit for, and bytes it has not
 * acknowledged. Pure.
 *
 * Acknowledgements name a number, so the window remembers which numbers stand for how many bytes:
 * in at most WINDOW_MARKS marks, each of them at least limit/64 bytes unless it is the last. Coarse
 * on purpose: it frees up to limit/64 bytes late, and takes 1 KiB per listener however small its
 * messages. */
#ifndef EOCBUS_BROKER_EGRESS_WINDOW_H
#define EOCBUS_BROKER_EGRESS_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WINDOW_MARKS = 68, WINDOW_CREDIT_MOST = 1000000 };

struct window_mark {
    uint64_t upto;
    size_t bytes;
};

struct window {
    size_t limit_bytes, unacked_bytes;
    uint32_t credit; /* messages */
    unsigned first, count;
    struct window_mark marks[WINDOW_MARKS];
};

void window_init(struct window *w, size_t limit_bytes, uint32_t credit);
/* gathered_bytes: packed, but not sent yet. One message may go over the limit, never two. */
bool window_is_open(const struct window *w, size_t gathered_bytes);
void window_add_credit(struct window *w, uint32_t messages);
/* Bytes left for the listener; `upto` is the last number in them and grows from call to call. */
void window_sent(struct window *w, uint64_t upto, size_t bytes);
void window_acknowledge(struct window *w, uint64_t upto);

#endif
