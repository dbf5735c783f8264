/* obeyed - orders that this machine took to carry out, until their time is over, so that each is
 * carried out once: a broker, or whoever holds old bytes, may hand one over again. On disk before
 * it is carried out; a crash in between leaves an order undone rather than done twice. */
#ifndef EOCBUS_LINK_OBEYED_H
#define EOCBUS_LINK_OBEYED_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/status.h"

enum { OBEYED_MOST = 512 }; /* in one day: the oldest goes first */

struct obeyed;

/* path NULL = memory only. A file that cannot be read is begun anew, and that is said. ST_NOMEM. */
MUST_CHECK enum status obeyed_open(struct obeyed **out, const char *path);
void obeyed_close(struct obeyed *o); /* NULL is allowed */
/* ST_EXISTS: it was taken before from this sender; another's order under the same id is another.
 * until_us: UTC, when nobody could carry it out any more; 0 = in a
 * day. A disk that is full does not keep a siren silent: it is said, and kept in memory. */
MUST_CHECK enum status obeyed_take(struct obeyed *o, const char *sender, const uint8_t id[16],
                                   int64_t until_us, int64_t utc_us);

#endif
