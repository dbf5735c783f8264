/* json_input - what stands in the file: one Envelope as JSON over any number of lines, or one
 * per line. */
#ifndef EOCBUS_LINK_JSON_INPUT_H
#define EOCBUS_LINK_JSON_INPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "eocbus/v1/envelope.pb-c.h"
#include "proto/base/mem.h"

/* All of a file ("-": standard input), NUL-terminated (not counted). ST_IO, ST_FULL (beyond 256
 * MiB): `err` is a sentence. */
MUST_CHECK enum status input_read(struct buf *out, const char *path, char *err, size_t err_size);

/* True if every line is a message of its own. */
bool input_is_lines(const char *text, size_t len, struct arena *scratch);
/* The next message from *at on; ST_NOTFOUND at the end. *m lives in `arena`. `number` counts lines.
 */
MUST_CHECK enum status input_next(Eocbus__V1__Envelope **m, const char **at, const char *end,
                                  bool lines, unsigned *number, struct arena *arena, char *err,
                                  size_t err_size);

#endif
