/* order - orders to machines: how many others each takes, and their approvals.
 *
 *   POST say ─▶ how many? ─┬▶ none: said at once
 *                          └▶ a draft, which the others find in their queue
 *   POST approve-order ─▶ the record: the draft, and who approved it ─▶ another person, who may?
 *     ─▶ the password ─▶ the own key signs ─┬▶ enough: the order, with all of them
 *                                           └▶ too few, or another desk's: kept with the draft,
 *                                              in the record (order_desk.h)
 *
 * What is signed is made from the record, to the byte; the browser names it and its number in the
 * log, which is what was on the screen. A password takes a moment, so the record is asked once more
 * before anything is said. Two persons may approve at one time, faster than the record learns of
 * it: the last approvals that are in the outbox are remembered here too, as are the last drafts,
 * and what was lost between two of them (a restart) the repeat of one who approved says. */
#include <stdio.h>
#include <string.h>

#include "agents/console/api/draft.h"
#include "agents/console/api/login.h"
#include "agents/console/api/taking.h"
#include "agents/console/say/command.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "proto/base/sign.h"
#include "proto/wire/order.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

/* NAMED: more than wait at most, and what a question holds. */
enum { REMEMBERED = 64, NAMED = 12 };
/* A draft is in the record long before; one that a broker refused counts no longer. */
#define UNDER_WAY_US UINT64_C(60000000)

struct orders {
    struct written {
        uint8_t draft[ID_BYTES];
        char person[PERSON_NAME]; /* empty: none */
        uint64_t at_us;
    } written[REMEMBERED]; /* the newest, whether the record has them or not */
    unsigned next_written;
    struct given {
        uint8_t draft[ID_BYTES], signature[SIGN_BYTES];
        char person[PERSON_NAME];
        int64_t approved_us; /* 0 = none */
    } given[REMEMBERED];
    unsigned next;
};

enum status orders_create(struct orders **out)
{
    *out = mem_zalloc(sizeof(**out));
    return *out ? ST_OK : ST_NOMEM;
}

void orders_destroy(struct orders *o)
{
    mem_free(o);
}

static void refuse_away(struct taking *t)
{
    answer_later(t->x, 503, "store_away", "The record cannot be asked now; try again.", 2);
    taking_end(t);
}

/* --- said ------------------------------------------------------------------------------------- */

/* Many may be written at one time, and of those that are under way the record knows nothing. */
static void note_written(struct orders *o, const struct taking *t)
{
    struct written *w = NULL;

    for (size_t i = 0; i < REMEMBERED && !w; i++)
        if (memcmp(o->written[i].draft, t->m->message_id.data, ID_BYTES) == 0)
            w = &o->written[i];
    if (!w)
        w = &o->written[o->next_written++ % REMEMBERED];
    memcpy(w->draft, t->m->message_id.data, ID_BYTES);
    snprintf(w->person, sizeof(w->person), "%s", t->person);
    w->at_us = loop_now_us(t->console->loop);
}

static void forget_written(struct orders *o, const struct taking *t)
{
    for (size_t i = 0; i < REMEMBERED; i++)
        if (memcmp(o->written[i].draft, t->m->message_id.data, ID_BYTES) == 0)
            o->written[i].person[0] = '\0';
}

/* This one and those before it that the record may not have yet, newest first; blanks between. */
static const char *under_way(const struct orders *o, const struct taking *t)
{
    const uint64_t now_us = loop_now_us(t->console->loop);
    const char *all = "";
    unsigned named = 0;
    char id[ID_TEXT];

    for (unsigned i = 1; all && i <= REMEMBERED && named < NAMED; i++) {
        const struct written *w = &o->written[(o->next_written - i) % REMEMBERED];

        if (strcmp(w->person, t->person) != 0 || now_us - w->at_us > UNDER_WAY_US)
            continue;
        id_format(id, w->draft);
        all = arena_printf(t->arena, "%s %s", all, id);
        named++;
    }
    return all;
}

static void say_needed(struct taking *t, unsigned needed)
{
    struct orders *o = t->console->orders;

    if (needed)
        note_written(o, t);
    else
        command_at_once(t->m, room_status(t->console));
    if (!taking_put(t))
        forget_written(o, t);
    taking_end(t);
}

static void on_need(void *arg, enum status st, const char *text, const char *why)
{
    struct taking *t = exchange_kept(arg);
    char place[16];
    unsigned needed;

    if (st != ST_OK)
        log_warn("console.view", "path=order_need status=%s why=\"%s\"", status_name(st), why);
    forget_written(t->console->orders, t);
    if (st != ST_OK) {
        refuse_away(t);
    } else if (strcmp(text, "nobody") == 0) {
        taking_refuse(t, 422, "machine", "There is no such machine.");
    } else if (strcmp(text, "drafts") == 0) {
        taking_refuse(t, 429, "drafts",
                      "Eight of your orders wait for others already; take one back, or wait.");
    } else if (sscanf(text, "%u %15s", &needed, place) != 2) {
        taking_refuse(t, 403, "rights", "You may not order this there.");
    } else if (command_set_place(t->m, place, t->arena) != ST_OK) {
        taking_refuse(t, 503, "memory", "There is no memory for it now.");
    } else {
        say_needed(t, needed);
    }
}

