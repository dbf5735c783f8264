/* ledger - the rules of life cycles as text, and what waits for somebody to decide. */

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/ctl/listing.h"
#include "agents/link/options.h"
#include "agents/link/print.h"

#include "proto/base/banned.h"

#define RULES_SQL                                                                                  \
    "SELECT cycle, CASE from_state WHEN '' THEN '-' ELSE from_state END AS from_state, event, "    \
    "to_state || CASE WHEN is_open THEN '' ELSE ' (end)' END AS to_state, nature, said_by, "       \
    "array_to_string(conditions, '; ') AS conditions, array_to_string(firm, '; ') AS firm, "       \
    "forced_to, array_to_string(who, ' ') AS who, note "                                           \
    "FROM eoc.transition t WHERE $1::text IS NULL OR cycle = $1 ORDER BY t.cycle, "                \
    "t.from_state, t.event"
#define UNDECIDED_SQL                                                                              \
    "SELECT seq, verdict, cycle, type, sender, places, "                                           \
    "to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS since, code, why, "    \
    "settled_by, message_id FROM eoc.undecided WHERE $1::text IS NULL OR cycle = $1 ORDER BY seq"

struct listing {
    const char *sql, *nothing;
    const char *const *columns;
    size_t count;
};

static const char *const rule_columns[] = {"cycle",     "from_state", "event",      "to_state",
                                           "nature",    "said_by",    "conditions", "firm",
                                           "forced_to", "who",        "note"};
static const char *const open_columns[] = {"seq",        "verdict",    "cycle", "type",
                                           "sender",     "places",     "since", "code",
                                           "message_id", "settled_by", "why"};
static const struct listing rules = {RULES_SQL, "there is no such life cycle", rule_columns,
                                     ARRAY_LEN(rule_columns)};
static const struct listing undecided = {UNDECIDED_SQL, "nothing is held or contested",
                                         open_columns, ARRAY_LEN(open_columns)};

static int put_list(struct ctl *c, struct db *d, const struct listing *l, bool json)
{
    const char *which = c->argc == 2 ? c->argv[1] : NULL;
    struct buf out = {0};
    struct db_rows *r;
    enum status st = db_query(d, &r, l->sql, &which, 1);

    if (st != ST_OK)
        return program_fail(&c->program, st == ST_CLOSED ? EXIT_UNREACHABLE : EXIT_REFUSED,
                            "the ledger cannot be read: %s", db_error(d));
    listing_put(&out, r, l->columns, l->count, json);
    if (!json && db_count(r) == 0)
        buf_printf(&out, "%s\n", l->nothing);
    print_flush(&out);
    buf_free(&out);
    db_rows_free(r);
    return EXIT_DONE;
}

static int run(struct ctl *c, const struct listing *l)
{
    bool json = false;
    const struct option_row options[] = {{"--json", OPTION_FLAG, &json}};
    char err[600];
    struct db *d;
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc > 2)
        return program_fail(&c->program, EXIT_USAGE, "say at most one life cycle; see --help");
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    code = put_list(c, d, l, json);
    db_close(d);
    return code;
}

int ctl_rules(struct ctl *c)
{
    return run(c, &rules);
}

int ctl_undecided(struct ctl *c)
{
    return run(c, &undecided);
}
