/* model - see model.h. */
#include "tests/sim/model.h"

#include <assert.h>
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/store/array.h"
#include "proto/wire/limits.h"
#include "proto/wire/log_past.h"
#include "sql/sql_text.h"
#include "tests/sim/check.h"
#include "tests/sim/sim.h"

enum { /* parameters of bus.append */
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
       K_EPOCH, /* plain values: what the broker knows of the log */
       K_SEQ,
       COLUMNS = K_EPOCH
};

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

static struct {
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
} db;

/* --- results ------------------------------------------------------------------------------------
 */

void rows_free(struct pg_rows *r)
{
    mem_free(r->cells);
    buf_free(&r->bytes);
    memset(r, 0, sizeof(*r));
}

static void put_cell(struct pg_rows *r, const void *data, size_t len, bool is_null)
{
    static const char nul = 0;

    if (r->cell_count == r->cell_cap) {
        r->cell_cap = r->cell_cap ? r->cell_cap * 2 : 32;
        r->cells = mem_realloc(r->cells, r->cell_cap * sizeof(*r->cells));
        assert(r->cells);
    }
    r->cells[r->cell_count++] = (struct cell){r->bytes.len, is_null ? 0 : len, is_null};
    if (!is_null)
        buf_put(&r->bytes, data, len);
    buf_put(&r->bytes, &nul, 1);
}

static void put_int(struct pg_rows *r, unsigned size, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);

    put_cell(r, (uint8_t *)&be + 8 - size, size, false);
}

static void put_null(struct pg_rows *r)
{
    put_cell(r, NULL, 0, true);
}

static void put_text(struct pg_rows *r, const char *text)
{
    put_cell(r, text, strlen(text), false);
}

static void put_time(struct pg_rows *r, int64_t utc_us)
{
    if (utc_us)
        put_int(r, 8, utc_us - PG_EPOCH_US);
    else
        put_null(r);
}

static void end_row(struct pg_rows *r)
{
    r->rows++;
    r->cols = (int)(r->cell_count / r->rows);
}

static const struct cell *cell_of(const struct pg_rows *r, size_t row, int col)
{
    assert(row < r->rows && col < r->cols);
    return &r->cells[row * (size_t)r->cols + (size_t)col];
}

size_t pg_row_count(const struct pg_rows *r)
{
    return r->rows;
}

bool pg_is_null(const struct pg_rows *r, size_t row, int col)
{
    return cell_of(r, row, col)->is_null;
}

const void *pg_bytes(const struct pg_rows *r, size_t row, int col, size_t *len)
{
    *len = cell_of(r, row, col)->len;
    return r->bytes.data + cell_of(r, row, col)->at;
}

const char *pg_text(const struct pg_rows *r, size_t row, int col)
{
    size_t len;

    return pg_bytes(r, row, col, &len);
}

int64_t pg_int(const struct pg_rows *r, size_t row, int col)
{
    size_t len;
    const uint8_t *p = pg_bytes(r, row, col, &len);
    uint64_t v = 0;

    if (pg_is_null(r, row, col))
        return 0;
    for (size_t i = 0; i < len && i < 8; i++)
        v = v << 8 | p[i];
    if (len == 2)
        return (int16_t)v;
    return len == 4 ? (int32_t)v : (int64_t)v;
}

int64_t pg_time_us(const struct pg_rows *r, size_t row, int col)
{
    return pg_is_null(r, row, col) ? 0 : pg_int(r, row, col) + PG_EPOCH_US;
}

/* --- parameters that are arrays ------------------------------------------------------------------
 */

struct cursor {
    const uint8_t *at;
    uint32_t left;
};

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return be32toh(v);
}

static void begin(struct cursor *c, const struct model_params *p, unsigned column)
{
    const uint8_t *data = p->p[column].data;

    c->left = data ? get32(data + 12) : 0;
    c->at = data ? data + 20 : NULL;
}

/* NULL: null, or past the end. */
static const uint8_t *next(struct cursor *c, size_t *len)
{
    const uint8_t *data = c->at + 4;
    uint32_t n;

    *len = 0;
    if (!c->left)
        return NULL;
    c->left--;
    n = get32(c->at);
    c->at += 4;
    if (n == UINT32_MAX)
        return NULL;
    c->at += n;
    *len = n;
    return data;
}

