/* reader - see reader.h. */
#include "agents/console/read/reader.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/list.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/pg.h"
#include "sql/sql_text.h"

#include "proto/base/banned.h"

enum { CONNECTIONS = 8, PAGES = 64, PARAM_BYTES = 512, NAME_BYTES = 128 };

static const char folder[] = "queries/page_", reads_for[] = "reads_for";

struct question {
    struct list link;
    char name[64], person[NAME_BYTES];
    char text[READER_PARAMS][PARAM_BYTES];
    bool given[READER_PARAMS];
    unsigned n;
    reader_done_fn done;
    void *arg;
};

struct line {
    struct reader *reader;
    struct pg *pg;
    struct question *busy;
    char person[NAME_BYTES]; /* for whom the connection reads; "" = for the login itself */
};

struct reader {
    struct reader_settings set;
    const char *pages[PAGES + 2]; /* reads_for, then names with "page_", for prepare */
    struct line line[CONNECTIONS];
    unsigned up;
    struct list waiting;
    size_t waiting_count;
};

/* --- which pages there are -------------------------------------------------------------------- */

const char *reader_takes(const char *name)
{
    static char words[200];
    const struct sql_text *t = sql_find(folder, name);
    const char *at = t ? strstr(t->text, "-- takes: ") : NULL;
    size_t len;

    if (!at)
        return NULL;
    at += strlen("-- takes: ");
    len = strcspn(at, "\n");
    snprintf(words, sizeof(words), "%.*s", (int)len, at);
    return strcmp(words, "nothing") == 0 ? "" : words;
}

bool reader_is_for_pages(const char *name)
{
    const struct sql_text *t = sql_find(folder, name);
    const char *at = t ? strstr(t->text, "Asked by the program, not by pages.") : NULL;

    return t && (!at || at > t->text + strcspn(t->text, "\n"));
}

static void list_pages(struct reader *r)
{
    unsigned n = 0;

    r->pages[n++] = reads_for;
    for (const struct sql_text *t = sql_texts; t->name && n <= PAGES; t++)
        if (sql_is_in(t, folder))
            r->pages[n++] = t->name + strlen("queries/");
}

/* --- one question after the other ------------------------------------------------------------- */

static void ask_next(struct reader *r);

static void answer(struct question *q, enum status st, const char *json, const char *why)
{
    if (q->done)
        q->done(q->arg, st, json, why);
    mem_free(q);
}

static void on_answer(void *arg, const struct pg_reply *reply)
{
    struct line *l = arg;
    struct question *q = l->busy;

    l->busy = NULL;
    if (reply->answer == PG_ROWS && pg_row_count(reply->rows) == 1)
        answer(q, ST_OK, pg_text(reply->rows, 0, 0), "");
    else if (reply->answer == PG_LOST)
        answer(q, ST_TIMEOUT, NULL, reply->message);
    else
        answer(q, ST_INVALID, NULL, reply->message);
    ask_next(l->reader);
}

static bool send_page(struct line *l, struct question *q)
{
    struct pg_param params[READER_PARAMS];
    char name[72];

    for (unsigned i = 0; i < q->n; i++)
        params[i] = (struct pg_param){q->given[i] ? q->text[i] : NULL,
                                      q->given[i] ? strlen(q->text[i]) : 0};
    snprintf(name, sizeof(name), "page_%s", q->name);
    for (unsigned i = 0; l->reader->pages[i]; i++)
        if (strcmp(l->reader->pages[i], name) == 0)
            return pg_query(l->pg, l->reader->pages[i], params, q->n, l->reader->set.deadline_ms,
                            on_answer, l) == ST_OK;
    return false;
}

static void on_person(void *arg, const struct pg_reply *reply)
{
    struct line *l = arg;
    struct question *q = l->busy;

    if (reply->answer == PG_ROWS) {
        snprintf(l->person, sizeof(l->person), "%s", q->person);
        if (send_page(l, q))
            return;
    }
    l->busy = NULL;
    answer(q, reply->answer == PG_ERROR ? ST_INVALID : ST_TIMEOUT, NULL, reply->message);
    ask_next(l->reader);
}

/* First for whom, if the connection read for somebody else last. */
static bool send(struct line *l, struct question *q)
{
    const struct pg_param person = {q->person, strlen(q->person)};

    if (strcmp(l->person, q->person) == 0)
        return send_page(l, q);
    return pg_query(l->pg, reads_for, &person, 1, l->reader->set.deadline_ms, on_person, l) ==
           ST_OK;
}

