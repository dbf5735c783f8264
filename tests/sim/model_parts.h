/* model_parts - what the files of the model share: its state, values on their way out (rows) and in
 * (parameters that are arrays), and what each file has for the others. */
#ifndef EOCBUS_TESTS_SIM_MODEL_PARTS_H
#define EOCBUS_TESTS_SIM_MODEL_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/model.h"
#include "tests/sim/sim.h"

struct quarantined {
    uint8_t id[ID_BYTES];
    int32_t sender_id;
    uint64_t hash, lsn;
    size_t len;
};

enum { PLACES_MOST = NODES_MOST * 40, HEADS_MOST = 256 };

struct place { /* a row of bus.cursor */
    int32_t principal_id;
    char name[65];
    unsigned lane;
    uint32_t log_epoch;
    uint64_t seq;
    int64_t generation;
};

struct model_db {
    struct place places[PLACES_MOST];
    size_t place_count;
    int64_t generation;
    uint32_t log_epoch;
    struct model_row *rows;
    size_t count, cap;
    uint64_t *slot; /* seq by hash of identity; open addressing */
    size_t slots;
    struct quarantined *kept;
    size_t kept_count, kept_cap;
    bool revoked[NODES_MOST];
    int64_t principals_version;
    uint64_t projected;
    int32_t timeline; /* of the server */
    struct head {     /* of bus.log_head, what a raise or a new timeline changes */
        uint64_t lsn; /* of its commit */
        uint32_t log_epoch;
        int32_t timeline; /* 0: null */
        uint64_t same_upto;
    } heads[HEADS_MOST];
    unsigned head_count;
    bool head_is_new;  /* it has no lsn yet */
    uint64_t sequence; /* planted */
};
extern struct model_db model_db;

/* --- model_rows.c: one value more in the row under way; a row ends with rows_end -------------- */
void rows_put(struct pg_rows *r, const void *data, size_t len, bool is_null);
void rows_put_int(struct pg_rows *r, unsigned size, int64_t v);
void rows_put_null(struct pg_rows *r);
void rows_put_text(struct pg_rows *r, const char *text);
void rows_put_time(struct pg_rows *r, int64_t utc_us); /* 0 = null */
void rows_end(struct pg_rows *r);

struct column {
    const uint8_t *at;
    uint32_t left;
};
void column_begin(struct column *c, const struct model_params *p, unsigned column);
const uint8_t *column_next(struct column *c, size_t *len); /* NULL: null, or past the end */
int64_t column_next_int(struct column *c);
int64_t column_next_time(struct column *c);                        /* UTC microseconds; 0 = null */
int64_t model_param_int(const struct model_params *p, unsigned i); /* no array: one number */

/* --- model.c: the log ------------------------------------------------------------------------- */
bool model_is_same_place(const struct model_row *a, const struct model_row *b);
const struct model_row *model_find_seen(const struct model_row *m); /* NULL: it is new */
const struct model_row *model_add_row(struct model_row *m);         /* takes its content */
void model_free_row(struct model_row *m);

/* --- model_head.c: the row of the head, with its past ----------------------------------------- */
struct head *model_last_head(void);
void model_change_head(uint32_t log_epoch, int32_t timeline, uint64_t same_upto);
void model_shorten_heads(uint64_t lsn, uint64_t upto);
void model_ask_place(struct pg_rows *out);
void model_ask_head(struct pg_rows *out);
void model_ask_raise(const struct model_params *p, struct pg_rows *out);

/* --- model_places.c: durable names ------------------------------------------------------------ */
void model_ask_cursor_open(const struct model_params *p, struct pg_rows *out);
void model_ask_cursor_move(const struct model_params *p, struct pg_rows *out);
void model_clip_places(void);

#endif
