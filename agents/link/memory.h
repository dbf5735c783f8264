/* memory - what an import said last, so that the next one says only what changed.
 *
 * A file of lines "KEY VALUE" beside the outbox, written whole, synced and renamed. Because outbox
 * and memory are two files, a kill may come between them. So first the intention is written down
 * (KEY VALUE MESSAGE-ID in path.next), then the messages go into the outbox, then the memory is
 * written. Who finds an intention when it opens looks for its messages in the outbox: what is there
 * was said, the rest was not. */
#ifndef EOCBUS_LINK_MEMORY_H
#define EOCBUS_LINK_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/ids.h"
#include "proto/base/status.h"

struct memory;

/* ST_IO, ST_INVALID (a damaged file), ST_EXISTS (another program has it open): `err` says what to
 * do. */
MUST_CHECK enum status memory_open(struct memory **out, const char *path, char *err,
                                   size_t err_size);
void memory_close(struct memory *m); /* writes nothing; NULL is allowed */

/* NULL if nothing is known under this key; lives until the next change. */
const char *memory_get(const struct memory *m, const char *key);
/* Calls `each` for every pair, in the order of the keys. */
void memory_each(const struct memory *m,
                 void (*each)(void *arg, const char *key, const char *value), void *arg);
/* Not on disk before memory_save. ST_INVALID: a blank or control character in the key, a line end
 * in the value. */
MUST_CHECK enum status memory_set(struct memory *m, const char *key, const char *value);
MUST_CHECK enum status memory_save(struct memory *m, char *err, size_t err_size);

/* True if somebody ended between memory_promise and memory_keep. Then memory_was_said is called
 * with the id of each message in the outbox, and memory_keep. */
bool memory_has_promise(const struct memory *m);
void memory_was_said(struct memory *m, const uint8_t id[ID_BYTES]);

/* What is about to be said. */
MUST_CHECK enum status memory_intend(struct memory *m, const char *key, const char *value,
                                     const uint8_t id[ID_BYTES]);
/* The intentions are on disk after it. */
MUST_CHECK enum status memory_promise(struct memory *m, char *err, size_t err_size);
/* All of it was said (memory_said_all), or what memory_was_said heard of; becomes the memory. */
void memory_said_all(struct memory *m);
MUST_CHECK enum status memory_keep(struct memory *m, char *err, size_t err_size);

#endif
