/* news - see news.h. An event is written once and given to every page. */
#include "agents/console/news/news.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agents/console/api/answer.h"
#include "agents/console/api/order_desk.h"
#include "agents/console/news/event.h"
#include "agents/console/read/book.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

enum { TRUTH_MS = 2000, PAGES_MOST = 200, PAGES_EACH = 24, EXPECTED = 256, IN_DOUBT_MOST = 64 };

struct open_page {
    struct list link;
    struct news *news;
    struct stream *stream;
    char person[PERSON_NAME];
};

/* An event of which only the database knows whether this person may hear it. */
struct doubt {
    struct list link;
    struct news *news;
    uint64_t seq;
    char person[PERSON_NAME];
    struct buf text;
};

struct news {
    struct console *console;
    struct loop_timer *truth;
    struct list pages, doubts;
    unsigned count, doubt_count;
    uint64_t seq; /* newest number heard */
    struct expected {
        uint64_t tag;
        uint8_t id[ID_BYTES];
        char person[PERSON_NAME];
    } expected[EXPECTED]; /* a ring: the latest that were said here */
    unsigned next;
    struct buf text, hubs; /* hubs: the answer of page_hubs.sql, as JSON; empty: not known now */
    bool asks_hubs;
};

/* --- giving out ---------------------------------------------------------------------------------
 */

static void drop(struct open_page *p)
{
    list_remove(&p->link);
    p->news->count--;
    mem_free(p);
}

static void on_left(void *arg, struct stream *s)
{
    (void)s;
    drop(arg);
}

/* `person` NULL: to everybody. */
static void give_to(struct news *n, const char *person, const char *event, struct buf *text)
{
    struct list *pos, *next;

    buf_put(text, "", 1); /* a second one does no harm */
    if (text->failed)
        return;
    list_each_safe(pos, next, &n->pages) {
        struct open_page *p = container_of(pos, struct open_page, link);

        if (!person || strcmp(p->person, person) == 0)
            (void)stream_send(p->stream, event, NULL, (const char *)text->data);
    }
}

static void give(struct news *n, const char *event)
{
    give_to(n, NULL, event, &n->text);
}

/* --- to whom ------------------------------------------------------------------------------------
 */

static void drop_doubt(struct doubt *d)
{
    list_remove(&d->link);
    d->news->doubt_count--;
    buf_free(&d->text);
    mem_free(d);
}

static void on_heard(void *arg, enum status st, const char *answer, const char *why)
{
    struct doubt *d = arg;

    (void)why;
    if (st == ST_OK && strcmp(answer, "true") == 0)
        give_to(d->news, d->person, "message", &d->text);
    drop_doubt(d);
}

/* Past the bound nothing is asked: the page sees it when it reads its views again. */
static void ask_first(struct news *n, const char *person, uint64_t seq)
{
    char number[24];
    struct list *pos;
    struct doubt *d;

    list_each(pos, &n->doubts) {
        d = container_of(pos, struct doubt, link);
        if (d->seq == seq && strcmp(d->person, person) == 0)
            return; /* another page of the same person */
    }
    d = n->doubt_count < IN_DOUBT_MOST ? mem_zalloc(sizeof(*d)) : NULL;
    if (!d)
        return;
    d->news = n;
    d->seq = seq;
    snprintf(d->person, sizeof(d->person), "%s", person);
    buf_put(&d->text, n->text.data, n->text.len);
    list_add_tail(&n->doubts, &d->link);
    n->doubt_count++;
    snprintf(number, sizeof(number), "%" PRIu64, seq);
    if (reader_ask(n->console->reader, person, "heard", (const char *const[]){number}, 1, on_heard,
                   d) != ST_OK)
        drop_doubt(d);
}

/* An alarm is for everybody who is signed in while the database is away: then nobody's rights can
 * be asked, and the record is late. */
static bool is_for_all(const struct news *n, const Eocbus__V1__Envelope *m)
{
    return m->lane == EOCBUS__V1__LANE__LANE_FLASH && !reader_is_up(n->console->reader);
}

