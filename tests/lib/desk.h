/* desk - an office in a folder of its own, for tests of what people type there. */
#ifndef EOCBUS_TESTS_DESK_H
#define EOCBUS_TESTS_DESK_H

#include "agents/link/office.h"

struct desk {
    char folder[64], outbox[96];
    struct office office;
};

/* name: of the principal. Status EXERCISE, place 3505203, English. */
void desk_open(struct desk *d, const char *name);
void desk_close(struct desk *d); /* removes the folder */
/* Runs a command with its words, NULL-terminated; its exit code. What it printed is in `said`
 * (standard output, then standard error), NUL-terminated. */
int desk_run(struct desk *d, int (*command)(struct office *o), struct buf *said, ...);
/* A file in the folder; the name is borrowed until the next call. */
const char *desk_file(struct desk *d, const char *name);
const char *desk_write(struct desk *d, const char *name, const char *text);

/* Rows in the outbox, and the n-th (0 = first), unpacked; free with free_unpacked. */
size_t desk_count(struct desk *d);
Eocbus__V1__Envelope *desk_message(struct desk *d, size_t n);
/* The bus answers the n-th. */
void desk_settle(struct desk *d, size_t n, const struct outbox_outcome *oc);

#endif
