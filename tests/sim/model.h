/* model - the database in a few hundred lines: what sql/queries answer, with the meaning of
 * bus.append and its siblings, kept in memory. It knows nothing of time, connections and faults
 * (sim_pg.c): a transaction is computed, and then applied or forgotten. */
#ifndef EOCBUS_TESTS_SIM_MODEL_H
#define EOCBUS_TESTS_SIM_MODEL_H

#include <stdio.h>

#include "proto/base/pg.h"
#include "proto/base/ids.h"
#include "proto/base/mem.h"
#include "proto/wire/topic.h"

enum { MODEL_PARAMS = 40, MODEL_COLS = 21 };

struct model_row { /* of bus.message; times as UTC microseconds, 0 = null */
    uint64_t seq, epoch, lane_seq;
    uint64_t lsn; /* of its commit */
    uint32_t log_epoch;
    int32_t sender_id, offset_ms;
    uint8_t lane, status;
    uint16_t type;
    uint8_t marks;
    bool expired, has_expiry;
    int64_t event_us, received_us, not_after_us;
    uint8_t message_id[ID_BYTES];
    char places[PLACES_TEXT];
    uint8_t *content;
    size_t content_len;
};

/* A result: cells of binary values, as libpq gives them. */
struct pg_rows {
    size_t rows;
    int cols;
    struct cell {
        size_t at, len;
        bool is_null;
    } * cells;
    size_t cell_count, cell_cap;
    struct buf bytes;
};
void rows_free(struct pg_rows *r);

struct model_params {
    unsigned n;
    struct pg_param p[MODEL_PARAMS]; /* data owned */
};

/* One transaction of bus.append: computed, not yet there. */
struct model_txn {
    struct model_row *rows;
    size_t count;
    struct quarantined *kept;
    size_t kept_count;
    bool takes_lock;
    const char *sqlstate; /* it fails; NULL = it may be applied */
    struct pg_rows answer;
};

void model_reset(void);
/* Needs the lock of the head? (A batch of refusals alone does not.) */
bool model_needs_lock(const struct model_params *p);
void model_compute(struct model_txn *t, const struct model_params *p, int64_t now_us);
bool model_stores(const struct model_txn *t);        /* anything at all? */
void model_apply(struct model_txn *t, uint64_t lsn); /* commit, as number lsn of all commits */
void model_forget(struct model_txn *t);
/* Writes parameters and answer of one append: for each of them a number of values (uint32), and
 * each value as its length (int32, -1 = null) and its bytes; numbers in the order of this machine.
 */
void model_record(const struct model_params *p, const struct pg_rows *answer, FILE *out);

/* Every other statement, by its name in sql/queries. False: none of that name. */
bool model_ask(const char *query, const struct model_params *p, struct pg_rows *out);
void model_set_principal(int32_t id, bool is_revoked);

uint64_t model_head(void);
uint32_t model_log_epoch(void);
/* A statement has changed the epoch or the timeline of the head; its commit has this number. */
bool model_head_is_new(void);
void model_keep_head(uint64_t lsn);
void model_restore(uint64_t upto, uint64_t lsn); /* what is behind is gone; a new epoch */
/* Another server goes on, with what was committed up to lsn, on the next timeline. Whoever stores
 * there next has the epoch raised. */
void model_promote(uint64_t lsn);
const struct model_row *model_row(uint64_t seq);
/* Was this content refused and kept? */
bool model_has_quarantined(int32_t sender_id, const void *content, size_t len);

#endif
