/* office_outbox - `outbox`: what waits and what was refused, until a person has seen it. */
#include "agents/link/office.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agents/link/print.h"
#include "agents/link/summary.h"
#include "proto/wire/types.h"

#include "proto/base/banned.h"

struct listing {
    struct office *o;
    struct buf b;
    size_t rows;
};

static void put_kind(struct listing *l, const Eocbus__V1__Envelope *m)
{
    const struct type_info *type = m ? type_by_number((unsigned)m->body_case) : NULL;

    if (type && l->o->lang != LANG_ENGLISH)
        buf_printf(&l->b, "%s: ", translate_type(l->o->lang, type->name));
}

static void put_row(struct listing *l, const struct outbox_row *row)
{
    Eocbus__V1__Envelope *m = eocbus__v1__envelope__unpack(NULL, row->content_len, row->content);
    struct buf text = {0}, own = {0};
    char time[TIME_TEXT] = "";

    if (m)
        time_format(time, m->event_time_us);
    buf_printf(&l->b, "%" PRIu64 "  %.16s  ", row->tag, time);
    put_kind(l, m);
    summary_put(&text, m);
    translate_summary(&own, l->o->lang, (const char *)text.data, text.len);
    print_escaped(&l->b, (const char *)own.data, own.len);
    l->b.failed |= text.failed | own.failed;
    buf_free(&own);
    buf_free(&text);
    if (m)
        eocbus__v1__envelope__free_unpacked(m, NULL);
    l->rows++;
}

static void put_headings(struct listing *l)
{
    static const enum say headings[] = {SAY_COLUMN_STATE, SAY_COLUMN_NUMBER, SAY_COLUMN_TIME,
                                        SAY_COLUMN_TEXT};

    for (size_t i = 0; i < ARRAY_LEN(headings); i++)
        buf_printf(&l->b, "%s%s", i ? "  " : "", lang_say(l->o->lang, headings[i]));
    buf_puts(&l->b, "\n");
}

static bool each_row(void *arg, const struct outbox_row *row, int state,
                     const struct outbox_outcome *oc)
{
    struct listing *l = arg;
    struct buf why = {0};

    if (state != OUTBOX_WAITING && state != OUTBOX_REFUSED)
        return true;
    if (!l->rows)
        put_headings(l);
    buf_printf(&l->b, "%s  ",
               lang_say(l->o->lang, state == OUTBOX_WAITING ? SAY_WAITING : SAY_REFUSED));
    put_row(l, row);
    if (state == OUTBOX_REFUSED) {
        translate_refusal(&why, l->o->lang, oc->code, oc->path, oc->text);
        buf_puts(&l->b, "\n    ");
        print_escaped(&l->b, (const char *)why.data, why.len);
    }
    buf_free(&why);
    buf_puts(&l->b, "\n");
    return !l->b.failed;
}

static int list_outbox(struct office *o, struct outbox *box)
{
    struct listing l = {.o = o};

    if (outbox_each(box, each_row, &l) != ST_OK) {
        buf_free(&l.b);
        return office_fail(o, EXIT_MACHINE, "%s", outbox_trouble(box));
    }
    if (!l.rows)
        buf_printf(&l.b, "%s\n", lang_say(o->lang, SAY_NOTHING_WAITS));
    print_flush(&l.b);
    buf_free(&l.b);
    return EXIT_DONE;
}

static int mark_seen(struct office *o, struct outbox *box, const char *word)
{
    char *end;
    uint64_t tag = strtoull(word, &end, 10);
    enum status st = *end || end == word ? ST_NOTFOUND : outbox_seen(box, tag);

    if (st == ST_OK)
        st = outbox_commit(box);
    if (st == ST_NOTFOUND || st == ST_INVALID || st == ST_EXISTS)
        return office_fail(o, EXIT_USAGE, "%s: %s", lang_say(o->lang, SAY_NO_SUCH_ROW), word);
    if (st != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", outbox_trouble(box));
    office_print(word, lang_say(o->lang, SAY_SEEN));
    return EXIT_DONE;
}

int office_outbox(struct office *o)
{
    const struct agent_settings *a = &o->set.agent;
    const struct outbox_settings set = {
        .path = a->outbox_path, .sender = a->name, .budget_bytes = a->outbox_budget};
    struct outbox *box;
    char err[600];
    int code;

    if (o->argc != 1 && !(o->argc == 3 && strcmp(o->argv[1], "seen") == 0))
        return office_fail(o, EXIT_USAGE, "outbox [seen NUMBER]");
    if (outbox_open(&box, &set, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_MACHINE, "%s", err);
    code = o->argc == 1 ? list_outbox(o, box) : mark_seen(o, box, o->argv[2]);
    outbox_close(box);
    return code;
}
