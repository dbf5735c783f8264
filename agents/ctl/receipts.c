/* receipts - what became of a message for each of those it was sent to, as the database has it; and
 * who is on duty. */
#include <stdio.h>
#include <string.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/ctl/listing.h"
#include "agents/link/form.h"
#include "agents/link/options.h"
#include "agents/link/print.h"
#include "agents/link/speak.h"
#include "proto/wire/limits.h"

#include "proto/base/banned.h"

#define TIME_SQL(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

#define RECEIPTS_SQL                                                                               \
    "SELECT r.seq, r.recipient, r.level, " TIME_SQL(                                               \
        "r.level_at") " AS at, coalesce(r.by, '') AS "                                             \
                      "by, coalesce(r.code, '') AS code, coalesce(r.text, '') AS text FROM "       \
                      "eoc.recipient r "                                                           \
                      "WHERE r.message_id::text = lower($1) OR r.seq::text = $1 ORDER BY r.seq, "  \
                      "r.recipient"
#define STEPS_SQL                                                                                  \
    "SELECT s.seq, coalesce(nullif(s.recipient, ''), '-') AS recipient, s.level, " TIME_SQL(       \
        "s.at") " AS at, coalesce(s.by, '') AS by, s.code, s.note AS text "                        \
                "FROM eoc.recipient_step s WHERE (s.message_id::text = lower($1) OR s.seq::text "  \
                "= $1) "                                                                           \
                "AND s.note <> '' ORDER BY s.step_id"
#define DUTY_SQL                                                                                   \
    "SELECT recipient, turn, principal, delegated_by, array_to_string(delegated_types, ',') AS "   \
    "types, " TIME_SQL("from_at") " AS from_at, " TIME_SQL(                                        \
        "to_at") " AS to_at FROM eoc.duty "                                                        \
                 "ORDER BY recipient, turn, principal"

/* How many rows, `before` above them for people; -1: *code is the exit code. */
static int put_rows(struct ctl *c, struct db *d, const char *sql, const char *param,
                    const char *before, const char *const *columns, size_t n, bool json, int *code)
{
    const char *params[] = {param};
    struct buf out = {0};
    struct db_rows *r;
    enum status st = db_query(d, &r, sql, params, param ? 1 : 0);
    unsigned count;

    if (st != ST_OK) {
        *code = program_fail(&c->program, st == ST_CLOSED ? EXIT_UNREACHABLE : EXIT_REFUSED,
                             "the database cannot be asked: %s", db_error(d));
        return -1;
    }
    count = db_count(r);
    if (count && !json)
        buf_puts(&out, before);
    listing_put(&out, r, columns, n, json);
    print_flush(&out);
    buf_free(&out);
    db_rows_free(r);
    return (int)count;
}

int ctl_receipts(struct ctl *c)
{
    static const char *const columns[] = {"seq", "recipient", "level", "at", "by", "code", "text"};
    bool json = false;
    const struct option_row options[] = {{"--json", OPTION_FLAG, &json}};
    char err[600];
    struct db *d;
    int code = EXIT_DONE, found;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc != 2 || c->argv[1][strspn(c->argv[1], "0123456789abcdefABCDEF-")] != '\0')
        return program_fail(&c->program, EXIT_USAGE,
                            "receipts wants a message: its UUID, or its number");
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    found = put_rows(c, d, RECEIPTS_SQL, c->argv[1], "", columns, ARRAY_LEN(columns), json, &code);
    if (found > 0)
        (void)put_rows(c, d, STEPS_SQL, c->argv[1], "\nSteps that changed nothing:\n", columns,
                       ARRAY_LEN(columns), json, &code);
    db_close(d);
    if (found == 0)
        return program_fail(&c->program, EXIT_REFUSED,
                            "%s is no message with recipients in this log", c->argv[1]);
    return code;
}

/* --- roster ----------------------------------------------------------------------------------- */

