/* inbox - how far a listener has read, and which alarms it has acted on; on disk, in SQLite, or
 * only in memory.
 *
 * A place is the last number handed over, with its log epoch. It is moved in memory and made
 * durable by inbox_commit; what is acknowledged to the broker is durable before. FLASH arrives
 * several times (provisional, with its number, over several brokers): its key, made of its sender
 * and its id, is remembered, the last 4,096 of them. By its id alone, whoever may say FLASH could
 * say another's on a second broker first, and that one would be taken for a copy. Files of before
 * hold ids; those count until they are pushed out, and nobody can make a key that is one of them.
 * Between an alarm's first copy and its number lie all alarms of the time by which the listener is
 * behind: with 512, six senders and a database that was away for half a minute made a listener act
 * twice. */
#ifndef EOCBUS_LINK_INBOX_H
#define EOCBUS_LINK_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/status.h"

struct inbox;

enum { INBOX_IDS = 4096 };

/* path NULL: no memory on disk. name: of the subscription; several may share a file. `err` says
 * what to do on ST_IO and ST_INVALID. */
MUST_CHECK enum status inbox_open(struct inbox **out, const char *path, const char *name, char *err,
                                  size_t err_size);
void inbox_close(struct inbox *in); /* NULL is allowed */

/* False if there is none yet. */
bool inbox_place(const struct inbox *in, uint32_t *log_epoch, uint64_t *seq);
void inbox_move(struct inbox *in, uint32_t log_epoch, uint64_t seq);
void inbox_forget(struct inbox *in); /* as if it had no place; not on disk */
bool inbox_is_new(const struct inbox *in, uint32_t log_epoch, uint64_t seq); /* behind the place */

enum { INBOX_KEY = 16 };
void inbox_key(uint8_t out[INBOX_KEY], const char *sender, const uint8_t message_id[16]);
/* A key; or an id, for what was remembered before there were keys. */
bool inbox_knows(const struct inbox *in, const uint8_t key[INBOX_KEY]);
void inbox_remember(struct inbox *in, const uint8_t key[INBOX_KEY]);
void inbox_unlearn(struct inbox *in, const uint8_t key[INBOX_KEY]); /* as if it had not come */

bool inbox_is_dirty(const struct inbox *in);
/* ST_OK: durable. ST_FULL, ST_IO, ST_AGAIN: not, try again. */
MUST_CHECK enum status inbox_commit(struct inbox *in);

#endif
