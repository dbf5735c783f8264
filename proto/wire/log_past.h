/* log_past - how far the log of an epoch is that of the epochs before it. Pure.
 *
 * A number is (log epoch, seq). Whatever raises the epoch says up to which number the log is still
 * the same, if it can: a promotion can, since nothing is stored before it is seen. What lies behind
 * that may be gone, and what lies before it stands, under its number. */
#ifndef EOCBUS_WIRE_LOG_PAST_H
#define EOCBUS_WIRE_LOG_PAST_H

#include <stdint.h>

/* The last raises; epochs before them count as unknown. */
enum { LOG_PAST_MOST = 8 };

struct log_past {
    unsigned count;
    struct log_raise { /* ascending by epoch */
        uint32_t log_epoch;
        uint64_t same_upto; /* 0: nobody can say */
    } at[LOG_PAST_MOST];
};

/* One more; the oldest goes when there is no room. Epochs that do not ascend begin anew. */
void log_past_add(struct log_past *p, uint32_t log_epoch, uint64_t same_upto);
/* As the database says it: "1:0 2:4711". What is not read so is left out. */
void log_past_read(struct log_past *out, const char *text);
/* Numbers of epoch `from` up to this one are the same in the log of epoch `to`. 0: nobody can say,
 * or none; everything if the two are one. */
uint64_t log_past_same_upto(const struct log_past *p, uint32_t from, uint32_t to);

#endif
