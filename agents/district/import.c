/* import - the commission's table, one row a village, as damage reports. */
#include <stdio.h>
#include <string.h>

#include "agents/district/district.h"
#include "agents/link/import.h"

#include "proto/base/banned.h"

#define VILLAGE "damage_needs_assessment.villages[0]"

static const struct form_row columns[] = {
    {"#adm3+code", VILLAGE ".pcode", NULL},
    {"#loc+name", VILLAGE ".village", NULL},
    {"#affected+hh", VILLAGE ".households_affected", NULL},
    {"#affected+ind", VILLAGE ".people_affected", NULL},
    {"#displaced+hh", VILLAGE ".households_displaced", NULL},
    {"#need+relocate+hh", VILLAGE ".households_to_relocate", NULL},
    {"#date+occurred", "event_time_us", NULL},
};

static const struct form_row options[] = {
    {"--edition", "damage_needs_assessment.version", "first, later, last (default: initial)"},
    {"--period", "damage_needs_assessment.period", "when they looked: FROM/TO"},
    {"--act", "damage_needs_assessment.act_no", "number of the act"},
    {"--signed", "damage_needs_assessment.signatories",
     "official who signed: ROLE/POST AND NAME/AGENCY; two at least"},
    {"--confidence", "damage_needs_assessment.confidence", "how sure (default: high)"},
    OFFICE_COMMON_ROWS,
};

/* What the command line says of every row. */
struct head {
    int argc;
    char **argv;
};

static enum status make_message(void *arg, struct office *o, const struct hxl *t, size_t r,
                                Eocbus__V1__Envelope **m, const char **key, char *err,
                                size_t err_size)
{
    const struct head *head = arg;
    const struct send_type *type = send_type_find("damage");
    Eocbus__V1__DamageNeedsAssessment *a;
    char *argv[64];
    int argc = head->argc;
    struct option_row own[OFFICE_OWN_OPTIONS];
    enum status st;

    *m = office_message(o, type->kind, type->lane);
    if (!*m || argc >= (int)ARRAY_LEN(argv))
        return ST_NOMEM;
    memcpy(argv, head->argv, (size_t)argc * sizeof(*argv));
    argv[argc] = NULL;
    office_own(o, own);
    o->field_words.count = 0;
    st = form_take(&(*m)->base, options, ARRAY_LEN(options), own, OFFICE_OWN_OPTIONS, &argc, argv,
                   o->arena, err, err_size);
    if (st == ST_OK)
        st = import_cells(*m, columns, ARRAY_LEN(columns), t, r, o->arena, err, err_size);
    if (st == ST_OK && !form_is_set(&(*m)->base, VILLAGE ".village"))
        return ST_NOTFOUND;
    if (st == ST_OK && *import_cell(t, r, "#adm2+code"))
        st = form_set(&(*m)->base, "area.pcodes[0]", import_cell(t, r, "#adm2+code"), o->arena, err,
                      err_size);
    if (st == ST_OK)
        st = import_losses(*m, VILLAGE ".losses", t, r, o->arena, err, err_size);
    if (st == ST_OK)
        st = send_type_complete(type, *m, o->arena, err, err_size);
    if (st != ST_OK)
        return st;
    a = (*m)->damage_needs_assessment;
    *key = arena_printf(o->arena, "%s/%s", a->villages[0]->pcode, a->villages[0]->village);
    return *key ? ST_OK : ST_NOMEM;
}

static const char *const needed[] = {"#loc+name", NULL};

/* Taking the options moves words about, and every row takes them anew. */
static char **copy_words(struct office *o)
{
    char **copy = arena_alloc(o->arena, (size_t)(o->argc + 1) * sizeof(*copy));

    if (copy)
        memcpy(copy, o->argv, (size_t)(o->argc + 1) * sizeof(*copy));
    return copy;
}

int district_import(struct office *o)
{
    struct head head;
    struct import im = {.name = "damage", .needed = needed, .arg = &head, .row = make_message};
    Eocbus__V1__Envelope *trial = form_new(&eocbus__v1__envelope__descriptor, o->arena);
    const char *path;
    int code;

    if (o->argc < 2 || o->argv[1][0] == '-')
        return office_fail(o, EXIT_USAGE, "import FILE.csv OPTIONS...; import --help tells more");
    path = o->argv[1];
    o->argv++;
    o->argc--;
    head = (struct head){o->argc, copy_words(o)};
    if (!trial || !head.argv)
        return office_fail(o, EXIT_MACHINE, "out of memory");
    code = office_fill(o, trial, options, ARRAY_LEN(options));
    if (code >= 0)
        return code;
    o->once_key = NULL; /* an import is repeatable by what it remembers */
    return import_table(o, &im, path);
}

void district_import_help(struct buf *out, enum lang lang, const char *name, const char *word)
{
    (void)name;
    (void)word;
    buf_puts(out,
             "  import FILE.csv OPTIONS...\n\n"
             "One damage report a village, only for villages that changed since the last import.\n"
             "Columns by their HXL tags: #loc+name (village), #adm2+code or #adm3+code,\n"
             "#affected+hh, #affected+ind, #displaced+hh, #need+relocate+hh, #date+occurred, and\n"
             "losses as #impact+house+destroyed, #impact+livestock+lost+cattle.\n\n");
    form_help(out, lang, options, ARRAY_LEN(options));
}
