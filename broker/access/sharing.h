/* sharing - agreements between agencies become rules. Pure.
 *
 * The database tells what each party said (rulebook.h). Where officers are pinned it is not
 * believed: an official of each party has to have signed, whom the officers vouch for, who is of
 * that agency, and whose roles let him say agreements; his key may be over by now, if it was not
 * when he signed. Of an agreement where that is not so nothing follows, and it is counted. Where no
 * officers are pinned whatever the database says holds, as of principals. */
#ifndef EOCBUS_BROKER_ACCESS_SHARING_H
#define EOCBUS_BROKER_ACCESS_SHARING_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/status.h"

struct rulebook;
struct roll;

struct sharing_result {
    uint64_t held, unsigned_ones;
    char first[400]; /* of those that nothing follows from: which, and why */
};

/* Once the roll is sealed, before anything is compiled from the book. ST_NOMEM. */
MUST_CHECK enum status sharing_admit(struct rulebook *book, const struct roll *r,
                                     bool must_be_signed, struct sharing_result *out);

#endif