struct roster {
    struct ctl *c;
    const char *role, *place, *from, *to;
    struct option_words shifts; /* "principal,from,to[,order[,delegated_by]]" */
    uint64_t wait_s;
    struct arena *arena;
    Eocbus__V1__Envelope *m;
    char err[600];
};

static bool set(struct roster *r, const char *path, const char *text)
{
    return !text || form_set(&r->m->base, path, text, r->arena, r->err, sizeof(r->err)) == ST_OK;
}

static bool set_shift(struct roster *r, size_t i, const char *words)
{
    static const char *const fields[] = {"principal", "period.from_us", "period.to_us", "order",
                                         "delegated_by"};
    char *copy = arena_printf(r->arena, "%s", words), *at = copy;
    size_t n = 0;
    bool good = copy;

    for (; good && at && n < ARRAY_LEN(fields); n++) {
        char *comma = strchr(at, ',');

        if (comma)
            *comma = 0;
        good = set(r, arena_printf(r->arena, "duty_roster.shifts[%zu].%s", i, fields[n]), at);
        at = comma ? comma + 1 : NULL;
    }
    if (good && n == 3)
        good = set(r, arena_printf(r->arena, "duty_roster.shifts[%zu].order", i), "1");
    if (good && (n < 3 || at)) {
        snprintf(r->err, sizeof(r->err), "a shift is PRINCIPAL,FROM,TO[,ORDER[,DELEGATED_BY]]: %s",
                 words);
        good = false;
    }
    return good;
}

static bool fill_roster(struct roster *r)
{
    bool good;

    r->m = form_new(&eocbus__v1__envelope__descriptor, r->arena);
    if (!r->m)
        return false;
    r->m->lane = EOCBUS__V1__LANE__LANE_PRIORITY;
    r->m->status = EOCBUS__V1__STATUS__STATUS_ACTUAL;
    r->m->kind = EOCBUS__V1__KIND__KIND_REPORT;
    r->m->label = EOCBUS__V1__LABEL__LABEL_INTERNAL;
    good = set(r, "duty_roster.role", r->role) && set(r, "duty_roster.place", r->place) &&
           set(r, "duty_roster.period.from_us", r->from) &&
           set(r, "duty_roster.period.to_us", r->to);
    for (size_t i = 0; good && i < r->shifts.count; i++)
        good = set_shift(r, i, r->shifts.items[i]);
    return good;
}

static bool fail_span(struct roster *r, const char *what)
{
    snprintf(r->err, sizeof(r->err), "%s ends before it begins", what);
    return false;
}

/* A roster replaces the one before it, so that a slip of the hand would leave nobody on duty. */
static bool spans_are_forward(struct roster *r)
{
    const Eocbus__V1__DutyRoster *d = r->m->duty_roster;

    if (d->period->from_us >= d->period->to_us)
        return fail_span(r, "the roster (--from, --to)");
    for (size_t i = 0; i < d->n_shifts; i++)
        if (d->shifts[i]->period->from_us >= d->shifts[i]->period->to_us)
            return fail_span(r, arena_printf(r->arena, "the shift %s", r->shifts.items[i]));
    return true;
}

/* Whether the name of each shift may use the bus. Without a database nobody can say so here: then
 * the roster is taken as it is, since it has to be possible to say one in a bad night. */
static bool shifts_are_known(struct roster *r)
{
    const Eocbus__V1__DutyRoster *d = r->m->duty_roster;
    char err[600];
    struct db *db;
    bool known = true;

    if (!*r->c->set.database || db_open(&db, r->c->set.database, err, sizeof(err)) != ST_OK)
        return true;
    for (size_t i = 0; known && i < d->n_shifts; i++) {
        const char *params[] = {d->shifts[i]->principal};
        struct db_rows *rows;

        if (db_query(db, &rows,
                     "SELECT 1 FROM bus.principal_list WHERE name = $1 AND state <> 'revoked'",
                     params, 1) != ST_OK)
            break;
        known = db_count(rows) > 0;
        db_rows_free(rows);
        if (!known)
            snprintf(
                r->err, sizeof(r->err),
                "%s is no principal, and nobody would be on duty then; `eocctl principal list` "
                "shows them",
                params[0]);
    }
    db_close(db);
    return known;
}

