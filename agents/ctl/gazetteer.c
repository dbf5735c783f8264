/* gazetteer - the operator's hand on places: tables in, names found, conflicts settled. */
#include <stdio.h>
#include <string.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/gazetteer.h"
#include "agents/ctl/listing.h"
#include "agents/link/options.h"
#include "agents/link/print.h"

#include "proto/base/banned.h"

#define FIND_SQL                                                                                   \
    "SELECT rank, pcode, level, name_tg, name_ru, name_en, path_en, called, "                      \
    "array_to_string(stands_now, ' ') AS stands_now FROM eoc.find_place($1)"
#define HISTORY_SQL                                                                                \
    "SELECT pcode, version, coalesce(until_version::text, '') AS until, name_tg, name_ru, "        \
    "name_en, parent, coalesce((nullif(valid_from, '-infinity') AT TIME ZONE "                     \
    "'UTC-5')::date::text, "                                                                       \
    "'') AS valid_from, coalesce((valid_to AT TIME ZONE 'UTC-5')::date::text, '') AS valid_to, "   \
    "array_to_string(replaced_by, ' ') AS "                                                        \
    "replaced_by, source FROM eoc.place_history WHERE pcode = $1 ORDER BY valid_from, version"
#define CONFLICTS_SQL                                                                              \
    "SELECT conflict_id AS id, kind, subject, what, done, array_to_string(proposed, ' ') AS "      \
    "proposed, coalesce(settled_by, '') AS settled_by, coalesce(because, '') AS because "          \
    "FROM eoc.place_conflict WHERE $1::text = 'all' OR settled_at IS NULL ORDER BY kind, "         \
    "subject, conflict_id"
/* In the order that bus.gazetteer_stage calls its own. */
#define EXPORT_SQL                                                                                 \
    "SELECT pcode, array_position(ARRAY['COUNTRY', 'REGION', 'DISTRICT', 'JAMOAT', 'VILLAGE'], "   \
    "level) AS level, parent, name_tg, name_ru, name_en, "                                         \
    "coalesce((valid_from AT TIME ZONE 'UTC-5')::date::text, '') AS valid_from, "                  \
    "coalesce((valid_to AT TIME ZONE 'UTC-5')::date::text, '') AS valid_to, "                      \
    "array_to_string(replaced_by, ' ') AS replaced_by FROM eoc.place ORDER BY pcode, "             \
    "valid_from NULLS FIRST"

struct wish {
    const char *alias_of, *because;
    bool check, all, json;
};

static int fail(struct ctl *c, enum status st, const char *why)
{
    return program_fail(&c->program, st == ST_CLOSED ? EXIT_UNREACHABLE : EXIT_REFUSED, "%s", why);
}

static int import(struct ctl *c, struct db *d, const struct wish *w)
{
    struct buf report = {0};
    char err[1600];
    enum status st = gazetteer_import(d, c->argv + 2, (unsigned)c->argc - 2, w->check, &report, err,
                                      sizeof(err));

    print_flush(&report);
    buf_free(&report);
    return st == ST_OK ? EXIT_DONE : fail(c, st, err);
}

static int list(struct ctl *c, struct db *d, const char *sql, const char *param,
                const char *const *columns, size_t n, bool json, const char *nothing)
{
    const char *params[] = {param};
    struct buf out = {0};
    struct db_rows *r;
    enum status st = db_query(d, &r, sql, params, 1);

    if (st != ST_OK)
        return fail(c, st, db_error(d));
    listing_put(&out, r, columns, n, json);
    if (!json && db_count(r) == 0)
        buf_printf(&out, "%s\n", nothing);
    print_flush(&out);
    buf_free(&out);
    db_rows_free(r);
    return EXIT_DONE;
}

static int find(struct ctl *c, struct db *d, const struct wish *w)
{
    static const char *const columns[] = {"pcode",   "level",   "name_tg", "name_ru",
                                          "name_en", "path_en", "called",  "stands_now"};

    return list(c, d, FIND_SQL, c->argv[2], columns, ARRAY_LEN(columns), w->json,
                "no place is called so");
}

