/* batch - see batch.h.
 *
 * The runs of one lane hang together from a small hash table: slot -> newest run -> older runs.
 * Nearly always a lane comes in order, so the newest run is the one that grows and the walk is one
 * step. */
#include "broker/store/batch.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "broker/store/array.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum column { /* parameters of bus.append, in its order */
              M_SENDER,
              M_EPOCH,
              M_LANE,
              M_LANE_SEQ,
              M_ID,
              M_TYPE,
              M_STATUS,
              M_PLACES,
              M_EVENT,
              M_RECEIVED,
              M_NOT_AFTER,
              M_OFFSET,
              M_MARKS,
              M_CONTENT,
              M_SIGNATURE,
              M_TO,
              M_KEYS,
              R_SENDER,
              R_EPOCH,
              R_LANE,
              R_FIRST,
              R_LAST,
              R_LOW,
              R_HIGH,
              D_ORDINAL,
              D_DOC,
              Q_ID,
              Q_RECEIVED,
              Q_SENDER,
              Q_CODE,
              Q_PATH,
              Q_TEXT,
              Q_CONTENT,
              Q_SIGNATURE,
              K_EPOCH, /* from here on plain values: what must be in the log */
              K_SEQ,
              COLUMNS = K_EPOCH,
};

static const enum array_of kinds[COLUMNS] = {
    [M_SENDER] = ARRAY_INT4,     [M_EPOCH] = ARRAY_INT8,     [M_LANE] = ARRAY_INT2,
    [M_LANE_SEQ] = ARRAY_INT8,   [M_ID] = ARRAY_UUID,        [M_TYPE] = ARRAY_INT2,
    [M_STATUS] = ARRAY_INT2,     [M_PLACES] = ARRAY_TEXT,    [M_EVENT] = ARRAY_TIME,
    [M_RECEIVED] = ARRAY_TIME,   [M_NOT_AFTER] = ARRAY_TIME, [M_OFFSET] = ARRAY_INT4,
    [M_MARKS] = ARRAY_INT2,      [M_CONTENT] = ARRAY_BYTEA,  [M_SIGNATURE] = ARRAY_BYTEA,
    [M_TO] = ARRAY_TEXT,         [M_KEYS] = ARRAY_BYTEA,     [R_SENDER] = ARRAY_INT4,
    [R_EPOCH] = ARRAY_INT8,      [R_LANE] = ARRAY_INT2,      [R_FIRST] = ARRAY_INT8,
    [R_LAST] = ARRAY_INT8,       [R_LOW] = ARRAY_INT4,       [R_HIGH] = ARRAY_INT4,
    [D_ORDINAL] = ARRAY_INT4,    [D_DOC] = ARRAY_JSONB,      [Q_ID] = ARRAY_UUID,
    [Q_RECEIVED] = ARRAY_TIME,   [Q_SENDER] = ARRAY_INT4,    [Q_CODE] = ARRAY_TEXT,
    [Q_PATH] = ARRAY_TEXT,       [Q_TEXT] = ARRAY_TEXT,      [Q_CONTENT] = ARRAY_BYTEA,
    [Q_SIGNATURE] = ARRAY_BYTEA,
};

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

enum status batch_create(struct batch **out, unsigned rows_max)
{
    struct batch *b = mem_zalloc(sizeof(*b));

    if (!b)
        return ST_NOMEM;
    b->rows_max = rows_max;
    for (b->slots = 16; b->slots < 2 * rows_max; b->slots *= 2)
        ;
    b->row = mem_zalloc(rows_max * sizeof(*b->row));
    if (!b->row)
        goto fail_batch;
    b->run = mem_zalloc(rows_max * sizeof(*b->run));
    if (!b->run)
        goto fail_row;
    b->slot = mem_zalloc(b->slots * sizeof(*b->slot));
    if (!b->slot)
        goto fail_run;
    *out = b;
    return ST_OK;

fail_run:
    mem_free(b->run);
fail_row:
    mem_free(b->row);
fail_batch:
    mem_free(b);
    return ST_NOMEM;
}

