/* place - a point of the log: how far it goes, as somebody knows it. Pure. */
#ifndef EOCBUS_BROKER_STORE_PLACE_H
#define EOCBUS_BROKER_STORE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

struct place {
    uint32_t log_epoch; /* 0 = nothing is known */
    uint64_t seq;       /* last number */
};

/* The log ends at `log`; does it lack what is known to have been there? Places are compared epoch
 * first: within an epoch a log only grows. */
static inline bool place_lacks(const struct place *log, const struct place *known)
{
    if (log->log_epoch != known->log_epoch)
        return log->log_epoch < known->log_epoch;
    return log->seq < known->seq;
}

#endif
