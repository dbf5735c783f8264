/* send - from a command line or a file into the outbox. */
#include <string.h>

#include "agents/district/district.h"

#include "proto/base/banned.h"

static const struct form_row common_rows[] = {OFFICE_COMMON_ROWS};

static int fail_type(struct office *o, const char *word)
{
    struct buf b = {0};
    int code;

    for (size_t i = 0; i < send_type_count(); i++)
        buf_printf(&b, "%s%s", i ? ", " : "", send_type_at(i)->word);
    buf_put(&b, "", 1);
    code = office_fail(o, EXIT_USAGE, "%s: %s (%s)", lang_say(o->lang, SAY_NO_SUCH_TYPE),
                       b.failed ? "" : (const char *)b.data, word);
    buf_free(&b);
    return code;
}

static int send_file(struct office *o)
{
    struct option_row own[OFFICE_OWN_OPTIONS];
    char err[400];

    office_own(o, own);
    if (options_take(own, OFFICE_OWN_OPTIONS, &o->argc, o->argv, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_USAGE, "%s", err);
    if (!o->file || o->argc != 1)
        return office_fail(o, EXIT_USAGE,
                           "send KIND OPTIONS... or send --file FILE; send --help tells more");
    return office_say_file(o, o->file);
}

static int send_typed(struct office *o, const struct send_type *t)
{
    struct form_row rows[64];
    size_t n = t->row_count;
    Eocbus__V1__Envelope *m = office_message(o, t->kind, t->lane);
    char err[1200];
    int code;

    if (!m)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    memcpy(rows, t->rows, n * sizeof(*rows));
    memcpy(rows + n, common_rows, sizeof(common_rows));
    n += ARRAY_LEN(common_rows);
    code = office_fill(o, m, rows, n);
    if (code >= 0)
        return code;
    if (o->argc != 1)
        return office_fail(o, EXIT_USAGE, "what does \"%s\" mean? send %s --help lists the options",
                           o->argv[1], t->word);
    if (send_type_complete(t, m, o->arena, err, sizeof(err)) != ST_OK)
        return office_fail(o, EXIT_USAGE, "%s", err);
    if (!form_is_set(&m->base, t->body))
        return office_fail(o, EXIT_USAGE, "send %s says nothing; send %s --help lists the options",
                           t->word, t->word);
    return office_say(o, &m, 1);
}

int district_send(struct office *o)
{
    const struct send_type *t;

    if (o->argc < 2 || o->argv[1][0] == '-')
        return send_file(o);
    t = send_type_find(o->argv[1]);
    if (!t)
        return fail_type(o, o->argv[1]);
    o->argv++;
    o->argc--;
    return send_typed(o, t);
}
