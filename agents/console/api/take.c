/* take - what somebody at a page says: may this person, and into the outbox. See say/say.h.
 *
 *   POST ─▶ read ─▶ the database: may the person? ─▶ outbox, durable ─▶ 200 {message_id}
 *
 * The answer means: it is on this machine's disk and will be said. What becomes of it comes by
 * news. The page makes the message_id; said again with the same one (a double click, a broken
 * connection) it is said once, and something else under it is answered 409. While the database is
 * away only what nobody may wait for is taken, receipts and calls for help, by the rights that the
 * person had last. */
#include <stdio.h>
#include <string.h>

#include "agents/console/api/taking.h"
#include "agents/console/news/news.h"
#include "agents/console/read/book.h"
#include "agents/console/say/command.h"
#include "agents/console/say/said.h"
#include "agents/console/say/say.h"
#include "agents/console/say/warn.h"
#include "proto/base/digest.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"
#include "proto/wire/limits.h"
#include "proto/wire/order.h"
#include "proto/wire/refuse.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

enum { MESSAGE_BYTES = 1 << 18 };

struct taking *taking_begin(struct console *c, struct exchange *x, const struct session *who)
{
    struct taking *t = mem_zalloc(sizeof(*t));

    if (t && arena_create(&t->arena, MESSAGE_BYTES) == ST_OK) {
        t->console = c;
        t->x = x;
        snprintf(t->person, sizeof(t->person), "%s", who->person);
        exchange_keep(x, t);
        return t;
    }
    mem_free(t);
    answer_later(x, 503, "memory", "There is no memory for it now.", 5);
    return NULL;
}

void taking_digest(struct taking *t, const char *request, size_t len)
{
    struct sha256 s;

    sha256_begin(&s);
    sha256_add(&s, t->person, strlen(t->person) + 1);
    if (len)
        sha256_add(&s, request, len);
    sha256_end(&s, t->said);
}

void taking_end(struct taking *t)
{
    exchange_keep(t->x, NULL);
    arena_destroy(t->arena);
    mem_free(t);
}

void taking_refuse(struct taking *t, unsigned status, const char *word, const char *text)
{
    answer_error(t->x, status, word, text);
    taking_end(t);
}

/* --- into the outbox -------------------------------------------------------------------------- */

/* Its id is known before it is said, so nothing else has its key. */
bool is_approved_order(const Eocbus__V1__Envelope *m)
{
    return order_is_for_a_machine(m) && !order_is_draft(m) && m->preceding_id.len;
}

enum status say_once(struct console *c, Eocbus__V1__Envelope *m, const char *key, uint64_t *tag,
                     struct refusal *why)
{
    struct outbox *o = agent_outbox(c->agent);
    enum status st = outbox_once(o, key), ended;

    if (st == ST_OK)
        st = agent_put(c->agent, m, tag, why);
    ended = outbox_once(o, NULL);
    if (st != ST_OK && st != ST_EXISTS)
        return st;
    if (ended != ST_OK)
        return ended;
    ended = agent_flush(c->agent);
    return ended == ST_OK ? st : ended;
}

enum status say_put(struct console *c, Eocbus__V1__Envelope *m, uint64_t *tag, struct refusal *why)
{
    char key[ID_TEXT + 8], id[ID_TEXT];

    id_format(id, m->message_id.data);
    snprintf(key, sizeof(key), "%s-%s", is_approved_order(m) ? "order" : "page", id);
    return say_once(c, m, key, tag, why);
}

static void answer_refused(struct taking *t, const struct refusal *why)
{
    struct buf json = {0};

    buf_puts(&json, "{\"error\":");
    put_json(&json, why->code ? why->code : "refused");
    buf_puts(&json, ",\"path\":");
    put_json(&json, why->path);
    buf_puts(&json, ",\"text\":");
    put_json(&json, why->text);
    buf_puts(&json, "}");
    answer_json(t->x, 422, &json);
    buf_free(&json);
}

static void answer_taken(struct taking *t, bool before)
{
    struct buf json = {0};
    char id[ID_TEXT];

    id_format(id, t->m->message_id.data);
    buf_printf(&json, "{\"message_id\":\"%s\",\"before\":%s}", id, before ? "true" : "false");
    answer_json(t->x, 200, &json);
    buf_free(&json);
}

static void keep(struct taking *t)
{
    if (said_keep(t->console->said, t->m->message_id.data, t->said) != ST_OK)
        log_warn("console.said", "next=\"the digests of this run still count\"");
}