static void give_message(struct news *n, const Eocbus__V1__Stamp *s, const Eocbus__V1__Envelope *m)
{
    const bool for_all = is_for_all(n, m);
    struct list *pos, *next;

    buf_put(&n->text, "", 1);
    if (n->text.failed)
        return;
    list_each_safe(pos, next, &n->pages) {
        struct open_page *p = container_of(pos, struct open_page, link);
        enum may may = for_all ? MAY : book_hear(n->console->book, p->person, m);

        if (may == MAY)
            (void)stream_send(p->stream, "message", NULL, (const char *)n->text.data);
        else if (may == MAY_BE && s->seq && !s->provisional)
            ask_first(n, p->person, s->seq);
    }
}

/* One person's pages never keep the others out: the oldest makes room for the newest. */
static void make_room_for(struct news *n, const char *person)
{
    struct open_page *oldest = NULL;
    unsigned has = 0;
    struct list *pos;

    list_each(pos, &n->pages) {
        struct open_page *p = container_of(pos, struct open_page, link);

        if (strcmp(p->person, person) != 0)
            continue;
        oldest = oldest ? oldest : p;
        has++;
    }
    if (has < PAGES_EACH)
        return;
    stream_end(oldest->stream);
    drop(oldest);
}

/* --- how the hubs are ----------------------------------------------------------------------------
 */

static void on_hubs(void *arg, enum status st, const char *json, const char *why)
{
    struct news *n = arg;

    const bool same =
        st == ST_OK && n->hubs.len == strlen(json) && memcmp(n->hubs.data, json, n->hubs.len) == 0;

    n->asks_hubs = false;
    if (same)
        return;
    if (st != ST_OK)
        log_debug("console.hubs", "status=%s why=\"%s\"", status_name(st), why ? why : "");
    buf_clear(&n->hubs);
    buf_puts(&n->hubs, st == ST_OK ? json : "");
    news_truth(n);
}

/* What is another than before is told at once. */
static void ask_hubs(struct news *n)
{
    if (n->asks_hubs)
        return;
    n->asks_hubs = true;
    if (reader_ask(n->console->reader, "", "hubs", NULL, 0, on_hubs, n) == ST_OK)
        return;
    n->asks_hubs = false;
    buf_clear(&n->hubs);
}

/* --- a page comes -------------------------------------------------------------------------------
 */

void news_open(struct news *n, struct exchange *x, const char *person)
{
    struct open_page *p;

    make_room_for(n, person);
    p = n->count < PAGES_MOST ? mem_zalloc(sizeof(*p)) : NULL;
    if (!p) {
        answer_later(x, 503, "busy", "Too many pages are open.", 10);
        return;
    }
    p->news = n;
    snprintf(p->person, sizeof(p->person), "%s", person);
    p->stream = http_stream(x, on_left, p);
    if (!p->stream) {
        mem_free(p);
        return;
    }
    list_add_tail(&n->pages, &p->link);
    n->count++;
    ask_hubs(n);
    news_truth(n);
}

/* --- what the bus says --------------------------------------------------------------------------
 */

static bool on_message(void *arg, const Eocbus__V1__Delivery *d, const Eocbus__V1__Envelope *m)
{
    struct news *n = arg;

    if (d->stamp->seq > n->seq)
        n->seq = d->stamp->seq;
    if (m)
        order_desk_hear(n->console->order_desk, m);
    if (!m || !n->count)
        return true;
    buf_clear(&n->text);
    event_message(&n->text, d->stamp, m);
    give_message(n, d->stamp, m);
    return true;
}

static void on_withdrawn(void *arg, const Eocbus__V1__Withdrawn *w)
{
    struct news *n = arg;

    buf_clear(&n->text);
    event_withdrawn(&n->text, w);
    give(n, "withdrawn");
}

