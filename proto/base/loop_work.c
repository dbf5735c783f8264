/* loop_work - work of loop.h beside the loop, on a thread of libuv's. */
#include <assert.h>

#include "proto/base/loop_parts.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

struct loop_work {
    uv_work_t uv;
    struct loop *loop; /* borrowed, outlives us */
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
    uv_sem_t returned; /* work has */
    bool is_under_way, is_dead;
};

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
    st = loop_status_of_uv(uv_sem_init(&w->returned, 0));
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
    st = loop_status_of_uv(uv_queue_work(&w->loop->uv, &w->uv, on_thread, on_work_done));
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
