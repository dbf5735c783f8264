/* store - see store.h.
 *
 * Three connections: `append` commits, `replay` reads, `listen` hears hints and polls the head.
 * What waits stands in one queue per lane; parcels whose batch failed stand in `again`, in front of
 * all, so that order within a lane survives.
 *
 * The batch is the unit of doubt. After an answer it is settled; after "lost" it stays as it is and
 * goes out again on the next connection, as often as it takes: the places of its messages make that
 * exact. If PostgreSQL refuses it because of its data, half of it is tried, until the row at fault
 * is alone; that row goes to quarantine, the others in, in order. If PostgreSQL refuses for reasons
 * of its own (disk full, no memory), the batch waits and is tried again.
 *
 * pump() is called once per loop turn, after everything of that turn was read, so that a burst
 * becomes one commit; and once more when a commit ends, so that the database does not wait for us.
 */
#include "broker/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/store/batch.h"
#include "broker/store/follow.h"
#include "broker/store/pg.h"
#include "broker/store/project.h"
#include "broker/store/replay.h"
#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"
#include "sql/sql_text.h"

#include "proto/base/banned.h"

enum {
    LANES = 5,
    LANE_FLASH = 1,
    ECHO_MS = 25, /* after a NOTIFY, which goes out once in 20 ms: look again for what followed */
    COMMIT_MOST_MS = 30000, /* an orphaned backend may hold the head's lock */
    POLL_DEADLINE_MS = 5000,
    FOLLOW_PAGE_ROWS = 512,
    TEXT_BYTES = 256,
};

struct store {
    struct store_settings set;
    struct store_exits exits;
    struct pg *append, *listen;
    struct replay *replay;
    struct project *project;
    struct follow follow;
    struct loop_hook *hook;
    struct loop_timer *retry, *poll, *drain;

    struct list lane[LANES], again;
    unsigned queued_rows;
    size_t queued_bytes;

    struct batch *batch;
    unsigned limit; /* most rows in the next batch; less than set.batch_rows behind an error */
    unsigned deadline_ms; /* of the next commit */
    unsigned refusals;    /* in a row, for reasons of PostgreSQL's own */
    bool is_waiting;      /* for the retry timer */
    uint64_t sent_at_us;

    bool is_here, must_poll, principals_known;
    bool has_standby; /* commits wait for one; without, a lost disk loses what was acknowledged */
    int64_t principals_version;
    unsigned long timeline; /* highest seen: a lower one is a primary that was replaced */

    bool is_draining;
    void (*closed)(void *arg);
    void *closed_arg;

    struct store_counters counters;
};

static void pump(struct store *s);
static void tell_here(struct store *s);

/* --- which servers will do -------------------------------------------------------------------- */

/* One migration further is allowed, so that a database can be migrated before its brokers are
 * updated. */
static bool schema_fits(const struct pg_rows *rows, int have, int own)
{
    return have == own ? pg_int(rows, 0, 5) == sql_digest("functions/") : have == own + 1;
}

static bool schema_will_do(struct store *s, const struct pg_rows *rows)
{
    int have = (int)pg_int(rows, 0, 0), own = sql_version();
    unsigned long timeline = strtoul(pg_text(rows, 0, 2), NULL, 16);

    if (!schema_fits(rows, have, own)) {
        log_error("store.schema", "database=%s has=%d needs=%d next=\"%s\"", pg_text(rows, 0, 3),
                  have, own, have <= own ? "run: eocctl migrate" : "install a newer eocbus-broker");
        return false;
    }
    if (pg_int(rows, 0, 1)) {
        log_warn("store.standby", "database=%s next=\"waiting for the primary\"",
                 pg_text(rows, 0, 3));
        return false;
    }
    if (timeline < s->timeline) {
        log_error("store.timeline", "has=%lu seen=%lu next=\"this primary was replaced; stop it\"",
                  timeline, s->timeline);
        return false;
    }
    s->timeline = timeline;
    s->has_standby = pg_int(rows, 0, 4);
    return true;
}

