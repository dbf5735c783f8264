/* office_answer - what became of what the office sent, what was sent to it, and its answers: each a
 * message of its own through the outbox, so that it can be given without a link. */
#include <stdio.h>
#include <string.h>

#include "agents/link/office.h"
#include "agents/link/print.h"
#include "agents/link/receipt_book.h"

#include "proto/base/banned.h"

/* --- accept, reject -----------------------------------------------------------------------------
 */

static const struct form_row rows[] = {
    {"--for", "receipt.recipient", "entry of its recipients you answer for: dispatcher@3505203"},
    {"--because", "receipt.code", "not_mine, no_authority, road_closed, ...: one word"},
    {"--text", "receipt.text", "for people"},
};

void office_answer_help(struct buf *out, const char *name, const char *word)
{
    (void)word;
    buf_printf(out, "%s ID [OPTIONS]\n\nID: of the message that is answered; `inbox` shows it.\n\n",
               name);
    form_help(out, rows, ARRAY_LEN(rows));
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

static int answer(struct office *o, int level)
{
    uint8_t id[ID_BYTES];
    Eocbus__V1__Envelope *m;
    struct loop *loop;
    int code;

    if (o->argc < 2 || !id_parse(id, o->argv[1]))
        return office_fail(o, EXIT_USAGE, "%s ID: %s", o->argv[0],
                           lang_say(o->lang, SAY_ID_WANTED));
    o->argv[1] = o->argv[0];
    o->argv++;
    o->argc--;
    m = office_receipt(o, id, level);
    if (!m || loop_create(&loop) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    m->receipt->time_us = loop_utc_us(loop);
    loop_destroy(loop);
    code = office_fill(o, m, rows, ARRAY_LEN(rows));
    if (code >= 0)
        return code;
    if (o->argc != 1)
        return office_fail(o, EXIT_USAGE, "what does \"%s\" mean? %s --help lists the options",
                           o->argv[1], o->argv[0]);
    if (level == EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_REJECTED && !*m->receipt->code)
        return office_fail(o, EXIT_USAGE, "%s", lang_say(o->lang, SAY_BECAUSE_WANTED));
    if (m->receipt->code && strpbrk(m->receipt->code, " \t\n"))
        return office_fail(o, EXIT_USAGE, "--because %s: %s", m->receipt->code,
                           lang_say(o->lang, SAY_ONE_WORD));
    return office_say(o, &m, 1);
}

int office_accept(struct office *o)
{
    return answer(o, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_ACCEPTED);
}

int office_reject(struct office *o)
{
    return answer(o, EOCBUS__V1__RECEIPT_LEVEL__RECEIPT_LEVEL_REJECTED);
}

/* --- inbox, receipts ----------------------------------------------------------------------------
 */

static const char *const levels[] = {"STORED",   "DELIVERED", "DISPLAYED",    "ACCEPTED",
                                     "REJECTED", "EXPIRED",   "UNDELIVERABLE"};

const char *office_level_word(const struct office *o, const char *level)
{
    for (int i = 0; i < (int)ARRAY_LEN(levels); i++)
        if (strcmp(level, levels[i]) == 0)
            return lang_say(o->lang, (enum say)(SAY_LEVEL_STORED + i));
    return level;
}

struct showing {
    struct office *o;
    struct buf out;
};

static void show_heard(void *arg, const char *line)
{
    struct showing *s = arg;

    buf_puts(&s->out, line);
    buf_puts(&s->out, "\n");
}

/* "TIME ID LEVEL RECIPIENT BY CODE". */
static void show_receipt(void *arg, const char *line)
{
    struct showing *s = arg;
    char level[32], recipient[80], by[80], code[300], time[40], id[ID_TEXT];

    if (sscanf(line, "%39s %36s %31s %79s %79s %299s", time, id, level, recipient, by, code) != 6)
        return;
    buf_printf(&s->out, "%s  %s  %s: %s", time, id, recipient, office_level_word(s->o, level));
    if (strcmp(by, "-") != 0 && strcmp(by, "bus") != 0 && strcmp(by, recipient) != 0)
        buf_printf(&s->out, " (%s)", by);
    if (strcmp(code, "-") != 0)
        buf_printf(&s->out, ", %s", code);
    buf_puts(&s->out, "\n");
}

static int show_book(struct office *o, const char *kind, void (*each)(void *arg, const char *line))
{
    struct showing s = {.o = o};
    const char *path = office_file(o, ".book");
    enum status st;

    if (o->argc != 1)
        return office_fail(o, EXIT_USAGE, "%s takes no words behind it", o->argv[0]);
    if (!path)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    st = receipt_book_read(path, kind, each, &s);
    if (!s.out.len)
        buf_printf(&s.out, "%s\n", lang_say(o->lang, SAY_NOTHING_HEARD));
    print_flush(&s.out);
    buf_free(&s.out);
    if (st == ST_OK || st == ST_NOTFOUND)
        return EXIT_DONE;
    return office_fail(o, EXIT_MACHINE, "%s cannot be read", path);
}

int office_inbox(struct office *o)
{
    return show_book(o, "heard", show_heard);
}

int office_receipts(struct office *o)
{
    return show_book(o, "receipt", show_receipt);
}
