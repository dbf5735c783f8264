/* model_append - bus.append: a batch is computed, and then applied or forgotten. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "broker/store/append.h"
#include "broker/store/array.h"
#include "tests/sim/check.h"
#include "tests/sim/model_parts.h"

bool model_needs_lock(const struct model_params *p)
{
    return p->p[M_SENDER].data != NULL;
}

static void read_row(struct model_row *m, struct column c[COLUMNS], int64_t now_us)
{
    size_t len;
    const uint8_t *p;

    memset(m, 0, sizeof(*m));
    m->sender_id = (int32_t)column_next_int(&c[M_SENDER]);
    m->epoch = (uint64_t)column_next_int(&c[M_EPOCH]);
    m->lane = (uint8_t)column_next_int(&c[M_LANE]);
    m->lane_seq = (uint64_t)column_next_int(&c[M_LANE_SEQ]);
    p = column_next(&c[M_ID], &len);
    memcpy(m->message_id, p, ID_BYTES);
    m->type = (uint16_t)column_next_int(&c[M_TYPE]);
    m->status = (uint8_t)column_next_int(&c[M_STATUS]);
    p = column_next(&c[M_PLACES], &len);
    memcpy(m->places, p, len < PLACES_TEXT ? len : PLACES_TEXT - 1);
    m->event_us = column_next_time(&c[M_EVENT]);
    m->received_us = column_next_time(&c[M_RECEIVED]);
    m->not_after_us = column_next_time(&c[M_NOT_AFTER]);
    m->offset_ms = (int32_t)column_next_int(&c[M_OFFSET]);
    m->marks = (uint8_t)column_next_int(&c[M_MARKS]);
    m->expired = m->not_after_us && m->not_after_us <= now_us && sim.plant != PLANT_EXPIRED_FIRED;
    p = column_next(&c[M_CONTENT], &len);
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

static bool is_illegal(const struct model_row *m)
{
    return memmem(m->content, m->content_len, CHECK_ILLEGAL, strlen(CHECK_ILLEGAL)) != NULL;
}

static void read_quarantine(struct model_txn *t, const struct model_params *p)
{
    struct column id, sender, content;
    size_t len;

    column_begin(&id, p, Q_ID);
    column_begin(&sender, p, Q_SENDER);
    column_begin(&content, p, Q_CONTENT);
    t->kept = mem_zalloc((id.left + 1) * sizeof(*t->kept));
    assert(t->kept);
    while (id.left) {
        struct quarantined *q = &t->kept[t->kept_count++];

        const uint8_t *data;

        memcpy(q->id, column_next(&id, &len), ID_BYTES);
        q->sender_id = (int32_t)column_next_int(&sender);
        data = column_next(&content, &len);
        q->hash = check_hash(data, len);
        q->len = len;
    }
}

/* Of what the ledger refuses; the words are those of tests/integration/model_test.c. */
static void put_refusals(struct model_txn *t, const int *outcome, unsigned n)
{
    static const char *const words[] = {"state", "activity_log_entry.text", "It is not legal."};
    struct array a = {0};
    struct pg_param param;
    bool any = false;

    for (unsigned i = 0; i < n; i++)
        any |= outcome[i] == OUTCOME_REFUSED;
    rows_put_null(&t->answer); /* verdict: what is applied here has no life cycle */
    for (unsigned w = 0; w < 3; w++) {
        array_begin(&a, ARRAY_TEXT);
        for (unsigned i = 0; i < n; i++)
            if (outcome[i] == OUTCOME_REFUSED)
                array_text(&a, words[w]);
            else
                array_null(&a);
        param = array_param(&a);
        rows_put(&t->answer, any ? param.data : NULL, any ? param.len : 0, !any);
    }
    array_free(&a);
}

