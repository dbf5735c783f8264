/* The batch is the unit of doubt. After an answer it is settled; after "lost" it stays as it is and
 * goes out again on the next connection, as often as it takes: the places of its messages make that
 * exact. If PostgreSQL refuses it because of its data, half of it is tried, until the row at fault
 * is alone; that row goes to quarantine, the others in, in order. If PostgreSQL refuses for reasons
 * of its own (disk full, no memory), the batch waits and is tried again.
 *
 * Each batch says which log it is for: the epoch, and the last number known to be there. A log that
 * has another epoch by now takes nothing, and neither does one that ends before that number; see
 * head.c for what follows. So nothing that waits in a broker passes what was lost before it. */
#include "broker/store/room.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/log.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum { COMMIT_MOST_MS = 30000 /* an orphaned backend may hold the head's lock */ };

static void wait_and_retry(struct store *s)
{
    uint32_t random;

    loop_random(s->set.loop, &random, sizeof(random));
    s->is_waiting = true;
    loop_timer_start(s->retry, pg_pause_ms(s->refusals++, random), 0);
}

void commit_retry(struct store *s)
{
    s->is_waiting = false;
    commit_pump(s);
}

/* --- refused ---------------------------------------------------------------------------------- */

/* Everything of this batch stands in front again, in its order. */
static void take_back(struct store *s)
{
    struct list mine;

    list_init(&mine);
    batch_unload(s->batch, &mine);
    queue_put_back(&s->queue, &mine);
}

/* A row that PostgreSQL will never take: kept as it is, with PostgreSQL's words. If even that
 * cannot be kept, it is the words: they are replaced. */
static void poison(struct store *s, const struct pg_reply *reply)
{
    struct parcel *p = queue_take(&s->queue);
    struct list mine;

    log_error("store.poison", "sqlstate=%s why=\"%s\" next=\"to quarantine\"", reply->sqlstate,
              reply->message);
    if (p->refused) {
        p->refused->path[0] = 0;
        snprintf(p->refused->text, sizeof(p->refused->text),
                 "Refused; the reason could not be kept.");
    } else if (batch_poison(p, reply->sqlstate, reply->message) == ST_OK) {
        store_name_refusal(s, p);
    }
    list_init(&mine);
    list_add_tail(&mine, &p->link);
    queue_put_back(&s->queue, &mine);
}

