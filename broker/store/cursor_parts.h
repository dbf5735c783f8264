/* cursor_parts - what the files of cursors share. Only broker/store/cursor*.c may include this
 * header.
 *
 * cursor.c knows who listens under which name; cursor_ask.c asks the database about them, one
 * statement at a time. */
#ifndef EOCBUS_STORE_CURSOR_PARTS_H
#define EOCBUS_STORE_CURSOR_PARTS_H

#include "broker/store/array.h"
#include "broker/store/cursor.h"
#include "proto/base/list.h"

struct cursor {
    struct list link; /* in all->fresh, all->open or all->asked */
    struct cursors *all;
    durable_fn told; /* NULL: closed */
    void *arg;
    char *name, *patterns;
    int32_t principal_id;
    unsigned lanes;
    bool has_after, from_first;
    uint32_t after_epoch;
    uint64_t after;
    bool is_open, is_over;     /* over: taken, refused, or closed for good */
    bool is_asked, is_closing; /* in the statement under way; which closes it */
    uint32_t log_epoch;
    uint64_t upto, written, asked_upto;
    int64_t generation;
    uint64_t renewed_us;
    int ordinal;
};

struct cursors {
    struct loop *loop; /* borrowed, outlives us */
    struct pg *pg;
    struct loop_timer *timer, *soon; /* soon: with the next turn, for what came in this one */
    char *broker;
    struct list fresh, open, asked;
    bool is_due;        /* places that changed are to be written */
    bool is_mute;       /* the database has not heard of this broker for a second */
    uint32_t log_epoch; /* the newest number that this broker knows */
    uint64_t seq;
    unsigned closed;
    struct array column[7];
    uint64_t count, moves, taken, dropped;
};

void cursor_free(struct cursor *c);
/* Its place, or that it is closed, is not written yet. */
bool cursor_is_dirty(const struct cursor *c);
/* Asks what is to be asked next, if nothing is under way. */
void cursors_pump(struct cursors *all);

#endif