static void see_place(struct store *s, const struct pg_rows *rows)
{
    int64_t version = pg_int(rows, 0, 2);
    uint32_t known_epoch = s->follow.log_epoch;

    follow_seen(&s->follow, (uint32_t)pg_int(rows, 0, 0), (uint64_t)pg_int(rows, 0, 1));
    if (s->follow.log_epoch != known_epoch)
        tell_here(s);
    if (s->principals_known && version == s->principals_version)
        return;
    s->principals_known = true;
    s->principals_version = version;
    if (s->exits.principals)
        s->exits.principals(s->exits.arg);
}

static bool on_accept(void *arg, const char *query, const struct pg_rows *rows)
{
    struct store *s = arg;

    if (strcmp(query, "schema") == 0)
        return schema_will_do(s, rows);
    if (strcmp(query, "place") == 0)
        follow_seen(&s->follow, (uint32_t)pg_int(rows, 0, 0), (uint64_t)pg_int(rows, 0, 1));
    return true;
}

/* --- the queue -------------------------------------------------------------------------------- */

static struct list *lane_of(struct store *s, const struct parcel *p)
{
    unsigned lane = p->id.lane;

    /* Refused parcels may say anything; nobody waits for them. */
    return &s->lane[lane >= 1 && lane <= LANES ? lane - 1 : LANES - 1];
}

static void count_queued(struct store *s, const struct parcel *p, bool in)
{
    size_t size = parcel_size_bytes(p);

    s->queued_rows = in ? s->queued_rows + 1 : s->queued_rows - 1;
    s->queued_bytes = in ? s->queued_bytes + size : s->queued_bytes - size;
}

static void name_for_quarantine(struct store *s, struct parcel *p)
{
    uint8_t random[10];

    loop_random(s->set.loop, random, sizeof(random));
    id_make(p->quarantine_id, loop_utc_us(s->set.loop), random);
}

/* An eighth on top is for FLASH alone: one sender of PRIORITY can keep a queue full, and an alarm
 * was told "later" 57 times in four seconds (six connections of one principal, measured). */
static bool has_room(const struct store *s, const struct parcel *p)
{
    bool is_flash = !p->refused && p->id.lane == LANE_FLASH;
    size_t rows = s->set.queue_rows, bytes = s->set.queue_bytes;

    if (is_flash) {
        rows += rows / 8;
        bytes += bytes / 8;
    }
    return s->queued_rows < rows && s->queued_bytes + parcel_size_bytes(p) <= bytes;
}

enum status store_submit(struct store *s, struct parcel **take)
{
    struct parcel *p = *take;

    if (!s->is_here || s->is_draining)
        return ST_CLOSED;
    if (!has_room(s, p))
        return ST_FULL;
    if (p->refused)
        name_for_quarantine(s, p);
    count_queued(s, p, true);
    list_add_tail(lane_of(s, p), &p->link);
    *take = NULL;
    return ST_OK;
}

/* The next parcel: from what failed before, then the most urgent lane. While anything stands in
 * `again` nothing passes it. */
static struct list *next_queue(struct store *s)
{
    if (!list_empty(&s->again))
        return &s->again;
    for (unsigned i = 0; i < LANES; i++)
        if (!list_empty(&s->lane[i]))
            return &s->lane[i];
    return NULL;
}

static void fill_batch(struct store *s)
{
    bool from_again = !list_empty(&s->again);
    struct list *queue;

    while (batch_rows(s->batch) < s->limit && (queue = next_queue(s))) {
        struct list *link = list_first(queue);
        struct parcel *p = container_of(link, struct parcel, link), *mine = p;

        if (from_again != (queue == &s->again))
            return;
        if (batch_add(s->batch, &p) != ST_OK)
            return; /* its place is in this batch: it and what is behind it wait for the next */
        list_remove(link);
        count_queued(s, mine, false);
    }
}

/* --- committing ------------------------------------------------------------------------------- */

static void wait_and_retry(struct store *s)
{
    uint32_t random;

    loop_random(s->set.loop, &random, sizeof(random));
    s->is_waiting = true;
    loop_timer_start(s->retry, pg_pause_ms(s->refusals++, random), 0);
}

static void on_retry(void *arg)
{
    struct store *s = arg;

    s->is_waiting = false;
    pump(s);
}