void order_ask_need(struct taking *t)
{
    const struct type_info *type = type_by_number((unsigned)t->m->body_case);
    const char *places = arena_printf(t->arena, "%s", "");
    char action[40];
    const char *params[7] = {t->person, type->name, action, order_target(t->m)};

    for (size_t i = 0; places && t->m->area && i < t->m->area->n_pcodes; i++)
        places = arena_printf(t->arena, "%s%s%s", places, i ? " " : "", t->m->area->pcodes[i]);
    order_action(action, sizeof(action), t->m);
    params[4] = places;
    params[5] = "INTERNAL";
    note_written(t->console->orders, t);
    params[6] = under_way(t->console->orders, t);
    if (!places || !params[6] ||
        reader_ask(t->console->reader, "", "order_need", params, ARRAY_LEN(params), on_need,
                   t->x) != ST_OK)
        refuse_away(t);
}

/* --- may this person? ------------------------------------------------------------------------- */

/* Why this person does not approve it; false: he may. */
static bool is_refused(struct taking *t, const struct order_draft *f)
{
    const char *seq = exchange_query(t->x, "seq");
    unsigned long long seen = 0;

    if (strcmp(f->d.state, "OVER") == 0)
        taking_refuse(t, 409, "over", "Its time is over; write a new one.");
    else if (strcmp(f->d.state, "WAITING") != 0)
        taking_refuse(t, 409, "answered", "The order was said or turned down before.");
    else if (!seq || sscanf(seq, "%llu", &seen) != 1 || seen != f->seq)
        taking_refuse(t, 409, "draft_differs",
                      "This is not what was on the screen; look at it again.");
    else if (strcmp(f->d.author, t->person) == 0)
        taking_refuse(t, 403, "own_draft", "You wrote it; another person approves it.");
    else if (!order_draft_is_meant(f, room_status(t->console)))
        taking_refuse(t, 409, "room", "An exercise and reality never mix.");
    else if (strcmp(f->may, "may") != 0 || strcmp(f->desk, t->person) == 0)
        taking_refuse(t, 403, "rights", "You may not approve this there.");
    else
        return false;
    return true;
}

static bool read_order(struct taking *t, const struct order_draft *f)
{
    const size_t len = (size_t)(f->giver_keys - f->givers);
    uint8_t draft[ID_BYTES];
    char err[400] = "";
    enum status st = ST_INVALID;

    if (id_parse(draft, exchange_query(t->x, "draft")))
        st = order_draft_become(&t->m, f, room_status(t->console), draft,
                                loop_utc_us(t->console->loop), t->arena, err, sizeof(err));
    t->needed = f->needed;
    t->own_keys = arena_printf(t->arena, "%s", f->keys);
    t->givers = arena_printf(t->arena, "%.*s", (int)len, f->givers);
    if (st == ST_OK && t->own_keys && t->givers)
        return true;
    if (st == ST_OK || st == ST_NOMEM)
        taking_refuse(t, 503, "memory", "There is no memory for it now.");
    else
        taking_refuse(t, 422, "draft", err);
    return false;
}

/* --- approved --------------------------------------------------------------------------------- */

static void remember(struct orders *o, const uint8_t draft[ID_BYTES], const Eocbus__V1__Approval *a)
{
    struct given *g = &o->given[o->next++ % REMEMBERED];

    memcpy(g->draft, draft, ID_BYTES);
    memcpy(g->signature, a->signature.data, SIGN_BYTES);
    snprintf(g->person, sizeof(g->person), "%s", a->principal);
    g->approved_us = a->approved_us;
}

/* What the record has of him is there already, or no longer counts. */
static bool is_in_record(const struct taking *t, const char *person)
{
    char name[PERSON_NAME + 2];

    snprintf(name, sizeof(name), ",%s,", person);
    return strstr(t->givers, name) != NULL;
}

/* What was approved here and is on its way into the record. */
static enum status add_remembered(struct orders *o, struct taking *t)
{
    enum status st = ST_OK;

    for (size_t i = 0; i < REMEMBERED && st == ST_OK; i++) {
        struct given *g = &o->given[i];
        Eocbus__V1__Approval a = EOCBUS__V1__APPROVAL__INIT;

        if (!g->approved_us || memcmp(g->draft, t->m->preceding_id.data, ID_BYTES) != 0 ||
            is_in_record(t, g->person) || command_is_approved_by(t->m, g->person))
            continue;
        a.principal = g->person;
        a.approved_us = g->approved_us;
        a.version = APPROVAL_VERSION;
        a.signature = (ProtobufCBinaryData){SIGN_BYTES, g->signature};
        st = command_add(t->m, &a, t->arena);
    }
    return st;
}

