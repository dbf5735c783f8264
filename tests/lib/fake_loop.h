/* fake_loop - proto/base/loop.h on simulated time, for tests of rooms: no descriptors, no waiting.
 *
 * Included by one test's .c: its definitions take the place of loop.c's when the test is linked.
 * Time stands still until fake_advance; loop_turn runs due timers and then the hooks. */
#ifndef EOCBUS_TESTS_LIB_FAKE_LOOP_H
#define EOCBUS_TESTS_LIB_FAKE_LOOP_H

#include <stdbool.h>
#include <stdlib.h>

#include "proto/base/list.h"
#include "proto/base/loop.h"
#include "proto/base/mem.h"

#define FAKE_UTC_US 1778788991000000ll /* 2026-05-14T20:03:11Z */

struct loop {
    uint64_t now_us;
    struct list timers, hooks;
};
struct loop_timer {
    struct list link;
    struct loop *loop;
    void (*fire)(void *arg);
    void *arg;
    uint64_t due_us; /* 0 = stopped */
    unsigned repeat_ms;
};
struct loop_hook {
    struct list link;
    int (*before)(void *arg);
    void (*after)(void *arg);
    void *arg;
};

enum status loop_create(struct loop **out)
{
    struct loop *l = mem_zalloc(sizeof(*l));

    if (!l)
        return ST_NOMEM;
    l->now_us = 1000000;
    list_init(&l->timers);
    list_init(&l->hooks);
    *out = l;
    return ST_OK;
}

void loop_destroy(struct loop *l)
{
    mem_free(l);
}

uint64_t loop_now_us(struct loop *l)
{
    return l->now_us;
}

uint64_t loop_exact_us(struct loop *l)
{
    return l->now_us;
}

int64_t loop_utc_us(struct loop *l)
{
    return FAKE_UTC_US + (int64_t)l->now_us;
}

enum status loop_timer_create(struct loop_timer **out, struct loop *l, void (*fire)(void *arg),
                              void *arg)
{
    struct loop_timer *t = mem_zalloc(sizeof(*t));

    if (!t)
        return ST_NOMEM;
    t->loop = l;
    t->fire = fire;
    t->arg = arg;
    list_add_tail(&l->timers, &t->link);
    *out = t;
    return ST_OK;
}

void loop_timer_start(struct loop_timer *t, unsigned delay_ms, unsigned repeat_ms)
{
    t->due_us = t->loop->now_us + delay_ms * 1000ull;
    t->repeat_ms = repeat_ms;
}

void loop_timer_stop(struct loop_timer *t)
{
    t->due_us = 0;
}

void loop_timer_destroy(struct loop_timer *t)
{
    if (!t)
        return;
    list_remove(&t->link);
    mem_free(t);
}

enum status loop_hook_create(struct loop_hook **out, struct loop *l, int (*before)(void *arg),
                             void (*after)(void *arg), void *arg)
{
    struct loop_hook *h = mem_zalloc(sizeof(*h));

    if (!h)
        return ST_NOMEM;
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
    list_remove(&h->link);
    mem_free(h);
}

static inline void fake_advance(struct loop *l, unsigned ms)
{
    l->now_us += ms * 1000ull;
}

void loop_turn(struct loop *l, unsigned wait_ms)
{
    struct list *pos, *next;

    (void)wait_ms;
    list_each_safe(pos, next, &l->timers) {
        struct loop_timer *t = container_of(pos, struct loop_timer, link);

        if (!t->due_us || t->due_us > l->now_us)
            continue;
        t->due_us = t->repeat_ms ? l->now_us + t->repeat_ms * 1000ull : 0;
        t->fire(t->arg);
    }
    list_each_safe(pos, next, &l->hooks) {
        struct loop_hook *h = container_of(pos, struct loop_hook, link);

        if (h->before)
            h->before(h->arg);
        if (h->after)
            h->after(h->arg);
    }
}

/* Whether the loop would go round again without waiting. */
static inline bool fake_is_busy(struct loop *l)
{
    struct list *pos;

    list_each(pos, &l->hooks) {
        struct loop_hook *h = container_of(pos, struct loop_hook, link);

        if (h->before && h->before(h->arg))
            return true;
    }
    return false;
}

#endif
