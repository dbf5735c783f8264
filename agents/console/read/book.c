/* book - see book.h. */
#include "agents/console/read/book.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/list.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include "proto/base/banned.h"

/* How long a change of somebody's roles may take to reach the news on an open page. The views judge
 * by the rights of the moment. */
#define FRESH_US UINT64_C(60000000)
/* After a question that came to nothing. */
#define AGAIN_US UINT64_C(2000000)

struct entry {
    struct list link;
    struct book *book;
    struct rights rights;
    uint64_t next_us;
    bool is_known, is_asked;
};

struct book {
    struct loop *loop;
    struct reader *reader;
    struct list entries;
};

static struct entry *find(const struct book *b, const char *person)
{
    struct list *pos;

    list_each(pos, &b->entries) {
        struct entry *e = container_of(pos, struct entry, link);

        if (strcmp(e->rights.name, person) == 0)
            return e;
    }
    return NULL;
}

static void on_rights(void *arg, enum status st, const char *text, const char *why)
{
    struct entry *e = arg;
    struct rights read;

    e->is_asked = false;
    e->next_us = loop_now_us(e->book->loop) + AGAIN_US;
    if (st == ST_OK)
        st = rights_read(&read, e->rights.name, text);
    if (st != ST_OK) {
        log_warn("console.view", "path=person status=%s why=\"%s\"", status_name(st), why);
        return;
    }
    e->rights = read;
    e->is_known = true;
    e->next_us = loop_now_us(e->book->loop) + FRESH_US;
}

static struct entry *add(struct book *b, const char *person)
{
    struct entry *e = strlen(person) < sizeof(e->rights.name) ? mem_zalloc(sizeof(*e)) : NULL;

    if (!e)
        return NULL;
    e->book = b;
    snprintf(e->rights.name, sizeof(e->rights.name), "%s", person);
    list_add_tail(&b->entries, &e->link);
    return e;
}

void book_keep(struct book *b, const char *person)
{
    struct entry *e = find(b, person);

    if (!e)
        e = add(b, person);
    if (!e || e->is_asked || loop_now_us(b->loop) < e->next_us)
        return;
    e->is_asked = true;
    if (reader_ask(b->reader, "", "person", (const char *const[]){person}, 1, on_rights, e) !=
        ST_OK)
        e->is_asked = false;
}

enum may book_hear(const struct book *b, const char *person, const Eocbus__V1__Envelope *m)
{
    const struct entry *e = find(b, person);

    return e && e->is_known ? rights_hear(&e->rights, m) : MAY_BE;
}

enum may book_say(const struct book *b, const char *person, const Eocbus__V1__Envelope *m)
{
    const struct entry *e = find(b, person);

    return e && e->is_known ? rights_say(&e->rights, m) : MAY_BE;
}

enum status book_create(struct book **out, struct loop *loop, struct reader *reader)
{
    struct book *b = mem_zalloc(sizeof(*b));

    if (!b)
        return ST_NOMEM;
    b->loop = loop;
    b->reader = reader;
    list_init(&b->entries);
    *out = b;
    return ST_OK;
}

void book_destroy(struct book *b)
{
    if (!b)
        return;
    while (!list_empty(&b->entries))
        mem_free(container_of(list_pop(&b->entries), struct entry, link));
    mem_free(b);
}
