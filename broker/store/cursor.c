/* cursor - see cursor.h. What is said to the database about them, and what it answers:
 * cursor_ask.c. */
#include "broker/store/cursor_parts.h"

#include "proto/base/loop.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

enum {
    WRITE_MS = 1000,    /* one commit for all; who has no memory of its own hears this much twice */
    CLOSED_MOST = 4096, /* 1 MiB */
};

void cursor_free(struct cursor *c)
{
    if (!c->told)
        c->all->closed--;
    list_remove(&c->link);
    mem_free(c->name);
    mem_free(c->patterns);
    mem_free(c);
}

bool cursor_is_dirty(const struct cursor *c)
{
    return c->upto > c->written || !c->told;
}

static void on_timer(void *arg)
{
    struct cursors *all = arg;

    all->is_due = true;
    all->is_mute = *all->broker != '\0';
    cursors_pump(all);
}

static void on_soon(void *arg)
{
    cursors_pump(arg);
}

static void on_ready(void *arg)
{
    on_timer(arg);
}

void cursors_see(struct cursors *all, uint32_t log_epoch, uint64_t seq)
{
    all->log_epoch = log_epoch;
    all->seq = seq;
}

/* --- the door --------------------------------------------------------------------------------- */

static void copy_name(struct cursor *c, const struct durable_name *what)
{
    c->principal_id = what->principal_id;
    c->name = mem_strdup(what->name);
    c->patterns = mem_strdup(what->patterns);
    c->lanes = what->lanes;
    c->has_after = what->has_after;
    c->from_first = what->from_first;
    c->after_epoch = what->after_epoch;
    c->after = what->after;
}

struct cursor *cursor_open(struct cursors *all, const struct durable_name *what, durable_fn told,
                           void *arg)
{
    struct cursor *c = mem_zalloc(sizeof(*c));

    if (!c)
        return NULL;
    list_init(&c->link);
    c->all = all;
    c->told = told;
    c->arg = arg;
    copy_name(c, what);
    if (!c->name || !c->patterns) {
        cursor_free(c);
        return NULL;
    }
    list_add_tail(&all->fresh, &c->link);
    all->count++;
    all->is_due = all->is_due || all->closed; /* it may be one of these that comes back */
    loop_timer_start(all->soon, 0, 0);
    return c;
}

void cursor_move(struct cursor *c, uint32_t log_epoch, uint64_t upto)
{
    if (c->is_open && c->log_epoch != log_epoch)
        return;
    if (c->log_epoch != log_epoch || c->upto < upto)
        c->upto = upto;
    c->log_epoch = log_epoch;
}

void cursor_close(struct cursor **take)
{
    struct cursor *c = *take;
    struct cursors *all;

    *take = NULL;
    if (!c)
        return;
    all = c->all;
    c->told = NULL;
    all->count--;
    all->closed++;
    if (c->is_asked)
        return; /* the answer frees it */
    if (c->is_open && !c->is_over && all->closed <= CLOSED_MOST)
        return; /* its last place is written first */
    all->dropped += c->is_open && !c->is_over;
    cursor_free(c);
}

void cursors_redial(struct cursors *all, const char *why)
{
    if (pg_is_ready(all->pg))
        pg_redial(all->pg, why);
}

void cursors_hurry(struct cursors *all)
{
    all->is_due = true;
    all->is_mute = false;
    cursors_pump(all);
}

void cursors_count(const struct cursors *all, struct store_counters *out)
{
    struct list *link;

    out->cursors = all->count;
    out->cursor_moves = all->moves;
    out->cursors_taken = all->taken;
    out->cursors_dropped = all->dropped;
    list_each(link, &all->open)
        out->cursors_dirty += cursor_is_dirty(container_of(link, struct cursor, link));
    list_each(link, &all->asked)
        out->cursors_dirty++;
}

static enum status connect(struct cursors *all, const char *conninfo,
                           bool (*accept)(void *arg, const char *query, const struct pg_rows *rows),
                           void *arg)
{
    static const char *const setup[] = {"session", "schema", NULL};
    static const char *const names[] = {"cursor_open", "cursor_move", "broker_here", NULL};
    const struct pg_settings set = {.loop = all->loop,
                                    .conninfo = conninfo,
                                    .name = "cursor",
                                    .setup = setup,
                                    .prepare = names};
    const struct pg_exits exits = {
        .arg = all, .accept = accept, .accept_arg = arg, .ready = on_ready};

    return pg_create(&all->pg, &set, &exits);
}

enum status cursors_create(struct cursors **out, struct loop *loop, const char *conninfo,
                           const char *broker,
                           bool (*accept)(void *arg, const char *query, const struct pg_rows *rows),
                           void *arg)
{
    struct cursors *all = mem_zalloc(sizeof(*all));
    enum status st = ST_NOMEM;

    if (!all)
        return st;
    all->loop = loop;
    list_init(&all->fresh);
    list_init(&all->open);
    list_init(&all->asked);
    all->broker = mem_strdup(broker);
    if (all->broker)
        st = loop_timer_create(&all->timer, loop, on_timer, all);
    if (st == ST_OK)
        st = loop_timer_create(&all->soon, loop, on_soon, all);
    if (st == ST_OK)
        st = connect(all, conninfo, accept, arg);
    if (st != ST_OK) {
        cursors_destroy(all);
        return st;
    }
    loop_timer_start(all->timer, WRITE_MS, WRITE_MS);
    *out = all;
    return ST_OK;
}

static void free_all(struct list *cursors)
{
    struct list *link;

    while ((link = list_first(cursors)))
        cursor_free(container_of(link, struct cursor, link));
}

void cursors_destroy(struct cursors *all)
{
    if (!all)
        return;
    pg_destroy(all->pg);
    loop_timer_destroy(all->soon);
    loop_timer_destroy(all->timer);
    free_all(&all->fresh);
    free_all(&all->open);
    free_all(&all->asked);
    for (unsigned i = 0; i < 7; i++)
        array_free(&all->column[i]);
    mem_free(all->broker);
    mem_free(all);
}