/* A constraint of the log itself: a number is taken, so half a backup was restored. */
static bool log_is_at_fault(const struct pg_reply *reply)
{
    static const char *const tables[] = {"message", "document", "lane_run", "chain", "log_head"};

    if (strcmp(reply->sqlstate, "23514") == 0)
        return !reply->constraint[0]; /* there is no partition for it */
    if (strcmp(reply->sqlstate, "23505") != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        if (strncmp(reply->constraint, tables[i], strlen(tables[i])) == 0)
            return true;
    return !reply->constraint[0];
}

/* 20 no case fits, 21 cardinality violation, 22 data exception, 23 integrity constraint, 2F and 38
 * and 39 a function that ends badly, 54 program limit, P0 raised by a function, XX000 something
 * that PostgreSQL did not reckon with itself: it is the data, or the judge of a life cycle; one
 * message must not stop all the others. Anything else (disk, memory, rights, shutdown) says nothing
 * about the rows, nor does what is wrong with the log (XX001, XX002: a page or an index of it):
 * good messages wait until somebody has put that right. */
static bool data_is_at_fault(const struct pg_reply *reply)
{
    static const char *const classes[] = {"20", "21", "22", "23", "2F", "38", "39", "54", "P0"};

    if (log_is_at_fault(reply))
        return false;
    if (strcmp(reply->sqlstate, "XX000") == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        if (strncmp(reply->sqlstate, classes[i], 2) == 0)
            return true;
    return false;
}

/* 42 except missing rights: a function or type is not as it was when this connection was set up. */
static bool schema_has_changed(const struct pg_reply *reply)
{
    return strncmp(reply->sqlstate, "42", 2) == 0 && strcmp(reply->sqlstate, "42501") != 0;
}

static void on_refused(struct store *s, const struct pg_reply *reply)
{
    unsigned rows = batch_rows(s->batch);

    if (!data_is_at_fault(reply)) {
        log_error("store.commit.refused", "rows=%u sqlstate=%s why=\"%s\"", rows, reply->sqlstate,
                  reply->message);
        wait_and_retry(s);
        /* The next setup says whether it fits; until it does, agents go elsewhere. */
        if (schema_has_changed(reply))
            pg_redial(s->append, "the schema was changed");
        return;
    }
    take_back(s);
    s->limit = rows > 1 ? rows / 2 : 1;
    if (rows == 1)
        poison(s, reply);
    commit_pump(s);
}

/* --- committed -------------------------------------------------------------------------------- */

static void count_settled(struct store *s, const struct parcel *p)
{
    if (p->refused) {
        s->counters.refused++;
        s->counters.judged += p->judged;
        s->counters.unkept += p->unkept;
    } else if (p->repeated)
        s->counters.repeated++;
    else
        s->counters.stored++;
}

static void settle_all(struct store *s, const struct list *settled)
{
    const struct list *pos;

    list_each(pos, settled) {
        struct parcel *p = container_of(pos, struct parcel, link);

        count_settled(s, p);
        s->exits.settled(s->exits.arg, p);
    }
    s->exits.settled_all(s->exits.arg);
}

/* The next commit is under way before anybody hears of this one. */
static void on_committed(struct store *s, const struct pg_reply *reply)
{
    struct list mine;
    uint64_t before, head;

    if (batch_settle(s->batch, reply->rows, &before, &head) != ST_OK) {
        wait_and_retry(s);
        return;
    }
    s->counters.commits++;
    s->counters.commit_us_sum += loop_exact_us(s->set.loop) - s->sent_at_us;
    s->deadline_ms = s->set.commit_ms;
    s->refusals = 0;
    s->limit = s->limit * 2 < s->set.batch_rows ? s->limit * 2 : s->set.batch_rows;
    list_init(&mine);
    batch_unload(s->batch, &mine);
    commit_pump(s);
    settle_all(s, &mine);
    follow_own(&s->follow, &mine, before, head);
}

/* --- another log than it was meant for -------------------------------------------------------- */

static void give_back(struct store *s, struct list *parcels)
{
    struct list *link;

    while ((link = list_pop(parcels))) {
        struct parcel *p = container_of(link, struct parcel, link);

        s->counters.given_back++;
        s->exits.again(s->exits.arg, p);
        parcel_drop(&p);
    }
}

static void give_back_batch(struct store *s)
{
    struct list mine;

    list_init(&mine);
    batch_unload(s->batch, &mine);
    give_back(s, &mine);
}

void commit_give_back(struct store *s)
{
    bool is_under_way = pg_is_ready(s->append) && !pg_is_idle(s->append);
    struct parcel *p;
    struct list mine;

    if (!is_under_way)
        give_back_batch(s);
    list_init(&mine);
    while ((p = queue_take(&s->queue)))
        list_add_tail(&mine, &p->link);
    give_back(s, &mine);
    s->limit = s->set.batch_rows;
}

/* Not taken, or taken by a log that was replaced while the answer was under way. A newer epoch:
 * head_see gives everything back. Lacks what we know: this is no server to talk to; whether the log
 * itself is at fault, the next poll finds out. */
static void on_other_log(struct store *s, const struct place *log)
{
    if (s->sent_for.log_epoch != s->follow.log_epoch)
        give_back_batch(s); /* the rest went when the epoch was seen */
    if (log->log_epoch > s->follow.log_epoch) {
        head_see(s, log);
    } else if (place_lacks(log, &s->sent_for)) {
        head_ask(s);
        pg_redial(s->append, "its log lacks what was committed");
    }
    commit_pump(s);
}

static void on_answer(struct store *s, const struct pg_reply *reply)
{
    struct place log = batch_log(reply->rows);
    bool was_taken = log.log_epoch == s->sent_for.log_epoch && !place_lacks(&log, &s->sent_for);

    if (was_taken && log.log_epoch == s->follow.log_epoch)
        on_committed(s, reply);
    else
        on_other_log(s, &log);
}

static void on_lost(struct store *s, const struct pg_reply *reply)
{
    s->counters.lost_commits++;
    s->deadline_ms = s->deadline_ms * 2 < COMMIT_MOST_MS ? s->deadline_ms * 2 : COMMIT_MOST_MS;
    log_warn("store.commit.lost", "rows=%u why=\"%s\" next=\"sent again\" deadline_ms=%u",
             batch_rows(s->batch), reply->message, s->deadline_ms);
}

static void on_append(void *arg, const struct pg_reply *reply)
{
    struct store *s = arg;

    if (reply->answer == PG_ROWS)
        on_answer(s, reply);
    else if (reply->answer == PG_ERROR)
        on_refused(s, reply);
    else
        on_lost(s, reply);
}

/* --- sending ---------------------------------------------------------------------------------- */

void commit_pump(struct store *s)
{
    struct pg_param params[BATCH_PARAMS];
    bool one;

    if (!pg_is_idle(s->append) || s->is_waiting)
        return;
    if (!batch_rows(s->batch))
        queue_fill(&s->queue, s->batch, s->limit);
    if (!batch_rows(s->batch))
        return;
    s->sent_for = store_known(s);
    if (batch_encode(s->batch, &s->sent_for, params) != ST_OK) {
        wait_and_retry(s);
        return;
    }
    one = batch_encode_one(s->batch, params);
    s->sent_at_us = loop_exact_us(s->set.loop);
    /* Not sent: the connection is going, and the batch goes out on the next one. */
    if (pg_query(s->append, one ? "append_one" : "append", params,
                 one ? BATCH_ONE_PARAMS : BATCH_PARAMS, s->deadline_ms, on_append, s) != ST_OK)
        log_debug("store.pump", "rows=%u not sent", batch_rows(s->batch));
}
