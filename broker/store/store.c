/* store - see store.h.
 *
 * Three connections: `append` commits (commit.c), `replay` reads, `listen` hears hints and polls
 * the head (head.c). Behind everybody's back readings are projected on a fourth (project.c), time
 * is looked after on a fifth (timer.c), and listeners' places are kept on a sixth (cursor.c). What
 * waits stands in a queue (queue.c).
 *
 * commit_pump() is called once per loop turn, after everything of that turn was read, so that a
 * burst becomes one commit; and once more when a commit ends, so that the database does not wait
 * for us. */
#include "broker/store/room.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum { FOLLOW_PAGE_ROWS = 512 };

/* Within five seconds with the poll before and the dialling after it. */
#define RIGHTS_LEAST_US UINT64_C(2500000)
#define RIGHTS_MOST_US  UINT64_C(30000000)

/* --- taking ----------------------------------------------------------------------------------- */

void store_name_refusal(struct store *s, struct parcel *p)
{
    uint8_t random[10];

    loop_random(s->set.loop, random, sizeof(random));
    id_make(p->quarantine_id, loop_utc_us(s->set.loop), random);
}

enum status store_submit(struct store *s, struct parcel **take)
{
    struct parcel *p = *take;

    if (!s->is_here || s->is_draining)
        return ST_CLOSED;
    if (!queue_has_room(&s->queue, p))
        return ST_FULL;
    if (p->refused)
        store_name_refusal(s, p);
    queue_put(&s->queue, p);
    *take = NULL;
    return ST_OK;
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

static int on_turn(void *arg)
{
    struct store *s = arg;

    commit_pump(s);
    if (s->is_draining && !s->queue.rows && !batch_rows(s->batch))
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
             (unsigned long long)s->follow.head, s->queue.rows + batch_rows(s->batch),
             s->has_standby ? "yes" : "none");
    commit_pump(s);
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

/* Whatever holds the reading connection up, a page that takes for ever or a server that stopped, a
 * revocation does not wait for it. A database that is only slow is given more time each time. */
static void hurry_principals(struct store *s)
{
    uint64_t since_us = replay_waits_since(s->replay), now_us = loop_now_us(s->set.loop);

    if (!since_us) {
        s->patience_us = RIGHTS_LEAST_US;
    } else if (now_us - since_us >= s->patience_us) {
        s->patience_us = 2 * s->patience_us < RIGHTS_MOST_US ? 2 * s->patience_us : RIGHTS_MOST_US;
        replay_redial(s->replay, "the principals did not come in time");
    }
}

static void on_poll(void *arg)
{
    hurry_principals(arg);
    head_ask(arg);
}

static void on_listen_ready(void *arg)
{
    head_ask(arg);
}

static void on_notified(void *arg, const char *channel, int backend)
{
    struct store *s = arg;

    (void)channel;
    if (backend != pg_backend(s->append)) /* what we wrote ourselves we know */
        head_hint(s);
}

static bool on_accept(void *arg, const char *query, const struct pg_rows *rows)
{
    return head_accept(arg, query, rows);
}

static void on_retry(void *arg)
{
    commit_retry(arg);
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

    return replay_page(s->replay, after, upto, FOLLOW_PAGE_ROWS, LANES_ALL, NULL, true, page,
                       page_arg);
}

enum status store_read(struct store *s, uint64_t after, uint64_t upto, unsigned rows,
                       unsigned lanes, const char *to, store_page_fn page, void *arg)
{
    if (after >= upto || !rows)
        return ST_INVALID;
    return replay_page(s->replay, after, upto, rows, lanes, to, false, page, arg);
}

enum status store_read_last(struct store *s, uint64_t after, uint64_t upto, unsigned rows,
                            store_page_fn page, void *arg)
{
    if (after >= upto || !rows)
        return ST_INVALID;
    return replay_last(s->replay, after, upto, rows, page, arg);
}

enum status store_find_time(struct store *s, int64_t time_us, store_page_fn page, void *arg)
{
    return replay_find_time(s->replay, time_us, page, arg);
}

void store_read_cancel(struct store *s, void *arg)
{
    replay_cancel(s->replay, arg);
}

enum status store_principals(struct store *s, store_principal_fn row, void *arg)
{
    return replay_principals(s->replay, loop_now_us(s->set.loop), row, arg);
}

struct cursor *store_cursor_open(struct store *s, const struct durable_name *what, durable_fn told,
                                 void *arg)
{
    return cursor_open(s->cursors, what, told, arg);
}

void store_cursor_move(struct cursor *c, uint32_t log_epoch, uint64_t upto)
{
    cursor_move(c, log_epoch, upto);
}

void store_cursor_close(struct cursor **c)
{
    cursor_close(c);
}

void store_chain(struct store *s,
                 void (*told)(void *arg, uint32_t log_epoch, uint64_t seq,
                              const uint8_t digest[32]),
                 void *arg)
{
    timer_ask_chain(s->timer, told, arg);
}

void store_say_settings(struct store *s, const char *broker, struct buf *settings)
{
    timer_say_settings(s->timer, broker, settings);
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

struct place store_known(const struct store *s)
{
    return (struct place){s->follow.log_epoch, s->follow.head};
}

uint32_t store_log_epoch(const struct store *s)
{
    return s->follow.log_epoch;
}

const struct log_past *store_log_past(const struct store *s)
{
    return &s->past;
}

uint64_t store_head(const struct store *s)
{
    return s->follow.handed;
}

void store_counters(const struct store *s, struct store_counters *out)
{
    *out = s->counters;
    out->queued_rows = s->queue.rows + batch_rows(s->batch);
    out->queued_bytes = s->queue.bytes;
    out->has_standby = s->has_standby;
    out->is_degraded = s->is_degraded;
    out->receipts_said = timer_receipts(s->timer);
    cursors_count(s->cursors, out);
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
    cursors_hurry(s->cursors);
}

static enum status connect_all(struct store *s)
{
    static const char *const append_setup[] = {"session", "schema", "place", NULL};
    /* The place first: once principals are read, sessions are greeted with it. */
    static const char *const replay_setup[] = {"session", "schema", "place", NULL};
    static const char *const listen_setup[] = {"session", "schema", "listen_log",
                                               "listen_principals", NULL};
    static const char *const append_names[] = {"append", "append_one", NULL};
    static const char *const replay_names[] = {"replay", "replay_to",  "last_values",
                                               "seq_at", "principals", NULL};
    static const char *const listen_names[] = {"head", "raise_epoch", NULL};
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
    st = cursors_create(&s->cursors, s->set.loop, s->set.conninfo,
                        s->set.broker ? s->set.broker : "", on_accept, s);
    if (st != ST_OK)
        return st;
    st = project_create(&s->project, s->set.loop, s->set.conninfo, on_accept, s);
    if (st != ST_OK)
        return st;
    return timer_create(&s->timer, s->set.loop, s->set.conninfo, on_accept, s);
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
    queue_init(&s->queue, set->queue_rows, set->queue_bytes);
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

void store_destroy(struct store *s)
{
    struct parcel *p;

    if (!s)
        return;
    timer_destroy(s->timer);
    project_destroy(s->project);
    cursors_destroy(s->cursors);
    pg_destroy(s->append);
    pg_destroy(s->listen);
    replay_destroy(s->replay);
    loop_hook_destroy(s->hook);
    loop_timer_destroy(s->drain);
    loop_timer_destroy(s->poll);
    loop_timer_destroy(s->retry);
    batch_destroy(s->batch);
    while ((p = queue_take(&s->queue)))
        parcel_drop(&p);
    mem_free(s);
}