static unsigned approvals(const struct taking *t)
{
    Eocbus__V1__Approval **rows = NULL;

    return (unsigned)order_approvals(t->m, &rows);
}

/* What a key that nobody enrolled signs would spoil the order for those who may. */
static bool is_enrolled(const struct taking *t, const struct keys *k)
{
    uint8_t key[KEY_BYTES];
    char hex[2 * KEY_BYTES + 1] = "";

    if (keys_z85_decode(key, k->sign_public_z85) != ST_OK)
        return false;
    for (size_t i = 0; i < KEY_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", key[i]);
    return strstr(t->own_keys, hex) != NULL;
}

/* With this person's approval, unless it was there before; a draft again if it takes others yet, or
 * is another desk's: that one says it (order_desk.h). */
static enum status sign(struct taking *t, const struct keys *k)
{
    struct console *c = t->console;
    Eocbus__V1__Approval *mine = NULL;
    const bool ours = strcmp(t->m->sender, c->set.agent.name) == 0;
    enum status st = add_remembered(c->orders, t);

    if (st == ST_OK && command_is_approved_by(t->m, t->person))
        return !ours || approvals(t) < t->needed ? ST_EXISTS : ST_OK;
    if (st == ST_OK)
        st = command_sign(t->m, t->person, loop_utc_us(c->loop), k, t->arena, &mine);
    t->signed_now = mine;
    if (st == ST_OK && (!ours || approvals(t) < t->needed))
        st = command_keep(t->m, room_status(c), t->id, t->arena);
    return st;
}

static void refuse_unsigned(struct taking *t, enum status st)
{
    if (st == ST_EXISTS)
        taking_refuse(t, 409, "approved_before",
                      "You approved it already; it takes another person.");
    else if (st == ST_FULL)
        taking_refuse(t, 409, "answered", "Four approved it already.");
    else
        taking_refuse(t, 503, "memory", "There is no memory for it now.");
}

/* The draft as it is after the password: turned down, over, or still asked for. */
static void on_still(void *arg, enum status st, const char *text, const char *why)
{
    struct taking *t = exchange_kept(arg);
    uint8_t draft[ID_BYTES];
    struct order_draft f;

    if (st != ST_OK || !order_draft_read(&f, text)) {
        log_warn("console.view", "path=order_draft status=%s why=\"%s\"", status_name(st), why);
        refuse_away(t);
        return;
    }
    if (is_refused(t, &f))
        return;
    if (taking_put(t)) {
        if (t->signed_now && id_parse(draft, exchange_query(t->x, "draft")))
            remember(t->console->orders, draft, t->signed_now);
        log_info("console.order", "machine=%s said=%d", order_target(t->m), !order_is_draft(t->m));
    }
    taking_end(t);
}

static void ask_record(struct taking *t, reader_done_fn done)
{
    const char *params[] = {exchange_query(t->x, "draft"), t->person};

    if (reader_ask(t->console->reader, t->person, "order_draft", params, ARRAY_LEN(params), done,
                   t->x) != ST_OK)
        refuse_away(t);
}

static void on_key(struct exchange *x, const struct keys *k)
{
    struct taking *t = exchange_kept(x);
    enum status st;

    if (!k) {
        taking_end(t);
        return;
    }
    if (!is_enrolled(t, k)) {
        taking_refuse(t, 409, "key_unknown",
                      "Your key is not enrolled under your name, or not any more.");
        return;
    }
    st = sign(t, k);
    if (st == ST_OK)
        ask_record(t, on_still);
    else
        refuse_unsigned(t, st);
}

static void on_draft(void *arg, enum status st, const char *text, const char *why)
{
    struct taking *t = exchange_kept(arg);
    struct order_draft f;

    if (st != ST_OK) {
        log_warn("console.view", "path=order_draft status=%s why=\"%s\"", status_name(st), why);
        refuse_away(t);
    } else if (!order_draft_read(&f, text)) {
        taking_refuse(t, 404, "no_draft", "There is no such draft.");
    } else if (!is_refused(t, &f) && read_order(t, &f)) {
        key_ask(t->console, t->x, t->person, on_key);
    }
}

void approve_order_take(struct console *c, struct exchange *x, struct session *who)
{
    const char *draft = exchange_query(x, "draft"), *id = exchange_query(x, "id");
    uint8_t parsed[ID_BYTES];
    struct taking *t;

    if (!draft || !id || !id_parse(parsed, draft) || !id_parse(parsed, id)) {
        answer_error(x, 400, "question", "draft and id are UUIDs.");
        return;
    }
    if (command_is_id_kept(parsed)) {
        answer_error(x, 422, "message_id", "id: its last bit is kept for the order itself");
        return;
    }
    t = taking_begin(c, x, who);
    if (!t)
        return;
    memcpy(t->id, parsed, sizeof(t->id));
    taking_digest(t, draft, strlen(draft));
    ask_record(t, on_draft);
}
