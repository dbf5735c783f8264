/* batch - the parcels of one commit, and their shape as arrays for bus.append. Pure: no loop, no
 * socket.
 *
 * Messages take ordinals 1, 2, 3 ... in the order in which they were added; refused parcels stand
 * beside them. For every (sender, epoch, lane) the batch knows which runs of lane numbers it
 * covers, so that PostgreSQL looks once per run and not once per message. The same place twice
 * would make that inexact: the second waits for the next batch. */
#ifndef EOCBUS_BROKER_STORE_BATCH_H
#define EOCBUS_BROKER_STORE_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "broker/parcel.h"
#include "proto/base/pg.h"
#include "broker/store/place.h"

struct batch;

enum { BATCH_PARAMS = 36, BATCH_ONE_PARAMS = 20 }; /* of append.sql, append_one.sql */

MUST_CHECK enum status batch_create(struct batch **out, unsigned rows_max);
void batch_destroy(struct batch *b); /* drops what it holds */
/* ST_FULL: rows_max reached. ST_EXISTS: its place is in this batch already. Both leave it with you.
 */
MUST_CHECK enum status batch_add(struct batch *b, struct parcel **take);
unsigned batch_rows(const struct batch *b);
/* Fills params; they point into the batch and hold until it changes. `known` is what must be in the
 * log for the batch to be stored: nothing is, if the log has another epoch or ends before it.
 * ST_NOMEM. */
MUST_CHECK enum status batch_encode(struct batch *b, const struct place *known,
                                    struct pg_param params[BATCH_PARAMS]);
/* For a batch of one message and nothing else: turns what batch_encode filled in into the
 * BATCH_ONE_PARAMS of append_one.sql. False: it is another batch. */
MUST_CHECK bool batch_encode_one(const struct batch *b, struct pg_param params[BATCH_PARAMS]);
/* The log that PostgreSQL's answer is of, and its end after the batch. If it has another epoch than
 * `known`, or ends before it, nothing was stored. */
struct place batch_log(const struct pg_rows *rows);
/* Writes PostgreSQL's answer into the parcels. *before and *head are the log's numbers around it.
 * ST_NOMEM: nothing is settled; send the batch again. */
MUST_CHECK enum status batch_settle(struct batch *b, const struct pg_rows *rows, uint64_t *before,
                                    uint64_t *head);
/* Gives everything back in order, at the tail of `to`; the batch is empty. */
void batch_unload(struct batch *b, struct list *to);
/* PostgreSQL refuses this parcel whatever we do: it becomes a refused one (code `database`). */
MUST_CHECK enum status batch_poison(struct parcel *p, const char *sqlstate, const char *message);

#endif
