/* shared - one question to the database for all pages that ask it. See shared.h.
 *
 * Pages that hear the same news ask for the same view at the same moment. Of one person's question
 * at most one is under way; who comes meanwhile must not get that answer, which may be of before
 * the news, and waits together with all others for the next one:
 *
 *   asks ─▶ now ─────────▶ answered
 *   asks ─▶   later ─rest─▶ now ─────────▶ answered
 *   asks ─▶   later ─┘
 *
 * The rest is as long as the answer took: however busy the night and however large the view, one
 * question keeps the database busy half of the time, and a loaded machine is asked less. */
#include <stdio.h>
#include <string.h>

#include "agents/console/api/shared.h"

#include "proto/base/banned.h"

enum { REST_MOST_MS = 2000 };

struct waiter {
    struct list link;
    struct exchange *x;
    reader_done_fn done;
};

struct question {
    struct list link;
    struct shared *shared;
    struct list now, later;
    struct buf text;                          /* person, name and parameters, each with its NUL */
    const char *name, *params[READER_PARAMS]; /* in `text`; NULL = not given */
    unsigned n;
    bool under_way; /* asked or resting; also when everybody who asked has left */
    uint64_t asked_us;
    struct loop_timer *rest;
};

struct shared {
    struct console *console;
    struct list questions;
};

static void drop_waiters(struct list *all)
{
    while (!list_empty(all))
        mem_free(container_of(list_pop(all), struct waiter, link));
}

static void drop(struct question *q)
{
    drop_waiters(&q->now);
    drop_waiters(&q->later);
    list_remove(&q->link);
    loop_timer_destroy(q->rest);
    buf_free(&q->text);
    mem_free(q);
}

/* A given text and one that is not are never the same: "1text", "0". */
static void write_text(struct buf *out, const char *person, const char *name,
                       const char *const *params, unsigned n)
{
    buf_put(out, person, strlen(person) + 1);
    buf_put(out, name, strlen(name) + 1);
    for (unsigned i = 0; i < n; i++) {
        buf_puts(out, params[i] ? "1" : "0");
        buf_put(out, params[i] ? params[i] : "", params[i] ? strlen(params[i]) + 1 : 1);
    }
}

static void find_params(struct question *q)
{
    const char *at = (const char *)q->text.data;

    at = q->name = at + strlen(at) + 1;
    for (unsigned i = 0; i < q->n; i++) {
        at += strlen(at) + 1;
        q->params[i] = *at == '1' ? at + 1 : NULL;
    }
}

static void on_rested(void *arg);

static struct question *question_of(struct shared *s, const char *person, const char *name,
                                    const char *const *params, unsigned n)
{
    struct question *q = mem_zalloc(sizeof(*q));
    struct list *pos;

    if (!q)
        return NULL;
    list_init(&q->now);
    list_init(&q->later);
    list_init(&q->link);
    write_text(&q->text, person, name, params, n);
    if (q->text.failed || loop_timer_create(&q->rest, s->console->loop, on_rested, q) != ST_OK) {
        drop(q);
        return NULL;
    }
    list_each(pos, &s->questions) {
        struct question *one = container_of(pos, struct question, link);

        if (one->text.len == q->text.len &&
            memcmp(one->text.data, q->text.data, q->text.len) == 0) {
            drop(q);
            return one;
        }
    }
    q->shared = s;
    q->n = n;
    find_params(q);
    list_add_tail(&s->questions, &q->link);
    return q;
}

static void on_answer(void *arg, enum status st, const char *json, const char *why);

static enum status ask(struct question *q)
{
    q->under_way = true;
    q->asked_us = loop_exact_us(q->shared->console->loop);
    return reader_ask(q->shared->console->reader, (const char *)q->text.data, q->name, q->params,
                      q->n, on_answer, q);
}

static void answer_all(struct list *waiting, enum status st, const char *json, const char *why)
{
    while (!list_empty(waiting)) {
        struct waiter *w = container_of(list_pop(waiting), struct waiter, link);

        w->done(w->x, st, json, why);
        mem_free(w);
    }
}

static void on_answer(void *arg, enum status st, const char *json, const char *why)
{
    struct question *q = arg;

    uint64_t took_ms = (loop_exact_us(q->shared->console->loop) - q->asked_us) / 1000;

    answer_all(&q->now, st, json, why);
    loop_timer_start(q->rest, took_ms > REST_MOST_MS ? REST_MOST_MS : (unsigned)took_ms, 0);
}

static void on_rested(void *arg)
{
    struct question *q = arg;
    enum status st;

    list_move(&q->now, &q->later);
    if (!list_empty(&q->now)) {
        st = ask(q);
        if (st == ST_OK)
            return;
        answer_all(&q->now, st, NULL, "it could not be asked again");
    }
    drop(q);
}

enum status shared_ask(struct shared *s, const char *person, const char *name,
                       const char *const *params, unsigned n, reader_done_fn done,
                       struct exchange *x)
{
    struct waiter *w = mem_zalloc(sizeof(*w));
    struct question *q = w ? question_of(s, person, name, params, n) : NULL;
    enum status st;

    if (!q) {
        mem_free(w);
        return ST_NOMEM;
    }
    w->x = x;
    w->done = done;
    if (q->under_way) {
        list_add_tail(&q->later, &w->link);
        return ST_OK;
    }
    list_add_tail(&q->now, &w->link);
    st = ask(q);
    if (st != ST_OK)
        drop(q);
    return st;
}

void shared_gone(struct shared *s, struct exchange *x)
{
    struct list *at, *pos, *next;

    list_each(at, &s->questions) {
        struct question *q = container_of(at, struct question, link);
        struct list *const both[] = {&q->now, &q->later};

        for (unsigned i = 0; i < 2; i++)
            list_each_safe(pos, next, both[i]) {
                struct waiter *w = container_of(pos, struct waiter, link);

                if (w->x != x)
                    continue;
                list_remove(&w->link);
                mem_free(w);
            }
    }
}

enum status shared_create(struct shared **out, struct console *c)
{
    struct shared *s = mem_zalloc(sizeof(*s));

    if (!s)
        return ST_NOMEM;
    s->console = c;
    list_init(&s->questions);
    *out = s;
    return ST_OK;
}

void shared_destroy(struct shared *s)
{
    if (!s)
        return;
    while (!list_empty(&s->questions))
        drop(container_of(list_first(&s->questions), struct question, link));
    mem_free(s);
}
