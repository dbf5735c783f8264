/* batch_settle - what PostgreSQL answers, written into the parcels. See batch.h. */
#include <stdio.h>
#include <string.h>

#include "broker/store/batch_parts.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

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
