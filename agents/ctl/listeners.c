/* listeners - who listens under a durable name, and how far behind. */
#include <stdio.h>
#include <string.h>

#include "agents/ctl/ctl.h"
#include "agents/ctl/db.h"
#include "agents/ctl/listing.h"
#include "agents/link/options.h"
#include "agents/link/print.h"

#include "proto/base/banned.h"

#define LISTENERS_SQL                                                                              \
    "SELECT principal, name, lane, log_epoch || '/' || seq AS place, behind, "                     \
    "to_char(waiting_since AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "                 \
    "AS waiting_since, coalesce(served_by, '') AS served_by, "                                     \
    "array_to_string(patterns, ' ') AS patterns FROM eoc.listener "                                \
    "WHERE $1::text IS NULL OR principal = $1 ORDER BY behind DESC, principal, name, lane"

static const char *const columns[] = {"principal", "name",          "lane",      "place",
                                      "behind",    "waiting_since", "served_by", "patterns"};

static int list(struct ctl *c, struct db *d, bool json, const char *principal)
{
    const char *params[] = {principal};
    struct buf out = {0};
    struct db_rows *r;
    enum status st = db_query(d, &r, LISTENERS_SQL, params, 1);

    if (st != ST_OK)
        return program_fail(&c->program, st == ST_CLOSED ? EXIT_UNREACHABLE : EXIT_REFUSED,
                            "the listeners cannot be read: %s", db_error(d));
    listing_put(&out, r, columns, ARRAY_LEN(columns), json);
    if (!json && db_count(r) == 0)
        buf_puts(&out, "nobody listens under a durable name\n");
    print_flush(&out);
    buf_free(&out);
    db_rows_free(r);
    return EXIT_DONE;
}

int ctl_listeners(struct ctl *c)
{
    bool json = false;
    const char *principal = NULL;
    const struct option_row options[] = {{"--json", OPTION_FLAG, &json},
                                         {"--principal", OPTION_TEXT, &principal}};
    char err[600];
    struct db *d;
    int code;

    if (options_take(options, ARRAY_LEN(options), &c->argc, c->argv, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_USAGE, "%s", err);
    if (c->argc != 1)
        return program_fail(&c->program, EXIT_USAGE, "listeners takes no words; see --help");
    if (db_open(&d, c->set.database, err, sizeof(err)) != ST_OK)
        return program_fail(&c->program, EXIT_UNREACHABLE, "%s", err);
    code = list(c, d, json, principal);
    db_close(d);
    return code;
}
