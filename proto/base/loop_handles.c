/* loop_handles - timers, descriptors and signals of loop.h.
 *
 * Each is a block with the libuv handle inside. Destroying it silences the callback and closes the
 * handle; libuv frees the block a turn later, from loop_free_closed. That is what makes destroy
 * legal inside the thing's own callback. */
#include "proto/base/loop_parts.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

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
        uv_close((uv_handle_t *)&t->uv, loop_free_closed);
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
    st = loop_status_of_uv(uv_poll_init(&l->uv, &p->uv, fd));
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
        uv_close((uv_handle_t *)&p->uv, loop_free_closed);
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
    st = loop_status_of_uv(uv_signal_init(&l->uv, &s->uv));
    if (st != ST_OK) {
        mem_free(s);
        return st;
    }
    s->raised = raised;
    s->arg = arg;
    st = loop_status_of_uv(uv_signal_start(&s->uv, on_signal, signum));
    if (st != ST_OK) {
        uv_close((uv_handle_t *)&s->uv, loop_free_closed);
        return st;
    }
    uv_unref((uv_handle_t *)&s->uv); /* waiting for a signal is no work */
    *out = s;
    return ST_OK;
}

void loop_signal_destroy(struct loop_signal *s)
{
    if (s)
        uv_close((uv_handle_t *)&s->uv, loop_free_closed);
}
