/* batch_parts - a batch as its files know it: batch.c collects, batch_encode.c writes it as arrays,
 * batch_settle.c reads the answer. */
#ifndef EOCBUS_BROKER_STORE_BATCH_PARTS_H
#define EOCBUS_BROKER_STORE_BATCH_PARTS_H

#include "broker/store/append.h"
#include "broker/store/array.h"
#include "broker/store/batch.h"

struct run {
    int32_t sender_id;
    uint32_t lane;
    uint64_t epoch, first, last;
    unsigned low, high; /* ordinals of its first and last message */
    unsigned older;     /* index + 1 of another run of this lane; 0 = none */
};

struct batch {
    unsigned rows, messages, runs, rows_max, slots;
    struct parcel **row;
    struct run *run;
    unsigned *slot; /* index + 1 of the newest run of a lane; 0 = free */
    struct array column[COLUMNS];
    uint32_t known_epoch; /* big-endian */
    uint64_t known_seq;
};

#endif