static struct question *take_waiting(struct reader *r)
{
    struct question *q = container_of(list_first(&r->waiting), struct question, link);

    list_remove(&q->link);
    r->waiting_count--;
    return q;
}

static void ask_next(struct reader *r)
{
    for (unsigned i = 0; i < r->set.connections && !list_empty(&r->waiting); i++) {
        struct line *l = &r->line[i];

        if (l->busy || !pg_is_idle(l->pg))
            continue;
        l->busy = take_waiting(r);
        if (send(l, l->busy))
            continue;
        answer(l->busy, ST_CLOSED, NULL, "the database is away");
        l->busy = NULL;
    }
}

static void on_ready(void *arg)
{
    struct line *l = arg;
    struct reader *r = l->reader;

    l->person[0] = '\0';
    if (r->up++ == 0)
        r->set.changed(r->set.arg, true);
    ask_next(r);
}

static void on_gone(void *arg)
{
    struct line *l = arg;
    struct reader *r = l->reader;

    if (--r->up)
        return;
    while (!list_empty(&r->waiting))
        answer(take_waiting(r), ST_CLOSED, NULL, "the database is away");
    r->set.changed(r->set.arg, false);
}

enum status reader_ask(struct reader *r, const char *person, const char *name,
                       const char *const *params, unsigned n, reader_done_fn done, void *arg)
{
    struct question *q;

    if (!sql_find(folder, name))
        return ST_NOTFOUND;
    for (unsigned i = 0; i < n; i++)
        if (params[i] && strlen(params[i]) >= PARAM_BYTES)
            return ST_INVALID;
    if (strlen(person) >= NAME_BYTES)
        return ST_INVALID;
    if (!r->up)
        return ST_CLOSED;
    if (r->waiting_count >= r->set.waiting_most)
        return ST_FULL;
    q = mem_zalloc(sizeof(*q));
    if (!q)
        return ST_NOMEM;
    snprintf(q->name, sizeof(q->name), "%s", name);
    snprintf(q->person, sizeof(q->person), "%s", person);
    for (q->n = 0; q->n < n && q->n < READER_PARAMS; q->n++) {
        q->given[q->n] = params[q->n] != NULL;
        snprintf(q->text[q->n], PARAM_BYTES, "%s", params[q->n] ? params[q->n] : "");
    }
    q->done = done;
    q->arg = arg;
    list_add_tail(&r->waiting, &q->link);
    r->waiting_count++;
    ask_next(r);
    return ST_OK;
}

void reader_forget(struct reader *r, void *arg)
{
    struct list *pos;

    for (unsigned i = 0; i < r->set.connections; i++)
        if (r->line[i].busy && r->line[i].busy->arg == arg)
            r->line[i].busy->done = NULL;
    list_each(pos, &r->waiting) {
        struct question *q = container_of(pos, struct question, link);

        if (q->arg == arg)
            q->done = NULL;
    }
}

/* --- starting and ending ---------------------------------------------------------------------- */

static enum status open_line(struct reader *r, struct line *l)
{
    static const char *const names[] = {"page1", "page2", "page3", "page4",
                                        "page5", "page6", "page7", "page8"};
    const struct pg_settings set = {.loop = r->set.loop,
                                    .conninfo = r->set.conninfo,
                                    .name = names[l - r->line],
                                    .prepare = r->pages};
    const struct pg_exits exits = {.arg = l, .ready = on_ready, .gone = on_gone};

    l->reader = r;
    return pg_create(&l->pg, &set, &exits);
}

enum status reader_create(struct reader **out, const struct reader_settings *set)
{
    struct reader *r = mem_zalloc(sizeof(*r));
    enum status st = ST_OK;

    if (!r)
        return ST_NOMEM;
    r->set = *set;
    if (r->set.connections > CONNECTIONS)
        r->set.connections = CONNECTIONS;
    list_init(&r->waiting);
    list_pages(r);
    for (unsigned i = 0; st == ST_OK && i < r->set.connections; i++)
        st = open_line(r, &r->line[i]);
    if (st != ST_OK) {
        reader_destroy(r);
        return st;
    }
    *out = r;
    return ST_OK;
}

void reader_destroy(struct reader *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < r->set.connections; i++) {
        pg_destroy(r->line[i].pg);
        mem_free(r->line[i].busy);
    }
    while (!list_empty(&r->waiting))
        mem_free(take_waiting(r));
    mem_free(r);
}

bool reader_is_up(const struct reader *r)
{
    return r->up > 0;
}
