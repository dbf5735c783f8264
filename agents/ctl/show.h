/* show - bytes of an Envelope for people: JSON if it can be read, a hex dump if not. */
#ifndef EOCBUS_CTL_SHOW_H
#define EOCBUS_CTL_SHOW_H

#include <stdbool.h>

#include "proto/base/mem.h"

/* Pretty JSON, or one line of JSON, with control characters escaped; false (and nothing) if it is
 * none. */
bool show_content(struct buf *out, const void *content, size_t len, bool pretty);
/* Sixteen bytes a line: offset, hex, printable characters. */
void show_hex(struct buf *out, const void *bytes, size_t len);

#endif
