/* rights - roles and the rules that hang on them: shown, and changed with a reason. Every change is
 * an event of the log (audit_event), made by the database. */
#include <stdio.h>
#include <string.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/link/options.h"
#include "agents/link/print.h"

#include "proto/base/banned.h"

struct change {
    const char *role, *label, *note, *reason;
    struct option_words types, places;
    bool json;
};

#define LIST_SQL                                                                                   \
    "SELECT coalesce(nullif(r.rule_id, 0)::text, 'shared') AS rule, r.role, r.effect, r.verb, "    \
    "r.types, r.places, r.label, r.giver, coalesce(to_char(r.valid_to AT TIME ZONE 'UTC', "        \
    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), '') AS valid_to, coalesce(b.note, '') AS note "            \
    "FROM bus.rule_text r LEFT JOIN bus.rule b ON b.rule_id = r.rule_id "                          \
    "WHERE $1::text IS NULL OR r.role = $1 ORDER BY r.role, r.rule_id"

static const char *const columns[] = {"rule",  "role",  "effect", "verb",     "places",
                                      "label", "giver", "types",  "valid_to", "note"};

static void put_cell(struct buf *out, const char *text, size_t width)
{
    size_t before = out->len;

    print_escaped(out, text, strlen(text));
    while (out->len - before < width && !out->failed)
        buf_puts(out, " ");
    buf_puts(out, " ");
}

static void put_row(struct buf *out, const struct db_rows *r, unsigned i, bool json)
{
    static const size_t widths[ARRAY_LEN(columns)] = {6, 12, 6, 7, 14, 18, 6, 0, 0, 0};

    for (size_t n = 0; n < ARRAY_LEN(columns); n++) {
        const char *cell = db_cell(r, i, columns[n]);

        if (json) {
            buf_printf(out, "%s\"%s\":", n ? "," : "{", columns[n]);
            print_json_text(out, cell ? cell : "");
        } else if (cell && (*cell || widths[n])) {
            put_cell(out, *cell ? cell : "-", widths[n]);
        }
    }
    buf_puts(out, json ? "}\n" : "\n");
}

static int fail(struct ctl *c, struct db *d, const char *what)
{
    return program_fail(&c->program, EXIT_REFUSED, "%s: %s", what, db_error(d));
}

static int list(struct ctl *c, struct db *d, const struct change *g)
{
    const char *params[] = {g->role};
    struct buf out = {0};
    struct db_rows *r;

    if (db_query(d, &r, LIST_SQL, params, 1) != ST_OK)
        return fail(c, d, "the rules cannot be read");
    for (unsigned i = 0; i < db_count(r); i++)
        put_row(&out, r, i, g->json);
    print_flush(&out);
    buf_free(&out);
    db_rows_free(r);
    return EXIT_DONE;
}

static int roles(struct ctl *c, struct db *d)
{
    struct buf out = {0};
    struct db_rows *r;

    if (db_query(d, &r,
                 "SELECT r.role, r.note, (SELECT count(*) FROM bus.principal p WHERE p.revoked_at "
                 "IS NULL AND r.role = ANY (bus.roles_of(p))) AS held FROM bus.role r ORDER BY 1",
                 NULL, 0) != ST_OK)
        return fail(c, d, "the roles cannot be read");
    for (unsigned i = 0; i < db_count(r); i++) {
        put_cell(&out, db_cell(r, i, "role"), 12);
        put_cell(&out, db_cell(r, i, "held"), 5);
        put_cell(&out, db_cell(r, i, "note"), 0);
        buf_puts(&out, "\n");
    }
    print_flush(&out);
    buf_free(&out);
    db_rows_free(r);
    return EXIT_DONE;
}

static void join(struct buf *out, const struct option_words *words, const char *none)
{
    for (unsigned i = 0; i < words->count; i++)
        buf_printf(out, "%s%s", i ? " " : "", words->items[i]);
    if (!words->count)
        buf_puts(out, none);
    buf_put(out, "", 1);
}

/* rights add ROLE allow|deny VERB */
static int add(struct ctl *c, struct db *d, const struct change *g)
{
    struct buf types = {0}, places = {0};
    struct db_rows *r = NULL;
    enum status st = ST_NOMEM;
    int code = EXIT_DONE;

    join(&types, &g->types, "*");
    join(&places, &g->places, "any");
    const char *params[] = {
        c->argv[2], c->argv[3], c->argv[4], (const char *)types.data, (const char *)places.data,
        g->label,   g->note,    g->reason};
    if (!types.failed && !places.failed)
        st = db_query(d, &r, "SELECT bus.rule_add($1, $2, $3, $4, $5, $6, $7, $8) AS rule", params,
                      8);
    if (st == ST_OK)
        printf("rule %s is in force within seconds\n", db_cell(r, 0, "rule"));
    else
        code = fail(c, d, "the rule was not added");
    db_rows_free(r);
    buf_free(&types);
    buf_free(&places);
    return code;
}

static int remove_rule(struct ctl *c, struct db *d, const struct change *g)
{
    const char *params[] = {c->argv[2], g->reason};

    if (db_query(d, NULL, "SELECT bus.rule_remove($1::int4, $2)", params, 2) != ST_OK)
        return fail(c, d, "the rule was not removed");
    printf("rule %s is gone within seconds\n", c->argv[2]);
    return EXIT_DONE;
}

static int add_role(struct ctl *c, struct db *d, const struct change *g)
{
    const char *params[] = {c->argv[2], g->note, g->reason};

    if (db_query(d, NULL, "SELECT bus.role_add($1, $2, $3)", params, 3) != ST_OK)
        return fail(c, d, "the role was not made");
    printf("role %s is made; give it rules with `eocctl rights add`\n", c->argv[2]);
    return EXIT_DONE;
}

static int run(struct ctl *c, struct db *d, const struct change *g)
{
    const char *verb = c->argv[1];

    if (strcmp(verb, "roles") == 0)
        return roles(c, d);
    if (strcmp(verb, "add") == 0)
        return add(c, d, g);
    if (strcmp(verb, "remove") == 0)
        return remove_rule(c, d, g);
    return strcmp(verb, "role") == 0 ? add_role(c, d, g) : list(c, d, g);
}

static bool is_sound(const struct ctl *c, const struct change *g)
{
    const char *verb = c->argc > 1 ? c->argv[1] : "";

    if (strcmp(verb, "list") == 0 || strcmp(verb, "roles") == 0)
        return c->argc == 2;
    if (!g->reason || !*g->reason)
        return false;
    if (strcmp(verb, "add") == 0)
        return c->argc == 5;
    return c->argc == 3 && (strcmp(verb, "remove") == 0 || strcmp(verb, "role") == 0);
}

int ctl_rights(struct ctl *c)
{
    struct change g = {.label = "RESTRICTED", .note = ""};
    const struct option_row options[] = {
        {"--role", OPTION_TEXT, &g.role},     {"--type", OPTION_WORDS, &g.types},
        {"--place", OPTION_WORDS, &g.places}, {"--label", OPTION_TEXT, &g.label},
        {"--note", OPTION_TEXT, &g.note},     {"--reason", OPTION_TEXT, &g.reason},
        {"--json", OPTION_FLAG, &g.json}};
    char err[800];
    struct db *d;
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (!is_sound(c, &g))
        return program_fail(&c->program, EXIT_USAGE,
                            "say `rights list`, `rights roles`, `rights add ROLE allow|deny VERB "
                            "... --reason TEXT`, `rights remove N --reason TEXT` or `rights role "
                            "NAME --reason TEXT`; see --help");
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    code = run(c, d, &g);
    db_close(d);
    return code;
}