static int64_t next_int(struct cursor *c)
{
    size_t len;
    const uint8_t *p = next(c, &len);
    uint64_t v = 0;

    for (size_t i = 0; p && i < len; i++)
        v = v << 8 | p[i];
    return len == 2 ? (int16_t)v : len == 4 ? (int32_t)v : (int64_t)v;
}

static int64_t next_time(struct cursor *c)
{
    struct cursor look = *c;
    size_t len;
    bool is_null = !next(&look, &len);
    int64_t v = next_int(c);

    return is_null ? 0 : v + PG_EPOCH_US;
}

/* --- what was seen
 * -------------------------------------------------------------------------------- */

static uint64_t hash_identity(const struct model_row *m)
{
    struct rng r = {(uint64_t)(uint32_t)m->sender_id << 32 ^ (uint64_t)m->lane << 28 ^ m->lane_seq};

    if (sim.plant != PLANT_EPOCH_IGNORED)
        r.state ^= m->epoch * UINT64_C(0x9e3779b97f4a7c15);
    return rng_u64(&r);
}

static bool is_same_place(const struct model_row *a, const struct model_row *b)
{
    return a->sender_id == b->sender_id && a->lane == b->lane && a->lane_seq == b->lane_seq &&
           (a->epoch == b->epoch || sim.plant == PLANT_EPOCH_IGNORED);
}

static const struct model_row *find_seen(const struct model_row *m)
{
    for (size_t i = hash_identity(m); db.slots && db.slot[i & (db.slots - 1)]; i++) {
        const struct model_row *seen = &db.rows[db.slot[i & (db.slots - 1)] - 1];

        if (is_same_place(seen, m))
            return seen;
    }
    return NULL;
}

static void add_slot(uint64_t seq)
{
    size_t i = hash_identity(&db.rows[seq - 1]);

    while (db.slot[i & (db.slots - 1)])
        i++;
    db.slot[i & (db.slots - 1)] = seq;
}

static void fill_slots(void)
{
    for (uint64_t seq = 1; seq <= db.count; seq++)
        if (db.rows[seq - 1].seq)
            add_slot(seq);
}

static void grow_slots(void)
{
    if ((db.count + 1) * 2 < db.slots)
        return;
    db.slots = db.slots ? db.slots * 2 : 4096;
    mem_free(db.slot);
    db.slot = mem_zalloc(db.slots * sizeof(*db.slot));
    assert(db.slot);
    fill_slots();
}

static int64_t param_int(const struct model_params *p, unsigned i)
{
    const uint8_t *data = p->p[i].data;
    uint64_t v = 0;

    for (size_t at = 0; at < p->p[i].len; at++)
        v = v << 8 | data[at];
    return (int64_t)v;
}

/* --- append
 * --------------------------------------------------------------------------------------- */

bool model_needs_lock(const struct model_params *p)
{
    return p->p[M_SENDER].data != NULL;
}

static void read_row(struct model_row *m, struct cursor c[COLUMNS], int64_t now_us)
{
    size_t len;
    const uint8_t *p;

    memset(m, 0, sizeof(*m));
    m->sender_id = (int32_t)next_int(&c[M_SENDER]);
    m->epoch = (uint64_t)next_int(&c[M_EPOCH]);
    m->lane = (uint8_t)next_int(&c[M_LANE]);
    m->lane_seq = (uint64_t)next_int(&c[M_LANE_SEQ]);
    p = next(&c[M_ID], &len);
    memcpy(m->message_id, p, ID_BYTES);
    m->type = (uint16_t)next_int(&c[M_TYPE]);
    m->status = (uint8_t)next_int(&c[M_STATUS]);
    p = next(&c[M_PLACES], &len);
    memcpy(m->places, p, len < PLACES_TEXT ? len : PLACES_TEXT - 1);
    m->event_us = next_time(&c[M_EVENT]);
    m->received_us = next_time(&c[M_RECEIVED]);
    m->not_after_us = next_time(&c[M_NOT_AFTER]);
    m->offset_ms = (int32_t)next_int(&c[M_OFFSET]);
    m->marks = (uint8_t)next_int(&c[M_MARKS]);
    m->expired = m->not_after_us && m->not_after_us <= now_us && sim.plant != PLANT_EXPIRED_FIRED;
    p = next(&c[M_CONTENT], &len);
    m->content = mem_alloc(len ? len : 1);
    assert(m->content);
    memcpy(m->content, p, len);
    m->content_len = len;
}