/* What is said is known before it is in the outbox, whatever ends this program in between. */
static enum said_before find_or_keep(struct taking *t)
{
    const enum said_before before = said_find(t->console->said, t->m->message_id.data, t->said);

    if (before == SAID_UNKNOWN)
        keep(t);
    return before;
}

static void see_put(struct taking *t, enum status st, enum said_before before, uint64_t tag)
{
    if (st == ST_OK) {
        news_expect(t->console->news, tag, t->m->message_id.data, t->person);
        if (before == SAID_OTHER)
            keep(t); /* that was not said after all */
    } else if (before == SAID_UNKNOWN) {
        said_drop(t->console->said, t->m->message_id.data);
    }
}

static void answer_otherwise(struct taking *t, enum said_before before)
{
    if (is_approved_order(t->m))
        answer_error(t->x, 409, "answered", "The order was said before.");
    else if (before == SAID_OTHER)
        answer_error(t->x, 409, "message_id",
                     "Something else was said under this message_id; say this under a new one.");
    else
        answer_error(t->x, 409, "message_id",
                     "Something was said under this message_id long ago; if it was not this, say "
                     "this under a new one.");
}

bool taking_put(struct taking *t)
{
    const enum said_before before = find_or_keep(t);
    struct refusal why = {.code = NULL};
    uint64_t tag = 0;
    enum status st = say_put(t->console, t->m, &tag, &why);

    see_put(t, st, before, tag);
    if (st == ST_EXISTS && (before == SAID_OTHER || before == SAID_UNKNOWN)) {
        answer_otherwise(t, before);
    } else if (st == ST_OK || st == ST_EXISTS) {
        answer_taken(t, st == ST_EXISTS);
        return true;
    } else if (st == ST_INVALID) {
        answer_refused(t, &why);
    } else {
        log_error("console.outbox", "status=%s why=\"%s\"", status_name(st),
                  outbox_trouble(agent_outbox(t->console->agent)));
        answer_later(t->x, 503, "outbox", "It could not be kept on this machine's disk.", 5);
    }
    return false;
}

/* --- may this person? ------------------------------------------------------------------------- */

static bool may_not_wait(const Eocbus__V1__Envelope *m)
{
    return m->body_case == EOCBUS__V1__ENVELOPE__BODY_RECEIPT ||
           m->body_case == EOCBUS__V1__ENVELOPE__BODY_ESCALATION_EVENT;
}

/* The database is away. An answer to what everybody heard is taken from whom nothing is known yet:
 * brokers and the ledger judge it once more. */
static void put_unasked(struct taking *t)
{
    enum may may = book_say(t->console->book, t->person, t->m);

    if (may == MAY || (may == MAY_BE && t->m->body_case == EOCBUS__V1__ENVELOPE__BODY_RECEIPT))
        taking_put(t);
    else if (may == MAY_NOT)
        answer_error(t->x, 403, "rights", "You may not say this here.");
    else
        answer_later(t->x, 503, "store_away", "Your rights cannot be asked now; try again.", 2);
}

/* What page_may.sql has besides "true" and "false". */
static void answer_why(struct taking *t, const char *word)
{
    if (strcmp(word, "not_asked") == 0)
        answer_error(t->x, 403, word,
                     "You are not on duty for this alert; your answer would not count.");
    else if (strcmp(word, "own") == 0)
        answer_error(t->x, 403, word, "You said this yourself; another person takes it.");
    else if (strcmp(word, "answered") == 0)
        answer_error(t->x, 409, word, "The draft was approved or turned down before, or is over.");
    else
        answer_error(t->x, 403, "rights", "You may not say this here.");
}

static void on_may(void *arg, enum status st, const char *json, const char *why)
{
    struct taking *t = exchange_kept(arg);

    if (st != ST_OK)
        log_warn("console.view", "path=may status=%s why=\"%s\"", status_name(st), why);
    if ((st == ST_CLOSED || st == ST_TIMEOUT) && may_not_wait(t->m))
        put_unasked(t);
    else if (st != ST_OK)
        answer_later(t->x, 503, "store_away", "Your rights cannot be asked now; try again.", 2);
    else if (strcmp(json, "true") != 0)
        answer_why(t, json);
    else
        taking_put(t);
    taking_end(t);
}

/* "INTERNAL", as the rules have it. */
static const char *label_of(const Eocbus__V1__Envelope *m)
{
    const ProtobufCEnumValue *v =
        protobuf_c_enum_descriptor_get_value(&eocbus__v1__label__descriptor, (int)m->label);

    return v ? v->name + strlen("LABEL_") : "";
}

