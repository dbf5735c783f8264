/* sim_loop - proto/base/loop.h on the simulation's heap. A loop belongs to the node that made it.
 */
#include <assert.h>
#include <string.h>

#include "proto/base/loop.h"
#include "tests/sim/sim.h"

struct loop {
    struct node *node;
    struct list hooks, signals;
    bool is_in_hooks, is_stopped;
};

struct loop_timer {
    struct event event; /* first: the event's address is the timer's */
    void (*fire)(void *arg);
    void *arg;
    unsigned repeat_ms;
};

struct loop_signal {
    struct list link;
    int signum;
    void (*raised)(void *arg, int signum);
    void *arg;
};

struct loop_hook {
    struct list link;
    struct loop *loop;
    int (*before)(void *arg);
    void (*after)(void *arg);
    void *arg;
    bool is_dead;
};

/* --- hooks ------------------------------------------------------------------------------------ */

static void free_dead_hooks(struct loop *l)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &l->hooks) {
        struct loop_hook *h = container_of(pos, struct loop_hook, link);

        if (!h->is_dead)
            continue;
        list_remove(&h->link);
        mem_free(h);
    }
}

/* The end of one turn. What wants another one at once gets it soon: with its own place among the
 * events, so that others come in between. */
void sim_loop_turn(struct loop *l)
{
    struct list *pos;
    bool has_work = false;

    l->is_in_hooks = true;
    list_each(pos, &l->hooks) {
        struct loop_hook *h = container_of(pos, struct loop_hook, link);

        if (!h->is_dead && h->before && h->before(h->arg))
            has_work = true;
    }
    list_each(pos, &l->hooks) {
        struct loop_hook *h = container_of(pos, struct loop_hook, link);

        if (!h->is_dead && h->after)
            h->after(h->arg);
    }
    l->is_in_hooks = false;
    free_dead_hooks(l);
    if (has_work)
        sim_plan(&l->node->turn, 1 + rng_below(&sim.turn, 50));
}

enum status loop_hook_create(struct loop_hook **out, struct loop *l, int (*before)(void *arg),
                             void (*after)(void *arg), void *arg)
{
    struct loop_hook *h = mem_zalloc(sizeof(*h));

    if (!h)
        return ST_NOMEM;
    h->loop = l;
    h->before = before;
    h->after = after;
    h->arg = arg;
    list_add_tail(&l->hooks, &h->link);
    *out = h;
    return ST_OK;
}

void loop_hook_destroy(struct loop_hook *h)
{
    if (!h)
        return;
    h->is_dead = true;
    if (!h->loop->is_in_hooks)
        free_dead_hooks(h->loop);
}

/* --- the loop --------------------------------------------------------------------------------- */

enum status loop_create(struct loop **out)
{
    struct loop *l = mem_zalloc(sizeof(*l));

    if (!l)
        return ST_NOMEM;
    l->node = sim.current;
    l->node->loop = l;
    list_init(&l->hooks);
    list_init(&l->signals);
    *out = l;
    return ST_OK;
}

void loop_destroy(struct loop *l)
{
    if (!l)
        return;
    assert(list_empty(&l->hooks));
    assert(list_empty(&l->signals));
    l->node->loop = NULL;
    mem_free(l);
}

void loop_run(struct loop *l)
{
    (void)l;
    assert(!"the simulation turns the loops");
}

void loop_stop(struct loop *l)
{
    l->is_stopped = true;
}

void loop_turn(struct loop *l, unsigned wait_ms)
{
    (void)l;
    (void)wait_ms;
    assert(!"the simulation turns the loops");
}

bool sim_loop_is_stopped(const struct loop *l)
{
    return l->is_stopped;
}

uint64_t loop_now_us(struct loop *l)
{
    (void)l;
    return sim.now_us + SECOND_US;
}

uint64_t loop_exact_us(struct loop *l)
{
    return loop_now_us(l);
}

int64_t loop_utc_us(struct loop *l)
{
    return sim_utc_us(l->node);
}

void loop_random(struct loop *l, void *out, size_t len)
{
    unsigned char *p = out;

    (void)l;
    for (size_t i = 0; i < len; i++)
        p[i] = (unsigned char)rng_u64(&sim.node_rng);
}

/* --- timers ----------------------------------------------------------------------------------- */

static void on_timer(struct event *e)
{
    struct loop_timer *t = container_of(e, struct loop_timer, event);

    if (t->repeat_ms)
        sim_plan(e, t->repeat_ms * UINT64_C(1000));
    t->fire(t->arg); /* t may be gone now */
}

enum status loop_timer_create(struct loop_timer **out, struct loop *l, void (*fire)(void *arg),
                              void *arg)
{
    struct loop_timer *t = mem_zalloc(sizeof(*t));

    if (!t)
        return ST_NOMEM;
    t->event = (struct event){.fire = on_timer, .node = l->node, .what = "timer"};
    t->fire = fire;
    t->arg = arg;
    *out = t;
    return ST_OK;
}

void loop_timer_start(struct loop_timer *t, unsigned delay_ms, unsigned repeat_ms)
{
    t->repeat_ms = repeat_ms;
    sim_plan(&t->event, delay_ms * UINT64_C(1000));
}

void loop_timer_stop(struct loop_timer *t)
{
    sim_cancel(&t->event);
}

void loop_timer_destroy(struct loop_timer *t)
{
    if (!t)
        return;
    sim_cancel(&t->event);
    mem_free(t);
}

/* --- signals; there are no descriptors -------------------------------------------------------- */

enum status loop_signal_create(struct loop_signal **out, struct loop *l, int signum,
                               void (*raised)(void *arg, int signum), void *arg)
{
    struct loop_signal *s = mem_zalloc(sizeof(*s));

    if (!s)
        return ST_NOMEM;
    s->signum = signum;
    s->raised = raised;
    s->arg = arg;
    list_add_tail(&l->signals, &s->link);
    *out = s;
    return ST_OK;
}

void loop_signal_destroy(struct loop_signal *s)
{
    if (!s)
        return;
    list_remove(&s->link);
    mem_free(s);
}

void sim_loop_signal(struct loop *l, int signum)
{
    struct list *pos;

    list_each(pos, &l->signals) {
        struct loop_signal *s = container_of(pos, struct loop_signal, link);

        if (s->signum == signum)
            s->raised(s->arg, signum);
    }
}

/* --- work beside the loop: there is nothing to wait for --------------------------------------- */

struct loop_work {
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

enum status loop_work_create(struct loop_work **out, struct loop *l, void (*work)(void *arg),
                             void (*done)(void *arg), void *arg)
{
    struct loop_work *w = mem_zalloc(sizeof(*w));

    (void)l;
    if (!w)
        return ST_NOMEM;
    *w = (struct loop_work){work, done, arg};
    *out = w;
    return ST_OK;
}

enum status loop_work_start(struct loop_work *w)
{
    w->work(w->arg);
    w->done(w->arg);
    return ST_OK;
}

void loop_work_destroy(struct loop_work *w)
{
    mem_free(w);
}