/* A constraint that a row of data may break: stands for all that PostgreSQL may say of data. */
static bool is_poison(const struct model_row *m)
{
    return memmem(m->content, m->content_len, CHECK_POISON, strlen(CHECK_POISON)) != NULL;
}

static void read_quarantine(struct model_txn *t, const struct model_params *p)
{
    struct cursor id, sender, content;
    size_t len;

    begin(&id, p, Q_ID);
    begin(&sender, p, Q_SENDER);
    begin(&content, p, Q_CONTENT);
    t->kept = mem_zalloc((id.left + 1) * sizeof(*t->kept));
    assert(t->kept);
    while (id.left) {
        struct quarantined *q = &t->kept[t->kept_count++];

        const uint8_t *data;

        memcpy(q->id, next(&id, &len), ID_BYTES);
        q->sender_id = (int32_t)next_int(&sender);
        data = next(&content, &len);
        q->hash = check_hash(data, len);
        q->len = len;
    }
}

enum { OUTCOME_STORED = 1, OUTCOME_REPEATED, OUTCOME_CONFLICT };

static void answer(struct model_txn *t, uint64_t before, uint64_t head, const int *outcome,
                   const uint64_t *seq, bool has_expiry, bool seen_before, unsigned n)
{
    struct array a = {0};
    struct pg_param param;

    put_int(&t->answer, 4, db.log_epoch);
    put_int(&t->answer, 8, (int64_t)before);
    put_int(&t->answer, 8, (int64_t)head);
    if (has_expiry) {
        array_begin(&a, ARRAY_BOOL);
        for (unsigned i = 0; i < n; i++) {
            uint8_t yes = t->rows[i].expired;

            if (t->rows[i].not_after_us)
                array_bytes(&a, &yes, 1);
            else
                array_null(&a);
        }
        param = array_param(&a);
        put_cell(&t->answer, param.data, param.len, !param.data);
    } else {
        put_null(&t->answer);
    }
    if (seen_before) {
        array_begin(&a, ARRAY_INT2);
        for (unsigned i = 0; i < n; i++)
            array_int2(&a, outcome[i]);
        param = array_param(&a);
        put_cell(&t->answer, param.data, param.len, false);
        array_begin(&a, ARRAY_INT8);
        for (unsigned i = 0; i < n; i++)
            array_int8(&a, (int64_t)seq[i]);
        param = array_param(&a);
        put_cell(&t->answer, param.data, param.len, false);
    } else {
        put_null(&t->answer);
        put_null(&t->answer);
    }
    for (unsigned i = 0; i < 4;
         i++) /* verdict, code, path, refusal: nothing here has a life cycle */
        put_null(&t->answer);
    end_row(&t->answer);
    array_free(&a);
}

static void free_row(struct model_row *m)
{
    mem_free(m->content);
    m->content = NULL;
}

static void keep_conflict(struct model_txn *t, const struct model_row *m)
{
    struct quarantined *q;

    t->kept = mem_realloc(t->kept, (t->kept_count + 1) * sizeof(*t->kept));
    assert(t->kept);
    q = &t->kept[t->kept_count++];
    memset(q, 0, sizeof(*q));
    q->sender_id = m->sender_id;
    q->hash = check_hash(m->content, m->content_len);
    q->len = m->content_len;
    memcpy(q->id, &q->hash, sizeof(q->hash));
}

static uint64_t last_number(void)
{
    return sim.plant == PLANT_PLAIN_SEQUENCE ? db.sequence : db.count;
}

static void sort_out(struct model_txn *t, unsigned n, int *outcome, uint64_t *seq,
                     bool *seen_before)
{
    uint64_t number = last_number();

    for (unsigned i = 0; i < n; i++) {
        struct model_row *m = &t->rows[i];
        const struct model_row *seen = sim.plant == PLANT_NO_DEDUP ? NULL : find_seen(m);

        outcome[i] = !seen ? OUTCOME_STORED
                     : seen->content_len == m->content_len &&
                             !memcmp(seen->content, m->content, m->content_len)
                         ? OUTCOME_REPEATED
                         : OUTCOME_CONFLICT;
        seq[i] = seen ? seen->seq : ++number;
        m->seq = seen ? 0 : number;
        m->log_epoch = db.log_epoch;
        *seen_before |= seen != NULL;
        if (outcome[i] == OUTCOME_CONFLICT)
            keep_conflict(t, m);
        for (unsigned j = 0; j < i; j++)
            if (is_same_place(m, &t->rows[j]) && sim.plant == PLANT_NONE)
                sim_violate("one batch holds lane number %llu of sender %d twice",
                            (unsigned long long)m->lane_seq, m->sender_id);
    }
    db.sequence = number; /* taken, whatever becomes of the transaction */
}

