/* feed - see feed.h. */
#include "agents/console/api/feed.h"

#include <stdio.h>
#include <string.h>

#include "agents/console/api/answer.h"
#include "agents/console/api/paper.h"
#include "agents/console/cap/cap.h"
#include "proto/base/file.h"
#include "proto/base/ids.h"
#include "proto/base/list.h"
#include "proto/base/log.h"
#include "proto/base/password.h"

#include "proto/base/banned.h"

/* One of the feed's questions is under way at a time, the list before the alerts, and whoever asks
 * the same meanwhile waits for its answer: strangers never keep more than one of the dispatchers'
 * connections to the database busy. */
enum { PEM_BYTES = 1 << 16, FRESH_US = 2000000, PAPERS = 64 };

struct waiter {
    struct list link;
    struct exchange *x;
};

struct feed {
    struct console *console;
    struct cap_signer *signer; /* NULL: nothing is signed */
    struct paper list;
    struct list alerts; /* who was asked for longest ago first */
    unsigned count;
    struct paper *busy; /* its question is under way */
};

/* --- answers ---------------------------------------------------------------------------------- */

static void answer_away(struct exchange *x)
{
    answer_later(x, 503, "store_away", "The alerts cannot be read now; try again.", 2);
}

static void answer_all(struct paper *p, bool is_read)
{
    while (!list_empty(&p->waiting)) {
        struct waiter *w = container_of(list_pop(&p->waiting), struct waiter, link);

        if (is_read)
            paper_answer(p, w->x);
        else
            answer_away(w->x);
        mem_free(w);
    }
}

static void ask_next(struct feed *f);

static void on_answer(void *arg, enum status st, const char *text, const char *why)
{
    struct paper *p = arg;
    struct feed *f = p->feed;

    f->busy = NULL;
    if (st == ST_OK)
        st = paper_keep(p, f->signer, text);
    if (st != ST_OK)
        log_warn("console.view", "path=%s status=%s why=\"%s\"", *p->id ? "cap" : "feed",
                 status_name(st), why ? why : "");
    p->read_us = st == ST_OK ? loop_now_us(f->console->loop) : 0;
    answer_all(p, st == ST_OK);
    ask_next(f);
}

/* --- one question after the other ------------------------------------------------------------- */

static struct paper *next_wanted(struct feed *f)
{
    struct list *pos;

    if (!list_empty(&f->list.waiting))
        return &f->list;
    list_each(pos, &f->alerts) {
        struct paper *p = container_of(pos, struct paper, link);

        if (!list_empty(&p->waiting))
            return p;
    }
    return NULL;
}

static void ask_next(struct feed *f)
{
    struct console *c = f->console;
    struct paper *p;

    while (!f->busy && (p = next_wanted(f)) != NULL) {
        const char *const of_list[] = {c->set.status, c->set.cap_sender};
        const char *const of_alert[] = {p->id, c->set.status};

        f->busy = p;
        if (reader_ask(c->reader, "", *p->id ? "cap" : "feed", *p->id ? of_alert : of_list, 2,
                       on_answer, p) == ST_OK)
            continue;
        f->busy = NULL;
        answer_all(p, false);
    }
}

/* An alert is never older than the list that was told last: who read there that it is over does not
 * get it any more. */
static bool is_fresh(const struct feed *f, const struct paper *p)
{
    return p->read_us && loop_now_us(f->console->loop) - p->read_us < FRESH_US &&
           p->read_us >= (*p->id ? f->list.read_us : 0);
}

static void want(struct feed *f, struct paper *p, struct exchange *x)
{
    struct waiter *w;

    if (is_fresh(f, p)) {
        paper_answer(p, x);
        return;
    }
    w = mem_zalloc(sizeof(*w));
    if (!w) {
        answer_away(x);
        return;
    }
    w->x = x;
    list_add_tail(&p->waiting, &w->link);
    ask_next(f);
}

/* --- the alerts that were asked for last ------------------------------------------------------ */

static void drop(struct feed *f, struct paper *p)
{
    list_remove(&p->link);
    f->count--;
    buf_free(&p->xml);
    mem_free(p);
}

/* False: each of them is waited for. */
static bool make_room(struct feed *f)
{
    struct list *pos;

    if (f->count < PAPERS)
        return true;
    list_each(pos, &f->alerts) {
        struct paper *p = container_of(pos, struct paper, link);

        if (p == f->busy || !list_empty(&p->waiting))
            continue;
        drop(f, p);
        return true;
    }
    return false;
}

