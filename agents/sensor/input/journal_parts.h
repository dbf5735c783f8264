/* journal_parts - what the files of the journal share. Only agents/sensor/input/journal*.c may
 * include this header.
 *
 * A segment begins with "EOJRNL1\n" and the journal's id; its first frame says the floor, so that
 * the newest segment alone tells from where on to read. journal.c opens and reads them,
 * journal_write.c writes. */
#ifndef EOCBUS_SENSOR_INPUT_JOURNAL_PARTS_H
#define EOCBUS_SENSOR_INPUT_JOURNAL_PARTS_H

#include "agents/sensor/input/journal.h"
#include "agents/sensor/input/journal_frame.h"

enum { JOURNAL_PATH_BYTES = 1024, JOURNAL_HEAD_BYTES = 16, JOURNAL_SEGMENTS = 4096 };
#define JOURNAL_MAGIC "EOJRNL1\n"

struct segment {
    uint32_t serial;
    uint64_t first; /* number of its first sample */
    int64_t began_us;
    uint64_t bytes;
};

struct journal {
    char path[JOURNAL_PATH_BYTES];
    size_t budget, segment_bytes;
    int64_t keep_us;
    bool looks;
    int lock_fd, fd; /* fd: of the newest segment; -1 = the next sync begins one */
    struct segment *segments;
    unsigned count;
    uint64_t id, bytes, next, kept_next; /* next number; the same as of the last sync */
    uint64_t floor, damaged;
    struct buf body;
    struct frame_state state;
};

void journal_segment_name(char out[JOURNAL_PATH_BYTES + 32], const struct journal *j,
                          uint32_t serial);
/* The last segment that begins before the floor: nothing needed lies before it. */
unsigned journal_floor_segment(const struct journal *j);
/* Blocks behind the end of the file; a file system that cannot do it, or has no room, keeps none.
 */
bool journal_take_ahead(const struct journal *j, int fd);
/* The room of the next segment. */
void journal_keep_spare(const struct journal *j);

#endif