/* bus.append_refused: the log has another epoch than the broker knows, or lacks what it knows. */
static bool refuse(struct model_txn *t, const struct model_params *p)
{
    if (param_int(p, K_EPOCH) == db.log_epoch && param_int(p, K_SEQ) <= (int64_t)db.count)
        return false;
    answer(t, db.count, db.count, NULL, NULL, false, false, 0);
    return true;
}

void model_compute(struct model_txn *t, const struct model_params *p, int64_t now_us)
{
    struct cursor c[COLUMNS];
    uint64_t before = last_number(), head = before, *seq;
    bool seen_before = false;
    unsigned n;
    int *outcome;

    memset(t, 0, sizeof(*t));
    if (refuse(t, p))
        return;
    for (unsigned i = 0; i < COLUMNS; i++)
        begin(&c[i], p, i);
    n = c[M_SENDER].left;
    t->rows = mem_zalloc((n + 1) * sizeof(*t->rows));
    outcome = mem_zalloc((n + 1) * sizeof(*outcome));
    seq = mem_zalloc((n + 1) * sizeof(*seq));
    assert(t->rows && outcome && seq);
    for (unsigned i = 0; i < n; i++) {
        read_row(&t->rows[i], c, now_us);
        if (is_poison(&t->rows[i]))
            t->sqlstate = "22021";
    }
    t->count = n;
    read_quarantine(t, p);
    if (!t->sqlstate) {
        sort_out(t, n, outcome, seq, &seen_before);
        for (unsigned i = 0; i < n; i++)
            head += outcome[i] == OUTCOME_STORED;
        answer(t, before, head, outcome, seq, p->p[M_NOT_AFTER].data != NULL, seen_before, n);
    }
    mem_free(outcome);
    mem_free(seq);
}

static void make_room(void)
{
    grow_slots();
    if (db.count < db.cap)
        return;
    db.cap = db.cap ? db.cap * 2 : 1024;
    db.rows = mem_realloc(db.rows, db.cap * sizeof(*db.rows));
    assert(db.rows);
}

static void store_row(struct model_row *m)
{
    uint64_t seq = m->seq;

    assert(seq == db.count + 1 || sim.plant == PLANT_PLAIN_SEQUENCE);
    while (db.count <
           seq) { /* behind a plain sequence there are numbers that nobody has used yet */
        make_room();
        memset(&db.rows[db.count++], 0, sizeof(*db.rows));
    }
    db.rows[seq - 1] = *m;
    m->content = NULL; /* the log has it now */
    add_slot(seq);
    check_stored(&db.rows[seq - 1]);
}

static void keep(const struct quarantined *q)
{
    for (size_t i = 0; i < db.kept_count; i++)
        if (!memcmp(db.kept[i].id, q->id, ID_BYTES))
            return;
    if (db.kept_count == db.kept_cap) {
        db.kept_cap = db.kept_cap ? db.kept_cap * 2 : 64;
        db.kept = mem_realloc(db.kept, db.kept_cap * sizeof(*db.kept));
        assert(db.kept);
    }
    db.kept[db.kept_count++] = *q;
}

bool model_stores(const struct model_txn *t)
{
    bool any = t->kept_count;

    for (size_t i = 0; i < t->count; i++)
        any |= t->rows[i].seq != 0;
    return any;
}

void model_apply(struct model_txn *t, uint64_t lsn)
{
    for (size_t i = 0; i < t->count; i++) {
        t->rows[i].lsn = lsn;
        if (t->rows[i].seq)
            store_row(&t->rows[i]);
    }
    for (size_t i = 0; i < t->kept_count && sim.plant != PLANT_REFUSAL_NOT_KEPT; i++) {
        t->kept[i].lsn = lsn;
        keep(&t->kept[i]);
    }
}

void model_forget(struct model_txn *t)
{
    for (size_t i = 0; i < t->count; i++)
        free_row(&t->rows[i]);
    mem_free(t->rows);
    mem_free(t->kept);
    rows_free(&t->answer);
    memset(t, 0, sizeof(*t));
}

