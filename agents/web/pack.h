/* pack - a text as browsers unpack it themselves (gzip, RFC 1952): script and style come through a
 * thin link in a third of their bytes. */
#ifndef EOCBUS_WEB_PACK_H
#define EOCBUS_WEB_PACK_H

#include <stddef.h>

#include "proto/base/mem.h"

/* Appends to `out`; the same bytes give the same bytes. ST_NOMEM: `out` is as it was. */
MUST_CHECK enum status pack_text(struct buf *out, const void *bytes, size_t len);

#endif
