/* order_desk - see order_desk.h. One draft after the other: ids first, then each as it is now. */
#include "agents/console/api/order_desk.h"

#include <stdio.h>
#include <string.h>

#include "agents/console/api/draft.h"
#include "agents/console/api/taking.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "proto/wire/order.h"

#include "proto/base/banned.h"

enum { ORDER_BYTES = 1 << 17, AGAIN_MS = 2000 };

struct order_desk {
    struct console *console;
    struct loop_timer *again;
    struct buf ready; /* ids of drafts, with blanks between */
    size_t at;        /* of the one that is asked for */
    bool asks, anew;  /* anew: something was heard meanwhile */
    bool is_owed;     /* one could not be said now */
    bool owes_a_no;   /* a refusal may stand in the outbox that nobody was told */
    bool has_said_so; /* that something is owed: once, not with every try */
};

static void try_again(struct order_desk *d)
{
    if (d->is_owed || d->owes_a_no)
        loop_timer_start(d->again, AGAIN_MS, 0);
    else
        d->has_said_so = false;
}

static void end_look(struct order_desk *d)
{
    d->asks = false;
    if (d->anew)
        order_desk_look(d);
    else
        try_again(d);
}

/* Of what is tried every two seconds, the first time only. */
static bool is_news(struct order_desk *d)
{
    const bool first = !d->has_said_so;

    d->has_said_so = true;
    return first;
}

/* --- enough approved it ----------------------------------------------------------------------- */

static bool is_ours(const struct order_desk *d, const struct order_draft *f)
{
    return strcmp(f->d.state, "WAITING") == 0 && f->needed &&
           strcmp(f->desk, d->console->set.agent.name) == 0 &&
           order_draft_is_meant(f, room_status(d->console));
}

/* What became of a draft, in nobody's name: the desk itself knows it. */
static enum status say_no(struct order_desk *d, const Eocbus__V1__Envelope *order, const char *code,
                          const char *text)
{
    struct console *c = d->console;
    Eocbus__V1__Envelope m = EOCBUS__V1__ENVELOPE__INIT;
    Eocbus__V1__Receipt body = EOCBUS__V1__RECEIPT__INIT;
    struct refusal why = {.code = NULL};
    char key[ID_TEXT + 8], id[ID_TEXT];
    uint64_t tag;
    enum status st;

    body.message_id = order->preceding_id;
    body.level = EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_REJECTED;
    body.by = c->set.agent.name;
    body.code = (char *)(uintptr_t)code;
    body.text = (char *)(uintptr_t)text;
    body.time_us = loop_utc_us(c->loop);
    m.event_time_us = body.time_us;
    m.lane = EOCBUS__V1__LANE__LANE_IMMEDIATE;
    m.status = order->status;
    m.kind = EOCBUS__V1__KIND__KIND_ERROR;
    m.label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    m.lang = EOCBUS__V1__LANG__LANG_EN;
    m.area = order->area;
    m.preceding_id = order->preceding_id;
    m.originating_id = order->preceding_id;
    m.body_case = EOCBUS__V1__ENVELOPE__BODY_RECEIPT;
    m.receipt = &body;
    id_format(id, order->preceding_id.data);
    snprintf(key, sizeof(key), "no-%s", id);
    st = say_once(c, &m, key, &tag, &why);
    return st == ST_EXISTS ? ST_OK : st;
}

static enum status say_order(struct order_desk *d, const struct order_draft *f,
                             const uint8_t draft[ID_BYTES], struct arena *arena, char *err,
                             size_t err_size)
{
    Eocbus__V1__Approval **rows = NULL;
    Eocbus__V1__Envelope *m = NULL;
    struct refusal why = {.code = NULL};
    uint64_t tag;
    enum status st = order_draft_become(&m, f, room_status(d->console), draft,
                                        loop_utc_us(d->console->loop), arena, err, err_size);

    if (st != ST_OK || order_approvals(m, &rows) < f->needed)
        return st; /* one was revoked just now, or is false */
    st = say_put(d->console, m, &tag, &why);
    if (st == ST_INVALID) {
        snprintf(err, err_size, "%s %s", why.code, why.path);
        return say_no(d, m, why.code, why.text);
    }
    if (st == ST_OK)
        log_info("console.order", "machine=%s said=1", order_target(m));
    return st == ST_EXISTS ? ST_OK : st;
}

static void ask_next(struct order_desk *d);

static void on_draft(void *arg, enum status st, const char *text, const char *why)
{
    struct order_desk *d = arg;
    struct arena *arena = NULL;
    struct order_draft f;
    uint8_t draft[ID_BYTES];
    char id[ID_TEXT], err[400] = "";

    snprintf(id, sizeof(id), "%s", (const char *)d->ready.data + d->at);
    d->at += strlen(id) + 1;
    if (st == ST_OK && order_draft_read(&f, text) && is_ours(d, &f) && id_parse(draft, id)) {
        st = arena_create(&arena, ORDER_BYTES);
        if (st == ST_OK)
            st = say_order(d, &f, draft, arena, err, sizeof(err));
        arena_destroy(arena);
    }
    d->is_owed |= st != ST_OK && st != ST_INVALID;
    if ((st != ST_OK || *err) && is_news(d))
        log_error("console.order.unsaid", "draft=%s status=%s why=\"%s\"", id, status_name(st),
                  *err || !why ? err : why);
    ask_next(d);
}