static void write_value(const void *data, size_t len, bool is_null, FILE *out)
{
    int32_t size = is_null ? -1 : (int32_t)len;

    fwrite(&size, sizeof(size), 1, out);
    if (!is_null)
        fwrite(data, 1, len, out);
}

void model_record(const struct model_params *p, const struct pg_rows *answer, FILE *out)
{
    uint32_t cells = (uint32_t)answer->cell_count, n = p->n;

    fwrite(&n, sizeof(n), 1, out);
    for (unsigned i = 0; i < n; i++)
        write_value(p->p[i].data, p->p[i].len, !p->p[i].data, out);
    fwrite(&cells, sizeof(cells), 1, out);
    for (unsigned i = 0; i < cells; i++)
        write_value(answer->bytes.data + answer->cells[i].at, answer->cells[i].len,
                    answer->cells[i].is_null, out);
}

/* --- the other statements
 * --------------------------------------------------------------------------
 */

static void put_row(struct pg_rows *out, const struct model_row *m)
{
    put_int(out, 8, (int64_t)m->seq);
    put_int(out, 4, m->log_epoch);
    put_int(out, 4, m->sender_id);
    put_int(out, 8, (int64_t)m->epoch);
    put_int(out, 2, m->lane);
    put_int(out, 8, (int64_t)m->lane_seq);
    put_cell(out, m->message_id, ID_BYTES, false);
    put_int(out, 2, m->type);
    put_int(out, 2, m->status);
    put_text(out, m->places);
    put_time(out, m->event_us);
    put_time(out, m->received_us);
    put_time(out, m->not_after_us);
    put_int(out, 4, m->offset_ms);
    put_null(out);
    put_int(out, 1, m->expired);
    put_int(out, 2, m->marks);
    put_cell(out, m->content, m->content_len, false);
    put_null(out);
    put_null(out);
    put_null(out);
    end_row(out);
}

static void ask_replay(const struct model_params *p, struct pg_rows *out)
{
    uint64_t after = (uint64_t)param_int(p, 0), upto = (uint64_t)param_int(p, 1);
    uint32_t lanes;
    int64_t bytes = 0, most = param_int(p, 2);

    memcpy(&lanes, p->p[3].data, sizeof(lanes));
    lanes = be32toh(lanes);
    for (uint64_t seq = after + 1; seq <= upto && seq <= db.count && bytes < most; seq++) {
        if (!db.rows[seq - 1].seq || !(lanes >> db.rows[seq - 1].lane & 1))
            continue;
        put_row(out, &db.rows[seq - 1]);
        bytes += (int64_t)db.rows[seq - 1].content_len;
    }
}

/* As if nothing had been projected yet: then every batch may be the last one. */
static void ask_last_values(const struct model_params *p, struct pg_rows *out)
{
    enum { OBSERVATION_BATCH = 100 };
    uint64_t after = (uint64_t)param_int(p, 0), upto = (uint64_t)param_int(p, 1);
    uint32_t most;

    memcpy(&most, p->p[3].data, sizeof(most));
    most = be32toh(most);
    for (uint64_t seq = after + 1; seq <= upto && seq <= db.count && out->rows < most; seq++)
        if (db.rows[seq - 1].seq && db.rows[seq - 1].type == OBSERVATION_BATCH)
            put_row(out, &db.rows[seq - 1]);
}

static void ask_seq_at(const struct model_params *p, struct pg_rows *out)
{
    enum { MARGIN_US = 10000000 };
    int64_t time_us = param_int(p, 0) - MARGIN_US;
    uint64_t seq = 1;

    while (seq <= db.count && (!db.rows[seq - 1].seq || db.rows[seq - 1].received_us < time_us))
        seq++;
    put_int(out, 8, (int64_t)seq - 1);
    end_row(out);
}

static void ask_schema(struct pg_rows *out)
{
    char timeline[16];

    snprintf(timeline, sizeof(timeline), "%08X", (unsigned)db.timeline);
    put_int(out, 4, sql_version());
    put_int(out, 1, 0);
    put_text(out, timeline);
    put_text(out, "model");
    put_int(out, 1, sim.standby == STANDBY_SYNC);
    put_int(out, 8, sql_digest("functions/"));
    end_row(out);
}

static struct head *last_head(void)
{
    return &db.heads[db.head_count - 1];
}

