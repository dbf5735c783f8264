/* ledger - the rules of life cycles as text, what waits for somebody to decide, and the board: the
 * queue of the dispatchers' page, and what is wanted and on its way. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

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

#define BOARD_SQL                                                                                  \
    "SELECT to_char(needed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI\"Z\"') AS needed, "      \
    "kind, "                                                                                       \
    "concat_ws(' ', coalesce(trim_scale(wanted)::text, wanted_text), unit) AS wanted, "            \
    "trim_scale(open) AS open, trim_scale(promised) AS promised, "                                 \
    "trim_scale(under_way) AS under_way, trim_scale(on_scene) AS on_scene, "                       \
    "trim_scale(due_back) AS due_back, "                                                           \
    "concat_ws(', ', state, nullif(status, 'ACTUAL'), nullif(late, 0) || ' late', "                \
    "CASE WHEN is_over_committed THEN 'over-committed' END) AS state, places, "                    \
    "array_to_string(suppliers, '; ') AS suppliers, thread || '/' || line_id AS line "             \
    "FROM eoc.board b WHERE $1::text IS NULL OR EXISTS (SELECT FROM "                              \
    "unnest(string_to_array(b.places, ' ')) AS p WHERE starts_with(p, $1)) "                       \
    "ORDER BY b.needed_at NULLS LAST, b.thread, b.line_id"

/* The queue of the dispatchers' page, for a terminal: short lines, since they may go over a thin
 * link. */
#define QUEUE_SQL                                                                                  \
    "SELECT (ARRAY['FLASH', 'IMMEDIATE', 'PRIORITY', 'ROUTINE', 'BULK'])[precedence] AS urgency, " \
    "concat_ws(' ', what, nullif(status, 'ACTUAL')) AS what, "                                     \
    "concat_ws(' ', split_part(places, ' ', 1), eoc.place_name(split_part(places, ' ', 1))) "      \
    "AS place, state, concat_ws(' ', nullif(hazard, ''), detail) AS detail, by, "                  \
    "to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI\"Z\"') AS since, "                  \
    "to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI\"Z\"') AS due, id "                \
    "FROM eoc.queue q WHERE $1::text IS NULL OR EXISTS (SELECT FROM "                              \
    "unnest(string_to_array(q.places, ' ')) AS p WHERE starts_with(p, $1)) "                       \
    "ORDER BY q.precedence, q.what = 'order', q.since LIMIT 200"

struct listing {
    const char *sql, *nothing, *asked;
    const char *const *columns;
    size_t count;
};

static const char *const rule_columns[] = {"cycle",     "from_state", "event",      "to_state",
                                           "nature",    "said_by",    "conditions", "firm",
                                           "forced_to", "who",        "note"};
static const char *const open_columns[] = {"seq",        "verdict",    "cycle", "type",
                                           "sender",     "places",     "since", "code",
                                           "message_id", "settled_by", "why"};
static const char *const board_columns[] = {"needed",   "kind",      "wanted",    "open",
                                            "promised", "under_way", "on_scene",  "due_back",
                                            "state",    "places",    "suppliers", "line"};
static const char *const queue_columns[] = {"urgency", "what",  "place", "state", "detail",
                                            "by",      "since", "due",   "id"};
static const struct listing queue = {QUEUE_SQL, "nothing needs a decision", "place", queue_columns,
                                     ARRAY_LEN(queue_columns)};
static const struct listing board = {BOARD_SQL, "nothing is wanted, promised or away", "place",
                                     board_columns, ARRAY_LEN(board_columns)};
static const struct listing rules = {RULES_SQL, "there is no such life cycle", "life cycle",
                                     rule_columns, ARRAY_LEN(rule_columns)};
static const struct listing undecided = {UNDECIDED_SQL, "nothing is held or contested",
                                         "life cycle", open_columns, ARRAY_LEN(open_columns)};

static enum status put_list(struct buf *out, struct db *d, const struct listing *l,
                            const char *which, bool json)
{
    struct db_rows *r;
    enum status st = db_query(d, &r, l->sql, &which, 1);

    if (st != ST_OK)
        return st;
    listing_put(out, r, l->columns, l->count, json);
    if (!json && db_count(r) == 0)
        buf_printf(out, "%s\n", l->nothing);
    db_rows_free(r);
    return ST_OK;
}

/* All of them as they stand now, one below the other. */
static enum status put_all(struct buf *out, struct db *d, const struct listing *const *all,
                           const char *which, bool json)
{
    enum status st = ST_OK;

    buf_clear(out);
    for (size_t i = 0; st == ST_OK && all[i]; i++) {
        if (i && !json)
            buf_puts(out, "\n");
        st = put_list(out, d, all[i], which, json);
    }
    return st;
}

/* Every `every` seconds again, when something is different; 0: once. */
static int list(struct ctl *c, struct db *d, const struct listing *const *all, bool json,
                uint64_t every)
{
    const char *which = c->argc == 2 ? c->argv[1] : NULL;
    struct buf out = {0}, before = {0};
    enum status st;

    while ((st = put_all(&out, d, all, which, json)) == ST_OK) {
        if (!before.len || before.len != out.len || memcmp(before.data, out.data, out.len) != 0) {
            buf_clear(&before);
            buf_put(&before, out.data, out.len);
            print_flush(&out);
        }
        if (!every)
            break;
        (void)poll(NULL, 0, (int)(every * 1000));
    }
    buf_free(&out);
    buf_free(&before);
    return st == ST_OK
               ? EXIT_DONE
               : program_fail(&c->program, st == ST_CLOSED ? EXIT_UNREACHABLE : EXIT_REFUSED,
                              "the ledger cannot be read: %s", db_error(d));
}

static int run(struct ctl *c, const struct listing *const *all)
{
    bool json = false;
    uint64_t every = 0;
    const struct option_row options[] = {{"--json", OPTION_FLAG, &json},
                                         {"--every", OPTION_NUMBER, &every}};
    char err[600];
    struct db *d;
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc > 2)
        return program_fail(&c->program, EXIT_USAGE, "say at most one %s; see --help",
                            all[0]->asked);
    if (every > 86400)
        return program_fail(&c->program, EXIT_USAGE, "--every takes 1 to 86400 seconds");
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    code = list(c, d, all, json, every);
    db_close(d);
    return code;
}

int ctl_board(struct ctl *c)
{
    return run(c, (const struct listing *const[]){&queue, &board, NULL});
}

int ctl_rules(struct ctl *c)
{
    return run(c, (const struct listing *const[]){&rules, NULL});
}

int ctl_undecided(struct ctl *c)
{
    return run(c, (const struct listing *const[]){&undecided, NULL});
}