static void on_settled(void *arg, size_t number, const struct outbox_outcome *oc)
{
    (void)arg;
    (void)number;
    if (oc->stored)
        printf("stored %llu\n", (unsigned long long)oc->seq);
    else
        printf("refused %s\n", oc->code ? oc->code : "");
}

static int say(struct roster *r)
{
    const struct speak_settings settings = {.agent = &r->c->set.agent,
                                            .program = "eocctl " EOCBUS_VERSION,
                                            .wait_s = (unsigned)r->wait_s,
                                            .settled = on_settled};
    struct speak_result result;
    struct refusal why = {.code = ""};
    struct speak *s;
    int code = EXIT_DONE;

    if (speak_create(&s, &settings, r->err, sizeof(r->err)) != ST_OK)
        return program_fail(&r->c->program, EXIT_MACHINE, "%s", r->err);
    if (speak_put(s, r->m, &why) != ST_OK || speak_commit(s) != ST_OK)
        code =
            program_fail(&r->c->program, EXIT_REFUSED, "%s %s: %s", why.code, why.path, why.text);
    else if (r->wait_s && speak_wait(s, false) != ST_OK)
        code = program_fail(&r->c->program, EXIT_UNREACHABLE,
                            "no receipt yet; it is safe in %s, and the next run sends it first",
                            r->c->set.agent.outbox_path);
    speak_result(s, &result);
    if (code == EXIT_DONE && result.refused)
        code = EXIT_REFUSED;
    speak_destroy(s);
    return code;
}

static int set_roster(struct roster *r)
{
    int code;

    if (!r->role || !r->place || !r->from || !r->to || !r->shifts.count)
        return program_fail(&r->c->program, EXIT_USAGE,
                            "roster set wants --role, --place, --from, --to and a --shift");
    if (arena_create(&r->arena, LIMIT_ARENA_BYTES) != ST_OK)
        return program_fail(&r->c->program, EXIT_MACHINE, "out of memory");
    if (!fill_roster(r) || !spans_are_forward(r))
        code = program_fail(&r->c->program, EXIT_USAGE, "%s", r->err);
    else if (!shifts_are_known(r))
        code = program_fail(&r->c->program, EXIT_REFUSED, "%s", r->err);
    else
        code = say(r);
    arena_destroy(r->arena);
    return code;
}

static int show_roster(struct ctl *c)
{
    static const char *const columns[] = {"recipient", "turn",    "principal", "delegated_by",
                                          "types",     "from_at", "to_at"};
    char err[600];
    struct db *d;
    int code = EXIT_DONE;

    if (!*c->set.database || db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s",
                            *c->set.database ? err : "roster show needs the setting database");
    if (put_rows(c, d, DUTY_SQL, NULL, "", columns, ARRAY_LEN(columns), false, &code) == 0)
        puts("nobody is on duty now");
    db_close(d);
    return code;
}

int ctl_roster(struct ctl *c)
{
    struct roster r = {.c = c, .wait_s = 30};
    const struct option_row options[] = {
        {"--role", OPTION_TEXT, &r.role},     {"--place", OPTION_TEXT, &r.place},
        {"--from", OPTION_TEXT, &r.from},     {"--to", OPTION_TEXT, &r.to},
        {"--shift", OPTION_WORDS, &r.shifts}, {"--wait", OPTION_NUMBER, &r.wait_s},
    };

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, r.err, sizeof(r.err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", r.err);
    if (c->argc == 2 && strcmp(c->argv[1], "set") == 0)
        return set_roster(&r);
    if (c->argc == 2 && strcmp(c->argv[1], "show") == 0)
        return show_roster(c);
    return program_fail(&c->program, EXIT_USAGE, "say `roster show` or `roster set`; see --help");
}
