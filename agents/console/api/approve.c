/* approve - the second person's word on a public alert.
 *
 *   POST ?draft=ID&id=ID ─▶ the record: its text, who wrote it ─▶ another person? ─▶ as take.c goes
 * on
 *
 * What is said is what the record has, to the byte; the browser only names it. */
#include <string.h>

#include "agents/console/api/draft.h"
#include "agents/console/api/taking.h"
#include "agents/console/say/warn.h"
#include "proto/base/ids.h"
#include "proto/base/log.h"

#include "proto/base/banned.h"

static void go_on(struct taking *t, const struct draft *d)
{
    uint8_t draft[ID_BYTES];
    char err[400] = "";
    enum status st = draft_message(&t->m, d, t->arena, err, sizeof(err));

    if (st == ST_OK && (t->m->body_case != EOCBUS__V1__ENVELOPE__BODY_PUBLIC_ALERT ||
                        !id_parse(draft, exchange_query(t->x, "draft"))))
        st = ST_INVALID;
    if (st == ST_OK)
        st = warn_approve(t->m, room_status(t->console), t->person, draft, t->id,
                          loop_utc_us(t->console->loop), t->arena, err, sizeof(err));
    if (st == ST_OK)
        taking_ask_rights(t);
    else if (st == ST_NOMEM)
        taking_refuse(t, 503, "memory", "There is no memory for it now.");
    else
        taking_refuse(t, 422, "draft", err);
}

static void on_draft(void *arg, enum status st, const char *text, const char *why)
{
    struct taking *t = exchange_kept(arg);
    struct draft d;

    if (st != ST_OK)
        log_warn("console.view", "path=approve status=%s why=\"%s\"", status_name(st), why);
    if (st != ST_OK)
        taking_refuse(t, 503, "store_away", "The draft cannot be read now; try again.");
    else if (!draft_read(&d, text))
        taking_refuse(t, 404, "no_draft", "There is no such draft.");
    else if (strcmp(d.state, "WAITING") != 0)
        taking_refuse(t, 409, "answered",
                      "The draft was approved or turned down before, or is over.");
    else if (strcmp(d.author, t->person) == 0)
        taking_refuse(t, 403, "own_draft", "You wrote it; another person approves it.");
    else
        go_on(t, &d);
}

void approve_take(struct console *c, struct exchange *x, struct session *who)
{
    const char *draft = exchange_query(x, "draft"), *id = exchange_query(x, "id");
    const char *params[] = {draft};
    uint8_t parsed[ID_BYTES];
    struct taking *t;

    if (!draft || !id || !id_parse(parsed, draft) || !id_parse(parsed, id)) {
        answer_error(x, 400, "question", "draft and id are UUIDs.");
        return;
    }
    t = taking_begin(c, x, who);
    if (!t)
        return;
    memcpy(t->id, parsed, sizeof(t->id));
    taking_digest(t, draft, strlen(draft));
    if (reader_ask(c->reader, t->person, "approve", params, 1, on_draft, x) != ST_OK)
        taking_refuse(t, 503, "store_away", "The draft cannot be read now; try again.");
}