static void change_head(uint32_t log_epoch, int32_t timeline, uint64_t same_upto)
{
    assert(db.head_count < HEADS_MOST);
    db.heads[db.head_count++] =
        (struct head){.log_epoch = log_epoch, .timeline = timeline, .same_upto = same_upto};
    db.head_is_new = true;
    if (log_epoch > db.log_epoch)
        check_raised(db.log_epoch, log_epoch);
    db.log_epoch = log_epoch;
}

bool model_head_is_new(void)
{
    return db.head_is_new;
}

void model_keep_head(uint64_t lsn)
{
    for (unsigned i = db.head_count; --i > 0 && !db.heads[i].lsn;)
        db.heads[i].lsn = lsn;
    db.head_is_new = false;
}

/* bus.log_past */
static void put_past(struct pg_rows *out)
{
    struct log_past past = {0};
    char text[LOG_PAST_MOST * 32] = "";

    for (unsigned i = 0; i < db.head_count; i++)
        if (!past.count || past.at[past.count - 1].log_epoch < db.heads[i].log_epoch)
            log_past_add(&past, db.heads[i].log_epoch, db.heads[i].same_upto);
    for (unsigned i = 0; i < past.count; i++) {
        size_t at = strlen(text);

        snprintf(text + at, sizeof(text) - at, "%s%" PRIu32 ":%" PRIu64, i ? " " : "",
                 past.at[i].log_epoch, past.at[i].same_upto);
    }
    put_text(out, text);
}

/* bus.see_timeline. True: it has raised the epoch. */
static bool see_timeline(void)
{
    int32_t was = last_head()->timeline;
    bool raised = was && was != db.timeline && sim.plant != PLANT_TIMELINE_UNSEEN;
    uint32_t above = db.log_epoch + 1;

    if (raised)
        above = above > (uint32_t)db.timeline * 16 ? above : (uint32_t)db.timeline * 16;
    if (was != db.timeline && sim.plant != PLANT_TIMELINE_UNSEEN)
        change_head(raised ? above : db.log_epoch, db.timeline, raised ? db.count : 0);
    return raised;
}

static void ask_place(struct pg_rows *out)
{
    bool raised = see_timeline();

    put_int(out, 4, db.log_epoch);
    put_int(out, 8, (int64_t)db.count);
    put_int(out, 1, raised);
    put_past(out);
    end_row(out);
}

static void ask_head(struct pg_rows *out)
{
    put_int(out, 4, db.log_epoch);
    put_int(out, 8, (int64_t)db.count);
    put_int(out, 8, db.principals_version);
    put_int(out, 1, 0);
    put_int(out, 4, 0);
    put_past(out);
    end_row(out);
}

static void ask_principals(struct pg_rows *out)
{
    static const char rules[] = "1 everyone allow say * any HOUSEHOLD_PERSONAL - 0 0\n"
                                "2 everyone allow hear * any HOUSEHOLD_PERSONAL - 0 0\n"
                                "3 everyone allow flash * any HOUSEHOLD_PERSONAL - 0 0";
    bool first = true;

    for (unsigned i = 0; i < sim.nodes; i++) {
        const struct node *n = &sim.node[i];
        uint8_t key[32];

        if (n->kind != NODE_AGENT || db.revoked[i])
            continue;
        check_key(key, n->name);
        put_int(out, 4, (int64_t)n->index + 1);
        put_text(out, n->name);
        put_text(out, "");
        put_text(out, "");
        put_text(out, "");
        put_cell(out, key, sizeof(key), false);
        put_null(out); /* not_after */
        put_null(out); /* sign_key */
        put_int(out, 8, 0);
        put_null(out); /* enrolment */
        put_int(out, 1, 0);
        if (first)
            put_text(out, rules);
        else
            put_null(out);
        put_null(out); /* revoked_at */
        first = false;
        end_row(out);
    }
}

static void ask_raise(const struct model_params *p, struct pg_rows *out)
{
    uint32_t expected = (uint32_t)param_int(p, 0), above = (uint32_t)param_int(p, 1);
    bool seen = see_timeline();
    bool raised = (seen && db.log_epoch <= above) || expected == db.log_epoch;

    if (raised)
        change_head((above > db.log_epoch ? above : db.log_epoch) + 1, last_head()->timeline, 0);
    put_int(out, 4, db.log_epoch);
    put_int(out, 1, raised || seen);
    end_row(out);
}

/* --- durable names -------------------------------------------------------------------------------
 */

