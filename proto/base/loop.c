/* loop - libuv behind our own door.
 *
 * Every timer, poll and signal is a block with the libuv handle inside. Destroying it silences the
 * callback and closes the handle; libuv frees the block a turn later, from on_closed. That is what
 * makes destroy legal inside the thing's own callback.
 *
 * Hooks share one prepare, one check and one idle handle:
 *
 *   timers → prepare: every before() ─ any true? start idle ─→ wait (not at all with idle) → polls
 *          ↖──────────────── check: stop idle, every after() ←──────────────────────────────┘ */
#include "proto/base/loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <uv.h>

#include "proto/base/list.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

struct loop {
    uv_loop_t uv;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t turn_end; /* bounds the wait of loop_turn */
    struct list hooks;
    unsigned works; /* under way */
    bool is_in_hooks, is_running;
};

struct loop_timer {
    uv_timer_t uv; /* first: the handle's address is the block's */
    void (*fire)(void *arg);
    void *arg;
};

struct loop_poll {
    uv_poll_t uv;
    void (*ready)(void *arg, int events);
    void *arg;
    int wanted; /* of libuv, as told last; 0 = not watching */
};

struct loop_signal {
    uv_signal_t uv;
    void (*raised)(void *arg, int signum);
    void *arg;
};

struct loop_work {
    uv_work_t uv;
    struct loop *loop; /* borrowed, outlives us */
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
    uv_sem_t returned; /* work has */
    bool is_under_way, is_dead;
};

struct loop_hook {
    struct list link;
    struct loop *loop; /* borrowed, outlives us */
    int (*before)(void *arg);
    void (*after)(void *arg);
    void *arg;
    bool is_dead;
};

static enum status status_of_uv(int error)
{
    switch (error) {
    case 0:
        return ST_OK;
    case UV_ENOMEM:
        return ST_NOMEM;
    case UV_EEXIST:
        return ST_EXISTS;
    case UV_EINVAL:
    case UV_EBADF:
    case UV_EPERM: /* epoll cannot watch a regular file */
        return ST_INVALID;
    default:
        errno = -error;
        return ST_IO;
    }
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle);
}

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

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* being active is all it is for: libuv then does not wait */
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *l = container_of(prepare, struct loop, prepare);
    struct list *pos;
    bool has_work = false;

    l->is_in_hooks = true;
    list_each(pos, &l->hooks) {
        struct loop_hook *h = container_of(pos, struct loop_hook, link);

        if (!h->is_dead && h->before && h->before(h->arg))
            has_work = true;
    }
    l->is_in_hooks = false;
    free_dead_hooks(l);
    if (has_work)
        uv_idle_start(&l->idle, on_idle);
}

