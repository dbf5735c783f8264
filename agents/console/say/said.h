/* said - what was said here under which message_id, so that the same request is one thing however
 * often it comes, and another one under the same id is told apart: also after a restart.
 *
 * A digest of each of the latest requests (SAID_MOST: 2 MiB), in a file beside the people. It is on
 * disk before the message is in the outbox, so whatever the outbox knows and this does not is older
 * than all that, or the file was lost. Without a file (a disk that is full) the digests of this run
 * still count. */
#ifndef EOCBUS_CONSOLE_SAID_H
#define EOCBUS_CONSOLE_SAID_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

enum { SAID_MOST = 32768, SAID_ID = 16, SAID_DIGEST = 32 };
enum said_before { SAID_UNKNOWN, SAID_SAME, SAID_OTHER };

struct said;

/* Reads the file of the latest `most`, or makes one. ST_NOMEM; ST_IO: there is none, and *out
 * serves this run. */
MUST_CHECK enum status said_create(struct said **out, const char *path, size_t most);
void said_destroy(struct said *s); /* NULL is allowed */

enum said_before said_find(const struct said *s, const uint8_t id[SAID_ID],
                           const uint8_t digest[SAID_DIGEST]);
/* In place of what is known of this id, or of the oldest. ST_IO: it is not on disk. */
enum status said_keep(struct said *s, const uint8_t id[SAID_ID], const uint8_t digest[SAID_DIGEST]);
/* It was not said after all. */
void said_drop(struct said *s, const uint8_t id[SAID_ID]);

#endif
