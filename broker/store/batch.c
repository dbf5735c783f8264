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

enum {
    A_LOG_EPOCH,
    A_BEFORE,
    A_HEAD,
    A_EXPIRED,
    A_OUTCOME,
    A_SEQ,
    A_VERDICT,
    A_CODE,
    A_PATH,
    A_REFUSAL,
    A_END
};
enum {
    OUTCOME_STORED = 1,
    OUTCOME_REPEATED = 2,
    OUTCOME_CONFLICT = 3,
    OUTCOME_CONFLICT_UNKEPT = 4,
    OUTCOME_REFUSED = 5,
    OUTCOME_REFUSED_UNKEPT = 6
};

/* What the answer says of the next message. A column that is null has nothing to say of any. */
struct fate {
    bool expired;
    int64_t outcome, seq, verdict;
    struct refusal why;
};

static void read_begin(struct array_reader of[A_END], const struct pg_rows *rows)
{
    for (int i = A_EXPIRED; i < A_END; i++)
        array_read_begin(&of[i], rows, 0, i);
}

static void read_fate(struct array_reader of[A_END], struct fate *f)
{
    f->expired = array_read_int(&of[A_EXPIRED]);
    f->outcome = array_read_int(&of[A_OUTCOME]);
    f->seq = array_read_int(&of[A_SEQ]);
    f->verdict = array_read_int(&of[A_VERDICT]);
    array_read_text(&of[A_CODE], f->why.word, sizeof(f->why.word));
    array_read_text(&of[A_PATH], f->why.path, sizeof(f->why.path));
    array_read_text(&of[A_REFUSAL], f->why.text, sizeof(f->why.text));
}

static struct refusal *make_refusal(struct parcel *p, const char *code)
{
    p->refused = mem_zalloc(sizeof(*p->refused));
    if (!p->refused)
        return NULL;
    p->refused->code = code;
    p->judged = true;
    return p->refused;
}

static enum status refuse_conflict(struct parcel *p, int64_t first_seq)
{
    struct refusal *why = make_refusal(p, CODE_CONFLICT);

    if (!why)
        return ST_NOMEM;
    snprintf(why->text, sizeof(why->text),
             "Number %llu of this lane was taken by other content, stored as %llu; was the outbox "
             "copied? Make a new one.",
             (unsigned long long)p->id.lane_seq, (unsigned long long)first_seq);
    return ST_OK;
}

static enum status refuse_judged(struct parcel *p, const struct refusal *said)
{
    struct refusal *why = make_refusal(p, "");

    if (!why)
        return ST_NOMEM;
    *why = *said;
    why->code = why->word;
    return ST_OK;
}

static enum status settle_message(struct parcel *p, const struct fate *f)
{
    p->unkept = f->outcome == OUTCOME_CONFLICT_UNKEPT || f->outcome == OUTCOME_REFUSED_UNKEPT;
    if (f->outcome == OUTCOME_CONFLICT || f->outcome == OUTCOME_CONFLICT_UNKEPT)
        return refuse_conflict(p, f->seq);
    if (f->outcome == OUTCOME_REFUSED || f->outcome == OUTCOME_REFUSED_UNKEPT)
        return refuse_judged(p, &f->why);
    p->seq = (uint64_t)f->seq;
    p->repeated = f->outcome == OUTCOME_REPEATED;
    p->expired = f->expired;
    p->verdict = (uint32_t)f->verdict;
    return ST_OK;
}

/* What is sent again must be what was sent. */
static void unsettle(struct batch *b)
{
    for (unsigned i = 0; i < b->rows; i++) {
        struct parcel *p = b->row[i];

        if (!p->judged || strcmp(p->refused->code, CODE_DATABASE) == 0)
            continue;
        mem_free(p->refused);
        p->refused = NULL;
        p->judged = p->unkept = false;
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
    struct array_reader of[A_END];
    bool all_stored = pg_is_null(rows, 0, A_OUTCOME);
    uint64_t next;
    enum status st = ST_OK;

    read_begin(of, rows);
    next = *before = (uint64_t)pg_int(rows, 0, A_BEFORE);
    *head = (uint64_t)pg_int(rows, 0, A_HEAD);
    for (unsigned i = 0; i < b->rows && st == ST_OK; i++) {
        struct parcel *p = b->row[i];
        struct fate f;

        p->log_epoch = (uint32_t)pg_int(rows, 0, A_LOG_EPOCH);
        if (p->refused)
            continue;
        read_fate(of, &f);
        if (all_stored) {
            f.outcome = OUTCOME_STORED;
            f.seq = (int64_t)++next;
        }
        st = settle_message(p, &f);
    }
    if (st != ST_OK)
        unsettle(b);
    return st;
}

enum status batch_poison(struct parcel *p, const char *sqlstate, const char *message)
{
    if (!make_refusal(p, CODE_DATABASE))
        return ST_NOMEM;
    snprintf(p->refused->text, sizeof(p->refused->text), "PostgreSQL refuses it (%s): %s", sqlstate,
             message);
    return ST_OK;
}