static void answer(struct model_txn *t, uint64_t before, uint64_t head, const int *outcome,
                   const uint64_t *seq, bool has_expiry, bool seen_before, unsigned n)
{
    struct array a = {0};
    struct pg_param param;

    rows_put_int(&t->answer, 4, model_db.log_epoch);
    rows_put_int(&t->answer, 8, (int64_t)before);
    rows_put_int(&t->answer, 8, (int64_t)head);
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
        rows_put(&t->answer, param.data, param.len, !param.data);
    } else {
        rows_put_null(&t->answer);
    }
    if (seen_before) {
        array_begin(&a, ARRAY_INT2);
        for (unsigned i = 0; i < n; i++)
            array_int2(&a, outcome[i]);
        param = array_param(&a);
        rows_put(&t->answer, param.data, param.len, false);
        array_begin(&a, ARRAY_INT8);
        for (unsigned i = 0; i < n; i++)
            if (outcome[i] == OUTCOME_REFUSED)
                array_null(&a);
            else
                array_int8(&a, (int64_t)seq[i]);
        param = array_param(&a);
        rows_put(&t->answer, param.data, param.len, !param.data);
    } else {
        rows_put_null(&t->answer);
        rows_put_null(&t->answer);
    }
    put_refusals(t, outcome, n);
    rows_end(&t->answer);
    array_free(&a);
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
    return sim.plant == PLANT_PLAIN_SEQUENCE ? model_db.sequence : model_db.count;
}

static void sort_out(struct model_txn *t, unsigned n, int *outcome, uint64_t *seq,
                     bool *seen_before)
{
    uint64_t number = last_number();

    for (unsigned i = 0; i < n; i++) {
        struct model_row *m = &t->rows[i];
        const struct model_row *seen = sim.plant == PLANT_NO_DEDUP ? NULL : model_find_seen(m);

        outcome[i] = !seen ? is_illegal(m) ? OUTCOME_REFUSED : OUTCOME_STORED
                     : seen->content_len == m->content_len &&
                             !memcmp(seen->content, m->content, m->content_len)
                         ? OUTCOME_REPEATED
                         : OUTCOME_CONFLICT;
        seq[i] = seen ? seen->seq : outcome[i] == OUTCOME_STORED ? ++number : 0;
        m->seq = outcome[i] == OUTCOME_STORED ? number : 0;
        m->log_epoch = model_db.log_epoch;
        *seen_before |= outcome[i] != OUTCOME_STORED;
        if (outcome[i] == OUTCOME_CONFLICT || outcome[i] == OUTCOME_REFUSED)
            keep_conflict(t, m);
        for (unsigned j = 0; j < i; j++)
            if (model_is_same_place(m, &t->rows[j]) && sim.plant == PLANT_NONE)
                sim_violate("one batch holds lane number %llu of sender %d twice",
                            (unsigned long long)m->lane_seq, m->sender_id);
    }
    model_db.sequence = number; /* taken, whatever becomes of the transaction */
}

/* bus.append_refused: the log has another epoch than the broker knows, or lacks what it knows. */
static bool refuse(struct model_txn *t, const struct model_params *p)
{
    if (model_param_int(p, K_EPOCH) == model_db.log_epoch &&
        model_param_int(p, K_SEQ) <= (int64_t)model_db.count)
        return false;
    answer(t, model_db.count, model_db.count, NULL, NULL, false, false, 0);
    return true;
}

void model_compute(struct model_txn *t, const struct model_params *p, int64_t now_us)
{
    struct column c[COLUMNS];
    uint64_t before = last_number(), head = before, *seq;
    bool seen_before = false;
    unsigned n;
    int *outcome;

    memset(t, 0, sizeof(*t));
    if (refuse(t, p))
        return;
    for (unsigned i = 0; i < COLUMNS; i++)
        column_begin(&c[i], p, i);
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

static void store_row(struct model_row *m)
{
    uint64_t seq = m->seq;

    assert(seq == model_db.count + 1 || sim.plant == PLANT_PLAIN_SEQUENCE);
    check_stored(model_add_row(m));
}

static void keep(const struct quarantined *q)
{
    for (size_t i = 0; i < model_db.kept_count; i++)
        if (!memcmp(model_db.kept[i].id, q->id, ID_BYTES))
            return;
    if (model_db.kept_count == model_db.kept_cap) {
        model_db.kept_cap = model_db.kept_cap ? model_db.kept_cap * 2 : 64;
        model_db.kept = mem_realloc(model_db.kept, model_db.kept_cap * sizeof(*model_db.kept));
        assert(model_db.kept);
    }
    model_db.kept[model_db.kept_count++] = *q;
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
        model_free_row(&t->rows[i]);
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
