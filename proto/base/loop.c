/* loop - libuv behind our own door: turns, hooks and clocks. Timers, descriptors and signals are in
 * loop_handles.c, work on a thread in loop_work.c.
 *
 * Hooks share one prepare, one check and one idle handle:
 *
 *   timers → prepare: every before() ─ any true? start idle ─→ wait (not at all with idle) → polls
 *          ↖──────────────── check: stop idle, every after() ←──────────────────────────────┘ */
#include "proto/base/loop_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "proto/base/mem.h"

#include "proto/base/banned.h"

struct loop_hook {
    struct list link;
    struct loop *loop; /* borrowed, outlives us */
    int (*before)(void *arg);
    void (*after)(void *arg);
    void *arg;
    bool is_dead;
};

enum status loop_status_of_uv(int error)
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

void loop_free_closed(uv_handle_t *handle)
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
    st = loop_status_of_uv(uv_loop_init(&l->uv));
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
