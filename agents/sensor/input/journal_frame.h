/* journal_frame - entries as bytes, and back. Pure.
 *
 *   frame  "EOF1", u32 length of the body, u64 number of its first sample, i64 written_us,
 *          u64 sum over all of that and the body
 *   body   entries: kind, then numbers as varints (7 bits a byte, low ones first; signed: zigzag).
 *          Times and values of samples are differences to the sample before in the same frame. */
#ifndef EOCBUS_SENSOR_JOURNAL_FRAME_H
#define EOCBUS_SENSOR_JOURNAL_FRAME_H

#include "agents/sensor/input/journal.h"

enum { FRAME_HEAD_BYTES = 32, FRAME_BODY_MAX = 4 << 20 };

struct frame_state { /* zero at the beginning of each frame */
    int64_t time_ms, value;
};

void frame_put(struct buf *body, struct frame_state *s, const struct journal_entry *e);
void frame_head(uint8_t head[FRAME_HEAD_BYTES], const struct buf *body, uint64_t first,
                int64_t written_us);

struct frame {
    const uint8_t *body;
    size_t len;
    uint64_t first;
    int64_t written_us;
};
/* A whole, sound frame at the beginning of `bytes`? */
bool frame_open(struct frame *out, const uint8_t *bytes, size_t len);
/* The next entry; false: the end (or nonsense, which a sound frame does not hold). e->number of a
 * sample counts on from `first`. */
struct frame_cursor {
    struct frame_state state;
    const uint8_t *at, *end;
    uint64_t next;
};
void frame_begin(struct frame_cursor *c, const struct frame *f);
bool frame_next(struct frame_cursor *c, struct journal_entry *out);

#endif