void batch_destroy(struct batch *b)
{
    if (!b)
        return;
    for (unsigned i = 0; i < b->rows; i++)
        parcel_drop(&b->row[i]);
    for (unsigned i = 0; i < COLUMNS; i++)
        array_free(&b->column[i]);
    mem_free(b->slot);
    mem_free(b->run);
    mem_free(b->row);
    mem_free(b);
}

unsigned batch_rows(const struct batch *b)
{
    return b->rows;
}

/* --- runs ------------------------------------------------------------------------------------- */

/* Fibonacci hashing; what it must spread is few senders with neighbouring ids. */
static unsigned hash_lane(const struct parcel *p)
{
    uint64_t h = (uint64_t)(uint32_t)p->principal_id << 3 | p->id.lane;

    h = (h ^ p->id.epoch) * UINT64_C(0x9E3779B97F4A7C15);
    return (unsigned)(h >> 32);
}

static bool run_is_of(const struct run *r, const struct parcel *p)
{
    return r->sender_id == p->principal_id && r->epoch == p->id.epoch && r->lane == p->id.lane;
}

static unsigned *find_slot(struct batch *b, const struct parcel *p)
{
    unsigned i = hash_lane(p) & (b->slots - 1);

    while (b->slot[i] && !run_is_of(&b->run[b->slot[i] - 1], p))
        i = (i + 1) & (b->slots - 1);
    return &b->slot[i];
}

static bool lane_has(const struct batch *b, unsigned newest, uint64_t lane_seq)
{
    for (unsigned i = newest; i; i = b->run[i - 1].older)
        if (b->run[i - 1].first <= lane_seq && lane_seq <= b->run[i - 1].last)
            return true;
    return false;
}

static enum status add_to_runs(struct batch *b, const struct parcel *p)
{
    unsigned *slot = find_slot(b, p);
    struct run *newest = &b->run[*slot ? *slot - 1 : 0];

    if (lane_has(b, *slot, p->id.lane_seq))
        return ST_EXISTS;
    b->messages++;
    if (*slot && newest->last + 1 == p->id.lane_seq) {
        newest->last++;
        newest->high = b->messages;
        return ST_OK;
    }
    b->run[b->runs++] = (struct run){.sender_id = p->principal_id,
                                     .lane = p->id.lane,
                                     .epoch = p->id.epoch,
                                     .first = p->id.lane_seq,
                                     .last = p->id.lane_seq,
                                     .low = b->messages,
                                     .high = b->messages,
                                     .older = *slot};
    *slot = b->runs;
    return ST_OK;
}

enum status batch_add(struct batch *b, struct parcel **take)
{
    if (b->rows == b->rows_max)
        return ST_FULL;
    if (!(*take)->refused && add_to_runs(b, *take) != ST_OK)
        return ST_EXISTS;
    b->row[b->rows++] = *take;
    *take = NULL;
    return ST_OK;
}

void batch_unload(struct batch *b, struct list *to)
{
    for (unsigned i = 0; i < b->rows; i++)
        list_add_tail(to, &b->row[i]->link);
    memset(b->slot, 0, b->slots * sizeof(*b->slot));
    b->rows = b->messages = b->runs = 0;
}

/* --- as arrays -------------------------------------------------------------------------------- */