static int history(struct ctl *c, struct db *d, const struct wish *w)
{
    static const char *const columns[] = {"version",     "until",  "name_tg",    "name_ru",
                                          "name_en",     "parent", "valid_from", "valid_to",
                                          "replaced_by", "source"};

    return list(c, d, HISTORY_SQL, c->argv[2], columns, ARRAY_LEN(columns), w->json,
                "this code is not known");
}

static int conflicts(struct ctl *c, struct db *d, const struct wish *w)
{
    static const char *const columns[] = {"id",   "kind",     "subject",    "what",
                                          "done", "proposed", "settled_by", "because"};

    return list(c, d, CONFLICTS_SQL, w->all ? "all" : "open", columns, ARRAY_LEN(columns), w->json,
                "no conflict is open");
}

static int settle(struct ctl *c, struct db *d, const struct wish *w)
{
    const char *params[] = {c->argv[2], w->alias_of ? w->alias_of : "", w->because};
    struct db_rows *r;
    enum status st;

    if (!w->because || !*w->because)
        return program_fail(&c->program, EXIT_USAGE, "say why: --because TEXT");
    st = db_query(d, &r, "SELECT bus.place_settle($1::int8, $2, $3) AS settled", params, 3);
    if (st != ST_OK)
        return fail(c, st, db_error(d));
    if (strcmp(db_cell(r, 0, "settled"), "t") != 0) {
        db_rows_free(r);
        return fail(c, ST_NOTFOUND, "no open conflict has this number: eocctl gazetteer conflicts");
    }
    db_rows_free(r);
    printf("settled\n");
    return EXIT_DONE;
}

static void put_csv(struct buf *out, const char *cell)
{
    if (!strpbrk(cell, ",\"\n\r")) {
        buf_puts(out, cell);
        return;
    }
    buf_puts(out, "\"");
    for (; *cell; cell++)
        buf_printf(out, "%s%c", *cell == '"' ? "\"" : "", *cell);
    buf_puts(out, "\"");
}

static int export(struct ctl *c, struct db *d, const struct wish *w)
{
    static const char *const columns[] = {"pcode",      "level",    "parent",
                                          "name_tg",    "name_ru",  "name_en",
                                          "valid_from", "valid_to", "replaced_by"};
    struct buf out = {0};
    struct db_rows *r;
    enum status st = db_query(d, &r, EXPORT_SQL, NULL, 0);

    (void)w;
    if (st != ST_OK)
        return fail(c, st, db_error(d));
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        buf_printf(&out, "%s%s", i ? "," : "", columns[i]);
    for (unsigned row = 0; row < db_count(r); row++)
        for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
            buf_puts(&out, i ? "," : "\n");
            put_csv(&out, db_cell(r, row, columns[i]));
        }
    buf_puts(&out, "\n");
    print_flush(&out);
    buf_free(&out);
    db_rows_free(r);
    return EXIT_DONE;
}

static const struct verb {
    const char *name;
    int least, most; /* words behind it */
    int (*run)(struct ctl *c, struct db *d, const struct wish *w);
} verbs[] = {
    {"import", 0, 64, import},      {"find", 1, 1, find},     {"show", 1, 1, history},
    {"conflicts", 0, 0, conflicts}, {"settle", 1, 1, settle}, {"export", 0, 0, export},
};

int ctl_gazetteer(struct ctl *c)
{
    struct wish w = {0};
    const struct option_row options[] = {{"--check", OPTION_FLAG, &w.check},
                                         {"--all", OPTION_FLAG, &w.all},
                                         {"--json", OPTION_FLAG, &w.json},
                                         {"--because", OPTION_TEXT, &w.because},
                                         {"--alias-of", OPTION_TEXT, &w.alias_of}};
    const struct verb *v = NULL;
    char err[600];
    struct db *d;
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    for (size_t i = 0; c->argc > 1 && i < ARRAY_LEN(verbs); i++)
        if (strcmp(c->argv[1], verbs[i].name) == 0)
            v = &verbs[i];
    if (!v || c->argc - 2 < v->least || c->argc - 2 > v->most)
        return program_fail(&c->program, EXIT_USAGE,
                            "say import, find, show, conflicts, settle or export; see --help");
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    code = v->run(c, d, &w);
    db_close(d);
    return code;
}