static struct place *find_place(int32_t principal_id, const char *name, unsigned lane)
{
    for (size_t i = 0; i < db.place_count; i++) {
        struct place *at = &db.places[i];

        if (at->principal_id == principal_id && at->lane == lane && !strcmp(at->name, name))
            return at;
    }
    return NULL;
}

static struct place *make_place(int32_t principal_id, const char *name, unsigned lane, uint64_t seq)
{
    struct place *at = &db.places[db.place_count++];

    assert(db.place_count <= PLACES_MOST);
    *at = (struct place){.principal_id = principal_id, .lane = lane, .seq = seq};
    snprintf(at->name, sizeof(at->name), "%s", name);
    return at;
}

static void read_name(struct cursor *c, char name[65])
{
    size_t len;
    const uint8_t *text = next(c, &len);

    assert(text && len < 65);
    memcpy(name, text, len);
    name[len] = 0;
}

static void open_lane(struct pg_rows *out, struct place *at, int ordinal)
{
    at->log_epoch = db.log_epoch;
    at->generation = db.generation;
    if (at->seq > db.count)
        at->seq = db.count;
    put_int(out, 4, ordinal);
    put_int(out, 2, at->lane);
    put_int(out, 4, at->log_epoch);
    put_int(out, 8, (int64_t)at->seq);
    put_int(out, 8, at->generation);
    end_row(out);
}

static void ask_cursor_open(const struct model_params *p, struct pg_rows *out)
{
    struct cursor principal, name, lanes, epoch, after, first;

    begin(&principal, p, 0);
    begin(&name, p, 1);
    begin(&lanes, p, 2);
    begin(&epoch, p, 4);
    begin(&after, p, 5);
    begin(&first, p, 6);
    for (int ordinal = 1; principal.left; ordinal++) {
        int32_t id = (int32_t)next_int(&principal);
        unsigned set = (unsigned)next_int(&lanes);
        struct cursor look = after;
        size_t len;
        bool is_told = next(&look, &len);
        uint64_t own = (uint64_t)next_int(&after);
        uint64_t from = next_int(&first) || is_told ? 0 : db.count;
        char text[65];

        is_told = (uint32_t)next_int(&epoch) == db.log_epoch && is_told;
        read_name(&name, text);
        db.generation++;
        for (unsigned lane = 1; lane <= 5; lane++) {
            struct place *at = find_place(id, text, lane);

            if (!(set >> lane & 1))
                continue;
            at = at ? at : make_place(id, text, lane, from);
            at->seq = is_told ? own : at->seq;
            open_lane(out, at, ordinal);
        }
    }
}

static void ask_cursor_move(const struct model_params *p, struct pg_rows *out)
{
    struct cursor principal, name, lanes, generation, epoch, upto;

    begin(&principal, p, 0);
    begin(&name, p, 1);
    begin(&lanes, p, 2);
    begin(&generation, p, 3);
    begin(&epoch, p, 4);
    begin(&upto, p, 5);
    for (int ordinal = 1; principal.left; ordinal++) {
        int32_t id = (int32_t)next_int(&principal);
        unsigned set = (unsigned)next_int(&lanes);
        int64_t mine = next_int(&generation);
        uint32_t log_epoch = (uint32_t)next_int(&epoch);
        uint64_t seq = (uint64_t)next_int(&upto);
        bool is_taken = false;
        char text[65];

        read_name(&name, text);
        for (unsigned lane = 1; lane <= 5; lane++) {
            struct place *at = find_place(id, text, lane);

            if (!(set >> lane & 1))
                continue;
            if (!at || at->generation != mine)
                is_taken = true;
            else if (log_epoch == db.log_epoch && at->log_epoch == log_epoch && seq > at->seq)
                at->seq = seq < db.count ? seq : db.count;
        }
        if (is_taken) {
            put_int(out, 4, ordinal);
            end_row(out);
        }
    }
}

/* Cursors come back with their log: none is beyond its end. */
static void clip_places(void)
{
    for (size_t i = 0; i < db.place_count; i++)
        if (db.places[i].seq > db.count)
            db.places[i].seq = db.count;
}

