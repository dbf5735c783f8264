/* room - what the sources of access share; nobody else includes this. */
#ifndef EOCBUS_BROKER_ACCESS_ROOM_H
#define EOCBUS_BROKER_ACCESS_ROOM_H

#include "broker/access/access.h"
#include "broker/access/acts.h"
#include "broker/access/approve.h"
#include "broker/access/grants.h"
#include "broker/access/quota.h"
#include "broker/access/roll.h"
#include "broker/access/zap.h"
#include "proto/base/officers.h"
#include "proto/wire/limits.h"

struct access {
    struct roll *roll;                     /* in force; NULL until the first commit */
    struct roll *coming;                   /* being filled; NULL when none is */
    struct grants *grants, *coming_grants; /* what the rolls' rights live in */
    bool is_kept;                          /* `roll` is from the broker's own file */
    bool spoiled; /* `coming` could not be made: commit keeps the old one */
    struct officers officers;
    bool takes_unsigned, pins_changed;
    struct acts acts;
    uint64_t unvouched, distrusted; /* in `coming` */
    uint64_t unsigned_revocations, undone;
    struct sharing_result shared;
    char first_unsigned[LIMIT_NAME_BYTES + 1], first_undone[LIMIT_NAME_BYTES + 1];
    char distrust[256]; /* of the first one */
    struct zap *zap;
    int64_t (*utc_us)(void *arg);
    void *arg;
    struct quota knocks, forged;
    struct orders_seen orders;
    bool lets_unsigned;
    struct access_counters counters;
    char user[LIMIT_NAME_BYTES + 1 + KEY_Z85]; /* the User-Id of the last one that was let in */
};

static inline int64_t utc_now(const struct access *a)
{
    return a->utc_us(a->arg);
}

#endif