static void ask_next(struct order_desk *d)
{
    const char *id = (const char *)d->ready.data + d->at;
    const char *params[] = {id, ""};

    if (d->at + ID_TEXT <= d->ready.len && reader_ask(d->console->reader, "", "order_draft", params,
                                                      ARRAY_LEN(params), on_draft, d) == ST_OK)
        return;
    d->is_owed |= d->at + ID_TEXT <= d->ready.len;
    end_look(d);
}

static void on_ready(void *arg, enum status st, const char *text, const char *why)
{
    struct order_desk *d = arg;

    buf_clear(&d->ready);
    d->at = 0;
    if (st == ST_OK)
        buf_put(&d->ready, text, strlen(text) + 1);
    if (st != ST_OK || d->ready.failed) {
        if (is_news(d))
            log_warn("console.view", "path=order_ready status=%s why=\"%s\"", status_name(st),
                     why ? why : "");
        d->is_owed = st != ST_CLOSED; /* when it is there again, somebody looks */
        end_look(d);
        return;
    }
    for (char *c = (char *)d->ready.data; *c; c++)
        if (*c == ' ')
            *c = '\0';
    ask_next(d);
}

void order_desk_look(struct order_desk *d)
{
    const char *params[] = {d->console->set.agent.name};

    d->anew = d->asks;
    if (d->asks)
        return;
    d->asks = true;
    d->is_owed = false;
    if (reader_ask(d->console->reader, "", "order_ready", params, 1, on_ready, d) == ST_OK)
        return;
    d->is_owed = reader_is_up(d->console->reader);
    end_look(d);
}

void order_desk_hear(struct order_desk *d, const Eocbus__V1__Envelope *m)
{
    if (order_is_draft(m) && m->preceding_id.len)
        order_desk_look(d);
}

/* --- a broker refused it ---------------------------------------------------------------------- */

struct refused {
    uint64_t tag;
    Eocbus__V1__Envelope *m; /* NULL: no such row */
    char code[41], text[501];
};

static bool on_row(void *arg, const struct outbox_row *row, const struct outbox_outcome *oc)
{
    struct refused *r = arg;
    Eocbus__V1__Envelope *m = eocbus__v1__envelope__unpack(NULL, row->content_len, row->content);

    if (!m || !is_approved_order(m)) {
        if (m)
            eocbus__v1__envelope__free_unpacked(m, NULL);
        return true;
    }
    r->m = m;
    r->tag = row->tag;
    snprintf(r->code, sizeof(r->code), "%s", oc->code ? oc->code : "");
    snprintf(r->text, sizeof(r->text), "%s", oc->text ? oc->text : "");
    return false;
}

/* One of those in the outbox that nobody was told; ST_NOTFOUND: no more of them. */
static enum status tell_one(struct order_desk *d)
{
    struct outbox *o = agent_outbox(d->console->agent);
    struct refused r = {.m = NULL};
    enum status st = outbox_refused(o, on_row, &r);

    if (!r.m)
        return st == ST_OK ? ST_NOTFOUND : st;
    st = say_no(d, r.m, r.code, r.text);
    if (st == ST_OK)
        st = outbox_seen(o, r.tag);
    eocbus__v1__envelope__free_unpacked(r.m, NULL);
    return st;
}

static void tell_refused(struct order_desk *d)
{
    enum status st = ST_OK;

    while (st == ST_OK)
        st = tell_one(d);
    d->owes_a_no = st != ST_NOTFOUND;
    if (d->owes_a_no && is_news(d))
        log_error("console.order.untold", "status=%s why=\"%s\"", status_name(st),
                  outbox_trouble(agent_outbox(d->console->agent)));
}

void order_desk_refused(struct order_desk *d)
{
    tell_refused(d);
    try_again(d);
}

/* --- life ------------------------------------------------------------------------------------- */

static void on_again(void *arg)
{
    struct order_desk *d = arg;

    if (d->owes_a_no)
        tell_refused(d);
    order_desk_look(d);
}

enum status order_desk_create(struct order_desk **out, struct console *c)
{
    struct order_desk *d = mem_zalloc(sizeof(*d));
    enum status st;

    if (!d)
        return ST_NOMEM;
    d->console = c;
    d->owes_a_no = true; /* of the time before it was started */
    st = loop_timer_create(&d->again, c->loop, on_again, d);
    if (st != ST_OK) {
        mem_free(d);
        return st;
    }
    *out = d;
    return ST_OK;
}

void order_desk_destroy(struct order_desk *d)
{
    if (!d)
        return;
    loop_timer_destroy(d->again);
    buf_free(&d->ready);
    mem_free(d);
}