/* Everything of this batch stands in front again, in its order. */
static void take_back(struct store *s)
{
    struct list mine, *pos;

    list_init(&mine);
    batch_unload(s->batch, &mine);
    list_each(pos, &mine)
        count_queued(s, container_of(pos, struct parcel, link), true);
    list_move(&mine, &s->again);
    list_move(&s->again, &mine);
}

/* A row that PostgreSQL will never take: kept as it is, with PostgreSQL's words. If even that
 * cannot be kept, it is the words: they are replaced. */
static void poison(struct store *s, const struct pg_reply *reply)
{
    struct list *link = list_first(&s->again);
    struct parcel *p = container_of(link, struct parcel, link);
    bool is_again = p->refused;

    log_error("store.poison", "sqlstate=%s why=\"%s\" next=\"to quarantine\"", reply->sqlstate,
              reply->message);
    count_queued(s, p, false);
    if (is_again) {
        p->refused->path[0] = 0;
        snprintf(p->refused->text, sizeof(p->refused->text),
                 "Refused; the reason could not be kept.");
    } else if (batch_poison(p, reply->sqlstate, reply->message) == ST_OK) {
        name_for_quarantine(s, p);
    }
    count_queued(s, p, true);
}

/* 22 data exception, 23 integrity constraint, 54 program limit: it is the data. Anything else
 * (disk, memory, rights, shutdown) says nothing about the rows. Nor does a number that is taken
 * (23505) or has no partition (23514 without a constraint): half a backup was restored, and good
 * messages wait until somebody has put that right. */
static bool data_is_at_fault(const struct pg_reply *reply)
{
    const char *state = reply->sqlstate;

    if (strcmp(state, "23505") == 0 || (strcmp(state, "23514") == 0 && !reply->constraint[0]))
        return false;
    return strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 ||
           strncmp(state, "54", 2) == 0;
}

static void on_refused(struct store *s, const struct pg_reply *reply)
{
    unsigned rows = batch_rows(s->batch);

    if (!data_is_at_fault(reply)) {
        log_error("store.commit.refused", "rows=%u sqlstate=%s why=\"%s\"", rows, reply->sqlstate,
                  reply->message);
        wait_and_retry(s);
        return;
    }
    take_back(s);
    s->limit = rows > 1 ? rows / 2 : 1;
    if (rows == 1)
        poison(s, reply);
    pump(s);
}

static bool was_judged(const char *code)
{
    return strcmp(code, CODE_CONFLICT) == 0 || strcmp(code, CODE_DATABASE) == 0;
}

static void count_settled(struct store *s, const struct parcel *p)
{
    if (p->refused) {
        s->counters.refused++;
        s->counters.judged += was_judged(p->refused->code);
        s->counters.unkept += p->unkept;
    } else if (p->repeated)
        s->counters.repeated++;
    else
        s->counters.stored++;
}

/* The next commit is under way before anybody hears of this one. */
static void on_committed(struct store *s, const struct pg_reply *reply)
{
    struct list mine, *pos;
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
    pump(s);
    list_each(pos, &mine) {
        struct parcel *p = container_of(pos, struct parcel, link);

        count_settled(s, p);
        s->exits.settled(s->exits.arg, p);
    }
    s->exits.settled_all(s->exits.arg);
    follow_own(&s->follow, &mine, before, head);
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
        on_committed(s, reply);
    else if (reply->answer == PG_ERROR)
        on_refused(s, reply);
    else
        on_lost(s, reply);
}

static void tell_drained(struct store *s)
{
    void (*closed)(void *arg) = s->closed;

    if (!s->is_draining || !closed)
        return;
    s->closed = NULL;
    loop_timer_stop(s->drain);
    closed(s->closed_arg);
}

