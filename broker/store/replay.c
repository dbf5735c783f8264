/* replay - see replay.h.
 *
 * Numbers are gapless, so "the next 512 messages" is a span of numbers, and PostgreSQL finds a span
 * by the BRIN index without sorting what lies behind it. A page that comes back short ended at the
 * byte bound; one that comes back empty holds nothing of the lanes asked for, or lies in a
 * partition that was taken away.
 *
 * What is for one principal is found by an index, so its pages are bounded by messages, not by
 * numbers: one page may span the whole log. */
#include "broker/store/replay.h"

#include <endian.h>
#include <string.h>

#include "proto/base/pg.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum {
    /* Content in one page. Some 3,000 readings or 16 of the largest messages: what one listener's
     * window takes, and the most that one page keeps in memory twice (libpq's result and the
     * parcels). */
    REPLAY_PAGE_BYTES = 1048576,
    /* Messages for one principal in one page. One that stands alone takes PostgreSQL about 1 ms:
     * nobody else waits longer than some 50 ms for the connection. */
    REPLAY_TO_ROWS = 48,
    REPLAY_DEADLINE_MS = 30000,
};

enum { /* columns of sql/queries/replay.sql */
       C_SEQ,
       C_LOG_EPOCH,
       C_SENDER,
       C_EPOCH,
       C_LANE,
       C_LANE_SEQ,
       C_ID,
       C_TYPE,
       C_STATUS,
       C_PLACES,
       C_EVENT,
       C_RECEIVED,
       C_NOT_AFTER,
       C_OFFSET,
       C_VERDICT,
       C_EXPIRED,
       C_MARKS,
       C_CONTENT,
       C_SIGNATURE,
       C_REACH,
       C_KEYS,
};
enum { /* of principals.sql */
       P_ID,
       P_NAME,
       P_AGENCY,
       P_ROLES,
       P_PLACES,
       P_KEY,
       P_NOT_AFTER,
       P_SIGN_KEY,
       P_SERIAL,
       P_ENROLMENT,
       P_SHUT,
       P_RULES,
       P_REVOKED,
       P_REVOCATION,
};

enum question { ASK_PAGE, ASK_TO, ASK_LAST, ASK_TIME, ASK_PRINCIPALS };

struct job {
    struct list link;
    struct replay *replay;
    enum question what;
    uint64_t after, upto;
    int64_t time_us;
    uint64_t asked_us;    /* of ASK_PRINCIPALS */
    unsigned lanes, rows; /* rows: of ASK_TO and ASK_LAST */
    const char *to;       /* of ASK_TO, borrowed from whoever asked */
    store_page_fn page;   /* NULL: cancelled, or a question for principals */
    store_principal_fn principal;
    void *arg;
};

struct replay {
    struct pg *pg;
    struct pg_exits exits;
    struct list jobs, urgent, rights;
    struct job *asked; /* under way */
    bool was_urgent;   /* the last one that was asked */
};

static void ask_next(struct replay *r);

/* --- pages ------------------------------------------------------------------------------------ */

/* Wrapped keys are no part of the row: they are there, or they were destroyed. */
static bool take_keys(struct parcel *p, const struct pg_rows *rows, size_t i)
{
    const void *keys;

    if (pg_is_null(rows, i, C_KEYS))
        return true;
    keys = pg_bytes(rows, i, C_KEYS, &p->keys_len);
    p->keys = mem_alloc(p->keys_len);
    if (!p->keys)
        return false;
    memcpy(p->keys, keys, p->keys_len);
    return true;
}

static struct parcel *parcel_of_row(const struct pg_rows *rows, size_t i)
{
    size_t content_len, signature_len, len;
    const void *content = pg_bytes(rows, i, C_CONTENT, &content_len);
    const void *signature = pg_bytes(rows, i, C_SIGNATURE, &signature_len);
    struct parcel *p = parcel_create(content, content_len, signature, signature_len);
    const void *id = pg_bytes(rows, i, C_ID, &len);
    const char *places = pg_bytes(rows, i, C_PLACES, &len);