static void on_check(uv_check_t *check)
{
    struct loop *l = container_of(check, struct loop, check);
    struct list *pos;

    uv_idle_stop(&l->idle);
    l->is_in_hooks = true;
    list_each(pos, &l->hooks) {
        struct loop_hook *h = container_of(pos, struct loop_hook, link);

        if (!h->is_dead && h->after)
            h->after(h->arg);
    }
    l->is_in_hooks = false;
    free_dead_hooks(l);
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

/* None of these can fail, and none keeps the loop alive. */
static void init_machinery(struct loop *l)
{
    uv_prepare_init(&l->uv, &l->prepare);
    uv_check_init(&l->uv, &l->check);
    uv_idle_init(&l->uv, &l->idle);
    uv_timer_init(&l->uv, &l->turn_end);
    uv_prepare_start(&l->prepare, on_prepare);
    uv_check_start(&l->check, on_check);
    uv_unref((uv_handle_t *)&l->prepare);
    uv_unref((uv_handle_t *)&l->check);
    uv_unref((uv_handle_t *)&l->idle);
}

enum status loop_create(struct loop **out)
{
    struct loop *l = mem_zalloc(sizeof(*l));
    enum status st;

    if (!l)
        return ST_NOMEM;
    st = status_of_uv(uv_loop_init(&l->uv));
    if (st != ST_OK)
        goto fail_loop;
    list_init(&l->hooks);
    init_machinery(l);
    *out = l;
    return ST_OK;

fail_loop:
    mem_free(l);
    return st;
}

void loop_destroy(struct loop *l)
{
    if (!l)
        return;
    assert(!l->is_running);
    assert(list_empty(&l->hooks));
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->check, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    uv_close((uv_handle_t *)&l->turn_end, NULL);
    uv_run(&l->uv, UV_RUN_NOWAIT); /* lets libuv finish what was closed */
    while (l->works)
        uv_run(&l->uv, UV_RUN_ONCE);
    if (uv_loop_close(&l->uv) != 0)
        assert(!"something on the loop was not destroyed before it");
    mem_free(l);
}

static void run(struct loop *l, uv_run_mode mode)
{
    l->is_running = true;
    uv_run(&l->uv, mode);
    l->is_running = false;
}

void loop_run(struct loop *l)
{
    run(l, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

static void on_turn_end(uv_timer_t *timer)
{
    (void)timer; /* it only ends the wait */
}

void loop_turn(struct loop *l, unsigned wait_ms)
{
    if (!wait_ms) {
        run(l, UV_RUN_NOWAIT);
        return;
    }
    uv_update_time(&l->uv);
    /* Repeating: libuv runs due timers before it polls, and one that came due in between would be
     * gone and leave the poll without an end. */
    uv_timer_start(&l->turn_end, on_turn_end, wait_ms, wait_ms);
    run(l, UV_RUN_ONCE);
    uv_timer_stop(&l->turn_end);
}

int loop_fd(struct loop *l)
{
    return uv_backend_fd(&l->uv);
}

int loop_wait_ms(struct loop *l)
{
    uv_update_time(&l->uv);
    return uv_backend_timeout(&l->uv);
}

uint64_t loop_now_us(struct loop *l)
{
    return uv_now(&l->uv) * 1000;
}

uint64_t loop_exact_us(struct loop *l)
{
    (void)l;
    return uv_hrtime() / 1000;
}

int64_t loop_utc_us(struct loop *l)
{
    struct timespec now;

    (void)l;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void loop_random(struct loop *l, void *out, size_t len)
{
    unsigned char *p = out;

    (void)l;
    while (len) {
        ssize_t got = getrandom(p, len, 0);

        if (got < 0 && errno != EINTR)
            abort(); /* no randomness, no identities: nothing sensible can follow */
        if (got > 0) {
            p += got;
            len -= (size_t)got;
        }
    }
}

/* --- timers ----------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    struct loop_timer *t = container_of(timer, struct loop_timer, uv);

    t->fire(t->arg); /* t may be on its way out now */
}

enum status loop_timer_create(struct loop_timer **out, struct loop *l, void (*fire)(void *arg),
                              void *arg)
{
    struct loop_timer *t = mem_zalloc(sizeof(*t));

    if (!t)
        return ST_NOMEM;
    uv_timer_init(&l->uv, &t->uv);
    t->fire = fire;
    t->arg = arg;
    *out = t;
    return ST_OK;
}

void loop_timer_start(struct loop_timer *t, unsigned delay_ms, unsigned repeat_ms)
{
    struct loop *l = container_of(t->uv.loop, struct loop, uv);

    /* Before the first turn libuv's clock stands where loop_create left it. */
    if (!l->is_running)
        uv_update_time(&l->uv);
    uv_timer_start(&t->uv, on_timer, delay_ms, repeat_ms);
}

void loop_timer_stop(struct loop_timer *t)
{
    uv_timer_stop(&t->uv);
}

void loop_timer_destroy(struct loop_timer *t)
{
    if (t)
        uv_close((uv_handle_t *)&t->uv, on_closed);
}

/* --- descriptors ------------------------------------------------------------------------------ */

static void on_poll(uv_poll_t *poll, int error, int events)
{
    struct loop_poll *p = container_of(poll, struct loop_poll, uv);
    int ours = 0;

    /* libuv stops watching a descriptor in error; the owner finds the error when it reads. */
    if (error < 0) {
        p->wanted = 0;
        ours = LOOP_READ | LOOP_WRITE;
    }
    if (events & UV_READABLE)
        ours |= LOOP_READ;
    if (events & UV_WRITABLE)
        ours |= LOOP_WRITE;
    if (ours)
        p->ready(p->arg, ours);
}

enum status loop_poll_create(struct loop_poll **out, struct loop *l, int fd,
                             void (*ready)(void *arg, int events), void *arg)
{
    struct loop_poll *p = mem_zalloc(sizeof(*p));
    enum status st;

    if (!p)
        return ST_NOMEM;
    st = status_of_uv(uv_poll_init(&l->uv, &p->uv, fd));
    if (st != ST_OK) {
        mem_free(p);
        return st;
    }
    p->ready = ready;
    p->arg = arg;
    *out = p;
    return ST_OK;
}

void loop_poll_set(struct loop_poll *p, int events)
{
    int wanted = (events & LOOP_READ ? UV_READABLE : 0) | (events & LOOP_WRITE ? UV_WRITABLE : 0);

    /* libuv takes the descriptor out and in again even when nothing changes. */
    if (wanted == p->wanted)
        return;
    p->wanted = wanted;
    if (wanted)
        uv_poll_start(&p->uv, wanted, on_poll);
    else
        uv_poll_stop(&p->uv);
}

void loop_poll_destroy(struct loop_poll *p)
{
    if (p)
        uv_close((uv_handle_t *)&p->uv, on_closed);
}

/* --- signals ---------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *signal, int signum)
{
    struct loop_signal *s = container_of(signal, struct loop_signal, uv);

    if (!uv_is_closing((uv_handle_t *)signal))
        s->raised(s->arg, signum);
}

enum status loop_signal_create(struct loop_signal **out, struct loop *l, int signum,
                               void (*raised)(void *arg, int signum), void *arg)
{
    struct loop_signal *s = mem_zalloc(sizeof(*s));
    enum status st;

    if (!s)
        return ST_NOMEM;
    st = status_of_uv(uv_signal_init(&l->uv, &s->uv));
    if (st != ST_OK) {
        mem_free(s);
        return st;
    }
    s->raised = raised;
    s->arg = arg;
    st = status_of_uv(uv_signal_start(&s->uv, on_signal, signum));
    if (st != ST_OK) {
        uv_close((uv_handle_t *)&s->uv, on_closed);
        return st;
    }
    uv_unref((uv_handle_t *)&s->uv); /* waiting for a signal is no work */
    *out = s;
    return ST_OK;
}

void loop_signal_destroy(struct loop_signal *s)
{
    if (s)
        uv_close((uv_handle_t *)&s->uv, on_closed);
}

/* --- work beside the loop --------------------------------------------------------------------- */

static void on_thread(uv_work_t *uv)
{
    struct loop_work *w = container_of(uv, struct loop_work, uv);

    w->work(w->arg);
    uv_sem_post(&w->returned);
}

static void free_work(struct loop_work *w)
{
    uv_sem_destroy(&w->returned);
    mem_free(w);
}

static void on_work_done(uv_work_t *uv, int status)
{
    struct loop_work *w = container_of(uv, struct loop_work, uv);

    (void)status; /* nobody cancels it */
    w->loop->works--;
    w->is_under_way = false;
    if (w->is_dead) {
        free_work(w);
        return;
    }
    uv_sem_wait(&w->returned); /* it was posted */
    w->done(w->arg);
}

enum status loop_work_create(struct loop_work **out, struct loop *l, void (*work)(void *arg),
                             void (*done)(void *arg), void *arg)
{
    struct loop_work *w = mem_zalloc(sizeof(*w));
    enum status st;

    if (!w)
        return ST_NOMEM;
    st = status_of_uv(uv_sem_init(&w->returned, 0));
    if (st != ST_OK) {
        mem_free(w);
        return st;
    }
    w->loop = l;
    w->work = work;
    w->done = done;
    w->arg = arg;
    *out = w;
    return ST_OK;
}

enum status loop_work_start(struct loop_work *w)
{
    enum status st;

    assert(!w->is_under_way);
    st = status_of_uv(uv_queue_work(&w->loop->uv, &w->uv, on_thread, on_work_done));
    w->is_under_way = st == ST_OK;
    w->loop->works += w->is_under_way;
    return st;
}

void loop_work_destroy(struct loop_work *w)
{
    if (!w)
        return;
    if (!w->is_under_way) {
        free_work(w);
        return;
    }
    uv_sem_wait(&w->returned);
    w->is_dead = true; /* on_work_done frees it */
}
