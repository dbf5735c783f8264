/* letter - a message as a file of JSON that people hand round, read and sign before it is said. */
#ifndef EOCBUS_CTL_LETTER_H
#define EOCBUS_CTL_LETTER_H

#include <stdint.h>

#include "agents/ctl/ctl.h"
#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"
#include "proto/base/sign.h"

/* These answer -1 if it went well, else the exit code of a command that has said why. */

/* *m lives in `arena`. "-": standard input. */
int letter_read(struct ctl *c, Eocbus__V1__Envelope **m, const char *path, struct arena *arena);
int letter_write(struct ctl *c, const Eocbus__V1__Envelope *m, const char *path);
/* Who signs: of the setting key.file. */
int letter_signer(struct ctl *c, struct signer **out);
/* Says what is in the file, by `publish`, and waits so many seconds for the bus (a number in
 * words). The command's exit code. */
int letter_say(struct ctl *c, const char *path, const char *wait);

/* The setting `name`; NULL: it is not set. */
const char *letter_own_name(const struct ctl *c);
int64_t letter_now_us(void); /* UTC */

/* A line for people. */
void letter_put(struct buf *out, const char *label, const char *text);
void letter_put_time(struct buf *out, const char *label, int64_t utc_us); /* 0 = none */

#endif