static const char *places_of(const struct taking *t)
{
    char *all = arena_printf(t->arena, "%s", "");

    for (size_t i = 0; all && t->m->area && i < t->m->area->n_pcodes; i++)
        all = arena_printf(t->arena, "%s%s%s", all, i ? " " : "", t->m->area->pcodes[i]);
    return all ? all : "";
}

/* The message that this one takes or turns down; NULL: none. */
static const char *answers_to(char out[ID_TEXT], const Eocbus__V1__Envelope *m)
{
    const Eocbus__V1__Receipt *r =
        m->body_case == EOCBUS__V1__ENVELOPE__BODY_RECEIPT ? m->receipt : NULL;

    if (!r || r->message_id.len != ID_BYTES ||
        (r->level != EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED &&
         r->level != EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_REJECTED))
        return NULL;
    id_format(out, r->message_id.data);
    return out;
}

void taking_ask_rights(struct taking *t)
{
    const struct type_info *type = type_by_number((unsigned)t->m->body_case);
    char answers[ID_TEXT];
    const char *params[] = {t->person, type->name, places_of(t), label_of(t->m),
                            answers_to(answers, t->m)};
    enum status st;

    st = reader_ask(t->console->reader, "", "may", params, ARRAY_LEN(params), on_may, t->x);
    if (st == ST_OK)
        return;
    if (st == ST_CLOSED && may_not_wait(t->m))
        put_unasked(t);
    else
        answer_later(t->x, 503, "store_away", "Your rights cannot be asked now; try again.", 2);
    taking_end(t);
}

/* The browser left while the database was asked: what it sent was not taken, and it knows. */
void say_gone(struct exchange *x)
{
    struct taking *t = exchange_kept(x);

    if (t)
        taking_end(t);
}

/* An exercise and reality never mix, whatever a page asks for. */
Eocbus__V1__Status room_status(const struct console *c)
{
    return strcmp(c->set.status, "exercise") == 0 ? EOCBUS__V1__STATUS__STATUS_EXERCISE
                                                  : EOCBUS__V1__STATUS__STATUS_ACTUAL;
}

/* Of an alert or an order to a machine it is the draft; it becomes what the room's status is when
 * it is approved. */
static enum status fit_room(struct taking *t, char *err, size_t err_size)
{
    const struct console *c = t->console;

    if (order_is_for_a_machine(t->m))
        return command_draft(t->m, room_status(c), loop_utc_us(c->loop), err, err_size);
    if (t->m->body_case == EOCBUS__V1__ENVELOPE__BODY_PUBLIC_ALERT)
        return warn_draft(t->m, room_status(c), c->set.cap_sender, loop_utc_us(c->loop), t->arena,
                          err, err_size);
    if (t->m->status == room_status(c))
        return ST_OK;
    snprintf(err, err_size, "status: what is said in this room is %s", c->set.status);
    return ST_INVALID;
}

static enum status look_at(struct taking *t, char *err, size_t err_size)
{
    if (t->m->area && t->m->area->n_pcodes > LIMIT_TOPICS) {
        snprintf(err, err_size, "area.pcodes: a message has at most %d places", LIMIT_TOPICS);
        return ST_INVALID;
    }
    if (t->m->message_id.len != ID_BYTES) {
        snprintf(err, err_size, "message_id: the page makes one, a UUID");
        return ST_INVALID;
    }
    if (order_is_for_a_machine(t->m) && command_is_id_kept(t->m->message_id.data)) {
        snprintf(err, err_size, "message_id: its last bit is kept for what a draft becomes");
        return ST_INVALID;
    }
    return fit_room(t, err, err_size);
}

void say_take(struct console *c, struct exchange *x, struct session *who)
{
    struct taking *t = taking_begin(c, x, who);
    char err[400] = "";
    size_t len;
    const char *json = exchange_body(x, &len);
    enum status st;

    if (!t)
        return;
    taking_digest(t, json, len);
    st = say_read(&t->m, json ? json : "", len, who->person, loop_utc_us(c->loop), t->arena, err,
                  sizeof(err));
    if (st == ST_OK)
        st = look_at(t, err, sizeof(err));
    if (st == ST_OK && order_is_for_a_machine(t->m)) {
        order_ask_need(t);
        return;
    }
    if (st == ST_OK) {
        taking_ask_rights(t);
        return;
    }
    if (st == ST_NOMEM)
        answer_later(x, 503, "memory", "There is no memory for it now.", 5);
    else
        answer_error(x, st == ST_DENIED ? 403 : 422, st == ST_DENIED ? "type" : "message", err);
    taking_end(t);
}
