/* queue - parcels that wait for a commit: one list per lane, and in front of all of them those
 * whose batch failed, so that order within a lane survives. Bounded by rows and bytes; who puts
 * asks for room first. Pure. */
#ifndef EOCBUS_BROKER_STORE_QUEUE_H
#define EOCBUS_BROKER_STORE_QUEUE_H

#include "broker/parcel.h"
#include "broker/store/batch.h"

enum { QUEUE_LANES = 5, QUEUE_LANE_FLASH = 1 };

struct queue {
    struct list lane[QUEUE_LANES], again;
    unsigned rows, rows_max;
    size_t bytes, bytes_max;
};

void queue_init(struct queue *q, unsigned rows_max, size_t bytes_max);
bool queue_has_room(const struct queue *q, const struct parcel *p);
void queue_put(struct queue *q, struct parcel *p);
/* All of them in front, in their order; the list is empty then. */
void queue_put_back(struct queue *q, struct list *parcels);
/* The next one: from what was put back, then the most urgent lane; NULL when empty. */
struct parcel *queue_take(struct queue *q);
/* Moves parcels into the batch until it holds `limit`, or something has to wait for the next. */
void queue_fill(struct queue *q, struct batch *b, unsigned limit);

#endif
