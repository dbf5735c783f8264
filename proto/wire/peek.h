/* peek - what a content says of itself at its top level, read without unpacking and without
 * judging: for what is turned away before the gate has looked at it (0.2 us instead of 5). */
#ifndef EOCBUS_WIRE_PEEK_H
#define EOCBUS_WIRE_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peek {
    uint64_t epoch, lane_seq;
    unsigned lane; /* 1..5, or 0 */
    uint32_t flags, clock_source, clock_err_ms;
    int64_t sent_time_us, not_after_us;
    unsigned label;     /* 0 = says none */
    const char *sender; /* in the content, not terminated; NULL = says none */
    size_t sender_len;
};

/* False: not protobuf, or without a place a message could have; *out is zero then. */
bool peek_content(struct peek *out, const uint8_t *content, size_t len);

struct buf;
/* Envelope.to, joined by blanks, onto `out` (no NUL). Nothing of what is not protobuf. */
void peek_to(struct buf *out, const uint8_t *content, size_t len);

#endif