bool model_ask(const char *query, const struct model_params *p, struct pg_rows *out)
{
    if (!strcmp(query, "head")) {
        ask_head(out);
    } else if (!strcmp(query, "place")) {
        ask_place(out);
    } else if (!strcmp(query, "replay")) {
        ask_replay(p, out);
    } else if (!strcmp(query, "last_values")) {
        ask_last_values(p, out);
    } else if (!strcmp(query, "seq_at")) {
        ask_seq_at(p, out);
    } else if (!strcmp(query, "replay_to")) { /* nothing is addressed here */
    } else if (!strcmp(query, "schema")) {
        ask_schema(out);
    } else if (!strcmp(query, "cursor_open")) {
        ask_cursor_open(p, out);
    } else if (!strcmp(query, "cursor_move")) {
        ask_cursor_move(p, out);
    } else if (!strcmp(query, "principals")) {
        ask_principals(out);
    } else if (!strcmp(query, "raise_epoch")) {
        ask_raise(p, out);
    } else if (!strcmp(query, "tick")) { /* nothing is addressed here, so nothing is due */
        for (unsigned i = 0; i < 3; i++)
            put_int(out, 4, 0);
        put_int(out, 1, 0);
        end_row(out);
    } else if (!strcmp(query, "project_place")) {
        put_int(out, 8, (int64_t)db.projected);
        put_int(out, 8, (int64_t)db.count);
        end_row(out);
    } else if (!strcmp(query, "project_put")) {
        db.projected = (uint64_t)param_int(p, 1);
        put_int(out, 1, 1);
        end_row(out);
    } else {
        return !strcmp(query, "project_page") || !strcmp(query, "summarize") ||
               !strcmp(query, "session") || !strcmp(query, "settings") ||
               !strncmp(query, "listen_", 7);
    }
    return true;
}

void model_set_principal(int32_t id, bool is_revoked)
{
    db.revoked[sim.brokers + (unsigned)id - 1] = is_revoked;
    db.principals_version++;
}

/* --- for the checks
 * ---------------------------------------------------------------------------------
 */

uint64_t model_head(void)
{
    return db.count;
}

uint32_t model_log_epoch(void)
{
    return db.log_epoch;
}

/* What is behind `upto` is gone; the epoch is as it was. */
static void shorten_log(uint64_t upto)
{
    uint64_t head = db.count;

    while (db.count > upto)
        free_row(&db.rows[--db.count]);
    if (db.slots)
        memset(db.slot, 0, db.slots * sizeof(*db.slot));
    fill_slots();
    clip_places();
    if (db.projected > upto)
        db.projected = upto;
    check_lost(upto, head);
}

void model_restore(uint64_t upto, uint64_t lsn)
{
    shorten_log(upto);
    change_head(db.log_epoch + 1, last_head()->timeline, 0); /* whoever brings it back does that */
    model_keep_head(lsn);
}

/* An epoch that was raised, and is not on the standby, was never raised. */
static void shorten_heads(uint64_t lsn, uint64_t upto)
{
    while (db.head_count > 1 && last_head()->lsn > lsn)
        db.head_count--;
    if (last_head()->log_epoch < db.log_epoch)
        check_lowered(db.log_epoch, last_head()->log_epoch, upto);
    db.log_epoch = last_head()->log_epoch;
}

void model_promote(uint64_t lsn)
{
    uint64_t upto = db.count;
    size_t kept = 0;

    db.timeline++;
    while (upto && db.rows[upto - 1].lsn > lsn)
        upto--;
    for (size_t i = 0; i < db.kept_count; i++)
        if (db.kept[i].lsn <= lsn)
            db.kept[kept++] = db.kept[i];
    db.kept_count = kept;
    check_promoted(upto);
    shorten_heads(lsn, upto);
    if (upto < db.count)
        shorten_log(upto);
}

const struct model_row *model_row(uint64_t seq)
{
    return seq && seq <= db.count && db.rows[seq - 1].seq ? &db.rows[seq - 1] : NULL;
}

bool model_has_quarantined(int32_t sender_id, const void *content, size_t len)
{
    uint64_t hash = check_hash(content, len);

    for (size_t i = 0; i < db.kept_count; i++)
        if (db.kept[i].sender_id == sender_id && db.kept[i].hash == hash && db.kept[i].len == len)
            return true;
    return false;
}

void model_reset(void)
{
    for (size_t i = 0; i < db.count; i++)
        free_row(&db.rows[i]);
    mem_free(db.rows);
    mem_free(db.slot);
    mem_free(db.kept);
    memset(&db, 0, sizeof(db));
    db.log_epoch = 1;
    db.timeline = 1;
    db.heads[db.head_count++] = (struct head){.log_epoch = 1, .timeline = 1};
    db.principals_version = 1;
}
