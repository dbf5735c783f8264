/* acts - revocations that pinned officers signed, as far as this broker has ever seen them. Pure.
 *
 * Kept for good, beside the list of principals and in the broker's own file: who may write into the
 * database can take a revocation out of it again, and undoes nothing by that. A key that is over
 * is over; its name gets another one. */
#ifndef EOCBUS_BROKER_ACCESS_ACTS_H
#define EOCBUS_BROKER_ACCESS_ACTS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/officers.h"
#include "proto/base/status.h"
#include "proto/wire/record.h"

struct acts {
    struct act {
        struct revocation what;
        uint8_t *bytes; /* the OfficerAct */
        size_t len;
    } * list; /* in the order of names */
    size_t count, room;
};
void acts_free(struct acts *a);

/* Remembers an OfficerAct. ST_DENIED: no pinned officer signed it, or it revokes another name, or
 * another key of it; name NULL: whoever it revokes. ST_NOMEM. One that is known costs no
 * verification. */
MUST_CHECK enum status acts_take(struct acts *a, const struct officers *o, const uint8_t *bytes,
                                 size_t len, const char *name, const uint8_t key[KEY_BYTES]);
/* The first that ended this key, or the name with all its keys; NULL: none. Borrowed until
 * acts_take. */
const struct revocation *acts_find(const struct acts *a, const char *name,
                                   const uint8_t key[KEY_BYTES]);

#endif
