/* guard - cuts a connection that sends without end and delivers nothing, and those that come only to be
 * many.
 *
 * ZMQ_MAXMSGSIZE is per frame and high water marks count whole messages, so one multipart message
 * that never ends fills the memory (measured: 2.8 GiB in 3 s) and no part of it ever reaches us. The
 * guard asks the kernel how much each connection received (TCP_INFO), compares it with what was
 * delivered, and shuts the connection down past a limit. It knows descriptors and numbers only.
 *
 * A connection costs a descriptor from the first byte on, and needs no key for half a minute. When
 * there are too many, one that delivered nothing yet goes for each that comes: who has a session
 * keeps it, and descriptors are left for the database. */
#ifndef EOCBUS_BASE_GUARD_H
#define EOCBUS_BASE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

struct guard;

enum { GUARD_MUTE_MOST = 4096 };

/* limit_bytes: most that a connection may have received and not delivered. most: connections at a
 * time, 0 = any number; and at most GUARD_MUTE_MOST of them that delivered nothing yet, since one with a
 * handshake behind it takes 28 KiB. */
MUST_CHECK enum status guard_create(struct guard **out, size_t limit_bytes, size_t most);
void guard_destroy(struct guard *g); /* NULL is allowed */
/* A connection was accepted, or is gone. Without memory a connection stays unwatched. */
void guard_add(struct guard *g, int fd, uint64_t now_us);
void guard_remove(struct guard *g, int fd);
/* A whole message of that connection was delivered, `bytes` of payload. fd -1 is ignored. */
void guard_delivered(struct guard *g, int fd, size_t bytes, uint64_t now_us);
/* The connection under this descriptor, a number that is never used twice; 0 = not known. */
uint64_t guard_name(const struct guard *g, int fd);
/* Ends that connection if it still is under the descriptor; what is queued for the peer is thrown
 * away. `only_unread`: only if the peer has not taken what was sent to it. True: it was ended. */
bool guard_hang_up(struct guard *g, int fd, uint64_t name, bool only_unread);
/* Looks at some of the connections, all in turn. `drained`: nothing that came in whole waits to be
 * read, so what is missing is really unfinished; else only connections that delivered nothing for a
 * second count. Answers how many were cut. */
unsigned guard_check(struct guard *g, uint64_t now_us, bool drained);
/* How many were cut for being too many, since this was last asked. */
unsigned guard_crowded(struct guard *g);
/* How many ended, for whatever reason, since this was last asked. */
unsigned guard_ended(struct guard *g);

#endif