static void encode_message(struct array *c, const struct parcel *p, int ordinal)
{
    array_int4(&c[M_SENDER], p->principal_id);
    array_int8(&c[M_EPOCH], (int64_t)p->id.epoch);
    array_int2(&c[M_LANE], (int)p->id.lane);
    array_int8(&c[M_LANE_SEQ], (int64_t)p->id.lane_seq);
    array_bytes(&c[M_ID], p->message_id, ID_BYTES);
    array_int2(&c[M_TYPE], p->type);
    array_int2(&c[M_STATUS], p->status);
    array_text(&c[M_PLACES], p->places);
    array_time(&c[M_EVENT], p->event_time_us);
    array_time(&c[M_RECEIVED], p->received_time_us);
    if (p->not_after_us)
        array_time(&c[M_NOT_AFTER], p->not_after_us);
    else
        array_null(&c[M_NOT_AFTER]);
    if (p->clock_offset_ms)
        array_int4(&c[M_OFFSET], p->clock_offset_ms);
    else
        array_null(&c[M_OFFSET]);
    if (p->marks || p->label)
        array_int2(&c[M_MARKS], p->marks | p->label << PARCEL_LABEL_SHIFT);
    else
        array_null(&c[M_MARKS]);
    array_bytes(&c[M_CONTENT], p->content, p->content_len);
    if (p->signature_len)
        array_bytes(&c[M_SIGNATURE], p->signature, p->signature_len);
    else
        array_null(&c[M_SIGNATURE]);
    if (p->to)
        array_text(&c[M_TO], p->to);
    else
        array_null(&c[M_TO]);
    if (p->keys_len)
        array_bytes(&c[M_KEYS], p->keys, p->keys_len);
    else
        array_null(&c[M_KEYS]);
    if (p->doc) {
        array_int4(&c[D_ORDINAL], ordinal);
        array_jsonb(&c[D_DOC], p->doc);
    }
}

static void encode_refused(struct array *c, const struct parcel *p)
{
    array_bytes(&c[Q_ID], p->quarantine_id, ID_BYTES);
    array_time(&c[Q_RECEIVED], p->received_time_us);
    array_int4(&c[Q_SENDER], p->principal_id);
    array_text(&c[Q_CODE], p->refused->code);
    array_text(&c[Q_PATH], p->refused->path);
    array_text(&c[Q_TEXT], p->refused->text);
    array_bytes(&c[Q_CONTENT], p->content, p->content_len);
    if (p->signature_len)
        array_bytes(&c[Q_SIGNATURE], p->signature, p->signature_len);
    else
        array_null(&c[Q_SIGNATURE]);
}

static void encode_run(struct array *c, const struct run *r)
{
    array_int4(&c[R_SENDER], r->sender_id);
    array_int8(&c[R_EPOCH], (int64_t)r->epoch);
    array_int2(&c[R_LANE], (int)r->lane);
    array_int8(&c[R_FIRST], (int64_t)r->first);
    array_int8(&c[R_LAST], (int64_t)r->last);
    array_int4(&c[R_LOW], (int32_t)r->low);
    array_int4(&c[R_HIGH], (int32_t)r->high);
}

static void encode_known(struct batch *b, const struct place *known,
                         struct pg_param params[BATCH_PARAMS])
{
    b->known_epoch = htobe32(known->log_epoch);
    b->known_seq = htobe64(known->seq);
    params[K_EPOCH] = (struct pg_param){&b->known_epoch, sizeof(b->known_epoch)};
    params[K_SEQ] = (struct pg_param){&b->known_seq, sizeof(b->known_seq)};
}

enum status batch_encode(struct batch *b, const struct place *known,
                         struct pg_param params[BATCH_PARAMS])
{
    bool failed = false;
    int ordinal = 0;

    for (unsigned i = 0; i < COLUMNS; i++)
        array_begin(&b->column[i], kinds[i]);
    for (unsigned i = 0; i < b->rows; i++) {
        if (b->row[i]->refused)
            encode_refused(b->column, b->row[i]);
        else
            encode_message(b->column, b->row[i], ++ordinal);
    }
    for (unsigned i = 0; i < b->runs; i++)
        encode_run(b->column, &b->run[i]);
    encode_known(b, known, params);
    for (unsigned i = 0; i < COLUMNS; i++) {
        params[i] = array_param(&b->column[i]);
        failed = failed || array_failed(&b->column[i]);
    }
    return failed ? ST_NOMEM : ST_OK;
}

/* An array of one element in binary is 24 bytes of head, then the element as it would stand alone.
 */
static struct pg_param element_of(const struct pg_param *array)
{
    enum { HEAD = 24 };

    if (!array->data)
        return (struct pg_param){NULL, 0};
    return (struct pg_param){(const char *)array->data + HEAD, array->len - HEAD};
}

