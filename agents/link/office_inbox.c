/* office_inbox - `inbox` and `receipts`: what was sent to this office, and what became of what it
 * sent, out of its book. */
#include <stdio.h>
#include <string.h>

#include "agents/link/columns.h"
#include "agents/link/head_book.h"
#include "agents/link/office.h"
#include "agents/link/print.h"
#include "agents/link/receipt_book.h"

#include "proto/base/banned.h"

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
    struct columns columns;
    struct buf answers; /* "ID LEVEL", each with its NUL, in the order they were given */
};

static void begin(struct showing *s, const enum say *headings, unsigned n)
{
    const char *words[COLUMNS_MAX];

    for (unsigned i = 0; i < n; i++)
        words[i] = lang_say(s->o->lang, headings[i]);
    columns_begin(&s->columns, words, n);
}

/* "2026-11-22T04:33Z": of the seconds nobody speaks. */
static void put_time(struct showing *s, const char *time)
{
    char text[20];

    snprintf(text, sizeof(text), "%.16sZ", time);
    columns_put(&s->columns, text);
}

/* --- inbox ------------------------------------------------------------------------------------ */

/* "TIME ID LEVEL FOR" */
static void note_answer(void *arg, const char *line)
{
    struct showing *s = arg;
    char id[ID_TEXT], level[20];

    if (sscanf(line, "%*s %36s %19s", id, level) != 2)
        return;
    buf_printf(&s->answers, "%s %s", id, level);
    buf_put(&s->answers, "", 1);
}

static const char *answer_to(const struct showing *s, const char *id)
{
    const char *at = (const char *)s->answers.data, *end = at + s->answers.len;
    const char *level = NULL;

    for (; at < end && !s->answers.failed; at += strlen(at) + 1)
        if (strncmp(at, id, ID_TEXT - 1) == 0)
            level = at + ID_TEXT;
    return level ? office_level_word(s->o, level) : lang_say(s->o->lang, SAY_NOT_ANSWERED);
}

/* "TIME ID SENDER TYPE text ..." */
static void show_heard(void *arg, const char *line)
{
    struct showing *s = arg;
    char time[40], id[ID_TEXT], sender[80], type[64];
    struct buf said = {0};
    int text = 0;

    if (sscanf(line, "%39s %36s %79s %63s %n", time, id, sender, type, &text) != 4)
        return;
    put_time(s, time);
    columns_put(&s->columns, id);
    columns_put(&s->columns, sender);
    columns_put(&s->columns, translate_type(s->o->lang, type));
    columns_put(&s->columns, answer_to(s, id));
    if (strcmp(type, "decision") == 0)
        translate_decision(&said, s->o->lang, line + text);
    else
        translate_summary(&said, s->o->lang, line + text, strlen(line + text));
    buf_put(&said, "", 1);
    columns_put(&s->columns, said.failed ? line + text : (const char *)said.data);
    buf_free(&said);
}

/* --- receipts --------------------------------------------------------------------------------- */

/* "TIME ID LEVEL RECIPIENT BY CODE". Who answers for himself names no entry: then it is he. */
static void show_receipt(void *arg, const char *line)
{
    struct showing *s = arg;
    char level[32], recipient[80], by[80], code[300], time[40], id[ID_TEXT];
    bool is_own;

    if (sscanf(line, "%39s %36s %31s %79s %79s %299s", time, id, level, recipient, by, code) != 6)
        return;
    is_own = strcmp(recipient, "-") == 0 || strcmp(by, recipient) == 0 || strcmp(by, "bus") == 0;
    put_time(s, time);
    columns_put(&s->columns, id);
    columns_put(&s->columns, strcmp(recipient, "-") == 0 ? by : recipient);
    columns_put(&s->columns, office_level_word(s->o, level));
    columns_put(&s->columns, is_own ? "" : by);
    columns_put(&s->columns, code);
}

/* --- both ------------------------------------------------------------------------------------- */

static int show_book(struct showing *s, const char *kind, enum say nothing,
                     void (*each)(void *arg, const char *line))
{
    struct office *o = s->o;
    const char *path = office_file(o, ".book");
    struct buf out = {0};
    enum status st = ST_NOMEM;

    if (path)
        st = receipt_book_read(path, "answered", note_answer, s);
    if (st == ST_OK)
        st = receipt_book_read(path, kind, each, s);
    columns_end(&s->columns, &out);
    if (!out.len)
        buf_printf(&out, "%s\n", lang_say(o->lang, nothing));
    if (st == ST_OK || st == ST_NOTFOUND)
        print_flush(&out);
    buf_free(&out);
    buf_free(&s->answers);
    if (st == ST_OK || st == ST_NOTFOUND)
        return EXIT_DONE;
    return office_fail(o, EXIT_MACHINE, "%s cannot be read", path ? path : "the book");
}

int office_inbox(struct office *o)
{
    static const enum say headings[] = {SAY_COLUMN_TIME, SAY_COLUMN_ID,     SAY_COLUMN_SENDER,
                                        SAY_COLUMN_KIND, SAY_COLUMN_ANSWER, SAY_COLUMN_TEXT};
    struct showing s = {.o = o};

    if (o->argc != 1)
        return office_fail(o, EXIT_USAGE, "%s takes no words behind it", o->argv[0]);
    begin(&s, headings, ARRAY_LEN(headings));
    return show_book(&s, "heard", SAY_NOTHING_HEARD, show_heard);
}

int office_receipts(struct office *o)
{
    static const enum say headings[] = {SAY_COLUMN_TIME,  SAY_COLUMN_ID, SAY_COLUMN_RECIPIENT,
                                        SAY_COLUMN_LEVEL, SAY_COLUMN_BY, SAY_COLUMN_CODE};
    struct showing s = {.o = o};

    if (o->argc != 1)
        return office_fail(o, EXIT_USAGE, "%s takes no words behind it", o->argv[0]);
    begin(&s, headings, ARRAY_LEN(headings));
    return show_book(&s, "receipt", SAY_NO_RECEIPTS, show_receipt);
}

int office_heads(struct office *o)
{
    const char *path = office_file(o, ".heads");
    struct buf text = {0};
    enum status st;

    if (o->argc != 1)
        return office_fail(o, EXIT_USAGE, "%s takes no words behind it", o->argv[0]);
    if (!path)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    st = head_book_read(&text, path);
    if (st == ST_OK)
        print_flush(&text);
    buf_free(&text);
    if (st == ST_NOTFOUND)
        fprintf(stderr, "%s\n", lang_say(o->lang, SAY_NOTHING_HEARD));
    if (st == ST_OK || st == ST_NOTFOUND)
        return EXIT_DONE;
    return office_fail(o, EXIT_MACHINE, "%s cannot be read", path);
}