enum status news_subscribe(struct news *n, char *err, size_t err_size)
{
    static const char *const all[] = {"**"};
    const struct agent_subscription sub = {.patterns = all,
                                           .pattern_count = 1,
                                           .from_now = true,
                                           .numbered_copies = true,
                                           .arg = n,
                                           .message = on_message,
                                           .withdrawn = on_withdrawn};

    return agent_subscribe(n->console->agent, &sub, err, err_size);
}

/* --- what was said here -------------------------------------------------------------------------
 */

void news_expect(struct news *n, uint64_t tag, const uint8_t id[16], const char *person)
{
    struct expected *e = &n->expected[n->next++ % EXPECTED];

    e->tag = tag;
    memcpy(e->id, id, ID_BYTES);
    snprintf(e->person, sizeof(e->person), "%s", person);
}

void news_settled(struct news *n, uint64_t tag, const struct outbox_outcome *oc)
{
    const struct expected *e = NULL;

    for (unsigned i = 0; i < EXPECTED; i++)
        if (n->expected[i].tag == tag && *n->expected[i].person)
            e = &n->expected[i];
    if (!e)
        return;
    buf_clear(&n->text);
    event_settled(&n->text, e->id, e->person, oc);
    give_to(n, e->person, "settled", &n->text);
}

/* --- how things are -----------------------------------------------------------------------------
 */

void news_truth(struct news *n)
{
    struct console *c = n->console;
    struct agent_state s;
    struct list *pos;

    if (!n->count)
        return;
    list_each(pos, &n->pages)
        book_keep(c->book, container_of(pos, struct open_page, link)->person);
    agent_state(c->agent, &s);
    buf_clear(&n->text);
    buf_printf(&n->text,
               "{\"utc_us\":%" PRId64 ",\"linked\":%s,\"store\":%s,\"view\":%s,\"waiting\":%" PRIu64
               ",\"refused\":%" PRIu64 ",\"seq\":%" PRIu64 ",\"sessions\":%u,\"exercise\":%s",
               loop_utc_us(c->loop), s.linked ? "true" : "false",
               s.linked && !s.store_away ? "true" : "false",
               reader_is_up(c->reader) ? "true" : "false", s.waiting, s.refused, n->seq, s.sessions,
               strcmp(c->set.status, "exercise") == 0 ? "true" : "false");
    buf_puts(&n->text, ",\"endpoint\":");
    put_json(&n->text, s.endpoint ? s.endpoint : "");
    buf_puts(&n->text, ",\"trouble\":");
    put_json(&n->text, s.trouble ? s.trouble : "");
    buf_puts(&n->text, ",\"hubs\":");
    if (n->hubs.len)
        buf_put(&n->text, n->hubs.data, n->hubs.len);
    else
        buf_puts(&n->text, "null");
    buf_puts(&n->text, "}");
    give(n, "truth");
}

static void on_truth(void *arg)
{
    struct news *n = arg;

    if (n->count)
        ask_hubs(n);
    else
        buf_clear(&n->hubs);
    news_truth(n);
}

enum status news_create(struct news **out, struct console *c)
{
    struct news *n = mem_zalloc(sizeof(*n));
    enum status st;

    if (!n)
        return ST_NOMEM;
    n->console = c;
    list_init(&n->pages);
    list_init(&n->doubts);
    st = loop_timer_create(&n->truth, c->loop, on_truth, n);
    if (st != ST_OK) {
        mem_free(n);
        return st;
    }
    loop_timer_start(n->truth, TRUTH_MS, TRUTH_MS);
    *out = n;
    return ST_OK;
}

void news_destroy(struct news *n)
{
    if (!n)
        return;
    loop_timer_destroy(n->truth);
    while (!list_empty(&n->pages))
        drop(container_of(list_first(&n->pages), struct open_page, link));
    while (!list_empty(&n->doubts))
        drop_doubt(container_of(list_first(&n->doubts), struct doubt, link));
    buf_free(&n->text);
    buf_free(&n->hubs);
    mem_free(n);
}