    if (!p)
        return NULL;
    p->principal_id = (int32_t)pg_int(rows, i, C_SENDER);
    p->id.epoch = (uint64_t)pg_int(rows, i, C_EPOCH);
    p->id.lane = (uint32_t)pg_int(rows, i, C_LANE);
    p->id.lane_seq = (uint64_t)pg_int(rows, i, C_LANE_SEQ);
    memcpy(p->message_id, id, ID_BYTES);
    p->type = (uint16_t)pg_int(rows, i, C_TYPE);
    p->status = (uint8_t)pg_int(rows, i, C_STATUS);
    memcpy(p->places, places, len < PLACES_TEXT ? len : PLACES_TEXT - 1);
    p->event_time_us = pg_time_us(rows, i, C_EVENT);
    p->received_time_us = pg_time_us(rows, i, C_RECEIVED);
    p->not_after_us = pg_time_us(rows, i, C_NOT_AFTER);
    p->clock_offset_ms = (int32_t)pg_int(rows, i, C_OFFSET);
    p->log_epoch = (uint32_t)pg_int(rows, i, C_LOG_EPOCH);
    p->seq = (uint64_t)pg_int(rows, i, C_SEQ);
    p->verdict = (uint32_t)pg_int(rows, i, C_VERDICT);
    p->expired = pg_int(rows, i, C_EXPIRED);
    p->marks = (uint8_t)(pg_int(rows, i, C_MARKS) & ((1 << PARCEL_LABEL_SHIFT) - 1));
    p->history = true;
    parcel_peek(p);
    if (!pg_is_null(rows, i, C_REACH) && !(p->reach = mem_strdup(pg_text(rows, i, C_REACH))))
        parcel_drop(&p);
    if (p && !take_keys(p, rows, i))
        parcel_drop(&p);
    return p;
}

static void end_page(struct job *job, enum status st, uint64_t looked_at)
{
    struct parcel *none = NULL;

    if (job->page)
        job->page(job->arg, st, &none, looked_at);
}

/* Pages of numbers were looked at to their end; the others say by how many came. */
static bool may_be_more(const struct job *job, size_t n)
{
    return (job->what == ASK_TO && n >= job->rows) || (job->what == ASK_LAST && n);
}

/* A page that came back with less than its bytes was looked at to its end, whatever of it is of
 * these lanes. Out of memory in the middle: the page simply ends there; nobody can tell it from the
 * byte bound. */
static void give_page(struct job *job, const struct pg_rows *rows)
{
    size_t n = pg_row_count(rows), i, bytes = 0;
    uint64_t looked_at = job->after;
    struct parcel *p;

    for (i = 0; i < n && job->page && (p = parcel_of_row(rows, i)); i++) {
        looked_at = p->seq;
        bytes += p->content_len;
        job->page(job->arg, ST_OK, &p, 0);
        parcel_drop(&p); /* NULL when it was taken */
    }
    if (i == n && bytes < REPLAY_PAGE_BYTES && !may_be_more(job, n))
        looked_at = job->upto;
    end_page(job, ST_OK, looked_at);
}

/* --- principals ------------------------------------------------------------------------------- */

static struct store_principal read_principal(const struct pg_rows *rows, size_t i)
{
    size_t key_len, sign_len, len, act_len;
    const void *key = pg_bytes(rows, i, P_KEY, &key_len);
    const void *sign_key = pg_bytes(rows, i, P_SIGN_KEY, &sign_len);
    const void *enrolment = pg_bytes(rows, i, P_ENROLMENT, &len);
    const void *act = pg_bytes(rows, i, P_REVOCATION, &act_len);
    struct store_principal row = {
        .principal_id = (int32_t)pg_int(rows, i, P_ID),
        .name = pg_text(rows, i, P_NAME),
        .agency = pg_text(rows, i, P_AGENCY),
        .roles = pg_text(rows, i, P_ROLES),
        .places = pg_text(rows, i, P_PLACES),
        .not_after_us = pg_time_us(rows, i, P_NOT_AFTER),
        .sign_key = sign_len == 32 ? sign_key : NULL,
        .serial = (uint64_t)pg_int(rows, i, P_SERIAL),
        .enrolment = len ? enrolment : NULL,
        .enrolment_len = len,
        .is_shut = pg_int(rows, i, P_SHUT) != 0,
        .revoked_us = pg_time_us(rows, i, P_REVOKED),
        .revocation = act_len ? act : NULL,
        .revocation_len = act_len,
        .rules = pg_is_null(rows, i, P_RULES) ? NULL : pg_text(rows, i, P_RULES),
    };