static void pump(struct store *s)
{
    struct pg_param params[BATCH_PARAMS];
    bool one;

    if (!pg_is_idle(s->append) || s->is_waiting)
        return;
    if (!batch_rows(s->batch))
        fill_batch(s);
    if (!batch_rows(s->batch))
        return;
    if (batch_encode(s->batch, params) != ST_OK) {
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

static int on_turn(void *arg)
{
    struct store *s = arg;

    pump(s);
    if (s->is_draining && !s->queued_rows && !batch_rows(s->batch))
        tell_drained(s);
    return 0;
}

/* --- here and away ---------------------------------------------------------------------------- */

/* Told when both commits and history are there; again when history alone went and came back, since
 * whoever was answered ST_CLOSED waits for it. */
static void tell_here(struct store *s)
{
    if (s->is_here && replay_is_ready(s->replay) && s->exits.here)
        s->exits.here(s->exits.arg, true, s->follow.log_epoch, s->follow.handed);
}

static void on_append_ready(void *arg)
{
    struct store *s = arg;

    s->is_here = true;
    log_info("store.here", "log_epoch=%u head=%llu waiting=%u standby=%s", s->follow.log_epoch,
             (unsigned long long)s->follow.head, s->queued_rows + batch_rows(s->batch),
             s->has_standby ? "yes" : "none");
    pump(s);
    tell_here(s);
}

static void on_append_gone(void *arg)
{
    struct store *s = arg;

    s->is_here = false;
    if (s->exits.here)
        s->exits.here(s->exits.arg, false, s->follow.log_epoch, s->follow.handed);
}

static void on_replay_ready(void *arg)
{
    struct store *s = arg;

    if (s->exits.principals) /* what was asked before may have been answered ST_CLOSED */
        s->exits.principals(s->exits.arg);
    if (s->follow.is_started)
        follow_seen(&s->follow, s->follow.log_epoch, s->follow.head);
    tell_here(s);
}

/* --- hints and polls -------------------------------------------------------------------------- */

static void poll_head(struct store *s);

static void on_head(void *arg, const struct pg_reply *reply)
{
    struct store *s = arg;

    if (reply->answer == PG_ROWS && pg_row_count(reply->rows))
        see_place(s, reply->rows);
    if (s->must_poll)
        poll_head(s);
}

static void poll_head(struct store *s)
{
    s->must_poll = !pg_is_idle(s->listen);
    if (!s->must_poll &&
        pg_query(s->listen, "head", NULL, 0, POLL_DEADLINE_MS, on_head, s) != ST_OK)
        s->must_poll = true;
}

static void on_poll(void *arg)
{
    poll_head(arg);
}

static void on_listen_ready(void *arg)
{
    poll_head(arg);
}

static void on_notified(void *arg, const char *channel, int backend)
{
    struct store *s = arg;

    (void)channel;
    if (backend == pg_backend(s->append)) /* what we wrote ourselves we know */
        return;
    poll_head(s);
    loop_timer_start(s->poll, ECHO_MS, s->set.follow_ms);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void follow_next(void *arg, struct parcel **take)
{
    struct store *s = arg;

    s->exits.next(s->exits.arg, take);
}

static enum status follow_read(void *arg, uint64_t after, uint64_t upto, store_page_fn page,
                               void *page_arg)
{
    struct store *s = arg;

    return replay_page(s->replay, after, upto, FOLLOW_PAGE_ROWS, LANES_ALL, true, page, page_arg);
}

enum status store_read(struct store *s, uint64_t after, uint64_t upto, unsigned rows,
                       unsigned lanes, store_page_fn page, void *arg)
{
    if (after >= upto || !rows)
        return ST_INVALID;
    return replay_page(s->replay, after, upto, rows, lanes, false, page, arg);
}

void store_read_cancel(struct store *s, void *arg)
{
    replay_cancel(s->replay, arg);
}

enum status store_principals(struct store *s, store_principal_fn row, void *arg)
{
    return replay_principals(s->replay, row, arg);
}

void store_principals_unread(struct store *s)
{
    s->principals_known = false;
}

/* --- the door --------------------------------------------------------------------------------- */

bool store_is_here(const struct store *s)
{
    return s->is_here;
}

uint32_t store_log_epoch(const struct store *s)
{
    return s->follow.log_epoch;
}

uint64_t store_head(const struct store *s)
{
    return s->follow.handed;
}

void store_counters(const struct store *s, struct store_counters *out)
{
    *out = s->counters;
    out->queued_rows = s->queued_rows + batch_rows(s->batch);
    out->queued_bytes = s->queued_bytes;
    out->has_standby = s->has_standby;
}

static void on_drain_over(void *arg)
{
    tell_drained(arg);
}

void store_drain(struct store *s, unsigned limit_ms, void (*closed)(void *arg), void *arg)
{
    s->is_draining = true;
    s->closed = closed;
    s->closed_arg = arg;
    loop_timer_start(s->drain, limit_ms, 0);
}

static enum status connect_all(struct store *s)
{
    static const char *const append_setup[] = {"session", "schema", "place", NULL};
    /* The place first: once principals are read, sessions are greeted with it. */
    static const char *const replay_setup[] = {"session", "schema", "place", NULL};
    static const char *const listen_setup[] = {"session", "schema", "listen_log",
                                               "listen_principals", NULL};
    static const char *const append_names[] = {"append", "append_one", NULL};
    static const char *const replay_names[] = {"replay", "principals", NULL};
    static const char *const listen_names[] = {"head", NULL};
    struct pg_settings set = {.loop = s->set.loop, .conninfo = s->set.conninfo};
    struct pg_exits exits = {.arg = s, .accept = on_accept, .accept_arg = s};
    enum status st;

    set.name = "replay", set.setup = replay_setup, set.prepare = replay_names;
    exits.ready = on_replay_ready, exits.gone = NULL;
    st = replay_create(&s->replay, &set, &exits);
    if (st != ST_OK)
        return st;
    set.name = "listen", set.setup = listen_setup, set.prepare = listen_names;
    exits.ready = on_listen_ready, exits.notified = on_notified;
    st = pg_create(&s->listen, &set, &exits);
    if (st != ST_OK)
        return st;
    set.name = "append", set.setup = append_setup, set.prepare = append_names;
    exits.ready = on_append_ready, exits.gone = on_append_gone, exits.notified = NULL;
    st = pg_create(&s->append, &set, &exits);
    if (st != ST_OK)
        return st;
    return project_create(&s->project, s->set.loop, s->set.conninfo, on_accept, s);
}

static enum status create_parts(struct store *s)
{
    struct loop *l = s->set.loop;
    enum status st = batch_create(&s->batch, s->set.batch_rows);

    if (st == ST_OK)
        st = loop_timer_create(&s->retry, l, on_retry, s);
    if (st == ST_OK)
        st = loop_timer_create(&s->poll, l, on_poll, s);
    if (st == ST_OK)
        st = loop_timer_create(&s->drain, l, on_drain_over, s);
    if (st == ST_OK)
        st = loop_hook_create(&s->hook, l, on_turn, NULL, s);
    if (st == ST_OK)
        st = connect_all(s);
    return st;
}

enum status store_create(struct store **out, const struct store_settings *set,
                         const struct store_exits *exits)
{
    struct store *s = mem_zalloc(sizeof(*s));
    const struct follow_exits follow = {.arg = s, .next = follow_next, .read = follow_read};
    enum status st;

    if (!s)
        return ST_NOMEM;
    s->set = *set;
    s->exits = *exits;
    s->limit = set->batch_rows;
    s->deadline_ms = set->commit_ms;
    for (unsigned i = 0; i < LANES; i++)
        list_init(&s->lane[i]);
    list_init(&s->again);
    follow_init(&s->follow, &follow);
    st = create_parts(s);
    if (st != ST_OK) {
        store_destroy(s);
        return st;
    }
    loop_timer_start(s->poll, set->follow_ms, set->follow_ms);
    *out = s;
    return ST_OK;
}

static void drop_all(struct list *queue)
{
    struct list *link;

    while ((link = list_pop(queue))) {
        struct parcel *p = container_of(link, struct parcel, link);

        parcel_drop(&p);
    }
}

void store_destroy(struct store *s)
{
    if (!s)
        return;
    project_destroy(s->project);
    pg_destroy(s->append);
    pg_destroy(s->listen);
    replay_destroy(s->replay);
    loop_hook_destroy(s->hook);
    loop_timer_destroy(s->drain);
    loop_timer_destroy(s->poll);
    loop_timer_destroy(s->retry);
    batch_destroy(s->batch);
    for (unsigned i = 0; i < LANES; i++)
        drop_all(&s->lane[i]);
    drop_all(&s->again);
    mem_free(s);
}
