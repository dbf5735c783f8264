/* office_answer - what became of what the office sent, what was sent to it, and its answers: each a
 * message of its own through the outbox, so that it can be given without a link. */
#include <stdio.h>
#include <string.h>

#include "agents/link/office.h"
#include "agents/link/office_pick.h"
#include "agents/link/receipt_book.h"
#include "agents/link/translate.h"

#include "proto/base/banned.h"

static const struct form_row rows[] = {
    {"--for", "receipt.recipient", "entry of its recipients you answer for: dispatcher@3505203"},
    {"--because", "receipt.code", "not_mine, no_authority, road_closed, ...: one word"},
    {"--text", "receipt.text", "for people"},
};

void office_answer_help(struct buf *out, enum lang lang, const char *name, const char *word)
{
    (void)word;
    buf_printf(out, "%s ID [OPTIONS]\n\n%s\n\n", name, office_help_text(lang, "answer"));
    form_help(out, lang, rows, ARRAY_LEN(rows));
}

Eocbus__V1__Envelope *office_receipt(struct office *o, const uint8_t *id, int level)
{
    bool is_error = level >= EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_REJECTED;
    Eocbus__V1__Envelope *m =
        office_message(o, is_error ? EOCBUS__V1__KIND__KIND_ERROR : EOCBUS__V1__KIND__KIND_ACK,
                       EOCBUS__V1__LANE__LANE_PRIORITY);
    Eocbus__V1__Receipt *r = form_new(&eocbus__v1__receipt__descriptor, o->arena);
    uint8_t *copy = arena_alloc(o->arena, ID_BYTES);

    if (!m || !r || !copy)
        return NULL;
    memcpy(copy, id, ID_BYTES);
    r->message_id = (ProtobufCBinaryData){ID_BYTES, copy};
    r->level = (Eocbus__V1__ReceiptLevel)level;
    r->by = o->set.agent.name;
    m->body_case = EOCBUS__V1__ENVELOPE__BODY_RECEIPT;
    m->receipt = r;
    return m;
}

/* --- which message ---------------------------------------------------------------------------- */

/* "TIME ID ..." */
static void look_at_heard(void *arg, const char *line)
{
    char id[ID_TEXT];

    if (sscanf(line, "%*s %36s", id) == 1)
        pick_look_at(arg, id);
}

/* The ID that the word means, of what has come to this office; a whole one also if it has not. */
static int find_message(struct office *o, const char *word, bool anyway, uint8_t id[ID_BYTES])
{
    const char *book = office_file(o, ".book");
    struct pick p;
    enum status st;
    int code;

    if (!book)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    if (!pick_begin(&p, word))
        return office_fail_filled(o, EXIT_USAGE, SAY_ID_IS_NONE,
                                  &(struct translate_value){"word", word}, 1);
    if (anyway && id_parse(id, word))
        return -1;
    st = receipt_book_read(book, "heard", look_at_heard, &p);
    if (st != ST_OK && st != ST_NOTFOUND)
        return office_fail(o, EXIT_MACHINE, "%s cannot be read", book);
    code = pick_explain(o, &p, word);
    return code < 0 && !id_parse(id, p.ids[0]) ? office_fail(o, EXIT_MACHINE, "%s", p.ids[0])
                                               : code;
}

struct earlier {
    const char *id, *recipient;
    char time[40], level[20]; /* of the last answer; "" = none */
};

/* "TIME ID LEVEL FOR" */
static void look_at_answer(void *arg, const char *line)
{
    struct earlier *e = arg;
    char time[40], id[ID_TEXT], level[20], recipient[80];

    if (sscanf(line, "%39s %36s %19s %79s", time, id, level, recipient) != 4 ||
        strcmp(id, e->id) != 0 || strcmp(recipient, e->recipient) != 0)
        return;
    memcpy(e->time, time, sizeof(time));
    memcpy(e->level, level, sizeof(level));
}

/* The bus keeps the first answer, so a second one changes nothing and its sender should know. */
static int check_unanswered(struct office *o, const Eocbus__V1__Receipt *r)
{
    char id[ID_TEXT];
    struct earlier e = {.id = id, .recipient = *r->recipient ? r->recipient : "-"};
    const char *book = office_file(o, ".book");

    id_format(id, r->message_id.data);
    if (!book || receipt_book_read(book, "answered", look_at_answer, &e) != ST_OK || !*e.level)
        return -1;
    return office_fail_filled(
        o, EXIT_REFUSED, SAY_ANSWERED,
        (const struct translate_value[]){
            {"id", id}, {"level", office_level_word(o, e.level)}, {"time", e.time}},
        3);
}

/* Lost, if the disk is full: then it can be answered twice, and the bus keeps the first. */
static void remember(struct office *o, const Eocbus__V1__Receipt *r)
{
    const char *book = office_file(o, ".book");
    struct buf line = {0};

    receipt_book_answer(&line, r);
    if (book && !line.failed)
        (void)!receipt_book_add(book, &line);
    buf_free(&line);
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool take_flag(struct office *o, const char *flag)
{
    int kept = 0;
    bool found = false;

    for (int i = 0; i < o->argc; i++) {
        if (strcmp(o->argv[i], flag) == 0)
            found = true;
        else
            o->argv[kept++] = o->argv[i];
    }
    o->argc = kept;
    return found;
}

static int check_words(struct office *o, const Eocbus__V1__Receipt *r)
{
    if (o->argc != 1)
        return office_fail(o, EXIT_USAGE, "what does \"%s\" mean? %s --help lists the options",
                           o->argv[1], o->argv[0]);
    if (r->level == EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_REJECTED && !*r->code)
        return office_fail(o, EXIT_USAGE, "%s", lang_say(o->lang, SAY_BECAUSE_WANTED));
    if (strpbrk(r->code, " \t\n"))
        return office_fail(o, EXIT_USAGE, "--because %s: %s", r->code,
                           lang_say(o->lang, SAY_ONE_WORD));
    return -1;
}

static int answer(struct office *o, int level)
{
    bool anyway = take_flag(o, "--anyway");
    uint8_t id[ID_BYTES];
    Eocbus__V1__Envelope *m;
    struct loop *loop;
    int code;

    if (o->argc < 2 || o->argv[1][0] == '-')
        return office_fail(o, EXIT_USAGE, "%s ID: %s", o->argv[0],
                           lang_say(o->lang, SAY_ID_WANTED));
    code = find_message(o, o->argv[1], anyway, id);
    if (code >= 0)
        return code;
    o->argv[1] = o->argv[0];
    o->argv++;
    o->argc--;
    m = office_receipt(o, id, level);
    if (!m || loop_create(&loop) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    m->receipt->time_us = loop_utc_us(loop);
    loop_destroy(loop);
    code = office_fill(o, m, rows, ARRAY_LEN(rows));
    if (code < 0)
        code = check_words(o, m->receipt);
    if (code < 0 && !anyway && !o->once_key)
        code = check_unanswered(o, m->receipt);
    if (code >= 0)
        return code;
    code = office_say(o, &m, 1);
    if (code == EXIT_DONE || (code == EXIT_UNREACHABLE && o->wait_s))
        remember(o, m->receipt);
    return code;
}

int office_accept(struct office *o)
{
    return answer(o, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED);
}

int office_reject(struct office *o)
{
    return answer(o, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_REJECTED);
}