    memcpy(row.public_key, key, key_len < 32 ? key_len : 32);
    return row;
}

static void give_principals(struct job *job, const struct pg_rows *rows)
{
    struct store_principal none = {0};

    for (size_t i = 0; i < pg_row_count(rows) && job->principal; i++) {
        struct store_principal row = read_principal(rows, i);

        job->principal(job->arg, ST_OK, &row);
    }
    if (job->principal)
        job->principal(job->arg, ST_OK, &none);
}

/* --- the queue -------------------------------------------------------------------------------- */

static void close_job(struct job *job)
{
    struct store_principal none = {0};

    if (job->principal)
        job->principal(job->arg, ST_CLOSED, &none);
    else
        end_page(job, ST_CLOSED, 0);
    mem_free(job);
}

static void on_answer(void *arg, const struct pg_reply *reply)
{
    struct job *job = arg;
    struct replay *r = job->replay;

    r->asked = NULL;
    if (reply->answer != PG_ROWS) {
        close_job(job);
    } else {
        r->asked = job; /* may be cancelled from inside its own page */
        if (job->what == ASK_PRINCIPALS)
            give_principals(job, reply->rows);
        else if (job->what == ASK_TIME)
            end_page(job, ST_OK, (uint64_t)pg_int(reply->rows, 0, 0));
        else
            give_page(job, reply->rows);
        r->asked = NULL;
        mem_free(job);
    }
    ask_next(r);
}

static enum status ask(struct replay *r, struct job *job)
{
    uint64_t words[4] = {htobe64(job->after), htobe64(job->upto), htobe64(REPLAY_PAGE_BYTES),
                         htobe64(job->rows)};
    uint64_t time_us = htobe64((uint64_t)job->time_us);
    uint32_t lanes = htobe32(job->lanes), rows = htobe32(job->rows);
    struct pg_param span[6] = {{&words[0], 8}, {&words[1], 8}, {&words[2], 8}, {&lanes, 4}};
    struct pg_param time = {&time_us, 8};
    static const struct {
        const char *query;
        unsigned params;
    } of[] = {[ASK_PAGE] = {"replay", 4},
              [ASK_TO] = {"replay_to", 6},
              [ASK_LAST] = {"last_values", 4},
              [ASK_TIME] = {"seq_at", 1},
              [ASK_PRINCIPALS] = {"principals", 0}};

    if (job->what == ASK_TO) {
        span[4] = (struct pg_param){job->to, strlen(job->to)};
        span[5] = (struct pg_param){&words[3], 8};
    } else if (job->what == ASK_LAST) {
        span[3] = (struct pg_param){&rows, 4};
    }
    return pg_query(r->pg, of[job->what].query, job->what == ASK_TIME ? &time : span,
                    of[job->what].params, REPLAY_DEADLINE_MS, on_answer, job);
}

/* Rights go before everything: a revoked key hears what is handed on until they are read. Then by
 * turns, if both wait: while others store faster than we read, the follower wants its next page
 * as soon as it has one, and nobody who is behind would ever hear anything. */
static struct list *pop_next(struct replay *r)
{
    if (!list_empty(&r->rights))
        return list_pop(&r->rights);
    r->was_urgent = !list_empty(&r->urgent) && !(r->was_urgent && !list_empty(&r->jobs));
    return list_pop(r->was_urgent ? &r->urgent : &r->jobs);
}

static void ask_next(struct replay *r)
{
    struct list *link;

    while (!r->asked && pg_is_idle(r->pg) && (link = pop_next(r))) {
        struct job *job = container_of(link, struct job, link);

        if (!job->page && !job->principal) {
            mem_free(job);
            continue;
        }
        r->asked = job;
        if (ask(r, job) != ST_OK) {
            r->asked = NULL;
            close_job(job);
        }
    }
}

static enum status add_job(struct replay *r, struct list *to, const struct job *like)
{
    struct job *job;

    if (!pg_is_ready(r->pg))
        return ST_CLOSED;
    job = mem_alloc(sizeof(*job));
    if (!job)
        return ST_NOMEM;
    *job = *like;
    job->replay = r;
    list_add_tail(to, &job->link);
    ask_next(r);
    return ST_OK;
}

static void on_ready(void *arg)
{
    struct replay *r = arg;

    if (r->exits.ready)
        r->exits.ready(r->exits.arg);
    ask_next(r);
}

