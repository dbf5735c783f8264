/* control - one question to the broker's control socket on this machine. */
#ifndef EOCBUS_CTL_CONTROL_H
#define EOCBUS_CTL_CONTROL_H

#include "proto/base/mem.h"
#include "proto/base/status.h"

/* Appends the answer, NUL-terminated (not counted). ST_NOTFOUND: there is no socket; ST_CLOSED:
 * nobody listens behind it; ST_DENIED; ST_TIMEOUT after 5 s. `err` is a sentence with what to do.
 */
MUST_CHECK enum status control_ask(struct buf *out, const char *path, const char *question,
                                   char *err, size_t err_size);
/* Value of a key=value line, copied; "" if it is not there. */
void control_value(char *out, size_t size, const struct buf *answer, const char *key);

#endif