bool batch_encode_one(const struct batch *b, struct pg_param params[BATCH_PARAMS])
{
    if (b->rows != 1 || b->messages != 1)
        return false;
    for (unsigned i = M_SENDER; i <= M_KEYS; i++)
        params[i] = element_of(&params[i]);
    params[M_KEYS + 1] = element_of(&params[D_DOC]);
    params[M_KEYS + 2] = params[K_EPOCH];
    params[M_KEYS + 3] = params[K_SEQ];
    return true;
}

/* --- the answer ------------------------------------------------------------------------------- */

enum { A_LOG_EPOCH, A_BEFORE, A_HEAD, A_EXPIRED, A_OUTCOME, A_SEQ };
enum { OUTCOME_STORED = 1, OUTCOME_REPEATED = 2, OUTCOME_CONFLICT = 3, OUTCOME_UNKEPT = 4 };

static struct refusal *make_refusal(const char *code)
{
    struct refusal *why = mem_zalloc(sizeof(*why));

    if (why)
        why->code = code;
    return why;
}

static enum status refuse_conflict(struct parcel *p, uint64_t first_seq)
{
    p->refused = make_refusal(CODE_CONFLICT);
    if (!p->refused)
        return ST_NOMEM;
    snprintf(p->refused->text, sizeof(p->refused->text),
             "Number %llu of this lane was taken by other content, stored as %llu; was the outbox "
             "copied? Make a new one.",
             (unsigned long long)p->id.lane_seq, (unsigned long long)first_seq);
    return ST_OK;
}

static enum status settle_message(struct parcel *p, int64_t outcome, uint64_t seq)
{
    p->unkept = outcome == OUTCOME_UNKEPT;
    if (outcome == OUTCOME_CONFLICT || outcome == OUTCOME_UNKEPT)
        return refuse_conflict(p, seq);
    p->seq = seq;
    p->repeated = outcome == OUTCOME_REPEATED;
    return ST_OK;
}

/* What is sent again must be what was sent. */
static void unsettle(struct batch *b)
{
    for (unsigned i = 0; i < b->rows; i++) {
        struct parcel *p = b->row[i];

        if (!p->refused || strcmp(p->refused->code, CODE_CONFLICT) != 0)
            continue;
        mem_free(p->refused);
        p->refused = NULL;
        p->unkept = false;
    }
}

struct place batch_log(const struct pg_rows *rows)
{
    return (struct place){(uint32_t)pg_int(rows, 0, A_LOG_EPOCH),
                          (uint64_t)pg_int(rows, 0, A_HEAD)};
}

enum status batch_settle(struct batch *b, const struct pg_rows *rows, uint64_t *before,
                         uint64_t *head)
{
    struct array_reader expired, outcome, seq;
    bool has_expired = array_read_begin(&expired, rows, 0, A_EXPIRED);
    bool has_outcome = array_read_begin(&outcome, rows, 0, A_OUTCOME);
    uint64_t next;
    enum status st = ST_OK;

    array_read_begin(&seq, rows, 0, A_SEQ);
    next = *before = (uint64_t)pg_int(rows, 0, A_BEFORE);
    *head = (uint64_t)pg_int(rows, 0, A_HEAD);
    for (unsigned i = 0; i < b->rows && st == ST_OK; i++) {
        struct parcel *p = b->row[i];

        p->log_epoch = (uint32_t)pg_int(rows, 0, A_LOG_EPOCH);
        if (p->refused)
            continue;
        p->expired = has_expired && array_read_int(&expired);
        if (has_outcome) {
            int64_t what = array_read_int(&outcome);

            st = settle_message(p, what, (uint64_t)array_read_int(&seq));
        } else {
            p->seq = ++next;
        }
    }
    if (st != ST_OK)
        unsettle(b);
    return st;
}

enum status batch_poison(struct parcel *p, const char *sqlstate, const char *message)
{
    p->refused = make_refusal(CODE_DATABASE);
    if (!p->refused)
        return ST_NOMEM;
    snprintf(p->refused->text, sizeof(p->refused->text), "PostgreSQL refuses it (%s): %s", sqlstate,
             message);
    return ST_OK;
}