static void on_gone(void *arg)
{
    struct replay *r = arg;
    struct list mine, *link;

    list_init(&mine);
    list_move(&mine, &r->rights);
    list_move(&mine, &r->urgent);
    list_move(&mine, &r->jobs);
    while ((link = list_pop(&mine)))
        close_job(container_of(link, struct job, link));
    if (r->exits.gone)
        r->exits.gone(r->exits.arg);
}

/* --- the door --------------------------------------------------------------------------------- */

enum status replay_page(struct replay *r, uint64_t after, uint64_t upto, unsigned rows,
                        unsigned lanes, const char *to, bool is_urgent, store_page_fn page,
                        void *arg)
{
    struct job job = {.what = to ? ASK_TO : ASK_PAGE,
                      .after = after,
                      .upto = upto,
                      .lanes = lanes,
                      .rows = rows < REPLAY_TO_ROWS ? rows : REPLAY_TO_ROWS,
                      .to = to,
                      .page = page,
                      .arg = arg};

    if (!to && rows < upto - after)
        job.upto = after + rows;
    return add_job(r, is_urgent ? &r->urgent : &r->jobs, &job);
}

enum status replay_last(struct replay *r, uint64_t after, uint64_t upto, unsigned rows,
                        store_page_fn page, void *arg)
{
    struct job job = {
        .what = ASK_LAST, .after = after, .upto = upto, .rows = rows, .page = page, .arg = arg};

    return add_job(r, &r->jobs, &job);
}

enum status replay_find_time(struct replay *r, int64_t time_us, store_page_fn page, void *arg)
{
    struct job job = {.what = ASK_TIME, .time_us = time_us, .page = page, .arg = arg};

    return add_job(r, &r->jobs, &job);
}

enum status replay_principals(struct replay *r, uint64_t now_us, store_principal_fn row, void *arg)
{
    struct job job = {
        .what = ASK_PRINCIPALS, .asked_us = now_us ? now_us : 1, .principal = row, .arg = arg};

    return add_job(r, &r->rights, &job);
}

uint64_t replay_waits_since(const struct replay *r)
{
    if (r->asked && r->asked->what == ASK_PRINCIPALS)
        return r->asked->asked_us;
    return list_empty(&r->rights) ? 0 : container_of(r->rights.next, struct job, link)->asked_us;
}

static void cancel(struct job *job, const void *arg)
{
    if (job->arg == arg) {
        job->page = NULL;
        job->principal = NULL;
    }
}

void replay_cancel(struct replay *r, void *arg)
{
    struct list *pos;

    if (r->asked)
        cancel(r->asked, arg);
    list_each(pos, &r->rights)
        cancel(container_of(pos, struct job, link), arg);
    list_each(pos, &r->urgent)
        cancel(container_of(pos, struct job, link), arg);
    list_each(pos, &r->jobs)
        cancel(container_of(pos, struct job, link), arg);
}

enum status replay_create(struct replay **out, const struct pg_settings *set,
                          const struct pg_exits *exits)
{
    struct replay *r = mem_zalloc(sizeof(*r));
    const struct pg_exits mine = {.arg = r,
                                  .accept = exits->accept,
                                  .accept_arg = exits->accept_arg,
                                  .ready = on_ready,
                                  .gone = on_gone};
    enum status st;

    if (!r)
        return ST_NOMEM;
    r->exits = *exits;
    list_init(&r->jobs);
    list_init(&r->urgent);
    list_init(&r->rights);
    st = pg_create(&r->pg, set, &mine);
    if (st != ST_OK) {
        mem_free(r);
        return st;
    }
    *out = r;
    return ST_OK;
}

bool replay_is_ready(const struct replay *r)
{
    return pg_is_ready(r->pg);
}

void replay_redial(struct replay *r, const char *why)
{
    if (pg_is_ready(r->pg))
        pg_redial(r->pg, why);
}

void replay_destroy(struct replay *r)
{
    struct list *link;

    if (!r)
        return;
    pg_destroy(r->pg);
    while ((link = list_pop(&r->rights)) || (link = list_pop(&r->urgent)) ||
           (link = list_pop(&r->jobs)))
        mem_free(container_of(link, struct job, link));
    mem_free(r->asked);
    mem_free(r);
}