static void begin_paper(struct paper *p, struct feed *f, const char *id)
{
    p->feed = f;
    snprintf(p->id, sizeof(p->id), "%s", id);
    list_init(&p->link);
    list_init(&p->waiting);
}

/* NULL: too many are asked for at once, or there is no memory. */
static struct paper *alert_of(struct feed *f, const char *id)
{
    struct list *pos;
    struct paper *p;

    list_each(pos, &f->alerts) {
        p = container_of(pos, struct paper, link);
        if (strcmp(p->id, id) != 0)
            continue;
        if (list_empty(&p->waiting)) { /* who waits keeps its place */
            list_remove(&p->link);
            list_add_tail(&f->alerts, &p->link);
        }
        return p;
    }
    p = make_room(f) ? mem_zalloc(sizeof(*p)) : NULL;
    if (!p)
        return NULL;
    begin_paper(p, f, id);
    list_add_tail(&f->alerts, &p->link);
    f->count++;
    return p;
}

void feed_ask(struct console *c, struct exchange *x, const char *path)
{
    char id[ID_TEXT] = "";
    uint8_t bytes[ID_BYTES];
    struct paper *p;

    if (strcmp(path, "alerts.atom") == 0) {
        want(c->feed, &c->feed->list, x);
        return;
    }
    snprintf(id, sizeof(id), "%s", path);
    if (strlen(path) != ID_TEXT - 1 + strlen(".xml") || strcmp(path + ID_TEXT - 1, ".xml") != 0 ||
        !id_parse(bytes, id)) {
        answer_error(x, 404, "path", "There is no such path.");
        return;
    }
    id_format(id, bytes); /* one spelling */
    p = alert_of(c->feed, id);
    if (p)
        want(c->feed, p, x);
    else
        answer_later(x, 503, "busy", "Too many alerts are asked for at once; try again.", 2);
}

static void forget(struct paper *p, const struct exchange *x)
{
    struct list *pos, *next;

    list_each_safe(pos, next, &p->waiting) {
        struct waiter *w = container_of(pos, struct waiter, link);

        if (w->x != x)
            continue;
        list_remove(&w->link);
        mem_free(w);
    }
}

void feed_gone(struct feed *f, struct exchange *x)
{
    struct list *pos;

    forget(&f->list, x);
    list_each(pos, &f->alerts) {
        forget(container_of(pos, struct paper, link), x);
    }
}

/* --- its keys --------------------------------------------------------------------------------- */

static enum status load_signer(struct feed *f, char *err, size_t err_size)
{
    const struct console_settings *set = &f->console->set;
    struct buf key = {0}, cert = {0};
    enum status st;

    if (!*set->cap_key && !*set->cap_cert) {
        log_warn("console.cap.unsigned",
                 "next=\"alerts go out without a signature; set cap.key and cap.cert\"");
        return ST_OK;
    }
    st = file_read(set->cap_key, &key, PEM_BYTES);
    if (st == ST_OK)
        st = file_read(set->cap_cert, &cert, PEM_BYTES);
    if (st != ST_OK)
        snprintf(err, err_size, "cap.key and cap.cert: %s or %s cannot be read", set->cap_key,
                 set->cap_cert);
    else
        st = cap_signer_create(&f->signer, &key, &cert, err, err_size);
    password_wipe((char *)key.data, key.len);
    buf_free(&key);
    buf_free(&cert);
    return st;
}

enum status feed_create(struct feed **out, struct console *c, char *err, size_t err_size)
{
    struct feed *f = mem_zalloc(sizeof(*f));
    enum status st;

    if (!f)
        return ST_NOMEM;
    f->console = c;
    begin_paper(&f->list, f, "");
    list_init(&f->alerts);
    st = load_signer(f, err, err_size);
    if (st != ST_OK) {
        feed_destroy(f);
        return st;
    }
    *out = f;
    return ST_OK;
}

void feed_destroy(struct feed *f)
{
    if (!f)
        return;
    while (!list_empty(&f->list.waiting))
        mem_free(container_of(list_pop(&f->list.waiting), struct waiter, link));
    while (!list_empty(&f->alerts)) {
        struct paper *p = container_of(list_first(&f->alerts), struct paper, link);

        while (!list_empty(&p->waiting))
            mem_free(container_of(list_pop(&p->waiting), struct waiter, link));
        drop(f, p);
    }
    cap_signer_destroy(f->signer);
    buf_free(&f->list.xml);
    mem_free(f);
}
